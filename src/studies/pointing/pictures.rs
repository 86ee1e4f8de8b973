//! Where a model pointed, step by step, and the hulls it found.

use std::path::Path;

use anyhow::Result;
use tch::{Kind, Tensor, no_grad};

use super::model::Problems;
use super::problem::Example;
use super::task::PointingTask;
use crate::alignment::{AttentionMatrix, Figure, Heatmap, Links};
use crate::picture::{Drawing, Element, Text};
use crate::recipe::PointingProblem;

/// Draws the first tests of the largest size: `pointing`, and `hull`, each as SVG and PNG.
pub fn draw(task: &PointingTask, directory: &Path) -> Result<()> {
    let examples: Vec<Example> = task.tests(task.recipe.most).into_iter().take(4).collect();
    let inputs = Problems::new(&examples, task.device).inputs;
    let (answers, attention) = no_grad(|| task.model.answer(&inputs, inputs.size()[1] + 1));
    let mut panels = Vec::new();
    for (row, (example, answer)) in examples.iter().zip(&answers).enumerate() {
        panels.push(attention_panel(task.recipe.problem, example, answer, &attention.get(row as i64))?);
    }
    Figure::new("", panels).drawing().save(&directory.join("pointing"))?;
    if task.recipe.problem == PointingProblem::Hull {
        hulls(&examples, &answers).save(&directory.join("hull"))?;
    }
    Ok(())
}

/// Attention [T, n + 1], step by step. The end stands first in the memory and last in the picture.
pub fn attention_panel(problem: PointingProblem, example: &Example, answer: &[usize], attention: &Tensor) -> Result<Heatmap> {
    let steps = (answer.len() as i64 + 1).min(attention.size()[0]);
    let weights = attention.narrow(0, 0, steps).roll([-1], [1]).to_kind(Kind::Float); // [steps, n + 1]
    let columns: Vec<String> = (0..example.inputs.len()).map(|input| label(problem, example, input)).collect();
    let columns = [columns, vec!["end".to_owned()]].concat();
    let named = answer.iter().map(|&output| columns.get(output).cloned().unwrap_or_else(|| output.to_string()));
    let mut rows: Vec<String> = named.collect();
    rows.resize(steps as usize, "end".to_owned());
    let numbers: Vec<f32> = Vec::try_from(weights.contiguous().view(-1))?;
    let wanted: Links = example.answer.iter().take(rows.len()).enumerate().map(|(step, &input)| (input, step)).collect();
    let matrix = AttentionMatrix::new(rows.len(), columns.len(), numbers)?;
    Heatmap::new("", &rows, &columns, matrix)?.with_gold(wanted)
}

fn label(problem: PointingProblem, example: &Example, input: usize) -> String {
    match problem {
        PointingProblem::Sort => format!("{:.3}", example.inputs[input][0]),
        PointingProblem::Hull => input.to_string(),
    }
}

/// Points with their numbers; the true hull as a pale area, and what was answered as a line over it.
pub fn hulls(examples: &[Example], answers: &[Vec<usize>]) -> Drawing {
    const SIDE: f64 = 300.0;
    const MARGIN: f64 = 20.0;
    let width = examples.len() as f64 * (SIDE + MARGIN) + MARGIN;
    let mut drawing = Drawing::new(width, SIDE + 2.0 * MARGIN, "Convex hulls");
    for (panel, (example, answer)) in examples.iter().zip(answers).enumerate() {
        let points = example.points();
        let place = |index: usize| {
            let left = MARGIN + panel as f64 * (SIDE + MARGIN);
            // The y axis of a picture goes down.
            (left + points[index].x * SIDE, MARGIN + (1.0 - points[index].y) * SIDE)
        };
        let polygon = |corners: &[usize]| {
            let corners = corners.iter().filter(|&&corner| corner < points.len()).map(|&corner| place(corner));
            let corners: Vec<String> = corners.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            Element::new("polygon").set("points", corners.join(" "))
        };
        drawing.shape(polygon(&example.answer).set("fill", "#cfe3f5"));
        drawing.shape(polygon(answer).set("fill", "none").set("stroke", "#08519c").set("stroke-width", 2));
        for index in 0..points.len() {
            let (x, y) = place(index);
            drawing.shape(Element::new("circle").at("cx", x).at("cy", y).set("r", 3));
            drawing.text(Text::new(x + 5.0, y - 9.0, &index.to_string()));
        }
    }
    drawing
}
