//! Tests: right answers, and for hulls the area they cover.

use super::geometry::{Point, area, from_lowest, is_simple};
use super::model::Problems;
use super::problem::Example;
use super::task::PointingTask;
use crate::recipe::{PointingModel, PointingProblem};
use crate::studies::{Aim, Finding};

/// What a model made of some problems.
pub struct AnsweredProblems {
    problem: PointingProblem,
    examples: Vec<Example>,
    answers: Vec<Vec<usize>>,
}

impl AnsweredProblems {
    /// Lets the model answer, problems of one size.
    pub fn of(task: &PointingTask, examples: Vec<Example>) -> Self {
        let inputs = Problems::new(&examples, task.device).inputs;
        let (answers, _) = task.model.answer(&inputs, inputs.size()[1] + 1);
        AnsweredProblems { problem: task.recipe.problem, examples, answers }
    }

    /// Share of right answers. A hull is right wherever on it the answer begins.
    pub fn right(&self) -> f64 {
        let is_right = |(example, answer): (&Example, &Vec<usize>)| match self.problem {
            PointingProblem::Sort => example.answer == *answer,
            PointingProblem::Hull => {
                let mut answer = answer.clone();
                from_lowest(&mut answer);
                example.answer == answer
            }
        };
        let right = self.examples.iter().zip(&self.answers).filter(|&pair| is_right(pair)).count();
        right as f64 / self.examples.len() as f64
    }

    /// Share of answers that are polygons at all, that is, go round an area once; and the mean share of the hull's area that these cover.
    fn areas(&self) -> (f64, f64) {
        let shares: Vec<f64> = (self.examples.iter().zip(&self.answers))
            .filter_map(|(example, answer)| {
                let points = example.points();
                // What the attention model names need not exist.
                let polygon: Vec<Point> = answer.iter().map(|&corner| points.get(corner).copied()).collect::<Option<_>>()?;
                let whole: Vec<Point> = example.answer.iter().map(|&corner| points[corner]).collect();
                is_simple(&polygon).then(|| area(&polygon).abs() / area(&whole))
            })
            .collect();
        (shares.len() as f64 / self.examples.len() as f64, shares.iter().sum::<f64>() / shares.len().max(1) as f64)
    }
}

/// All that is asked of a problem. What a pointer network is to reach is not asked of the model beside it.
pub fn examine(task: &PointingTask) -> Vec<Finding> {
    let is_pointer = task.recipe.model == PointingModel::Pointer;
    let aimed = |finding: Finding, least: f64| if is_pointer { finding.aim(Aim::AtLeast(least)) } else { finding };
    let (fewest, most) = (task.recipe.fewest, task.recipe.most);
    // A fixed vocabulary ends with the largest size.
    let sizes: Vec<usize> = if is_pointer { vec![fewest, most, most + most / 2] } else { vec![fewest, most] };
    let mut findings = Vec::new();
    for size in sizes {
        let tested = AnsweredProblems::of(task, task.tests(size));
        let right = 100.0 * tested.right();
        match task.recipe.problem {
            PointingProblem::Sort => {
                let finding = Finding::new(format!("% of {size} numbers sorted exactly"), right);
                findings.push(if size == most { aimed(finding, 95.0) } else { finding });
            }
            PointingProblem::Hull => {
                let (simple, covered) = tested.areas();
                let [accuracy, area] = [
                    Finding::new(format!("% of hulls right, {size} points"), right),
                    Finding::new(format!("% of the hull's area, {size} points"), 100.0 * covered),
                ];
                let (accuracy, area) = if size == most { (aimed(accuracy, 85.0), aimed(area, 99.5)) } else { (accuracy, area) };
                let [of_accuracy, of_area] = paper(is_pointer, size);
                findings.push(accuracy.paper(of_accuracy));
                findings.push(area.paper(of_area));
                findings.push(Finding::new(
                    format!("% of answers that are no simple polygon, {size} points"),
                    100.0 * (1.0 - simple),
                ));
            }
        }
    }
    findings
}

/// Accuracy and area of Vinyals et al. 2015, table 1.
fn paper(is_pointer: bool, size: usize) -> [&'static str; 2] {
    match (is_pointer, size) {
        (true, 5) => ["92.0, trained on 5 to 50", "99.6"],
        (true, 10) => ["87.0, trained on 5 to 50", "99.8"],
        (false, 5) => ["LSTM without attention: 87.7", "99.6"],
        (false, 10) => ["LSTM without attention: 29.9", "FAIL: over 1 % no polygons"],
        _ => ["", ""],
    }
}
