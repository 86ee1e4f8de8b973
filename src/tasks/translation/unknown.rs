//! How much of its data a model's vocabularies lack.

use serde_json::{Value, json};

use super::evaluation::HeldOut;
use crate::checkpoint::Tokenizers;
use crate::recipe::Recipe;
use crate::text::Unknown;

/// Unknown pieces of both sides of some pairs.
#[derive(Debug, Clone, Default)]
pub struct UnknownPieces {
    pub source: Unknown,
    pub target: Unknown,
}

impl UnknownPieces {
    /// Those of pairs of lines.
    pub fn count<'a>(tokenizers: &Tokenizers, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut counted = UnknownPieces::default();
        counted.add(tokenizers, pairs);
        counted
    }

    /// Counts further pairs.
    pub fn add<'a>(&mut self, tokenizers: &Tokenizers, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let (sources, targets): (Vec<&str>, Vec<&str>) = pairs.into_iter().unzip();
        self.source.add_lines(tokenizers.source(), &sources);
        self.target.add_lines(tokenizers.target(), &targets);
    }

    fn sides(&self) -> [(&'static str, &Unknown); 2] {
        [("source", &self.source), ("target", &self.target)]
    }

    fn figures(&self) -> Value {
        let of = |side: &Unknown| json!({ "pieces": side.pieces, "unknown": side.unknown, "share": side.share() });
        json!({ "source": of(&self.source), "target": of(&self.target) })
    }
}

/// Unknown pieces of what a run learns from and is validated on.
pub struct UnknownData {
    training: UnknownPieces,
    validation: UnknownPieces,
}

impl UnknownData {
    pub fn new(training: UnknownPieces, validation: &HeldOut, tokenizers: &Tokenizers) -> Self {
        UnknownData { training, validation: UnknownPieces::count(tokenizers, validation.pairs()) }
    }

    /// For the run's log.
    pub fn figures(&self) -> Value {
        json!({ "unknown": { "training": self.training.figures(), "validation": self.validation.figures() } })
    }

    /// What people should know, a line each: the shares, and warnings where they are large. A model that copies is meant for unknown words.
    pub fn messages(&self, recipe: &Recipe) -> Vec<String> {
        let data = [("training", &self.training), ("validation", &self.validation)];
        let shares = data.map(|(name, pieces)| {
            let sides = pieces.sides().map(|(side, unknown)| format!("{side} {unknown}"));
            format!("{name} {}", sides.join(", "))
        });
        let mut messages = vec![format!("unknown pieces: {}", shares.join("; "))];
        if recipe.model.copies() {
            return messages;
        }
        let mut many = false;
        for (name, pieces) in data {
            for (side, unknown) in pieces.sides().into_iter().filter(|(_, unknown)| unknown.many()) {
                many = true;
                messages.push(format!(
                    "warning: the {side} vocabulary lacks {unknown} of the pieces of the {name} data{}",
                    unknown.examples()
                ));
            }
        }
        if many {
            let advice = match recipe.init {
                Some(_) => {
                    "the vocabularies are those of the model that training starts from: choose one of these languages and scripts, or train \
                     without it"
                }
                None => {
                    "raise tokenizer.size, lower tokenizer.minimum_frequency, or choose a tokenizer.kind of pieces, such as \"bpe\", whose \
                     byte_fallback leaves nothing unknown"
                }
            };
            messages
                .push(format!("all that is unknown is the same <unk> to the model, and it can learn nothing of it; {advice}"));
        }
        messages
    }
}
