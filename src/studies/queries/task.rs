//! The model with its data.

use std::path::Path;

use anyhow::{Context, Result};
use tch::{Device, Kind, no_grad};

use super::data::{Data, Document, Known};
use super::model::{Batch, QueryClassifier};
use crate::nn::{ForwardContext, Parameters};
use crate::recipe::QueriesRecipe;
use crate::runtime::files::Shown;

/// What a checkpoint has beside weights and recipe.
pub(super) const FILE: &str = "classes.json";
/// Documents at once where nothing is learned.
const READ_AT_ONCE: usize = 256;

/// A classifier with what it is trained on.
pub struct QueriesTask {
    pub(super) recipe: QueriesRecipe,
    pub(super) data: Data,
    pub(super) model: QueryClassifier,
    pub(super) device: Device,
    pub(super) parameters: Parameters,
}

/// How documents were classified.
#[derive(Default)]
pub struct Classified {
    /// Summed over questions and documents, in nats.
    pub cost: f64,
    /// For each question how many classes are right.
    pub right: Vec<usize>,
    /// For each question how often the heaviest word is the class itself.
    pub on_answer: Vec<usize>,
    /// Half the difference of the weights of two questions, over all words, documents and pairs of questions: 0 the same, 1 apart.
    pub apart: f64,
}

impl QueriesTask {
    pub fn classify(&self, documents: &[Document]) -> Result<Classified> {
        let asked = &self.data.known.asked;
        let mut classified = Classified { right: vec![0; asked.len()], on_answer: vec![0; asked.len()], ..Classified::default() };
        for chosen in documents.chunks(READ_AT_ONCE) {
            let documents: Vec<&Document> = chosen.iter().collect();
            let batch = Batch::new(&documents, &self.data.known, self.device);
            let read = no_grad(|| self.model.read(&batch, &ForwardContext::evaluation()));
            classified.cost += no_grad(|| read.cost(&batch)).double_value(&[]);
            let heaviest: Vec<Vec<i64>> = Vec::try_from(read.weights.argmax(-1, false))?; // [B, Q]
            for (number, (answers, asked)) in read.answers()?.into_iter().zip(asked).enumerate() {
                for (row, (document, answer)) in chosen.iter().zip(answers).enumerate() {
                    let right = document.classes[number];
                    classified.right[number] += usize::from(answer == right);
                    let word = &document.words[heaviest[row][number] as usize];
                    classified.on_answer[number] += usize::from(*word == asked.classes[right].to_lowercase());
                }
            }
            let count = asked.len() as i64;
            let (one, other) = (read.weights.unsqueeze(2), read.weights.unsqueeze(1)); // [B, Q, 1, S], [B, 1, Q, S]
            let differences = (one - other).abs().sum(Kind::Double).double_value(&[]) / 2.0;
            classified.apart += differences / (count * (count - 1)).max(1) as f64;
        }
        classified.apart /= documents.len().max(1) as f64;
        Ok(classified)
    }
}

impl Known {
    /// That of a checkpoint.
    ///
    /// # Errors
    /// A file that is missing or broken.
    pub(super) fn read(directory: &Path) -> Result<Self> {
        let path = directory.join(FILE);
        let text = std::fs::read_to_string(&path).with_context(|| format!("{}: cannot read", path.shown()))?;
        serde_json::from_str(&text).with_context(|| format!("{}: broken or cut off", path.shown()))
    }
}
