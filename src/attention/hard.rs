//! Hard attention (Xu et al. 2015): one position instead of a mixture, chosen by argmax or drawn by chance, and how it learns
//! nevertheless (REINFORCE, Williams 1992).

use anyhow::{Result, ensure};
use tch::{Kind, Tensor};

use super::{AttentionOutput, full_precision};
use crate::nn::ForwardContext;

/// A choice for each of some queries.
pub struct HardChoice {
    /// The chosen position [B, Q] (int64).
    pub positions: Tensor,
    /// 1 at the chosen position, 0 elsewhere [B, Q, S]: what takes the place of soft weights. All 0 in a row that has no weight anywhere.
    pub one_hot: Tensor,
    pub sampled: Sampled,
}

/// What learning from choices needs of them.
pub struct Sampled {
    /// log p of each choice [B, Q], in nats; its gradient flows into the weights. 0 where there was nothing to choose from.
    pub log_probability: Tensor,
    /// Entropy of the distributions that were chosen from [B, Q], in nats.
    pub entropy: Tensor,
}

impl Sampled {
    /// Both as a list of the queries [N] of these numbers, counted over [B · Q].
    pub fn listed(&self, queries: &Tensor) -> Self {
        let list = |tensor: &Tensor| tensor.reshape([-1]).index_select(0, queries);
        Sampled { log_probability: list(&self.log_probability), entropy: list(&self.entropy) }
    }
}

/// What looks at one position instead of all (Xu et al. 2015, section 4.1).
#[derive(Debug, Clone, Copy)]
pub struct HardAttention {
    /// How probable it is in training that a query keeps its soft weights after all, which makes learning less noisy.
    pub soft: f64,
}

impl HardAttention {
    /// Puts one position of `values` [B, S, D] in the place of soft weights: drawn in a pass that trains, the heaviest one otherwise.
    pub fn harden(&self, soft: AttentionOutput, values: &Tensor, pass: &ForwardContext) -> (AttentionOutput, Sampled) {
        let HardChoice { one_hot, sampled: Sampled { log_probability, entropy }, .. } = HardChoice::sample(&soft.weights, pass);
        let stays_soft = pass.uniform(&log_probability.size(), values.device()).map(|chance| chance.lt(self.soft));
        let (weights, log_probability) = match &stays_soft {
            Some(stays) => (
                soft.weights.where_self(&stays.unsqueeze(-1), &one_hot.to_kind(soft.weights.kind())),
                // Nothing was drawn there.
                log_probability.masked_fill(stays, 0.0),
            ),
            None => (one_hot, log_probability),
        };
        let context = weights.to_kind(values.kind()).matmul(values);
        (AttentionOutput { context, weights }, Sampled { log_probability, entropy })
    }
}

/// Smallest probability that is told from zero: its logarithm is finite, and so is its inverse in float32.
const TINY: f64 = 1e-30;

impl HardChoice {
    /// The heaviest position of each row of soft weights [B, Q, S]; of equals the first.
    pub fn argmax(weights: &Tensor) -> Self {
        Self::at(weights, &weights.argmax(-1, false))
    }

    /// A position drawn with the probability of its weight, from a pass that trains; argmax from one that does not. What is drawn is a
    /// pure function of (seed, step, rank) of the pass and the order of calls, as dropout is. Weights need not sum to one.
    pub fn sample(weights: &Tensor, pass: &ForwardContext) -> Self {
        let mut size = weights.size();
        let positions = size.pop().expect("weights have positions");
        let Some(chance) = pass.uniform(&size, weights.device()) else { return Self::argmax(weights) };
        // In double precision chance · total stays below the total, so that what is drawn always has a weight.
        let reached = weights.detach().cumsum(-1, Kind::Double);
        let mark = chance.unsqueeze(-1) * reached.narrow(-1, positions - 1, 1);
        let passed = reached.le_tensor(&mark).sum_dim_intlist([-1i64].as_slice(), false, Kind::Int64);
        Self::at(weights, &passed.clamp_max(positions - 1))
    }

