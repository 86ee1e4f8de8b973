//! The one training loop of the house. It knows the [`Task`] trait and no model.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::json;

use super::flat::{Clipped, FlatParameters, clip};
use super::freeze::freeze;
use super::gradients::{BatchPlace, PrecisionSettings, accumulate, broken_gradients, dry_run, largest};
use super::history::Validated;
use super::logger::TrainingLogger;
use super::loss_scale::LossScale;
use super::moving_average::{MovingAverage, averaged};
use super::optimizers::Optimizer;
use super::resume::{Beginning, Trained, begin, resume};
use super::retention::{kept, ranked};
use super::run_folder::RunFolder;
use super::schedules::learning_rate;
use super::state::TrainingState;
use super::task::Task;
use crate::recipe::{Normalise, TrainingRecipe};
use crate::report::{Display, Goal};
use crate::runtime::files::Shown;
use crate::runtime::{Interrupt, Interrupted, Precision};

/// How a run starts and shows itself.
pub struct TrainOptions<'a> {
    /// Go on from the newest checkpoint of the run folder.
    pub resume: bool,
    /// When raised, as signals raise it while [`train`] is at work, the run saves and stops after the update at work, or in a validation.
    pub interrupt: &'a Interrupt,
    pub display: Display,
    /// Called when all that could keep the run from training has been tried, before the first update of this process.
    pub begun: &'a dyn Fn() -> Result<()>,
}

/// Why a run stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    Interrupted,
    Updates,
    Epochs,
    Minutes,
    Patience,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub stop: Stop,
    /// Updates, over all resumed parts.
    pub update: u64,
    /// Training time, over all resumed parts.
    pub elapsed_seconds: f64,
    pub best: Option<Validated>,
}

/// Trains until the recipe's end, the patience's end or an interrupt, with validations and checkpoints in `folder`.
///
/// The result is a function of task, recipe and seed: a run that is stopped and resumed equals one that is not, bit for bit on the
/// CPU. A run that ends between two validations gets one more at its end.
///
/// # Errors
/// When the loss or the gradients are not finite, memory or disk run out, or the task fails. Checkpoints are untouched by that.
pub fn train<T: Task>(
    task: &mut T,
    recipe: &TrainingRecipe,
    seed: u64,
    folder: &RunFolder,
    options: TrainOptions,
) -> Result<Outcome> {
    let _listening = options.interrupt.listen("the state is saved, then training stops");
    let mut trainer = Trainer::start(task, recipe, seed, folder, options)?;
    loop {
        if trainer.owes_validation() && trainer.validate()? {
            trainer.save()?;
            trainer.pictures();
        }
        if let Some(stop) = trainer.stop() {
            return trainer.finish(stop);
        }
        trainer.update()?;
    }
}

struct Trainer<'a, T: Task> {
    task: &'a mut T,
    recipe: &'a TrainingRecipe,
    folder: &'a RunFolder,
    interrupt: &'a Interrupt,
    parameters: FlatParameters,
    optimizer: Optimizer,
    average: Option<MovingAverage>,
    state: TrainingState,
    /// The batches of the epoch at work.
    batches: Vec<T::Batch>,
    logger: TrainingLogger,
    /// Update of the newest checkpoint.
    saved: Option<u64>,
    start: Instant,
    /// Training time of earlier parts.
    before: f64,
}

