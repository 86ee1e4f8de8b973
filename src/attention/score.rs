//! How a key is scored against a query.

use std::collections::BTreeMap;
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use tch::Tensor;

use super::{AttentionOptions, Prepared, full_precision};
use crate::nn::{Linear, Scope, Weight, linear};
use crate::recipe::{ScoreKind, ScoreName};

/// A score of one's own: any function of queries and keys is one, and so is anything with parameters that implements this.
pub trait CustomScore: Send + Sync {
    /// Energies [B, Q, S] of queries [B, Q, D'] against prepared keys [B, S, ·]. What may not be attended is left to the choice.
    fn energy(&self, query: &Tensor, keys: &Tensor) -> Tensor;

    /// The part that the query has no share in, worked out once a source: [B, S, D] to [B, S, ·].
    fn prepare(&self, keys: &Tensor) -> Tensor {
        keys.shallow_clone()
    }
}

impl<F: Fn(&Tensor, &Tensor) -> Tensor + Send + Sync> CustomScore for F {
    fn energy(&self, query: &Tensor, keys: &Tensor) -> Tensor {
        self(query, keys)
    }
}

/// Makes a score with its parameters in a scope.
pub type MakeScore = fn(&Scope, &AttentionOptions) -> Result<Box<dyn CustomScore>>;

static REGISTERED: Mutex<BTreeMap<&'static str, MakeScore>> = Mutex::new(BTreeMap::new());

/// Makes a score of one's own known under a name, so that recipes can choose it, `score = { custom = "name" }`, and checkpoints be loaded that
/// have it. To be called before either is read.
pub fn register_score(name: &'static str, make: MakeScore) {
    REGISTERED.lock().expect("adding a score cannot fail").insert(name, make);
    ScoreName::register(name);
}

/// A score with its parameters.
pub enum Score {
    /// `query` [A, D'], `key` [A, D] with bias, `energy` [A].
    Additive { query: Linear, key: Linear, energy: Weight },
    /// q·k · `scale`.
    Dot { scale: f64 },
    /// `weight` [D', D].
    General { weight: Weight },
    /// `weight` [A, D' + D], `energy` [A].
    Concat { weight: Weight, energy: Weight, query: i64 },
    /// `positions` [maximum length, D'].
    Location { positions: Linear },
    /// Whatever the user makes of it.
    Custom(Box<dyn CustomScore>),
}

impl Score {
    /// # Errors
    /// Sizes that cannot work: below 1, or a product of queries and keys of different sizes.
    pub fn new(scope: &Scope, options: &AttentionOptions) -> Result<Self> {
        let (query, keys, size) = (options.query, options.keys, options.recipe.size);
        ensure!(query >= 1 && keys >= 1, "attention needs queries and keys of 1 or more numbers, found {query} and {keys}");
        match options.recipe.score {
            ScoreKind::Dot | ScoreKind::ScaledDot => ensure!(
                query == keys,
                "a dot product needs queries and keys of one size, found {query} and {keys}: the general score has a matrix between"
            ),
            ScoreKind::Additive | ScoreKind::Concat => {
                ensure!(size >= 1, "the hidden layer of an additive or concat score needs 1 or more units, found {size}");
            }
            ScoreKind::Location => ensure!(
                options.maximum_length >= 1,
                "a location score needs to know 1 or more positions, found {}",
                options.maximum_length
            ),
            ScoreKind::General | ScoreKind::Custom(_) => {}
        }
        let energy = || scope.tensor("energy", &[size], options.energy_initialization);
        Ok(match options.recipe.score {
            ScoreKind::Additive => Score::Additive {
                query: Linear::without_bias(scope.sub("query"), query, size, options.score_initialization),
                key: Linear::new(scope.sub("key"), keys, size, options.score_initialization),
                energy: energy(),
            },
            ScoreKind::Dot => Score::Dot { scale: 1.0 },
            ScoreKind::ScaledDot => Score::Dot { scale: 1.0 / (keys as f64).sqrt() },
            ScoreKind::General => {
                Score::General { weight: scope.tensor("general.weight", &[query, keys], options.initialization) }
            }
            ScoreKind::Concat => Score::Concat {
                weight: scope.tensor("concat.weight", &[size, query + keys], options.score_initialization),
                energy: energy(),
                query,
            },
            ScoreKind::Custom(name) => {
                let make = REGISTERED.lock().expect("adding a score cannot fail").get(name.as_str()).copied();
                let make = make.with_context(|| format!("no score is registered as {name}: call register_score first"))?;
                Score::Custom(make(&scope.sub(name.as_str()), options)?)
            }
            ScoreKind::Location => Score::Location {
                positions: Linear::without_bias(scope.sub("location"), query, options.maximum_length, options.initialization),
            },
        })
    }

