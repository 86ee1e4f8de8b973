//! Threads that wait for each other, on a machine whose cores have other work too.
//!
//! Threads of GNU's OpenMP, which are libtorch's, wait for the next operation by spinning, for milliseconds. That is right where nobody
//! else wants the core. Where somebody does, those that spin keep out those they wait for, and two threads become slower than one by far.
//! OpenMP knows of this: where it has made more threads than there are cores, each spins a thousand times and then sleeps. It only cannot
//! see the threads of other programs. So this watches how long ours wait for a core, and while they do it keeps a second team, asleep, that makes
//! OpenMP's own too many. `benches/waiting.sh` measures it; docs/training.md has the figures.
//!
//! Where the environment sets `OMP_WAIT_POLICY=passive` or a lower `GOMP_SPINCOUNT`, that holds.

use std::ffi::c_void;
use std::fs;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::team::{parallel, processor_count};

/// Between two looks at the threads.
const PERIOD: Duration = Duration::from_millis(100);
/// Cores that our threads together waited for in a period, from which on it was crowded.
const CROWDED: f64 = 0.1;
/// So many periods one after the other make a crowded machine: threads of our own that start push each other for one or two.
const PERIODS: u32 = 3;
/// How long nobody has to wait until it no longer is.
const CALM: Duration = Duration::from_secs(2);

/// Starts to watch, for as long as the process lives. Not where OpenMP is another, or the system does not tell.
pub fn watch_crowding() {
    if waited().is_none() || parallel().is_none() {
        return;
    }
    // Without it threads spin as they did before.
    let _ = thread::Builder::new().name("crowding".into()).spawn(|| {
        let (mut before, mut at, mut last) = (waited().unwrap_or_default(), Instant::now(), Instant::now());
        let (mut periods, mut team) = (0, None);
        loop {
            thread::sleep(PERIOD);
            let (now, time) = (waited().unwrap_or_default(), Instant::now());
            // A thread that ended takes what it waited with it.
            let share = now.saturating_sub(before).as_secs_f64() / (time - at).as_secs_f64();
            (before, at) = (now, time);
            periods = if share > CROWDED { periods + 1 } else { 0 };
            if periods >= PERIODS {
                last = time;
                team = team.or_else(SleepingTeam::start);
            } else if time - last > CALM {
                team = None;
            }
        }
    });
}

/// How long the threads of this process have waited for a core although they could have run.
fn waited() -> Option<Duration> {
    let mut sum = 0;
    for thread in fs::read_dir("/proc/self/task").ok()?.flatten() {
        // Nanoseconds on a core, nanoseconds waited for one, and how often; none where the thread has ended since.
        let Ok(text) = fs::read_to_string(thread.path().join("schedstat")) else { continue };
        sum += text.split_whitespace().nth(1)?.parse::<u64>().ok()?;
    }
    (sum > 0 || fs::exists("/proc/self/schedstat").is_ok_and(|exists| exists)).then(|| Duration::from_nanos(sum))
}

/// A team of OpenMP of a thread more than there are cores, none of which does anything. It goes when this does.
struct SleepingTeam {
    _leave: Sender<()>,
}

impl SleepingTeam {
    fn start() -> Option<Self> {
        let parallel = parallel()?;
        let (leave, left) = channel::<()>();
        let size = processor_count()?.checked_add(1)?;
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
                scope.spawn(|| while !over.load(Ordering::Relaxed) {});
            }
            let start = Instant::now();
            thread::sleep(Duration::from_millis(500));
            let share = (waited().unwrap() - before).as_secs_f64() / start.elapsed().as_secs_f64();
            over.store(true, Ordering::Relaxed);
            share
        });
        assert!(share > CROWDED, "they waited for {share} cores");
    }

    #[test]
    fn a_team_that_sleeps_leaves_when_it_is_dropped() {
        let named = |name: &str| {
            let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
            threads.filter(|thread| fs::read_to_string(thread.path().join("comm")).is_ok_and(|comm| comm.trim() == name)).count()
        };
        let team = SleepingTeam::start().expect("OpenMP");
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
