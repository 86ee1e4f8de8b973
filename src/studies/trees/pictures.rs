//! Which symbol attends to which (figure 4 of Kim et al. 2017), and the attention of the decoder.

use std::path::Path;

use anyhow::Result;
use tch::{Kind, Tensor, no_grad};

use super::formula::spelled;
use super::model::Formulas;
use super::task::TreesTask;
use crate::alignment::{AttentionMatrix, Heatmap};

/// Draws a test of depth 3 into `directory`: `decoder` and, where the encoder attends, `parents`, as SVG and PNG.
pub fn draw(task: &TreesTask, directory: &Path) -> Result<()> {
    // A short one, whose labels can be read.
    let formula = task.tests(3).into_iter().min_by_key(|formula| formula.prefix().len()).expect("there is a test");
    let transduced = no_grad(|| task.model.transduce(&Formulas::new(std::slice::from_ref(&formula), task.device)))?;
    let labels = |symbols: Vec<i64>| symbols.into_iter().map(spelled).collect::<Vec<_>>();
    let (source, target) = (labels(formula.prefix()), labels(formula.infix()));
    heatmap(&target, &source, &transduced.attention)?.drawing().save(&directory.join("decoder"))?;
    match &transduced.parents {
        Some(parents) => heatmap(&source, &source, parents)?.drawing().save(&directory.join("parents")),
        None => Ok(()),
    }
}

/// Weights [1, rows, columns].
pub fn heatmap(rows: &[String], columns: &[String], weights: &Tensor) -> Result<Heatmap> {
    let numbers: Vec<f32> = Vec::try_from(weights.contiguous().view(-1).to_kind(Kind::Float))?;
    let matrix = AttentionMatrix::new(rows.len(), columns.len(), numbers)?;
    Heatmap::new("", rows, columns, matrix)
}
