//! What stands under everything: libtorch and its CUDA half, devices, threads, the allocator, MKL's instructions, interrupts.

mod allocator;
mod device;
mod libtorch;
mod mkl;
mod threads;
mod workers;

pub use allocator::keep_memory;
pub use device::{Chosen, DeviceChoice, usable_gpu_count};
pub use libtorch::{CudaLibrary, Libtorch, libtorch};
pub use mkl::answers_mkl;
pub use threads::{core_count, set_threads};
pub use workers::{ReadOnly, share_out};
