//! What stands under everything: libtorch and its CUDA half, devices, threads and loops of our own on them, the allocator, half precision,
//! MKL's products and instructions, signals, the two ways out (results and messages), and files that are written whole.

mod allocator;
pub mod bf16;
mod columns;
mod console;
mod crowding;
mod device;
pub mod files;
mod half;
mod libtorch;
mod mkl;
mod precision;
mod signals;
mod symbol;
mod team;
mod threads;

mod workers;

pub use allocator::keep_memory;
pub use columns::ColumnsOfProduct;
pub(crate) use console::message;
pub use console::{Output, print, printable, shortened, write_message, write_message_to};
pub use device::{Chosen, DeviceChoice, usable_gpu_count};
pub use half::{bf16_maps, exact, exact_on_cpu, for_products, half_products, with_precision, with_precision_for_inference};
pub use libtorch::{CudaLibrary, Libtorch, libtorch};
pub use mkl::answers_mkl;
pub use precision::Precision;
pub use signals::{Interrupt, Interrupted, Reacting, Signal, end_on_signal, watch_signals};
pub use team::{in_parallel, team_size};
pub use threads::{core_count, set_threads};

pub use workers::{ReadOnly, share_out};
