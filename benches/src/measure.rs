//! Measuring: CPU time of the thread for what only computes, wall time beside CPU time of the process
//! for what waits. Rounds after a warm-up, their median and their middle half; no opinion on results.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Rounds of each measurement, and of those whose one pass takes longer than a tenth of a second.
const ROUNDS: usize = 15;
const ROUNDS_OF_LONG: usize = 5;
/// A round is made at least this long, so that the clock's own cost does not show.
const ROUND_NANOS: f64 = 20e6;

/// What several rounds say: nanoseconds for one operation.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// The middle round.
    pub median: f64,
    /// The fastest round.
    pub fastest: f64,
    /// A quarter of the rounds were faster.
    pub low: f64,
    /// A quarter were slower.
    pub high: f64,
}

impl Spread {
    fn of(mut rounds: Vec<f64>) -> Self {
        rounds.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (rounds.len() - 1) as f64 * share;
            rounds[place.round() as usize]
        };
        Self {
            median: at(0.5),
            fastest: at(0.0),
            low: at(0.25),
            high: at(0.75),
        }
    }
}

fn thread_nanos() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}

fn process_nanos() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}

/// Measures `pass`, which does `operations` at a time, in CPU time of this thread.
pub fn nanos_each<T>(operations: usize, mut pass: impl FnMut() -> T) -> Spread {
    black_box(pass());
    let began = thread_nanos();
    black_box(pass());
    let once = (thread_nanos() - began).max(1.0);
    let passes = (ROUND_NANOS / once).ceil().clamp(1.0, 1e6) as usize;
    let rounds = if once > 1e8 { ROUNDS_OF_LONG } else { ROUNDS };
    let rounds = (0..rounds).map(|_| {
        let began = thread_nanos();
        for _ in 0..passes {
            black_box(pass());
        }
        (thread_nanos() - began) / (passes * operations) as f64
    });
    Spread::of(rounds.collect())
}

/// Measures whole acts that were timed one by one.
pub fn of_acts(acts: &[Act]) -> Spread {
    Spread::of(acts.iter().map(|act| act.wall.as_nanos() as f64).collect())
}

/// One act: how long it took, and how much of the processor.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// By the clock on the wall.
    pub wall: Duration,
    /// All threads of this process together.
    pub cpu: Duration,
}

/// Times one act from its start to its end.
pub struct Stopwatch(Instant, f64);

impl Stopwatch {
    /// Starts.
    pub fn start() -> Self {
        Self(Instant::now(), process_nanos())
    }

    /// Stops.
    pub fn stop(self) -> Act {
        Act {
            wall: self.0.elapsed(),
            cpu: Duration::from_nanos((process_nanos() - self.1) as u64),
        }
    }
}

/// The machine's load over one minute, as the system writes it; empty where it does not.
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The processor's name and how many of them this process may use.
pub fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, name)| name);
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{count} × {model}")
}
