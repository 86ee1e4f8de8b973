//! Which of a model's attentions is looked at.

use anyhow::{Result, bail};
use tch::Tensor;

use super::Translator;
use crate::alignment::{AttentionMatrix, EndOfSentence};
use crate::batch::Source;
use crate::checkpoint::AttentionHead;
use crate::model::WithAttention;
use crate::nn::ForwardContext;
use crate::search::TokenAttention;
use crate::text::special::BOS;

/// Which of a model's attentions is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AttentionView {
    /// One layer, counted from 0; `None` averages over all.
    pub layer: Option<usize>,
    /// One head, counted from 0; `None` averages over all.
    pub head: Option<usize>,
    /// Whether weights keep a last row and column for the ends of sentence; links never have them.
    pub end_of_sentence: EndOfSentence,
}

impl AttentionView {
    /// Every way to look at so many layers of so many heads: the mean of all, the mean of each layer, and each head.
    pub fn every(layers: usize, heads: usize) -> Vec<Self> {
        let of = |layer, head| AttentionView { layer, head, ..AttentionView::default() };
        let mut every = vec![of(None, None)];
        every.extend((0..layers).filter(|_| layers > 1).map(|layer| of(Some(layer), None)));
        let single = (0..layers).flat_map(|layer| (0..heads).map(move |head| (layer, head)));
        every.extend(single.filter(|_| heads > 1).map(|(layer, head)| of(Some(layer), Some(head))));
        every
    }

    /// What it shows of so many layers of so many heads: `layer 2, head 1`, or which mean. Nothing where there is only one.
    pub fn caption(&self, layers: usize, heads: usize) -> String {
        let part = |chosen: Option<usize>, count: usize, what: &str| match chosen {
            Some(index) => format!("{what} {index}"),
            None if count == 1 => format!("{what} 0"),
            None => format!("mean of {count} {what}s"),
        };
        if layers * heads == 1 {
            return String::new();
        }
        format!("{}, {}", part(self.layer, layers, "layer"), part(self.head, heads, "head"))
    }

    /// The matrix over pieces that this view shows.
    pub fn of(&self, attention: &TokenAttention) -> Result<AttentionMatrix> {
        let pick = |wanted: Option<usize>, count: usize, what: &str| match wanted {
            Some(index) if index >= count => bail!("--{what} {index}: this model has {count}, counted from 0"),
            Some(index) => Ok(index..index + 1),
            None => Ok(0..count),
        };
        let layers = pick(self.layer, attention.layers, "layer")?;
        let heads = pick(self.head, attention.heads, "head")?;
        let matrices = layers
            .flat_map(|layer| heads.clone().map(move |head| (layer, head)))
            .map(|(layer, head)| AttentionMatrix::new(attention.rows, attention.columns, attention.head(layer, head).to_vec()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(AttentionMatrix::average(&matrices)?)
    }
}

impl Translator {
    /// The attention that is looked at unless told otherwise: of one model the one that its checkpoint names, of several the mean.
    pub fn view(&self) -> AttentionView {
        let AttentionHead { layer, head } =
            if self.ensemble_members.is_empty() { self.config.alignment } else { AttentionHead::default() };
        AttentionView { layer, head, ..AttentionView::default() }
    }

    /// How many layers and heads the model's attention has, found by asking it for a translation's first step. None where it has none.
    pub fn attention_size(&self) -> Option<(usize, usize)> {
        let _guard = tch::no_grad_guard();
        let pass = ForwardContext::evaluation();
        let source = Source::new(&[[0u32; 0]], self.device);
        let input = Tensor::from_slice(&[i64::from(BOS)]).unsqueeze(0).to_device(self.device);
        let decoded = self.model.forward(&source, &input, &pass, WithAttention::Yes);
        decoded.attention.map(|weights| (weights.size()[1] as usize, weights.size()[2] as usize))
    }
}
