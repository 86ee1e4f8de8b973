//! Exact match and F1 on the test questions, of every kind of them, and whether the reader knows when there is no answer.

use std::collections::BTreeSet;

use anyhow::Result;

use super::data::Example;
use super::session::DOUBTFUL;
use super::task::{ReadingTask, mean, share};
use crate::studies::{Aim, Finding};

pub fn examine(task: &ReadingTask) -> Result<Vec<Finding>> {
    let test = &task.data.test;
    let answered = task.answer(test)?;
    let exact = Finding::new("exact match, %", 100.0 * share(answered.exact.iter().copied()));
    let mut findings = vec![
        exact.aim(Aim::AtLeast(90.0)).paper("60.5 on SQuAD, the best of its single models 64.7"),
        Finding::new("F1 over words, %", 100.0 * mean(answered.f1.iter().copied())).paper("70.7 and 73.7"),
    ];
    let kinds: BTreeSet<&str> = test.iter().map(|example| example.kind.as_str()).collect();
    for kind in kinds {
        let of_kind = test.iter().zip(&answered.exact).filter(|(example, _)| example.kind == kind);
        findings.push(Finding::new(format!("exact match, {kind}, %"), 100.0 * share(of_kind.map(|(_, exact)| *exact))));
    }
    let sure = answered.spans.iter().map(|span| span.probability >= DOUBTFUL);
    findings.push(Finding::new(format!("% of spans of a probability of {DOUBTFUL} or more"), 100.0 * share(sure)));
    let robbed: Vec<Example> = test.iter().filter_map(Example::without_answer).collect();
    if !robbed.is_empty() {
        let doubted = task.answer(&robbed)?.spans.into_iter().map(|span| span.probability < DOUBTFUL);
        let what = format!("% of spans below {DOUBTFUL} where the sentence that answers is taken away");
        findings.push(Finding::new(what, 100.0 * share(doubted)));
    }
    Ok(findings)
}
