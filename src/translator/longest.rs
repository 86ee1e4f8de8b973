//! What a model is made for: how long its sources and targets may be, and what is said of pairs that are longer.

use std::fmt;

use anyhow::Result;

use super::Translator;
use super::forced::EncodedPair;
use crate::recipe::ModelRecipe;

/// Most pieces of either side, end of sentence counted, that a model is made for. A recurrent decoder has no positions: its targets
/// have no such limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Longest {
    pub source: usize,
    pub target: usize,
}

impl Longest {
    pub(super) fn of(model: &ModelRecipe) -> Self {
        let most = usize::try_from(model.maximum_length()).unwrap_or(usize::MAX).max(1);
        match model {
            ModelRecipe::Recurrent(_) => Longest { source: most, target: usize::MAX },
            ModelRecipe::Transformer(_) => Longest { source: most, target: most },
        }
    }

    /// What all models of an ensemble are made for.
    pub(super) fn both(self, other: Self) -> Self {
        Longest { source: self.source.min(other.source), target: self.target.min(other.target) }
    }

    /// The first side of a pair that is too long: its name, its pieces, and how many it may have, end of sentence not counted.
    fn exceeded(self, pair: &EncodedPair) -> Option<(&'static str, usize, usize)> {
        // The model reads nothing of a pair with a blank side.
        if pair.blank() != (false, false) {
            return None;
        }
        let sides = [("source", pair.source.ids.len(), self.source - 1), ("target", pair.target.ids.len(), self.target - 1)];
        sides.into_iter().find(|&(_, pieces, most)| pieces > most)
    }
}

/// A pair that is longer than the model is made for. A source alone can be translated in parts; which part of the target belongs to which
/// part of the source nobody has said, so that its scores and links would be those of positions that the model has never seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongPair {
    /// Its place among the pairs that were given, counted from 0.
    pub pair: usize,
    /// `source` or `target`.
    pub side: &'static str,
    /// Of that side, end of sentence not counted.
    pub pieces: usize,
    /// The most that the model is made for, counted in the same way.
    pub most: usize,
}

impl LongPair {
    /// The same for a pair that was given the other way about.
    #[must_use]
    pub fn turned(self) -> Self {
        LongPair { side: if self.side == "source" { "target" } else { "source" }, ..self }
    }
}

impl fmt::Display for LongPair {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(
            formatter,
            "the {} has {} pieces, but this model is made for {} at most (its maximum_length, less the end of sentence), and a pair is \
             not cut in parts as a source alone is; give the sentences of this line as lines of their own, or leave it out",
            self.side, self.pieces, self.most
        )
    }
}

impl std::error::Error for LongPair {}

impl Translator {
    /// Whether a pair is no longer than the models are made for.
    pub fn fits(&self, pair: &EncodedPair) -> bool {
        self.longest.exceeded(pair).is_none()
    }

    /// # Errors
    /// A [`LongPair`]: the first pair that is longer than the models are made for.
    pub(super) fn ensure_fitting(&self, pairs: &[EncodedPair]) -> Result<()> {
        let long = pairs.iter().enumerate().find_map(|(pair, encoded)| Some((pair, self.longest.exceeded(encoded)?)));
        match long {
            Some((pair, (side, pieces, most))) => Err(LongPair { pair, side, pieces, most }.into()),
            None => Ok(()),
        }
    }
}
