//! Matrix products in half precision, chosen operation by operation as libtorch's autocast does.

use tch::{Device, Kind};

// libtorch's own functions (ATen/autocast_mode.h): tch only binds the CUDA half of them, with a kind that cannot be chosen.
unsafe extern "C" {
    #[link_name = "_ZN2at8autocast20set_autocast_enabledEN3c1010DeviceTypeEb"]
    safe fn set_autocast_enabled(device: i8, enabled: bool);
    #[link_name = "_ZN2at8autocast18set_autocast_dtypeEN3c1010DeviceTypeENS1_10ScalarTypeE"]
    safe fn set_autocast_dtype(device: i8, kind: i8);
    #[link_name = "_ZN2at8autocast17increment_nestingEv"]
    safe fn increment_nesting() -> i32;
    #[link_name = "_ZN2at8autocast17decrement_nestingEv"]
    safe fn decrement_nesting() -> i32;
    #[link_name = "_ZN2at8autocast11clear_cacheEv"]
    safe fn clear_cache();
}

pub fn autocast<R>(device: Device, kind: Kind, work: impl FnOnce() -> R) -> R {
    let device = if device == Device::Cpu { 0 } else { 1 };
    set_autocast_dtype(device, if kind == Kind::Half { 5 } else { 15 });
    set_autocast_enabled(device, true);
    increment_nesting();
    let result = work();
    if decrement_nesting() == 0 {
        clear_cache();
    }
    set_autocast_enabled(device, false);
    result
}
