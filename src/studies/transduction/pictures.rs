//! What a memory holds and what is read of it, step by step.

use std::path::Path;

use anyhow::Result;
use tch::no_grad;

use super::task::TransductionTask;
use crate::studies::random::{RandomGenerator, TEST};
use crate::studies::sequences::memory;

/// Symbols of the sequence that is drawn: as many as fit beside each other.
const SHOWN: usize = 10;

/// Draws a test into `directory`, as SVG and PNG; nothing where there is no memory.
pub fn draw(task: &TransductionTask, directory: &Path) -> Result<()> {
    let drawn = task.recipe.draw(SHOWN, &mut RandomGenerator::new(task.seed ^ TEST, u64::MAX));
    let (inputs, outputs) = task.ids(std::slice::from_ref(&drawn));
    let (_, weightings) = no_grad(|| task.model.answer(&inputs, outputs.size()[1]));
    let spelled: Vec<String> = drawn.inputs.iter().map(|&symbol| task.recipe.spelled(symbol)).collect();
    match memory(&spelled, &weightings)? {
        Some((name, figure)) => figure.drawing().save(&directory.join(name)),
        None => Ok(()),
    }
}
