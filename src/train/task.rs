//! What the one trainer can train: anything that gives batches, a loss and a validation.

use std::ops::AddAssign;
use std::path::Path;

use anyhow::Result;
use serde_json::Value;
use tch::Tensor;

use super::validation_fingerprint::ValidationFingerprint;
use crate::nn::{ForwardContext, load_weights, save_weights};
use crate::runtime::Interrupt;

/// The loss of one batch, summed (not averaged), so that accumulated batches weigh by what they hold.
pub struct Loss {
    /// Scalar whose `backward()` adds the gradient of the *summed* loss to the parameters. Its value need not be the loss
    /// (chunked losses make gradients in the forward pass and hand back a surrogate).
    pub backward: Tensor,
    pub sums: LossSums,
}

/// Losses summed over one batch or over several.
#[derive(Debug, Clone, Copy, Default)]
pub struct LossSums {
    /// The loss that the gradient belongs to, label smoothing included.
    pub loss: f64,
    /// Negative log likelihood in nats, without label smoothing, for perplexity.
    pub nll: f64,
    /// What `loss` holds beside the loss of the targets, such as that of guided alignment; 0 where there is nothing else.
    pub auxiliary: f64,
    pub counts: BatchCounts,
}

/// What one batch holds, or several.
#[derive(Debug, Clone, Copy, Default)]
pub struct BatchCounts {
    /// How many terms the sum has: target tokens, end of sentence included.
    pub terms: u64,
    /// Sentences, or other sequences.
    pub sequences: u64,
    /// Source tokens without padding, for the throughput line.
    pub source_tokens: u64,
    /// Target tokens without padding, for the throughput line.
    pub target_tokens: u64,
}

impl Loss {
    /// Of a summed cost in nats that is the negative log likelihood and nothing else.
    pub fn of(cost: Tensor, counts: BatchCounts) -> Self {
        let loss = cost.double_value(&[]);
        Loss { backward: cost, sums: LossSums { loss, nll: loss, auxiliary: 0.0, counts } }
    }
}

impl AddAssign for LossSums {
    fn add_assign(&mut self, other: Self) {
        self.loss += other.loss;
        self.nll += other.nll;
        self.auxiliary += other.auxiliary;
        self.counts += other.counts;
    }
}

impl AddAssign for BatchCounts {
    fn add_assign(&mut self, other: Self) {
        self.terms += other.terms;
        self.sequences += other.sequences;
        self.source_tokens += other.source_tokens;
        self.target_tokens += other.target_tokens;
    }
}

/// What a validation found. Scores keep their order for printing; the trainer picks its metric by name.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct Validation {
    /// Name and value: "loss", "perplexity", "bleu", "chrf", "aer" …
    pub scores: Vec<(String, f64)>,
    /// What was counted beside, such as translations that were cut off: logged, and told where it is not 0.
    #[serde(default)]
    pub counts: Vec<(String, u64)>,
}

impl Validation {
    /// Scores by their names, with nothing counted beside.
    pub fn of<'a>(scores: impl IntoIterator<Item = (&'a str, f64)>) -> Self {
        let scores = scores.into_iter().map(|(name, score)| (name.to_owned(), score));
        Validation { scores: scores.collect(), counts: Vec::new() }
    }
}

/// A trainable parameter under its checkpoint name.
pub struct Parameter {
    pub name: String,
    pub tensor: Tensor,
}

impl Parameter {
    /// Of a model's named tensors.
    pub fn all(named: Vec<(String, Tensor)>) -> Vec<Self> {
        named.into_iter().map(|(name, tensor)| Parameter { name, tensor }).collect()
    }
}

/// A thing to train. The trainer drives every task of the house through this trait and knows no model.
pub trait Task {
    /// One batch before it becomes tensors: usually the rows of the corpus it holds.
    type Batch;

    /// The batches of one epoch, in order: a pure function of (seed, epoch).
    fn epoch(&self, seed: u64, epoch: u64) -> Result<Vec<Self::Batch>>;

    /// Summed loss of one batch. `pass` says whether dropout is on and where its masks come from. What a task keeps beside its parameters
    /// ([`Task::extra_state`]) may change here.
    fn loss(&mut self, batch: &Self::Batch, pass: &ForwardContext) -> Result<Loss>;

    /// One line that names a batch for an error message: its size, longest source and target.
    fn describe(&self, batch: &Self::Batch) -> String;

    /// What a batch takes of the memory, in measures of which each may be what counts most: one number a measure, the same measures for
    /// every batch. Before training, the largest batch by each of them is tried. None, and nothing is tried.
    fn memory_estimate(&self, _batch: &Self::Batch) -> Vec<u64> {
        Vec::new()
    }

    /// All trainable parameters, in a fixed order. Tensors share storage with the model's.
    fn parameters(&self) -> Vec<Parameter>;

    /// What training leaves in the task beside its parameters, such as a moving average that losses are compared with. It is saved with
    /// the state of a run; null where there is nothing.
    fn extra_state(&self) -> Value {
        Value::Null
    }

    /// Goes on with what [`Task::extra_state`] gave.
    fn restore_extra_state(&mut self, _state: &Value) -> Result<()> {
        Ok(())
    }

    /// Scores on held-out data, by the path users take. What is chosen by them, such as the attention that is shown, may change here.
    ///
    /// # Errors
    /// [`Interrupted`](crate::runtime::Interrupted) when `interrupt` was raised meanwhile: the trainer saves at once, and validates when the
    /// run goes on. A validation of seconds need not ask.
    fn validate(&mut self, interrupt: &Interrupt) -> Result<Validation>;

    /// What the scores of [`Task::validate`] depend on beside the model. Where it is another than that of a run's earlier validations, these are
    /// not compared with later ones, and checkpoints are scored again. Nothing, and all are compared.
    fn validation_fingerprint(&self) -> ValidationFingerprint {
        ValidationFingerprint::default()
    }

    /// What programs should know of the data, such as the share of unknown pieces; an entry of the run's log where there is anything.
    fn figures(&self) -> Value {
        Value::Null
    }

    /// Draws what the model attends to on fixed validation sentences into `directory`.
    fn pictures(&self, _directory: &Path) -> Result<()> {
        Ok(())
    }

    /// Writes all that is needed to use the model into an existing empty folder: its weights as safetensors, and whatever else it takes (config,
    /// tokenizers).
    fn save(&self, directory: &Path) -> Result<()> {
        save_weights(&named(self.parameters()), directory)
    }

    /// Reads the weights back from such a folder.
    ///
    /// # Errors
    /// Weights of another model, with every difference.
    fn load(&mut self, directory: &Path) -> Result<()> {
        load_weights(&named(self.parameters()), directory)
    }
}

fn named(parameters: Vec<Parameter>) -> Vec<(String, Tensor)> {
    parameters.into_iter().map(|Parameter { name, tensor }| (name, tensor)).collect()
}
