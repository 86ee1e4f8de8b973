//! Typed recipes: what a run trains on, which model, how it trains and how it searches, in one TOML file.
//!
//! Keys are in snake_case, named choices in kebab-case. Everything has a default but the training and validation corpora, the model's
//! family and the end of training. [`Recipe::load`] tells all problems of a recipe at once, before anything starts.

mod check;
mod corpus_path;
mod data;
mod init;
mod load;
mod model;
mod optimizer;
mod overrides;
mod problem;
mod reader;
mod recurrent;
mod schedule;
mod score_name;
mod search;
mod sizes;
mod study;
mod tasks;
mod tokenizer;
mod training;
mod transformer;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use corpus_path::{CorpusPath, CorpusText, TextFiles};
pub use data::{DataRecipe, FilterRecipe};
pub use init::Origin;
pub use load::RecipeText;
pub use model::ModelRecipe;
pub use optimizer::{AdadeltaRecipe, AdamRecipe, AdamWRecipe, OptimizerRecipe, SgdRecipe};
pub use problem::{Problem, RecipeError};
pub use recurrent::{
    AttentionRecipe, CellKind, ChoiceKind, DecoderKind, DecoderRecipe, EncoderKind, EncoderRecipe, FixedContext, HardRecipe,
    InitializationKind, KeysValues, MemoryRecipe, RecurrentRecipe, ScoreKind, Tied,
};
pub use schedule::{
    ConstantRecipe, HalvingUnit, InverseSquareRootRecipe, LuongHalvingRecipe, PlateauRecipe, ScheduleRecipe, StepRecipe,
};
pub use score_name::ScoreName;
pub use search::{EarlyStopping, LengthLimit, LengthPenalty, SearchRecipe};
pub use study::StudyRecipe;
pub use tasks::*;
pub use tokenizer::{TokenizerKind, TokenizerRecipe};
pub use training::{GuidedAlignmentRecipe, Metric, Normalise, TrainingRecipe};
pub use transformer::{Activation, LayersRecipe, NormPlace, Normalization, Positions, Start, TransformerRecipe};

/// A whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Name of the run and of its folder. Default the recipe's file name without its extension.
    pub name: String,
    /// What all chance in the run derives from; below 2⁶³. Default 1.
    #[serde(default = "one")]
    pub seed: u64,
    /// A checkpoint or run folder whose weights, tokenizers and model the run starts from; default none.
    pub init: Option<PathBuf>,
    pub data: DataRecipe,
    #[serde(default)]
    pub tokenizer: TokenizerRecipe,
    pub model: ModelRecipe,
    #[serde(default)]
    pub training: TrainingRecipe,
    #[serde(default)]
    pub search: SearchRecipe,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            name: "recipe".to_owned(),
            seed: one(),
            init: None,
            data: DataRecipe::default(),
            tokenizer: TokenizerRecipe::default(),
            model: ModelRecipe::default(),
            training: TrainingRecipe::default(),
            search: SearchRecipe::default(),
        }
    }
}

fn one() -> u64 {
    1
}

#[cfg(test)]
mod tests;
