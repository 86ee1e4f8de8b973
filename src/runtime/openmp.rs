//! OpenMP, whose threads libtorch computes with.

use std::ffi::{c_int, c_uint, c_void};
use std::ptr::NonNull;
use std::sync::OnceLock;

use super::symbol::symbol;

/// `GOMP_parallel`, which LLVM's and Intel's OpenMP have as well: every thread of a team calls `work(data)`.
pub(crate) type OpenMpParallel =
    unsafe extern "C" fn(work: extern "C" fn(*mut c_void), data: *mut c_void, threads: c_uint, flags: c_uint);

/// `None` where libtorch has no OpenMP.
pub(crate) fn openmp_parallel() -> Option<OpenMpParallel> {
    static FOUND: OnceLock<Option<OpenMpParallel>> = OnceLock::new();
    // SAFETY: what has this name is the function above.
    let function = |found| unsafe { std::mem::transmute::<NonNull<c_void>, OpenMpParallel>(found) };
    *FOUND.get_or_init(|| symbol(c"GOMP_parallel").map(function))
}

/// Cores that OpenMP counts: those that this process may run on, whatever share of their time it is granted.
pub(super) fn processor_count() -> Option<u32> {
    let found = symbol(c"omp_get_num_procs")?;
    // SAFETY: what has this name takes nothing and gives a number.
    let count = unsafe { std::mem::transmute::<NonNull<c_void>, unsafe extern "C" fn() -> c_int>(found)() };
    u32::try_from(count).ok()
}
