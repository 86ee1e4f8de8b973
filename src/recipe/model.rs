use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::problem::Problem;
use super::recurrent::{DecoderKind, HardRecipe, RecurrentRecipe, Tied};
use super::transformer::TransformerRecipe;

/// The architecture: one table under `[model]`, named after the family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelRecipe {
    /// `[model.recurrent]`: encoder and decoder of LSTM or GRU layers.
    Recurrent(RecurrentRecipe),
    /// `[model.transformer]`: attention all the way.
    Transformer(TransformerRecipe),
}

impl ModelRecipe {
    /// What is wrong with its values, each problem under `model.family.key`.
    pub fn problems(&self) -> Vec<Problem> {
        let nothing = toml::Table::new();
        let mut checks = Checks::new(&nothing, Vec::new());
        self.check(&mut checks);
        checks.into_problems()
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        match self {
            Self::Recurrent(recipe) => recipe.check(checks),
            Self::Transformer(recipe) => recipe.check(checks),
        }
    }

    /// How many layers and heads its attention has; none where it does not attend.
    pub fn attention_size(&self) -> Option<(i64, i64)> {
        match self {
            Self::Recurrent(recipe) => (recipe.decoder.kind != DecoderKind::None).then_some((1, recipe.attention.heads)),
            Self::Transformer(recipe) => Some((recipe.decoder.layers, recipe.decoder.heads)),
        }
    }

    /// Longest sentence in pieces, end of sentence included, that the model is made for.
    pub fn maximum_length(&self) -> i64 {
        match self {
            Self::Recurrent(recipe) => recipe.maximum_length,
            Self::Transformer(recipe) => recipe.maximum_length,
        }
    }

    /// Which embeddings are one.
    pub fn tied(&self) -> Tied {
        match self {
            Self::Recurrent(recipe) => recipe.tied,
            Self::Transformer(recipe) => recipe.tied,
        }
    }

    /// Where attention looks at one position at a time.
    pub fn hard_attention(&self) -> Option<&HardRecipe> {
        match self {
            Self::Recurrent(recipe) if recipe.decoder.kind != DecoderKind::None => recipe.attention.hard.as_ref(),
            _ => None,
        }
    }

    /// Whether words of the source may be copied.
    pub fn copies(&self) -> bool {
        matches!(self, Self::Recurrent(recipe) if recipe.copy)
    }

    /// The table it stands in: `recurrent`, `transformer`.
    pub fn family(&self) -> &'static str {
        match self {
            Self::Recurrent(_) => "recurrent",
            Self::Transformer(_) => "transformer",
        }
    }
}

impl Default for ModelRecipe {
    fn default() -> Self {
        Self::Recurrent(RecurrentRecipe::default())
    }
}
