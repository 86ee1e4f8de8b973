//! What a memory holds and where it was read and written, step by step (figures 6 and 12 of Graves et al. 2014).

use anyhow::Result;
use tch::{Kind, Tensor};

use crate::alignment::{AttentionMatrix, Figure, Heatmap};
use crate::memory::Weightings;

/// Slots whose weights stay below this are left out of a picture.
const THRESHOLD: f64 = 0.05;
/// More slots than this make no picture that anybody reads.
const SLOTS: usize = 40;

/// A picture of one sequence under its name: `heads` of a memory of slots, `memory` of one that grows with every step, as stacks and queues do.
/// `columns` say what went in at each step. Nothing where there is no memory.
pub fn memory(columns: &[String], weightings: &[Weightings]) -> Result<Option<(&'static str, Figure)>> {
    let (Some(first), Some(last)) = (weightings.first(), weightings.last()) else { return Ok(None) };
    let places = |step: &Weightings| step.read.size()[2];
    Ok(Some(if places(first) < places(last) {
        ("memory", values(columns, weightings)?)
    } else {
        ("heads", heads(columns, weightings)?)
    }))
}

/// Which slots each head wrote to and read from.
fn heads(columns: &[String], weightings: &[Weightings]) -> Result<Figure> {
    let over_time = |part: fn(&Weightings) -> &Tensor| {
        let steps: Vec<Tensor> = weightings.iter().map(|step| part(step).squeeze_dim(0)).collect(); // T times [heads, Z]
        Tensor::stack(&steps, -1) // [heads, Z, T]
    };
    let mut panels = Vec::new();
    for (name, weights) in [("written to", over_time(|step| &step.write)), ("read from", over_time(|step| &step.read))] {
        for (number, weights) in weights.unbind(0).iter().enumerate() {
            panels.push(slots(&format!("{name}, head {}", number + 1), columns, weights)?);
        }
    }
    Ok(Figure::new("", panels).across(1))
}

/// The slots of `weights` [Z, T] that are ever attended to.
fn slots(title: &str, columns: &[String], weights: &Tensor) -> Result<Heatmap> {
    let highest: Vec<f64> = Vec::try_from(weights.amax([1], false).to_kind(Kind::Double))?; // [Z]
    let mut attended: Vec<usize> = (0..highest.len()).filter(|&slot| highest[slot] > THRESHOLD).collect();
    attended.truncate(SLOTS);
    if attended.is_empty() {
        attended.push(0);
    }
    let places: Vec<i64> = attended.iter().map(|&slot| slot as i64).collect();
    let labels: Vec<String> = attended.iter().map(|slot| format!("slot {slot}")).collect();
    let shown = weights.index_select(0, &Tensor::from_slice(&places).to_device(weights.device())); // [shown, T]
    let numbers: Vec<f32> = Vec::try_from(shown.contiguous().view(-1).to_kind(Kind::Float))?;
    Heatmap::new(title, &labels, columns, AttentionMatrix::new(labels.len(), columns.len(), numbers)?)
}

/// Two panels, or more where there is more than one end: the strengths of the values after each step, the oldest value at the bottom, and the
/// weights that they were read with.
fn values(columns: &[String], weightings: &[Weightings]) -> Result<Figure> {
    let ends = weightings[0].read.size()[1];
    let mut panels = vec![over_time("strength", columns, weightings, |step| step.write.get(0).get(0))?];
    for end in 0..ends {
        let title = if ends == 1 { "read".to_owned() } else { format!("read, end {}", end + 1) };
        panels.push(over_time(&title, columns, weightings, |step| step.read.get(0).get(end))?);
    }
    Ok(Figure::new("", panels).across(1))
}

/// Values as rows, the last that was pushed on top; steps as columns. A value is weighed from the step on that pushes it.
fn over_time(title: &str, columns: &[String], weightings: &[Weightings], of: impl Fn(&Weightings) -> Tensor) -> Result<Heatmap> {
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
    Heatmap::new(title, &rows, columns, AttentionMatrix::new(values, steps.len(), numbers)?)
}
