//! Every layer and head of a model's attention over one translation, piece by piece.

use serde_json::{Value, json};

use super::Translator;
use crate::batch::{Source, Target};
use crate::runtime::with_precision_for_inference;
use crate::search::{PairAttention, TokenAttention};
use crate::text::Tokenizer;
use crate::text::special::{BOS, EOS, SPELLINGS};

/// All weights of one source and its translation.
pub struct AllAttention {
    /// The source as the model reads it, `</s>` last.
    pub source_pieces: Vec<String>,
    /// What the decoder read before each piece of the target: `<s>`, then the target.
    pub decoder_inputs: Vec<String>,
    /// `</s>` last, also where the translation was cut off before it.
    pub target_pieces: Vec<String>,
    pub attention: PairAttention,
}

impl Translator {
    /// Forced decoding of a translation: the weights are those of every search that led to it. Ids are without special tokens. None where a side
    /// is blank, or longer than the models are made for.
    pub fn all_attention(&self, source: &[u32], target: &[u32]) -> Option<AllAttention> {
        let fits = source.len() < self.longest.source && target.len() < self.longest.target;
        if !fits || source.is_empty() || target.is_empty() {
            return None;
        }
        let (sources, targets) = (Source::new(&[source], self.device), Target::new(&[target], self.device));
        let models = self.ensemble();
        let attend = || models.all_attention(&sources, &targets).remove(0);
        let attention = with_precision_for_inference(self.precision, self.device, attend);
        let special = |id: u32| SPELLINGS[id as usize].to_owned();
        let pieces = |ids: &[u32], of: &Tokenizer| ids.iter().map(|&id| of.piece(id).to_owned()).collect::<Vec<_>>();
        let [mut source_pieces, mut target_pieces] =
            [pieces(source, self.tokenizers.source()), pieces(target, self.tokenizers.target())];
        let decoder_inputs = std::iter::once(special(BOS)).chain(target_pieces.iter().cloned()).collect();
        source_pieces.push(special(EOS));
        target_pieces.push(special(EOS));
        Some(AllAttention { source_pieces, decoder_inputs, target_pieces, attention })
    }
}

impl AllAttention {
    /// `source_pieces`, `decoder_inputs`, `target_pieces`, and what there is of `encoder`, `decoder`, `cross`, `tape_read` and `tape_write`: lists of layers, of heads, of rows, of
    /// weights with five decimals.
    pub fn record(&self) -> Value {
        let mut record = json!({
            "source_pieces": self.source_pieces,
            "decoder_inputs": self.decoder_inputs,
            "target_pieces": self.target_pieces,
        });
        for (name, weights) in self.named() {
            let rows = |(layer, head)| rounded(weights.head(layer, head), weights.columns);
            let heads = |layer| (0..weights.heads).map(|head| rows((layer, head))).collect::<Vec<_>>();
            record[name] = (0..weights.layers).map(heads).collect();
        }
        record
    }

    /// What there is, by name.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &TokenAttention)> {
        let PairAttention { encoder, decoder, cross, tape_read, tape_write } = &self.attention;
        [("encoder", encoder), ("decoder", decoder), ("cross", cross), ("tape_read", tape_read), ("tape_write", tape_write)]
            .into_iter()
            .filter_map(|(name, weights)| Some((name, weights.as_ref()?)))
    }
}

fn rounded(weights: &[f32], columns: usize) -> Vec<Vec<f64>> {
    let round = |weight: &f32| (f64::from(*weight) * 1e5).round() / 1e5;
    weights.chunks(columns).map(|row| row.iter().map(round).collect()).collect()
}
