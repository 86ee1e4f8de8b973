//! Loops of our own on the threads that libtorch computes with.
//!
//! Those threads are OpenMP's, and when they have done an operation they wait for the next one busily. Another set of threads would have to push
//! them off their cores; loops between two operations therefore go to the same threads, by the call that compilers make of
//! `#pragma omp parallel`.

use std::any::Any;
use std::ffi::{c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;

use crate::runtime::openmp_parallel;

/// How many threads a team of this thread may have: as many as its operations.
pub fn thread_count() -> usize {
    tch::get_num_threads().max(1) as usize
}

/// What a team works on.
struct Job<'a, P> {
    /// Those that nobody has taken.
    parts: Mutex<Vec<P>>,
    work: &'a (dyn Fn(P) + Sync),
    /// What the first of them to fail has said.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl<P> Job<'_, P> {
    fn run(&self) {
        let take = || self.parts.lock().expect("taking a part cannot fail").pop();
        while let Some(part) = take() {
            // The frames between here and the caller are C's, which must not be unwound.
            if let Err(said) = catch_unwind(AssertUnwindSafe(|| (self.work)(part))) {
                self.panic.lock().expect("keeping what was said cannot fail").get_or_insert(said);
            }
        }
    }
}

extern "C" fn run<P: Send>(job: *mut c_void) {
    // SAFETY: `parallel_for` passes its own job, which outlives the team, and threads share nothing of it that is not `Sync`.
    unsafe { &*job.cast_const().cast::<Job<P>>() }.run();
}

/// Does `work` with every part, on as many threads as there are parts and a team may have ([`thread_count`]), and
/// returns when all is done. Where libtorch has no OpenMP, this thread does it alone.
///
/// # Panics
/// When `work` does.
pub fn parallel_for<P: Send>(parts: Vec<P>, work: impl Fn(P) + Sync) {
    let threads = parts.len().min(thread_count());
    let job = Job { parts: Mutex::new(parts), work: &work, panic: Mutex::new(None) };
    match openmp_parallel() {
        Some(parallel) if threads > 1 => {
            // SAFETY: the job lives until the team is done, which is when the call returns; `run` unwinds through nobody.
            unsafe { parallel(run::<P>, (&raw const job).cast_mut().cast(), threads as c_uint, 0) };
        }
        _ => job.run(),
    }
    if let Some(said) = job.panic.into_inner().expect("keeping what was said cannot fail") {
        resume_unwind(said);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_done_once() {
        for count in [0, 1, 2, 50] {
            let done = Mutex::new(Vec::new());
            parallel_for((0..count).collect(), |part: usize| done.lock().unwrap().push(part));
            let mut done = done.into_inner().unwrap();
            done.sort_unstable();
            assert_eq!(done, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn parts_are_done_at_the_same_time() {
        assert!(openmp_parallel().is_some(), "this libtorch has no OpenMP");
        // What a thread may use is its own affair.
        let threads = std::thread::spawn(|| {
            // The first question takes over what any thread has set last, and with it what another test has set.
            tch::get_num_threads();
            tch::set_num_threads(2);
            let (meeting, seen) = (std::sync::Barrier::new(2), Mutex::new(std::collections::HashSet::new()));
            parallel_for(vec![(), ()], |()| {
                meeting.wait();
                seen.lock().unwrap().insert(std::thread::current().id());
            });
            seen.into_inner().unwrap()
        })
        .join()
        .unwrap();
        assert_eq!(threads.len(), 2);
    }

    #[test]
    fn a_panic_comes_through() {
        let said = catch_unwind(|| parallel_for(vec![1, 2, 3], |part| assert!(part != 2, "no {part}"))).unwrap_err();
        assert_eq!(said.downcast_ref::<String>().unwrap(), "no 2");
    }
}
