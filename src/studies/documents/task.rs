//! The model with its data.

use tch::Device;

use super::grammar::Document;
use super::model::DocumentClassifier;
use crate::nn::Parameters;
use crate::recipe::DocumentsRecipe;
use crate::studies::random::{RandomGenerator, TEST};

/// A model of documents with what it is trained on.
pub struct DocumentsTask {
    pub(super) recipe: DocumentsRecipe,
    pub(super) model: DocumentClassifier,
    pub(super) device: Device,
    pub(super) documents: Vec<Document>,
    pub(super) parameters: Parameters,
    pub(super) seed: u64,
}

impl DocumentsTask {
    /// Documents that nothing was trained on, the same at every call.
    pub(super) fn tests(&self) -> Vec<Document> {
        draw(&self.recipe, self.recipe.tested, self.seed ^ TEST)
    }
}

pub(super) fn draw(recipe: &DocumentsRecipe, count: usize, seed: u64) -> Vec<Document> {
    let mut random = RandomGenerator::new(seed, 0);
    (0..count).map(|_| Document::draw(random.between(recipe.fewest, recipe.most), &mut random)).collect()
}