    /// These positions [B, Q] of soft weights [B, Q, S].
    pub fn at(weights: &Tensor, positions: &Tensor) -> Self {
        let weights = full_precision(weights);
        let total = weights.sum_dim_intlist([-1i64].as_slice(), true, weights.kind());
        let something = total.gt(TINY);
        let probabilities = &weights / total.masked_fill(&something.logical_not(), 1.0);
        let something = something.squeeze_dim(-1);
        // p ln p is 0 at p = 0, and its gradient is kept finite there.
        let entropy =
            -(&probabilities * probabilities.clamp_min(TINY).log()).sum_dim_intlist([-1i64].as_slice(), false, weights.kind());
        let chosen = probabilities.gather(-1, &positions.unsqueeze(-1), false).squeeze_dim(-1);
        let log_probability = chosen.clamp_min(TINY).log() * &something;
        let ones = positions.unsqueeze(-1).eq_tensor(&Tensor::arange(weights.size()[2], (Kind::Int64, weights.device())));
        let one_hot = ones.logical_and(&something.unsqueeze(-1)).to_kind(weights.kind());
        HardChoice { positions: positions.shallow_clone(), one_hot, sampled: Sampled { log_probability, entropy } }
    }
}

/// The gradient of hard attention (Xu et al. 2015, equation 12).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reinforce {
    /// λ_r: what rewards count beside the gradient that flows through the network.
    pub reward: f64,
    /// λ_e: what the entropy of the choices counts, which keeps them from becoming sure too early.
    pub entropy: f64,
}

impl Reinforce {
    /// # Errors
    /// Weights that are negative or no numbers.
    pub fn new(reward: f64, entropy: f64) -> Result<Self> {
        let good = |weight: f64| weight.is_finite() && weight >= 0.0;
        ensure!(good(reward) && good(entropy), "REINFORCE weighs reward and entropy by 0 or more, found {reward} and {entropy}");
        Ok(Reinforce { reward, entropy })
    }

    /// A scalar to be *added* to a loss that is minimised, -Σ (λ_r (R - b) log p + λ_e H), whose gradient is an unbiased estimate of that of
    /// -E[λ_r R] - λ_e H as far as the choices go. `rewards` R [B, Q], or broadcastable to it, are what came of the choices, such as log p(y);
    /// `baseline` b is what was to be expected ([`Baseline`]). Only choices where `real` [B, Q] holds count.
    pub fn surrogate(&self, sampled: &Sampled, rewards: &Tensor, baseline: f64, real: &Tensor) -> Tensor {
        let advantage = (rewards.detach() - baseline) * self.reward;
        let terms = advantage * &sampled.log_probability + &sampled.entropy * self.entropy;
        -(terms * real).sum(sampled.entropy.kind())
    }
}

/// What rewards were lately: b ← 0.9 b + 0.1 R, the decay being 0.9 in Xu et al. 2015, section 4.1. Part of a run's state.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Baseline {
    decay: f64,
    mean: Option<f64>,
}

impl Baseline {
    /// # Errors
    /// A decay that is not at least 0 and below 1.
    pub fn new(decay: f64) -> Result<Self> {
        ensure!((0.0..1.0).contains(&decay), "a moving average decays by 0 to 1, 1 excluded; found {decay}");
        Ok(Baseline { decay, mean: None })
    }

    /// b; none before the first reward.
    pub fn value(&self) -> Option<f64> {
        self.mean
    }

