//! Runs on anything but translation: trained by the one trainer, examined beside the figures of a paper.

use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use serde::{Deserialize, Serialize};
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
use crate::checkpoint::{Checkpoint, load_weights, save_weights};
use crate::model::ParameterShapes;
use crate::nn::Parameters;
use crate::recipe::{RecipeError, StudyRecipe, TaskRecipe};
use crate::runtime::files::Shown;
use crate::runtime::files::write_unsynced;
use crate::runtime::{end_on_signal, message};
use crate::train::{RunFolder, Stop, Task, TrainOptions, ensure_trainable, train};

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
    if recipe.task.is_trained() {
        let shapes = Parameters::shapes_only();
        model_in(&recipe.task, &shapes)?;
        ensure_trainable(&ParameterShapes::of(&shapes).parameters, &recipe.training, device)?;
    } else {
        (options.begun)()?;
    }
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

/// Makes the parameters of a task's model in `store`, where it has any. Of one whose vocabulary is that of a corpus, what it has at least.
fn model_in(task: &TaskRecipe, store: &Parameters) -> Result<()> {
    match task {
        TaskRecipe::HopfieldCapacity(_) | TaskRecipe::HopfieldRecall(_) => Ok(()),
        TaskRecipe::Tape(task) => TapeTask::model(task, store).map(drop),
        TaskRecipe::Transduction(task) => {
            TransductionTask::model(task, store);
            Ok(())
        }
        TaskRecipe::Documents(task) => DocumentsTask::model(task, store).map(drop),
        TaskRecipe::Pointing(task) => PointingTask::model(task, store).map(drop),
        TaskRecipe::Questions(task) => {
            QuestionsTask::model(task, 1, store);
            Ok(())
        }
        TaskRecipe::Trees(task) => TreesTask::model(task, store).map(drop),
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
    let checkpoint = Checkpoint::open(folder.path(), folder.verify())?;
    checkpoint.check_all()?;
    study.load(checkpoint.folder())?;
    study.examine(folder.path()).map(Some)
}

/// Writes what a checkpoint of a study is: the weights, and a `config.json` with its recipe's `[task]`.
pub(super) fn save(task: TaskRecipe, parameters: &Parameters, directory: &Path) -> Result<()> {
    let path = directory.join("config.json");
    let text = serde_json::to_string_pretty(&json!({ "task": task }))? + "\n";
    std::fs::write(&path, text).with_context(|| format!("{}: cannot write", path.shown()))?;
    save_weights(&parameters.named(), directory)
}

/// Reads the weights of such a checkpoint.
///
/// # Errors
/// A `config.json` that is broken, has values that no recipe may have, or is of another task; weights of another model.
pub(super) fn load(task: &TaskRecipe, parameters: &Parameters, directory: &Path) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        task: TaskRecipe,
    }
    let path = directory.join("config.json");
    let bytes = std::fs::read(&path).with_context(|| format!("{}: cannot read", path.shown()))?;
    let Config { task: found } = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(&bytes))
        .map_err(|error| anyhow!("{}: not a valid config of a study: {}: {}", path.shown(), error.path(), error.inner()))?;
    let problems = found.problems();
    if !problems.is_empty() {
        return Err(RecipeError { file: path, problems }.into());
    }
    ensure!(
        found.family() == task.family(),
        "{}: is of task.{}, but the recipe's is task.{}; set it back, or train elsewhere with --out",
        path.shown(),
        found.family(),
        task.family()
    );
    load_weights(&parameters.named(), directory)
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

    /// Every kind of model there is.
    const TASKS: [&str; 14] = [
        "tape = {}",
        "tape = { model = { ntm = { controller = \"feed-forward\", read_heads = 2, write_heads = 3, learned_start = true } } }",
        "tape = { model = { set = {} } }",
        "tape = { model = { tree = {} } }",
        "tape = { model = { lstm = { layers = 2 } } }",
        "transduction = {}",
        "transduction = { model = { lstm = { layers = 2 } } }",
        "documents = {}",
        "pointing = {}",
        "pointing = { model = \"attention\" }",
        "questions = { hops = 4 }",
        "questions = { tying = \"layer-wise\" }",
        "trees = {}",
        "trees = { attention = \"none\" }",
    ];

    #[test]
    fn a_study_is_measured_by_its_own_model() {
        for text in TASKS {
            let table: toml::Table = text.parse().unwrap();
            let task: TaskRecipe = table.try_into().unwrap_or_else(|error| panic!("{text}: {error}"));
            let (shapes, real) = (Parameters::shapes_only(), Parameters::new(1, Device::Cpu));
            model_in(&task, &shapes).unwrap();
            model_in(&task, &real).unwrap();
            assert!(!real.named().is_empty());
            assert_eq!(ParameterShapes::of(&shapes), ParameterShapes::of(&real), "{text}");
        }
    }

    #[test]
    fn a_checkpoint_of_another_or_no_study_is_named() {
        let place = tempfile::tempdir().unwrap();
        let task: TaskRecipe = "tape = {}".parse::<toml::Table>().unwrap().try_into().unwrap();
        let store = Parameters::new(1, Device::Cpu);
        model_in(&task, &store).unwrap();
        save(task.clone(), &store, place.path()).unwrap();
        load(&task, &store, place.path()).unwrap();
        let path = place.path().join("config.json");
        let text = std::fs::read_to_string(&path).unwrap();
        for (was, now, expected) in [
            ("\"hidden\": 100", "\"hidden\": -1", "config.json: task.tape.model.ntm.hidden: is -1, expected 1 or more"),
            ("\"hidden\": 100", "\"hidden\": 1.5", "config.json: not a valid config of a study: task.tape.model.ntm.hidden"),
            ("{", "[", "config.json: not a valid config of a study"),
        ] {
            assert!(text.contains(was), "{text}");
            std::fs::write(&path, text.replacen(was, now, 1)).unwrap();
            let error = load(&task, &store, place.path()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        std::fs::write(&path, text).unwrap();
        let other: TaskRecipe = "pointing = {}".parse::<toml::Table>().unwrap().try_into().unwrap();
        let error = load(&other, &store, place.path()).unwrap_err().to_string();
        assert!(error.contains("is of task.tape, but the recipe's is task.pointing"), "{error}");
    }

    #[test]
    fn a_row_says_what_falls_short() {
        let finding = Finding::new("wrong bits", 0.25).aim(Aim::AtMost(0.1)).paper("near 0");
        assert_eq!(finding.row("ntm-copy"), "| ntm-copy | wrong bits | 0.25 (falls short) | ≤ 0.1 | near 0 |\n");
        assert!(Finding { value: 0.1, ..finding }.reached());
        assert!(!Finding::new("accuracy", 0.9).aim(Aim::AtLeast(0.95)).reached());
    }
}
