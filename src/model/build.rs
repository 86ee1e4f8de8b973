//! From a recipe to a model, or to its outline: the only match over architectures.

use anyhow::Result;
use tch::Device;

use super::Seq2Seq;
use super::recurrent::RecurrentModel;
use super::transformer::TransformerModel;
use crate::nn::{Parameters, numbers};
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
    let parameters = Parameters::new(seed, device);
    build_in(&parameters, recipe, vocabularies)
}

/// The only match over architectures.
fn build_in(parameters: &Parameters, recipe: &ModelRecipe, vocabularies: Vocabularies) -> Result<Box<dyn Seq2Seq>> {
    match recipe {
        ModelRecipe::Recurrent(recipe) => Ok(Box::new(RecurrentModel::new(recipe, vocabularies, parameters)?)),
        ModelRecipe::Transformer(recipe) => Ok(Box::new(TransformerModel::new(recipe, vocabularies, parameters)?)),
    }
}

/// What a model consists of, without the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterShapes {
    /// Names and sizes of all parameters, in the model's order.
    pub parameters: Vec<(String, Vec<i64>)>,
    /// Bytes of the tables beside them.
    pub table_bytes: u64,
}

impl ParameterShapes {
    /// What was made in a store.
    pub fn of(parameters: &Parameters) -> Self {
        let sizes = parameters.named().into_iter().map(|(name, tensor)| (name, tensor.size()));
        ParameterShapes { parameters: sizes.collect(), table_bytes: parameters.table_bytes() }
    }

    /// Bytes that the model takes, in single precision.
    pub fn bytes(&self) -> u64 {
        let weights = self.parameters.iter().map(|(_, size)| numbers(size).saturating_mul(4));
        weights.fold(self.table_bytes, u64::saturating_add)
    }
}

/// The outline of a model, by building it where nothing is allocated: so it is never another one's. Recipes are those that were checked.
///
/// # Errors
/// As [`build`].
pub fn parameter_shapes(recipe: &ModelRecipe, vocabularies: Vocabularies) -> Result<ParameterShapes> {
    let parameters = Parameters::shapes_only();
    build_in(&parameters, recipe, vocabularies)?;
    Ok(ParameterShapes::of(&parameters))
}

#[cfg(test)]
#[path = "tests_of_shapes.rs"]
mod tests;
