//! The model with its data.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tch::{Reduction, Tensor, no_grad};

use super::data::{Data, Questions};
use super::linear_start::LinearStart;
use crate::memory::memn2n::{MemN2N, MemN2NOptions};
use crate::nn::{Initialization, Parameters};
use crate::recipe::QuestionsRecipe;
use crate::runtime::files::Shown;
use crate::studies::vocabulary::{FIRST_WORD, Vocabulary};

/// What a checkpoint has beside weights and recipe.
pub(super) const FILE: &str = "questions.json";
/// Questions at once where nothing is learned.
const ANSWERED_AT_ONCE: usize = 256;

/// A memory network with stories and questions.
pub struct QuestionsTask {
    pub(super) recipe: QuestionsRecipe,
    pub(super) data: Data,
    pub(super) model: MemN2N,
    pub(super) start: LinearStart,
    pub(super) parameters: Parameters,
}

/// How a set of questions was answered.
pub struct Answered {
    /// Summed negative log likelihood of the right answers, in nats.
    pub nll: f64,
    /// For each question the id that was answered.
    pub answers: Vec<i64>,
    /// For each question whether that is right.
    pub right: Vec<bool>,
}

impl Answered {
    /// Wrong answers, in percent.
    pub fn error(&self) -> f64 {
        percent_wrong(&self.right)
    }
}

/// How many are not right, in percent.
pub fn percent_wrong(right: &[bool]) -> f64 {
    100.0 * right.iter().filter(|right| !**right).count() as f64 / right.len().max(1) as f64
}

#[derive(Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) linear_start: LinearStart,
    pub(super) vocabulary: Vocabulary,
}

impl Saved {
    pub(super) fn read(directory: &Path) -> Result<Self> {
        let path = directory.join(FILE);
        let text = std::fs::read_to_string(&path).with_context(|| format!("{}: cannot read", path.shown()))?;
        serde_json::from_str(&text).with_context(|| format!("{}: broken or cut off", path.shown()))
    }
}

impl QuestionsTask {
    /// The model, with its parameters in `store`.
    pub(super) fn network(recipe: &QuestionsRecipe, words: i64, store: &Parameters) -> MemN2N {
        MemN2N::new(store.root(), &options(recipe, words))
    }

    /// Sentences of the longest story of a batch of training.
    pub(super) fn longest(&self, batch: &[usize]) -> usize {
        batch.iter().map(|&number| self.data.train.asked[number].kept).max().unwrap_or(0)
    }

    /// Answers all of `questions`.
    pub fn answer(&self, questions: &Questions) -> Answered {
        let mut answered = Answered { nll: 0.0, answers: Vec::new(), right: Vec::new() };
        let order: Vec<usize> = (0..questions.asked.len()).collect();
        no_grad(|| {
            for chosen in order.chunks(ANSWERED_AT_ONCE) {
                let batch = self.data.batch(questions, chosen);
                let read = self.model.read(&batch.story, &batch.questions, self.start.memory_weighting());
                let logits = self.model.answer(&read.state); // [B, V]
                answered.nll += cost(&logits, &batch.answers).double_value(&[]);
                // A word that training never had is no answer, and cannot be right.
                let answers = logits.narrow(1, FIRST_WORD, logits.size()[1] - FIRST_WORD).argmax(1, false) + FIRST_WORD; // [B]
                let right = answers.eq_tensor(&batch.answers);
                answered.answers.extend(Vec::<i64>::try_from(answers).expect("answers are ids"));
                answered.right.extend(Vec::<bool>::try_from(right).expect("right or not"));
            }
        });
        answered
    }
}

/// Summed cross-entropy.
pub(super) fn cost(logits: &Tensor, answers: &Tensor) -> Tensor {
    logits.cross_entropy_loss::<Tensor>(answers, None, Reduction::Sum, -100, 0.0)
}

fn options(recipe: &QuestionsRecipe, vocabulary: i64) -> MemN2NOptions {
    MemN2NOptions {
        vocabulary,
        size: recipe.size,
        hops: recipe.hops,
        tying: recipe.tying,
        linear_map: recipe.linear_map,
        encoding: recipe.encoding,
        slots: recipe.memory as i64,
        temporal: recipe.temporal,
        rectified: recipe.rectified,
        initialization: Initialization::Normal(recipe.deviation),
    }
}
