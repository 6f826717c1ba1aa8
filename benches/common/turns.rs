//! Comparing without being fooled by what else the machine does: the contenders take turns, many short
//! ones each, and the median of a contender's turns counts.

use std::time::{Duration, Instant};

/// Somebody who can do the work of a case.
pub struct Contender<'a> {
    pub name: String,
    run: Box<dyn FnMut(u32) -> Duration + 'a>,
}

impl<'a> Contender<'a> {
    /// `run` does the work as often as it is told, and says how long that took, by [`time`] or
    /// [`time_threads`].
    pub fn timing(name: impl Into<String>, run: impl FnMut(u32) -> Duration + 'a) -> Self {
        Self {
            name: name.into(),
            run: Box::new(run),
        }
    }

    /// `work` does the work once.
    pub fn new(name: impl Into<String>, mut work: impl FnMut() + 'a) -> Self {
        Self::timing(name, move |runs| time(runs, &mut work))
    }
}

/// Takes back the caches from who was measured before.
const WARM_UP: Duration = Duration::from_millis(1);

/// Also wakes the threads that help. After a pause they may find themselves on one core for a while.
const WARM_UP_THREADS: Duration = Duration::from_millis(30);

/// How long `runs` runs of `work` take, which is done by this thread.
pub fn time(runs: u32, work: impl FnMut()) -> Duration {
    time_after(WARM_UP, runs, work)
}

/// How long `runs` runs of `work` take, which is done by several threads.
pub fn time_threads(runs: u32, work: impl FnMut()) -> Duration {
    time_after(WARM_UP_THREADS, runs, work)
}

fn time_after(warm_up: Duration, runs: u32, mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    while start.elapsed() < warm_up {
        work();
    }
    let start = Instant::now();
    for _ in 0..runs {
        work();
    }
    start.elapsed()
}

/// How long a run takes.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    /// The median of the turns.
    pub seconds: f64,
    /// The middle half of the turns is so wide, as a share of the median.
    pub spread: f64,
}

impl Time {
    /// Where the middle half is wider, something else ran meanwhile, and the median means little.
    pub const STEADY_SPREAD: f64 = 0.1;

    /// What stands behind a number that is not steady.
    pub const NOT_STEADY: &'static str = "?";

    pub fn is_steady(self) -> bool {
        self.spread <= Self::STEADY_SPREAD
    }

    fn of(mut turns: Vec<f64>) -> Self {
        turns.sort_by(f64::total_cmp);
        let at = |quarter| turns[(turns.len() - 1) * quarter / 4];
        Self {
            seconds: at(2),
            spread: (at(3) - at(1)) / at(2),
        }
    }
}

/// How long a run of each contender takes, over `rounds` turns. Where one is not steady, all have as many turns again,
/// up to twice.
pub fn times<'c, 'a: 'c>(
    contenders: impl IntoIterator<Item = &'c mut Contender<'a>>,
    rounds: usize,
) -> Vec<Time> {
    const TURN: Duration = Duration::from_micros(500);

    let mut turns: Vec<_> = contenders
        .into_iter()
        .map(|contender| {
            let mut runs = 1;
            // Twice in a row: one interruption makes a single run look long.
            while (contender.run)(runs) < TURN || (contender.run)(runs) < TURN {
                runs *= 2;
            }
            (contender, runs)
        })
        .collect();
    let mut found = vec![];
    for _ in 0..3 {
        let mut seconds = vec![vec![]; turns.len()];
        for _ in 0..rounds {
            for ((contender, runs), seconds) in turns.iter_mut().zip(&mut seconds) {
                seconds.push((contender.run)(*runs).as_secs_f64() / f64::from(*runs));
            }
        }
        found = seconds.into_iter().map(Time::of).collect();
        if found.iter().all(|time| time.is_steady()) {
            break;
        }
    }
    found
}

/// The one in the middle.
pub fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
