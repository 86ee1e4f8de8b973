//! How many threads libtorch and rayon use.

/// Cores that this process may use.
pub fn core_count() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Sets the threads inside a libtorch operation (and of text processing). `None` leaves one a core.
pub fn set_threads(threads: Option<usize>) {
    let threads = threads.unwrap_or_else(core_count).max(1);
    tch::set_num_threads(threads as i32);
}
