//! Optimizers with visible state: SGD, Adadelta, Adam and AdamW on one flat buffer.
//!
//! Each step is a handful of in-place calls with the gradient buffer as scratch space; it is zero afterwards. On the CPU
//! they go through the buffers block by block, each block staying in the cache for all of its calls: Adam over 12 million parameters
//! is one trip through memory, not eight. A parameter that took no part in a batch has a gradient of zero and is treated like any other.

use anyhow::{Result, bail};
use tch::{Device, Tensor, no_grad};

use super::flat::FlatParameters;
use crate::recipe::{AdadeltaRecipe, AdamRecipe, AdamWRecipe, OptimizerRecipe, SgdRecipe};

/// Numbers in a block: with three buffers beside it, what two cores' caches hold, and enough for libtorch to use both.
const BLOCK: i64 = 1 << 16;

/// An optimizer and its moments.
pub struct Optimizer {
    recipe: OptimizerRecipe,
    /// Name and buffer, laid out like the parameters.
    moments: Vec<(&'static str, Tensor)>,
}

/// Names of the buffers that an optimizer keeps, each of the parameters' size.
pub(super) fn moments(recipe: &OptimizerRecipe) -> &'static [&'static str] {
    match recipe {
        OptimizerRecipe::Sgd(SgdRecipe { momentum: 0.0, .. }) => &[],
        OptimizerRecipe::Sgd(_) => &["momentum"],
        OptimizerRecipe::Adadelta(_) => &["squared-gradient", "squared-update"],
        OptimizerRecipe::Adam(_) | OptimizerRecipe::AdamW(_) => &["gradient", "squared-gradient"],
    }
}

impl Optimizer {
    /// Moments start at zero.
    pub fn new(recipe: OptimizerRecipe, parameters: &FlatParameters) -> Self {
        Optimizer { recipe, moments: moments(&recipe).iter().map(|&name| (name, parameters.zeros())).collect() }
    }

    /// The name it has in recipes.
    pub fn name(&self) -> &'static str {
        match self.recipe {
            OptimizerRecipe::Sgd(_) => "sgd",
            OptimizerRecipe::Adadelta(_) => "adadelta",
            OptimizerRecipe::Adam(_) => "adam",
            OptimizerRecipe::AdamW(_) => "adamw",
        }
    }

    /// How many buffers of the parameters' size it keeps.
    pub fn buffers(&self) -> u64 {
        self.moments.len() as u64
    }

    /// Moves the parameters against `scale` times their gradients (see [`super::clip`]). `update` counts from 1. The gradients are
    /// zero afterwards.
    pub fn step(&mut self, parameters: &FlatParameters, scale: f64, learning_rate: f64, update: u64) {
        let (values, gradients) = (parameters.values(), parameters.gradients());
        let numbers = values.size()[0];
        let block = if values.device() == Device::Cpu { BLOCK } else { numbers };
        no_grad(|| {
            for start in (0..numbers).step_by(block as usize) {
                let cut = |buffer: &Tensor| buffer.narrow(0, start, block.min(numbers - start));
                let mut moments: Vec<Tensor> = self.moments.iter().map(|(_, moment)| cut(moment)).collect();
                let (mut values, mut gradients) = (cut(&values), cut(&gradients));
                if scale != 1.0 {
                    gradients *= scale;
                }
                self.recipe.step(&mut values, &mut gradients, &mut moments, learning_rate, update);
                let _ = gradients.zero_();
            }
        });
    }

    /// The moments as `optimizer.moment.parameter`, sharing storage.
    pub fn state(&self, parameters: &FlatParameters) -> Vec<(String, Tensor)> {
        let pieces = self.moments.iter().flat_map(|(moment, buffer)| {
            let named = parameters.named(buffer).into_iter();
            named.map(move |(name, tensor)| (format!("{}.{moment}.{name}", self.name()), tensor))
        });
        pieces.collect()
    }

    /// Copies moments back. When anything differs nothing is copied, and the error names every difference.
    pub fn restore(&mut self, parameters: &FlatParameters, saved: &[(String, Tensor)]) -> Result<()> {
        let state = self.state(parameters);
        let found = |name: &str| saved.iter().find(|(other, _)| other == name).map(|(_, tensor)| tensor);
        let mut problems = Vec::new();
        for (name, tensor) in &state {
            match found(name) {
                None => problems.push(format!("{name}: missing")),
                Some(other) if other.size() != tensor.size() => {
                    problems.push(format!("{name}: shape {:?}, expected {:?}", other.size(), tensor.size()));
                }
                Some(_) => {}
            }
        }
        problems.extend(
            saved
                .iter()
                .filter(|(name, _)| state.iter().all(|(other, _)| other != name))
                .map(|(name, _)| format!("{name}: not part of the state of {}", self.name())),
        );
        if !problems.is_empty() {
            bail!(
                "the optimizer's state is of another model, optimizer or training.freeze, {} differences:\n  {}",
                problems.len(),
                problems.join("\n  ")
            );
        }
        no_grad(|| {
            for (name, mut tensor) in state {
                tensor.copy_(found(&name).expect("names were compared"));
            }
        });
        Ok(())
    }
}

