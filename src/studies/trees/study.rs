//! The task as the trainer sees it, and its examination.

use std::path::Path;

use anyhow::Result;
use tch::{Device, no_grad};

use super::examine;
use super::formula::Formula;
use super::model::{Formulas, ParsingModel};
use super::pictures;
use super::session::TreesSession;
use super::task::{DEPTHS, POOL, TreesTask, draw};
use crate::nn::{ForwardContext, Parameters};
use crate::recipe::{SelfAttention, TreesRecipe};
use crate::runtime::Interrupt;
use crate::studies::random::{RandomGenerator, VALIDATION};
use crate::studies::{Finding, Interactive, Study};
use crate::train::{BatchCounts, Loss, Validation};

impl Study for TreesTask {
    type Recipe = TreesRecipe;
    type Model = ParsingModel;
    type Batch = Vec<usize>;

    fn model(recipe: &TreesRecipe, store: &Parameters) -> Result<ParsingModel> {
        ParsingModel::new(recipe, store)
    }

    fn new(recipe: &TreesRecipe, seed: u64, device: Device) -> Result<Self> {
        let parameters = Parameters::new(seed, device);
        let model = Self::model(recipe, &parameters)?;
        let formulas = DEPTHS.flat_map(|depth| draw(depth, recipe.formulas, seed)).collect();
        Ok(TreesTask { recipe: recipe.clone(), model, device, formulas, parameters, seed })
    }

    fn session(recipe: &TreesRecipe, folder: &Path, device: Device) -> Result<Box<dyn Interactive>> {
        Ok(Box::new(TreesSession::open(recipe, folder, device)?))
    }

    fn recipe(&self) -> &TreesRecipe {
        &self.recipe
    }

    fn store(&self) -> &Parameters {
        &self.parameters
    }

    fn epoch(&self, seed: u64, epoch: u64) -> Result<Vec<Vec<usize>>> {
        let mut random = RandomGenerator::new(seed, epoch);
        let mut order: Vec<usize> = (0..self.formulas.len()).collect();
        random.shuffle(&mut order);
        order.chunks_mut(POOL * self.recipe.batch).for_each(|pool| pool.sort_by_cached_key(|formula| self.length(formula)));
        let mut batches: Vec<Vec<usize>> = order.chunks(self.recipe.batch).map(<[usize]>::to_vec).collect();
        random.shuffle(&mut batches);
        Ok(batches)
    }

    fn loss(&mut self, batch: &Vec<usize>, _pass: &ForwardContext) -> Result<Loss> {
        let formulas: Vec<Formula> = batch.iter().map(|&formula| self.formulas[formula].clone()).collect();
        let formulas = Formulas::new(&formulas, self.device);
        let cost = self.model.transduce(&formulas)?.cost(&formulas);
        let counts = BatchCounts {
            terms: formulas.terms(),
            sequences: batch.len() as u64,
            source_tokens: formulas.lengths.iter().sum::<i64>() as u64,
            target_tokens: formulas.terms(),
        };
        Ok(Loss::of(cost, counts))
    }

    fn describe(&self, batch: &Vec<usize>) -> String {
        let longest = batch.iter().map(|formula| self.length(formula)).max().unwrap_or(0);
        format!("{} formulas of up to {longest} symbols", batch.len())
    }

    fn memory_estimate(&self, batch: &Vec<usize>) -> Vec<u64> {
        // Tables of spans are cubes of the length.
        let longest = batch.iter().map(|formula| self.length(formula)).max().unwrap_or(0) as u64;
        vec![batch.len() as u64 * longest.pow(3)]
    }

    /// Formulas of depths that are trained on: cost of a symbol, and the mean share of a target that comes before the first failure.
    fn validate(&mut self, _interrupt: &Interrupt) -> Result<Validation> {
        let drawn: Vec<Formula> = DEPTHS.flat_map(|depth| draw(depth, self.recipe.tested, self.seed ^ VALIDATION)).collect();
        let tested = no_grad(|| examine::test(self, &drawn))?;
        let scores = [("loss", tested.cost), ("accuracy", tested.share)];
        Ok(Validation::of(scores))
    }

    fn pictures(&self, directory: &Path) -> Result<()> {
        pictures::draw(self, directory)
    }

    fn summary(&self) -> String {
        let attention = match self.recipe.attention {
            SelfAttention::None => "no attention",
            SelfAttention::Simple => "simple attention",
            SelfAttention::Structured => "structured attention",
        };
        format!("an encoder of symbols with {attention} learns infix notation from {} formulas", self.formulas.len())
    }

    fn examine(&self, folder: &Path) -> Result<Vec<Finding>> {
        pictures::draw(self, folder)?;
        no_grad(|| examine::examine(self))
    }
}
