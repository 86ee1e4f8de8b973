//! The test questions, task by task, beside the paper's figures.

use super::task::{QuestionsTask, percent_wrong};
use crate::recipe::{QuestionsRecipe, TableTying, WordEncoding};
use crate::studies::{Aim, Finding};

/// A task is failed above this error, in percent (Weston et al. 2015).
const FAILED: f64 = 5.0;

/// Errors in percent by task in the appendix of Sukhbaatar et al. 2015: 3 hops, position encoding, linear start and random noise;
/// each task by itself.
const SINGLE: [f64; 20] =
    [0.0, 8.3, 40.3, 2.8, 13.1, 7.6, 17.3, 10.0, 13.2, 15.1, 0.9, 0.2, 0.4, 1.7, 0.0, 1.3, 51.0, 11.1, 82.8, 0.0];

/// The same with all tasks learned together.
const JOINT: [f64; 20] =
    [0.0, 11.4, 21.9, 13.4, 14.4, 2.8, 18.3, 9.3, 1.9, 6.5, 0.3, 0.1, 0.2, 6.9, 0.0, 2.7, 40.4, 9.4, 88.0, 0.0];

/// The task that linear start was made for, and the paper's error without it.
const INDUCTION: u32 = 16;
const WITHOUT_LINEAR_START: &str = "52.1";

/// All that is asked of a network.
pub fn examine(task: &QuestionsTask) -> Vec<Finding> {
    let (data, tested) = (&task.data, task.answer(&task.data.test));
    let joint = data.names.len() == 20;
    let mut errors = Vec::new();
    let mut findings = Vec::new();
    for (number, name) in &data.names {
        let of_task = data.test.asked.iter().zip(&tested.right).filter(|(asked, _)| asked.task == *number);
        let error = percent_wrong(&of_task.map(|(_, right)| *right).collect::<Vec<_>>());
        let finding = Finding::new(format!("error on task {number}, {name}, %"), error);
        findings.push(finding.paper(figure(&task.recipe, *number)));
        errors.push(error);
    }
    if joint {
        let mean = Finding::new("mean error of the 20 tasks, %", errors.iter().sum::<f64>() / errors.len() as f64);
        let failed = errors.iter().filter(|&&error| error > FAILED).count();
        let failed = Finding::new("tasks failed (error above 5 %)", failed as f64);
        let paper = |figure: &str| {
            if is_of_paper(&task.recipe) && task.recipe.linear_start > 0 { figure.to_owned() } else { String::new() }
        };
        findings.insert(0, mean.aim(Aim::AtMost(15.0)).paper(paper("12.4, best of 10 runs")));
        findings.insert(1, failed.paper(paper("11")));
    }
    // What the best of several runs is chosen by.
    findings.push(Finding::new("error on the training questions, %", task.answer(&data.train).error()));
    let cut = data.test.cut().0 as f64;
    findings.push(Finding::new(format!("test questions with stories cut to their last {} sentences", task.recipe.memory), cut));
    if task.recipe.linear_start > 0 {
        let what = if task.start.linear {
            "validations, all without softmax in the hops"
        } else {
            "validations without softmax in the hops"
        };
        findings.push(Finding::new(what, task.start.validations as f64));
    }
    findings
}

/// Whether the model is the one that the paper's figures above are of, linear start apart.
fn is_of_paper(recipe: &QuestionsRecipe) -> bool {
    let QuestionsRecipe { hops, tying, encoding, temporal, rectified, noise, .. } = *recipe;
    hops == 3 && tying == TableTying::Adjacent && encoding == WordEncoding::Position && temporal && !rectified && noise > 0.0
}

/// What the paper says of a task; nothing of other models, nor where some tasks but not all are learned together.
fn figure(recipe: &QuestionsRecipe, number: u32) -> String {
    match (is_of_paper(recipe), recipe.tasks.len(), recipe.linear_start) {
        (true, 1, 0) if number == INDUCTION => WITHOUT_LINEAR_START.to_owned(),
        (true, 1, 1..) => SINGLE[number as usize - 1].to_string(),
        (true, 20, 1..) => JOINT[number as usize - 1].to_string(),
        _ => String::new(),
    }
}
