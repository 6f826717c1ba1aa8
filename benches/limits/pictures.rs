//! Tables as curves.

use std::error::Error;
use std::path::Path;

use plotters::style::BLACK;
use rectify::{Thresholds, Tier};

use crate::common::picture::{self, BLUE, Curve, GREEN, GREY, ORANGE, Panel, SKY, VERMILION};
use crate::common::threads::{cores, thread_counts};
use crate::common::{caches, cpu};
use crate::measure::{INSIDE, Measured, OUTSIDE};
use crate::table::Table;

/// Speed over size: scalar, each tier, `par()`, and the copies of one thread and of all.
pub(crate) fn draw_throughput(path: &Path, tables: &[Table]) -> Result<(), Box<dyn Error>> {
    let panel = |table: &Table| {
        let copy = |threads| table.curve(|n| table.copy(n, threads).map(Measured::gelems));
        let speed =
            |threads, who: &str| table.curve(|n| table.find(n, threads, who).map(Measured::gelems));
        let all = cores();
        let mut curves = vec![
            Curve::dashed("copy, 1 thread", BLACK, copy(1)),
            Curve::solid("scalar, one element at a time", GREY, speed(1, "scalar")),
            Curve::solid(
                "loop, as the compiler vectorises it",
                ORANGE,
                speed(1, "loop"),
            ),
        ];
        for (tier, color) in Tier::available().zip([SKY, GREEN, VERMILION]) {
            let who = tier.to_string();
            curves.push(Curve::solid(&who, color, speed(1, &who)));
        }
        if all > 1 {
            let label = format!("copy, {all} threads");
            curves.push(Curve::dashed(&label, BLUE, copy(all)));
            let label = format!("par(), {all} threads");
            curves.push(Curve::solid(&label, BLUE, speed(all, INSIDE)));
        }
        Panel {
            title: table.title.clone(),
            y_label: "Gelem/s",
            marks: cache_marks(table.bytes_per_element),
            curves,
        }
    };
    let panels: Vec<_> = tables.iter().map(panel).collect();
    picture::draw(path, &format!("Throughput on {}", described()), &panels)
}

/// What an element costs over size, for each number of threads.
pub(crate) fn draw_growth(path: &Path, tables: &[Table]) -> Result<(), Box<dyn Error>> {
    let panel = |table: &Table| {
        let picoseconds = |m: &Measured| 1e3 / m.gelems();
        let cost =
            |threads, who: &str| table.curve(|n| table.find(n, threads, who).map(picoseconds));
        let best = Tier::best().to_string();
        let mut curves = vec![Curve::solid(
            &format!("1 thread, {best}"),
            VERMILION,
            cost(1, &best),
        )];
        for (threads, color) in thread_counts()
            .into_iter()
            .skip(1)
            .zip([BLUE, GREEN, SKY, GREY].into_iter().cycle())
        {
            let label = format!("{threads} threads, par() {INSIDE}");
            curves.push(Curve::solid(&label, color, cost(threads, INSIDE)));
            let copy = table.curve(|n| table.copy(n, threads).map(picoseconds));
            curves.push(Curve::dashed(
                &format!("copy, {threads} threads"),
                color,
                copy,
            ));
        }
        let outside = format!("{} threads, par() {OUTSIDE}", cores());
        curves.push(Curve::solid(&outside, BLACK, cost(cores(), OUTSIDE)));
        Panel {
            title: table.title.clone(),
            y_label: "ps an element",
            marks: threshold_marks(table),
            curves,
        }
    };
    let panels: Vec<_> = tables.iter().map(panel).collect();
    picture::draw(
        path,
        &format!(
            "Cost of an element on {}, with the default tier",
            described()
        ),
        &panels,
    )
}

fn described() -> String {
    format!("{}, {} cores, f32", cpu(), cores())
}

/// Where the operation's buffers together fill a cache.
fn cache_marks(bytes_per_element: usize) -> Vec<(f64, String)> {
    caches()
        .into_iter()
        .map(|(level, bytes)| (bytes as f64 / bytes_per_element as f64, format!("L{level}")))
        .collect()
}

/// Where the library begins to split and to stream.
fn threshold_marks(table: &Table) -> Vec<(f64, String)> {
    let Thresholds {
        stream_bytes,
        split_bytes,
        split_outside_bytes,
        ..
    } = Thresholds::current();
    let at = |bytes: usize| bytes as f64 / table.bytes_per_element as f64;
    let mut marks = vec![
        (at(split_bytes), "splits inside".to_owned()),
        (at(split_outside_bytes), "splits outside".to_owned()),
    ];
    // In place nothing is streamed.
    if !table.title.contains("in_place") {
        marks.push((at(stream_bytes), "streams".to_owned()));
    }
    marks
}
