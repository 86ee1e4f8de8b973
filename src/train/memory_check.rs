//! Whether the machine has room for what training keeps of a model, before any of it is there.

use anyhow::Result;
use tch::Device;

use super::freeze::holds;
use super::optimizers::moments;
use crate::nn::numbers;
use crate::recipe::TrainingRecipe;
use crate::report::ensure_memory;

/// Refuses to train a model whose own state is larger than what the machine has: weights, gradients, the optimizer's moments and a moving
/// average, whatever batches need beside them. `parameters` are names and sizes. On a GPU, which says by itself what it has no room for, the
/// weights alone count: they are made, saved and read in the machine's own memory.
///
/// # Errors
/// Says what is needed and what there is.
pub fn ensure_trainable(parameters: &[(String, Vec<i64>)], recipe: &TrainingRecipe, device: Device) -> Result<()> {
    let state = state(parameters, recipe);
    if device != Device::Cpu {
        return ensure_memory("the weights of this model need", state.weights);
    }
    let what = format!(
        "training this model ({} numbers; weights, gradients, {} moments of the optimizer{}) needs",
        state.weights / 4,
        moments(&recipe.optimizer).len(),
        if recipe.moving_average > 0.0 { ", moving average" } else { "" }
    );
    ensure_memory(&what, state.all)
}

struct State {
    /// Bytes of the weights.
    weights: u64,
    /// Bytes of everything.
    all: u64,
}

fn state(parameters: &[(String, Vec<i64>)], recipe: &TrainingRecipe) -> State {
    // Gradients; what is frozen has none of all this.
    let buffers = 1 + moments(&recipe.optimizer).len() as u64 + u64::from(recipe.moving_average > 0.0);
    let mut state = State { weights: 0, all: 0 };
    for (name, size) in parameters {
        let bytes = numbers(size).saturating_mul(4);
        let trained = !recipe.freeze.iter().any(|prefix| holds(prefix, name));
        state.weights = state.weights.saturating_add(bytes);
        state.all = state.all.saturating_add(bytes.saturating_mul(if trained { 1 + buffers } else { 1 }));
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::OptimizerRecipe;
    use crate::train::{FlatParameters, Optimizer, Parameter};
    use tch::{Kind, Tensor};

    fn sizes() -> Vec<(String, Vec<i64>)> {
        vec![("encoder.weight".into(), vec![16, 4]), ("output.bias".into(), vec![32])]
    }

    /// What is counted beside what training allocates.
    #[test]
    fn the_state_is_that_of_the_optimizer() {
        let options = (Kind::Float, Device::Cpu);
        let parameters = sizes().into_iter().map(|(name, size)| {
            let tensor = Tensor::zeros(&size, options).set_requires_grad(true);
            Parameter { name, tensor }
        });
        let flat = FlatParameters::new(parameters.collect()).unwrap();
        for text in ["\"adam\"", "{ sgd = { momentum = 0.5 } }", "{ sgd = {} }", "{ adadelta = {} }", "{ adamw = {} }"] {
            let table: toml::Table = format!("optimizer = {text}").replace("\"adam\"", "{ adam = {} }").parse().unwrap();
            let optimizer: OptimizerRecipe = table["optimizer"].clone().try_into().unwrap();
            let recipe = TrainingRecipe { optimizer, ..TrainingRecipe::default() };
            let buffers = Optimizer::new(optimizer, &flat).buffers();
            let state = state(&sizes(), &recipe);
            assert_eq!((state.weights, state.all), (96 * 4, 96 * 4 * (2 + buffers)), "{text}");
        }
        let recipe = TrainingRecipe { freeze: vec!["encoder".into()], moving_average: 0.9, ..TrainingRecipe::default() };
        let buffers = moments(&recipe.optimizer).len() as u64;
        assert_eq!(state(&sizes(), &recipe).all, 96 * 4 + 32 * 4 * (2 + buffers));
    }

    #[test]
    fn no_machine_has_everything() {
        let huge = vec![("w".to_owned(), vec![i64::MAX, 2])];
        for device in [Device::Cpu, Device::Cuda(0)] {
            let error = ensure_trainable(&huge, &TrainingRecipe::default(), device).unwrap_err().to_string();
            assert!(error.contains("but this machine has"), "{error}");
        }
        ensure_trainable(&sizes(), &TrainingRecipe::default(), Device::Cpu).unwrap();
    }
}
