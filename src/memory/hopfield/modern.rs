//! The modern continuous network, whose update is attention (Ramsauer et al. 2021, "Hopfield Networks is All You Need").

use anyhow::{Result, ensure};
use tch::{Kind, Tensor};

/// Z stored patterns of D real numbers, and states that may be anything in the same space.
pub struct ModernHopfield {
    /// [Z, D]
    patterns: Tensor,
    beta: f64,
}

/// Where states came to rest.
pub struct Retrieved {
    /// [B, D]
    pub states: Tensor,
    /// Energy at the start and after every update [B, updates + 1].
    pub energies: Tensor,
    /// Whether all rows rest, rather than having been stopped by the limit.
    pub settled: bool,
}

impl ModernHopfield {
    /// A memory of `patterns` [Z, D]. β is the inverse temperature of the softmax over them: with a small one states rest between patterns
    /// that are alike (metastable states), with a large one at a single pattern; 1/√D is attention's.
    ///
    /// # Errors
    /// Another shape, no patterns, numbers that are not finite, and a β that is not above zero.
    pub fn new(patterns: &Tensor, beta: f64) -> Result<Self> {
        let size = patterns.size();
        ensure!(
            size.len() == 2 && size.iter().all(|&extent| extent > 0),
            "stored patterns need the shape [patterns, size] with at least one of each, found {size:?}"
        );
        let wrong = patterns.isfinite().logical_not().nonzero();
        if wrong.size()[0] > 0 {
            let (pattern, at) = (wrong.int64_value(&[0, 0]), wrong.int64_value(&[0, 1]));
            anyhow::bail!(
                "pattern {pattern} has {} at place {at}, expected finite numbers",
                patterns.double_value(&[pattern, at])
            );
        }
        ensure!(beta.is_finite() && beta > 0.0, "β must be above 0, found {beta}: 1/√D is attention's");
        Ok(ModernHopfield { patterns: patterns.shallow_clone(), beta })
    }

    /// E = -lse(β, X ξ) + ½ ξᵀξ + ln(Z)/β + ½ M² with lse(β, z) = ln(Σ exp(β z))/β and M the largest norm of a pattern (equation
    /// 2): states [B, D] to [B]. From 0 to 2 M² for states that are mixtures of patterns.
    pub fn energy(&self, states: &Tensor) -> Tensor {
        let kind = states.kind();
        let sum = |tensor: Tensor| tensor.sum_dim_intlist([-1i64].as_slice(), false, kind); // over D
        let overlaps = states.matmul(&self.patterns.tr()) * self.beta; // [B, Z]
        let constant = ((self.patterns.size()[0] as f64).ln() / self.beta) + 0.5 * sum(self.patterns.square()).max();
        sum(states.square()) * 0.5 - overlaps.logsumexp([-1i64].as_slice(), false) / self.beta + constant // [B]
    }

    /// Attention to each pattern: softmax(β X ξ), states [B, D] to [B, Z].
    pub fn weights(&self, states: &Tensor) -> Tensor {
        (states.matmul(&self.patterns.tr()) * self.beta).softmax(-1, None::<Kind>) // [B, Z]
    }

    /// ξ ← Xᵀ softmax(β X ξ) (equation 3): states [B, D] to [B, D]. With β = 1/√D this is scaled dot-product attention with the
    /// states as queries and the patterns as keys and values.
    pub fn update(&self, states: &Tensor) -> Tensor {
        self.weights(states).matmul(&self.patterns) // [B, D]
    }

    /// Updates states [B, D] until no number moves by more than `tolerance`, at most `limit` times. The energy never rises
    /// (theorem 1), and one update is as a rule enough where patterns are well apart.
    ///
    /// # Errors
    /// States of another size.
    pub fn retrieve(&self, states: &Tensor, tolerance: f64, limit: usize) -> Result<Retrieved> {
        let (size, width) = (states.size(), self.patterns.size()[1]);
        ensure!(
            size.len() == 2 && size[1] == width,
            "states for patterns of size {width} need the shape [rows, {width}], found {size:?}"
        );
        let mut states = states.shallow_clone();
        let mut energies = vec![self.energy(&states)];
        let mut settled = false;
        for _ in 0..limit {
            let next = self.update(&states);
            settled = (&next - &states).abs().max().double_value(&[]) <= tolerance;
            states = next;
            energies.push(self.energy(&states)); // [B]
            if settled {
                break;
            }
        }
        let energies = Tensor::stack(&energies, 1); // [B, updates + 1]
        Ok(Retrieved { states, energies, settled })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DenseMemory, Interaction, Patterns};
    use super::*;
    use crate::nn::numerical::{check_gradients, leaf};
    use proptest::prelude::*;
    use tch::Device;

    const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

    #[test]
    fn one_update_is_scaled_dot_product_attention() {
        tch::manual_seed(3);
        let (patterns, states) = (Tensor::randn([7, 12], DOUBLE), Tensor::randn([5, 12], DOUBLE));
        let network = ModernHopfield::new(&patterns, 1.0 / 12f64.sqrt()).unwrap();
        let [queries, keys] = [&states, &patterns].map(|rows| rows.unsqueeze(0).unsqueeze(0));
        let attended =
            Tensor::scaled_dot_product_attention(&queries, &keys, &keys, None::<Tensor>, 0.0, false, None::<f64>, false);
        assert!(network.update(&states).allclose(&attended.squeeze(), 1e-12, 1e-14, false));
    }