impl<'a, T: Task> Trainer<'a, T> {
    fn start(
        task: &'a mut T,
        recipe: &'a TrainingRecipe,
        seed: u64,
        folder: &'a RunFolder,
        options: TrainOptions<'a>,
    ) -> Result<Self> {
        let start = Instant::now();
        let (trained, frozen) = freeze(task.parameters(), &recipe.freeze)?;
        let parameters = FlatParameters::new(trained)?;
        let mut optimizer = Optimizer::new(recipe.optimizer, &parameters);
        let mut average = MovingAverage::new(recipe.moving_average, &parameters);
        let Beginning { mut state, mut messages, scored_again, changed } = if options.resume {
            let trained = Trained { parameters: &parameters, optimizer: &mut optimizer, average: average.as_mut() };
            resume(task, folder, trained, recipe, seed, options.interrupt)?
        } else {
            begin(folder, &optimizer, seed)?
        };
        state.validation_fingerprint = task.validation_fingerprint();
        let device = parameters.values().device();
        messages.extend(recipe.precision.warning(device).map(|warning| format!("training.precision: {warning}")));
        state.loss_scale = (recipe.precision == Precision::Fp16).then(|| state.loss_scale.take().unwrap_or_else(LossScale::new));
        let batches = epoch(task, &mut state, &mut messages)?;
        if frozen > 0 {
            messages.push(format!("{} numbers are trained, {frozen} are frozen", parameters.count()));
        }
        let goal = goal(recipe, batches.len() as u64);
        if let Some(updates) = goal.updates.filter(|&updates| updates < recipe.validate_every) {
            messages.push(format!(
                "the run ends after {updates} updates, before the first validation (training.validate_every is {}): there is one at its end, \
                 so no plateau, no patience and no best checkpoint but the last",
                recipe.validate_every
            ));
        }
        let mut logger = TrainingLogger::open(folder, &state, options.resume, goal, options.display)?;
        messages.iter().for_each(|message| logger.message(message));
        let tried: Vec<String> = largest(task, &batches).into_iter().map(|number| task.describe(&batches[number])).collect();
        if !tried.is_empty() {
            // Before it is tried: where memory does not suffice, the system may end the process without a word.
            logger.message(&format!("trying the largest batch first: {}", tried.join("; and ")));
            let precision_settings = PrecisionSettings { precision: recipe.precision, device, loss_scale: 1.0 };
            let extra_state = task.extra_state();
            logger.pause(|| dry_run(&mut *task, &batches, precision_settings, seed))?;
            task.restore_extra_state(&extra_state)?;
            let _ = parameters.gradients().zero_();
        }
        let kind = if state.update > 0 { "resumed" } else { "started" };
        let (epoch, batch, elapsed) = (state.epoch, state.batch, state.elapsed_seconds);
        let fields = json!({ "parameters": parameters.count(), "frozen": frozen, "epoch": epoch, "batch": batch, "elapsed_seconds": elapsed });
        (options.begun)()?;
        logger.note(kind, state.update, fields)?;
        logger.opened(&state, &task.figures(), &scored_again)?;
        folder.keep()?;
        let (saved, before) = ((state.update > 0 && !changed).then_some(state.update), state.elapsed_seconds);
        let interrupt = options.interrupt;
        Ok(Trainer {
            task,
            recipe,
            folder,
            interrupt,
            parameters,
            optimizer,
            average,
            state,
            batches,
            logger,
            saved,
            start,
            before,
        })
    }

    /// Whether the run is over, and why.
    fn stop(&self) -> Option<Stop> {
        let (recipe, state) = (self.recipe, &self.state);
        let ends = [
            (Stop::Interrupted, self.interrupt.signal().is_some()),
            (Stop::Updates, recipe.updates.is_some_and(|updates| state.update >= updates)),
            (Stop::Epochs, recipe.epochs.is_some_and(|epochs| state.epoch >= epochs)),
            (Stop::Minutes, recipe.minutes.is_some_and(|minutes| state.elapsed_seconds >= minutes * 60.0)),
            (Stop::Patience, recipe.patience.is_some_and(|patience| state.history.since_best(recipe.metric) >= patience)),
        ];
        ends.into_iter().find(|(_, over)| *over).map(|(stop, _)| stop)
    }

    /// Whether the model has to be scored as it is: also where a run was interrupted in this very validation, and goes on.
    fn owes_validation(&self) -> bool {
        let update = self.state.update;
        update > 0 && update.is_multiple_of(self.recipe.validate_every) && self.state.history.at(update).is_none()
    }

