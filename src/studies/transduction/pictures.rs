//! What a stack or a queue holds and what is read of it, step by step.

use std::path::Path;

use anyhow::Result;
use tch::{Kind, Tensor, no_grad};

use super::task::TransductionTask;
use crate::alignment::{AttentionMatrix, Figure, Heatmap};
use crate::memory::Weightings;
use crate::studies::random::{RandomGenerator, TEST};

/// Symbols of the sequence that is drawn: as many as fit beside each other.
const SHOWN: usize = 10;

/// Draws a test into `directory`, as `memory.svg` and `.png`; nothing where there is no memory.
pub fn draw(task: &TransductionTask, directory: &Path) -> Result<()> {
    let drawn = task.recipe.draw(SHOWN, &mut RandomGenerator::new(task.seed ^ TEST, u64::MAX));
    let (inputs, outputs) = task.ids(std::slice::from_ref(&drawn));
    let (_, weightings) = no_grad(|| task.model.answer(&inputs, outputs.size()[1]));
    if weightings.is_empty() {
        return Ok(());
    }
    let spelled: Vec<String> = drawn.inputs.iter().map(|&symbol| task.recipe.spelled(symbol)).collect();
    memory(&spelled, &weightings)?.drawing().save(&directory.join("memory"))
}

/// Two panels, or more where there is more than one end: the strengths of the values after each step, the oldest value at the bottom, and the
/// weights that they were read with. `symbols` are what was read into the machine at each step.
pub fn memory(symbols: &[String], weightings: &[Weightings]) -> Result<Figure> {
    let ends = weightings[0].read.size()[1];
    let mut panels = vec![over_time("strength", symbols, weightings, |step| step.write.get(0).get(0))?];
    for end in 0..ends {
        let title = if ends == 1 { "read".to_owned() } else { format!("read, end {}", end + 1) };
        panels.push(over_time(&title, symbols, weightings, |step| step.read.get(0).get(end))?);
    }
    Ok(Figure::new("", panels).across(1))
}

/// Values as rows, the last that was pushed on top; steps as columns. A value is weighed from the step on that pushes it.
fn over_time(title: &str, symbols: &[String], weightings: &[Weightings], of: impl Fn(&Weightings) -> Tensor) -> Result<Heatmap> {
    let steps: Vec<Vec<f32>> =
        weightings.iter().map(|step| Ok(Vec::try_from(of(step).to_kind(Kind::Float))?)).collect::<Result<_>>()?;
    let values = steps.iter().map(Vec::len).max().unwrap_or(0);
    let mut numbers = vec![0.0; values * steps.len()];
    for (column, step) in steps.iter().enumerate() {
        for (value, &weight) in step.iter().enumerate() {
            numbers[(values - 1 - value) * steps.len() + column] = weight;
        }
    }
    let rows: Vec<String> = (0..values).rev().map(|value| format!("value {}", value + 1)).collect();
    Heatmap::new(title, &rows, symbols, AttentionMatrix::new(values, steps.len(), numbers)?)
}
