//! Who is how fast at an operation on a size.

use std::cell::RefCell;
use std::hint::black_box;
use std::thread;
use std::time::Duration;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::common::turns::{Contender, time, time_threads, times};
use crate::common::{Buffers, Slices, USUAL_OFFSET_BYTES, copy};
use crate::operation::Operation;
use crate::peers;
use crate::way::{Threads, Way, Work};

/// From this size on there is a table for all threads.
const PARALLEL_FROM: usize = 65_536;

/// candle's threads look for more work for some hundred microseconds before they sleep. Nobody else should
/// have to share the cores with them in his turn, so they are given time to sleep after theirs.
const SETTLES: Duration = Duration::from_millis(2);

/// Who is compared with whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Team {
    Serial,
    Parallel,
}

impl Team {
    pub const ALL: [Self; 2] = [Self::Serial, Self::Parallel];

    pub fn threads(self) -> usize {
        match self {
            Self::Serial => 1,
            Self::Parallel => threads(),
        }
    }
}

pub fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// From where a way is called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    Alone,
    InsidePool,
    OutsidePool,
}

impl Caller {
    /// From where `way` is called in `team`: from nowhere if it belongs to the other one.
    fn all(team: Team, way: &Way, elements: usize) -> &'static [Self] {
        let (at_home, callers): (Team, &'static [Self]) = match way.threads {
            Threads::Rayon => (Team::Parallel, &[Self::InsidePool, Self::OutsidePool]),
            Threads::OwnFrom(size) if elements >= size => (Team::Parallel, &[Self::OutsidePool]),
            Threads::One | Threads::OwnFrom(_) => (Team::Serial, &[Self::Alone]),
        };
        if team == at_home { callers } else { &[] }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Alone => "",
            Self::InsidePool => " inside",
            Self::OutsidePool => " outside",
        }
    }
}

/// A row of a table.
pub struct Placed {
    pub who: String,
    pub gelems: f64,
    /// Of the copy.
    pub share: f64,
    /// Than rectify.
    pub times_slower: f64,
}

/// The copy, then everybody, the fastest first. Empty where `elements` are too few for the team.
pub fn race(operation: Operation, team: Team, elements: usize) -> Vec<Placed> {
    if team == Team::Parallel && (elements < PARALLEL_FROM || team.threads() == 1) {
        return vec![];
    }
    let pool = ThreadPoolBuilder::new().build().expect("threads");
    let mut buffers = Buffers::new(elements);
    let slices = &RefCell::new(buffers.slices(USUAL_OFFSET_BYTES));

    let mut contenders = copy::contenders(operation.traffic(), team.threads(), slices);
    let copies = contenders.len();
    let mut callers = vec![];
    for way in peers::ways(operation) {
        for &caller in Caller::all(team, &way, elements) {
            contenders.push(contender(&way, caller, slices, &pool));
            callers.push(caller);
        }
    }
    let rounds = if elements < 1 << 22 { 51 } else { 21 };
    let seconds: Vec<_> = times(&mut contenders, rounds)
        .iter()
        .map(|time| time.seconds)
        .collect();

    let (copies, seconds) = seconds.split_at(copies);
    let (best, copy) = (0..)
        .zip(copies)
        .min_by(|a, b| a.1.total_cmp(b.1))
        .expect("a copy");
    // rectify comes first among the ways, and so do its callers.
    let ours = |caller| seconds[callers.iter().position(|&c| c == caller).expect("ours")];
    let placed = |who, seconds: f64, caller| Placed {
        who,
        gelems: elements as f64 / seconds / 1e9,
        share: copy / seconds,
        times_slower: seconds / ours(caller),
    };
    let mut results = vec![];
    for ((contender, &seconds), &caller) in
        contenders[copies.len()..].iter().zip(seconds).zip(&callers)
    {
        results.push(placed(contender.name.clone(), seconds, caller));
    }
    results.sort_by(|a, b| b.gelems.total_cmp(&a.gelems));
    let who = format!("copy ({})", contenders[best].name);
    results.insert(0, placed(who, *copy, callers[0]));
    results
}

fn contender<'a>(
    way: &Way,
    caller: Caller,
    slices: &'a RefCell<Slices<'_, f32>>,
    pool: &'a ThreadPool,
) -> Contender<'a> {
    let name = format!("{}{}", way.name, caller.suffix());
    let settles = matches!(way.threads, Threads::OwnFrom(_)) && caller != Caller::Alone;
    match way.work {
        Work::Slices(work) => Contender::timing(name, move |runs| {
            let slices = &mut *slices.borrow_mut();
            let mut work = || work(black_box(slices));
            match caller {
                Caller::Alone => time(runs, work),
                Caller::InsidePool => pool.install(|| time_threads(runs, work)),
                Caller::OutsidePool => time_threads(runs, &mut work),
            }
        }),
        Work::Tensors(make) => {
            let mut tensors = make(&slices.borrow());
            Contender::timing(name, move |runs| {
                if !settles {
                    return time(runs, || tensors.run());
                }
                let duration = time_threads(runs, || tensors.run());
                thread::sleep(SETTLES);
                duration
            })
        }
    }
}
