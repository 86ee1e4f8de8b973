//! The network of binary units (Hopfield 1982).

use anyhow::{Result, ensure};
use tch::Tensor;

use super::patterns::doubles;
use super::updates::{Landscape, ROUNDING, UpdateOrder, asynchronous, glauber, precision, synchronous};
use super::{LearningRule, Patterns, Recalled, Sampled};

/// N units, each +1 or -1, every pair joined by a symmetric weight: E = -½ sᵀWs - bᵀs.
pub struct BinaryHopfield {
    /// [N, N], symmetric, its diagonal zero.
    weights: Tensor,
    /// [N]
    bias: Tensor,
}

impl BinaryHopfield {
    /// From weights [N, N] and a bias [N].
    ///
    /// # Errors
    /// Shapes that do not fit, weights that are not symmetric or not finite, and weights of a unit to itself: with any of them
    /// the energy could rise.
    pub fn new(weights: &Tensor, bias: &Tensor) -> Result<Self> {
        check(weights, bias)?;
        let diagonal = weights.diagonal(0, 0, 1).abs();
        let unit = diagonal.argmax(0, false).int64_value(&[]);
        let found = weights.double_value(&[unit, unit]);
        ensure!(found == 0.0, "unit {unit} acts on itself with weight {found}, expected 0: clear the diagonal of the weights");
        Ok(BinaryHopfield { weights: weights.detach(), bias: bias.detach() })
    }

    /// A network that holds `patterns` by `rule`, without a bias.
    ///
    /// # Errors
    /// For the pseudo-inverse, more patterns than units.
    pub fn learn(patterns: &Patterns, rule: LearningRule) -> Result<Self> {
        let weights = rule.weights(patterns, None)?;
        let bias = Tensor::zeros([patterns.units()], (weights.kind(), weights.device()));
        Ok(BinaryHopfield { weights, bias })
    }

    /// The same network with further patterns.
    ///
    /// # Errors
    /// Patterns of another size, and the pseudo-inverse, which can add nothing.
    pub fn learn_more(&self, patterns: &Patterns, rule: LearningRule) -> Result<Self> {
        let patterns = Patterns::trusted(patterns.for_network(self.units(), &self.weights)?);
        Ok(BinaryHopfield { weights: rule.weights(&patterns, Some(&self.weights))?, bias: self.bias.shallow_clone() })
    }

    /// N.
    pub fn units(&self) -> i64 {
        self.bias.size()[0]
    }

    /// [N, N].
    pub fn weights(&self) -> &Tensor {
        &self.weights
    }

    /// [N].
    pub fn bias(&self) -> &Tensor {
        &self.bias
    }

    /// Energy of each state [B].
    ///
    /// # Errors
    /// States of another size.
    pub fn energy(&self, states: &Patterns) -> Result<Tensor> {
        Ok(self.energy_of(&states.for_network(self.units(), &self.weights)?))
    }

    fn energy_of(&self, states: &Tensor) -> Tensor {
        (states * (self.field(states) + &self.bias)).sum_dim_intlist([1i64].as_slice(), false, states.kind()) * -0.5 // [B]
    }

    /// The local field of each unit, W s + b: states [B, N] to [B, N]. A unit whose state is unknown is 0 and adds nothing to the
    /// fields of the others.
    pub fn field(&self, states: &Tensor) -> Tensor {
        states.matmul(&self.weights) + &self.bias
    }

    /// s ← sign(W s + b) for all units at once, at most `limit` times; a unit whose field is zero keeps its sign. The energy may
    /// rise, and two states may take turns for ever: asynchronous updates do neither.
    ///
    /// # Errors
    /// Cues of another size.
    pub fn synchronous(&self, cues: &Patterns, limit: usize) -> Result<Recalled> {
        let cues = cues.for_network(self.units(), &self.weights)?;
        let largest = self.weights.abs().sum_dim_intlist([1i64].as_slice(), false, self.weights.kind()) + self.bias.abs(); // [N]
        let noise = 2.0 * precision(self.weights.kind()) * largest.max().double_value(&[]);
        Ok(synchronous(cues, limit, noise, |states| self.energy_of(states), |states| states * self.field(states) * 2.0))
    }

    /// s_i ← sign(Σ_j w_ij s_j + b_i) for one unit after the other, in an order that `seed` draws for every sweep, at most
    /// `limit` sweeps. The energy never rises.
    ///
    /// # Errors
    /// Cues of another size.
    pub fn asynchronous(&self, cues: &Patterns, seed: u64, limit: usize) -> Result<Recalled> {
        self.asynchronous_in(UpdateOrder::Random, cues, seed, limit)
    }

