//! Matrix products in half precision, for as long as some work takes and in its thread alone.
//!
//! Weights stay float32, and so does what is sensitive: normalisation, softmax, sums. Where gradients are wanted, and on GPUs, libtorch's
//! autocast decides operation by operation: products read both sides in half precision and give half precision, which becomes float32 again
//! where it meets float32. Where none are wanted, on a CPU, MKL multiplies bfloat16 into float32: linear maps read
//! bfloat16, a Transformer remembers keys and values in it, and nothing else changes.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::c_void;

use tch::{Device, Kind, Tensor};

use super::mkl_products::gemm_bf16;
use super::precision::Precision;

// ATen/autocast_mode.h. tch binds these for CUDA alone, where they leave no choice of kind.
unsafe extern "C" {
    #[link_name = "_ZN2at8autocast20set_autocast_enabledEN3c1010DeviceTypeEb"]
    safe fn set_autocast_enabled(device_type: i8, enabled: bool);
    #[link_name = "_ZN2at8autocast18set_autocast_dtypeEN3c1010DeviceTypeENS1_10ScalarTypeE"]
    safe fn set_autocast_dtype(device_type: i8, scalar_type: i8);
    #[link_name = "_ZN2at8autocast17increment_nestingEv"]
    safe fn increment_nesting() -> i32;
    #[link_name = "_ZN2at8autocast17decrement_nestingEv"]
    safe fn decrement_nesting() -> i32;
    #[link_name = "_ZN2at8autocast11clear_cacheEv"]
    safe fn clear_cache();
}

/// How a thread multiplies matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Products {
    /// As they come.
    Plain,
    /// By autocast, in this kind.
    Autocast(Kind),
    /// Linear maps by MKL from bfloat16, without gradients.
    Bf16Maps,
}

thread_local! {
    static PRODUCTS: Cell<Products> = const { Cell::new(Products::Plain) };
    /// Casts of weights, by where the weights lie.
    static CASTS: RefCell<HashMap<*mut c_void, Tensor>> = RefCell::default();
}

/// The half precision that products of this thread give: `None` outside of [`with_precision`].
pub fn half_products() -> Option<Kind> {
    match PRODUCTS.get() {
        Products::Autocast(kind) => Some(kind),
        Products::Plain | Products::Bf16Maps => None,
    }
}

/// Whether this libtorch multiplies bfloat16 into float32 without rounding the result.
pub fn has_bf16_products() -> bool {
    gemm_bf16().is_some()
}

/// Whether linear maps of this thread read bfloat16 and give float32, by MKL.
pub fn bf16_maps() -> bool {
    PRODUCTS.get() == Products::Bf16Maps
}

/// A tensor as this thread's matrix products read it: what many products read should be cast once. Casts of parameters are kept as long as
/// the work takes.
pub fn for_products(tensor: &Tensor) -> Tensor {
    match PRODUCTS.get() {
        Products::Plain => tensor.shallow_clone(),
        Products::Autocast(kind) => tensor.to_kind(kind),
        // Parameters stay where they are; anything else may be gone by the next call, and something else in its place.
        Products::Bf16Maps if tensor.requires_grad() && tensor.is_leaf() => CASTS.with_borrow_mut(|casts| {
            casts.entry(tensor.data_ptr()).or_insert_with(|| tensor.to_kind(Kind::BFloat16)).shallow_clone()
        }),
        Products::Bf16Maps => tensor.to_kind(Kind::BFloat16),
    }
}

/// Runs `work`, this thread's matrix products on `device` being computed in `precision`. Casts of weights are made once and forgotten at the
/// end. Gradients are worked out afterwards, in the kinds that `work` left behind.
pub fn with_precision<R>(precision: Precision, device: Device, work: impl FnOnce() -> R) -> R {
    let products = match precision {
        Precision::Fp32 => Products::Plain,
        Precision::Bf16 | Precision::Fp16 => Products::Autocast(precision.kind()),
    };
    let _scope = ProductsGuard::enter(products, device);
    work()
}

