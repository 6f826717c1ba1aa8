//! How near the kernels come to what this machine can do, and how that grows with size and threads.
//!
//! ```text
//! cargo bench --bench limits                the tables below for some sizes: a minute
//! cargo bench --bench limits -- lengths     which lengths up to 512 cost more than longer ones: seconds
//! cargo bench --bench limits -- pictures    2^4 to 2^28 elements, drawn in docs/: some minutes
//! ```
//!
//! The ceiling of a size is the best of several loops that only move the operation's bytes
//! (`benches/common/ceiling.rs`), measured in the same turns as the kernels. A cell reads: Gelem/s, times as
//! fast as the scalar reference, share of the ceiling for as many threads. `par()` is called from inside of
//! a pool of so many threads and from outside of it.

mod common;

use std::cell::RefCell;
use std::env;
use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::rc::Rc;
use std::thread;

use bytemuck::Pod;
use plotters::style::BLACK;
use rayon::ThreadPoolBuilder;
use rectify::{Activation, Element, LeakyRelu, Relu, Thresholds, Tier};

use common::operation::{Backward, BackwardInPlace, Forward, ForwardInPlace, Operation};
use common::picture::{self, BLUE, Curve, GREEN, GREY, Panel, SKY, VERMILION};
use common::turns::{Contender, medians, time_threads};
use common::{Buffers, USUAL_OFFSET_BYTES, caches, ceiling, cpu, is_only_a_test};

const INSIDE: &str = "par() inside";
const OUTSIDE: &str = "par() outside";

/// From this size on `par()` is measured: a good deal before it splits anything.
const PAR_FROM: usize = 1 << 15;

fn main() -> Result<(), Box<dyn Error>> {
    // A filter that is meant for the other benches leaves nothing here.
    let filters: Vec<_> = env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let (sizes, draw) = match filters.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] if is_only_a_test() => (vec![16, 1 << 15], false),
        [] => (vec![64, 1_000, 4_096, 65_536, 1 << 20, 1 << 25], false),
        ["pictures"] => ((4..=28).map(|exponent| 1 << exponent).collect(), true),
        ["lengths"] => {
            print_machine();
            sawtooth::<f32, _>(Forward);
            sawtooth::<f32, _>(ForwardInPlace);
            sawtooth::<f32, _>(Backward);
            sawtooth::<f64, _>(Forward);
            return Ok(());
        }
        _ => return Ok(()),
    };
    print_machine();
    pin(ThreadPoolBuilder::new()).build_global()?;
    let leaky = LeakyRelu::new(1.0); // In place, any other would shrink or grow from run to run.
    let tables = [
        table::<f32, _>("relu", Relu, Forward, &sizes),
        table::<f32, _>("relu", Relu, ForwardInPlace, &sizes),
        table::<f32, _>("relu", Relu, Backward, &sizes),
        table::<f32, _>("relu", Relu, BackwardInPlace, &sizes),
    ];
    if !draw {
        table::<f32, _>("leaky", leaky, ForwardInPlace, &sizes);
        table::<f32, _>("leaky", leaky, Backward, &sizes);
        table::<f64, _>("relu", Relu, Forward, &sizes);
        table::<f64, _>("relu", Relu, ForwardInPlace, &sizes);
    }
    if draw {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        write_csv(&docs.join("limits.csv"), &tables)?;
        draw_throughput(&docs.join("throughput.svg"), &tables)?;
        draw_growth(&docs.join("growth.svg"), &tables)?;
    }
    Ok(())
}

fn print_machine() {
    println!("\nrectify on {}, {} cores", cpu(), cores());
}

