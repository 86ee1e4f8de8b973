//! Work that is shared out: several threads, each with small operations of its own, beat one operation on several threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs `job` for every item and gives the results in the order of the items. At most `workers` run at a time, each with its share of
/// libtorch's threads, and each in `around`, which is handed all that the worker does; one worker is the calling thread itself.
pub fn share_out<I: Sync, R: Send>(
    items: &[I],
    workers: usize,
    around: impl Fn(&mut dyn FnMut()) + Sync,
    job: impl Fn(&I) -> R + Sync,
) -> Vec<R> {
    let workers = workers.min(items.len());
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        around(&mut || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(index) else { break };
                let result = job(item);
                *results[index].lock().expect("a worker that panics ends the program") = Some(result);
            }
        });
    };
    let threads = tch::get_num_threads();
    if workers <= 1 {
        work();
    } else {
        let each = (threads / workers as i32).max(1);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    tch::set_num_threads(each);
                    work();
                });
            }
        });
    }
    // What a thread sets is the measure for MKL in all of them.
    tch::set_num_threads(threads);
    let results = results.into_iter().map(|result| result.into_inner().expect("a worker that panics ends the program"));
    results.map(|result| result.expect("every item was worked on")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..100).collect();
        let before = tch::get_num_threads();
        for workers in [1, 2, 7] {
            let begun = AtomicUsize::new(0);
            let around = |work: &mut dyn FnMut()| {
                begun.fetch_add(1, Ordering::Relaxed);
                work();
            };
            let squares = share_out(&items, workers, around, |item| {
                std::thread::yield_now();
                item * item
            });
            assert_eq!(begun.into_inner(), workers);
            assert_eq!(squares, items.iter().map(|item| item * item).collect::<Vec<_>>());
        }
        assert!(share_out(&[], 3, |work| work(), |item: &usize| *item).is_empty());
        assert_eq!(tch::get_num_threads(), before);
    }
}
