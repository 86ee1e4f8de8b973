//! One layer of the encoder, one of the decoder.

use tch::Tensor;

use super::sublayer::{FeedForward, Residual};
use crate::attention::{Allowed, MultiHead};
use crate::nn::{Pass, Rotation};

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
            let (keys, values) = self.attention.keys_and_values(input);
            let (queries, keys) = turned(rotation, self.attention.queries(input), keys);
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

/// Keys and values [.., H, length, K] of one attention.
pub(super) struct Memory {
    pub keys: Tensor,
    pub values: Tensor,
}

/// The source as all decoder layers see it.
pub(super) struct SourceView<'a> {
    /// True where there is a token [B, S].
    pub keep: &'a Tensor,
    /// Whether weights are wanted.
    pub wanted: bool,
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
            let (keys, values) = self.attention.keys_and_values(input);
            let (queries, keys) = turned(rotation, self.attention.queries(input), keys);
            self.attention.attend(&queries, (&keys, &values), Allowed::Causal, false, pass).0
        });
        self.rest(&attended, source, view, pass)
    }

    /// One step for R rows, W beside each other for each of B sources: [R, 1, D] to [R, 1, D], weights [B, H, W, S] when wanted, and
    /// the memory of what was produced with this step in it.
    pub fn step(
        &self,
        input: &Tensor,
        produced: Memory,
        source: &Memory,
        view: &SourceView,
        rotation: Option<&Rotation>,
    ) -> (Tensor, Option<Tensor>, Memory) {
        let pass = Pass::evaluation();
        let mut memory = produced;
        let attended = self.attention_residual.around(input, &pass, |input| {
            let (keys, values) = self.attention.keys_and_values(input);
            let (queries, keys) = turned(rotation, self.attention.queries(input), keys);
            memory.keys = Tensor::cat(&[&memory.keys, &keys], 2);
            memory.values = Tensor::cat(&[&memory.values, &values], 2);
            self.attention.attend(&queries, (&memory.keys, &memory.values), Allowed::All, false, &pass).0
        });
        // Hypotheses of one source are queries to the one copy of its keys.
        let (rows, sources, size) = (input.size()[0], source.keys.size()[0], input.size()[2]);
        let side_by_side = attended.view([sources, rows / sources, size]);
        let (output, weights) = self.rest(&side_by_side, source, view, &pass);
        (output.view([rows, 1, size]), weights, memory)
    }

    fn rest(&self, input: &Tensor, source: &Memory, view: &SourceView, pass: &Pass) -> (Tensor, Option<Tensor>) {
        let mut weights = None;
        let informed = self.cross_residual.around(input, pass, |input| {
            let queries = self.cross.queries(input);
            let memory = (&source.keys, &source.values);
            let (context, found) = self.cross.attend(&queries, memory, Allowed::Kept(view.keep), view.wanted, pass);
            weights = found;
            context
        });
        (self.feed_forward_residual.around(&informed, pass, |input| self.feed_forward.forward(input, pass)), weights)
    }
}

fn turned(rotation: Option<&Rotation>, queries: Tensor, keys: Tensor) -> (Tensor, Tensor) {
    match rotation {
        Some(rotation) => (rotation.turn(&queries), rotation.turn(&keys)),
        None => (queries, keys),
    }
}
