//! Draws what the benches measured: pictures of each directory in `docs/` that has measurements, beside them.
//!
//! ```sh
//! cargo run --release --example measurements
//! ```
//!
//! Nothing is measured here, so the same files make the same pictures everywhere. With a directory as its argument
//! the pictures go there instead.

mod picture;

use std::collections::BTreeSet;
use std::error::Error;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::{env, fs};

use picture::{
    BLUE, BROWN, Curve, DARK, Dot, GREEN, GREY, LIME, ORANGE, PURPLE, Panel, Points, SKY,
    VERMILION, VIOLET, YELLOW,
};
use plotters::style::{BLACK, RGBColor};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let to = env::args()
        .nth(1)
        .map_or_else(|| docs.clone(), PathBuf::from);
    let mut directories: Vec<_> = fs::read_dir(&docs)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    directories.sort();
    for from in directories {
        let to = to.join(from.file_name().ok_or("a directory has a name")?);
        for (measured, picture, draw) in PICTURES {
            if from.join(measured).is_file() {
                fs::create_dir_all(&to)?;
                let picture = to.join(picture);
                draw(&from, &picture)?;
                println!("{}", picture.display());
            }
        }
    }
    Ok(())
}

type Draw = fn(&Path, &Path) -> Result<()>;

/// From which file which picture is made.
const PICTURES: [(&str, &str, Draw); 4] = [
    ("limits.csv", "throughput.svg", draw_throughput),
    ("limits.csv", "growth.svg", draw_growth),
    ("peers.csv", "peers.svg", draw_peers),
    ("peers-smooth.csv", "errors.svg", draw_errors),
];

/// A file of measurements.
struct Measured {
    cpu: String,
    columns: csv::StringRecord,
    rows: Vec<csv::StringRecord>,
}

impl Measured {
    fn read(path: &Path) -> Result<Self> {
        let in_file = |error: csv::Error| format!("{}: {error}", path.display());
        let mut reader = csv::Reader::from_path(path).map_err(in_file)?;
        let columns = reader.headers().map_err(in_file)?.clone();
        let rows: Vec<_> = reader
            .records()
            .collect::<std::result::Result<_, _>>()
            .map_err(in_file)?;
        let mut measured = Self {
            cpu: String::new(),
            columns,
            rows,
        };
        measured.cpu = measured.distinct("cpu").join(" and ");
        Ok(measured)
    }

    fn text<'a>(&self, row: &'a csv::StringRecord, column: &str) -> &'a str {
        let at = self.columns.iter().position(|name| name == column);
        at.and_then(|at| row.get(at)).unwrap_or_default()
    }

    fn number(&self, row: &csv::StringRecord, column: &str) -> Option<f64> {
        self.text(row, column).parse().ok()
    }

    /// What there is in a column, in the order of the file.
    fn distinct(&self, column: &str) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let all = self
            .rows
            .iter()
            .map(|row| self.text(row, column).to_owned());
        all.filter(|text| seen.insert(text.clone())).collect()
    }

    /// The greatest speed of these rows over elements, as `value` makes it.
    fn curve(
        &self,
        rows: impl Fn(&csv::StringRecord) -> bool,
        value: fn(f64) -> f64,
    ) -> Vec<(f64, f64)> {
        let mut points: Vec<(f64, f64)> = vec![];
        for row in self.rows.iter().filter(|row| rows(row)) {
            let (Some(elements), Some(speed)) = (
                self.number(row, "elements"),
                self.number(row, "gelem_per_s"),
            ) else {
                continue;
            };
            match points.iter_mut().find(|point| point.0 == elements) {
                Some(point) => point.1 = point.1.max(speed),
                None => points.push((elements, speed)),
            }
        }
        points.iter_mut().for_each(|point| point.1 = value(point.1));
        points
    }
}

/// The loops of `limits.csv` that only move bytes.
const COPIES: [&str; 4] = ["streaming loop", "vector loop", "rep movsb", "memcpy"];
const TIERS: [(&str, RGBColor); 4] = [
    ("portable (SSE2)", SKY),
    ("portable (AVX)", SKY),
    ("AVX2", GREEN),
    ("AVX-512", VERMILION),
];

/// A case of `limits.csv`, for its curves.
struct Case<'a> {
    measured: &'a Measured,
    name: &'a str,
}

