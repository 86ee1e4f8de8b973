use serde::{Deserialize, Serialize};

use crate::recipe::check::Checks;

/// `[task.trees]`: formulas from prefix to infix notation (Kim et al. 2017, section 4.1), generated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TreesRecipe {
    /// How the encoder's symbols attend to each other. Default `structured`.
    pub attention: SelfAttention,
    /// Formulas trained on of each depth from 2 to 4, 1 or more. Default 5000, as in the paper.
    pub formulas: usize,
    /// Size of a symbol's vector, 1 or more. Default 64.
    pub embedding: i64,
    /// Cells of a direction of the LSTM that potentials come from, and units of their score, 1 or more. Default 64.
    pub parser: i64,
    /// Cells of the decoder, 1 or more. Default 128.
    pub hidden: i64,
    /// Formulas of a batch, 1 or more. Default 32.
    pub batch: usize,
    /// Formulas of each depth tested, 1 or more. Default 200, as in the paper.
    pub tested: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SelfAttention {
    /// Not at all: symbols alone, in no order.
    None,
    /// By a softmax over all symbols.
    Simple,
    /// By the marginals of dependency trees.
    Structured,
}

impl Default for TreesRecipe {
    fn default() -> Self {
        let attention = SelfAttention::Structured;
        Self { attention, formulas: 5000, embedding: 64, parser: 64, hidden: 128, batch: 32, tested: 200 }
    }
}

impl TreesRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        for (key, value) in [("embedding", self.embedding), ("parser", self.parser), ("hidden", self.hidden)] {
            checks.value(&format!("task.trees.{key}"), value, "1 or more", |value| value >= 1);
        }
        for (key, value) in [("formulas", self.formulas), ("batch", self.batch), ("tested", self.tested)] {
            checks.value(&format!("task.trees.{key}"), value, "1 or more", |value| value >= 1);
        }
    }
}
