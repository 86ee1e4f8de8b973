//! A trained pointing network, asked about numbers or points of one's own.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::{Device, no_grad};

use super::model::{PointingNetwork, Problems};
use super::pictures::{attention_panel, hulls};
use super::problem::Example;
use crate::recipe::{PointingModel, PointingProblem, PointingRecipe};
use crate::studies::interactive::{Answer, Interactive, is_drawable, load_model, read_input, rows};

/// Most inputs: every one is a step that looks at all of them.
const MOST: usize = 1000;

pub struct PointingSession {
    recipe: PointingRecipe,
    model: PointingNetwork,
    device: Device,
}

/// A problem as it is given: each input a number, or x and y of a point.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    inputs: Vec<Vec<f64>>,
}

impl PointingSession {
    pub fn open(recipe: &PointingRecipe, folder: &Path, device: Device) -> Result<Self> {
        let model = load_model(folder, device, |store| PointingNetwork::new(recipe, recipe.problem.width(), store))?;
        Ok(PointingSession { recipe: recipe.clone(), model, device })
    }

    fn read(&self, line: &str) -> Result<Input> {
        let input: Input = read_input(line, |text| {
            let number = |text: &str| text.parse::<f64>().with_context(|| format!("{text:?} is no number"));
            let inputs = text.split_whitespace().map(|input| input.split(',').map(number).collect());
            Ok(Input { inputs: inputs.collect::<Result<_>>()? })
        })?;
        let (width, count) = (self.recipe.problem.width() as usize, input.inputs.len());
        for (place, numbers) in input.inputs.iter().enumerate() {
            ensure!(numbers.len() == width, "input {} has {} numbers, expected {width}", place + 1, numbers.len());
            if let Some(other) = numbers.iter().find(|number| !number.is_finite()) {
                bail!("input {}: {other} is no number to compute with", place + 1);
            }
        }
        let (least, what) = match self.recipe.problem {
            PointingProblem::Sort => (2, "numbers"),
            PointingProblem::Hull => (3, "points"),
        };
        ensure!((least..=MOST).contains(&count), "found {count} {what}, expected {least} to {MOST}");
        if self.recipe.model == PointingModel::Attention {
            let most = self.recipe.most;
            ensure!(
                count <= most,
                "found {count} {what}: this model has words for {most} positions and no more; a pointer network has no such limit"
            );
        }
        Ok(input)
    }
}

impl Interactive for PointingSession {
    fn expects(&self) -> String {
        match self.recipe.problem {
            PointingProblem::Sort => "numbers to be sorted: `20 5 10`, or {\"inputs\": [[20], [5], [10]]}",
            PointingProblem::Hull => "points whose hull is wanted: `0,0 1,0 0.4,0.3 0,1`, or {\"inputs\": [[0, 0], …]}",
        }
        .to_owned()
    }

    /// Positions are counted from 1.
    fn ask(&mut self, line: &str) -> Result<Option<Answer>> {
        let input = self.read(line)?;
        let PointingRecipe { problem, fewest, most, .. } = self.recipe;
        let example = Example::new(problem, unit(&input.inputs));
        let count = example.inputs.len();
        let problems = Problems::new(std::slice::from_ref(&example), self.device);
        let (mut answers, attention) = no_grad(|| self.model.answer(&problems.inputs, count as i64 + 1));
        let answer = answers.remove(0);
        let right = answer == example.answer;
        let counted = |positions: &[usize]| positions.iter().map(|position| position + 1).collect::<Vec<_>>();
        let text = |positions: &[usize]| counted(positions).iter().map(usize::to_string).collect::<Vec<_>>().join(" ");
        let mut notes = Vec::new();
        if !(fewest..=most).contains(&count) {
            notes.push(format!("it was trained on {fewest} to {most} inputs, and this has {count}"));
        }
        if !right {
            notes.push(format!("the right answer is {}", text(&example.answer)));
        }
        let mut pictures = Vec::new();
        if is_drawable(count, &mut notes) {
            pictures.push(("pointing", attention_panel(problem, &example, &answer, &attention.get(0))?.drawing()));
            if problem == PointingProblem::Hull {
                pictures.push(("hull", hulls(std::slice::from_ref(&example), std::slice::from_ref(&answer))));
            }
        }
        let record = json!({
            "inputs": input.inputs,
            "answer": counted(&answer),
            "expected": counted(&example.answer),
            "right": right,
            // The first column is the end.
            "attention": rows(&attention)?,
        });
        Ok(Some(Answer { text: text(&answer), record, notes, pictures }))
    }
}

/// Numbers as the model knows them, from 0 to below 1: stretched to that where any lies outside, which changes neither their order nor which
/// points are corners of the hull.
fn unit(inputs: &[Vec<f64>]) -> Vec<Vec<f32>> {
    const BELOW_ONE: f64 = 1.0 - 1.0 / 16_777_216.0;
    let mut scaled = vec![Vec::new(); inputs.len()];
    for axis in 0..inputs.first().map_or(0, Vec::len) {
        let numbers: Vec<f64> = inputs.iter().map(|input| input[axis]).collect();
        let (low, high) = numbers.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &n| (low.min(n), high.max(n)));
        let inside = low >= 0.0 && high < 1.0;
        let place = |number: f64| match inside {
            true => number,
            false if high == low => 0.5,
            // Halved before they are subtracted, so that no difference overflows.
            false => (number / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) * BELOW_ONE,
        };
        scaled.iter_mut().zip(numbers).for_each(|(scaled, number)| scaled.push(place(number) as f32));
    }
    scaled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_size_become_shares_in_the_same_order() {
        assert_eq!(unit(&[vec![0.25], vec![0.5]]), [[0.25f32], [0.5]]);
        let scaled = unit(&[vec![20.0, 1.0], vec![5.0, 1.0], vec![10.0, 1.0], vec![f64::MAX, 1.0], vec![f64::MIN, 1.0]]);
        assert!(scaled.iter().flatten().all(|number| (0.0..1.0).contains(number)), "{scaled:?}");
        let small = unit(&[vec![20.0], vec![5.0], vec![10.0]]);
        assert!(small[1] < small[2] && small[2] < small[0]);
    }
}
