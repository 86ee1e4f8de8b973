//! Where a run begins: at nothing, or at the newest checkpoint that is whole.

use anyhow::{Context, Result, bail, ensure};

use super::flat::FlatParameters;
use super::moving_average::MovingAverage;
use super::optimizers::Optimizer;
use super::run_folder::RunFolder;
use super::state::{TrainingState, copy_weights};
use super::task::Task;
use crate::recipe::TrainingRecipe;

/// A state to go on from, and what people should know of it.
pub struct Beginning {
    pub state: TrainingState,
    pub messages: Vec<String>,
}

/// A fresh run. A folder that already has checkpoints is left alone.
pub fn begin(folder: &RunFolder, optimizer: &Optimizer, seed: u64) -> Result<Beginning> {
    if let Some(newest) = folder.checkpoints()?.last() {
        bail!(
            "{}: has checkpoints up to update {newest}; go on with --resume, or train elsewhere with --out",
            folder.path().display()
        );
    }
    Ok(Beginning { state: TrainingState::new(seed, optimizer), messages: Vec::new() })
}

/// What is trained, and all that changes with it.
pub struct Trained<'a> {
    pub parameters: &'a FlatParameters,
    pub optimizer: &'a mut Optimizer,
    pub average: Option<&'a mut MovingAverage>,
}

/// Loads the newest whole checkpoint. Broken ones that are newer are named and set aside; where none is whole nothing is touched.
pub fn resume<T: Task>(
    task: &mut T,
    folder: &RunFolder,
    mut trained: Trained,
    recipe: &TrainingRecipe,
    seed: u64,
) -> Result<Beginning> {
    let mut failures = Vec::new();
    for update in folder.checkpoints()?.into_iter().rev() {
        match load(task, folder, &mut trained, update, seed) {
            Ok((state, mut messages)) => {
                for (update, error) in &failures {
                    let aside = folder.set_aside(*update)?;
                    messages.push(format!("{error:#}\nthat checkpoint is broken; it is now {}", aside.display()));
                }
                messages.push(describe(&state, folder, recipe));
                return Ok(Beginning { state, messages });
            }
            Err(error) => failures.push((update, error)),
        }
    }
    if failures.is_empty() {
        let message = format!("{}: no checkpoint yet, training starts at update 0", folder.path().display());
        return Ok(Beginning { state: TrainingState::new(seed, trained.optimizer), messages: vec![message] });
    }
    let reasons: Vec<String> = failures.iter().map(|(_, error)| format!("  {error:#}")).collect();
    bail!("{}: none of its checkpoints can be resumed:\n{}", folder.path().display(), reasons.join("\n"));
}

fn load<T: Task>(
    task: &mut T,
    folder: &RunFolder,
    trained: &mut Trained,
    update: u64,
    seed: u64,
) -> Result<(TrainingState, Vec<String>)> {
    let path = folder.checkpoint(update);
    // All of it, before any of it changes what is in memory.
    let mut messages = folder.check(update)?;
    let state = TrainingState::read(&path)?;
    ensure!(
        state.seed == seed,
        "{}: was trained with seed {}, the recipe says {seed}; set seed back or start a new run",
        path.display(),
        state.seed
    );
    ensure!(state.update == update, "{}: its training.json says update {}", path.display(), state.update);
    let weights = state.restore(trained.optimizer, trained.parameters, &path)?;
    // The average, where one was kept.
    task.load(&path)?;
    task.remember(&state.memory).with_context(|| format!("{}: its training.json", path.display()))?;
    if let Some(average) = &mut trained.average {
        average.restart(trained.parameters);
    }
    copy_weights(&weights, trained.parameters);
    let note = match (&trained.average, weights.is_empty()) {
        (Some(_), true) => Some("the moving average begins here, with the weights as they are"),
        (None, false) => Some("the moving average ends here; training goes on with the weights that it was of"),
        _ => None,
    };
    messages.extend(note.map(str::to_string));
    Ok((state, messages))
}

fn describe(state: &TrainingState, folder: &RunFolder, recipe: &TrainingRecipe) -> String {
    let mut text = format!(
        "resuming from {}: update {}, epoch {}, batch {}",
        folder.checkpoint(state.update).display(),
        state.update,
        state.epoch + 1,
        state.batch
    );
    if state.epoch_batches > 0 {
        text += &format!(" of {}", state.epoch_batches);
    }
    text += &format!(
        "; weights, state of {}, {} validations, {:.1} minutes of training",
        state.optimizer,
        state.history.entries().len(),
        state.elapsed_seconds / 60.0
    );
    if let Some(best) = state.history.best(recipe.metric) {
        let score = best.score(recipe.metric).unwrap_or(f64::NAN);
        text += &format!("; best {} {score:.3} after update {}", recipe.metric.name(), best.update);
    }
    text
}
