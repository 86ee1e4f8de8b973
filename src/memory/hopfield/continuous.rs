//! The network of continuous units (Hopfield 1984).

use anyhow::{Result, ensure};
use tch::Tensor;

use super::binary::check;

/// N units with potentials u that leak, and outputs V = tanh(γ u): u' = W V + b - u, time being counted in the membrane's own
/// constant RC.
///
/// The larger the gain γ, the closer it is to the network of binary units with the same weights.
pub struct ContinuousHopfield {
    /// [N, N], symmetric.
    weights: Tensor,
    /// [N]
    bias: Tensor,
    gain: f64,
}

/// Where potentials came to rest.
pub struct Relaxed {
    /// u [B, N].
    pub potentials: Tensor,
    /// V = tanh(γ u) [B, N], from -1 to 1.
    pub outputs: Tensor,
    /// Energy at the start and after every step [B, steps + 1].
    pub energies: Tensor,
    /// Whether all rows rest, rather than having been stopped by the limit.
    pub settled: bool,
}

impl ContinuousHopfield {
    /// From weights [N, N], a bias (input current) [N] and a gain above zero. Units may act on themselves here.
    ///
    /// # Errors
    /// Shapes that do not fit, weights that are not symmetric or not finite, and a gain that is not above zero.
    pub fn new(weights: &Tensor, bias: &Tensor, gain: f64) -> Result<Self> {
        check(weights, bias)?;
        ensure!(gain.is_finite() && gain > 0.0, "the gain of a continuous Hopfield network must be above 0, found {gain}");
        Ok(ContinuousHopfield { weights: weights.detach(), bias: bias.detach(), gain })
    }

    /// V = tanh(γ u): [B, N] to [B, N].
    pub fn outputs(&self, potentials: &Tensor) -> Tensor {
        (potentials * self.gain).tanh()
    }

    /// E = -½ VᵀWV - bᵀV + Σ ∫₀^V g⁻¹(v) dv of each row of potentials [B, N]: [B] (Hopfield 1984, equation 7, R = 1).
    ///
    /// With V = tanh(γ u) the integral is V u - ln cosh(γ u) / γ, which stays finite where V reaches 1.
    pub fn energy(&self, potentials: &Tensor) -> Tensor {
        let outputs = self.outputs(potentials);
        let size = (potentials * self.gain).abs();
        // ln cosh x = |x| + ln(1 + e^(-2|x|)) - ln 2, without overflow.
        let log_cosh = &size + (&size * -2.0).exp().log1p() - std::f64::consts::LN_2;
        let integral = &outputs * potentials - log_cosh / self.gain;
        let field = outputs.matmul(&self.weights) * 0.5 + &self.bias; // [B, N]
        (integral - outputs * field).sum_dim_intlist([1i64].as_slice(), false, potentials.kind()) // [B]
    }

    /// u' = W V + b - u of potentials [B, N]: the energy's slope by V, downwards.
    pub fn drift(&self, potentials: &Tensor) -> Tensor {
        self.outputs(potentials).matmul(&self.weights) + &self.bias - potentials
    }

    /// Follows u' from potentials [B, N] in steps of `step` (Euler's method) until no potential moves by more than `tolerance` a
    /// unit of time, at most `limit` steps. Along the true path the energy never rises; a step of 0.1 keeps that for weights up
    /// to about 1 a row.
    ///
    /// # Errors
    /// Potentials of another size, or a step that is not above 0 and at most 1.
    pub fn relax(&self, potentials: &Tensor, step: f64, tolerance: f64, limit: usize) -> Result<Relaxed> {
        let units = self.bias.size()[0];
        let size = potentials.size();
        ensure!(
            size.len() == 2 && size[1] == units,
            "potentials of {units} units need the shape [rows, {units}], found {size:?}"
        );
        ensure!(step > 0.0 && step <= 1.0, "a step must be above 0 and at most 1 of the time constant, found {step}");
        let mut potentials = potentials.detach().to_kind(self.weights.kind());
        let mut energies = vec![self.energy(&potentials)];
        let mut settled = false;
        for _ in 0..limit {
            let drift = self.drift(&potentials); // [B, N]
            settled = drift.abs().max().double_value(&[]) <= tolerance;
            if settled {
                break;
            }
            // A tensor of its own: the caller's stays as it is.
            potentials = &potentials + drift * step;
            energies.push(self.energy(&potentials));
        }
        let energies = Tensor::stack(&energies, 1); // [B, steps + 1]
        Ok(Relaxed { outputs: self.outputs(&potentials), potentials, energies, settled })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BinaryHopfield, LearningRule, Patterns};
    use super::*;
    use crate::nn::numerical::{check_gradients, leaf};
    use tch::{Device, Kind};

