//! `targum doctor`: what this machine offers, and the command that mends each problem.

use std::io::Write;

use anyhow::{Result, bail};
use clap::Args;

use crate::runtime::files::Shown;
use crate::runtime::{CudaLibrary, Output, answers_mkl, core_count, libtorch, message, usable_gpu_count};

/// What the doctor is asked: nothing.
#[derive(Args)]
pub struct Arguments {}

/// The libtorch that tch 0.24 is made for.
const WANTED: &str = "2.11.0";

pub fn run(_: Arguments) -> Result<()> {
    let found = libtorch();
    let mut problems = Vec::new();
    let mut output = Output::open();
    writeln!(output, "targum       {}", env!("CARGO_PKG_VERSION"))?;
    let version = found.version.as_deref().unwrap_or("unknown");
    let folder = found.folder.as_ref().map_or("unknown".into(), |folder| folder.shown());
    writeln!(output, "libtorch     {version} from {folder}")?;
    if !version.starts_with(WANTED) {
        problems.push(format!("libtorch is {version}, but tch 0.24 needs {WANTED}: unset LIBTORCH and run `make libtorch`"));
    }
    match &found.cuda {
        CudaLibrary::Loaded => writeln!(output, "CUDA build   yes, loaded")?,
        CudaLibrary::Absent => writeln!(output, "CUDA build   no")?,
        CudaLibrary::Broken(error) => writeln!(output, "CUDA build   there, but not all it needs: {error}")?,
    }
    match usable_gpu_count() {
        Ok(count) => writeln!(output, "GPUs         {count} usable")?,
        Err(reason) => writeln!(output, "GPUs         none usable: {reason}")?,
    }
    writeln!(output, "driver       {}", driver_version().unwrap_or_else(|| "none".into()))?;
    writeln!(output, "threads      {} cores, libtorch uses {}", core_count(), tch::get_num_threads())?;
    writeln!(output, "CPU          {}", cpu_capability())?;
    writeln!(
        output,
        "linear algebra  MKL {}{}, oneDNN {}, OpenMP {}",
        yes(tch::utils::has_mkl()),
        if answers_mkl() { " (free to use AVX-512 on any processor)" } else { "" },
        yes(tch::utils::has_mkldnn()),
        yes(tch::utils::has_openmp())
    )?;
    writeln!(
        output,
        "allocator    {}",
        if cfg!(all(target_os = "linux", target_env = "gnu")) { "glibc, told to keep memory" } else { "of the system" }
    )?;
    output.finish()?;
    for problem in &problems {
        message!("problem: {problem}");
    }
    if !problems.is_empty() {
        bail!("{} problems", problems.len());
    }
    Ok(())
}

fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// "580.65" from the NVIDIA kernel module.
fn driver_version() -> Option<String> {
    let text = std::fs::read_to_string("/proc/driver/nvidia/version").ok()?;
    let line = text.lines().next()?;
    line.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.')).map(Into::into)
}

/// What kernels can use, best first.
fn cpu_capability() -> String {
    #[cfg(target_arch = "x86_64")]
    {
        let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let flags = flags.lines().find(|line| line.starts_with("flags")).unwrap_or_default().to_string();
        let known = ["amx_bf16", "avx512_bf16", "avx512f", "avx2", "fma"];
        let have: Vec<&str> = known.into_iter().filter(|flag| flags.split_whitespace().any(|word| word == *flag)).collect();
        if have.is_empty() { "x86-64".into() } else { have.join(", ") }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        std::env::consts::ARCH.into()
    }
}
