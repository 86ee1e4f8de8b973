//! Where a run begins: at nothing, or at the newest checkpoint that is whole.

use anyhow::{Context, Result, bail, ensure};

use super::flat::FlatParameters;
use super::history::Validated;
use super::moving_average::MovingAverage;
use super::optimizers::Optimizer;
use super::retention::ranked;
use super::run_folder::RunFolder;
use super::state::{TrainingState, copy_weights};
use super::task::Task;
use crate::recipe::TrainingRecipe;
use crate::runtime::files::Shown;
use crate::runtime::{Interrupt, Interrupted, message};

/// A state to go on from, and what people should know of it.
pub struct Beginning {
    pub state: TrainingState,
    pub messages: Vec<String>,
    /// Checkpoints that were scored again, since what they were validated on has changed.
    pub scored_again: Vec<Validated>,
    /// Whether the history is another than that of the checkpoint: all that is compared was scored again.
    pub changed: bool,
}

impl Beginning {
    fn new(state: TrainingState, messages: Vec<String>) -> Self {
        Beginning { state, messages, scored_again: Vec::new(), changed: false }
    }
}

/// A fresh run. A folder that already has checkpoints is left alone.
pub fn begin(folder: &RunFolder, optimizer: &Optimizer, seed: u64) -> Result<Beginning> {
    if let Some(newest) = folder.checkpoints()?.last() {
        bail!(
            "{}: has checkpoints up to update {newest}; go on with --resume, or train elsewhere with --out",
            folder.path().shown()
        );
    }
    Ok(Beginning::new(TrainingState::new(seed, optimizer), Vec::new()))
}

/// What is trained, and all that changes with it.
pub struct Trained<'a> {
    pub parameters: &'a FlatParameters,
    pub optimizer: &'a mut Optimizer,
    pub average: Option<&'a mut MovingAverage>,
}

/// Loads the newest whole checkpoint. Broken ones that are newer are named and set aside; where none is whole nothing is touched. Where
/// validation is another than that of its history, the validated checkpoints that are still there are scored again first, until
/// `interrupt`.
pub fn resume<T: Task>(
    task: &mut T,
    folder: &RunFolder,
    mut trained: Trained,
    recipe: &TrainingRecipe,
    seed: u64,
    interrupt: &Interrupt,
) -> Result<Beginning> {
    let mut failures = Vec::new();
    for update in folder.checkpoints()?.into_iter().rev() {
        match load(task, folder, &mut trained, update, seed) {
            Ok((mut state, mut messages)) => {
                for (update, error) in &failures {
                    let aside = folder.set_aside(*update)?;
                    messages.push(format!("{error:#}\nthat checkpoint is broken; it is now {}", aside.shown()));
                }
                let scored_again = score_again(task, folder, &mut state, recipe, interrupt)?;
                let changed = scored_again.is_some() && interrupt.signal().is_none();
                if scored_again.is_some() {
                    // The weights are those of whichever was scored last.
                    load(task, folder, &mut trained, update, seed)?;
                }
                messages.push(describe(&state, folder, recipe));
                return Ok(Beginning { state, messages, scored_again: scored_again.unwrap_or_default(), changed });
            }
            Err(error) => failures.push((update, error)),
        }
    }
    if failures.is_empty() {
        let message = format!("{}: no checkpoint yet, training starts at update 0", folder.path().shown());
        return Ok(Beginning::new(TrainingState::new(seed, trained.optimizer), vec![message]));
    }
    let reasons: Vec<String> = failures.iter().map(|(_, error)| format!("  {error:#}")).collect();
    bail!("{}: none of its checkpoints can be resumed:\n{}", folder.path().shown(), reasons.join("\n"));
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
        path.shown(),
        state.seed
    );
    ensure!(state.update == update, "{}: its training.json says update {}", path.shown(), state.update);
    let weights = state.restore(trained.optimizer, trained.parameters, &path)?;
    // The average, where one was kept.
    task.load(&path)?;
    task.restore_extra_state(&state.extra_state).with_context(|| format!("{}: its training.json", path.shown()))?;
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

/// Where validation is another than before, scores the checkpoints again that its history compares, and takes their old scores out of the
/// comparison; the weights of another checkpoint are left behind. None where nothing of that was needed.
fn score_again<T: Task>(
    task: &mut T,
    folder: &RunFolder,
    state: &mut TrainingState,
    recipe: &TrainingRecipe,
    interrupt: &Interrupt,
) -> Result<Option<Vec<Validated>>> {
    let validation_fingerprint = task.validation_fingerprint();
    let differences = validation_fingerprint.differences(&state.validation_fingerprint).join(", ");
    if differences.is_empty() || state.history.comparable().next().is_none() {
        return Ok(None);
    }
    let present = folder.checkpoints()?;
    let before: Vec<Validated> = present.iter().filter_map(|&update| state.history.at(update).cloned()).collect();
    message!(
        "validation is another than before ({differences}): earlier scores are not compared with later ones, patience counts anew, and the \
         validated checkpoints that are still there ({}) are scored again",
        before.len()
    );
    state.history.supersede();
    let mut scored = Vec::new();
    for old in before {
        if interrupt.signal().is_some() {
            return Ok(Some(scored));
        }
        let path = folder.checkpoint(old.update);
        if let Err(error) = folder.check(old.update).and_then(|_| task.load(&path)) {
            message!("{error:#}\nthat checkpoint cannot be scored again and is compared no more");
            continue;
        }
        let validation = match task.validate(interrupt) {
            Err(error) if error.is::<Interrupted>() => return Ok(Some(scored)),
            validation => validation.with_context(|| format!("scoring {} again", path.shown()))?,
        };
        let new = old.scored_again(&validation);
        let shown = |validated: &Validated| {
            let score = validated.score(recipe.metric);
            score.map_or_else(|| format!("no {}", recipe.metric.name()), |score| format!("{} {score:.3}", recipe.metric.name()))
        };
        message!("{}: {}, before {}", path.shown(), shown(&new), shown(&old));
        state.history.push(new.clone());
        scored.push(new);
    }
    if let Some(&best) = ranked(&present, &state.history, recipe.metric).first() {
        folder.point("best", best)?;
    }
    Ok(Some(scored))
}

fn describe(state: &TrainingState, folder: &RunFolder, recipe: &TrainingRecipe) -> String {
    let mut text = format!(
        "resuming from {}: update {}, epoch {}, batch {}",
        folder.checkpoint(state.update).shown(),
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
