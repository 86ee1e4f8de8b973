//! Loops of our own over the memory of CPU tensors, for what libtorch has no operation or a slow one: all `unsafe` that computes.
//!
//! Each stands beside a plain form in libtorch's operations, which serves other devices and kinds, and with which tests compare it.
//!
//! | kernel | used | otherwise |
//! |---|---|---|
//! | [`cached_attention`] | one step of a Transformer's decoder, float32 or bfloat16 caches on the CPU | gathers slots and multiplies |
//! | [`vocabulary_logits`] | logits of one step of any decoder, on the CPU where MKL is | `nn::linear`, [`LogitSummary::of`] |
//! | [`top_extensions`] | the best extensions of hypotheses, float32 on the CPU, vocabularies of 1,024 and more | `topk` |
//! | [`product`], [`add_product`] | linear maps from bfloat16 into float32 on the CPU where MKL is | libtorch's autocast |
//! | [`MaskGenerator`] | dropout masks, on every device (made on the CPU) | |
//!
//! [`parallel_for`] runs them on libtorch's own threads; [`Rows`] views a tensor's memory.

mod attention_rows;
mod bf16_product;
mod blocked_product;
mod cached_attention;
mod dropout_mask;
mod exponential;
mod parallel_for;
mod rows;
mod slots;
mod top_extensions;
mod vocabulary;

pub use bf16_product::{Factor, add_product, product};
pub use cached_attention::cached_attention;
pub use dropout_mask::MaskGenerator;
pub use parallel_for::{parallel_for, thread_count};
pub use rows::{Rows, RowsMut, numbers_of};
pub use slots::CacheSlots;
pub use top_extensions::{Extension, top_extensions};
pub use vocabulary::{BLOCK, LogitSummary, vocabulary_logits};
