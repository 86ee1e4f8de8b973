//! Bidirectional associative memory (BAM): pairs, either of which recalls the other (Kosko 1988).

use anyhow::{Result, ensure};
use tch::Tensor;

use super::Patterns;
use super::patterns::doubles;

/// A layer of N units and one of M, every unit joined with every unit of the other layer: W = Σ x yᵀ, E = -xᵀ W y.
pub struct BidirectionalMemory {
    /// [N, M]
    weights: Tensor,
}

/// Where pairs ended up.
#[derive(Debug)]
pub struct PairRecalled {
    /// First layer [B, N].
    pub first: Patterns,
    /// Second layer [B, M].
    pub second: Patterns,
    /// Of each pair its energy once both layers have a state, and after every change of a layer.
    pub energies: Vec<Vec<f64>>,
    /// Of each pair whether it is a fixed point; where not, updates ended at their limit.
    pub settled: Vec<bool>,
}

impl BidirectionalMemory {
    /// Stores row i of `first` [P, N] with row i of `second` [P, M], by correlation.
    ///
    /// # Errors
    /// Other counts on both sides.
    pub fn learn(first: &Patterns, second: &Patterns) -> Result<Self> {
        ensure!(
            first.count() == second.count(),
            "pairs need as many patterns on both sides, found {} and {}",
            first.count(),
            second.count()
        );
        let second = second.tensor().to_kind(first.tensor().kind()).to_device(first.tensor().device());
        Ok(BidirectionalMemory { weights: first.tensor().tr().matmul(&second) }) // [N, M]
    }

    /// Energy of each pair of states [B].
    ///
    /// # Errors
    /// States of another size or count.
    pub fn energy(&self, first: &Patterns, second: &Patterns) -> Result<Tensor> {
        let [of_first, of_second] = self.sizes();
        let (first, second) = (first.for_network(of_first, &self.weights)?, second.for_network(of_second, &self.weights)?);
        let (rows, others) = (first.size()[0], second.size()[0]);
        ensure!(rows == others, "pairs need as many states on both sides, found {rows} and {others}");
        Ok(self.energy_of(&first, &second))
    }

    /// From cues for the first layer [B, N] back and forth until both layers rest, each layer at most `limit` times. The energy
    /// never rises.
    ///
    /// # Errors
    /// Cues of another size.
    pub fn recall_from_first(&self, cues: &Patterns, limit: usize) -> Result<PairRecalled> {
        let first = cues.for_network(self.sizes()[0], &self.weights)?;
        // The other layer has no sign yet to keep where its field is zero.
        let second = positive_sign(&first.matmul(&self.weights)); // [B, M]
        Ok(self.settle(first, second, limit))
    }

    /// The same from cues for the second layer [B, M].
    ///
    /// # Errors
    /// Cues of another size.
    pub fn recall_from_second(&self, cues: &Patterns, limit: usize) -> Result<PairRecalled> {
        let second = cues.for_network(self.sizes()[1], &self.weights)?;
        let first = positive_sign(&second.matmul(&self.weights.tr())); // [B, N]
        Ok(self.settle(first, second, limit))
    }

    /// W [N, M].
    pub fn weights(&self) -> &Tensor {
        &self.weights
    }

    fn sizes(&self) -> [i64; 2] {
        let size = self.weights.size();
        [size[0], size[1]]
    }

    fn energy_of(&self, first: &Tensor, second: &Tensor) -> Tensor {
        -(first.matmul(&self.weights) * second).sum_dim_intlist([1i64].as_slice(), false, first.kind()) // [B]
    }

