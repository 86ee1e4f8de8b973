//! What a run must remember to go on as if it had never stopped: `training.json` and `training.safetensors` in a checkpoint.
//!
//! Everything else is a pure function: data order of (seed, epoch), dropout of (seed, update), learning rate of update and
//! history, early stopping of history.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::{Device, Tensor, no_grad};

use super::flat::FlatParameters;
use super::history::History;
use super::loss_scale::LossScale;
use super::optimizers::Optimizer;
use super::validation_fingerprint::ValidationFingerprint;
use crate::runtime::files::Shown;

/// Version of the format; raised when an older Targum could not read a newer file.
const FORMAT: u32 = 1;
const STATE: &str = "training.json";
const MOMENTS: &str = "training.safetensors";
/// Before the names of weights in [`MOMENTS`], where `model.safetensors` holds their moving average.
const WEIGHTS: &str = "weights.";

/// Tensors by name.
pub type Named = Vec<(String, Tensor)>;

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingState {
    pub format: u32,
    /// What data order and dropout derive from.
    pub seed: u64,
    /// Name of the optimizer whose moments stand beside.
    pub optimizer: String,
    /// Updates done.
    pub update: u64,
    /// Whole epochs done.
    pub epoch: u64,
    /// Batches done of the epoch after those.
    pub batch: u64,
    /// How many batches that epoch has; 0 where it has not begun.
    pub epoch_batches: u64,
    /// Training time, over all resumed parts.
    pub elapsed_seconds: f64,
    /// Where training is in float16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_scale: Option<LossScale>,
    /// What the task keeps beside its parameters.
    #[serde(default, rename = "memory", skip_serializing_if = "Value::is_null")]
    pub extra_state: Value,
    /// What the comparable ones of all validations depend on beside the model.
    #[serde(default, skip_serializing_if = "ValidationFingerprint::is_empty")]
    pub validation_fingerprint: ValidationFingerprint,
    /// All validations.
    pub history: History,
}

impl TrainingState {
    /// Before the first update.
    pub fn new(seed: u64, optimizer: &Optimizer) -> Self {
        TrainingState {
            format: FORMAT,
            seed,
            optimizer: optimizer.name().into(),
            update: 0,
            epoch: 0,
            batch: 0,
            epoch_batches: 0,
            elapsed_seconds: 0.0,
            loss_scale: None,
            extra_state: Value::Null,
            validation_fingerprint: ValidationFingerprint::default(),
            history: History::default(),
        }
    }

    /// Writes the state and the optimizer's moments into a checkpoint folder; the weights too where the model beside is their
    /// moving average.
    pub fn save(&self, optimizer: &Optimizer, parameters: &FlatParameters, averaged: bool, folder: &Path) -> Result<()> {
        let weights = if averaged { parameters.named(&parameters.values()) } else { Vec::new() };
        let weights = weights.into_iter().map(|(name, tensor)| (format!("{WEIGHTS}{name}"), tensor));
        let moments: Vec<(String, Tensor)> = optimizer
            .state(parameters)
            .into_iter()
            .chain(weights)
            .map(|(name, tensor)| (name, tensor.to_device(Device::Cpu).contiguous()))
            .collect();
        let path = folder.join(MOMENTS);
        Tensor::write_safetensors(&moments, &path)
            .with_context(|| format!("{}: cannot write the optimizer's state", path.shown()))?;
        let path = folder.join(STATE);
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(&path, text).with_context(|| format!("{}: cannot write the training state", path.shown()))
    }

    /// Reads `training.json`.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(STATE);
        let text = std::fs::read_to_string(&path).with_context(|| format!("{}: cannot read the training state", path.shown()))?;
        let value: Value = serde_json::from_str(&text).with_context(|| format!("{}: broken or cut off", path.shown()))?;
        match value.get("format").and_then(Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            format => bail!(
                "{}: format {}, but this Targum ({}) reads format {FORMAT}; go on with the Targum that wrote it",
                path.shown(),
                format.map_or("unknown".to_string(), |format| format.to_string()),
                env!("CARGO_PKG_VERSION")
            ),
        }
        serde_json::from_value(value).with_context(|| format!("{}: not a valid training state", path.shown()))
    }

    /// Reads the optimizer's moments of a checkpoint folder into `optimizer`, all or nothing. Gives the weights where the model beside
    /// is their moving average: [`copy_weights`] puts them in their place.
    pub fn restore(&self, optimizer: &mut Optimizer, parameters: &FlatParameters, folder: &Path) -> Result<Named> {
        if self.optimizer != optimizer.name() {
            bail!(
                "{}: holds the state of {}, but the recipe trains with {}; set training.optimizer back or start a new run",
                folder.shown(),
                self.optimizer,
                optimizer.name()
            );
        }
        let path = folder.join(MOMENTS);
        let bytes = std::fs::read(&path).with_context(|| format!("{}: cannot read the optimizer's state", path.shown()))?;
        // libtorch's reader trusts the header; this one checks every offset first.
        safetensors::SafeTensors::deserialize(&bytes)
            .map_err(|error| anyhow!("{}: broken or cut off ({error})", path.shown()))?;
        let saved =
            Tensor::read_safetensors(&path).with_context(|| format!("{}: cannot read the optimizer's state", path.shown()))?;
        let (weights, moments): (Named, Named) = saved.into_iter().partition(|(name, _)| name.starts_with(WEIGHTS));
        let weights: Named = weights.into_iter().map(|(name, tensor)| (name[WEIGHTS.len()..].to_string(), tensor)).collect();
        ensure_complete(&weights, parameters).with_context(|| path.shown())?;
        optimizer.restore(parameters, &moments).with_context(|| path.shown())?;
        Ok(weights)
    }
}

