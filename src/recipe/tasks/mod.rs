//! What a study is about: one file a task.

mod tape;

use serde::{Deserialize, Serialize};

use super::check::Checks;

pub use tape::{ControllerKind, LstmRecipe, NtmRecipe, TapeModelRecipe, TapeProblem, TapeRecipe};

/// The task: one table under `[task]`, named after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskRecipe {
    /// `[task.tape]`: sequences of bits, as Graves et al. 2014 generate them.
    Tape(TapeRecipe),
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
            Self::Tape(_) => "tape",
        }
    }

    /// Whether there is anything to train.
    pub fn is_trained(&self) -> bool {
        match self {
            Self::Tape(_) => true,
        }
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        match self {
            Self::Tape(recipe) => recipe.check(checks),
        }
    }
}
