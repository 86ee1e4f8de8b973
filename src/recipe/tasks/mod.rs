//! What a study is about: one file a task.

mod documents;
mod pointing;
mod tape;
mod trees;

use serde::{Deserialize, Serialize};

use super::check::Checks;

pub use documents::{DocumentsRecipe, PoolingKind};
pub use pointing::{PointingModel, PointingProblem, PointingRecipe};
pub use tape::{ControllerKind, LstmRecipe, NtmRecipe, TapeModelRecipe, TapeProblem, TapeRecipe};
pub use trees::{SelfAttention, TreesRecipe};

/// The task: one table under `[task]`, named after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskRecipe {
    /// `[task.documents]`: classes of documents of which one sentence decides.
    Documents(DocumentsRecipe),
    /// `[task.pointing]`: outputs that are positions of the input.
    Pointing(PointingRecipe),
    /// `[task.tape]`: sequences of bits, as Graves et al. 2014 generate them.
    Tape(TapeRecipe),
    /// `[task.trees]`: formulas from prefix to infix notation.
    Trees(TreesRecipe),
}

impl Default for TaskRecipe {
    fn default() -> Self {
        Self::Tape(TapeRecipe::default())
    }
}

impl TaskRecipe {
    /// The table it stands in.
    pub fn family(&self) -> &'static str {
        match self {
            Self::Documents(_) => "documents",
            Self::Pointing(_) => "pointing",
            Self::Tape(_) => "tape",
            Self::Trees(_) => "trees",
        }
    }

    /// Whether there is anything to train.
    pub fn is_trained(&self) -> bool {
        match self {
            Self::Documents(_) | Self::Pointing(_) | Self::Tape(_) | Self::Trees(_) => true,
        }
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        match self {
            Self::Documents(recipe) => recipe.check(checks),
            Self::Pointing(recipe) => recipe.check(checks),
            Self::Tape(recipe) => recipe.check(checks),
            Self::Trees(recipe) => recipe.check(checks),
        }
    }
}
