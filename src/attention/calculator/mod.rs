//! A calculator of attention: queries, keys and values of one's own, every score, and what comes of it; and the exercises that say what a
//! score does to its softmax, and what a layer costs.

pub mod lengths;
mod named;
mod parameters;
pub mod positions;
pub mod saturation;
mod softmax;

pub use named::NamedVectors;
pub use parameters::{ScoreParameters, TrainedScore};
use softmax::jacobian_norm;

use anyhow::{Result, bail, ensure};
use serde::Serialize;
use tch::{Device, Kind, Tensor};

use super::hard::HardChoice;
use super::{Attention, Choice, QuerySteps, Score};
use crate::nn::Parameters;
use crate::recipe::ScoreKind;

/// The scores of the literature by the names that recipes have, and their formulas.
pub const SCORES: [(&str, ScoreKind, &str); 6] = [
    ("dot", ScoreKind::Dot, "q·k"),
    ("scaled-dot", ScoreKind::ScaledDot, "q·k / √D"),
    ("general", ScoreKind::General, "q·W k"),
    ("additive", ScoreKind::Additive, "v·tanh(W q + U k + b)"),
    ("concat", ScoreKind::Concat, "v·tanh(W [q; k])"),
    ("location", ScoreKind::Location, "(W q)_j"),
];

/// Queries, and the memory that they are asked of.
pub struct Calculator {
    queries: NamedVectors,
    keys: NamedVectors,
    values: Tensor,
}

/// What a score makes of every query.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calculation {
    pub score: ScoreKind,
    pub formula: &'static str,
    /// What W, U, b and v are.
    pub parameters: String,
    pub queries: Vec<Attended>,
}

/// What one query attends to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attended {
    pub query: String,
    /// The score of each key.
    pub scores: Vec<f64>,
    /// Their softmax.
    pub weights: Vec<f64>,
    /// The values mixed by the weights.
    pub context: Vec<f64>,
    /// The heaviest key, counted from 0; of equals the first. Hard attention takes its value alone.
    pub hard: usize,
    pub hard_context: Vec<f64>,
    pub largest_weight: f64,
    /// In nats; at most the logarithm of the number of keys.
    pub entropy: f64,
    /// Frobenius norm of the softmax's Jacobian, diag(p) - p pᵀ: what a change of scores changes in the weights. A saturated softmax has none.
    pub jacobian_norm: f64,
}

impl Calculator {
    /// Without values the keys are mixed, as in Bahdanau et al. 2015.
    ///
    /// # Errors
    /// More or fewer values than keys.
    pub fn new(queries: NamedVectors, keys: NamedVectors, values: Option<NamedVectors>) -> Result<Self> {
        if let Some(values) = &values {
            ensure!(
                values.count() == keys.count(),
                "found {} values and {} keys: give a value for each key, in the same order, or none, and the keys are mixed",
                values.count(),
                keys.count()
            );
        }
        let values = values.map_or_else(|| keys.rows.shallow_clone(), |values| values.rows);
        Ok(Calculator { queries, keys, values })
    }

    /// Numbers of a query, D', and of a key, D.
    pub fn sizes(&self) -> [i64; 2] {
        [self.queries.size(), self.keys.size()]
    }

    /// Names of queries and of keys.
    pub fn names(&self) -> [&[String]; 2] {
        [&self.queries.names, &self.keys.names]
    }

    /// Whether a score can compare these queries with these keys: products need one size.
    pub fn fits(&self, score: ScoreKind) -> bool {
        let [query, key] = self.sizes();
        query == key || !matches!(score, ScoreKind::Dot | ScoreKind::ScaledDot)
    }

    /// Attends by a score, in double precision.
    ///
    /// # Errors
    /// Queries and keys that this score cannot compare; numbers so large that a score is none.
    pub fn attend(&self, score: ScoreKind, parameters: &ScoreParameters) -> Result<Calculation> {
        let Some(&(name, _, formula)) = SCORES.iter().find(|(_, kind, _)| *kind == score) else {
            bail!("the calculator has the scores of the literature, not {score:?}");
        };
        let [query, key] = self.sizes();
        ensure!(
            self.fits(score),
            "{name} needs queries and keys of one size, found {query} and {key} numbers: give vectors of one size, or take \
             general, additive or concat"
        );
        let options = parameters.options(score, [query, key], self.keys.count());
        let store = Parameters::double(parameters.seed());
        let score_of = Score::new(&store.root(), &options)?;
        let told = parameters.fill(&store, query)?;
        let attention = Attention::of(score_of, Choice::Global);
        let (batch, keep, lengths) = (|rows: &Tensor| rows.unsqueeze(0), self.keep(), Tensor::from(self.keys.count() as f64));
        let keys = batch(&self.keys.rows); // [1, S, D]
        let queries = batch(&self.queries.rows); // [1, Q, D']
        let values = batch(&self.values); // [1, S, D'']
        tch::no_grad(|| {
            let prepared = attention.prepare_apart(&keys, &values, &keep, &lengths.reshape([1, 1]))?;
            let energies = attention.score.energy(&queries, &prepared, None); // [1, Q, S]
            let soft = attention.attend(&queries, &prepared, QuerySteps::From(0), None);
            let hard = HardChoice::argmax(&soft.weights);
            let hard_context = hard.one_hot.matmul(&values); // [1, Q, D'']
            let norms = jacobian_norm(&soft.weights); // [1, Q]
            let largest = soft.weights.amax([-1i64].as_slice(), false); // [1, Q]
            let row = |tensor: &Tensor, query: i64| Vec::<f64>::try_from(tensor.get(0).get(query));
            let number = |tensor: &Tensor, query: i64| tensor.double_value(&[0, query]);
            let attended = self.queries.names.iter().zip(0..).map(|(query, at)| {
                let scores = row(&energies, at)?;
                if let Some(key) = scores.iter().position(|score| !score.is_finite()) {
                    bail!("{name}: the score of query {} and key {} is {}: give smaller numbers", at + 1, key + 1, scores[key]);
                }
                Ok(Attended {
                    query: query.clone(),
                    scores,
                    weights: row(&soft.weights, at)?,
                    context: row(&soft.context, at)?,
                    hard: hard.positions.int64_value(&[0, at]) as usize,
                    hard_context: row(&hard_context, at)?,
                    largest_weight: number(&largest, at),
                    entropy: number(&hard.sampled.entropy, at),
                    jacobian_norm: number(&norms, at),
                })
            });
            Ok(Calculation { score, formula, parameters: told, queries: attended.collect::<Result<_>>()? })
        })
    }

    /// Every key may be attended [1, S].
    fn keep(&self) -> Tensor {
        Tensor::ones([1, self.keys.count()], (Kind::Bool, Device::Cpu))
    }
}

#[cfg(test)]
mod tests;
