//! Memory of this process, as the kernel counts it.

/// Most bytes this process ever had in memory; nothing where the kernel does not tell.
pub fn peak_memory() -> Option<u64> {
    status("VmHWM:")
}

/// Bytes this process has in memory now; nothing where the kernel does not tell.
pub fn resident_memory() -> Option<u64> {
    status("VmRSS:")
}

fn status(key: &str) -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?, key)
}

fn parse(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_lines_of_proc() {
        let status = "Name:\ttargum\nVmPeak:\t  900 kB\nVmHWM:\t    1500 kB\nVmRSS:\t     800 kB\n";
        assert_eq!(parse(status, "VmHWM:"), Some(1500 * 1024));
        assert_eq!(parse(status, "VmRSS:"), Some(800 * 1024));
        assert_eq!(parse(status, "VmSwap:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_peak_holds_what_was_touched() {
        let block = std::hint::black_box(vec![1_u8; 32 << 20]);
        let peak = peak_memory().unwrap();
        assert!(peak >= block.len() as u64 && peak >= resident_memory().unwrap(), "{peak}");
    }
}
