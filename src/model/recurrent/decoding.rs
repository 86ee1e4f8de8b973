//! The decoding session of the recurrent models.

use tch::{Kind, Tensor};

use super::{DecoderStep, EncodedSource, RecurrentModel, RecurrentState};
use crate::batch::Source;
use crate::model::{Decoding, NextTokenScores, Seq2Seq, StepOutput, WithAttention};
use crate::nn::ForwardContext;

/// See [`Decoding`].
pub(super) struct RecurrentDecoding<'a> {
    model: &'a RecurrentModel,
    source: EncodedSource,
    state: RecurrentState,
    /// How many tokens every hypothesis has.
    position: i64,
}

impl<'a> RecurrentDecoding<'a> {
    pub fn start(model: &'a RecurrentModel, source: &Source) -> Self {
        let _guard = tch::no_grad_guard();
        let (source, state) = model.decoder.start(&model.encode(source, &ForwardContext::evaluation()));
        RecurrentDecoding { model, source, state, position: 0 }
    }

    fn indices(&self, indices: impl IntoIterator<Item = usize>) -> Tensor {
        let indices: Vec<i64> = indices.into_iter().map(|index| index as i64).collect();
        Tensor::from_slice(&indices).to_device(self.state.top().device())
    }
}

impl Decoding for RecurrentDecoding<'_> {
    fn step(&mut self, previous: &[u32], attention: WithAttention) -> StepOutput {
        let _guard = tch::no_grad_guard();
        let (model, rows) = (self.model, previous.len() as i64);
        let previous = self.indices(previous.iter().map(|&token| token as usize)); // [R]
        let embedded = model.target_embedding.forward(&previous); // [R, E]
        let DecoderStep { features, weights, copied } = // [R, F], [R, H, S]
            model.decoder.step(&self.source, &mut self.state, &embedded, self.position);
        self.position += 1;
        let scores = match copied {
            None => model.output().step(&features),
            Some(copied) => {
                let every = Tensor::arange(rows, (Kind::Int64, features.device()));
                NextTokenScores::LogProbabilities(copied.log_probabilities(&model.output().logits(&features), &every))
            }
        };
        let weights = weights.filter(|_| attention == WithAttention::Yes);
        StepOutput { scores, attention: weights.map(|weights| weights.unsqueeze(1)) } // [R, 1, H, S]
    }

    fn reorder(&mut self, hypotheses: &[usize]) {
        self.state = self.state.select(&self.indices(hypotheses.iter().copied()));
    }

    fn retain(&mut self, sources: &[usize]) {
        let width = (self.state.hypotheses() / self.source.sources()) as usize;
        let hypotheses = sources.iter().flat_map(|source| source * width..(source + 1) * width);
        self.state = self.state.select(&self.indices(hypotheses));
        self.source = self.source.select(&self.indices(sources.iter().copied()));
    }
}