impl Case<'_> {
    fn curve(&self, threads: usize, who: &[&str], value: fn(f64) -> f64) -> Vec<(f64, f64)> {
        let (measured, threads) = (self.measured, threads.to_string());
        let fits = |row: &csv::StringRecord| {
            measured.text(row, "case") == self.name
                && measured.text(row, "threads") == threads
                && who.contains(&measured.text(row, "who"))
        };
        measured.curve(fits, value)
    }

    /// What the buffers of an element have together.
    fn bytes_per_element(&self) -> f64 {
        let buffers = match self.name.split('/').nth(1) {
            Some("forward_in_place") => 1,
            Some("backward") => 3,
            _ => 2,
        };
        let element = if self.name.ends_with("f64") { 8 } else { 4 };
        f64::from(buffers * element)
    }

    /// Where the buffers together have as many bytes as what `machine.csv` names so.
    fn marks(&self, machine: &Measured, wanted: fn(&str) -> bool) -> Vec<(f64, String)> {
        let named = machine
            .rows
            .iter()
            .map(|row| (machine.text(row, "what"), machine.number(row, "bytes")));
        named
            .filter(|(what, _)| {
                wanted(what) && !(*what == "streams" && self.name.contains("in_place"))
            })
            .filter_map(|(what, bytes)| Some((bytes? / self.bytes_per_element(), what.to_owned())))
            .collect()
    }
}

/// Speed over size: scalar, the compiler's loop, each tier, `par()`, and the copies of one thread and of all.
fn draw_throughput(from: &Path, to: &Path) -> Result<()> {
    let (measured, machine) = limits(from)?;
    let all = threads(&measured).last().copied().unwrap_or(1);
    let cases = measured.distinct("case");
    let panels = cases.iter().map(|name| {
        let case = Case {
            measured: &measured,
            name,
        };
        let same = |speed| speed;
        let mut curves = vec![
            Curve::dashed("copy, 1 thread", BLACK, case.curve(1, &COPIES, same)),
            Curve::solid(
                "scalar, one element at a time",
                GREY,
                case.curve(1, &["scalar"], same),
            ),
            Curve::solid(
                "loop, as the compiler vectorises it",
                ORANGE,
                case.curve(1, &["loop"], same),
            ),
        ];
        for (tier, color) in TIERS {
            curves.push(Curve::solid(tier, color, case.curve(1, &[tier], same)));
        }
        if all > 1 {
            curves.push(Curve::dashed(
                &format!("copy, {all} threads"),
                BLUE,
                case.curve(all, &COPIES, same),
            ));
            curves.push(Curve::solid(
                &format!("par(), {all} threads"),
                BLUE,
                case.curve(all, &["inside"], same),
            ));
        }
        let marks = case.marks(&machine, |what| what.starts_with('L'));
        Panel {
            title: name.clone(),
            y_label: "Gelem/s",
            marks,
            curves,
        }
    });
    picture::draw(
        to,
        &format!("Throughput on {}, {all} cores", measured.cpu),
        &panels.collect::<Vec<_>>(),
    )
}

/// What an element costs over size, for each number of threads.
fn draw_growth(from: &Path, to: &Path) -> Result<()> {
    let (measured, machine) = limits(from)?;
    let found = measured.distinct("who");
    let best = TIERS
        .iter()
        .rev()
        .find(|(tier, _)| found.iter().any(|who| who == tier));
    let (best, _) = best.ok_or("no tier was measured")?;
    let threads = threads(&measured);
    let cases = measured.distinct("case");
    let panels = cases.iter().map(|name| {
        let case = Case {
            measured: &measured,
            name,
        };
        let picoseconds = |speed| 1e3 / speed;
        let mut curves = vec![
            Curve::solid(
                &format!("1 thread, {best}"),
                VERMILION,
                case.curve(1, &[best], picoseconds),
            ),
            Curve::dashed(
                "copy, 1 thread",
                VERMILION,
                case.curve(1, &COPIES, picoseconds),
            ),
        ];
        for (&threads, color) in threads
            .iter()
            .skip(1)
            .zip([BLUE, GREEN, SKY, GREY].into_iter().cycle())
        {
            let label = format!("{threads} threads, par() inside");
            curves.push(Curve::solid(
                &label,
                color,
                case.curve(threads, &["inside"], picoseconds),
            ));
            let label = format!("copy, {threads} threads");
            curves.push(Curve::dashed(
                &label,
                color,
                case.curve(threads, &COPIES, picoseconds),
            ));
        }
        let all = threads.last().copied().unwrap_or(1);
        let label = format!("{all} threads, par() outside");
        curves.push(Curve::solid(
            &label,
            BLACK,
            case.curve(all, &["outside"], picoseconds),
        ));
        let marks = case.marks(&machine, |what| !what.starts_with('L'));
        Panel {
            title: name.clone(),
            y_label: "ps an element",
            marks,
            curves,
        }
    });
    let title = format!("Cost of an element on {}, {best} tier", measured.cpu);
    picture::draw(to, &title, &panels.collect::<Vec<_>>())
}

