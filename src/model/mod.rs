//! What search, training and alignment know of a model: the [`Seq2Seq`] trait. The only match over architectures is in `build`.

mod build;
pub mod recurrent;
pub mod transformer;

pub use build::{Outline, Vocabularies, build, outline};

use tch::{Kind, Tensor};

use crate::attention::Copied;
use crate::attention::hard::Drawn;
use crate::batch::Source;
use crate::nn::{Pass, ScoreSummary, linear, vocabulary_scores};

/// A model from source ids to target ids that shows what it attends to.
pub trait Seq2Seq {
    /// Reads a batch of sources and works out all that needs to be done only once for each.
    fn encode(&self, source: &Source, pass: &Pass) -> Encoded;

    /// Teacher forcing over all steps at once. `input` [B, T] starts with BOS; row t of the result predicts the token after it.
    fn decode(&self, encoded: &Encoded, input: &Tensor, pass: &Pass, attention: WithAttention) -> Decoded;

    /// One step for R = B·W rows: W hypotheses of each source side by side. `previous` [R] is the token each one ends with. The state is
    /// handed over, so that what grows with every step may grow in place.
    fn step(&self, encoded: &Encoded, state: DecoderState, previous: &Tensor, attention: WithAttention) -> Step;

    /// The map from features to logits, apart from `decode` so that a loss can go through it in chunks. Where a model copies, it is not all.
    fn output(&self) -> OutputLayer<'_>;

    /// Scores of the next token [N, V] at rows [N] (int64, counted over [B · T]) of what was decoded, in single precision: logits, or log
    /// probabilities where the model copies.
    fn scores(&self, decoded: &Decoded, rows: &Tensor) -> Tensor {
        let logits = self.output().logits(&decoded.features_at(rows));
        match &decoded.copied {
            None => logits,
            Some(copied) => copied.log_probabilities(&logits, rows),
        }
    }

    /// Trainable parameters by the names that checkpoints use, in a fixed order.
    fn parameters(&self) -> Vec<(String, Tensor)>;

    /// Whether there is attention to show at all.
    fn attends(&self) -> bool;

    /// Whether words of the source may be copied.
    fn copies(&self) -> bool {
        false
    }
}

/// Whether attention weights are wanted: some kernels give none, so it costs only those who ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithAttention {
    Yes,
    No,
}

/// A batch of sources as the decoder sees it. Tensors are batch-first, so that search can drop rows without knowing what they mean.
pub struct Encoded {
    /// True where there is a token [B, S].
    pub keep: Tensor,
    /// Number of tokens as float [B, 1].
    pub lengths: Tensor,
    /// Whatever the model remembers of the source [B, ..].
    pub memory: Vec<Tensor>,
    /// The same where it is too large to be moved when other sources are done: as many rows as there were sources at first.
    pub standing: Vec<Tensor>,
    /// Which row of what stands belongs to each source [B] (int64).
    pub origins: Tensor,
    /// Whatever depends on no source, but need not be worked out again at every step.
    pub constants: Vec<Tensor>,
    /// Where its decoder starts.
    pub initial: DecoderState,
}

impl Encoded {
    /// A batch whose memory moves with it.
    pub fn new(keep: Tensor, lengths: Tensor, memory: Vec<Tensor>, initial: DecoderState) -> Self {
        let origins = Tensor::arange(keep.size()[0], (Kind::Int64, keep.device()));
        Encoded { keep, lengths, memory, standing: Vec::new(), origins, constants: Vec::new(), initial }
    }

    /// The rows of these indices [B'] (int64), ascending and each at most once, for a decoder that is on its way: it goes on with
    /// [`Seq2Seq::step`], and the initial state stays as it is.
    pub fn select(&self, rows: &Tensor) -> Self {
        Encoded {
            keep: self.keep.index_select(0, rows),
            lengths: self.lengths.index_select(0, rows),
            memory: self.memory.iter().map(|tensor| tensor.index_select(0, rows)).collect(),
            standing: self.standing.iter().map(Tensor::shallow_clone).collect(),
            origins: self.origins.index_select(0, rows),
            constants: self.constants.iter().map(Tensor::shallow_clone).collect(),
            initial: self.initial.shallow_clone(),
        }
    }

