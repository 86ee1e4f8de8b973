//! What stands under everything: libtorch and its CUDA half, devices, threads and loops of our own on them, the allocator, half precision,
//! MKL's products and instructions, interrupts; and files that are written whole.

mod allocator;
pub mod bf16;
mod columns;
mod device;
pub mod files;
mod half;
mod libtorch;
mod mkl;
mod precision;
mod signals;
mod team;
mod threads;
mod workers;

pub use allocator::keep_memory;
pub use columns::ColumnsOfProduct;
pub use device::{Chosen, DeviceChoice, usable_gpu_count};
pub use half::{bf16_maps, exact, exact_on_cpu, for_products, half_products, with_precision, with_precision_for_inference};
pub use libtorch::{CudaLibrary, Libtorch, libtorch};
pub use mkl::answers_mkl;
pub use precision::Precision;
pub use signals::keep_signals_from_computing;
pub use team::in_parallel;
pub use threads::{core_count, set_threads};
pub use workers::{ReadOnly, share_out};
