//! Matrix products of bfloat16 into float32, by MKL.
//!
//! libtorch's own products of bfloat16 round what they give to eight bits, and compile themselves anew for every shape they meet. MKL, which
//! is inside libtorch on x86, has one that does neither; libtorch offers no operation for it, but its C interface is there to be called.

use std::ffi::c_int;

use tch::{Device, Kind, Tensor};

use crate::runtime::{NO_TRANSPOSE, ROW_MAJOR, TRANSPOSE, gemm_bf16};

/// A matrix of bfloat16 and how a product reads it.
#[derive(Clone, Copy)]
pub enum Factor<'a> {
    Plain(&'a Tensor),
    Transposed(&'a Tensor),
}

impl Factor<'_> {
    fn matrix(&self) -> &Tensor {
        match self {
            Factor::Plain(matrix) | Factor::Transposed(matrix) => matrix,
        }
    }

    fn flag(&self) -> c_int {
        match self {
            Factor::Plain(_) => NO_TRANSPOSE,
            Factor::Transposed(_) => TRANSPOSE,
        }
    }

    /// Rows and columns as the product sees them.
    fn size(&self) -> (i64, i64) {
        let (rows, columns) = self.matrix().size2().expect("a side of a product is a matrix");
        match self {
            Factor::Plain(_) => (rows, columns),
            Factor::Transposed(_) => (columns, rows),
        }
    }
}

/// The product of two matrices of bfloat16 as float32 [M, N].
///
/// # Panics
/// When MKL has no such product (see [`has_bf16_products`](crate::runtime::has_bf16_products)), or kinds, shapes or layouts do not fit.
pub fn product(left: Factor, right: Factor) -> Tensor {
    let product = Tensor::empty([left.size().0, right.size().1], (Kind::Float, left.matrix().device()));
    multiply(&product, left, right, 0.0);
    product
}

/// Adds the product of two matrices of bfloat16 to one of float32 [M, N], in place.
///
/// # Panics
/// As [`product`].
pub fn add_product(sum: &Tensor, left: Factor, right: Factor) {
    multiply(sum, left, right, 1.0);
}

/// C ← A B + `share` · C; what C holds is not read where the share is zero.
fn multiply(sum: &Tensor, left: Factor, right: Factor, share: f32) {
    let ((m, k), (inner, n)) = (left.size(), right.size());
    assert!(k == inner && sum.size() == [m, n], "[{m}, {k}] by [{inner}, {n}] does not give {:?}", sum.size());
    let fits = |tensor: &Tensor, kind| tensor.kind() == kind && tensor.device() == Device::Cpu && tensor.is_contiguous();
    assert!(
        fits(sum, Kind::Float) && fits(left.matrix(), Kind::BFloat16) && fits(right.matrix(), Kind::BFloat16),
        "products go from bfloat16 into float32, all of it contiguous and on the CPU"
    );
    let gemm = gemm_bf16().expect("`has_bf16_products` says whether MKL has it");
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        // A sum of nothing.
        if share == 0.0 {
            let _ = sum.shallow_clone().zero_();
        }
        return;
    }
    let int = |size: i64| c_int::try_from(size).expect("a matrix has fewer than 2^31 rows and columns");
    let leading = |side: &Factor| int(side.matrix().size()[1]);
    // SAFETY: kinds, shapes and layouts were compared above, and a tensor's storage is its own; what is written belongs to `sum` alone.
    unsafe {
        gemm(
            ROW_MAJOR,
            left.flag(),
            right.flag(),
            int(m),
            int(n),
            int(k),
            1.0,
            left.matrix().data_ptr(),
            leading(&left),
            right.matrix().data_ptr(),
            leading(&right),
            share,
            sum.data_ptr(),
            int(n),
        );
    }
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn equals_libtorchs_product_of_the_same_numbers() {
        assert!(gemm_bf16().is_some());
        tch::manual_seed(1);
        let random = |size: [i64; 2]| Tensor::randn(size, (Kind::Float, Device::Cpu)).to_kind(Kind::BFloat16);
        for (m, n, k) in [(1, 1, 1), (3, 5, 7), (33, 129, 64), (256, 100, 300)] {
            let (a, b) = (random([m, k]), random([k, n]));
            let (a_turned, b_turned) = (a.tr().contiguous(), b.tr().contiguous());
            let expected = a.to_kind(Kind::Double).matmul(&b.to_kind(Kind::Double)) + 2.0;
            for left in [Factor::Plain(&a), Factor::Transposed(&a_turned)] {
                for right in [Factor::Plain(&b), Factor::Transposed(&b_turned)] {
                    let sum = Tensor::full([m, n], 2.0, (Kind::Float, Device::Cpu));
                    add_product(&sum, left, right);
                    assert!(sum.to_kind(Kind::Double).allclose(&expected, 1e-4, 1e-4, false), "{m} {n} {k}");
                    let product = product(left, right).to_kind(Kind::Double);
                    assert!((product + 2.0).allclose(&expected, 1e-4, 1e-4, false), "{m} {n} {k}");
                }
            }
        }
    }

    #[test]
    fn a_sum_of_nothing_is_zero() {
        let nothing = |size: [i64; 2]| Tensor::zeros(size, (Kind::BFloat16, Device::Cpu));
        let product = product(Factor::Plain(&nothing([4, 0])), Factor::Plain(&nothing([0, 5])));
        assert!(product.equal(&Tensor::zeros([4, 5], (Kind::Float, Device::Cpu))));
    }

    #[test]
    #[should_panic(expected = "does not give")]
    fn what_does_not_fit_is_refused() {
        let zeros = |size: [i64; 2], kind| Tensor::zeros(size, (kind, Device::Cpu));
        let (a, b) = (zeros([2, 3], Kind::BFloat16), zeros([4, 5], Kind::BFloat16));
        add_product(&zeros([2, 5], Kind::Float), Factor::Plain(&a), Factor::Plain(&b));
    }
}
