//! A translator from a folder, and back.

use std::path::Path;

use anyhow::{Result, ensure};
use tch::Device;

use super::{Longest, Translator};
use crate::checkpoint::{Config, Tokenizers, load_weights, locate, save_weights};
use crate::model::{Vocabularies, build};
use crate::runtime::Precision;

impl Translator {
    /// A new model with starting weights.
    pub fn new(config: Config, tokenizers: Tokenizers, seed: u64, device: Device) -> Result<Self> {
        let every = 0..tokenizers.source().size() as u32;
        let same = config.model.copies().then(|| every.map(|id| i64::from(tokenizers.same(id))).collect());
        let vocabularies = Vocabularies { source: config.source_vocabulary, target: config.target_vocabulary, same };
        let model = build(&config.model, vocabularies, seed, device)?;
        let longest = Longest::of(&config.model);
        Ok(Translator { config, tokenizers, model, companions: Vec::new(), device, longest, precision: Precision::Fp32 })
    }

    /// Loads a checkpoint folder, or the best checkpoint of a run folder.
    pub fn load(path: &Path, device: Device) -> Result<Self> {
        let folder = locate(path)?;
        let config = Config::load(&folder)?;
        let tokenizers = Tokenizers::load(&folder)?;
        let (found, expected) = (
            [tokenizers.source().size() as i64, tokenizers.target().size() as i64],
            [config.source_vocabulary, config.target_vocabulary],
        );
        ensure!(
            found == expected,
            "{}: its tokenizers have {} source and {} target pieces, but config.json says {} and {}; put back those the model was \
             trained with",
            folder.display(),
            found[0],
            found[1],
            expected[0],
            expected[1]
        );
        let translator = Translator::new(config, tokenizers, 0, device)?;
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