    const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

    fn stored(gain: f64) -> (ContinuousHopfield, Patterns) {
        let patterns = Patterns::random(4, 64, 11, Kind::Double).unwrap();
        let weights = BinaryHopfield::learn(&patterns, LearningRule::Hebb).unwrap().weights().copy();
        (ContinuousHopfield::new(&weights, &Tensor::zeros([64], DOUBLE), gain).unwrap(), patterns)
    }

    #[test]
    fn the_integral_is_what_quadrature_says() {
        let (weights, bias) = (Tensor::zeros([1, 1], DOUBLE), Tensor::zeros([1], DOUBLE));
        for (gain, end) in [(0.7, 0.9f64), (2.0, -0.6), (5.0, 0.999)] {
            let network = ContinuousHopfield::new(&weights, &bias, gain).unwrap();
            let potential = Tensor::from_slice(&[end.atanh() / gain]).reshape([1, 1]);
            // Midpoints of atanh(v) / γ from 0 to the end.
            let parts = 200_000;
            let width = end / parts as f64;
            let sum: f64 = (0..parts).map(|part| ((part as f64 + 0.5) * width).atanh() / gain * width).sum();
            assert!((network.energy(&potential).double_value(&[0]) - sum).abs() < 1e-6);
        }
    }

    #[test]
    fn potentials_drift_down_the_energy() {
        tch::manual_seed(1);
        let half = Tensor::randn([9, 9], DOUBLE);
        let network = ContinuousHopfield::new(&(&half + half.tr()), &Tensor::randn([9], DOUBLE), 1.3).unwrap();
        let potentials = Tensor::randn([3, 9], DOUBLE).set_requires_grad(true);
        network.energy(&potentials).sum(Kind::Double).backward();
        // By the chain rule the slope by u is the slope by V times γ (1 - V²).
        let steepness = (network.outputs(&potentials).square() * -1.0 + 1.0) * 1.3;
        let slope = network.drift(&potentials).neg() * steepness;
        assert!(potentials.grad().allclose(&slope, 1e-9, 1e-12, false));
        let inputs = [leaf("potentials", &[2, 9])];
        check_gradients(&inputs, || network.energy(&inputs[0].1).sum(Kind::Double));
    }

    #[test]
    fn energy_falls_to_the_stored_pattern() {
        let (network, patterns) = stored(4.0);
        let cues = patterns.flipped(13, 5).unwrap();
        let relaxed = network.relax(&(cues.tensor() * 0.1), 0.05, 1e-6, 2000).unwrap();
        assert!(relaxed.settled);
        assert!(relaxed.outputs.sign().equal(patterns.tensor()));
        let steps = relaxed.energies.size()[1];
        let rises = relaxed.energies.narrow(1, 1, steps - 1) - relaxed.energies.narrow(1, 0, steps - 1);
        assert!(steps > 10 && rises.max().double_value(&[]) < 1e-12);
    }

    #[test]
    fn a_steep_gain_is_the_binary_network() {
        let (network, patterns) = stored(1e4);
        let binary = BinaryHopfield::learn(&patterns, LearningRule::Hebb).unwrap();
        let apart = network.energy(patterns.tensor()) - binary.energy(&patterns).unwrap();
        assert!(apart.abs().max().double_value(&[]) < 0.01);
        // And with no gain to speak of everything is forgotten, but not by who asked.
        let relaxed = stored(0.1).0.relax(patterns.tensor(), 0.1, 1e-9, 2000).unwrap();
        assert!(relaxed.settled && relaxed.outputs.abs().max().double_value(&[]) < 1e-6);
        assert_eq!(patterns.tensor().abs().min().double_value(&[]), 1.0);
    }

    #[test]
    fn bad_numbers_are_named() {
        let (weights, bias) = (Tensor::zeros([3, 3], DOUBLE), Tensor::zeros([3], DOUBLE));
        let error = ContinuousHopfield::new(&weights, &bias, 0.0).err().unwrap().to_string();
        assert!(error.contains("must be above 0, found 0"), "{error}");
        let network = ContinuousHopfield::new(&weights, &bias, 1.0).unwrap();
        let error = |size: &[i64], step| network.relax(&Tensor::zeros(size, DOUBLE), step, 1e-3, 5).err().unwrap().to_string();
        assert!(error(&[2, 4], 0.1).contains("shape [rows, 3], found [2, 4]"));
        assert!(error(&[2, 3], 1.5).contains("at most 1 of the time constant, found 1.5"));
    }
}
