//! Structured attention (Kim et al. 2017): weights are marginals of a distribution over structures, so that what is chosen at one
//! position has a say in what is chosen at others.
//!
//! All is worked out in log space or as log odds, on many sources at once, of libtorch's operations alone: gradients come by themselves, and
//! hidden positions have weight zero and gradient zero.

mod chain;
mod segments;
mod syntactic;
mod trees;

pub use chain::chain_marginals;
pub use segments::{SegmentMarginals, segment_marginals};
pub use syntactic::{Parents, Syntactic};
pub use trees::parent_marginals;

use tch::Tensor;

/// Marginals [.., S] scaled to this sum, as λ does in Kim et al. 2017 (2 in their translation): a decoder's context then does not grow with
/// the number of positions that are chosen.
pub fn with_sum(marginals: &Tensor, sum: f64) -> Tensor {
    // Where nothing may be chosen all are zero, and stay so.
    let total = marginals.sum_dim_intlist([-1i64].as_slice(), true, marginals.kind()).clamp_min(1e-20);
    marginals * (total.reciprocal() * sum)
}

/// Rows [N, S] of a tensor [.., S] and of a mask that may be broadcast to it, masked positions zeroed.
fn rows(energy: &Tensor, keep: &Tensor) -> (Tensor, Tensor) {
    let energy = super::full_precision(energy);
    let positions = *energy.size().last().expect("energies have positions");
    let keep = keep.expand_as(&energy).reshape([-1, positions]);
    (energy.reshape([-1, positions]).masked_fill(&keep.logical_not(), 0.0), keep)
}

#[cfg(test)]
mod tests;
