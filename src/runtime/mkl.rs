//! Which instructions MKL, the linear algebra inside libtorch, may use.
//!
//! MKL asks its own function `mkl_serv_intel_cpu_true` whether Intel made the processor, and where the answer is no it leaves AVX-512 alone:
//! on the processor of `docs/results.md` matrix products then run at less than half the speed. libtorch calls that function through its table of
//! dynamic symbols, where a program's own definition comes first. Here is ours: it says yes for every processor that has AVX-512, and what
//! MKL itself would say for all others. `MKL_ENABLE_INSTRUCTIONS=AVX2` in the environment takes AVX-512 away again.

use std::ffi::c_int;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use super::symbol::symbol_of_mkl;

/// MKL's question: may instructions be chosen by what the processor can do (1), or only those that are known of its maker (0)?
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[unsafe(no_mangle)]
pub extern "C" fn mkl_serv_intel_cpu_true() -> c_int {
    c_int::from(made_by_intel() || std::is_x86_feature_detected!("avx512f"))
}

/// Keeps the linker from dropping what nothing in Rust calls.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[used]
static ANSWER: extern "C" fn() -> c_int = mkl_serv_intel_cpu_true;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn made_by_intel() -> bool {
    let leaf = std::arch::x86_64::__cpuid(0);
    [leaf.ebx, leaf.edx, leaf.ecx].map(u32::to_le_bytes).concat() == b"GenuineIntel"
}

/// Whether MKL gets its answer from this program: not so where libtorch hides its symbols, and nowhere but on 64-bit x86.
pub fn answers_mkl() -> bool {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    {
        let found = symbol_of_mkl(c"mkl_serv_intel_cpu_true");
        found.is_some_and(|found| std::ptr::eq(found.as_ptr(), (ANSWER as *const ()).cast()))
    }
    #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
    {
        false
    }
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn the_loader_finds_this_programs_answer_first() {
        assert!(answers_mkl());
    }
}
