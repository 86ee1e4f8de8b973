//! Training a translation model: data by the recipe, loss by teacher forcing, validation by the path users translate with.

mod data;
mod evaluation;
mod guided;
mod links;
mod loss;
mod pictures;
mod reinforcement;
mod repeated;
mod task;
mod tokenizers;
mod unknown;

pub use evaluation::{Evaluation, HeldOut};
pub use reinforcement::Reinforcement;
pub use task::TranslationTask;
pub use unknown::UnknownPieces;
