//! The task as the trainer sees it, and its examination.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use tch::Device;

use super::data::{Data, Example};
use super::model::{Batch, Reader};
use super::session::ReadingSession;
use super::task::{FILE, ReadingTask, mean, read_vocabulary, share};
use super::{examine, pictures};
use crate::nn::{ForwardContext, Parameters};
use crate::recipe::ReadingRecipe;
use crate::runtime::Interrupt;
use crate::runtime::files::Shown;
use crate::studies::{Finding, Interactive, Study};
use crate::train::{BatchCounts, Loss, Validation, ValidationFingerprint};

impl Study for ReadingTask {
    type Recipe = ReadingRecipe;
    type Model = Reader;
    type Batch = Vec<usize>;

    fn model(recipe: &ReadingRecipe, store: &Parameters) -> Result<Reader> {
        Reader::new(recipe, 1, store)
    }

    fn new(recipe: &ReadingRecipe, seed: u64, device: Device) -> Result<Self> {
        let data = Data::new(recipe, seed)?;
        let parameters = Parameters::new(seed, device);
        let model = Reader::new(recipe, data.vocabulary.len(), &parameters)?;
        Ok(ReadingTask { recipe: recipe.clone(), data, model, device, parameters })
    }

    fn session(recipe: &ReadingRecipe, folder: &Path, device: Device) -> Result<Box<dyn Interactive>> {
        Ok(Box::new(ReadingSession::open(recipe, folder, device)?))
    }

    fn recipe(&self) -> &ReadingRecipe {
        &self.recipe
    }

    fn store(&self) -> &Parameters {
        &self.parameters
    }

    fn epoch(&self, seed: u64, epoch: u64) -> Result<Vec<Vec<usize>>> {
        Ok(self.data.epoch(self.recipe.batch, seed, epoch))
    }

    fn loss(&mut self, batch: &Vec<usize>, pass: &ForwardContext) -> Result<Loss> {
        let examples: Vec<&Example> = batch.iter().map(|&number| &self.data.train[number]).collect();
        let tensors = Batch::new(&examples, &self.data.vocabulary, self.device);
        let count = batch.len() as u64;
        let counts = BatchCounts { terms: count, sequences: count, source_tokens: tensors.tokens(), target_tokens: 2 * count };
        Ok(Loss::of(self.model.read(&tensors, pass).cost(&tensors), counts))
    }

    fn describe(&self, batch: &Vec<usize>) -> String {
        format!("{} questions about passages of up to {} words", batch.len(), self.longest(batch))
    }

    fn memory_estimate(&self, batch: &Vec<usize>) -> Vec<u64> {
        vec![(batch.len() * self.longest(batch)) as u64]
    }

    fn validate(&mut self, _interrupt: &Interrupt) -> Result<Validation> {
        let answered = self.answer(&self.data.held_out)?;
        let loss = answered.nll / self.data.held_out.len() as f64;
        Ok(Validation::of([("loss", loss), ("accuracy", share(answered.exact)), ("f1", mean(answered.f1))]))
    }

    fn validation_fingerprint(&self) -> ValidationFingerprint {
        let line = |example: &Example| format!("{}\t{}", example.passage.join(" "), example.question.join(" "));
        ValidationFingerprint::default().with("questions", self.data.held_out.iter().map(line))
    }

    fn pictures(&self, directory: &Path) -> Result<()> {
        pictures::draw(self, &self.data.held_out[0], directory)
    }

    fn save_extra(&self, directory: &Path) -> Result<()> {
        let path = directory.join(FILE);
        let text = serde_json::to_string(&self.data.vocabulary)? + "\n";
        std::fs::write(&path, text).with_context(|| format!("{}: cannot write", path.shown()))
    }

    fn load_extra(&mut self, directory: &Path) -> Result<()> {
        ensure!(
            read_vocabulary(directory)? == self.data.vocabulary,
            "{}: was trained with other words than these passages have; set task.reading.folder, tasks, passages and the seed back",
            directory.join(FILE).shown()
        );
        Ok(())
    }

    fn summary(&self) -> String {
        let Data { vocabulary, train, left_out, .. } = &self.data;
        let from = match &self.recipe.folder {
            None => "generated passages".to_owned(),
            Some(_) => {
                format!("bAbI stories; {left_out} are left out, as their answers do not stand in what is kept of the story")
            }
        };
        format!(
            "a match-LSTM with {} words learns where answers stand from {} questions about {from}",
            vocabulary.len(),
            train.len()
        )
    }

    fn examine(&self, folder: &Path) -> Result<Vec<Finding>> {
        pictures::draw(self, &self.data.test[0], folder)?;
        examine::examine(self)
    }
}

impl ReadingTask {
    /// Words of the longest passage of a batch of training.
    fn longest(&self, batch: &[usize]) -> usize {
        batch.iter().map(|&number| self.data.train[number].passage.len()).max().unwrap_or(0)
    }
}
