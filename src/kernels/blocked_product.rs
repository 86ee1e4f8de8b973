//! Products of matrices, some columns at a time.
//!
//! The scores of a vocabulary are more numbers than a cache holds. Whoever wants to look at them again does so while they are there: some
//! columns are worked out, looked at, and then the next ones, on each thread for itself. libtorch has no operation that could be
//! split so, but the linear algebra inside it has.

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::ops::Range;

use tch::{Device, Kind, Tensor};

use crate::runtime::{GemmBf16, NO_TRANSPOSE, ROW_MAJOR, Sgemm, TRANSPOSE, gemm_bf16, sgemm};

enum By {
    Float(Sgemm),
    Bfloat16(GemmBf16),
}

/// x Wᵀ of x [M, K] and W [N, K], both float32 or both bfloat16, as float32.
pub struct BlockedProduct<'a> {
    by: By,
    x: *const c_void,
    weight: *const c_void,
    m: c_int,
    n: usize,
    k: c_int,
    tensors: PhantomData<&'a Tensor>,
}

// SAFETY: the matrices are only read.
unsafe impl Sync for BlockedProduct<'_> {}

impl<'a> BlockedProduct<'a> {
    /// `None` where there is no such product: on other devices, of other kinds, for matrices that do not lie row after row, with another
    /// libtorch.
    pub fn of(x: &'a Tensor, weight: &'a Tensor) -> Option<Self> {
        let ((m, k), (n, inner)) = (x.size2().ok()?, weight.size2().ok()?);
        let fits = |tensor: &Tensor| tensor.device() == Device::Cpu && tensor.is_contiguous() && tensor.kind() == x.kind();
        let by = match x.kind() {
            Kind::Float => By::Float(sgemm()?),
            Kind::BFloat16 => By::Bfloat16(gemm_bf16()?),
            _ => return None,
        };
        let (m, k) = (c_int::try_from(m).ok()?, c_int::try_from(k).ok()?);
        if inner != i64::from(k) || m == 0 || k == 0 || !fits(x) || !fits(weight) {
            return None;
        }
        Some(BlockedProduct { by, x: x.data_ptr(), weight: weight.data_ptr(), m, n: n as usize, k, tensors: PhantomData })
    }

    /// Puts some columns of the product at `target`, its rows `stride` numbers apart.
    ///
    /// # Safety
    /// `target` has M rows of as many numbers as there are columns, and nobody else reads or writes them meanwhile.
    pub unsafe fn write(&self, columns: Range<usize>, target: *mut f32, stride: usize) {
        assert!(columns.start <= columns.end && columns.end <= self.n, "columns {columns:?} of {}", self.n);
        let int = |size: usize| c_int::try_from(size).expect("a matrix has fewer than 2^31 rows and columns");
        let (n, leading, first) = (int(columns.len()), int(stride), columns.start * self.k as usize);
        if n == 0 {
            return;
        }
        match self.by {
            // SAFETY: `of` has compared sizes, kinds and layouts, the columns are there, and the caller answers for the target.
            By::Float(sgemm) => unsafe {
                // Turned round, what goes along rows goes down columns: Cᵀ = W xᵀ.
                sgemm(
                    c"T".as_ptr(),
                    c"N".as_ptr(),
                    &n,
                    &self.m,
                    &self.k,
                    &1.0,
                    self.weight.cast::<f32>().add(first).cast(),
                    &self.k,
                    self.x,
                    &self.k,
                    &0.0,
                    target,
                    &leading,
                );
            },
            // SAFETY: as above.
            By::Bfloat16(gemm) => unsafe {
                gemm(
                    ROW_MAJOR,
                    NO_TRANSPOSE,
                    TRANSPOSE,
                    self.m,
                    n,
                    self.k,
                    1.0,
                    self.x,
                    self.k,
                    self.weight.cast::<u16>().add(first).cast(),
                    self.k,
                    0.0,
                    target.cast(),
                    leading,
                );
            },
        }
    }
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_libtorchs_product() {
        tch::manual_seed(3);
        for kind in [Kind::Float, Kind::BFloat16] {
            for (m, n, k) in [(1, 1, 1), (1, 40, 16), (7, 30, 33), (64, 300, 128)] {
                let random = |size: [i64; 2]| Tensor::randn(size, (Kind::Float, Device::Cpu)).to_kind(kind);
                let (x, weight) = (random([m, k]), random([n, k]));
                let expected = x.to_kind(Kind::Double).matmul(&weight.to_kind(Kind::Double).tr());
                let found = Tensor::full([m, n + 3], f64::NAN, (Kind::Float, Device::Cpu));
                let product = BlockedProduct::of(&x, &weight).expect("MKL has both");
                let middle = n as usize / 3;
                for columns in [middle..n as usize, 0..middle] {
                    // SAFETY: the columns are in each of the M rows, and nobody else looks at them.
                    unsafe {
                        let target = found.data_ptr().cast::<f32>().add(columns.start);
                        product.write(columns, target, n as usize + 3);
                    }
                }
                let (found, beside) = (found.narrow(1, 0, n).to_kind(Kind::Double), found.narrow(1, n, 3));
                assert!(found.allclose(&expected, 1e-4, 1e-4, false), "{kind:?} {m} {n} {k}");
                assert!(bool::try_from(beside.isnan().all()).unwrap(), "what lies beside the columns stays");
            }
        }
    }

    #[test]
    fn there_is_none_of_what_does_not_fit() {
        let zeros = |size: [i64; 2], kind| Tensor::zeros(size, (kind, Device::Cpu));
        let x = zeros([2, 6], Kind::Float);
        for weight in [zeros([3, 5], Kind::Float), zeros([3, 6], Kind::BFloat16), zeros([6, 3], Kind::Float).tr()] {
            assert!(BlockedProduct::of(&x, &weight).is_none());
        }
        assert!(BlockedProduct::of(&zeros([2, 6], Kind::Double), &zeros([3, 6], Kind::Double)).is_none());
        assert!(BlockedProduct::of(&x, &zeros([3, 6], Kind::Float)).is_some());
    }
}