impl OptimizerRecipe {
    /// One step on a block; the gradients hold anything afterwards.
    fn step(&self, values: &mut Tensor, gradients: &mut Tensor, moments: &mut [Tensor], learning_rate: f64, update: u64) {
        match (*self, moments) {
            (OptimizerRecipe::Sgd(sgd), moments) => sgd_step(sgd, values, gradients, moments.first_mut(), learning_rate),
            (OptimizerRecipe::Adadelta(adadelta), [squares, updates]) => {
                adadelta_step(adadelta, values, gradients, squares, updates, learning_rate);
            }
            (OptimizerRecipe::Adam(AdamRecipe { beta1, beta2, epsilon, .. }), [mean, square]) => {
                Adam { beta1, beta2, epsilon, learning_rate, update }.step(values, gradients, mean, square);
            }
            (OptimizerRecipe::AdamW(AdamWRecipe { beta1, beta2, epsilon, weight_decay, .. }), [mean, square]) => {
                *values *= 1.0 - learning_rate * weight_decay;
                Adam { beta1, beta2, epsilon, learning_rate, update }.step(values, gradients, mean, square);
            }
            _ => unreachable!("moments are made by `Optimizer::new`, two for each of these"),
        }
    }
}

/// θ ← θ - η v with v ← μ v + g (as torch.optim.SGD, without dampening).
fn sgd_step(sgd: SgdRecipe, values: &mut Tensor, gradients: &mut Tensor, velocity: Option<&mut Tensor>, learning_rate: f64) {
    if let Some(velocity) = velocity {
        *velocity *= sgd.momentum;
        *velocity += &*gradients;
        gradients.copy_(velocity);
    }
    *gradients *= learning_rate;
    *values -= &*gradients;
}

/// Zeiler 2012, algorithm 1: Δ = √(E[Δ²] + ε) / √(E[g²] + ε) · g, θ ← θ - η Δ.
fn adadelta_step(
    AdadeltaRecipe { rho, epsilon, .. }: AdadeltaRecipe,
    values: &mut Tensor,
    gradients: &mut Tensor,
    squares: &mut Tensor,
    updates: &mut Tensor,
    learning_rate: f64,
) {
    // The gradient carries √(1 - ρ) through the step, so that its square comes with the right weight in both averages.
    let share = (1.0 - rho).sqrt();
    *gradients *= share;
    *squares *= rho;
    let _ = squares.addcmul_(gradients, gradients);
    let _ = gradients.multiply_(&(&*updates + epsilon).sqrt_());
    let _ = gradients.divide_(&(&*squares + epsilon).sqrt_());
    *updates *= rho;
    let _ = updates.addcmul_(gradients, gradients);
    *gradients *= learning_rate / share;
    *values -= &*gradients;
}

/// Kingma and Ba 2015, algorithm 1.
struct Adam {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    learning_rate: f64,
    update: u64,
}

