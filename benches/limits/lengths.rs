//! Short calls: what each length up to 512 costs, at each offset within a cache line.

use std::cell::RefCell;
use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;

use bytemuck::Pod;
use rectify::{
    Activation, Element, Elu, Gelu, Gradient, HardSwish, Mish, Relu, Sigmoid, Silu, Softplus,
    Softsign, Tanh, Tier,
};

use crate::common::operation::{Backward, Forward, ForwardInPlace, Operation};
use crate::common::turns::{Contender, Time, median, times};
use crate::common::{Buffers, Slices, USUAL_OFFSET_BYTES};

const LONGEST: usize = 512;

/// Who is compared.
const LOOP: &str = "loop";
const DEFAULT: &str = "default";
const AVX2: &str = "AVX2";
const AVX512: &str = "AVX-512";

const BANDS: [(usize, usize); 7] = [
    (1, 8),
    (9, 16),
    (17, 31),
    (32, 64),
    (65, 128),
    (129, 256),
    (257, LONGEST),
];

/// Elements of a cache line.
const LINE: usize = 16;

/// From a buffer to the next: with room for the offset, and so that neighbours begin in other sets of the cache.
const STRIDE: usize = LONGEST + 3 * LINE;

/// Together within the smallest first-level cache, and a multiple of what a call needs: 1, 2 or 3.
const BUFFERS: usize = 12;

/// Calls of a turn.
const CALLS: usize = 600;

const ROUNDS: usize = 11;

/// The worst of thousands may be so by chance: so many of them are measured again, in so many rounds.
const WORST: usize = 8;
const ROUNDS_OF_WORST: usize = 41;

pub(crate) fn all() {
    bands(Forward, |s| {
        for (y, &x) in s.output.iter_mut().zip(s.input) {
            *y = if x < 0.0 { 0.0 } else { x };
        }
    });
    bands(ForwardInPlace, |s| {
        for x in &mut *s.output {
            *x = if *x < 0.0 { 0.0 } else { *x };
        }
    });
    bands(Backward, |s| {
        for ((dx, &x), &dy) in s.output.iter_mut().zip(s.input).zip(s.grad) {
            *dx = if x <= 0.0 { 0.0 } else { dy };
        }
    });
    sawtooth::<f32, _>(Forward);
    sawtooth::<f32, _>(ForwardInPlace);
    sawtooth::<f32, _>(Backward);
    sawtooth::<f64, _>(Forward);
    println!(
        "\nf32, forward, times the next multiple of the tier's register, at the worst length (AVX-512: 16, of which ReLU takes 8):"
    );
    registers("relu", Relu);
    registers("hard_swish", HardSwish);
    registers("sigmoid", Sigmoid);
    registers("tanh", Tanh);
    registers("silu", Silu);
    registers("gelu", Gelu);
    registers("elu", Elu::default());
    registers("softplus", Softplus::default());
    registers("mish", Mish);
    registers("softsign", Softsign);
}

/// Calls with no tier named (`default`) against the loop that a user would write, compiled in its place, and
/// against the kernels of the tiers between which the default is chosen.
fn bands<O: Operation>(operation: O, plain: impl Fn(&mut Slices<'_, f32>)) {
    let mut ways = vec![
        Way::new(LOOP, plain),
        Way::new(DEFAULT, |s| operation.kernel(Relu, s)),
    ];
    for tier in Tier::available() {
        let name = tier.to_string();
        if name == AVX2 || tier == Tier::best() {
            ways.push(Way::new(name, move |s| {
                operation.kernel(Relu.on(tier), s);
            }));
        }
    }
    let mut buffers = Buffers::<f32>::new(BUFFERS * STRIDE);
    let memory = buffers.slices(0).output;
    let mut measure = |len, offset, rounds| Cell {
        len,
        offset,
        nanoseconds: nanoseconds(&ways, &mut calls::<O>(memory, len, offset), rounds),
    };

    let place = |name: &str| ways.iter().position(|way| way.name == name);
    let default = place(DEFAULT).expect("it is always there");
    let rivals: Vec<_> = [LOOP, AVX2].into_iter().filter_map(place).collect();
    println!(
        "\nrelu/{}/f32, ns a call: the medians; and the default at its worst, with the length and the offset in bytes",
        O::NAME
    );
    print!("{:>9}", "lengths");
    for way in &ways {
        print!("  {:>7}", way.name);
    }
    for &rival in &rivals {
        print!("  {:>18}", format!("default/{}", ways[rival].name));
    }
    println!();
    for (first, last) in BANDS {
        let mut cells = vec![];
        for len in first..=last {
            cells.extend((0..LINE).map(|offset| measure(len, offset, ROUNDS)));
        }
        print!("{:>9}", format!("{first}-{last}"));
        for (i, way) in ways.iter().enumerate() {
            let of_way = cells.iter().map(|cell| cell.nanoseconds[i]);
            let width = way.name.len().max(7);
            print!("  {:>width$.2}", median(of_way.collect()));
        }
        for &rival in &rivals {
            let ratio = |cell: &Cell| cell.nanoseconds[default] / cell.nanoseconds[rival];
            cells.sort_by(|a, b| ratio(b).total_cmp(&ratio(a)));
            let again = cells[..WORST].iter();
            let again = again.map(|cell| measure(cell.len, cell.offset, ROUNDS_OF_WORST));
            let worst = again.max_by(|a, b| ratio(a).total_cmp(&ratio(b)));
            let worst = worst.expect("every band has as many");
            let at = worst.offset * size_of::<f32>();
            let worst = format!("{:.2} ({}, {at})", ratio(&worst), worst.len);
            print!("  {worst:>18}");
        }
        println!();
    }
}

/// Does the work on each of several buffers, which take turns. A call that reads in other pieces what the call before
/// has just written waits for the memory, which says nothing of the ends.
type Work<'a> = Box<dyn Fn(&mut [Slices<'_, f32>]) + 'a>;

