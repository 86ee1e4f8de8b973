//! A translator from a folder, and back.

use std::path::Path;

use anyhow::Result;
use tch::Device;

use super::{Longest, Translator};
use crate::checkpoint::{Checkpoint, Config, Tokenizers};
use crate::checksum::Verify;
use crate::model::{build, parameter_shapes};
use crate::nn::{load_weights, save_weights};
use crate::report::ensure_memory;
use crate::runtime::Precision;

impl Translator {
    /// A new model with starting weights.
    ///
    /// # Errors
    /// A model that the machine has no room for; what [`build`] says.
    pub fn new(config: Config, tokenizers: Tokenizers, seed: u64, device: Device) -> Result<Self> {
        // Whatever the device, weights are made, read and written in the machine's own memory.
        let vocabularies = config.vocabularies(&tokenizers);
        ensure_memory("the weights of this model need", parameter_shapes(&config.model, vocabularies.clone())?.bytes())?;
        let model = build(&config.model, vocabularies, seed, device)?;
        let longest = Longest::of(&config.model);
        Ok(Translator { config, tokenizers, model, ensemble_members: Vec::new(), device, longest, precision: Precision::Fp32 })
    }

    /// Loads a checkpoint folder, or the best checkpoint of a run folder, comparing its files with their checksums.
    ///
    /// # Errors
    /// As [`Translator::load_with`].
    pub fn load(path: &Path, device: Device) -> Result<Self> {
        Self::load_with(path, device, Verify::Yes)
    }

    /// Loads a checkpoint folder, or the best checkpoint of a run folder. All of it is read and compared before anything is made of it.
    ///
    /// # Errors
    /// Files that are not as they were written; a config that no model can be made by; tokenizers and weights of another model, with every
    /// difference; weights that are not finite.
    pub fn load_with(path: &Path, device: Device, verify: Verify) -> Result<Self> {
        let checkpoint = Checkpoint::open(path, verify)?;
        let (config, tokenizers) = checkpoint.described()?;
        let model = checkpoint.model(&config, &tokenizers, device)?;
        let longest = Longest::of(&config.model);
        Ok(Translator { config, tokenizers, model, ensemble_members: Vec::new(), device, longest, precision: Precision::Fp32 })
    }

    /// Copies the weights of a checkpoint folder into this model, without looking at checksums.
    pub fn load_weights(&mut self, folder: &Path) -> Result<()> {
        load_weights(&self.model.parameters(), folder)
    }

    /// Writes all that translating needs into an existing folder.
    pub fn save(&self, folder: &Path) -> Result<()> {
        self.config.save(folder)?;
        self.tokenizers.save(folder)?;
        save_weights(&self.model.parameters(), folder)
    }
}
