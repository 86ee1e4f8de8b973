//! Weights that a Boltzmann machine learns (Ackley, Hinton and Sejnowski 1985), all of whose units are visible.

use anyhow::{Result, ensure};
use tch::{Kind, Tensor};

use super::{BinaryHopfield, LearningRule, Patterns};

/// Learning by what patterns and the network itself differ in: W += η (⟨s sᵀ⟩ of the patterns - ⟨s sᵀ⟩ of the network), b likewise.
///
/// The first part is Hebb's rule; the second unlearns what the network makes of itself. The network's part is drawn by Glauber dynamics that starts
/// at the patterns (contrastive divergence; Hinton 2002), since waiting for equilibrium takes very long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoltzmannLearning {
    /// T of the network's own states, above 0. Fields grow until they are some times as large.
    pub temperature: f64,
    /// η, above 0.
    pub rate: f64,
    /// How often all patterns are learned from.
    pub epochs: usize,
    /// Sweeps of the network from the patterns, 1 or more.
    pub sweeps: usize,
}

impl Default for BoltzmannLearning {
    fn default() -> Self {
        BoltzmannLearning { temperature: 1.0, rate: 0.1, epochs: 300, sweeps: 1 }
    }
}

impl BoltzmannLearning {
    /// A network that has learned `patterns`, from Hebb's weights on; `seed` draws its own states.
    ///
    /// # Errors
    /// A rate or temperature that is not above 0; no sweeps.
    pub fn learn(&self, patterns: &Patterns, seed: u64) -> Result<BinaryHopfield> {
        let BoltzmannLearning { temperature, rate, epochs, sweeps } = *self;
        ensure!(rate.is_finite() && rate > 0.0, "the rate of Boltzmann learning must be above 0, found {rate}");
        ensure!(sweeps >= 1, "Boltzmann learning needs at least 1 sweep of the network, found 0");
        let mut network = BinaryHopfield::learn(patterns, LearningRule::Hebb)?;
        let count = patterns.count() as f64;
        let statistics = |states: &Tensor| {
            let mut together = states.tr().matmul(states) / count; // [N, N]
            (together.fill_diagonal_(0.0, false), states.mean_dim([0i64].as_slice(), false, Kind::Double)) // [N]
        };
        let (of_patterns, mean_of_patterns) = statistics(&patterns.tensor().to_kind(Kind::Double));
        for epoch in 0..epochs as u64 {
            let sampled = network.glauber(patterns, temperature, seed.wrapping_add(epoch), sweeps)?;
            let own = sampled.states.select(1, sweeps as i64).to_kind(Kind::Double); // [P, N]
            let (of_network, mean_of_network) = statistics(&own);
            let weights = network.weights().to_kind(Kind::Double) + (&of_patterns - of_network) * rate; // [N, N]
            let bias = network.bias().to_kind(Kind::Double) + (&mean_of_patterns - mean_of_network) * rate; // [N]
            network = BinaryHopfield::new(&weights, &bias)?;
        }
        Ok(network)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_hebb_loses() {
        let patterns = Patterns::random(24, 60, 1, Kind::Double).unwrap();
        let kept = |network: &BinaryHopfield| {
            let ends = network.asynchronous(&patterns, 1, 50).unwrap().states;
            patterns.overlap(&ends).unwrap().eq(1.0).to_kind(Kind::Double).mean(Kind::Double).double_value(&[])
        };
        let learned = BoltzmannLearning::default().learn(&patterns, 1).unwrap();
        assert!(kept(&BinaryHopfield::learn(&patterns, LearningRule::Hebb).unwrap()) < 0.1);
        assert!(kept(&learned) > 0.9, "{}", kept(&learned));
    }

    #[test]
    fn numbers_that_cannot_work_are_named() {
        let patterns = Patterns::random(2, 6, 1, Kind::Double).unwrap();
        let error = |learning: BoltzmannLearning| learning.learn(&patterns, 1).err().unwrap().to_string();
        assert!(
            error(BoltzmannLearning { rate: 0.0, ..Default::default() }).contains("rate of Boltzmann learning must be above 0")
        );
        assert!(error(BoltzmannLearning { sweeps: 0, ..Default::default() }).contains("at least 1 sweep"));
        assert!(
            error(BoltzmannLearning { temperature: 0.0, ..Default::default() })
                .contains("a temperature must be above 0, found 0")
        );
    }
}
