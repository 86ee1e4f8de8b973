//! What a softmax makes of a change of its scores.

use tch::{Kind, Tensor};

/// Frobenius norm [..] of the Jacobian diag(p) - p pᵀ of p = softmax(e) [.., S], without making it: √(Σp² - 2 Σp³ + (Σp²)²).
pub fn jacobian_norm(weights: &Tensor) -> Tensor {
    let sum = |powers: Tensor| powers.sum_dim_intlist([-1i64].as_slice(), false, Kind::Double);
    let squares = sum(weights.square());
    let cubes = sum(weights.square() * weights);
    // What rounding leaves of zero may lie below it.
    (&squares - cubes * 2.0 + squares.square()).clamp_min(0.0).sqrt()
}
