//! What a study is about: one file a task.

mod captions;
mod documents;
mod hopfield_capacity;
mod hopfield_dynamics;
mod hopfield_pairs;
mod hopfield_recall;
mod pointing;
mod queries;
mod questions;
mod reading;
mod retrieval;
mod sequence_model;
mod sets;
mod tape;
mod transduction;
mod trees;

use serde::{Deserialize, Serialize};

use super::Metric;
use super::check::Checks;
use super::problem::Problem;

pub use captions::{CaptionAttention, CaptionsRecipe};
pub use documents::{DocumentsRecipe, PoolingKind};
pub use hopfield_capacity::HopfieldCapacityRecipe;
pub use hopfield_dynamics::HopfieldDynamicsRecipe;
pub use hopfield_pairs::HopfieldPairsRecipe;
pub use hopfield_recall::{HopfieldRecallRecipe, HopfieldRule, HopfieldUpdates};
pub use pointing::{PointingModel, PointingProblem, PointingRecipe};
pub use queries::QueriesRecipe;
pub use questions::{QuestionsRecipe, TableTying, WordEncoding};
pub use reading::ReadingRecipe;
pub use retrieval::RetrievalRecipe;
pub use sequence_model::{
    ControllerKind, FastWeightsRecipe, LstmRecipe, NtmRecipe, SequenceModelRecipe, SetRecipe, StackQueueKind, StackQueueRecipe,
    TreeRecipe,
};
pub use sets::{SetPooling, SetsRecipe};
pub use tape::{TapeProblem, TapeRecipe};
pub use transduction::{TransductionProblem, TransductionRecipe};
pub use trees::{SelfAttention, TreesRecipe};

/// The task: one table under `[task]`, named after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskRecipe {
    /// `[task.captions]`: what is on a picture, said in a sentence.
    Captions(CaptionsRecipe),
    /// `[task.documents]`: classes of documents of which one sentence decides.
    Documents(DocumentsRecipe),
    /// `[task.pointing]`: outputs that are positions of the input.
    Pointing(PointingRecipe),
    /// `[task.queries]`: classes of documents that several questions ask for.
    Queries(QueriesRecipe),
    /// `[task.questions]`: the bAbI tasks of Weston et al. 2015.
    Questions(QuestionsRecipe),
    /// `[task.retrieval]`: the digit that stood behind a letter, as Ba et al. 2016 ask for it.
    Retrieval(RetrievalRecipe),
    /// `[task.sets]`: classes of sets of which one instance decides.
    Sets(SetsRecipe),
    /// `[task.reading]`: words of a passage that answer a question.
    Reading(ReadingRecipe),
    /// `[task.tape]`: sequences of bits, as Graves et al. 2014 generate them.
    Tape(TapeRecipe),
    /// `[task.hopfield-capacity]`: how many random patterns each kind of Hopfield network holds.
    HopfieldCapacity(HopfieldCapacityRecipe),
    /// `[task.hopfield-dynamics]`: how Hopfield networks move: all units at once or one by one, with a bias, at a temperature, with graded units.
    HopfieldDynamics(HopfieldDynamicsRecipe),
    /// `[task.hopfield-pairs]`: a bidirectional associative memory of bitmaps and their names, and what such memories hold.
    HopfieldPairs(HopfieldPairsRecipe),
    /// `[task.hopfield-recall]`: bitmaps are stored, corrupted and restored; what is stored can be asked afterwards.
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

/// What all tables of tasks have.
pub(super) trait TaskTable {
    /// The table's name.
    fn family(&self) -> &'static str;

    /// What validations of the task give, the best first; nothing where there is nothing to train.
    fn metrics(&self) -> &'static [Metric];

    /// What is wrong with its values, each under `task.family.key`.
    fn check(&self, checks: &mut Checks);
}

macro_rules! tables {
    ($($variant:ident($recipe:ty), $family:literal, $metrics:expr;)*) => {
        $(
            impl From<$recipe> for TaskRecipe {
                fn from(recipe: $recipe) -> Self {
                    Self::$variant(recipe)
                }
            }

            impl TaskTable for $recipe {
                fn family(&self) -> &'static str {
                    $family
                }

                fn metrics(&self) -> &'static [Metric] {
                    $metrics
                }

                fn check(&self, checks: &mut Checks) {
                    self.check(checks);
                }
            }
        )*

        impl TaskRecipe {
            fn table(&self) -> &dyn TaskTable {
                match self {
                    $(Self::$variant(recipe) => recipe,)*
                }
            }
        }
    };
}

tables! {
    Captions(CaptionsRecipe), "captions", &[Metric::Bleu, Metric::Accuracy, Metric::Loss];
    Documents(DocumentsRecipe), "documents", &[Metric::Accuracy, Metric::Loss];
    Pointing(PointingRecipe), "pointing", &[Metric::Accuracy, Metric::Loss];
    Queries(QueriesRecipe), "queries", &[Metric::Accuracy, Metric::Loss];
    Questions(QuestionsRecipe), "questions", &[Metric::Loss, Metric::Error];
    Retrieval(RetrievalRecipe), "retrieval", &[Metric::Error, Metric::Loss];
    Sets(SetsRecipe), "sets", &[Metric::Accuracy, Metric::Loss];
    Reading(ReadingRecipe), "reading", &[Metric::Accuracy, Metric::Loss];
    Tape(TapeRecipe), "tape", &[Metric::Bits, Metric::Error];
    HopfieldCapacity(HopfieldCapacityRecipe), "hopfield-capacity", &[];
    HopfieldDynamics(HopfieldDynamicsRecipe), "hopfield-dynamics", &[];
    HopfieldPairs(HopfieldPairsRecipe), "hopfield-pairs", &[];
    HopfieldRecall(HopfieldRecallRecipe), "hopfield-recall", &[];
    Transduction(TransductionRecipe), "transduction", &[Metric::Loss, Metric::Accuracy, Metric::Error];
    Trees(TreesRecipe), "trees", &[Metric::Accuracy, Metric::Loss];
}

impl TaskRecipe {
    /// The table it stands in.
    pub fn family(&self) -> &'static str {
        self.table().family()
    }

    /// What validations of the task give.
    pub(super) fn metrics(&self) -> &'static [Metric] {
        self.table().metrics()
    }

    /// Whether there is anything to train.
    pub fn is_trained(&self) -> bool {
        !self.metrics().is_empty()
    }

    /// What is wrong with its values, each problem under `task.family.key`.
    pub fn problems(&self) -> Vec<Problem> {
        let nothing = toml::Table::new();
        let mut checks = Checks::new(&nothing, Vec::new());
        self.check(&mut checks);
        checks.into_problems()
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        self.table().check(checks);
    }
}
