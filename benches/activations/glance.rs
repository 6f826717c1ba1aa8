//! What SIMD gains on this machine, as a table that is read in a minute.

use std::cell::RefCell;
use std::hint::black_box;

use comfy_table::{CellAlignment, Table, presets};
use num_format::{Locale, ToFormattedString};
use rectify::{Activation, Gelu, Gradient, LeakyRelu, Relu, Silu, Tanh, Tier};

use crate::common::operation::{Backward, Forward, ForwardInPlace, Operation};
use crate::common::plain::{self, Definition, Loop, Plain, Written};
use crate::common::turns::{Contender, Time, times};
use crate::common::{Buffers, USUAL_OFFSET_BYTES, caches, cpu, is_only_a_test};

/// From L1 to memory, whatever the machine, but for those with some hundred MiB of cache.
const SIZES: [usize; 6] = [64, 1_000, 4_096, 65_536, 1_048_576, 33_554_432];

/// The same for smooth activations, where arithmetic sets the pace, and whose plain loops would take too long.
const SMOOTH_SIZES: [usize; 4] = [64, 4_096, 1_048_576, 8_388_608];

/// From this size on `par()` splits every operation here; smaller ones are as if without it.
#[cfg(feature = "parallel")]
const PAR_FROM: usize = 1 << 20;

const SCALAR: &str = "scalar";
const LOOP: &str = "loop";

pub(crate) fn print() {
    println!("\nrectify on {}, one thread but for `par()`\n", cpu());
    explain();
    let mut best = Best::default();
    let leaky = LeakyRelu::default();
    table(&mut best, "Relu", Forward, Relu, Definition(Relu), &SIZES);
    table(
        &mut best,
        "Relu",
        ForwardInPlace,
        Relu,
        Definition(Relu),
        &SIZES,
    );
    table(
        &mut best,
        "LeakyRelu",
        Forward,
        leaky,
        Definition(leaky),
        &SIZES,
    );
    table(
        &mut best,
        "LeakyRelu",
        Backward,
        leaky,
        Definition(leaky),
        &SIZES,
    );
    let (gelu, silu, tanh) = (
        Written(plain::gelu, plain::gelu_derivative),
        Written(plain::silu, plain::silu_derivative),
        Written(plain::tanh, plain::tanh_derivative),
    );
    table(&mut best, "Gelu", Forward, Gelu, gelu, &SMOOTH_SIZES);
    table(&mut best, "Silu", Forward, Silu, silu, &SMOOTH_SIZES);
    table(&mut best, "Tanh", Forward, Tanh, tanh, &SMOOTH_SIZES);
    best.print();
}

/// What the columns are.
fn explain() {
    let tiers: Vec<_> = Tier::available().map(|tier| tier.to_string()).collect();
    println!(
        "Each cell: thousand millions of f32 a second (Gelem/s), and how many times as fast as `scalar`."
    );
    println!(
        "Numbers between -6 and 6; buffers 16 bytes past a cache line, as allocators place them.\n"
    );
    println!("  fills     the cache that holds the buffers of the call together");
    println!(
        "  scalar    a loop that does one element at a time; of Gelu, Silu and Tanh by exp, erf and tanh of std and libm"
    );
    println!("  loop      the same loop, as the compiler vectorises it for this build");
    for tier in &tiers {
        let registers = match tier.as_str() {
            "AVX2" => "registers of 256 bits, chosen at run time",
            "AVX-512" => "registers of 512 bits, chosen at run time",
            _ => "this crate with the instructions that every CPU of this target has",
        };
        println!("  {:<9} {registers}", short(tier));
    }
    #[cfg(feature = "parallel")]
    println!(
        "  par()     this crate over {} threads, where a call is large enough to be split",
        crate::common::threads::cores()
    );
    println!();
}

/// Without what stands in parentheses.
fn short(tier: &str) -> &str {
    tier.split(' ').next().unwrap_or(tier)
}

/// The greatest gains of all tables, of what was steady: how many times, and where.
#[derive(Default)]
struct Best {
    over_scalar: (f64, String),
    over_loop: (f64, String),
    unsteady: bool,
}

impl Best {
    fn see(&mut self, case: &str, time: Time, scalar: Time, plain: Time) {
        let compare = |best: &mut (f64, String), with: Time| {
            let gain = with.seconds / time.seconds;
            if with.is_steady() && gain > best.0 {
                *best = (gain, case.to_owned());
            }
        };
        if time.is_steady() {
            compare(&mut self.over_scalar, scalar);
            compare(&mut self.over_loop, plain);
        }
    }

