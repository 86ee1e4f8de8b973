//! Weightings of the heads, step by step (figures 6 and 12 of Graves et al. 2014), and the answer beside what was wanted.

use std::path::Path;

use anyhow::Result;
use tch::{Kind, Tensor, no_grad};

use super::model::Sequences;
use super::problem::Size;
use super::task::TapeTask;
use crate::alignment::{AttentionMatrix, Figure, Heatmap};
use crate::memory::Weightings;

/// Slots whose weights stay below this are left out of a picture.
const THRESHOLD: f64 = 0.05;
/// More slots than this make no picture that anybody reads.
const SLOTS: usize = 40;

/// Draws one sequence of a size into `directory`: `answer` and, for a machine with a tape, `heads`, each as SVG and PNG.
pub fn draw(task: &TapeTask, size: Size, directory: &Path) -> Result<()> {
    let sequence = task.recipe.problem.draw(size, &mut task.test_random(size));
    let sequences = Sequences::new(std::slice::from_ref(&sequence), task.device);
    let (logits, weightings) = no_grad(|| task.model.answer(&sequences.inputs));
    answers(&sequences, &logits)?.drawing().save(&directory.join("answer"))?;
    if weightings.is_empty() { Ok(()) } else { heads(&weightings)?.drawing().save(&directory.join("heads")) }
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

/// Which slots each head read from and wrote to, step by step, of one sequence.
pub fn heads(weightings: &[Weightings]) -> Result<Figure> {
    let over_time = |part: fn(&Weightings) -> &Tensor| {
        let steps: Vec<Tensor> = weightings.iter().map(|step| part(step).squeeze_dim(0)).collect(); // T times [heads, Z]
        Tensor::stack(&steps, -1) // [heads, Z, T]
    };
    let mut panels = Vec::new();
    for (name, weights) in [("written to", over_time(|step| &step.write)), ("read from", over_time(|step| &step.read))] {
        for (number, weights) in weights.unbind(0).iter().enumerate() {
            panels.push(slots(&format!("{name}, head {}", number + 1), weights)?);
        }
    }
    Ok(Figure::new("", panels).across(1))
}

/// Rows by number, columns by step from `first` on.
fn panel(title: &str, values: &Tensor, first: i64) -> Result<Heatmap> {
    let rows: Vec<String> = (0..values.size()[0]).map(|row| row.to_string()).collect();
    heatmap(title, &rows, values, first)
}

/// The slots of `weights` [Z, T] that are ever attended to.
fn slots(title: &str, weights: &Tensor) -> Result<Heatmap> {
    let highest: Vec<f64> = Vec::try_from(weights.amax([1], false).to_kind(Kind::Double))?; // [Z]
    let mut attended: Vec<usize> = (0..highest.len()).filter(|&slot| highest[slot] > THRESHOLD).collect();
    attended.truncate(SLOTS);
    if attended.is_empty() {
        attended.push(0);
    }
    let places: Vec<i64> = attended.iter().map(|&slot| slot as i64).collect();
    let labels: Vec<String> = attended.iter().map(|slot| format!("slot {slot}")).collect();
    heatmap(title, &labels, &weights.index_select(0, &Tensor::from_slice(&places).to_device(weights.device())), 0)
}

fn heatmap(title: &str, rows: &[String], values: &Tensor, first: i64) -> Result<Heatmap> {
    let columns: Vec<String> = (0..values.size()[1]).map(|step| (first + step + 1).to_string()).collect();
    let numbers: Vec<f32> = Vec::try_from(values.contiguous().view(-1).to_kind(Kind::Float))?;
    Heatmap::new(title, rows, &columns, AttentionMatrix::new(rows.len(), columns.len(), numbers)?)
}
