//! Memory of this process and of the machine, as the kernel counts it.

use std::fs::read_to_string;
use std::path::Path;

use anyhow::{Result, bail};

/// Most bytes this process ever had in memory; nothing where the kernel does not tell.
pub fn peak_memory() -> Option<u64> {
    status("VmHWM:")
}

/// Bytes this process has in memory now; nothing where the kernel does not tell.
pub fn resident_memory() -> Option<u64> {
    status("VmRSS:")
}

/// What the machine has, or the container that this process is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineMemory {
    /// Bytes there are.
    pub total: u64,
    /// Bytes that a process can still get: free ones, those that only hold copies of files, and swap.
    pub free: u64,
}

impl MachineMemory {
    /// Nothing where the kernel does not tell.
    pub fn now() -> Option<Self> {
        let machine = Self::of_machine(&read_to_string("/proc/meminfo").ok()?)?;
        let group = read_to_string("/proc/self/cgroup").ok().and_then(|text| Self::of_groups(&text, Path::new("/sys/fs/cgroup")));
        Some(group.map_or(machine, |group| machine.within(group)))
    }

    fn of_machine(meminfo: &str) -> Option<Self> {
        let swap = |key| parse(meminfo, key).unwrap_or(0);
        let total = parse(meminfo, "MemTotal:")? + swap("SwapTotal:");
        Some(Self { total, free: parse(meminfo, "MemAvailable:")? + swap("SwapFree:") })
    }

    /// The tightest of the limits on the control groups that this process is in, which `cgroup` names; none where there is no limit. `root` is
    /// where the file system of groups is.
    fn of_groups(cgroup: &str, root: &Path) -> Option<Self> {
        // `0::/path` of version 2, `4:memory:/path` of version 1.
        let group = |prefix: &str| cgroup.lines().find_map(|line| line.split_once(prefix).map(|(_, path)| path));
        let (folder, path, names) = match (group(":memory:"), group("0::")) {
            (Some(path), _) => {
                let names = ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "];
                (root.join("memory"), path, names)
            }
            (None, path) => (root.to_path_buf(), path?, ["memory.max", "memory.current", "inactive_file "]),
        };
        let [limit, usage, inactive] = names;
        let number = |path: &Path, name: &str| read_to_string(path.join(name)).ok()?.trim().parse::<u64>().ok();
        let of = |path: &Path| {
            let total = number(path, limit)?;
            let stat = read_to_string(path.join("memory.stat")).unwrap_or_default();
            let files = stat.lines().find_map(|line| line.strip_prefix(inactive)?.parse().ok()).unwrap_or(0);
            let used = number(path, usage)?.saturating_sub(files);
            Some(Self { total, free: total.saturating_sub(used) })
        };
        // Inside of a container the path may be one of the machine outside.
        let path = path.trim_start_matches('/');
        let all = Path::new(path).ancestors().map(|above| folder.join(above));
        all.filter_map(|path| of(&path)).reduce(Self::within)
    }

    fn within(self, other: Self) -> Self {
        Self { total: self.total.min(other.total), free: self.free.min(other.free) }
    }
}

/// Whether there is room for `bytes` bytes that `what` needs at least.
///
/// # Errors
/// Where there is not: says both numbers. Where the kernel tells nothing there always is.
pub fn ensure_memory(what: &str, bytes: u64) -> Result<()> {
    MachineMemory::now().map_or(Ok(()), |memory| room_in(memory, what, bytes))
}

fn room_in(memory: MachineMemory, what: &str, bytes: u64) -> Result<()> {
    if bytes <= memory.free {
        return Ok(());
    }
    bail!(
        "{what} {} of memory at least, but this machine has {}, of which {} are free; make the model smaller, free some memory, or take a larger \
         machine",
        gigabytes(bytes),
        gigabytes(memory.total),
        gigabytes(memory.free)
    )
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

fn status(key: &str) -> Option<u64> {
    parse(&read_to_string("/proc/self/status").ok()?, key)
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
        let meminfo = "MemTotal:  100 kB\nMemFree: 5 kB\nMemAvailable:  60 kB\nSwapTotal: 10 kB\nSwapFree: 7 kB\n";
        let machine = MachineMemory::of_machine(meminfo).unwrap();
        assert_eq!(machine, MachineMemory { total: 110 * 1024, free: 67 * 1024 });
        assert_eq!(MachineMemory::of_machine("MemTotal: 100 kB\n"), None);
    }

    #[test]
    fn the_tightest_group_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert_eq!(MachineMemory::of_groups("0::/a/b\n", root.path()), None);
        write("a/memory.max", "1000\n");
        write("a/memory.current", "700\n");
        write("a/memory.stat", "file 650\ninactive_file 300\n");
        write("a/b/memory.max", "max\n");
        write("a/b/memory.current", "600\n");
        let found = MachineMemory::of_groups("0::/a/b\n", root.path());
        assert_eq!(found, Some(MachineMemory { total: 1000, free: 600 }));
        write("memory/x/memory.limit_in_bytes", "500\n");
        write("memory/x/memory.usage_in_bytes", "450\n");
        let found = MachineMemory::of_groups("5:cpu:/\n4:memory:/x\n0::/a\n", root.path());
        assert_eq!(found, Some(MachineMemory { total: 500, free: 50 }));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_both_numbers() {
        let memory = MachineMemory { total: 64_000_000_000, free: 60_500_000_000 };
        room_in(memory, "it needs", 60_500_000_000).unwrap();
        let error = room_in(memory, "training this model needs", 103_100_000_000).unwrap_err().to_string();
        let part =
            "training this model needs 103.1 GB of memory at least, but this machine has 64.0 GB, of which 60.5 GB are free";
        assert!(error.contains(part), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_machine_has_memory() {
        let memory = MachineMemory::now().unwrap();
        assert!(0 < memory.free && memory.free <= memory.total, "{memory:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_peak_holds_what_was_touched() {
        let block = std::hint::black_box(vec![1_u8; 32 << 20]);
        let peak = peak_memory().unwrap();
        assert!(peak >= block.len() as u64 && peak >= resident_memory().unwrap(), "{peak}");
    }
}
