//! Threads that wait for each other, on a machine whose cores have other work too.
//!
//! Threads of GNU's OpenMP, which are libtorch's, wait for the next operation by spinning, for milliseconds. That is right where nobody
//! else wants the core. Where somebody does, those that spin keep out those they wait for, and two threads become slower than one by far.
//! OpenMP knows of this: where it has made more threads than there are cores, each spins a hundred times and then sleeps. It only cannot
//! see the threads of other programs. So this watches how long ours wait for a core, and while they do it keeps a second team, asleep, that makes
//! OpenMP's own too many. `benches/waiting.sh` measures it; docs/training.md has the figures.
//!
//! Where the environment sets `OMP_WAIT_POLICY=passive` or a lower `GOMP_SPINCOUNT`, that holds.

use std::collections::HashMap;
use std::ffi::{OsString, c_void};
use std::fs;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::openmp::{openmp_parallel, processor_count};
use super::symbol::symbol;

/// Between two looks at the threads.
const PERIOD: Duration = Duration::from_millis(100);
/// Cores that our threads together waited for in a period, from which on it was crowded.
const CONTENDED: f64 = 0.1;
/// So many periods one after the other make a crowded machine: threads of our own that start push each other for one or two.
const PERIODS: u32 = 3;
/// How long nobody has to wait until it no longer is.
const CALM: Duration = Duration::from_secs(2);
/// Most threads of a team that does nothing.
const MOST_THREADS: u32 = 64;

/// Starts to watch, for as long as the process lives, where operations have so many threads. Not where OpenMP is another, or the system does not
/// tell.
pub(super) fn watch_contention(threads: u32) {
    let missing = processor_count().and_then(|cores| SleepingTeam::size(threads, cores));
    let (Some(size), true, true) = (missing, waited().is_some(), is_gnu()) else { return };
    // Without it threads spin as they did before.
    let _ = thread::Builder::new().name("contention".into()).spawn(move || {
        let (mut before, mut at, mut last) = (waited().unwrap_or_default(), Instant::now(), Instant::now());
        let (mut periods, mut team) = (0, None);
        loop {
            thread::sleep(PERIOD);
            let (now, time) = (waited().unwrap_or_default(), Instant::now());
            let share = now.since(&before).as_secs_f64() / (time - at).as_secs_f64();
            (before, at) = (now, time);
            periods = if share > CONTENDED { periods + 1 } else { 0 };
            if periods >= PERIODS {
                last = time;
                team = team.or_else(|| SleepingTeam::start(size));
            } else if time - last > CALM {
                team = None;
            }
        }
    });
}

/// How long each thread of this process has waited for a core although it could have run.
#[derive(Default)]
struct Waited(HashMap<OsString, Duration>);

impl Waited {
    /// How much longer it is than at another time, of all threads together.
    fn since(&self, before: &Self) -> Duration {
        let longer = |(thread, now): (_, &Duration)| now.saturating_sub(before.0.get(thread).copied().unwrap_or_default());
        self.0.iter().map(longer).sum()
    }
}

/// None where the system does not tell.
fn waited() -> Option<Waited> {
    let mut threads = HashMap::new();
    for thread in fs::read_dir("/proc/self/task").ok()?.flatten() {
        // Nanoseconds on a core, nanoseconds waited for one, and how often; none where the thread has ended since.
        let Ok(text) = fs::read_to_string(thread.path().join("schedstat")) else { continue };
        threads.insert(thread.file_name(), Duration::from_nanos(text.split_whitespace().nth(1)?.parse().ok()?));
    }
    (!threads.is_empty()).then_some(Waited(threads))
}

/// Whether OpenMP is GNU's: others have `GOMP_parallel` for its programs, but not this.
fn is_gnu() -> bool {
    symbol(c"GOMP_offload_register").is_some()
}

/// A team of OpenMP that does nothing. It goes when this does.
struct SleepingTeam {
    _leave: Sender<()>,
}

impl SleepingTeam {
    /// Of how many threads it has to be, so that with a team of `threads` OpenMP has more than cores; the first of each it does not count but
    /// for that of `main`. None where it has already, where operations have one thread alone, or where it would be too many: OpenMP ends the
    /// process if the system refuses it a thread.
    fn size(threads: u32, cores: u32) -> Option<u32> {
        let size = (cores + 2).checked_sub(threads)?;
        (threads > 1 && (2..=MOST_THREADS).contains(&size)).then_some(size)
    }

    fn start(size: u32) -> Option<Self> {
        let parallel = openmp_parallel()?;
        let (leave, left) = channel::<()>();
        let builder = thread::Builder::new().name("crowd".into());
        builder
            .spawn(move || {
                extern "C" fn nothing(_: *mut c_void) {}
                // SAFETY: `nothing` touches nothing.
                unsafe { parallel(nothing, std::ptr::null_mut(), size, 0) };
                // OpenMP counts the team until the thread that made it ends, which is when nobody can tell it to leave.
                let _ = left.recv();
            })
            .ok()?;
        Some(Self { _leave: leave })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn threads_that_have_to_share_cores_wait() {
        let (over, before) = (AtomicBool::new(false), waited().expect("this system tells how long threads wait"));
        let share = thread::scope(|scope| {
            for _ in 0..2 * processor_count().unwrap() {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        std::hint::spin_loop()
                    }
                });
            }
            let start = Instant::now();
            thread::sleep(Duration::from_millis(500));
            let share = waited().unwrap().since(&before).as_secs_f64() / start.elapsed().as_secs_f64();
            over.store(true, Ordering::Relaxed);
            share
        });
        assert!(share > CONTENDED, "they waited for {share} cores");
    }

    #[test]
    fn openmp_has_more_threads_than_cores_while_a_team_sleeps() {
        assert!(is_gnu(), "this libtorch has another OpenMP");
        for (threads, cores) in [(2, 2), (2, 8), (8, 8), (3, 60)] {
            let size = SleepingTeam::size(threads, cores).unwrap();
            assert_eq!(1 + (threads - 1) + (size - 1), cores + 1);
        }
        for (threads, cores) in [(1, 8), (9, 8), (2, 128)] {
            assert_eq!(SleepingTeam::size(threads, cores), None);
        }
    }

    #[test]
    fn a_team_that_sleeps_leaves_when_it_is_dropped() {
        let named = |name: &str| {
            let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
            threads.filter(|thread| fs::read_to_string(thread.path().join("comm")).is_ok_and(|comm| comm.trim() == name)).count()
        };
        let team = SleepingTeam::start(2).expect("OpenMP");
        let end = Instant::now() + Duration::from_secs(20);
        while named("crowd") == 0 {
            assert!(Instant::now() < end, "it has not come");
        }
        drop(team);
        while named("crowd") > 0 {
            assert!(Instant::now() < end, "it is still there");
            thread::sleep(Duration::from_millis(10));
        }
    }
}
