//! The frame of all studies: one task for the trainer, checkpoints, training and examination.

use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tch::Device;

use super::finding::Finding;
use super::interactive::Interactive;
use crate::checkpoint::Checkpoint;
use crate::model::ParameterShapes;
use crate::nn::{ForwardContext, Parameters, load_weights, save_weights};
use crate::recipe::{RecipeError, StudyRecipe, TaskRecipe};
use crate::runtime::files::Shown;
use crate::runtime::{Interrupt, end_on_signal, message};
use crate::train::{
    Loss, Parameter, RunFolder, Stop, Task, TrainOptions, Validation, ValidationFingerprint, ensure_trainable, train,
};

/// A model beside translation: what it learns from, and how it is examined. The trainer drives it as a [`Task`]; what all studies do alike is
/// written once, in the implementation for all of them.
pub trait Study: Sized {
    /// Its table under `[task]`.
    type Recipe: Clone + Serialize + Into<TaskRecipe>;

    type Model;

    /// See [`Task::Batch`].
    type Batch;

    /// The model, with its parameters in `store`. Of a model whose vocabulary is that of a corpus, what it has at least.
    fn model(recipe: &Self::Recipe, store: &Parameters) -> Result<Self::Model>;

    /// The model with starting weights, and its data.
    fn new(recipe: &Self::Recipe, seed: u64, device: Device) -> Result<Self>;

    /// A trained model of a checkpoint, without its data, to be asked about input of one's own.
    ///
    /// # Errors
    /// Where `folder` holds another model, or not all of it.
    fn session(recipe: &Self::Recipe, folder: &Path, device: Device) -> Result<Box<dyn Interactive>>;

    fn recipe(&self) -> &Self::Recipe;

    /// All parameters of the model.
    fn store(&self) -> &Parameters;

    /// One line: what there is to learn, and with what.
    fn summary(&self) -> String;

    /// Scores on tests that training has not seen; pictures and tables that belong to them go into `folder`.
    fn examine(&self, folder: &Path) -> Result<Vec<Finding>>;

    /// See [`Task::epoch`].
    fn epoch(&self, seed: u64, epoch: u64) -> Result<Vec<Self::Batch>>;

    /// See [`Task::loss`].
    fn loss(&mut self, batch: &Self::Batch, pass: &ForwardContext) -> Result<Loss>;

    /// See [`Task::describe`].
    fn describe(&self, batch: &Self::Batch) -> String;

    /// See [`Task::memory_estimate`].
    fn memory_estimate(&self, _batch: &Self::Batch) -> Vec<u64> {
        Vec::new()
    }

    /// See [`Task::validate`].
    fn validate(&mut self, interrupt: &Interrupt) -> Result<Validation>;

    /// See [`Task::validation_fingerprint`].
    fn validation_fingerprint(&self) -> ValidationFingerprint {
        ValidationFingerprint::of_recipe(self.recipe())
    }

    /// See [`Task::pictures`].
    fn pictures(&self, _directory: &Path) -> Result<()> {
        Ok(())
    }

    /// See [`Task::extra_state`].
    fn extra_state(&self) -> Value {
        Value::Null
    }

    /// See [`Task::restore_extra_state`].
    fn restore_extra_state(&mut self, _state: &Value) -> Result<()> {
        Ok(())
    }

    /// Writes what a checkpoint holds beside recipe and weights.
    fn save_extra(&self, _directory: &Path) -> Result<()> {
        Ok(())
    }

    /// Reads it back.
    fn load_extra(&mut self, _directory: &Path) -> Result<()> {
        Ok(())
    }
}

impl<S: Study> Task for S {
    type Batch = S::Batch;

    fn epoch(&self, seed: u64, epoch: u64) -> Result<Vec<S::Batch>> {
        Study::epoch(self, seed, epoch)
    }

    fn loss(&mut self, batch: &S::Batch, pass: &ForwardContext) -> Result<Loss> {
        Study::loss(self, batch, pass)
    }