    /// B
    pub fn rows(&self) -> i64 {
        self.keep.size()[0]
    }
}

/// A decoder between two steps: a step number and tensors, which search repeats, reorders and drops without knowing their meaning.
#[derive(Default)]
pub struct DecoderState {
    /// How many tokens were consumed.
    pub step: i64,
    /// What belongs to one hypothesis [R, ..].
    pub tensors: Vec<Tensor>,
    /// What the hypotheses of a source share, where there is such a thing.
    pub shared: Option<Shared>,
}

/// What all hypotheses of a source have produced, side by side. It grows with every step, and does not move when sources are done.
pub struct Shared {
    /// [N, ..] for the N sources that there were when it was made.
    pub tensors: Vec<Tensor>,
    /// Which of the N each source is [B] (int64).
    pub origins: Tensor,
    /// How many places each source's hypotheses have filled.
    pub filled: i64,
}

impl DecoderState {
    /// Goes on with the hypotheses of these rows (int64), which may be repeated.
    pub fn select(&mut self, rows: &Tensor) {
        self.tensors.iter_mut().for_each(|tensor| *tensor = tensor.index_select(0, rows));
    }

    /// Goes on with these sources (int64, ascending); their hypotheses have to be selected too.
    pub fn keep_sources(&mut self, sources: &Tensor) {
        if let Some(shared) = &mut self.shared {
            shared.origins = shared.origins.index_select(0, sources);
        }
    }

    pub fn shallow_clone(&self) -> Self {
        let clone = |tensors: &[Tensor]| tensors.iter().map(Tensor::shallow_clone).collect();
        let shared = self.shared.as_ref().map(|shared| Shared {
            tensors: clone(&shared.tensors),
            origins: shared.origins.shallow_clone(),
            filled: shared.filled,
        });
        DecoderState { step: self.step, tensors: clone(&self.tensors), shared }
    }
}

/// Result of [`Seq2Seq::decode`].
pub struct Decoded {
    /// What the output layer reads [B, T, F].
    pub features: Tensor,
    /// Weights [B, layers, heads, T, S], when asked for and the model attends.
    pub attention: Option<Tensor>,
    /// What hard attention drew in training [B, T], or chose.
    pub drawn: Option<Drawn>,
    /// Where the model copies.
    pub copied: Option<Copied>,
}

impl Decoded {
    /// Features [N, F] of rows [N] (int64), counted over [B · T].
    pub fn features_at(&self, rows: &Tensor) -> Tensor {
        let width = *self.features.size().last().expect("features have a size");
        self.features.reshape([-1, width]).index_select(0, rows)
    }
}

/// Result of [`Seq2Seq::step`].
pub struct Step {
    /// Scores of the next token [R, V], as [`Seq2Seq::scores`].
    pub logits: Tensor,
    /// What was found out about them while they were made. Search reads it instead of looking again: who changes the logits takes it away.
    pub summary: Option<ScoreSummary>,
    /// Weights [R, layers, heads, S], when asked for and the model attends.
    pub attention: Option<Tensor>,
    pub state: DecoderState,
}

/// logits = features · weightᵀ + bias.
pub struct OutputLayer<'a> {
    /// [V, F]
    pub weight: &'a Tensor,
    /// [V]
    pub bias: Option<&'a Tensor>,
}

impl OutputLayer<'_> {
    /// Features [.., F] to logits [.., V], in single precision.
    pub fn logits(&self, features: &Tensor) -> Tensor {
        linear(features, self.weight, self.bias).to_kind(Kind::Float)
    }

    /// The same for one step [R, F] of a search.
    pub fn step(&self, features: &Tensor) -> (Tensor, Option<ScoreSummary>) {
        vocabulary_scores(features, self.weight, self.bias)
    }
}
