//! From a recipe to its study: the only match over them.

use std::path::Path;

use anyhow::{Result, bail};
use tch::Device;

use super::captions::CaptionsTask;
use super::documents::DocumentsTask;
use super::finding::Finding;
use super::hopfield;
use super::interactive::Interactive;
use super::pointing::PointingTask;
use super::queries::QueriesTask;
use super::questions::QuestionsTask;
use super::reading::ReadingTask;
use super::retrieval::RetrievalTask;
use super::sets::SetsTask;
use super::study::{Study, read_task, trained};
use super::tape::TapeTask;
use super::transduction::TransductionTask;
use super::trees::TreesTask;
use crate::recipe::{StudyRecipe, TaskRecipe};
use crate::runtime::files::Shown;
use crate::train::{RunFolder, TrainOptions};

/// Trains and examines what the recipe says, in `folder`; nothing is found where training was interrupted.
///
/// # Errors
/// As [`train`](crate::train::train); or where the examination fails or cannot write.
pub fn run(recipe: &StudyRecipe, folder: &RunFolder, options: TrainOptions, device: Device) -> Result<Option<Vec<Finding>>> {
    if !recipe.task.is_trained() {
        (options.begun)()?;
    }
    match &recipe.task {
        TaskRecipe::HopfieldCapacity(capacity) => hopfield::measure_capacity(capacity, recipe.seed, folder.path()).map(Some),
        TaskRecipe::Retrieval(task) => trained::<RetrievalTask>(task, recipe, folder, options, device),
        TaskRecipe::HopfieldDynamics(dynamics) => hopfield::measure_dynamics(dynamics, recipe.seed, folder.path()).map(Some),
        TaskRecipe::HopfieldPairs(pairs) => hopfield::run_pairs(pairs, recipe.seed, folder).map(Some),
        TaskRecipe::HopfieldRecall(recall) => hopfield::run_recall(recall, recipe.seed, folder).map(Some),
        TaskRecipe::Tape(task) => trained::<TapeTask>(task, recipe, folder, options, device),
        TaskRecipe::Transduction(task) => trained::<TransductionTask>(task, recipe, folder, options, device),
        TaskRecipe::Captions(task) => trained::<CaptionsTask>(task, recipe, folder, options, device),
        TaskRecipe::Documents(task) => trained::<DocumentsTask>(task, recipe, folder, options, device),
        TaskRecipe::Pointing(task) => trained::<PointingTask>(task, recipe, folder, options, device),
        TaskRecipe::Queries(task) => trained::<QueriesTask>(task, recipe, folder, options, device),
        TaskRecipe::Questions(task) => trained::<QuestionsTask>(task, recipe, folder, options, device),
        TaskRecipe::Sets(task) => trained::<SetsTask>(task, recipe, folder, options, device),
        TaskRecipe::Reading(task) => trained::<ReadingTask>(task, recipe, folder, options, device),
        TaskRecipe::Trees(task) => trained::<TreesTask>(task, recipe, folder, options, device),
    }
}

/// The trained model of a checkpoint, to be asked about input of one's own.
///
/// # Errors
/// A checkpoint that is broken, or of nothing that was trained.
pub fn open(folder: &Path, device: Device) -> Result<Box<dyn Interactive>> {
    match read_task(folder)? {
        TaskRecipe::Retrieval(task) => RetrievalTask::session(&task, folder, device),
        TaskRecipe::HopfieldCapacity(_) | TaskRecipe::HopfieldDynamics(_) => bail!("{}: nothing was stored here", folder.shown()),
        TaskRecipe::HopfieldPairs(_) => hopfield::open_pairs(folder),
        TaskRecipe::HopfieldRecall(task) => hopfield::open_recall(&task, folder),
        TaskRecipe::Tape(task) => TapeTask::session(&task, folder, device),
        TaskRecipe::Transduction(task) => TransductionTask::session(&task, folder, device),
        TaskRecipe::Captions(task) => CaptionsTask::session(&task, folder, device),
        TaskRecipe::Documents(task) => DocumentsTask::session(&task, folder, device),
        TaskRecipe::Pointing(task) => PointingTask::session(&task, folder, device),
        TaskRecipe::Queries(task) => QueriesTask::session(&task, folder, device),
        TaskRecipe::Questions(task) => QuestionsTask::session(&task, folder, device),
        TaskRecipe::Sets(task) => SetsTask::session(&task, folder, device),
        TaskRecipe::Reading(task) => ReadingTask::session(&task, folder, device),
        TaskRecipe::Trees(task) => TreesTask::session(&task, folder, device),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ParameterShapes;
    use crate::nn::Parameters;

    /// Makes the parameters of a task's model in `store`, where it has any.
    fn model_in(task: &TaskRecipe, store: &Parameters) -> Result<()> {
        match task {
            TaskRecipe::Retrieval(task) => RetrievalTask::model(task, store).map(drop),
            TaskRecipe::HopfieldCapacity(_)
            | TaskRecipe::HopfieldDynamics(_)
            | TaskRecipe::HopfieldPairs(_)
            | TaskRecipe::HopfieldRecall(_) => Ok(()),
            TaskRecipe::Tape(task) => TapeTask::model(task, store).map(drop),
            TaskRecipe::Transduction(task) => TransductionTask::model(task, store).map(drop),
            TaskRecipe::Captions(task) => CaptionsTask::model(task, store).map(drop),
            TaskRecipe::Documents(task) => DocumentsTask::model(task, store).map(drop),
            TaskRecipe::Pointing(task) => PointingTask::model(task, store).map(drop),
            TaskRecipe::Queries(task) => QueriesTask::model(task, store).map(drop),
            TaskRecipe::Questions(task) => QuestionsTask::model(task, store).map(drop),
            TaskRecipe::Sets(task) => SetsTask::model(task, store).map(drop),
            TaskRecipe::Reading(task) => ReadingTask::model(task, store).map(drop),
            TaskRecipe::Trees(task) => TreesTask::model(task, store).map(drop),
        }
    }

    /// Every kind of model there is.
    const TASKS: &[&str] = &[
        "tape = {}",
        "tape = { model = { ntm = { controller = \"feed-forward\", read_heads = 2, write_heads = 3, learned_start = true } } }",
        "tape = { model = { set = {} } }",
        "tape = { model = { tree = {} } }",
        "tape = { model = { lstm = { layers = 2 } } }",
        "tape = { model = { stack-queue = { kind = \"deque\" } } }",
        "tape = { problem = { tree-navigation = {} }, model = { fast-weights = {} } }",
        "retrieval = {}",
        "retrieval = { model = { fast-weights = { learned = true } } }",
        "transduction = {}",
        "transduction = { model = { ntm = {} } }",
        "transduction = { model = { lstm = { layers = 2 } } }",
        "captions = {}",
        "captions = { attention = { hard = {} }, gate = true }",
        "documents = {}",
        "documents = { pooling = \"gated\" }",
        "pointing = {}",
        "pointing = { model = \"attention\" }",
        "queries = {}",
        "queries = { shared = true }",
        "questions = { hops = 4 }",
        "questions = { tying = \"layer-wise\" }",
        "sets = {}",
        "sets = { pooling = \"lookup\" }",
        "sets = { pooling = \"average\" }",
        "reading = {}",
        "reading = { bidirectional = true }",
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
}
