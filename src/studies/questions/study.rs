//! The task as the trainer sees it, and its examination.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use tch::Device;

use super::data::Data;
use super::linear_start::LinearStart;
use super::session::QuestionsSession;
use super::task::{FILE, QuestionsTask, Saved, cost};
use super::{examine, pictures};
use crate::memory::memn2n::MemN2N;
use crate::nn::{ForwardContext, Parameters};
use crate::recipe::QuestionsRecipe;
use crate::runtime::Interrupt;
use crate::runtime::files::Shown;
use crate::studies::{Finding, Interactive, Study};
use crate::train::{BatchCounts, Loss, Validation, ValidationFingerprint};

impl Study for QuestionsTask {
    type Recipe = QuestionsRecipe;
    type Model = MemN2N;
    type Batch = Vec<usize>;

    fn model(recipe: &QuestionsRecipe, store: &Parameters) -> Result<MemN2N> {
        Ok(Self::network(recipe, 1, store))
    }

    fn new(recipe: &QuestionsRecipe, seed: u64, device: Device) -> Result<Self> {
        let data = Data::read(recipe, device)?;
        let parameters = Parameters::new(seed, device);
        let model = Self::network(recipe, data.vocabulary.len(), &parameters);
        Ok(QuestionsTask { recipe: recipe.clone(), data, model, start: LinearStart::new(recipe.linear_start), parameters })
    }

    fn session(recipe: &QuestionsRecipe, folder: &Path, device: Device) -> Result<Box<dyn Interactive>> {
        Ok(Box::new(QuestionsSession::open(recipe, folder, device)?))
    }

    fn recipe(&self) -> &QuestionsRecipe {
        &self.recipe
    }

    fn store(&self) -> &Parameters {
        &self.parameters
    }

    fn epoch(&self, seed: u64, epoch: u64) -> Result<Vec<Self::Batch>> {
        Ok(self.data.epoch(seed, epoch))
    }

    fn loss(&mut self, batch: &Self::Batch, pass: &ForwardContext) -> Result<Loss> {
        let questions = self.data.batch(&self.data.train, batch);
        let story = questions.story.with_empty_memories(self.recipe.noise, self.recipe.memory as i64, pass);
        let read = self.model.read(&story, &questions.questions, self.start.memory_weighting());
        let logits = self.model.answer(&read.state); // [B, V]
        let cost = cost(&logits, &questions.answers);
        let rate = if self.start.linear { self.recipe.linear_rate } else { 1.0 };
        let sentences: usize = batch.iter().map(|&number| self.data.train.asked[number].kept).sum();
        let count = batch.len() as u64;
        let counts = BatchCounts { terms: count, sequences: count, source_tokens: sentences as u64, target_tokens: count };
        let loss = Loss::of(cost, counts);
        Ok(Loss { backward: loss.backward * rate, ..loss })
    }

    fn describe(&self, batch: &Self::Batch) -> String {
        format!("{} questions about up to {} sentences", batch.len(), self.longest(batch))
    }

    fn memory_estimate(&self, batch: &Self::Batch) -> Vec<u64> {
        vec![(batch.len() * self.longest(batch)) as u64]
    }

    /// Questions held out: loss and percent wrong. Where the loss fell no more, the softmax is put into the hops.
    fn validate(&mut self, _interrupt: &Interrupt) -> Result<Validation> {
        let answered = self.answer(&self.data.held_out);
        let loss = answered.nll / answered.right.len() as f64;
        self.start.observe(loss, self.recipe.linear_start);
        let scores = [("loss", loss), ("error", answered.error())];
        Ok(Validation::of(scores))
    }

    fn validation_fingerprint(&self) -> ValidationFingerprint {
        ValidationFingerprint::default().with("questions", self.data.lines(&self.data.held_out))
    }

    fn pictures(&self, directory: &Path) -> Result<()> {
        pictures::draw(self, &self.data.held_out, directory)
    }

    fn save_extra(&self, directory: &Path) -> Result<()> {
        let saved = Saved { linear_start: self.start.clone(), vocabulary: self.data.vocabulary.clone() };
        let path = directory.join(FILE);
        std::fs::write(&path, serde_json::to_string(&saved)? + "\n").with_context(|| format!("{}: cannot write", path.shown()))
    }

    fn load_extra(&mut self, directory: &Path) -> Result<()> {
        let saved = Saved::read(directory)?;
        ensure!(
            saved.vocabulary == self.data.vocabulary,
            "{}: was trained with other words than {} has; set task.questions.folder and task.questions.tasks back",
            directory.join(FILE).shown(),
            self.recipe.folder.shown()
        );
        self.start = saved.linear_start;
        Ok(())
    }

    fn summary(&self) -> String {
        let QuestionsRecipe { memory, size, hops, .. } = &self.recipe;
        let sets = [("training", &self.data.train), ("held-out", &self.data.held_out), ("test", &self.data.test)];
        let cut = sets.map(|(name, questions)| {
            let (cut, longest) = questions.cut();
            format!("of {} {name} questions {cut} have a longer story, the longest of {longest}", questions.asked.len())
        });
        format!(
            "a memory network of {hops} hops and width {size} learns {} bAbI tasks with {} words. Its memory holds the {memory} \
             sentences told last before a question: {}; what was told before is not seen",
            self.data.names.len(),
            self.data.vocabulary.len(),
            cut.join("; ")
        )
    }

    fn examine(&self, folder: &Path) -> Result<Vec<Finding>> {
        pictures::draw(self, &self.data.test, folder)?;
        Ok(examine::examine(self))
    }
}
