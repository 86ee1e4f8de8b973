//! Dense associative memory: sharper minima of the energy, and so more of them (Krotov and Hopfield 2016, Demircigil et al. 2017).

use anyhow::{Result, ensure};
use tch::Tensor;

use super::patterns::doubles;
use super::updates::{Landscape, ROUNDING, UpdateOrder, asynchronous, synchronous};
use super::{Patterns, Recalled};

/// F of the energy E = -Σ_μ F(m_μ), m_μ = x_μ·s being how far pattern μ agrees with the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interaction {
    /// F(m) = (m/N)ⁿ, plain rather than rectified: an even order takes a pattern and its mirror for the same, as Hebb's network
    /// does, which order 2 is. Over N because that changes nothing but the unit of energy and keeps high orders in range. Holds
    /// in the order of Nⁿ⁻¹ random patterns.
    Power(i32),
    /// F(m) = eᵐ; the energy given is -ln Σ_μ F(m_μ), which has the same minima and does not overflow. Holds in the order of
    /// 2^(N/2) random patterns.
    Exponential,
}

/// A network of N binary units over P stored patterns, which it keeps as they are.
pub struct DenseMemory {
    /// [P, N]
    patterns: Tensor,
    interaction: Interaction,
}

impl DenseMemory {
    /// A memory of these patterns.
    ///
    /// # Errors
    /// A power below 2.
    pub fn new(patterns: &Patterns, interaction: Interaction) -> Result<Self> {
        if let Interaction::Power(order) = interaction {
            ensure!(
                order >= 2,
                "the order of a dense memory must be at least 2, found {order}: 2 is Hebb's network, 3 holds more than N patterns"
            );
        }
        Ok(DenseMemory { patterns: patterns.tensor().shallow_clone(), interaction })
    }

    /// N.
    pub fn units(&self) -> i64 {
        self.patterns.size()[1]
    }

    /// Energy of each state [B].
    ///
    /// # Errors
    /// States of another size.
    pub fn energy(&self, states: &Patterns) -> Result<Tensor> {
        Ok(self.energy_of(&states.for_network(self.units(), &self.patterns)?))
    }

    fn energy_of(&self, states: &Tensor) -> Tensor {
        let overlaps = states.matmul(&self.patterns.tr()); // [B, P]
        match self.interaction {
            Interaction::Power(order) => {
                let powers = (overlaps / self.units() as f64).pow_tensor_scalar(i64::from(order));
                -powers.sum_dim_intlist([1i64].as_slice(), false, states.kind()) // [B]
            }
            Interaction::Exponential => -overlaps.logsumexp([1i64].as_slice(), false), // [B]
        }
    }

    /// What the energy would change by if one unit alone flipped, for each unit of each state [B, N].
    ///
    /// A flip of s_i takes m_μ to m_μ - 2 x_μi s_i, that is to m_μ ∓ 2, so that both values of F serve all units and one product
    /// sums them up.
    fn costs(&self, states: &Tensor) -> Tensor {
        let overlaps = states.matmul(&self.patterns.tr()); // [B, P]
        match self.interaction {
            Interaction::Power(order) => {
                let power = |shift: f64| ((&overlaps + shift) / self.units() as f64).pow_tensor_scalar(i64::from(order));
                let (above, here, below) = (power(2.0), power(0.0), power(-2.0));
                let slope = (&above - &below) * 0.5; // [B, P]
                let bend = ((above + below) * 0.5 - here).sum_dim_intlist([1i64].as_slice(), true, states.kind()); // [B, 1]
                states * slope.matmul(&self.patterns) - bend // [B, N]
            }
            Interaction::Exponential => {
                let mean = overlaps.softmax(-1, states.kind()).matmul(&self.patterns); // [B, N]
                -(states * mean * -(2f64.sinh()) + 2f64.cosh()).log()
            }
        }
    }

    /// All units at once, each to the sign of lower energy (Krotov and Hopfield 2016, equation 3), at most `limit` times; 1 is
    /// retrieval in one step. The energy may rise.
    ///
    /// # Errors
    /// Cues of another size.
    pub fn synchronous(&self, cues: &Patterns, limit: usize) -> Result<Recalled> {
        let cues = cues.for_network(self.units(), &self.patterns)?;
        Ok(synchronous(cues, limit, 0.0, |states| self.energy_of(states), |states| self.costs(states)))
    }