    #[test]
    fn an_update_is_the_step_to_where_the_energy_is_flat() {
        tch::manual_seed(4);
        let network = ModernHopfield::new(&Tensor::randn([6, 5], DOUBLE), 0.8).unwrap();
        let states = Tensor::randn([4, 5], DOUBLE).set_requires_grad(true);
        network.energy(&states).sum(Kind::Double).backward();
        assert!((&states - states.grad()).allclose(&network.update(&states), 1e-10, 1e-12, false));
    }

    #[test]
    fn gradients_are_right_in_states_and_patterns() {
        tch::manual_seed(6);
        let inputs = [leaf("patterns", &[5, 4]), leaf("states", &[3, 4])];
        check_gradients(&inputs, || {
            let network = ModernHopfield::new(&inputs[0].1, 0.8).unwrap();
            network.update(&inputs[1].1).tanh().sum(Kind::Double) + network.energy(&inputs[1].1).sum(Kind::Double)
        });
    }

    #[test]
    fn a_large_beta_finds_the_pattern_in_one_update_and_a_small_one_their_mean() {
        tch::manual_seed(5);
        let patterns = Tensor::randn([40, 64], DOUBLE);
        let states = &patterns + Tensor::randn([40, 64], DOUBLE) * 0.3;
        let sharp = ModernHopfield::new(&patterns, 1.0).unwrap();
        assert!(sharp.update(&states).allclose(&patterns, 0.0, 1e-4, false));
        let blunt = ModernHopfield::new(&patterns, 1e-3).unwrap().retrieve(&states, 1e-9, 500).unwrap();
        assert!(blunt.settled);
        let mean = patterns.mean_dim([0i64].as_slice(), true, Kind::Double);
        assert!(blunt.states.allclose(&mean.expand_as(&states), 0.0, 0.1, false));
        assert!((&blunt.states - blunt.states.narrow(0, 0, 1)).abs().max().double_value(&[]) < 1e-6, "all rest in one place");
    }

    #[test]
    fn signs_of_an_update_are_the_exponential_memorys() {
        // The memory leaves each unit's own sign out; where an update is clear of that, both agree.
        let patterns = Patterns::random(300, 40, 1, Kind::Double).unwrap();
        let cues = patterns.flipped(4, 2).unwrap();
        let modern = ModernHopfield::new(patterns.tensor(), 1.0).unwrap();
        let signs = DenseMemory::new(&patterns, Interaction::Exponential).unwrap().synchronous(&cues, 1).unwrap().states;
        let update = modern.update(cues.tensor());
        let clear = update.abs().gt(1f64.tanh());
        assert!(clear.to_kind(Kind::Double).mean(Kind::Double).double_value(&[]) > 0.95);
        assert!(update.sign().eq_tensor(signs.tensor()).logical_or(&clear.logical_not()).all().int64_value(&[]) == 1);
    }

    #[test]
    fn what_cannot_be_stored_or_asked_is_named() {
        let error = |patterns: Tensor, beta| ModernHopfield::new(&patterns, beta).err().unwrap().to_string();
        assert!(error(Tensor::zeros([0, 4], DOUBLE), 1.0).contains("found [0, 4]"));
        assert!(error(Tensor::zeros([3, 4], DOUBLE), -1.0).contains("β must be above 0, found -1"));
        let broken = Tensor::from_slice(&[1f64, 2.0, f64::NAN, 0.0]).reshape([2, 2]);
        assert_eq!(error(broken, 1.0), "pattern 1 has NaN at place 0, expected finite numbers");
        let network = ModernHopfield::new(&Tensor::zeros([3, 4], DOUBLE), 1.0).unwrap();
        let error = network.retrieve(&Tensor::zeros([2, 3], DOUBLE), 0.0, 1).err().unwrap().to_string();
        assert!(error.contains("need the shape [rows, 4], found [2, 3]"), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn energy_never_rises_and_stays_in_its_bounds(
            seed in 0i64..1000, count in 1i64..12, width in 1i64..9, beta in 0.01f64..20.0
        ) {
            tch::manual_seed(seed);
            let patterns = Tensor::randn([count, width], DOUBLE);
            let network = ModernHopfield::new(&patterns, beta).unwrap();
            let retrieved = network.retrieve(&(Tensor::randn([5, width], DOUBLE) * 2.0), 1e-10, 200).unwrap();
            let updates = retrieved.energies.size()[1] - 1;
            let rises = retrieved.energies.narrow(1, 1, updates) - retrieved.energies.narrow(1, 0, updates);
            prop_assert!(rises.max().double_value(&[]) < 1e-9);
            // After an update a state is a mixture of patterns.
            let mixtures = retrieved.energies.narrow(1, 1, updates);
            let largest = patterns.square().sum_dim_intlist([1i64].as_slice(), false, Kind::Double).max().double_value(&[]);
            prop_assert!(mixtures.min().double_value(&[]) > -1e-9 && mixtures.max().double_value(&[]) <= 2.0 * largest + 1e-9);
        }
    }
}
