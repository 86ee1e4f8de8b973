//! Softmax over what may be attended.

use tch::{Kind, Tensor};

/// Softmax of `energy` [.., S] over the positions where `keep` (broadcastable, true = may be attended) holds: zero elsewhere,
/// and zero everywhere in a row that keeps nothing. In float32, whatever half precision the energies have; float64 stays.
pub fn masked_softmax(energy: &Tensor, keep: &Tensor) -> Tensor {
    // A finite floor, which float16 could not hold: minus infinity would make a row of NaN where nothing is kept, and NaN gradients with it.
    let floor = -1e30;
    let hidden = keep.logical_not();
    let kind = if energy.kind() == Kind::Double { Kind::Double } else { Kind::Float };
    energy.to_kind(kind).masked_fill(&hidden, floor).softmax(-1, kind) * keep
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_to_one_over_what_is_kept(
            energies in proptest::collection::vec(-50f32..50.0, 1..20),
            bits in any::<u32>(),
        ) {
            let kept: Vec<bool> = (0..energies.len()).map(|i| bits >> i & 1 == 1).collect();
            let weights = Vec::<f32>::try_from(masked_softmax(&Tensor::from_slice(&energies), &Tensor::from_slice(&kept))).unwrap();
            let sum: f32 = weights.iter().sum();
            let expected = if kept.iter().any(|k| *k) { 1.0 } else { 0.0 };
            prop_assert!((sum - expected).abs() < 1e-5);
            for (weight, keep) in weights.iter().zip(&kept) {
                prop_assert!(*weight >= 0.0 && (*keep || *weight == 0.0));
            }
        }
    }

    #[test]
    fn a_hidden_row_has_no_nan_gradient() {
        let energy = Tensor::from_slice(&[1f32, 2.0]).set_requires_grad(true);
        let keep = Tensor::from_slice(&[false, false]);
        masked_softmax(&energy, &keep).sum(Kind::Float).backward();
        assert_eq!(Vec::<f32>::try_from(energy.grad()).unwrap(), [0.0, 0.0]);
    }
}
