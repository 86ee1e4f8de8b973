use serde::{Deserialize, Serialize};

use super::recurrent::RecurrentRecipe;

/// The architecture: one table under `[model]`, named after the family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelRecipe {
    /// `[model.recurrent]`: encoder and decoder of LSTM or GRU layers.
    Recurrent(RecurrentRecipe),
}

impl Default for ModelRecipe {
    fn default() -> Self {
        Self::Recurrent(RecurrentRecipe::default())
    }
}
