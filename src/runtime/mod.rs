//! What stands under everything: libtorch and its CUDA half, devices, threads and loops of our own on them, the allocator, half precision,
//! MKL's products and instructions, signals, the two ways out (results and messages), and files that are written whole.

mod allocator;
mod console;
mod contention;
mod device;
pub mod files;
mod half;
mod libtorch;
mod mkl;
mod mkl_products;
mod openmp;
mod precision;
mod processor;
mod signals;
mod symbol;
mod threads;

mod workers;

pub use allocator::keep_memory;
pub(crate) use console::message;
pub use console::{Output, print, printable, shortened, write_message, write_message_to};
pub use device::{ChosenDevice, DeviceChoice, usable_gpu_count};
pub use half::{
    bf16_maps, exact, exact_on_cpu, for_products, half_products, has_bf16_products, with_precision, with_precision_for_inference,
};
pub use libtorch::{CudaLibrary, Libtorch, libtorch};
pub use mkl::answers_mkl;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub use mkl::mkl_may_use_every_instruction;
pub(crate) use mkl_products::{GemmBf16, NO_TRANSPOSE, ROW_MAJOR, Sgemm, TRANSPOSE, gemm_bf16, sgemm};
pub(crate) use openmp::openmp_parallel;
pub use precision::Precision;
pub use processor::{processor_name, processor_time};
pub use signals::{Interrupt, Interrupted, Reacting, Signal, end_on_signal, watch_signals};
pub use threads::{core_count, set_threads};

pub use workers::share_out;