    /// A score of one's own, such as `Score::custom(|query: &Tensor, keys: &Tensor| query.matmul(&keys.transpose(1, 2)).tanh())`.
    pub fn custom(score: impl CustomScore + 'static) -> Self {
        Score::Custom(Box::new(score))
    }

    /// The part that the query has no share in, [B, S, D] to [B, S, ·].
    pub(super) fn prepare(&self, keys: &Tensor) -> Tensor {
        match self {
            Score::Additive { key, .. } => key.forward(keys),
            Score::Dot { scale } if *scale == 1.0 => keys.shallow_clone(),
            Score::Dot { scale } => keys * *scale,
            // q·(W k): one product a source instead of one a step.
            Score::General { weight } => linear(keys, weight, None),
            Score::Concat { weight, query, .. } => {
                let keys_part = weight.narrow(1, *query, weight.size()[1] - query);
                linear(keys, &keys_part, None)
            }
            Score::Location { .. } => keys.shallow_clone(),
            Score::Custom(score) => score.prepare(keys),
        }
    }

    /// The keys as vectors of the space that queries are in [B, S, D']; only for scores that compare.
    pub(super) fn patterns(&self, prepared: &Prepared) -> Tensor {
        match self {
            Score::Dot { scale } if *scale != 1.0 => &prepared.keys / *scale,
            _ => prepared.keys.shallow_clone(),
        }
    }

    /// Energies [B, Q, S] of queries [B, Q, D']. `coverage` = its weight, and what was covered [B, Q, S].
    pub(super) fn energy(&self, query: &Tensor, prepared: &Prepared, coverage: Option<(&Tensor, &Tensor)>) -> Tensor {
        match self {
            Score::Additive { query: project, energy, .. } => {
                hidden_layer(&project.forward(query), &prepared.keys, energy, coverage)
            }
            Score::Concat { weight, energy, query: width } => {
                let projected = linear(query, &weight.narrow(1, 0, *width), None);
                hidden_layer(&projected, &prepared.keys, energy, coverage)
            }
            Score::Dot { .. } | Score::General { .. } => with_coverage(query.matmul(&prepared.keys.transpose(1, 2)), coverage),
            Score::Custom(score) => with_coverage(score.energy(query, &prepared.keys), coverage),
            Score::Location { positions } => {
                let sources = prepared.keys.size()[1];
                let known = positions.weight.size()[0];
                let energies = linear(query, &positions.weight.narrow(0, 0, sources.min(known)), None);
                // Positions behind the table share the energy of its last row, so that a long sentence is read rather than refused.
                let energies = if sources > known {
                    let size = [energies.size()[0], energies.size()[1], sources - known];
                    let last = energies.narrow(2, known - 1, 1).expand(size, false);
                    Tensor::cat(&[energies, last], 2)
                } else {
                    energies
                };
                with_coverage(energies, coverage)
            }
        }
    }
}

/// v·tanh(query + keys + coverage): [B, Q, A] and [B, S, A] to [B, Q, S].
fn hidden_layer(query: &Tensor, keys: &Tensor, energy: &Tensor, coverage: Option<(&Tensor, &Tensor)>) -> Tensor {
    let mut sum = query.unsqueeze(2) + keys.unsqueeze(1);
    if let Some((weight, covered)) = coverage {
        sum += covered.unsqueeze(-1) * weight;
    }
    sum.tanh_().matmul(energy)
}

fn with_coverage(energies: Tensor, coverage: Option<(&Tensor, &Tensor)>) -> Tensor {
    match coverage {
        Some((weight, covered)) => energies + full_precision(&(covered * weight)),
        None => energies,
    }
}
