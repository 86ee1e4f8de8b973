//! What the memory did, step by step, and the answer beside what was wanted.

use std::path::Path;

use anyhow::Result;
use tch::{Kind, Tensor, no_grad};

use super::problem::Size;
use super::task::TapeTask;
use super::tensors::Sequences;
use crate::alignment::{AttentionMatrix, Figure, Heatmap};
use crate::memory::Weightings;
use crate::studies::sequences::memory;

/// Draws one sequence of a size into `directory`: `answer`, and the memory where there is one, each as SVG and PNG.
pub fn draw(task: &TapeTask, size: Size, directory: &Path) -> Result<()> {
    let sequence = task.recipe.problem.draw(size, &mut task.test_random(size));
    let sequences = Sequences::new(std::slice::from_ref(&sequence), task.device);
    let (logits, weightings) = no_grad(|| task.model.answer(&sequences.inputs));
    answers(&sequences, &logits)?.drawing().save(&directory.join("answer"))?;
    match memory(&steps(&weightings), &weightings)? {
        Some((name, figure)) => figure.drawing().save(&directory.join(name)),
        None => Ok(()),
    }
}

/// What was wanted of one sequence, and what was answered (logits) [1, T, outputs], at the steps that are scored.
pub fn answers(sequences: &Sequences, logits: &Tensor) -> Result<Figure> {
    let first = logits.size()[1] - sequences.targets.size()[1];
    let panels = vec![
        panel("wanted", &sequences.targets.squeeze_dim(0).tr(), first)?, // [outputs, scored steps]
        panel("answered", &sequences.scored(logits).sigmoid().squeeze_dim(0).tr(), first)?,
    ];
    Ok(Figure::new("", panels).across(1))
}

/// The number of each step, for want of a name.
pub fn steps(weightings: &[Weightings]) -> Vec<String> {
    (1..=weightings.len()).map(|step| step.to_string()).collect()
}

/// Rows by number, columns by step from `first` on.
fn panel(title: &str, values: &Tensor, first: i64) -> Result<Heatmap> {
    let rows: Vec<String> = (0..values.size()[0]).map(|row| row.to_string()).collect();
    let columns: Vec<String> = (0..values.size()[1]).map(|step| (first + step + 1).to_string()).collect();
    let numbers: Vec<f32> = Vec::try_from(values.contiguous().view(-1).to_kind(Kind::Float))?;
    Heatmap::new(title, &rows, &columns, AttentionMatrix::new(rows.len(), columns.len(), numbers)?)
}