    fn print(&self) {
        if self.unsteady {
            println!(
                "{} The middle half of the turns differs by more than {:.0}%: something else was running. Such cells \
                 count for nothing below.\n",
                Time::NOT_STEADY,
                Time::STEADY_SPREAD * 100.0
            );
        }
        let (over_scalar, where_scalar) = &self.over_scalar;
        let (over_loop, where_loop) = &self.over_loop;
        if where_scalar.is_empty() || where_loop.is_empty() {
            println!(
                "This machine is too busy to say how many times faster SIMD is: run it again."
            );
            return;
        }
        println!("On this CPU, {}, one thread of SIMD is up to", cpu());
        println!("  {over_scalar:.1} times scalar ({where_scalar}) and");
        println!("  {over_loop:.1} times the compiler's loop ({where_loop}).");
    }
}

/// Measures and prints one operation of one activation.
fn table<O: Operation>(
    best: &mut Best,
    name: &str,
    operation: O,
    activation: impl Activation<Formula: Gradient>,
    plain: impl Plain<f32>,
    sizes: &[usize],
) {
    println!("{name}.{}", O::NAME);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let mut header = vec![
        "elements".to_owned(),
        "fills".to_owned(),
        SCALAR.to_owned(),
        LOOP.to_owned(),
    ];
    header.extend(Tier::available().map(|tier| short(&tier.to_string()).to_owned()));
    #[cfg(feature = "parallel")]
    header.push("par()".to_owned());
    table.set_header(header);
    for &elements in sizes {
        // A test sees that it runs, and no more.
        if is_only_a_test() && elements > 4_096 {
            continue;
        }
        let times = measure(operation, activation, plain, elements);
        let mut cells = vec![
            elements.to_formatted_string(&Locale::en),
            fills(elements * O::TRAFFIC.buffers() * size_of::<f32>()),
        ];
        let scalar = times[0];
        for (column, time) in times.iter().enumerate() {
            best.unsteady |= !time.is_steady();
            let mark = if time.is_steady() {
                " "
            } else {
                Time::NOT_STEADY
            };
            let speed = elements as f64 / time.seconds / 1e9;
            let gain = scalar.seconds / time.seconds;
            let digits = usize::from(speed < 99.5);
            cells.push(match column {
                0 => format!("{speed:.2}{mark}"),
                _ => format!("{speed:.digits$} {gain:.1}x{mark}"),
            });
        }
        for (tier, time) in Tier::available().zip(&times[2..]) {
            let case = format!(
                "{name}.{}, {} elements, {tier}",
                O::NAME,
                elements.to_formatted_string(&Locale::en)
            );
            best.see(&case, *time, scalar, times[1]);
        }
        table.add_row(cells);
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        if i != 1 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    println!("{table}\n");
}

/// Scalar, loop, each tier, and `par()` where it does more than they.
fn measure<O: Operation>(
    operation: O,
    activation: impl Activation<Formula: Gradient>,
    plain: impl Plain<f32>,
    elements: usize,
) -> Vec<Time> {
    let mut buffers = Buffers::<f32>::new(elements);
    let slices = &RefCell::new(buffers.slices(USUAL_OFFSET_BYTES));
    // A slope that the compiler knew, it could compute with: a loop that multiplies by 1 is none.
    let (activation, plain) = (black_box(activation), black_box(plain));
    let mut contenders = vec![
        Contender::new(SCALAR, || {
            operation.plain(Loop::<_, true>(plain), &mut slices.borrow_mut())
        }),
        Contender::new(LOOP, || {
            operation.plain(Loop::<_, false>(plain), &mut slices.borrow_mut())
        }),
    ];
    for tier in Tier::available() {
        let kernel = move || operation.kernel(activation.on(tier), &mut slices.borrow_mut());
        contenders.push(Contender::new(tier.to_string(), kernel));
    }
    #[cfg(feature = "parallel")]
    if elements >= PAR_FROM {
        let par = || operation.kernel(activation.par(), &mut slices.borrow_mut());
        contenders.push(Contender::timing("par()", move |runs| {
            crate::common::turns::time_threads(runs, par)
        }));
    }
    let rounds = match elements {
        _ if is_only_a_test() => 1,
        ..4_000_000 => 15,
        _ => 5,
    };
    times(&mut contenders, rounds)
}

/// The smallest cache that holds so many bytes.
fn fills(bytes: usize) -> String {
    let cache = caches()
        .into_iter()
        .filter(|&(_, cache)| bytes <= cache)
        .min_by_key(|&(_, cache)| cache);
    cache.map_or("memory".to_owned(), |(level, _)| format!("L{level}"))
}
