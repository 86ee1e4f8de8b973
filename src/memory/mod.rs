//! Memories that a network reads from and writes to, beside its weights.

pub mod fast_weights;
pub mod hopfield;