/// Copies what [`TrainingState::restore`] gave into the parameters; nothing where it gave nothing.
pub fn copy_weights(weights: &Named, parameters: &FlatParameters) {
    for (name, mut tensor) in parameters.named(&parameters.values()) {
        if let Some((_, saved)) = weights.iter().find(|(other, _)| *other == name) {
            no_grad(|| tensor.copy_(saved));
        }
    }
}

/// Either no weights or all of them.
fn ensure_complete(weights: &Named, parameters: &FlatParameters) -> Result<()> {
    let expected = parameters.named(&parameters.values());
    let found = |name: &str| weights.iter().find(|(other, _)| other == name).map(|(_, tensor)| tensor.size());
    let mut problems: Vec<String> = expected
        .iter()
        .filter(|(name, tensor)| found(name) != Some(tensor.size()))
        .map(|(name, tensor)| match found(name) {
            Some(size) => format!("{WEIGHTS}{name}: shape {size:?}, expected {:?}", tensor.size()),
            None => format!("{WEIGHTS}{name}: missing"),
        })
        .collect();
    let foreign = weights.iter().filter(|(name, _)| expected.iter().all(|(other, _)| other != name));
    problems.extend(foreign.map(|(name, _)| format!("{WEIGHTS}{name}: not part of what is trained")));
    if weights.is_empty() || problems.is_empty() {
        return Ok(());
    }
    bail!("the weights are of another model or training.freeze, {} differences:\n  {}", problems.len(), problems.join("\n  "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{AdamRecipe, OptimizerRecipe, SgdRecipe};
    use crate::train::Parameter;
    use tch::Kind;

    fn adam() -> (Optimizer, FlatParameters) {
        let tensor = Tensor::ones([2, 3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let flat = FlatParameters::new(vec![Parameter { name: "w".into(), tensor }]).unwrap();
        (Optimizer::new(OptimizerRecipe::Adam(AdamRecipe::default()), &flat), flat)
    }

    #[test]
    fn state_and_moments_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let (mut optimizer, flat) = adam();
        let _ = flat.gradients().fill_(0.25);
        optimizer.step(&flat, 1.0, 0.1, 1);
        let mut state = TrainingState::new(u64::MAX, &optimizer);
        (state.update, state.epoch, state.batch, state.elapsed_seconds) = (1, 2, 3, 0.1 + 0.2);
        state.history = History::of_scores("bleu", &[1.0, 100.0 / 3.0]);
        state.history.supersede();
        state.validation_fingerprint = ValidationFingerprint::default().with("validation text", ["a line"]);
        state.save(&optimizer, &flat, false, folder.path()).unwrap();
        let read = TrainingState::read(folder.path()).unwrap();
        assert_eq!(read, state);
        let (mut other, flat) = adam();
        read.restore(&mut other, &flat, folder.path()).unwrap();
        assert!(optimizer.state(&flat).iter().zip(other.state(&flat)).all(|(one, two)| one.0 == two.0 && one.1.equal(&two.1)));
    }

    #[test]
    fn what_is_broken_or_foreign_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (mut optimizer, flat) = adam();
        let state = TrainingState::new(1, &optimizer);
        assert!(TrainingState::read(folder.path()).unwrap_err().to_string().contains("training.json: cannot read"));
        state.save(&optimizer, &flat, false, folder.path()).unwrap();
        let mut sgd = Optimizer::new(OptimizerRecipe::Sgd(SgdRecipe::default()), &flat);
        let error = state.restore(&mut sgd, &flat, folder.path()).unwrap_err().to_string();
        assert!(error.contains("holds the state of adam, but the recipe trains with sgd"), "{error}");
        let moments = folder.path().join(MOMENTS);
        let whole = std::fs::read(&moments).unwrap();
        for cut in [whole.len() - 1, 12, 0] {
            std::fs::write(&moments, &whole[..cut]).unwrap();
            let error = state.restore(&mut optimizer, &flat, folder.path()).unwrap_err().to_string();
            assert!(error.contains("training.safetensors: broken or cut off"), "{error}");
        }
        let json = folder.path().join(STATE);
        let text = std::fs::read_to_string(&json).unwrap();
        for (text, expected) in [
            (text[..40].to_string(), "broken or cut off"),
            (text.replace("\"format\": 1", "\"format\": 2"), "format 2, but this Targum"),
            ("{}".into(), "format unknown"),
            (text.replace("update", "updates"), "not a valid training state"),
        ] {
            std::fs::write(&json, text).unwrap();
            let error = TrainingState::read(folder.path()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
