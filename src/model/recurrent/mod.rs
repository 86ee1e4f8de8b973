//! Encoder-decoder RNNs: one encoder, one file a decoder family.

mod bahdanau;
mod bridge;
mod build;
mod fixed;
mod look;
mod luong;
mod model;
mod state;

pub use model::RecurrentModel;

use tch::Tensor;

use super::{DecoderState, Encoded, WithAttention};
use crate::attention::Copied;
use crate::attention::hard::Drawn;
use crate::nn::{Pass, StackOutput};

/// A source as the encoder leaves it.
pub(crate) struct Read {
    pub output: StackOutput,
    /// True where there is a token [B, S].
    pub keep: Tensor,
    /// Number of tokens as float [B, 1].
    pub lengths: Tensor,
    /// What each position is in the target's vocabulary [B, S], where the model copies.
    pub same: Option<Tensor>,
}

/// All steps of a target.
pub(crate) struct Steps {
    /// What the output layer reads [B, T, F].
    pub features: Tensor,
    /// Weights [B, T, S], where they are wanted and there are any.
    pub weights: Option<Tensor>,
    /// Of hard attention [B, T].
    pub drawn: Option<Drawn>,
    pub copied: Option<Copied>,
}

/// One step of R = B · W hypotheses.
pub(crate) struct Stepped {
    /// [R, F]
    pub features: Tensor,
    /// Weights [R, S], where there are any.
    pub weights: Option<Tensor>,
    /// Of [B, W].
    pub copied: Option<Copied>,
    pub state: DecoderState,
}

/// What the families differ in. Features go to the output layer, which the model owns.
pub(crate) trait Decoder {
    /// Works out once what steps need of a source.
    fn prepare(&self, read: &Read) -> Encoded;

    /// All steps for embedded inputs [B, T, E].
    fn decode(&self, encoded: &Encoded, embedded: &Tensor, pass: &Pass, attention: WithAttention) -> Steps;

    /// One step for embedded inputs [R, E].
    fn step(&self, encoded: &Encoded, state: &DecoderState, embedded: &Tensor) -> Stepped;

    fn attends(&self) -> bool;
}