/// A thread a core, and there it stays: without, the kernel may keep two threads that sleep in turn on one
/// core, for as long as a process lives, and all would be as slow as one thread.
fn pin(pool: ThreadPoolBuilder) -> ThreadPoolBuilder {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    pool.start_handler(move |thread| {
        if let Some(&core) = cores.get(thread) {
            core_affinity::set_for_current(core);
        }
    })
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// 1, 2, 4 and so on up to all cores.
fn thread_counts() -> Vec<usize> {
    let all = cores();
    let mut counts: Vec<_> = (0..).map(|i| 1 << i).take_while(|&n| n < all).collect();
    counts.push(all);
    counts
}

/// One operation of one activation at all sizes.
struct Table {
    title: String,
    /// What the operation moves for an element.
    bytes_per_element: usize,
    results: Vec<Measured>,
}

#[derive(Clone)]
struct Measured {
    elements: usize,
    threads: usize,
    who: String,
    is_ceiling: bool,
    seconds: f64,
}

impl Measured {
    fn gelems(&self) -> f64 {
        self.elements as f64 / self.seconds / 1e9
    }
}

impl Table {
    /// The best of the ceilings.
    fn ceiling(&self, elements: usize, threads: usize) -> Option<&Measured> {
        self.results
            .iter()
            .filter(|m| m.is_ceiling && (m.elements, m.threads) == (elements, threads))
            .min_by(|a, b| a.seconds.total_cmp(&b.seconds))
    }

    fn find(&self, elements: usize, threads: usize, who: &str) -> Option<&Measured> {
        self.results
            .iter()
            .find(|m| (m.elements, m.threads) == (elements, threads) && m.who == who)
    }

    /// Gelem/s over elements.
    fn curve(&self, of: impl Fn(usize) -> Option<f64>) -> Vec<(f64, f64)> {
        let mut elements: Vec<_> = self.results.iter().map(|m| m.elements).collect();
        elements.dedup();
        elements
            .into_iter()
            .filter_map(|n| Some((n as f64, of(n)?)))
            .collect()
    }
}

/// Measures and prints a row for each size.
fn table<T: Element + Pod, O: Operation>(
    name: &str,
    activation: impl Activation,
    operation: O,
    sizes: &[usize],
) -> Table {
    let element = std::any::type_name::<T>();
    let mut table = Table {
        title: format!("{name}/{}/{element}", O::NAME),
        bytes_per_element: O::TRAFFIC.buffers() * size_of::<T>(),
        results: vec![],
    };
    println!("\n{}", table.title);
    for &elements in sizes {
        let measured = measure::<T, O>(activation, operation, elements);
        table.results.extend(measured.iter().cloned());
        print!("{elements:>12}");
        let mut threads = 0;
        for m in &measured {
            let ceiling = table.ceiling(elements, m.threads);
            let Some(ceiling) = ceiling else { continue };
            if m.threads != threads {
                threads = m.threads;
                print!(" | {threads}: {} {:.1}", ceiling.who, ceiling.gelems());
            }
            if !m.is_ceiling {
                let share = ceiling.seconds / m.seconds * 100.0;
                let times = table
                    .find(elements, 1, "scalar")
                    .map_or(0.0, |scalar| scalar.seconds / m.seconds);
                print!(" | {} {:.1} {times:.1}x {share:.0}%", m.who, m.gelems());
            }
        }
        println!();
    }
    table
}

fn measure<T: Element + Pod, O: Operation>(
    activation: impl Activation,
    operation: O,
    elements: usize,
) -> Vec<Measured> {
    let mut buffers = Buffers::<T>::new(elements);
    let slices = &RefCell::new(buffers.slices(USUAL_OFFSET_BYTES));
    // A slope that the compiler knew, it could compute with: a loop that multiplies by 1 is none.
    let activation = black_box(activation);

    // With the number of threads and whether it is a ceiling.
    let mut contenders: Vec<(usize, bool, Contender<'_>)> = vec![];
    let ceilings = |threads| {
        let ways = ceiling::contenders(O::TRAFFIC, threads, slices);
        ways.into_iter().map(move |way| (threads, true, way))
    };
    contenders.extend(ceilings(1));
    let scalar = move || operation.scalar(activation, &mut slices.borrow_mut());
    contenders.push((1, false, Contender::new("scalar", scalar)));
    for tier in Tier::available() {
        let kernel = move || operation.kernel(activation.on(tier), &mut slices.borrow_mut());
        contenders.push((1, false, Contender::new(tier.to_string(), kernel)));
    }
    for threads in thread_counts() {
        if threads == 1 || elements < PAR_FROM {
            continue;
        }
        contenders.extend(ceilings(threads));
        let pool = pin(ThreadPoolBuilder::new().num_threads(threads));
        let pool = Rc::new(pool.build().expect("threads"));
        let inside = Rc::clone(&pool);
        let inside = move |runs| {
            let slices = &mut *slices.borrow_mut();
            inside.install(|| time_threads(runs, || operation.kernel(activation.par(), slices)))
        };
        contenders.push((threads, false, Contender::timing(INSIDE, inside)));
        // The pool of a call from outside is the global one, which has a thread for each core.
        if threads == cores() {
            let outside = move |runs| {
                let slices = &mut *slices.borrow_mut();
                time_threads(runs, || operation.kernel(activation.par(), slices))
            };
            contenders.push((threads, false, Contender::timing(OUTSIDE, outside)));
        }
    }

    let rounds = if is_only_a_test() {
        1
    } else if elements < 1 << 22 {
        15
    } else {
        5
    };
    let seconds = medians(
        contenders.iter_mut().map(|(.., contender)| contender),
        rounds,
    );
    contenders
        .into_iter()
        .zip(seconds)
        .map(|((threads, is_ceiling, contender), seconds)| Measured {
            elements,
            threads,
            who: contender.name,
            is_ceiling,
            seconds,
        })
        .collect()
}

/// Which lengths cost more than the next longer one: where a kernel's ends are done badly, every length that
/// is not whole registers does.
///
/// Several buffers take turns. A call that reads in other pieces what the call before has just written waits
/// for the memory, which says nothing of the ends.
fn sawtooth<T: Element + Pod, O: Operation>(operation: O) {
    const LONGEST: usize = 512;
    let mut buffers: Vec<_> = (0..8).map(|_| Buffers::<T>::new(LONGEST + 1)).collect();
    let slices: Vec<_> = buffers
        .iter_mut()
        .map(|buffers| RefCell::new(buffers.slices(USUAL_OFFSET_BYTES)))
        .collect();
    let mut contenders: Vec<_> = (1..=LONGEST + 1)
        .map(|len| {
            let slices = &slices;
            Contender::new(len.to_string(), move || {
                for slices in slices {
                    operation.kernel(Relu, &mut slices.borrow_mut().first(len));
                }
            })
        })
        .collect();
    let seconds = medians(&mut contenders, 15);
    let mut steps: Vec<_> = (1..=LONGEST)
        .map(|len| (seconds[len - 1] / seconds[len], len))
        .collect();
    steps.sort_by(|a, b| b.0.total_cmp(&a.0));
    print!(
        "\nrelu/{}/{}, times the next longer:",
        O::NAME,
        std::any::type_name::<T>()
    );
    for (times, len) in &steps[..8] {
        print!("  {len}: {times:.2}");
    }
    println!();
}

fn write_csv(path: &Path, tables: &[Table]) -> Result<(), Box<dyn Error>> {
    let mut csv = csv::Writer::from_path(path)?;
    csv.write_record([
        "case",
        "elements",
        "threads",
        "who",
        "gelem_per_s",
        "share_of_ceiling",
    ])?;
    for table in tables {
        for m in &table.results {
            let ceiling = table.ceiling(m.elements, m.threads);
            let share = ceiling.map_or(0.0, |ceiling| ceiling.seconds / m.seconds);
            csv.write_record([
                &table.title,
                &m.elements.to_string(),
                &m.threads.to_string(),
                &m.who,
                &format!("{:.3}", m.gelems()),
                &format!("{share:.3}"),
            ])?;
        }
    }
    csv.flush()?;
    Ok(())
}

/// Speed over size: scalar, each tier, `par()`, and the ceilings of one thread and of all.
fn draw_throughput(path: &Path, tables: &[Table]) -> Result<(), Box<dyn Error>> {
    let panel = |table: &Table| {
        let ceiling = |threads| table.curve(|n| table.ceiling(n, threads).map(Measured::gelems));
        let speed =
            |threads, who: &str| table.curve(|n| table.find(n, threads, who).map(Measured::gelems));
        let all = cores();
        let mut curves = vec![
            Curve::dashed("ceiling, 1 thread", BLACK, ceiling(1)),
            Curve::solid("scalar", GREY, speed(1, "scalar")),
        ];
        for (tier, color) in Tier::available().zip([SKY, GREEN, VERMILION]) {
            let who = tier.to_string();
            curves.push(Curve::solid(&who, color, speed(1, &who)));
        }
        if all > 1 {
            let label = format!("ceiling, {all} threads");
            curves.push(Curve::dashed(&label, BLUE, ceiling(all)));
            let label = format!("par(), {all} threads");
            curves.push(Curve::solid(&label, BLUE, speed(all, INSIDE)));
        }
        Panel {
            title: table.title.clone(),
            y_label: "Gelem/s",
            room_below: 1.3,
            marks: cache_marks(table.bytes_per_element),
            curves,
        }
    };
    let panels: Vec<_> = tables.iter().map(panel).collect();
    picture::draw(path, &format!("Throughput on {}", described()), &panels)
}

/// What an element costs over size, for each number of threads.
fn draw_growth(path: &Path, tables: &[Table]) -> Result<(), Box<dyn Error>> {
    let panel = |table: &Table| {
        let picoseconds = |m: &Measured| 1e3 / m.gelems();
        let cost =
            |threads, who: &str| table.curve(|n| table.find(n, threads, who).map(picoseconds));
        let best = Tier::best().to_string();
        let mut curves = vec![Curve::solid("1 thread", VERMILION, cost(1, &best))];
        for (threads, color) in thread_counts()
            .into_iter()
            .skip(1)
            .zip([BLUE, GREEN, SKY, GREY].into_iter().cycle())
        {
            let label = format!("{threads} threads, {INSIDE}");
            curves.push(Curve::solid(&label, color, cost(threads, INSIDE)));
            let ceiling = table.curve(|n| table.ceiling(n, threads).map(picoseconds));
            curves.push(Curve::dashed(
                &format!("ceiling, {threads} threads"),
                color,
                ceiling,
            ));
        }
        let outside = format!("{} threads, {OUTSIDE}", cores());
        curves.push(Curve::solid(&outside, BLACK, cost(cores(), OUTSIDE)));
        Panel {
            title: table.title.clone(),
            y_label: "ps an element",
            room_below: 4.0,
            marks: threshold_marks(table),
            curves,
        }
    };
    let panels: Vec<_> = tables.iter().map(panel).collect();
    picture::draw(
        path,
        &format!("Cost of an element on {}", described()),
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
