//! A task of one's own under the one trainer: `cargo run --release --example own_task -- RUN_FOLDER`.
//!
//! A line through points, y = a x + b. Parameters, batches, a loss and a validation are all that it says; optimizers, schedules, checkpoints,
//! resuming and logs are the trainer's, and the weights' file is what every task inherits.

use anyhow::{Context, Result};
use targum::nn::{ForwardContext, Initialization, Linear, Parameters};
use targum::recipe::{AdamRecipe, Metric, OptimizerRecipe, TrainingRecipe};
use targum::report::Display;
use targum::runtime::Interrupt;
use targum::train::{BatchCounts, Loss, Parameter, RunFolder, Task, TrainOptions, Validation, train};
use tch::{Device, Kind, Tensor};

struct Line {
    store: Parameters,
    map: Linear,
}

impl Line {
    fn new() -> Self {
        let store = Parameters::new(1, Device::Cpu);
        let map = Linear::new(store.root().sub("map"), 1, 1, Initialization::Uniform(0.5));
        Line { store, map }
    }

    /// ½ (a x + b - y)² in sum, over points [N, 1] of the line y = 3 x - 1 that begin at `first`.
    fn cost(&self, first: i64) -> Tensor {
        let x = (Tensor::arange(8, (Kind::Float, Device::Cpu)) + first).unsqueeze(1) / 100.0;
        let y = &x * 3.0 - 1.0;
        (self.map.forward(&x) - y).square().sum(Kind::Float) * 0.5
    }
}

impl Task for Line {
    /// The first point.
    type Batch = i64;

    fn epoch(&self, _seed: u64, _epoch: u64) -> Result<Vec<i64>> {
        Ok((0..16).map(|batch| batch * 8).collect())
    }

    fn loss(&mut self, batch: &i64, _pass: &ForwardContext) -> Result<Loss> {
        Ok(Loss::of(self.cost(*batch), BatchCounts { terms: 8, sequences: 8, source_tokens: 8, target_tokens: 8 }))
    }

    fn describe(&self, batch: &i64) -> String {
        format!("8 points from {batch}")
    }

    fn parameters(&self) -> Vec<Parameter> {
        Parameter::all(self.store.named())
    }

    fn validate(&mut self, _interrupt: &Interrupt) -> Result<Validation> {
        Ok(Validation::of([("loss", tch::no_grad(|| self.cost(1000)).double_value(&[]))]))
    }
}

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).context("name a run folder")?;
    let recipe = TrainingRecipe {
        updates: Some(400),
        validate_every: 100,
        metric: Metric::Loss,
        optimizer: OptimizerRecipe::Adam(AdamRecipe { learning_rate: 0.05, ..AdamRecipe::default() }),
        ..TrainingRecipe::default()
    };
    let mut line = Line::new();
    let interrupt = Interrupt::new();
    let options = TrainOptions { resume: false, interrupt: &interrupt, display: Display::Silent, begun: &|| Ok(()) };
    let outcome = train(&mut line, &recipe, 1, &RunFolder::open(folder.as_ref())?, options)?;
    let number = |tensor: &Tensor| tensor.reshape([-1]).double_value(&[0]);
    let bias = line.map.bias.as_ref().context("the map has a bias")?;
    println!("{:?}: y = {:.2} x + {:.2}", outcome.stop, number(&line.map.weight), number(bias));
    Ok(())
}
