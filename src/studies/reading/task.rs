//! The model with its data.

use std::path::Path;

use anyhow::{Context, Result};
use tch::{Device, no_grad};

use super::answer::{exact_match, f1};
use super::data::{Data, Example};
use super::model::{Batch, Reader};
use super::span::{Span, best_span};
use crate::nn::{ForwardContext, Parameters};
use crate::recipe::ReadingRecipe;
use crate::runtime::files::Shown;
use crate::studies::vocabulary::Vocabulary;

/// What a checkpoint has beside weights and recipe: the words that the reader knows.
pub(super) const FILE: &str = "words.json";
/// Questions at once where nothing is learned.
const READ_AT_ONCE: usize = 64;

/// A reader with what it is trained on.
pub struct ReadingTask {
    pub(super) recipe: ReadingRecipe,
    pub(super) data: Data,
    pub(super) model: Reader,
    pub(super) device: Device,
    pub(super) parameters: Parameters,
}

/// How questions were answered.
#[derive(Default)]
pub struct Answered {
    /// Summed negative log likelihood of the right spans, in nats.
    pub nll: f64,
    /// For each question the span that was found.
    pub spans: Vec<Span>,
    /// For each question whether the words are right.
    pub exact: Vec<bool>,
    /// For each question F1 over words.
    pub f1: Vec<f64>,
}

/// The share of them that hold, 0 where there are none.
pub fn share(holds: impl IntoIterator<Item = bool>) -> f64 {
    mean(holds.into_iter().map(|holds| if holds { 1.0 } else { 0.0 }))
}

pub fn mean(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = numbers.into_iter().fold((0.0, 0usize), |(sum, count), number| (sum + number, count + 1));
    sum / count.max(1) as f64
}

impl ReadingTask {
    /// Answers all of `examples`.
    pub fn answer(&self, examples: &[Example]) -> Result<Answered> {
        let mut answered = Answered::default();
        for chosen in examples.chunks(READ_AT_ONCE) {
            let examples: Vec<&Example> = chosen.iter().collect();
            let batch = Batch::new(&examples, &self.data.vocabulary, self.device);
            let read = no_grad(|| self.model.read(&batch, &ForwardContext::evaluation()));
            answered.nll += no_grad(|| read.cost(&batch)).double_value(&[]);
            for (example, [starts, ends]) in chosen.iter().zip(read.probabilities(&batch)?) {
                let span = best_span(&starts, &ends, self.recipe.beyond).context("a passage has words")?;
                let (found, right) = (example.text((span.start, span.end)), example.answer());
                answered.exact.push(exact_match(&found, &right));
                answered.f1.push(f1(&found, &right));
                answered.spans.push(span);
            }
        }
        Ok(answered)
    }
}

/// The words of a checkpoint.
///
/// # Errors
/// A file that is missing or broken.
pub(super) fn read_vocabulary(directory: &Path) -> Result<Vocabulary> {
    let path = directory.join(FILE);
    let text = std::fs::read_to_string(&path).with_context(|| format!("{}: cannot read", path.shown()))?;
    serde_json::from_str(&text).with_context(|| format!("{}: broken or cut off", path.shown()))
}
