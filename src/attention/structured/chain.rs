//! A chain of choices, each yes or no: the segmentation attention of Kim et al. 2017, section 3.1.

use tch::Tensor;

use super::rows;

/// p(z_i = 1) of a linear chain with two states over the kept positions,
///
/// p(z) ∝ exp(Σ_i θ_i z_i + Σ_i ψ(z_i, z_{i+1})),
///
/// for energies θ [.., S], `pairwise` ψ [2, 2] (from the state of a position, to that of the next kept one) and `keep`, broadcastable to the
/// energies. [.., S], zero where nothing is kept.
///
/// Forward-backward with messages as log odds: what a message says is by how much the state 1 is more likely than 0, given one side. A
/// message is never larger than the largest difference in ψ, however long the chain.
pub fn chain_marginals(energy: &Tensor, pairwise: &Tensor, keep: &Tensor) -> Tensor {
    let (unary, kept) = rows(energy, keep);
    // Both directions run at once, the backward one over mirrored rows: [S, 2, N].
    let both = |tensor: &Tensor| Tensor::stack(&[tensor.tr(), tensor.tr().flip([0])], 1);
    let (sources, kept_both) = (both(&unary).unbind(0), both(&kept).unbind(0));
    let psi = |from: i64, to: i64| pairwise.get(from).get(to).to_kind(unary.kind());
    let (up, down) =
        (Tensor::stack(&[psi(0, 1), psi(1, 0)], 0).unsqueeze(1), Tensor::stack(&[psi(1, 0), psi(0, 1)], 0).unsqueeze(1));
    let (stay, leave) = (psi(1, 1), psi(0, 0));
    let mut message = sources[0].zeros_like();
    let mut messages = Vec::with_capacity(sources.len());
    for (unary, kept) in sources.iter().zip(&kept_both) {
        messages.push(message.shallow_clone());
        let odds = &message + unary;
        let next = up.logaddexp(&(&odds + &stay)) - leave.logaddexp(&(&odds + &down));
        // A hidden position is no part of the chain: it hands on what it was told.
        message = next.where_self(kept, &message);
    }
    let messages = Tensor::stack(&messages, 0);
    let odds = messages.select(1, 0) + messages.select(1, 1).flip([0]) + unary.tr();
    (odds.sigmoid().tr() * kept).reshape(energy.size())
}