impl Adam {
    /// θ ← θ - η m̂ / (√v̂ + ε), with the bias corrections moved into the rate and ε as at the end of the paper's section 2.
    fn step(&self, values: &mut Tensor, gradients: &mut Tensor, mean: &mut Tensor, square: &mut Tensor) {
        let correction = |beta: f64| 1.0 - beta.powf(self.update as f64);
        let (first, second) = (correction(self.beta1), correction(self.beta2).sqrt());
        let _ = mean.lerp_(gradients, 1.0 - self.beta1);
        let _ = gradients.square_();
        let _ = square.lerp_(gradients, 1.0 - self.beta2);
        let _ = square.sqrt_out(gradients);
        *gradients += self.epsilon * second;
        *gradients *= -first / (self.learning_rate * second);
        let _ = values.addcdiv_(mean, gradients);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{Clipped, Parameter, clip};
    use std::collections::BTreeMap;
    use tch::{Device, Kind};

    const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/train/optimizers.safetensors");
    const NAMES: [&str; 2] = ["weight", "bias"];

    /// The optimizers of tests/fixtures/reference/optimizers.py.
    fn recipes() -> Vec<(&'static str, OptimizerRecipe)> {
        vec![
            ("sgd", OptimizerRecipe::Sgd(SgdRecipe { learning_rate: 0.1, momentum: 0.0 })),
            ("momentum", OptimizerRecipe::Sgd(SgdRecipe { learning_rate: 0.1, momentum: 0.9 })),
            ("adadelta", OptimizerRecipe::Adadelta(AdadeltaRecipe { learning_rate: 0.7, rho: 0.95, epsilon: 1e-6 })),
            ("adam", OptimizerRecipe::Adam(AdamRecipe { learning_rate: 0.01, beta1: 0.9, beta2: 0.98, epsilon: 1e-3 })),
            (
                "adamw",
                OptimizerRecipe::AdamW(AdamWRecipe {
                    learning_rate: 0.01,
                    beta1: 0.8,
                    beta2: 0.999,
                    epsilon: 1e-8,
                    weight_decay: 0.1,
                }),
            ),
        ]
    }

    fn parameters(start: impl Fn(&str) -> Tensor) -> FlatParameters {
        let parameter = |name: &str| Parameter { name: name.into(), tensor: start(name).copy().set_requires_grad(true) };
        FlatParameters::new(NAMES.iter().map(|name| parameter(name)).collect()).unwrap()
    }

    #[test]
    fn ten_clipped_steps_equal_torch_optim() {
        let fixture: BTreeMap<String, Tensor> = Tensor::read_safetensors(FIXTURE).unwrap().into_iter().collect();
        for (name, recipe) in recipes() {
            let flat = parameters(|name| fixture[&format!("start/{name}")].shallow_clone());
            let mut optimizer = Optimizer::new(recipe, &flat);
            for update in 1..=10 {
                for (parameter, mut gradient) in flat.named(&flat.gradients()) {
                    gradient.copy_(&fixture[&format!("gradient/{update}/{parameter}")]);
                }
                let Clipped { norm, scale } = clip(&flat.gradients(), 1.0, 1.5);
                let expected = fixture["norms"].double_value(&[update - 1]);
                assert!((norm - expected).abs() < 1e-5 * expected, "{name}, update {update}: norm {norm}, expected {expected}");
                optimizer.step(&flat, scale, recipe.learning_rate(), update as u64);
            }
            for (parameter, tensor) in flat.named(&flat.values()) {
                let expected = &fixture[&format!("{name}/{parameter}")];
                let difference = (&tensor - expected).abs().max().double_value(&[]);
                assert!(difference < 1e-6, "{name}: {parameter} differs by up to {difference}");
            }
            for (key, tensor) in optimizer.state(&flat) {
                let mut parts = key.splitn(3, '.').skip(1);
                let (moment, parameter) = (parts.next().unwrap(), parts.next().unwrap());
                let expected = &fixture[&format!("{name}/{moment}/{parameter}")];
                assert!(tensor.allclose(expected, 1e-5, 1e-7, false), "{name}: {moment} of {parameter}");
            }
            assert_eq!(flat.gradients().abs().max().double_value(&[]), 0.0);
        }
    }

    #[test]
    fn foreign_state_is_refused_as_a_whole() {
        let zeros = |name: &str| Tensor::zeros(if name == "bias" { &[3][..] } else { &[2, 3] }, (Kind::Float, Device::Cpu));
        let flat = parameters(zeros);
        let mut adam = Optimizer::new(recipes()[3].1, &flat);
        let mut state: Vec<(String, Tensor)> =
            adam.state(&flat).into_iter().map(|(name, tensor)| (name, tensor.ones_like())).collect();
        state[1] = ("adam.gradient.other".into(), Tensor::ones([1], (Kind::Float, Device::Cpu)));
        state[2].1 = Tensor::ones([3, 2], (Kind::Float, Device::Cpu));
        let error = adam.restore(&flat, &state).unwrap_err().to_string();
        for part in [
            "3 differences",
            "adam.gradient.bias: missing",
            "adam.squared-gradient.weight: shape [3, 2], expected [2, 3]",
            "adam.gradient.other: not part",
        ] {
            assert!(error.contains(part), "{error}");
        }
        assert!(adam.state(&flat).iter().all(|(_, tensor)| tensor.abs().max().double_value(&[]) == 0.0));
    }
}