    /// The same in the order of the units: nothing is left to chance.
    ///
    /// # Errors
    /// Cues of another size.
    pub fn sequential(&self, cues: &Patterns, limit: usize) -> Result<Recalled> {
        self.asynchronous_in(UpdateOrder::Sequential, cues, 0, limit)
    }

    fn asynchronous_in(&self, order: UpdateOrder, cues: &Patterns, seed: u64, limit: usize) -> Result<Recalled> {
        let cues = cues.for_network(self.units(), &self.weights)?;
        let numbers = Numbers::of(self);
        asynchronous(&cues, order, seed, limit, |cue| numbers.fields(cue))
    }

    /// Stochastic recall at a temperature T, as in a Boltzmann machine: s_i becomes 1 with probability 1 / (1 + exp(-2 h_i / T)), h_i being its local
    /// field. A state is then drawn with probability exp(-E / T) / Z once the network has forgotten the cue; before, it fluctuates around
    /// the nearest pattern where T is below a critical one (1 for few patterns by Hebb's rule; Amit et al. 1985).
    ///
    /// # Errors
    /// Cues of another size, a temperature that is not above 0.
    pub fn glauber(&self, cues: &Patterns, temperature: f64, seed: u64, sweeps: usize) -> Result<Sampled> {
        let cues = cues.for_network(self.units(), &self.weights)?;
        let numbers = Numbers::of(self);
        glauber(&cues, temperature, seed, sweeps, |cue| numbers.fields(cue))
    }
}

/// Weights and bias as plain numbers.
struct Numbers {
    weights: Vec<f64>,
    bias: Vec<f64>,
    noise: f64,
}

impl Numbers {
    fn of(network: &BinaryHopfield) -> Self {
        let (weights, bias) = (doubles(&network.weights), doubles(&network.bias));
        let size = |numbers: &[f64]| numbers.iter().map(|number| number.abs()).sum::<f64>();
        let noise = ROUNDING * (weights.chunks(bias.len()).map(size).fold(0.0, f64::max) + size(&bias));
        Numbers { weights, bias, noise }
    }

    fn fields(&self, state: &[f64]) -> Fields<'_> {
        let Numbers { weights, bias, noise } = self;
        let rows = weights.chunks(bias.len());
        let field: Vec<f64> = rows.zip(bias).map(|(row, bias)| bias + dot(row, state)).collect();
        Fields { weights, bias, state: state.to_vec(), field, noise: *noise }
    }
}

/// A state with the field W s + b of every unit, which a flip changes by one row of the weights.
struct Fields<'a> {
    weights: &'a [f64],
    bias: &'a [f64],
    state: Vec<f64>,
    field: Vec<f64>,
    noise: f64,
}

impl Landscape for Fields<'_> {
    /// -½ sᵀW s - bᵀs, from the state as it is and not from what flips were to cost.
    fn energy(&self) -> f64 {
        -0.5 * (dot(&self.field, &self.state) + dot(self.bias, &self.state))
    }

    fn cost(&self, unit: usize) -> f64 {
        2.0 * self.state[unit] * self.field[unit]
    }

    fn flip(&mut self, unit: usize) {
        self.state[unit] = -self.state[unit];
        let (twice, units) = (2.0 * self.state[unit], self.state.len());
        let row = &self.weights[unit * units..(unit + 1) * units];
        self.field.iter_mut().zip(row).for_each(|(field, weight)| *field += twice * weight);
    }

    fn noise(&self) -> f64 {
        self.noise
    }

    fn state(&self) -> &[f64] {
        &self.state
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Shapes [N, N] and [N], finite, symmetric.
pub(super) fn check(weights: &Tensor, bias: &Tensor) -> Result<()> {
    let (size, of_bias) = (weights.size(), bias.size());
    ensure!(
        size.len() == 2 && size[0] == size[1] && size[0] > 0,
        "the weights of a Hopfield network need the shape [units, units], found {size:?}"
    );
    ensure!(of_bias == [size[0]], "the bias of {} units needs the shape [{}], found {of_bias:?}", size[0], size[0]);
    let largest = weights.abs().max().maximum(&bias.abs().max()).double_value(&[]);
    ensure!(largest.is_finite(), "the weights and the bias of a Hopfield network must be finite, found {largest}");
    let apart = (weights - weights.tr()).abs();
    let worst = apart.argmax(None, false).int64_value(&[]);
    let (row, column) = (worst / size[0], worst % size[0]);
    // Sums in another order may differ in the last bits.
    ensure!(
        apart.double_value(&[row, column]) <= 1e-5 * largest,
        "the weights of a Hopfield network must be symmetric, found {} from unit {column} to {row} and {} back: use (W + Wᵀ) / 2",
        weights.double_value(&[row, column]),
        weights.double_value(&[column, row])
    );
    Ok(())
}

#[cfg(test)]
mod tests;
