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

/// Seconds that a run of each contender takes: the median of `rounds` turns.
pub fn medians<'c, 'a: 'c>(
    contenders: impl IntoIterator<Item = &'c mut Contender<'a>>,
    rounds: usize,
) -> Vec<f64> {
    const TURN: Duration = Duration::from_micros(500);

    let mut turns: Vec<_> = contenders
        .into_iter()
        .map(|contender| {
            let mut runs = 1;
            // Twice in a row: one interruption makes a single run look long.
            while (contender.run)(runs) < TURN || (contender.run)(runs) < TURN {
                runs *= 2;
            }
            (contender, runs, Vec::with_capacity(rounds))
        })
        .collect();
    for _ in 0..rounds {
        for (contender, runs, times) in &mut turns {
            times.push((contender.run)(*runs).as_secs_f64() / f64::from(*runs));
        }
    }
    turns.into_iter().map(|(.., times)| median(times)).collect()
}

/// The one in the middle.
pub fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
