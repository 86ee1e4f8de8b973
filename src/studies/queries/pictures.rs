//! What each question attends to in one document, side by side.

use std::path::Path;

use anyhow::Result;
use tch::{Kind, Tensor, no_grad};

use super::data::Document;
use super::model::Batch;
use super::task::QueriesTask;
use crate::alignment::{AttentionMatrix, Heatmap};
use crate::nn::ForwardContext;

/// Draws a document into `directory`, as `queries.svg` and `.png`.
pub fn draw(task: &QueriesTask, document: &Document, directory: &Path) -> Result<()> {
    let batch = Batch::new(&[document], &task.data.known, task.device);
    let read = no_grad(|| task.model.read(&batch, &ForwardContext::evaluation()));
    let asked = task.data.known.asked.iter().zip(read.answers()?).zip(&document.classes);
    let labels: Vec<String> = asked
        .map(|((asked, answers), &right)| {
            let found = &asked.classes[answers[0]];
            if answers[0] == right {
                format!("{}: {found} (right)", asked.name)
            } else {
                format!("{}: {found} (right is {})", asked.name, asked.classes[right])
            }
        })
        .collect();
    heatmap(&labels, &document.words, &read.weights)?.drawing().save(&directory.join("queries"))
}

/// Questions as rows, words as columns: the weights [1, Q, S] of one document.
pub fn heatmap(labels: &[String], words: &[String], weights: &Tensor) -> Result<Heatmap> {
    const LONGEST_LABEL: usize = 60;
    let numbers = weights.contiguous().view(-1).to_kind(Kind::Float);
    let matrix = AttentionMatrix::new(labels.len(), words.len(), Vec::try_from(numbers)?)?;
    Ok(Heatmap::new("", labels, words, matrix)?.with_labels_of(LONGEST_LABEL))
}