    /// One update of the parameters: gradients of the next batches, normalised and clipped, and a step of the optimizer. It is given up where
    /// the gradients overflowed float16.
    fn update(&mut self) -> Result<()> {
        let first = self.state.batch as usize;
        // An update never spans two epochs: the last one of an epoch may have fewer batches.
        let end = (first + self.recipe.accumulate).min(self.batches.len());
        let batches = &self.batches[first..end];
        let place = BatchPlace { update: self.state.update + 1, epoch: self.state.epoch + 1, batch: first as u64 + 1 };
        let first_pass = self.state.update * self.recipe.accumulate as u64;
        let loss_scale = self.state.loss_scale.as_ref().map_or(1.0, |loss_scale| loss_scale.scale);
        let device = self.parameters.gradients().device();
        let precision_settings = PrecisionSettings { precision: self.recipe.precision, device, loss_scale };
        let sums = accumulate(self.task, batches, precision_settings, self.state.seed, first_pass, &place)
            .with_context(|| self.failure_context())?;
        let divisor = match self.recipe.normalise {
            Normalise::Tokens => sums.counts.terms,
            Normalise::Sentences => sums.counts.sequences,
            Normalise::Sum => 1,
        };
        let Clipped { norm, scale } = clip(&self.parameters.gradients(), divisor as f64 * loss_scale, self.recipe.clip_norm);
        if !norm.is_finite() && self.state.loss_scale.is_some() {
            return self.skip_overflowed_update(end);
        }
        if !norm.is_finite() {
            return Err(broken_gradients(self.task, batches, norm, &place)).with_context(|| self.failure_context());
        }
        let rate = learning_rate(self.recipe, place.update, self.state.epoch, &self.state.history);
        self.parameters.ensure_shared()?;
        self.optimizer.step(&self.parameters, scale, rate, place.update);
        if let Some(average) = &mut self.average {
            average.advance(&self.parameters, place.update);
        }

        self.state.update += 1;
        self.state.batch = end as u64;
        self.state.elapsed_seconds = self.before + self.start.elapsed().as_secs_f64();
        if let Some(loss_scale) = &mut self.state.loss_scale {
            loss_scale.advance();
        }
        self.logger.advance(sums, self.recipe.clip_norm > 0.0 && norm > self.recipe.clip_norm);
        self.next_epoch()?;
        if self.state.update.is_multiple_of(self.recipe.log_every)
            && let Err(error) = self.logger.report(&self.state, rate, norm)
        {
            // A log that cannot be written need not cost what was learned since the last checkpoint.
            return Err(match self.save() {
                Ok(()) => error.context(format!("training stopped after update {}, and is saved", self.state.update)),
                Err(_) => error,
            });
        }
        Ok(())
    }

    /// Begins the next epoch where this one is over.
    fn next_epoch(&mut self) -> Result<()> {
        if self.state.batch == self.batches.len() as u64 {
            (self.state.epoch, self.state.batch, self.state.epoch_batches) = (self.state.epoch + 1, 0, 0);
            self.batches = epoch(self.task, &mut self.state, &mut Vec::new())?;
        }
        Ok(())
    }

    /// Learns nothing from the batches before `end`, and scales the loss less from now on.
    fn skip_overflowed_update(&mut self, end: usize) -> Result<()> {
        let _ = self.parameters.gradients().zero_();
        self.state.batch = end as u64;
        let Some(loss_scale) = &mut self.state.loss_scale else { return Ok(()) };
        let outcome = loss_scale.overflow();
        let (scale, overflows, update) = (loss_scale.scale, loss_scale.overflows, self.state.update);
        outcome.with_context(|| self.failure_context())?;
        self.logger
            .message(&format!("after update {update} gradients overflowed float16; the loss is scaled by {scale} from now on"));
        self.logger.note("overflow", update, json!({ "loss_scale": scale, "overflows": overflows }))?;
        self.next_epoch()
    }

    /// What is left when an update fails.
    fn failure_context(&self) -> String {
        let update = self.state.update + 1;
        match self.saved {
            Some(saved) => {
                format!(
                    "training stopped in update {update}; the last good checkpoint is {}",
                    self.folder.checkpoint(saved).shown()
                )
            }
            None => format!("training stopped in update {update}; there is no checkpoint yet"),
        }
    }

