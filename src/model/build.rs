//! From a recipe to a model: the only match over architectures.

use anyhow::Result;
use tch::Device;

use super::Seq2Seq;
use super::recurrent::RecurrentModel;
use super::transformer::TransformerModel;
use crate::recipe::ModelRecipe;

/// Vocabularies of both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabularies {
    /// Sizes.
    pub source: i64,
    pub target: i64,
    /// For each source id the target id of the same spelling, that of the unknown word where there is none: what a model that copies has to know.
    pub same: Option<Vec<i64>>,
}

/// A model with starting weights, a function of `seed`.
pub fn build(recipe: &ModelRecipe, vocabularies: Vocabularies, seed: u64, device: Device) -> Result<Box<dyn Seq2Seq>> {
    match recipe {
        ModelRecipe::Recurrent(recipe) => Ok(Box::new(RecurrentModel::new(recipe, vocabularies, seed, device)?)),
        ModelRecipe::Transformer(recipe) => Ok(Box::new(TransformerModel::new(recipe, vocabularies, seed, device)?)),
    }
}