    /// Takes in the mean reward of a batch. The first one becomes the average as it is.
    pub fn update(&mut self, reward: f64) {
        self.mean = Some(self.mean.map_or(reward, |mean| self.decay * mean + (1.0 - self.decay) * reward));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::numerical::{check_gradients, leaf};
    use tch::Device;

    fn energies() -> (String, Tensor) {
        tch::manual_seed(7);
        leaf("energies", &[1, 2, 3])
    }

    /// A reward for each position of each of two queries [1, 2, 3].
    fn rewards() -> Tensor {
        Tensor::from_slice(&[0.3f64, -1.2, 0.8, 2.0, 0.1, -0.7]).reshape([1, 2, 3])
    }

    fn gradient_of(energies: &Tensor, scalar: &Tensor) -> Tensor {
        Tensor::run_backward(&[scalar], &[energies], false, false).remove(0)
    }

    /// d/d energies of -λ_r E[R] - λ_e H, written out.
    fn exact(energies: &Tensor, rule: Reinforce) -> Tensor {
        let p = energies.softmax(-1, Kind::Double);
        let entropy = -(&p * p.log()).sum(Kind::Double);
        gradient_of(energies, &(-(p * rewards()).sum(Kind::Double) * rule.reward - entropy * rule.entropy))
    }

    fn estimate(energies: &Tensor, choice: &HardChoice, rule: Reinforce, baseline: f64) -> Tensor {
        let reward = rewards().gather(-1, &choice.positions.unsqueeze(-1), false).squeeze_dim(-1);
        gradient_of(energies, &rule.surrogate(&choice.sampled, &reward, baseline, &reward.ones_like()))
    }

    #[test]
    fn the_expected_gradient_is_the_exact_one_whatever_the_baseline() {
        let (_, energies) = energies();
        let rule = Reinforce::new(0.8, 0.3).unwrap();
        for baseline in [0.0, 1.7] {
            let mut expected = energies.zeros_like();
            // Every pair of choices, weighed by how probable it is.
            for (first, second) in (0..3i64).flat_map(|first| (0..3i64).map(move |second| (first, second))) {
                let weights = energies.softmax(-1, Kind::Double);
                let choice = HardChoice::at(&weights, &Tensor::from_slice(&[first, second]).unsqueeze(0));
                let probability = weights.double_value(&[0, 0, first]) * weights.double_value(&[0, 1, second]);
                expected += estimate(&energies, &choice, rule, baseline) * probability;
            }
            assert!(expected.allclose(&exact(&energies, rule), 1e-10, 1e-12, false));
        }
    }

    #[test]
    fn the_mean_over_draws_comes_near_the_exact_gradient() {
        let (_, energies) = energies();
        let rule = Reinforce::new(1.0, 0.0).unwrap();
        let draws = 4000;
        // All draws side by side, so that one backward pass adds up their gradients.
        let weights = energies.softmax(-1, Kind::Double).expand([draws, 2, 3], false);
        let choice = HardChoice::sample(&weights, &ForwardContext::training(1, 2, 0));
        let reward = rewards().expand([draws, 2, 3], false).gather(-1, &choice.positions.unsqueeze(-1), false).squeeze_dim(-1);
        let mean = gradient_of(&energies, &rule.surrogate(&choice.sampled, &reward, 0.4, &reward.ones_like())) / draws;
        let exact = exact(&energies, rule);
        let off = (mean - &exact).abs().max().double_value(&[]);
        assert!(off < 0.06 && exact.abs().max().double_value(&[]) > 0.2, "off by {off} of {exact:?}");
    }

    #[test]
    fn draws_follow_the_weights_and_the_seed_alone() {
        let weights = Tensor::from_slice(&[0.1f32, 0.0, 0.6, 0.3, 0.0]).expand([1, 20_000, 5], false);
        let draw = |step| HardChoice::sample(&weights, &ForwardContext::training(5, step, 0));
        let share = draw(3).one_hot.mean_dim([0i64, 1].as_slice(), false, Kind::Float);
        let off = (&share - weights.get(0).get(0)).abs();
        assert!(off.max().double_value(&[]) < 0.015, "{share:?}");
        assert_eq!(share.double_value(&[1]) + share.double_value(&[4]), 0.0, "what has no weight is never sampled");
        assert!(draw(3).positions.equal(&draw(3).positions));
        assert!(!draw(3).positions.equal(&draw(4).positions));
        let heaviest = HardChoice::sample(&weights, &ForwardContext::evaluation()).positions;
        assert!(bool::try_from(heaviest.eq(2).all()).unwrap(), "nothing is sampled where nothing is trained");
    }

    #[test]
    fn a_row_without_weights_chooses_nothing() {
        let energies = Tensor::from_slice(&[1f64, 2.0]).reshape([1, 1, 2]).set_requires_grad(true);
        let (one, rule) = (Tensor::ones([1, 1], (Kind::Double, Device::Cpu)), Reinforce::new(1.0, 1.0).unwrap());
        for pass in [ForwardContext::evaluation(), ForwardContext::training(1, 1, 0)] {
            let weights = crate::nn::masked_softmax(&energies, &Tensor::from_slice(&[false, false]));
            let choice = HardChoice::sample(&weights, &pass);
            assert_eq!(choice.one_hot.sum(Kind::Double).double_value(&[]), 0.0);
            let gradient = gradient_of(&energies, &rule.surrogate(&choice.sampled, &one, 0.0, &one));
            assert_eq!(Vec::<f64>::try_from(gradient.reshape(-1)).unwrap(), [0.0, 0.0]);
        }
    }

    #[test]
    fn a_query_looks_at_one_place_or_keeps_its_soft_weights() {
        tch::manual_seed(3);
        let options = (Kind::Float, Device::Cpu);
        let values = Tensor::randn([2, 5, 3], options);
        let soft = |queries| {
            let weights = Tensor::randn([2, 5], options).softmax(-1, Kind::Float).unsqueeze(1).expand([2, queries, 5], false);
            AttentionOutput { context: weights.matmul(&values), weights }
        };
        let (heaviest, _) = HardAttention { soft: 0.9 }.harden(soft(4), &values, &ForwardContext::evaluation());
        let one_place = |weights: &Tensor| weights.amax([-1i64].as_slice(), false).eq(1.0);
        assert!(bool::try_from(one_place(&heaviest.weights).all()).unwrap(), "what does not train is never soft");
        for row in 0..2 {
            let place = heaviest.weights.get(row).get(0).argmax(None, false).int64_value(&[]);
            assert!(heaviest.context.get(row).get(0).allclose(&values.get(row).get(place), 1e-6, 1e-6, false));
        }
        let (attended, sampled) = HardAttention { soft: 0.3 }.harden(soft(20_000), &values, &ForwardContext::training(1, 2, 3));
        let hard = one_place(&attended.weights);
        let share = hard.to_kind(Kind::Float).mean(Kind::Float).double_value(&[]);
        assert!((share - 0.7).abs() < 0.01, "{share}");
        assert!(sampled.log_probability.ne(0.0).equal(&hard), "what was not sampled has no probability to raise");
        assert!(attended.context.allclose(&attended.weights.matmul(&values), 1e-6, 1e-6, false));
    }

    #[test]
    fn gradients_are_those_of_differences() {
        let (name, energies) = energies();
        let positions = Tensor::from_slice(&[2i64, 0]).unsqueeze(0);
        let keep = Tensor::from_slice(&[true, false, true]);
        check_gradients(&[(name, energies.shallow_clone())], || {
            let choice = HardChoice::at(&crate::nn::masked_softmax(&energies, &keep), &positions);
            (choice.sampled.log_probability * 0.7 + choice.sampled.entropy).sum(Kind::Double)
        });
    }

    #[test]
    fn the_baseline_is_a_moving_average() {
        let mut baseline = Baseline::new(0.9).unwrap();
        assert_eq!(baseline.value(), None);
        baseline.update(2.0);
        assert_eq!(baseline.value(), Some(2.0));
        baseline.update(1.0);
        assert!((baseline.value().unwrap() - 1.9).abs() < 1e-12);
        assert!(Baseline::new(1.0).is_err() && Reinforce::new(-1.0, 0.0).is_err() && Reinforce::new(1.0, f64::NAN).is_err());
    }
}