    /// Scores the model as it is, or its moving average. False where an interrupt came first: its user waits.
    fn validate(&mut self) -> Result<bool> {
        if self.interrupt.signal().is_some() {
            return Ok(false);
        }
        let (task, average, parameters, interrupt) = (&mut *self.task, self.average.as_ref(), &self.parameters, self.interrupt);
        let validation = match self.logger.pause(|| averaged(average, parameters, || task.validate(interrupt))) {
            Err(error) if error.chain().any(|cause| cause.is::<Interrupted>()) => return Ok(false),
            validation => validation.with_context(|| format!("validation after update {}", self.state.update))?,
        };
        self.state.elapsed_seconds = self.before + self.start.elapsed().as_secs_f64();
        let (update, epoch, elapsed) = (self.state.update, self.state.epoch, self.state.elapsed_seconds);
        let validated = Validated::new(update, epoch, elapsed, &validation);
        self.state.history.push(validated.clone());
        let best = self.state.history.best(self.recipe.metric).is_some_and(|best| best.update == update);
        self.logger.validated(&validated, self.recipe.metric, best)?;
        Ok(true)
    }

    /// Writes a checkpoint; only then `last` and `best` move and old ones go.
    fn save(&mut self) -> Result<()> {
        let update = self.state.update;
        self.state.extra_state = self.task.extra_state();
        let bytes = checkpoint_bytes(&self.parameters, self.optimizer.buffers() + u64::from(self.average.is_some()));
        let fill = |path: &Path| {
            averaged(self.average.as_ref(), &self.parameters, || self.task.save(path))?;
            self.state.save(&self.optimizer, &self.parameters, self.average.is_some(), path)
        };
        let (recipe, history, folder) = (self.recipe, &self.state.history, self.folder);
        let write = || -> Result<PathBuf> {
            let path = folder.write(update, bytes, fill)?;
            folder.point("last", update)?;
            let present = folder.checkpoints()?;
            if let Some(&best) = ranked(&present, history, recipe.metric).first() {
                folder.point("best", best)?;
            }
            folder.retain(&kept(&present, history, recipe.metric, recipe.keep_best, recipe.keep_last))?;
            Ok(path)
        };
        let path = loop {
            match folder.restore() {
                Ok(None) => {}
                Ok(Some(message)) => {
                    self.logger.message(&message);
                    self.logger.put_back()?;
                }
                Err(error) => return Err(save_elsewhere(folder, update, bytes, fill, error)),
            }
            match self.logger.pause(write) {
                // Taken away while it was written to.
                Err(_) if !folder.is_whole() => {}
                result => break result?,
            }
        };
        self.saved = Some(update);
        self.logger.note("checkpoint", update, json!({ "path": path.to_string_lossy() }))?;
        // After saving, so that a wrong name costs nothing.
        let validated = self.state.history.at(update);
        let names: Vec<&str> =
            validated.into_iter().flat_map(|validated| &validated.scores).map(|(name, _)| name.as_str()).collect();
        ensure!(
            validated.is_none() || names.contains(&recipe.metric.name()),
            "training.metric is {}, but validation gives {}; go on with --resume --set training.metric=… and one of them",
            recipe.metric.name(),
            names.join(", ")
        );
        Ok(())
    }

    /// Draws the attention. Pictures are for looking at: where they fail, training goes on.
    fn pictures(&mut self) {
        if self.recipe.pictures == 0 {
            return;
        }
        let (update, folder) = (self.state.update, self.folder);
        let (task, average, parameters) = (&*self.task, self.average.as_ref(), &self.parameters);
        let drawn = self.logger.pause(|| {
            let folder = folder.pictures(update)?;
            let drawn = averaged(average, parameters, || task.pictures(&folder));
            // Not every task draws: an empty folder would promise what is not there.
            let _ = std::fs::remove_dir(&folder);
            drawn.map(|()| folder)
        });
        let logged = drawn.and_then(|folder| if folder.exists() { self.logger.pictures(update, &folder) } else { Ok(()) });
        if let Err(error) = logged {
            self.logger.message(&format!("no pictures after update {update}: {error:#}"));
        }
    }