    fn settle(&self, mut first: Tensor, mut second: Tensor, limit: usize) -> PairRecalled {
        let mut energies: Vec<Vec<f64>> =
            doubles(&self.energy_of(&first, &second)).into_iter().map(|start| vec![start]).collect();
        let mut settled = vec![false; energies.len()];
        for round in 0..=limit {
            let next_first = sign_or(&second.matmul(&self.weights.tr()), &first); // [B, N]
            let next_second = sign_or(&first.matmul(&self.weights), &second); // [B, M]
            let rests = |next: &Tensor, now: &Tensor| doubles(&next.eq_tensor(now).all_dim(1, false));
            let both = rests(&next_first, &first).into_iter().zip(rests(&next_second, &second));
            settled = both.map(|(first, second)| first + second == 2.0).collect();
            if round == limit || settled.iter().all(|&settled| settled) {
                break;
            }
            first = next_first;
            self.note(&first, &second, &mut energies);
            second = sign_or(&first.matmul(&self.weights), &second); // [B, M]
            self.note(&first, &second, &mut energies);
        }
        PairRecalled { first: Patterns::trusted(first), second: Patterns::trusted(second), energies, settled }
    }

    /// A change that leaves the energy as it was can only be none: a unit without a field keeps its sign.
    fn note(&self, first: &Tensor, second: &Tensor, energies: &mut [Vec<f64>]) {
        for (trace, now) in energies.iter_mut().zip(doubles(&self.energy_of(first, second))) {
            if trace.last() != Some(&now) {
                trace.push(now);
            }
        }
    }
}

fn positive_sign(field: &Tensor) -> Tensor {
    sign_or(field, &field.ones_like())
}

/// Signs of a field, and those of `otherwise` where it is zero.
fn sign_or(field: &Tensor, otherwise: &Tensor) -> Tensor {
    otherwise.where_self(&field.eq(0.0), &field.sign())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tch::Kind;

    fn pairs(count: i64, first: i64, second: i64) -> (Patterns, Patterns) {
        let random = |units, seed| Patterns::random(count, units, seed, Kind::Double).unwrap();
        (random(first, 1), random(second, 2))
    }

    #[test]
    fn either_side_recalls_the_other() {
        let (first, second) = pairs(4, 120, 70);
        let memory = BidirectionalMemory::learn(&first, &second).unwrap();
        for recalled in [
            memory.recall_from_first(&first.flipped(20, 3).unwrap(), 20).unwrap(),
            memory.recall_from_second(&second.flipped(10, 3).unwrap(), 20).unwrap(),
        ] {
            assert!(recalled.first.tensor().equal(first.tensor()) && recalled.second.tensor().equal(second.tensor()));
            assert!(recalled.settled.iter().all(|&settled| settled));
        }
    }

    #[test]
    fn one_pair_has_the_energy_of_full_agreement() {
        let (first, second) = pairs(1, 30, 20);
        let memory = BidirectionalMemory::learn(&first, &second).unwrap();
        let energy = memory.energy(&first, &second).unwrap().double_value(&[0]);
        assert_eq!(energy, -600.0, "-N M");
    }

    #[test]
    fn sides_that_do_not_fit_are_named() {
        let (first, second) = pairs(3, 8, 5);
        let error = BidirectionalMemory::learn(&first, &second.select(0..2).unwrap()).err().unwrap().to_string();
        assert!(error.contains("found 3 and 2"), "{error}");
        let memory = BidirectionalMemory::learn(&first, &second).unwrap();
        let error = memory.recall_from_first(&second, 1).unwrap_err().to_string();
        assert!(error.contains("the network has 8 units, the patterns have 5"), "{error}");
        assert!(memory.recall_from_second(&first, 1).is_err());
        assert!(memory.energy(&first, &second.select(0..2).unwrap()).unwrap_err().to_string().contains("found 3 and 2"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn energy_never_rises(seed in 0u64..1000, first in 1i64..20, second in 1i64..20, count in 1i64..12) {
            let random = |count, units, seed| Patterns::random(count, units, seed, Kind::Double).unwrap();
            let memory = BidirectionalMemory::learn(&random(count, first, seed), &random(count, second, seed + 1)).unwrap();
            let recalled = memory.recall_from_first(&random(6, first, seed + 2), 100).unwrap();
            let ends = memory.energy(&recalled.first, &recalled.second).unwrap();
            for (row, trace) in recalled.energies.iter().enumerate() {
                prop_assert!(trace.windows(2).all(|pair| pair[1] <= pair[0]));
                prop_assert_eq!(*trace.last().unwrap(), ends.double_value(&[row as i64]));
                prop_assert!(recalled.settled[row]);
            }
        }
    }
}
