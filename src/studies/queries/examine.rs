//! Whether classes are right, and whether each question looks at its own words.

use anyhow::Result;

use super::task::QueriesTask;
use crate::studies::{Aim, Finding};

pub fn examine(task: &QueriesTask) -> Result<Vec<Finding>> {
    let test = &task.data.test;
    let classified = task.classify(test)?;
    let percent = |count: usize| 100.0 * count as f64 / test.len() as f64;
    let asked = &task.data.known.asked;
    let mut findings = Vec::new();
    for (asked, &right) in asked.iter().zip(&classified.right) {
        let finding = Finding::new(format!("% of documents with the right {}", asked.name), percent(right));
        findings.push(if task.recipe.file.is_none() { finding.aim(Aim::AtLeast(95.0)) } else { finding });
    }
    if task.recipe.file.is_none() {
        for (asked, &count) in asked.iter().zip(&classified.on_answer) {
            findings.push(Finding::new(
                format!("% of documents whose heaviest word for {} is the answer", asked.name),
                percent(count),
            ));
        }
    }
    if asked.len() > 1 {
        findings.push(Finding::new("weight that two questions give to different words, %", 100.0 * classified.apart));
    }
    Ok(findings)
}
