//! Matrix products of MKL, which is inside libtorch on x86, by their C interfaces: libtorch offers no operations for them.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::OnceLock;

use super::symbol::symbol_of_mkl;

/// `cblas_gemm_bf16bf16f32`: C ← α · op(A) op(B) + β · C.
pub(crate) type GemmBf16 = unsafe extern "C" fn(
    layout: c_int,
    transpose_a: c_int,
    transpose_b: c_int,
    m: c_int,
    n: c_int,
    k: c_int,
    alpha: f32,
    a: *const c_void,
    leading_a: c_int,
    b: *const c_void,
    leading_b: c_int,
    beta: f32,
    c: *mut c_void,
    leading_c: c_int,
);

/// Values of `layout`, `transpose_a` and `transpose_b` of [`GemmBf16`].
pub(crate) const ROW_MAJOR: c_int = 101;
pub(crate) const NO_TRANSPOSE: c_int = 111;
pub(crate) const TRANSPOSE: c_int = 112;

pub(crate) fn gemm_bf16() -> Option<GemmBf16> {
    static FOUND: OnceLock<Option<GemmBf16>> = OnceLock::new();
    // SAFETY: what has this name is the function above, with 32-bit integers as libtorch links MKL.
    let function = |found| unsafe { std::mem::transmute::<NonNull<c_void>, GemmBf16>(found) };
    *FOUND.get_or_init(|| symbol_of_mkl(c"cblas_gemm_bf16bf16f32").map(function))
}

/// `sgemm_` of BLAS, whose matrices go down their columns: C ← α · op(A) op(B) + β · C.
pub(crate) type Sgemm = unsafe extern "C" fn(
    transpose_a: *const c_char,
    transpose_b: *const c_char,
    m: *const c_int,
    n: *const c_int,
    k: *const c_int,
    alpha: *const f32,
    a: *const c_void,
    leading_a: *const c_int,
    b: *const c_void,
    leading_b: *const c_int,
    beta: *const f32,
    c: *mut f32,
    leading_c: *const c_int,
);

pub(crate) fn sgemm() -> Option<Sgemm> {
    static FOUND: OnceLock<Option<Sgemm>> = OnceLock::new();
    // SAFETY: what has this name is the function above, with 32-bit integers as libtorch links MKL.
    let function = |found| unsafe { std::mem::transmute::<NonNull<c_void>, Sgemm>(found) };
    *FOUND.get_or_init(|| symbol_of_mkl(c"sgemm_").map(function))
}
