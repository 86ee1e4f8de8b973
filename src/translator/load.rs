//! A translator from a folder, and back.

use std::path::Path;

use anyhow::Result;
use tch::Device;

use super::Translator;
use crate::checkpoint::{Config, Tokenizers, load_weights, locate, save_weights};
use crate::model::{Vocabularies, build};

impl Translator {
    /// A new model with starting weights.
    pub fn new(config: Config, tokenizers: Tokenizers, seed: u64, device: Device) -> Result<Self> {
        let vocabularies = Vocabularies { source: config.source_vocabulary, target: config.target_vocabulary };
        let model = build(&config.model, vocabularies, seed, device)?;
        Ok(Translator { config, tokenizers, model, device })
    }

    /// Loads a checkpoint folder, or the best checkpoint of a run folder.
    pub fn load(path: &Path, device: Device) -> Result<Self> {
        let folder = locate(path)?;
        let config = Config::load(&folder)?;
        let translator = Translator::new(config, Tokenizers::load(&folder)?, 0, device)?;
        translator.load_weights(&folder)?;
        Ok(translator)
    }

    /// Copies the weights of a checkpoint folder into this model.
    pub fn load_weights(&self, folder: &Path) -> Result<()> {
        load_weights(&self.model.parameters(), folder)
    }

    /// Writes all that translating needs into an existing folder.
    pub fn save(&self, folder: &Path) -> Result<()> {
        self.config.save(folder)?;
        self.tokenizers.save(folder)?;
        save_weights(&self.model.parameters(), folder)
    }
}
