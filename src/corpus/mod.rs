//! Parallel text: reading, filtering, token indices, batches and downloads; stories with questions. No tensors.

pub mod babi;
mod batches;
mod download;
mod filter;
mod index;
mod lengths;
mod multi30k;
mod read;
#[cfg(test)]
mod test_server;

pub use batches::{BatchPlan, BatchSize, batches_in_order};
pub use filter::{Filter, FilterReport};
pub use index::{IndexReport, IndexRequest, TokenIndex};
pub use lengths::length_limit;
pub use multi30k::{LANGUAGES, multi30k};
pub use read::{Lines, Pairs, ParallelText, lines};