fn limits(from: &Path) -> Result<(Measured, Measured)> {
    Ok((
        Measured::read(&from.join("limits.csv"))?,
        Measured::read(&from.join("machine.csv"))?,
    ))
}

fn threads(measured: &Measured) -> Vec<usize> {
    let mut threads: Vec<_> = measured
        .distinct("threads")
        .iter()
        .filter_map(|text| text.parse().ok())
        .collect();
    threads.sort_unstable();
    threads
}

/// A library, by the begin of its ways' names, and its colour in every picture.
const LIBRARIES: [(&str, RGBColor); 13] = [
    ("rectify", VERMILION),
    ("PyTorch", BLUE),
    ("ONNX Runtime", GREEN),
    ("rten", ORANGE),
    ("tract", SKY),
    ("candle", PURPLE),
    ("plain loop", GREY),
    ("std loop", GREY),
    ("ndarray", YELLOW),
    ("burn", BROWN),
    ("NumPy", VIOLET),
    ("SciPy", DARK),
    ("fearless_simd", LIME),
];

fn color(who: &str) -> Option<RGBColor> {
    LIBRARIES
        .iter()
        .find(|(library, _)| who.starts_with(library))
        .map(|(_, color)| *color)
}

/// Speed over size of everybody, on one thread.
fn draw_peers(from: &Path, to: &Path) -> Result<()> {
    let measured = Measured::read(&from.join("peers.csv"))?;
    let operations = measured.distinct("operation");
    let panels = operations.iter().map(|operation| {
        let curve = |fits: &dyn Fn(&str) -> bool| {
            let one = |row: &csv::StringRecord| {
                measured.text(row, "operation") == operation
                    && measured.text(row, "threads") == "1"
                    && fits(measured.text(row, "who"))
            };
            measured.curve(one, |speed| speed)
        };
        let mut curves = vec![];
        for who in measured.distinct("who") {
            let points = curve(&|one| one == who);
            if let Some(color) = color(&who)
                && !points.is_empty()
            {
                // Beyond, it is no matter of one thread.
                let own_threads = who.starts_with("candle (allocates)");
                let label = if own_threads {
                    "candle (allocates; own threads from 2^16)"
                } else {
                    &who
                };
                curves.push(Curve::solid(label, color, points));
            }
        }
        // Last, so that nobody is drawn over them.
        curves.sort_by_key(|curve| curve.color == VERMILION);
        curves.push(Curve::dashed(
            "copy",
            BLACK,
            curve(&|who| who.starts_with("copy")),
        ));
        Panel {
            title: operation.clone(),
            y_label: "Gelem/s",
            marks: vec![],
            curves,
        }
    });
    picture::draw(
        to,
        &format!("On {}, 1 thread, f32", measured.cpu),
        &panels.collect::<Vec<_>>(),
    )
}

/// At how many elements speed stands beside error, or the whole rows next to it: in L2, and large enough to hide what a
/// call from Python costs.
const ELEMENTS: Range<f64> = 64_000.0..66_000.0;

/// Speed against error of everybody, on one thread.
fn draw_errors(from: &Path, to: &Path) -> Result<()> {
    let measured = Measured::read(&from.join("peers-smooth.csv"))?;
    let mut panels = vec![];
    for function in measured.distinct("function") {
        let mut dots = vec![];
        for row in &measured.rows {
            let elements = measured.number(row, "elements");
            if measured.text(row, "function") != function
                || !elements.is_some_and(|n| ELEMENTS.contains(&n))
            {
                continue;
            }
            let (who, numbers) = (
                measured.text(row, "who"),
                (
                    measured.number(row, "error_ulp"),
                    measured.number(row, "gelem_per_s"),
                ),
            );
            if let (Some(color), (Some(error), Some(speed))) = (color(who), numbers) {
                dots.push(Dot {
                    label: who.to_owned(),
                    color,
                    x: error,
                    y: speed,
                });
            }
        }
        if !dots.is_empty() {
            dots.sort_by_key(|dot| dot.color == VERMILION);
            panels.push(Points {
                title: function,
                dots,
            });
        }
    }
    let title = format!(
        "Speed against error on {}, 1 thread, 65,536 f32 in L2",
        measured.cpu
    );
    picture::draw_points(to, &title, &panels)
}
