//! How many threads libtorch and rayon use.

use super::contention::watch_contention;

/// Cores that this process may use.
pub fn core_count() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Sets the threads inside a libtorch operation and of text processing. `None` leaves both as they are: one a core, or what
/// OMP_NUM_THREADS and RAYON_NUM_THREADS say; but no more than the cores whose time this process is granted, which OpenMP does not ask in a
/// container. Watches whether other programs want the same cores. Call it once, before any of them works.
pub fn set_threads(threads: Option<usize>) {
    let beyond = || std::env::var_os("OMP_NUM_THREADS").is_none() && tch::get_num_threads() as usize > core_count();
    let threads = threads.or_else(|| beyond().then(core_count));
    if let Some(threads) = threads {
        tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
        // It fails only where text was processed already: then the threads of that time stay.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    }
    watch_contention(tch::get_num_threads().try_into().unwrap_or(1));
}
