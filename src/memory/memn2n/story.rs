//! What a question is asked about.

use std::iter::repeat_n;

use tch::{Device, Kind, Tensor};

use crate::nn::ForwardContext;
use crate::text::special::PAD;

/// Sentences in the order of the story, so that the last one is nearest to the question.
pub struct Story {
    /// Word ids [B, Z, L] (int64), padding behind each sentence. A kept sentence without a word is an empty memory.
    pub sentences: Tensor,
    /// True where there is a sentence [B, Z].
    pub keep: Tensor,
}

impl Story {
    /// One story of sentences of word ids.
    pub fn of(sentences: &[Vec<i64>], device: Device) -> Self {
        let longest = sentences.iter().map(Vec::len).max().unwrap_or(0);
        let padded = sentences.iter().flat_map(|ids| ids.iter().copied().chain(repeat_n(i64::from(PAD), longest - ids.len())));
        let ids = Tensor::from_slice(&padded.collect::<Vec<_>>());
        Story {
            sentences: ids.view([1, sentences.len() as i64, longest as i64]).to_device(device),
            keep: Tensor::ones([1, sentences.len() as i64], (Kind::Bool, device)),
        }
    }

    /// How many sentences lie between each one and the question [B, Z] (int64): 0 for the last.
    pub fn distances(&self) -> Tensor {
        let upto = self.keep.cumsum(1, Kind::Int64); // [B, Z]
        upto.amax([1i64].as_slice(), true) - upto // [B, 1] - [B, Z] = [B, Z]
    }

    /// While training, the story with empty memories among its sentences: one behind each with probability `share`, so that
    /// distances vary and are not learned by heart (section 4.1, random noise). They make no story longer than `slots`; where
    /// they would, its latest sentences get none. When not training, the same story. Z slots become Z'.
    pub fn with_empty_memories(&self, share: f64, slots: i64, pass: &ForwardContext) -> Story {
        let numbers = pass.uniform(&self.keep.size(), self.keep.device()).filter(|_| share > 0.0);
        let Some(chosen) = numbers.map(|numbers| numbers.lt(share)) else {
            return Story { sentences: self.sentences.shallow_clone(), keep: self.keep.shallow_clone() };
        };
        let kept = self.keep.to_kind(Kind::Int64);
        let room = slots - kept.sum_dim_intlist([1i64].as_slice(), true, Kind::Int64); // [B, 1]
        let chosen = chosen.logical_and(&self.keep);
        let added = chosen.logical_and(&chosen.cumsum(1, Kind::Int64).le_tensor(&room)).to_kind(Kind::Int64); // [B, Z]
        let added_upto = added.cumsum(1, Kind::Int64); // [B, Z]
        // A sentence moves by as many slots as there are new ones before it, and its own new one stands right behind it.
        let [stories, before, length] = <[i64; 3]>::try_from(self.sentences.size()).expect("sentences are [B, Z, L]");
        let place = Tensor::arange(before, (Kind::Int64, self.keep.device())) + &added_upto - &added; // [B, Z]
        let after = before + added_upto.amax([0i64, 1].as_slice(), false).int64_value(&[]);
        // One slot more than is needed: the last sentence's, where nothing is put behind it.
        let flags = kept.new_zeros([stories, after + 1], (Kind::Int64, self.keep.device())); // [B, Z' + 1]
        let keep = flags.scatter_add(1, &place, &kept).scatter_add(1, &(&place + 1), &added).narrow(1, 0, after); // [B, Z']
        let sentences = self.sentences.new_full([stories, after, length], i64::from(PAD), (Kind::Int64, self.keep.device()));
        let place = place.unsqueeze(-1).expand([stories, before, length], false); // [B, Z, L]
        let sentences = sentences.scatter(1, &place, &self.sentences); // [B, Z', L]
        Story { sentences, keep: keep.gt(0) }
    }
}