    fn finish(mut self, stop: Stop) -> Result<Outcome> {
        let update = self.state.update;
        if update > 0 {
            let validated = self.state.history.at(update).is_none() && self.validate()?;
            if validated || self.saved != Some(update) || !self.folder.is_whole() {
                self.save()?;
            }
            if validated {
                self.pictures();
            }
        }
        self.logger.note("stopped", update, json!({ "reason": stop, "elapsed_seconds": self.state.elapsed_seconds }))?;
        let best = self.state.history.best(self.recipe.metric).cloned();
        self.logger.finish(&conclusion(stop, &self.state, self.folder));
        Ok(Outcome { stop, update, elapsed_seconds: self.state.elapsed_seconds, best })
    }
}

/// Saves what cannot be saved in its folder, since that is another one by now, beside it; gives the error to tell.
fn save_elsewhere(
    folder: &RunFolder,
    update: u64,
    bytes: u64,
    fill: impl FnOnce(&Path) -> Result<()>,
    error: anyhow::Error,
) -> anyhow::Error {
    let saved = folder.fallback_folder().and_then(|fallback_folder| {
        fallback_folder.write(update, bytes, fill)?;
        fallback_folder.point("last", update)?;
        Ok(fallback_folder)
    });
    match saved {
        Ok(fallback_folder) => error.context(format!(
            "training stopped after update {update}: {} is not its run folder any more; the run was saved as {1}, go on with \
             `targum train {1} --resume`",
            folder.path().shown(),
            fallback_folder.path().shown()
        )),
        Err(second) => {
            error.context(format!("training stopped after update {update}, and it could not be saved elsewhere: {second:#}"))
        }
    }
}

/// The batches of the epoch at work; the state moves on where the epoch has fewer than were done.
fn epoch<T: Task>(task: &T, state: &mut TrainingState, messages: &mut Vec<String>) -> Result<Vec<T::Batch>> {
    let mut batches = task.epoch(state.seed, state.epoch)?;
    if state.batch > 0 && state.epoch_batches != batches.len() as u64 {
        messages.push(format!(
            "the epoch has {} batches now, it had {}: data or training.batch_tokens changed, so some sentences may come twice and some \
             not at all in it",
            batches.len(),
            state.epoch_batches
        ));
        if state.batch >= batches.len() as u64 {
            (state.epoch, state.batch) = (state.epoch + 1, 0);
            batches = task.epoch(state.seed, state.epoch)?;
        }
    }
    ensure!(!batches.is_empty(), "the training data gives no batches: is it empty, or all filtered out?");
    state.epoch_batches = batches.len() as u64;
    Ok(batches)
}

/// When training ends at the latest, for the time that is left.
fn goal(recipe: &TrainingRecipe, epoch_batches: u64) -> Goal {
    let by_epochs = recipe.epochs.map(|epochs| epochs * epoch_batches.div_ceil(recipe.accumulate as u64));
    let updates = recipe.updates.into_iter().chain(by_epochs).min();
    let time = recipe.minutes.and_then(|minutes| Duration::try_from_secs_f64(minutes * 60.0).ok());
    Goal { updates, time }
}

/// Weights and so many buffers of their size, and some room for tokenizers and the like.
fn checkpoint_bytes(parameters: &FlatParameters, buffers: u64) -> u64 {
    parameters.count() * 4 * (1 + buffers) * 21 / 20 + (8 << 20)
}

fn conclusion(stop: Stop, state: &TrainingState, folder: &RunFolder) -> String {
    let reason = match stop {
        Stop::Interrupted => "interrupted; go on with --resume",
        Stop::Updates => "training.updates reached",
        Stop::Epochs => "training.epochs reached",
        Stop::Minutes => "training.minutes reached",
        Stop::Patience => "no better validation for training.patience in a row",
    };
    format!(
        "stopped after update {}, {:.1} minutes of training: {reason}. The run is in {}",
        state.update,
        state.elapsed_seconds / 60.0,
        folder.path().shown()
    )
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
