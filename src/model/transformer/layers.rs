//! One layer of the encoder, one of the decoder.

use tch::{Kind, Tensor};

use super::produced::Produced;
use super::sublayer::{FeedForward, Residual};
use crate::attention::{Allowed, Joined, MultiHead, Places, Stored};
use crate::nn::{Pass, Rotation};
use crate::runtime::bf16_maps;

/// Self-attention, then feed-forward.
pub(super) struct EncoderLayer {
    pub attention: MultiHead,
    pub attention_residual: Residual,
    pub feed_forward: FeedForward,
    pub feed_forward_residual: Residual,
}

impl EncoderLayer {
    /// [B, S, D] to [B, S, D]; `keep` [B, S].
    pub fn forward(&self, input: &Tensor, keep: &Tensor, rotation: Option<&Rotation>, pass: &Pass) -> Tensor {
        let attended = self.attention_residual.around(input, pass, |input| {
            let [queries, keys, values] = turned(rotation, self.attention.of_itself(input, &self.attention.joined()));
            self.attention.attend(&queries, (&keys, &values), Allowed::Kept(keep), false, pass).0
        });
        self.feed_forward_residual.around(&attended, pass, |input| self.feed_forward.forward(input, pass))
    }
}

/// Self-attention to what was produced, attention to the source, then feed-forward.
pub(super) struct DecoderLayer {
    pub attention: MultiHead,
    pub attention_residual: Residual,
    pub cross: MultiHead,
    pub cross_residual: Residual,
    pub feed_forward: FeedForward,
    pub feed_forward_residual: Residual,
}

/// Keys and values [B, S, D] of one attention.
pub(super) struct Memory {
    pub keys: Tensor,
    pub values: Tensor,
}

impl From<[Tensor; 2]> for Memory {
    fn from([keys, values]: [Tensor; 2]) -> Self {
        Memory { keys, values }
    }
}

/// The source as all decoder layers see it.
pub(super) struct SourceView<'a> {
    /// True where there is a token [B, S].
    pub keep: &'a Tensor,
    /// Whether weights are wanted.
    pub wanted: bool,
}

/// The source as a layer sees it at one step.
pub(super) struct StepSource<'a> {
    pub memory: Memory,
    /// See [`crate::model::Encoded::origins`].
    pub origins: &'a Tensor,
    /// How many tokens it has [B, 1] (float).
    pub lengths: &'a Tensor,
    /// Whether weights are wanted.
    pub wanted: bool,
}

/// What a layer's self-attention needs for one step.
pub(super) struct SelfStep<'a> {
    pub joined: Joined,
    pub produced: Produced,
    /// See [`crate::model::Shared::origins`].
    pub origins: &'a Tensor,
    /// How many of its places were filled before.
    pub filled: i64,
    /// Which of them belong to each row, the coming one included [R, t].
    pub places: &'a Tensor,
    /// Of the one position that is produced.
    pub rotation: Option<&'a Rotation>,
}

impl DecoderLayer {
    /// All steps at once: [B, T, D] to [B, T, D], and weights [B, H, T, S] when wanted.
    pub fn forward(
        &self,
        input: &Tensor,
        source: &Memory,
        view: &SourceView,
        rotation: Option<&Rotation>,
        pass: &Pass,
    ) -> (Tensor, Option<Tensor>) {
        let attended = self.attention_residual.around(input, pass, |input| {
            let [queries, keys, values] = turned(rotation, self.attention.of_itself(input, &self.attention.joined()));
            self.attention.attend(&queries, (&keys, &values), Allowed::Causal, false, pass).0
        });
        let mut weights = None;
        let informed = self.cross_residual.around(&attended, pass, |input| {
            let queries = self.cross.queries(input);
            // Linear maps that read bfloat16 give float32, and what is remembered of them is bfloat16.
            let plain = |part: &Tensor| if bf16_maps() { part.to_kind(Kind::Float) } else { part.shallow_clone() };
            let (keys, values) = (plain(&source.keys), plain(&source.values));
            let (context, found) = self.cross.attend(&queries, (&keys, &values), Allowed::Kept(view.keep), view.wanted, pass);
            weights = found;
            context
        });
        (self.feed_forward_residual.around(&informed, pass, |input| self.feed_forward.forward(input, pass)), weights)
    }

    /// One step for R rows, W hypotheses of each of B sources side by side: [R, D] to [R, D], and weights [R, H, S] when wanted. What
    /// the step gives to remember goes into `step.produced`.
    pub fn step(&self, input: &Tensor, step: &SelfStep, source: &StepSource) -> (Tensor, Option<Tensor>) {
        let pass = Pass::evaluation();
        let attended = self.attention_residual.around(input, &pass, |input| {
            let [queries, keys, values] = self.attention.of_itself(input, &step.joined);
            let (queries, keys) = match step.rotation {
                Some(rotation) => (rotation.turn(&queries), rotation.turn(&keys)),
                None => (queries, keys),
            };
            step.produced.append(step.filled, step.origins, &keys, &values);
            let memory = Stored { keys: &step.produced.keys, values: &step.produced.values, origins: step.origins };
            self.attention.step(&queries, memory, Places::Listed(step.places), false).0
        });
        let mut weights = None;
        let informed = self.cross_residual.around(&attended, &pass, |input| {
            let queries = self.cross.queries(input);
            let memory = Stored { keys: &source.memory.keys, values: &source.memory.values, origins: source.origins };
            let (context, found) = self.cross.step(&queries, memory, Places::First(source.lengths), source.wanted);
            weights = found;
            context
        });
        (self.feed_forward_residual.around(&informed, &pass, |input| self.feed_forward.forward(input, &pass)), weights)
    }
}

fn turned(rotation: Option<&Rotation>, [queries, keys, values]: [Tensor; 3]) -> [Tensor; 3] {
    match rotation {
        Some(rotation) => [rotation.turn(&queries), rotation.turn(&keys), values],
        None => [queries, keys, values],
    }
}
