//! What a study is about: one file a task.

mod hopfield_capacity;
mod hopfield_recall;
mod tape;
mod transduction;

use serde::{Deserialize, Serialize};

use super::check::Checks;

pub use hopfield_capacity::HopfieldCapacityRecipe;
pub use hopfield_recall::HopfieldRecallRecipe;
pub use tape::{ControllerKind, LstmRecipe, NtmRecipe, TapeModelRecipe, TapeProblem, TapeRecipe};
pub use transduction::{LineKind, LineRecipe, TransductionModelRecipe, TransductionProblem, TransductionRecipe};

/// The task: one table under `[task]`, named after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskRecipe {
    /// `[task.tape]`: sequences of bits, as Graves et al. 2014 generate them.
    Tape(TapeRecipe),
    /// `[task.hopfield-capacity]`: how many random patterns each kind of Hopfield network holds.
    HopfieldCapacity(HopfieldCapacityRecipe),
    /// `[task.hopfield-recall]`: letters drawn as bitmaps are stored, corrupted and restored.
    HopfieldRecall(HopfieldRecallRecipe),
    /// `[task.transduction]`: sequences of symbols, as Grefenstette et al. 2015 generate them.
    Transduction(TransductionRecipe),
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
            Self::HopfieldCapacity(_) => "hopfield-capacity",
            Self::HopfieldRecall(_) => "hopfield-recall",
            Self::Transduction(_) => "transduction",
        }
    }

    /// Whether there is anything to train.
    pub fn is_trained(&self) -> bool {
        match self {
            Self::Tape(_) | Self::Transduction(_) => true,
            Self::HopfieldCapacity(_) | Self::HopfieldRecall(_) => false,
        }
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        match self {
            Self::Tape(recipe) => recipe.check(checks),
            Self::HopfieldCapacity(recipe) => recipe.check(checks),
            Self::HopfieldRecall(recipe) => recipe.check(checks),
            Self::Transduction(recipe) => recipe.check(checks),
        }
    }
}
