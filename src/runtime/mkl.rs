//! Which instructions MKL, the linear algebra inside libtorch, may use.
//!
//! MKL asks its own function `mkl_serv_intel_cpu_true` whether Intel made the processor, and where the answer is no it leaves AVX-512 alone:
//! on the processor of `docs/results.md` matrix products then run at less than half the speed. libtorch calls that function through its table of
//! dynamic symbols, where a program's own definition comes first. [`answer_mkl!`](crate::answer_mkl) makes one: it says yes for every processor
//! that has AVX-512, and what MKL itself would say for all others. `MKL_ENABLE_INSTRUCTIONS=AVX2` in the environment takes AVX-512 away again.
//!
//! A library must not redefine what belongs to another one, so it is the binary that does: Targum's own, and any other that says so.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use super::symbol::symbol_of_mkl;

/// Lets MKL use AVX-512 on any processor that has it: to be written once in a binary, outside of any function.
#[macro_export]
macro_rules! answer_mkl {
    () => {
        /// MKL's question: may instructions be chosen by what the processor can do (1), or only those that are known of its maker (0)?
        #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
        #[unsafe(no_mangle)]
        pub extern "C" fn mkl_serv_intel_cpu_true() -> ::std::ffi::c_int {
            $crate::runtime::mkl_may_use_every_instruction().into()
        }

        /// Keeps the linker from dropping what nothing in Rust calls.
        #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
        #[used]
        static ANSWER_TO_MKL: extern "C" fn() -> ::std::ffi::c_int = mkl_serv_intel_cpu_true;
    };
}

/// What [`answer_mkl!`](crate::answer_mkl) says.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub fn mkl_may_use_every_instruction() -> bool {
    made_by_intel() || std::is_x86_feature_detected!("avx512f")
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn made_by_intel() -> bool {
    let leaf = std::arch::x86_64::__cpuid(0);
    [leaf.ebx, leaf.edx, leaf.ecx].map(u32::to_le_bytes).concat() == b"GenuineIntel"
}

/// Whether MKL gets its answer from this program: not so where it does not say [`answer_mkl!`](crate::answer_mkl) or libtorch hides its
/// symbols, and nowhere but on 64-bit x86.
pub fn answers_mkl() -> bool {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    {
        let file_of = |address: *const std::ffi::c_void| {
            let mut found = std::mem::MaybeUninit::<libc::Dl_info>::uninit();
            // SAFETY: dladdr reads no memory at the address, and fills the structure where it does not return 0.
            unsafe { (libc::dladdr(address, found.as_mut_ptr()) != 0).then(|| found.assume_init().dli_fbase) }
        };
        let answer = symbol_of_mkl(c"mkl_serv_intel_cpu_true").and_then(|found| file_of(found.as_ptr()));
        answer.is_some() && answer == file_of((answers_mkl as fn() -> bool as *const ()).cast())
    }
    #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
    {
        false
    }
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use super::*;

    crate::answer_mkl!();

    #[test]
    fn the_loader_finds_this_programs_answer_first() {
        assert!(answers_mkl());
    }
}
