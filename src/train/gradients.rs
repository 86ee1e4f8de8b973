//! The gradients of one update: forward and backward over its batches, and what can go wrong there.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use anyhow::{Context, Result, anyhow, ensure};
use tch::{Device, TchError};

use super::task::{Loss, LossSums, Task};
use crate::nn::ForwardContext;
use crate::runtime::{Precision, with_precision};

/// What helps when numbers overflow.
const REMEDY: &str =
    "lower the optimizer's learning_rate or training.clip_norm, or look at the data, then go on with --resume --set key=value";

/// What a batch is called in messages.
pub struct BatchPlace {
    /// Number of the update, from 1.
    pub update: u64,
    /// Number of the epoch, from 1.
    pub epoch: u64,
    /// Number of the update's first batch in the epoch, from 1.
    pub batch: u64,
}

/// What forward and backward are computed with.
#[derive(Debug, Clone, Copy)]
pub struct PrecisionSettings {
    pub precision: Precision,
    pub device: Device,
    /// What gradients are multiplied with on the way.
    pub loss_scale: f64,
}

/// Adds the gradients of the summed losses of `batches` to the parameters, times the loss scale. Dropout is a function of (`seed`,
/// `first_pass` + index).
pub fn accumulate<T: Task>(
    task: &mut T,
    batches: &[T::Batch],
    precision_settings: PrecisionSettings,
    seed: u64,
    first_pass: u64,
    place: &BatchPlace,
) -> Result<LossSums> {
    let mut sums = LossSums::default();
    for (index, batch) in batches.iter().enumerate() {
        let pass = ForwardContext::training(seed, first_pass + index as u64, 0);
        sums += memory_guarded(|| backward(task, batch, precision_settings, &pass)).with_context(|| {
            let number = place.batch + index as u64;
            format!("update {}, epoch {}, batch {number} ({})", place.update, place.epoch, task.describe(batch))
        })?;
    }
    Ok(sums)
}

/// Names the batches of an update whose gradients together are not finite.
pub fn broken_gradients<T: Task>(task: &T, batches: &[T::Batch], norm: f64, place: &BatchPlace) -> anyhow::Error {
    let names: Vec<String> =
        batches.iter().zip(place.batch..).map(|(batch, number)| format!("batch {number} ({})", task.describe(batch))).collect();
    anyhow!("update {}, epoch {}, {}: the norm of the gradients is {norm}; {REMEDY}", place.update, place.epoch, names.join(", "))
}

/// Goes forward and backward over the largest of an epoch's batches without learning from them, so that memory runs out now and not in
/// the middle of the night. The gradients hold anything afterwards.
pub fn dry_run<T: Task>(task: &mut T, batches: &[T::Batch], precision_settings: PrecisionSettings, seed: u64) -> Result<()> {
    for number in largest(task, batches) {
        let batch = &batches[number];
        let pass = ForwardContext::training(seed, u64::MAX, 0);
        let work = || Ok(forward(task, batch, precision_settings, &pass)?.backward.f_backward()?);
        memory_guarded(work).with_context(|| {
            format!("trying the largest batch before training, batch {} ({})", number + 1, task.describe(batch))
        })?;
    }
    Ok(())
}

/// The first of the largest batches by each measure, each once.
pub fn largest<T: Task>(task: &T, batches: &[T::Batch]) -> Vec<usize> {
    let estimates: Vec<Vec<u64>> = batches.iter().map(|batch| task.memory_estimate(batch)).collect();
    let measures = estimates.first().map_or(0, Vec::len);
    let by = |measure: usize| (0..batches.len()).rev().max_by_key(|&number| estimates[number][measure]);
    let found: std::collections::BTreeSet<usize> = (0..measures).filter_map(by).collect();
    found.into_iter().collect()
}

fn forward<T: Task>(
    task: &mut T,
    batch: &T::Batch,
    precision_settings: PrecisionSettings,
    pass: &ForwardContext,
) -> Result<Loss> {
    with_precision(precision_settings.precision, precision_settings.device, || task.loss(batch, pass))
}

fn backward<T: Task>(
    task: &mut T,
    batch: &T::Batch,
    precision_settings: PrecisionSettings,
    pass: &ForwardContext,
) -> Result<LossSums> {
    let Loss { backward, sums } = forward(task, batch, precision_settings, pass)?;
    ensure!(sums.counts.terms > 0 && sums.counts.sequences > 0, "the batch has nothing to learn from");
    ensure!(sums.loss.is_finite(), "the loss is {}; {REMEDY}", sums.loss);
    if precision_settings.loss_scale == 1.0 {
        backward.f_backward()?;
    } else {
        (&backward * precision_settings.loss_scale).f_backward()?;
    }
    Ok(sums)
}

/// Runs `work` and, where memory runs out, says what helps. Models use tch's panicking calls, so a panic about
/// memory is an error as well; any other panic goes on.
fn memory_guarded<R>(work: impl FnOnce() -> Result<R>) -> Result<R> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(found) => found.map_err(|error| match error.downcast_ref().and_then(OutOfMemory::of) {
            Some(memory) => memory.into(),
            None => error,
        }),
        Err(panic) => match OutOfMemory::of_panic(&*panic) {
            Some(memory) => Err(memory.into()),
            None => resume_unwind(panic),
        },
    }
}

/// libtorch had no memory left.
#[derive(Debug, thiserror::Error)]
#[error(
    "out of memory: {0}; lower training.batch_tokens (and raise training.accumulate to make up for it), or data.filters.maximum_length \
     where one long pair is a batch"
)]
struct OutOfMemory(String);

impl OutOfMemory {
    fn of(error: &TchError) -> Option<Self> {
        if let TchError::Torch(message) = error { Self::of_message(message) } else { None }
    }

    /// tch's panicking calls unwrap their error, which leaves its text.
    fn of_panic(panic: &(dyn Any + Send)) -> Option<Self> {
        Self::of_message(panic.downcast_ref::<String>()?)
    }

    /// libtorch's errors lose their type on the way through C: its ways to say it, on GPU and CPU, are all there is.
    fn of_message(message: &str) -> Option<Self> {
        let known = ["out of memory", "can't allocate memory", "not enough memory"];
        let first = message.lines().next().unwrap_or_default();
        known.iter().any(|part| message.contains(part)).then(|| OutOfMemory(first.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Kind, Tensor};

    #[test]
    fn running_out_of_memory_names_the_remedy() {
        // Far more than any machine has: libtorch's own words, as an error and as a panic.
        let huge = [1 << 30, 1 << 30];
        let tried = || Ok(Tensor::f_zeros(huge, (Kind::Float, Device::Cpu))?);
        let panicking = || Ok(Tensor::zeros(huge, (Kind::Float, Device::Cpu)));
        for error in [memory_guarded(tried).unwrap_err(), memory_guarded(panicking).unwrap_err()] {
            let text = format!("{error:#}");
            for part in ["out of memory: ", "lower training.batch_tokens"] {
                assert!(text.contains(part), "{text}");
            }
            assert_eq!(text.lines().count(), 1, "{text}");
            assert!(error.is::<OutOfMemory>());
        }
        let other = memory_guarded(|| Err::<(), _>(anyhow!("disk on fire"))).unwrap_err();
        assert_eq!(format!("{other:#}"), "disk on fire");
    }

    #[test]
    #[should_panic(expected = "a mistake")]
    fn other_panics_go_on() {
        let _ = memory_guarded::<()>(|| panic!("a mistake"));
    }
}