/// The same for `work` that wants no gradients.
pub fn with_precision_for_inference<R>(precision: Precision, device: Device, work: impl FnOnce() -> R) -> R {
    if (precision, device) == (Precision::Bf16, Device::Cpu) && has_bf16_products() {
        let _scope = ProductsGuard::enter(Products::Bf16Maps, device);
        return work();
    }
    with_precision(precision, device, work)
}

/// Runs `work` in single precision where it is on the CPU and products are in half precision: for what libtorch does slowly or not at all in
/// half precision there. `work` is handed what makes its inputs float32.
pub fn exact_on_cpu<R>(device: Device, work: impl FnOnce(&dyn Fn(&Tensor) -> Tensor) -> R) -> R {
    if device == Device::Cpu { exact(device, work) } else { work(&Tensor::shallow_clone) }
}

/// The same on every device: for what half precision is too coarse for.
pub fn exact<R>(device: Device, work: impl FnOnce(&dyn Fn(&Tensor) -> Tensor) -> R) -> R {
    if half_products().is_some() {
        with_precision(Precision::Fp32, device, || work(&|tensor| tensor.to_kind(Kind::Float)))
    } else {
        work(&Tensor::shallow_clone)
    }
}

/// Ends with its owner, also where that panics.
struct ProductsGuard {
    before: Products,
    device: Device,
}

impl ProductsGuard {
    fn enter(products: Products, device: Device) -> Self {
        let before = PRODUCTS.replace(products);
        set_autocast(products, device);
        increment_nesting();
        ProductsGuard { before, device }
    }
}

impl Drop for ProductsGuard {
    fn drop(&mut self) {
        if decrement_nesting() == 0 {
            clear_cache();
            CASTS.with_borrow_mut(HashMap::clear);
        }
        PRODUCTS.set(self.before);
        set_autocast(self.before, self.device);
    }
}

/// The numbers are those of c10::DeviceType and c10::ScalarType.
fn set_autocast(products: Products, device: Device) {
    let device_type = if matches!(device, Device::Cuda(_)) { 1 } else { 0 };
    let scalar_type = match products {
        Products::Autocast(Kind::BFloat16) => Some(15),
        Products::Autocast(Kind::Half) => Some(5),
        _ => None,
    };
    if let Some(scalar_type) = scalar_type {
        set_autocast_dtype(device_type, scalar_type);
    }
    set_autocast_enabled(device_type, scalar_type.is_some());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product() -> Kind {
        let square = Tensor::ones([3, 3], (Kind::Float, Device::Cpu));
        square.matmul(&square).kind()
    }

    #[test]
    fn products_are_in_the_kind_that_is_asked_for_and_only_there() {
        for (precision, kind) in [(Precision::Bf16, Kind::BFloat16), (Precision::Fp16, Kind::Half)] {
            let inside = with_precision(precision, Device::Cpu, || {
                let without = with_precision(Precision::Fp32, Device::Cpu, || (product(), half_products()));
                assert_eq!(without, (Kind::Float, None));
                assert_eq!(std::thread::spawn(|| (product(), half_products())).join().unwrap(), (Kind::Float, None));
                (product(), half_products())
            });
            assert_eq!(inside, (kind, Some(kind)));
            assert_eq!((product(), half_products()), (Kind::Float, None));
        }
    }

    #[test]
    fn a_panic_ends_it() {
        let panicked = std::panic::catch_unwind(|| with_precision(Precision::Bf16, Device::Cpu, || panic!("out of memory")));
        assert!(panicked.is_err());
        assert_eq!((product(), half_products()), (Kind::Float, None));
    }

    #[test]
    fn casts_of_weights_do_not_outlive_an_update() {
        let mut weight = Tensor::ones([2, 2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let sum = |weight: &Tensor| {
            with_precision(Precision::Bf16, Device::Cpu, || weight.matmul(weight).sum(Kind::Float).double_value(&[]))
        };
        assert_eq!(sum(&weight), 8.0);
        tch::no_grad(|| weight *= 2.0);
        assert_eq!(sum(&weight), 32.0);
    }
}