    fn describe(&self, batch: &S::Batch) -> String {
        Study::describe(self, batch)
    }

    fn memory_estimate(&self, batch: &S::Batch) -> Vec<u64> {
        Study::memory_estimate(self, batch)
    }

    fn parameters(&self) -> Vec<Parameter> {
        Parameter::all(self.store().named())
    }

    fn extra_state(&self) -> Value {
        Study::extra_state(self)
    }

    fn restore_extra_state(&mut self, state: &Value) -> Result<()> {
        Study::restore_extra_state(self, state)
    }

    fn validate(&mut self, interrupt: &Interrupt) -> Result<Validation> {
        Study::validate(self, interrupt)
    }

    fn validation_fingerprint(&self) -> ValidationFingerprint {
        Study::validation_fingerprint(self)
    }

    fn pictures(&self, directory: &Path) -> Result<()> {
        Study::pictures(self, directory)
    }

    fn save(&self, directory: &Path) -> Result<()> {
        save(&self.recipe().clone().into(), self.store(), directory)?;
        self.save_extra(directory)
    }

    fn load(&mut self, directory: &Path) -> Result<()> {
        self.load_extra(directory)?;
        load(&self.recipe().clone().into(), self.store(), directory)
    }
}

/// Trains and examines what the recipe says, in `folder`; nothing is found where training was interrupted.
///
/// # Errors
/// As [`train`]; or where the examination fails or cannot write.
pub fn trained<S: Study>(
    task: &S::Recipe,
    recipe: &StudyRecipe,
    folder: &RunFolder,
    options: TrainOptions,
    device: Device,
) -> Result<Option<Vec<Finding>>> {
    let shapes = Parameters::shapes_only();
    S::model(task, &shapes)?;
    ensure_trainable(&ParameterShapes::of(&shapes).parameters, &recipe.training, device)?;
    let mut study = S::new(task, recipe.seed, device)?;
    let parameters: usize = study.store().named().iter().map(|(_, tensor)| tensor.numel()).sum();
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

/// Writes what a checkpoint of a study is: the weights, and a `config.json`.
fn save(task: &TaskRecipe, parameters: &Parameters, directory: &Path) -> Result<()> {
    write_config(task, directory)?;
    save_weights(&parameters.named(), directory)
}

/// Writes the `config.json` of such a checkpoint: its recipe's `[task]`.
pub(super) fn write_config(task: &TaskRecipe, directory: &Path) -> Result<()> {
    let path = directory.join("config.json");
    let text = serde_json::to_string_pretty(&json!({ "task": task }))? + "\n";
    std::fs::write(&path, text).with_context(|| format!("{}: cannot write", path.shown()))
}

/// The task of such a checkpoint.
///
/// # Errors
/// A `config.json` that is broken, has values that no recipe may have, or is of no study.
pub fn read_task(directory: &Path) -> Result<TaskRecipe> {
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
    if problems.is_empty() { Ok(found) } else { Err(RecipeError { file: path, problems }.into()) }
}

/// Reads the weights of such a checkpoint.
///
/// # Errors
/// As [`read_task`], or where it is of another task; weights of another model.
fn load(task: &TaskRecipe, parameters: &Parameters, directory: &Path) -> Result<()> {
    let found = read_task(directory)?;
    ensure!(
        found.family() == task.family(),
        "{}: is of task.{}, but the recipe's is task.{}; set it back, or train elsewhere with --out",
        directory.join("config.json").shown(),
        found.family(),
        task.family()
    );
    load_weights(&parameters.named(), directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Initialization;

    #[test]
    fn a_checkpoint_of_another_or_no_study_is_named() {
        let place = tempfile::tempdir().unwrap();
        let task: TaskRecipe = "tape = {}".parse::<toml::Table>().unwrap().try_into().unwrap();
        let store = Parameters::new(1, Device::Cpu);
        let _ = store.root().tensor("w", &[2], Initialization::Normal(1.0));
        save(&task, &store, place.path()).unwrap();
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
}