    /// One unit after the other, in an order that `seed` draws for every sweep, at most `limit` sweeps. The energy never rises.
    ///
    /// # Errors
    /// Cues of another size.
    pub fn asynchronous(&self, cues: &Patterns, seed: u64, limit: usize) -> Result<Recalled> {
        let cues = cues.for_network(self.units(), &self.patterns)?;
        let by_unit = doubles(&self.patterns.tr());
        asynchronous(&cues, UpdateOrder::Random, seed, limit, |cue| Overlaps::new(&by_unit, cue, self.interaction))
    }
}

/// A state with its overlap with every pattern, and what F makes of them. A flip costs O(P), and so does asking for one.
struct Overlaps<'a> {
    /// [N, P]
    by_unit: &'a [f64],
    interaction: Interaction,
    state: Vec<f64>,
    /// m [P].
    overlaps: Vec<f64>,
    /// (F(m+2) - F(m-2)) / 2 for powers, the pattern's share of the exponentials otherwise [P].
    weights: Vec<f64>,
    /// Σ (F(m+2) + F(m-2)) / 2 - F(m) for powers.
    bend: f64,
    energy: f64,
    noise: f64,
}

impl<'a> Overlaps<'a> {
    fn new(by_unit: &'a [f64], cue: &[f64], interaction: Interaction) -> Self {
        let count = by_unit.len() / cue.len();
        let mut overlaps = vec![0.0; count];
        for (sign, row) in cue.iter().zip(by_unit.chunks(count)) {
            overlaps.iter_mut().zip(row).for_each(|(overlap, pattern)| *overlap += sign * pattern);
        }
        let weights = vec![0.0; count];
        let mut new =
            Overlaps { by_unit, interaction, state: cue.to_vec(), overlaps, weights, bend: 0.0, energy: 0.0, noise: ROUNDING };
        new.weigh();
        new
    }

    fn row(&self, unit: usize) -> &'a [f64] {
        let count = self.overlaps.len();
        &self.by_unit[unit * count..(unit + 1) * count]
    }

    fn weigh(&mut self) {
        let both = self.weights.iter_mut().zip(&self.overlaps);
        match self.interaction {
            Interaction::Power(order) => {
                let units = self.state.len() as f64;
                let power = |overlap: f64| (overlap / units).powi(order);
                (self.bend, self.energy, self.noise) = (0.0, 0.0, 0.0);
                for (weight, &overlap) in both {
                    let (above, here, below) = (power(overlap + 2.0), power(overlap), power(overlap - 2.0));
                    *weight = (above - below) * 0.5;
                    self.bend += (above + below) * 0.5 - here;
                    self.energy -= here;
                    self.noise += ROUNDING * (above.abs() + here.abs() + below.abs());
                }
            }
            Interaction::Exponential => {
                let largest = self.overlaps.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let mut sum = 0.0;
                for (weight, &overlap) in both {
                    *weight = (overlap - largest).exp();
                    sum += *weight;
                }
                self.weights.iter_mut().for_each(|weight| *weight /= sum);
                self.energy = -(largest + sum.ln());
            }
        }
    }
}

impl Landscape for Overlaps<'_> {
    fn energy(&self) -> f64 {
        self.energy
    }

    fn cost(&self, unit: usize) -> f64 {
        let mean: f64 = self.weights.iter().zip(self.row(unit)).map(|(weight, pattern)| weight * pattern).sum();
        match self.interaction {
            Interaction::Power(_) => self.state[unit] * mean - self.bend,
            Interaction::Exponential => -(2f64.cosh() - 2f64.sinh() * self.state[unit] * mean).ln(),
        }
    }

    fn flip(&mut self, unit: usize) {
        self.state[unit] = -self.state[unit];
        let twice = 2.0 * self.state[unit];
        let row = self.row(unit);
        self.overlaps.iter_mut().zip(row).for_each(|(overlap, pattern)| *overlap += twice * pattern);
        self.weigh();
    }

    fn noise(&self) -> f64 {
        self.noise
    }

    fn state(&self) -> &[f64] {
        &self.state
    }
}

#[cfg(test)]
mod tests;
