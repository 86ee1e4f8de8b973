//! What a study is about: one file a task.

mod documents;
mod hopfield_capacity;
mod hopfield_recall;
mod pointing;
mod questions;
mod tape;
mod transduction;
mod trees;

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::problem::Problem;

pub use documents::{DocumentsRecipe, PoolingKind};
pub use hopfield_capacity::HopfieldCapacityRecipe;
pub use hopfield_recall::HopfieldRecallRecipe;
pub use pointing::{PointingModel, PointingProblem, PointingRecipe};
pub use questions::{QuestionsRecipe, TableTying, WordEncoding};
pub use tape::{ControllerKind, LstmRecipe, NtmRecipe, SetRecipe, TapeModelRecipe, TapeProblem, TapeRecipe, TreeRecipe};
pub use transduction::{StackQueueKind, StackQueueRecipe, TransductionModelRecipe, TransductionProblem, TransductionRecipe};
pub use trees::{SelfAttention, TreesRecipe};

/// The task: one table under `[task]`, named after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskRecipe {
    /// `[task.documents]`: classes of documents of which one sentence decides.
    Documents(DocumentsRecipe),
    /// `[task.pointing]`: outputs that are positions of the input.
    Pointing(PointingRecipe),
    /// `[task.questions]`: the bAbI tasks of Weston et al. 2015.
    Questions(QuestionsRecipe),
    /// `[task.tape]`: sequences of bits, as Graves et al. 2014 generate them.
    Tape(TapeRecipe),
    /// `[task.hopfield-capacity]`: how many random patterns each kind of Hopfield network holds.
    HopfieldCapacity(HopfieldCapacityRecipe),
    /// `[task.hopfield-recall]`: letters drawn as bitmaps are stored, corrupted and restored.
    HopfieldRecall(HopfieldRecallRecipe),
    /// `[task.transduction]`: sequences of symbols, as Grefenstette et al. 2015 generate them.
    Transduction(TransductionRecipe),
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
            Self::Questions(_) => "questions",
            Self::Tape(_) => "tape",
            Self::HopfieldCapacity(_) => "hopfield-capacity",
            Self::HopfieldRecall(_) => "hopfield-recall",
            Self::Transduction(_) => "transduction",
            Self::Trees(_) => "trees",
        }
    }

    /// Whether there is anything to train.
    pub fn is_trained(&self) -> bool {
        match self {
            Self::HopfieldCapacity(_) | Self::HopfieldRecall(_) => false,
            Self::Documents(_)
            | Self::Pointing(_)
            | Self::Questions(_)
            | Self::Tape(_)
            | Self::Transduction(_)
            | Self::Trees(_) => true,
        }
    }

    /// What is wrong with its values, each problem under `task.family.key`.
    pub fn problems(&self) -> Vec<Problem> {
        let nothing = toml::Table::new();
        let mut checks = Checks::new(&nothing, Vec::new());
        self.check(&mut checks);
        checks.into_problems()
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        match self {
            Self::Documents(recipe) => recipe.check(checks),
            Self::Pointing(recipe) => recipe.check(checks),
            Self::Questions(recipe) => recipe.check(checks),
            Self::Tape(recipe) => recipe.check(checks),
            Self::HopfieldCapacity(recipe) => recipe.check(checks),
            Self::HopfieldRecall(recipe) => recipe.check(checks),
            Self::Transduction(recipe) => recipe.check(checks),
            Self::Trees(recipe) => recipe.check(checks),
        }
    }
}
