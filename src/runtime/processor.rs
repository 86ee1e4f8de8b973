//! What the processor is called, and how long it has worked for this process.

use std::time::Duration;

/// Its model, as the kernel names it; nothing where that is not told.
pub fn processor_name() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}

/// Processor time of all threads of this process together. Unlike the time on the wall it leaves out what other programs took.
pub fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes into a timespec that is ours. The clock exists in every POSIX system; where it did not, the time would stay 0.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_passes_while_the_processor_works() {
        let start = processor_time();
        let mut sum = 0u64;
        while processor_time() - start < Duration::from_millis(5) {
            sum = sum.wrapping_mul(3).wrapping_add(1);
        }
        assert!(processor_time() > start, "{sum}");
    }
}
