//! What a search is told.

use std::fmt;
use std::sync::Arc;

use super::processor::Processor;
use crate::recipe::{LengthLimit, SearchRecipe};

/// Options of one search: the settings of recipe and command line as they are, and what was made of those that rest on a model.
#[derive(Debug, Clone, Default)]
pub struct SearchOptions {
    /// Beam, penalties, stopping, rules and sampling. Its texts (prefix, phrases to suppress) and its length limit are not looked at here: see the
    /// other fields, and [`Constraints::prefix`](super::Constraints::prefix).
    pub recipe: SearchRecipe,
    /// Hypotheses returned for each source, at most as many as the beam is wide, 0 counting as 1; or how many are sampled.
    pub n_best: usize,
    /// How long a translation may become.
    pub length_limit: LengthLimit,
    /// Tokens that the model has positions for, where it has so many only: no hypothesis gets longer, whatever else is said.
    pub positions: Option<usize>,
    /// Whether hypotheses carry their attention.
    pub attention: bool,
    /// Tokens never produced beside PAD and BOS.
    pub suppressed: Vec<u32>,
    /// Sequences of tokens never produced.
    pub suppressed_phrases: Vec<Vec<u32>>,
    /// Rules of one's own on the scores of the next token, applied after those above.
    pub processors: Processors,
}

/// Rules of one's own.
#[derive(Clone, Default)]
pub struct Processors(pub Vec<Arc<dyn Processor>>);

impl fmt::Debug for Processors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} processors", self.0.len())
    }
}

impl SearchOptions {
    /// These settings.
    pub fn of(recipe: SearchRecipe) -> Self {
        SearchOptions { recipe, ..SearchOptions::default() }
    }

    /// Greedy search.
    pub fn greedy() -> Self {
        SearchOptions::of(SearchRecipe { beam: 1, ..SearchRecipe::default() })
    }

    /// The most tokens that a source of this many tokens may become, EOS counted: room for the least length and its EOS, and no more than
    /// the model has positions for.
    pub fn maximum_length(&self, source: usize) -> usize {
        let least = self.recipe.minimum_length.saturating_add(1);
        self.length_limit.of(source).max(least).min(self.positions.unwrap_or(usize::MAX)).max(1)
    }

    /// Hypotheses side by side in one group.
    pub(super) fn group_width(&self) -> usize {
        (self.recipe.beam / self.groups()).max(1)
    }

    pub(super) fn groups(&self) -> usize {
        self.recipe.diversity_groups.clamp(1, self.recipe.beam.max(1))
    }

    /// Whether attention has to be known.
    pub(super) fn wants_attention(&self) -> bool {
        self.attention || self.recipe.coverage_penalty > 0.0
    }
}
