//! What the parameters of a score are: something plain, something random, or what a model has learned.

use anyhow::{Context, Result};
use tch::{Device, Kind, Tensor};

use super::super::AttentionOptions;
use crate::nn::{Initialization, Parameters};
use crate::recipe::{AttentionRecipe, ScoreKind};

/// Where W, U, b and v of a score come from.
pub enum ScoreParameters {
    /// Matrices with ones on the diagonal and zeros elsewhere, where they are not square too; v of ones, b of zeros.
    Identity,
    /// Matrices drawn as Glorot and Bengio 2010, v from N(0, 1), b of zeros.
    Random { seed: u64 },
    /// A model's.
    Trained(TrainedScore),
}

/// The score that a model has learned.
pub struct TrainedScore {
    pub recipe: AttentionRecipe,
    /// Positions that a location score knows.
    pub maximum_length: i64,
    /// By their names in the score: `query.weight`, `energy`.
    pub weights: Vec<(String, Tensor)>,
}

impl TrainedScore {
    /// Sizes of the queries and of the keys that it was trained for; nothing where it has no matrix that says so.
    pub fn sizes(&self) -> [Option<i64>; 2] {
        let columns = |name: &str| self.weights.iter().find(|(found, _)| found == name).map(|(_, weight)| weight.size()[1]);
        let rows = |name: &str| self.weights.iter().find(|(found, _)| found == name).map(|(_, weight)| weight.size()[0]);
        match self.recipe.score {
            ScoreKind::Additive => [columns("query.weight"), columns("key.weight")],
            ScoreKind::General => [rows("general.weight"), columns("general.weight")],
            ScoreKind::Location => [columns("location.weight"), None],
            ScoreKind::Concat | ScoreKind::Dot | ScoreKind::ScaledDot | ScoreKind::Custom(_) => [None, None],
        }
    }
}

impl ScoreParameters {
    /// Of queries and keys of these sizes, and as many positions as keys.
    pub(super) fn options(&self, score: ScoreKind, [query, keys]: [i64; 2], positions: i64) -> AttentionOptions {
        let (recipe, maximum_length) = match self {
            ScoreParameters::Trained(trained) => (trained.recipe, trained.maximum_length),
            _ => (AttentionRecipe::of(score, query.max(keys)), positions),
        };
        let initialization = Initialization::Xavier { gain: 1.0 };
        AttentionOptions {
            recipe,
            query,
            keys,
            maximum_length,
            initialization,
            score_initialization: initialization,
            energy_initialization: Initialization::Normal(1.0),
        }
    }

    pub(super) fn seed(&self) -> u64 {
        if let ScoreParameters::Random { seed } = self { *seed } else { 0 }
    }

    /// Fills the parameters of a score for queries of this size, and tells what they are.
    ///
    /// # Errors
    /// A trained score that lacks a parameter or has it in another size.
    pub(super) fn fill(&self, store: &Parameters, query: i64) -> Result<String> {
        let parameters = store.named();
        if parameters.is_empty() {
            return Ok("none".to_owned());
        }
        tch::no_grad(|| {
            match self {
                ScoreParameters::Random { seed } => return Ok(format!("seed {seed}")),
                ScoreParameters::Identity => parameters.into_iter().for_each(|(name, mut tensor)| {
                    let plain = identity(&name, &tensor.size(), query);
                    tensor.copy_(&plain);
                }),
                ScoreParameters::Trained(trained) => {
                    for (name, mut tensor) in parameters {
                        let found = trained.weights.iter().find(|(found, _)| *found == name);
                        let (_, weight) = found.with_context(|| format!("the model's score has no parameter {name}"))?;
                        anyhow::ensure!(
                            weight.size() == tensor.size(),
                            "{name} of the model's score is {:?}, these queries and keys need {:?}",
                            weight.size(),
                            tensor.size()
                        );
                        tensor.copy_(weight);
                    }
                    return Ok("the model's".to_owned());
                }
            }
            Ok("identity".to_owned())
        })
    }
}

/// The plain form of a parameter. `concat` has one identity for the query and one for the key beside each other.
fn identity(name: &str, size: &[i64], query: i64) -> Tensor {
    let options = (Kind::Double, Device::Cpu);
    match (name, size) {
        ("concat.weight", &[rows, columns]) => {
            Tensor::cat(&[Tensor::eye_m(rows, query, options), Tensor::eye_m(rows, columns - query, options)], 1)
        }
        (_, &[rows, columns]) => Tensor::eye_m(rows, columns, options),
        ("energy", _) => Tensor::ones(size, options),
        _ => Tensor::zeros(size, options),
    }
}
