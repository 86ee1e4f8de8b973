//! Encoder-decoder RNNs: one encoder, one file a decoder family.

mod bahdanau;
mod bridge;
mod build;
mod cross_attention;
mod decoding;
mod encoder;
mod fixed;
mod initializers;
mod luong;
mod model;
mod seq2seq;
mod state;
#[cfg(test)]
mod tests_of_states;

pub use model::RecurrentModel;
pub(crate) use state::RecurrentState;

use tch::Tensor;

use super::{DecoderOutput, WithAttention};
use crate::attention::{Copied, Prepared};
use crate::memory::Weightings;
use crate::nn::{ForwardContext, StackOutput};

/// A source as the encoder leaves it.
pub(crate) struct EncoderOutput {
    pub states: StackOutput,
    /// True where there is a token [B, S].
    pub keep: Tensor,
    /// Number of tokens as float [B, 1].
    pub lengths: Tensor,
    /// What each position is in the target's vocabulary [B, S] (int64), where the model copies.
    pub target_ids: Option<Tensor>,
}

/// A source as a decoder sees it at every step.
pub(crate) struct EncodedSource {
    /// What each head attends to. Without attention it is the one vector that a source has become, as a memory of one position.
    pub memory: Vec<Prepared>,
    /// See [`EncoderOutput::target_ids`].
    pub target_ids: Option<Tensor>,
}

impl EncodedSource {
    /// B
    pub fn sources(&self) -> i64 {
        self.memory[0].keep.size()[0]
    }

    /// Of these sources [B'] (int64).
    pub fn select(&self, sources: &Tensor) -> Self {
        EncodedSource {
            memory: self.memory.iter().map(|memory| memory.select(sources)).collect(),
            target_ids: self.target_ids.as_ref().map(|ids| ids.index_select(0, sources)),
        }
    }

    /// What belongs to hypotheses [R, ·], those of a source beside each other [B, W, ·].
    pub fn side_by_side(&self, tensor: &Tensor) -> Tensor {
        tensor.reshape([self.sources(), tensor.size()[0] / self.sources(), -1])
    }
}

/// One step of R = B · W hypotheses.
pub(crate) struct DecoderStep {
    /// What the output layer reads [R, F].
    pub features: Tensor,
    /// Weights of each head [R, H, S], where there are any.
    pub weights: Option<Tensor>,
    /// Of [B, W].
    pub copied: Option<Copied>,
}

/// What the families differ in. Features go to the output layer, which the model owns.
pub(crate) trait Decoder: Send + Sync {
    /// Works out once what steps need of a source, and where its decoder starts: one hypothesis for each source.
    fn start(&self, encoded: &EncoderOutput) -> (EncodedSource, RecurrentState);

    /// Teacher forcing: all steps for embedded inputs [B, T, E], from the start.
    fn forward(
        &self,
        source: &EncodedSource,
        start: RecurrentState,
        embedded: &Tensor,
        pass: &ForwardContext,
        attention: WithAttention,
    ) -> DecoderOutput;

    /// Step `position` (counted from 0) for embedded inputs [R, E]; the state goes on with it.
    fn step(&self, source: &EncodedSource, state: &mut RecurrentState, embedded: &Tensor, position: i64) -> DecoderStep;

    fn attends(&self) -> bool;

    /// Where the heads of a tape were in the step that left this state [R, heads, Z], where there is one.
    fn tape_weightings(&self, _state: &RecurrentState) -> Option<Weightings> {
        None
    }
}

/// The mean over heads [B, T, S] of weights [B, H, T, S].
fn mean_of_heads(weights: &Tensor) -> Tensor {
    if weights.size()[1] == 1 {
        return weights.squeeze_dim(1);
    }
    weights.mean_dim([1i64].as_slice(), false, weights.kind())
}

/// Weights [B, H, W, S] of hypotheses beside each other, by hypothesis [R, H, S].
fn by_hypothesis(weights: &Tensor) -> Tensor {
    weights.transpose(1, 2).flatten(0, 1)
}
