//! The gradients of one update: forward and backward over its batches, and what can go wrong there.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use anyhow::{Context, Result, anyhow, ensure};
use tch::Device;

use super::logger::Sums;
use super::task::{Loss, Task};
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
pub struct Arithmetic {
    pub precision: Precision,
    pub device: Device,
    /// What gradients are multiplied with on the way.
    pub loss_scale: f64,
}

/// Adds the gradients of the summed losses of `batches` to the parameters, times the loss scale. Dropout is a function of (`seed`,
/// `first_pass` + index).
pub fn accumulate<T: Task>(
    task: &T,
    batches: &[T::Batch],
    arithmetic: Arithmetic,
    seed: u64,
    first_pass: u64,
    place: &BatchPlace,
) -> Result<Sums> {
    let mut sums = Sums::default();
    for (index, batch) in batches.iter().enumerate() {
        let name = || {
            let number = place.batch + index as u64;
            format!("update {}, epoch {}, batch {number} ({})", place.update, place.epoch, task.describe(batch))
        };
        let pass = ForwardContext::training(seed, first_pass + index as u64, 0);
        let loss = memory_guarded(|| backward(task, batch, arithmetic, &pass), name)?;
        sums.nll += loss.nll;
        sums.auxiliary += loss.auxiliary;
        sums.terms += loss.terms;
        sums.sequences += loss.sequences;
        sums.source_tokens += loss.source_tokens;
        sums.target_tokens += loss.target_tokens;
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
pub fn dry_run<T: Task>(task: &T, batches: &[T::Batch], arithmetic: Arithmetic, seed: u64) -> Result<()> {
    for number in largest(task, batches) {
        let batch = &batches[number];
        let name = || format!("trying the largest batch before training, batch {} ({})", number + 1, task.describe(batch));
        let work =
            || Ok(forward(task, batch, arithmetic, &ForwardContext::training(seed, u64::MAX, 0))?.backward.f_backward()?);
        memory_guarded(work, name)?;
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

fn forward<T: Task>(task: &T, batch: &T::Batch, arithmetic: Arithmetic, pass: &ForwardContext) -> Result<Loss> {
    with_precision(arithmetic.precision, arithmetic.device, || task.loss(batch, pass))
}

fn backward<T: Task>(task: &T, batch: &T::Batch, arithmetic: Arithmetic, pass: &ForwardContext) -> Result<Loss> {
    let loss = forward(task, batch, arithmetic, pass)?;
    ensure!(loss.terms > 0 && loss.sequences > 0, "the batch has nothing to learn from");
    ensure!(loss.sum.is_finite(), "the loss is {}; {REMEDY}", loss.sum);
    if arithmetic.loss_scale == 1.0 {
        loss.backward.f_backward()?;
    } else {
        (&loss.backward * arithmetic.loss_scale).f_backward()?;
    }
    Ok(loss)
}

/// Runs `work` and, where memory runs out, says for which batch and what helps. Models use tch's panicking calls, so a panic about
/// memory is an error as well; any other panic goes on.
fn memory_guarded<R>(work: impl FnOnce() -> Result<R>, name: impl Fn() -> String) -> Result<R> {
    let found = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(found) => found,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            match text.filter(|text| is_about_memory(text)) {
                Some(text) => Err(anyhow!("{text}")),
                None => resume_unwind(panic),
            }
        }
    };
    found
        .map_err(|error| {
            let text = format!("{error:#}");
            if is_about_memory(&text) {
                let first = text.lines().next().unwrap_or_default();
                anyhow!(
                    "out of memory: {first}; lower training.batch_tokens (and raise training.accumulate to make up for it), or \
                     data.filters.maximum_length where one long pair is a batch"
                )
            } else {
                error
            }
        })
        .with_context(name)
}

/// libtorch's ways to say it, on GPU and CPU.
fn is_about_memory(text: &str) -> bool {
    ["out of memory", "can't allocate memory", "not enough memory"].iter().any(|part| text.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Kind, Tensor};

    #[test]
    fn running_out_of_memory_names_the_batch_and_the_remedy() {
        let name = || "update 3, epoch 1, batch 9 (64 sentences)".to_string();
        // Far more than any machine has: libtorch's own words, as an error and as a panic.
        let huge = [1 << 30, 1 << 30];
        let tried = || Ok(Tensor::f_zeros(huge, (Kind::Float, Device::Cpu))?);
        let panicking = || Ok(Tensor::zeros(huge, (Kind::Float, Device::Cpu)));
        for error in [memory_guarded(tried, name).unwrap_err(), memory_guarded(panicking, name).unwrap_err()] {
            let text = format!("{error:#}");
            for part in ["update 3, epoch 1, batch 9 (64 sentences): out of memory", "lower training.batch_tokens"] {
                assert!(text.contains(part), "{text}");
            }
            assert_eq!(text.lines().count(), 1, "{text}");
        }
        let other = memory_guarded(|| Err::<(), _>(anyhow!("disk on fire")), name).unwrap_err();
        assert_eq!(format!("{other:#}"), "update 3, epoch 1, batch 9 (64 sentences): disk on fire");
    }

    #[test]
    #[should_panic(expected = "a mistake")]
    fn other_panics_go_on() {
        let _ = memory_guarded::<()>(|| panic!("a mistake"), String::new);
    }
}