/// Who does the work of a call.
struct Way<'a> {
    name: String,
    work: Work<'a>,
}

impl<'a> Way<'a> {
    fn new(name: impl Into<String>, call: impl Fn(&mut Slices<'_, f32>) + 'a) -> Self {
        Self {
            name: name.into(),
            work: Box::new(move |calls| calls.iter_mut().for_each(&call)),
        }
    }
}

/// What was measured of one length, from so many elements past the begin of a cache line.
struct Cell {
    len: usize,
    offset: usize,
    /// Of each way.
    nanoseconds: Vec<f64>,
}

/// As many calls as have room in `memory`, each with buffers of its own.
fn calls<O: Operation>(memory: &mut [f32], len: usize, offset: usize) -> Vec<Slices<'_, f32>> {
    let calls = memory.chunks_exact_mut(O::TRAFFIC.buffers() * STRIDE);
    calls
        .map(|memory| {
            let buffers = memory.chunks_exact_mut(STRIDE);
            let mut buffers = buffers.map(|buffer| &mut buffer[offset..][..len]);
            Slices {
                output: buffers.next().expect("every operation has an output"),
                input: buffers.next().unwrap_or_default(),
                grad: buffers.next().unwrap_or_default(),
            }
        })
        .collect()
}

/// What a call of each way takes, with all ways in turns: the medians.
fn nanoseconds(ways: &[Way<'_>], calls: &mut [Slices<'_, f32>], rounds: usize) -> Vec<f64> {
    let passes = CALLS / calls.len();
    let mut turns = vec![vec![]; ways.len()];
    for _ in 0..rounds {
        for (way, turns) in ways.iter().zip(&mut turns) {
            // Lest the branch predictor still expect the way before.
            for _ in 0..passes / 8 {
                (way.work)(black_box(&mut *calls));
            }
            let start = Instant::now();
            for _ in 0..passes {
                (way.work)(black_box(&mut *calls));
            }
            let turn = start.elapsed().as_secs_f64() * 1e9;
            turns.push(turn / (passes * calls.len()) as f64);
        }
    }
    turns.into_iter().map(median).collect()
}

/// What each length from 1 to `longest` takes.
///
/// Several buffers take turns. A call that reads in other pieces what the call before has just written waits
/// for the memory, which says nothing of the ends.
fn of_each_length<T: Element + Pod>(
    longest: usize,
    rounds: usize,
    call: impl Fn(&mut Slices<'_, T>),
) -> Vec<Time> {
    let mut buffers: Vec<_> = (0..8).map(|_| Buffers::<T>::new(longest)).collect();
    let slices: Vec<_> = buffers
        .iter_mut()
        .map(|buffers| RefCell::new(buffers.slices(USUAL_OFFSET_BYTES)))
        .collect();
    let mut contenders: Vec<_> = (1..=longest)
        .map(|len| {
            let (slices, call) = (&slices, &call);
            Contender::new(len.to_string(), move || {
                for slices in slices {
                    call(&mut slices.borrow_mut().first(len));
                }
            })
        })
        .collect();
    times(&mut contenders, rounds)
}

/// Which lengths cost more than the next longer one: where a kernel's ends are done badly, every length that
/// is not whole registers does.
fn sawtooth<T: Element + Pod, O: Operation>(operation: O) {
    let times = of_each_length::<T>(LONGEST + 1, 15, |slices| operation.kernel(Relu, slices));
    let mut steps: Vec<_> = (1..=LONGEST)
        .map(|len| (times[len - 1].seconds / times[len].seconds, len))
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

/// What lengths that are not whole registers cost, times the next one that is: the worst below a register of the tier, and the
/// worst from one on, with their lengths.
fn registers(name: &str, activation: impl Activation<Formula: Gradient>) {
    for tier in Tier::available() {
        let tier_name = tier.to_string();
        let lanes = if tier_name == AVX512 { 16 } else { 8 };
        let times = of_each_length::<f32>(4 * LINE, 5, |slices| {
            Forward.kernel(activation.on(tier), slices);
        });
        let worst = |lengths: Range<usize>| {
            let ratios = lengths.filter(|len| !len.is_multiple_of(lanes)).map(|len| {
                let (these, next) = (times[len - 1], times[len.next_multiple_of(lanes) - 1]);
                let steady = these.is_steady() && next.is_steady();
                (these.seconds / next.seconds, len, steady)
            });
            let worst = ratios.max_by(|a, b| a.0.total_cmp(&b.0));
            let (ratio, len, steady) = worst.expect("there are lengths");
            let mark = if steady { "" } else { Time::NOT_STEADY };
            format!("{ratio:.2}{mark} ({len})")
        };
        println!(
            "{name:>12} {tier_name:<16}  below a register {:>10}  from one on {:>10}",
            worst(1..lanes),
            worst(lanes..4 * LINE)
        );
    }
}
