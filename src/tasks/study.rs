//! Runs on anything but translation: trained by the one trainer, examined beside the figures of a paper.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::json;
use tch::Device;

use super::documents::DocumentsTask;
use super::hopfield;
use super::pointing::PointingTask;
use super::questions::QuestionsTask;
use super::tape::TapeTask;
use super::transduction::TransductionTask;
use super::trees::TreesTask;
use crate::alignment::Figure;
use crate::checkpoint::{locate, save_weights};
use crate::nn::Parameters;
use crate::recipe::{StudyRecipe, TaskRecipe};
use crate::runtime::files::write_unsynced;
use crate::runtime::{end_on_signal, message};
use crate::train::{RunFolder, Stop, Task, TrainOptions, train};

/// A task with an examination of its own.
pub trait Study: Task {
    /// One line: what there is to learn, and with what.
    fn summary(&self) -> String;

    /// Scores on tests that training has not seen; pictures and tables that belong to them go into `folder`.
    fn examine(&self, folder: &Path) -> Result<Vec<Finding>>;
}

/// One number that an examination found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// "wrong bits of 960 at length 120".
    pub what: String,
    pub value: f64,
    /// What we want it to be.
    pub aim: Option<Aim>,
    /// What the paper has to say about it; empty where it says nothing.
    pub paper: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aim {
    AtMost(f64),
    AtLeast(f64),
}

impl Finding {
    pub fn new(what: impl Into<String>, value: f64) -> Self {
        Finding { what: what.into(), value, aim: None, paper: String::new() }
    }

    pub fn aim(self, aim: Aim) -> Self {
        Finding { aim: Some(aim), ..self }
    }

    pub fn paper(self, paper: impl Into<String>) -> Self {
        Finding { paper: paper.into(), ..self }
    }

    /// Whether the aim is reached; a finding without one has nothing to reach.
    pub fn reached(&self) -> bool {
        match self.aim {
            Some(Aim::AtMost(most)) => self.value <= most,
            Some(Aim::AtLeast(least)) => self.value >= least,
            None => true,
        }
    }

    /// A row of a Markdown table: run, what, value, aim, paper.
    pub fn row(&self, run: &str) -> String {
        let aim = match self.aim {
            Some(Aim::AtMost(most)) => format!("≤ {}", plain(most)),
            Some(Aim::AtLeast(least)) => format!("≥ {}", plain(least)),
            None => String::new(),
        };
        let falls_short = if self.reached() { "" } else { " (falls short)" };
        format!("| {run} | {} | {}{falls_short} | {aim} | {} |\n", self.what, plain(self.value), self.paper)
    }
}

/// Four digits are more than chance leaves of any of these numbers.
fn plain(value: f64) -> String {
    let decimals = if value == 0.0 { 0 } else { (3 - value.abs().log10().floor() as i32).clamp(0, 4) as usize };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Trains and examines what the recipe says, in `folder`; nothing is found where training was interrupted.
///
/// # Errors
/// As [`train`]; or where the examination fails or cannot write.
pub fn run(recipe: &StudyRecipe, folder: &RunFolder, options: TrainOptions, device: Device) -> Result<Option<Vec<Finding>>> {
    match &recipe.task {
        TaskRecipe::HopfieldCapacity(capacity) => hopfield::measure_capacity(capacity, recipe.seed, folder.path()).map(Some),
        TaskRecipe::HopfieldRecall(recall) => hopfield::measure_recall(recall, recipe.seed, folder.path()).map(Some),
        TaskRecipe::Tape(task) => trained(TapeTask::new(task, recipe.seed, device)?, recipe, folder, options),
        TaskRecipe::Transduction(task) => trained(TransductionTask::new(task, recipe.seed, device), recipe, folder, options),
        TaskRecipe::Documents(documents) => trained(DocumentsTask::new(documents, recipe.seed, device)?, recipe, folder, options),
        TaskRecipe::Pointing(pointing) => trained(PointingTask::new(pointing, recipe.seed, device)?, recipe, folder, options),
        TaskRecipe::Questions(questions) => trained(QuestionsTask::new(questions, recipe.seed, device)?, recipe, folder, options),
        TaskRecipe::Trees(trees) => trained(TreesTask::new(trees, recipe.seed, device)?, recipe, folder, options),
    }
}

fn trained<S: Study>(
    mut study: S,
    recipe: &StudyRecipe,
    folder: &RunFolder,
    options: TrainOptions,
) -> Result<Option<Vec<Finding>>> {
    let parameters: usize = study.parameters().iter().map(|parameter| parameter.tensor.numel()).sum();
    message!("{}; {parameters} parameters", study.summary());
    let interrupt = options.interrupt;
    let outcome = train(&mut study, &recipe.training, recipe.seed, folder, options)?;
    if outcome.stop == Stop::Interrupted || interrupt.signal().is_some() {
        return Ok(None);
    }
    let _ends = end_on_signal("the trained model is saved; --resume examines it");
    study.load(&locate(folder.path())?)?;
    study.examine(folder.path()).map(Some)
}

/// Writes what a checkpoint of a study is: the weights, and a `config.json` with its recipe's `[task]`.
pub(super) fn save(task: TaskRecipe, parameters: &Parameters, directory: &Path) -> Result<()> {
    let path = directory.join("config.json");
    let text = serde_json::to_string_pretty(&json!({ "task": task }))? + "\n";
    std::fs::write(&path, text).with_context(|| format!("{}: cannot write", path.display()))?;
    save_weights(&parameters.named(), directory)
}

/// Writes a figure as SVG and PNG; `path` has no extension.
pub(super) fn write_figure(figure: &Figure, path: &Path) -> Result<()> {
    for (extension, bytes) in [("svg", figure.svg().into_bytes()), ("png", figure.png(2)?)] {
        write_unsynced(&path.with_extension(extension), bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_what_they_can_say() {
        for (value, text) in [(0.0, "0"), (0.01234567, "0.0123"), (1.5, "1.5"), (133.333, "133.3"), (123456.7, "123457")] {
            assert_eq!(plain(value), text);
        }
    }

    #[test]
    fn a_row_says_what_falls_short() {
        let finding = Finding::new("wrong bits", 0.25).aim(Aim::AtMost(0.1)).paper("near 0");
        assert_eq!(finding.row("ntm-copy"), "| ntm-copy | wrong bits | 0.25 (falls short) | ≤ 0.1 | near 0 |\n");
        assert!(Finding { value: 0.1, ..finding }.reached());
        assert!(!Finding::new("accuracy", 0.9).aim(Aim::AtLeast(0.95)).reached());
    }
}
