//! A checkpoint folder whose files are compared with its checksums as they are read.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tch::Device;

use super::config::{CONFIG, Config, Tokenizers};
use super::locate::locate;
use crate::checksum::{self, Checksums, Verify};
use crate::model::{Seq2Seq, build, parameter_shapes};
use crate::nn::{WEIGHTS_FILE, Weights, compare, copy_weights, ensure_finite, parse_weights};
use crate::report::ensure_memory;
use crate::runtime::files::Shown;
use crate::runtime::message;

/// A checkpoint to be read. Nothing of it is used that is not as it was written: each file is compared with the checksums in the bytes that are
/// used.
pub struct Checkpoint {
    folder: PathBuf,
    checksums: Option<Checksums>,
}

impl Checkpoint {
    /// The checkpoint that a path means, see [`locate`]. One that has no checksums, made by hand or by an older Targum, is told on standard error
    /// and read as it is.
    ///
    /// # Errors
    /// No checkpoint there; checksums that are damaged themselves.
    pub fn open(path: &Path, verify: Verify) -> Result<Self> {
        let folder = locate(path)?;
        let checksums = if verify == Verify::Yes { Checksums::read(&folder)? } else { None };
        if verify == Verify::Yes && checksums.is_none() {
            message!(
                "{}: has no {}, so nobody can tell whether its files are whole; they are used as they are",
                folder.shown(),
                checksum::FILE
            );
        }
        Ok(Checkpoint { folder, checksums })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The bytes of one file.
    ///
    /// # Errors
    /// When it cannot be read, or is not as it was written.
    pub fn file(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.folder.join(name);
        let cannot_read = || format!("{}: cannot read", path.shown());
        if let Some(checksums) = &self.checksums {
            checksums.check_size(name, std::fs::metadata(&path).with_context(cannot_read)?.len())?;
        }
        let bytes = std::fs::read(&path).with_context(cannot_read)?;
        if let Some(checksums) = &self.checksums {
            checksums.check(name, &bytes)?;
        }
        Ok(bytes)
    }

    /// Whether it is a study's: its config names a task.
    ///
    /// # Errors
    /// A config that cannot be read, or is no JSON.
    pub fn is_study(&self) -> Result<bool> {
        let config: serde_json::Value = serde_json::from_slice(&self.file(CONFIG)?)
            .with_context(|| format!("{}: not JSON", self.folder.join(CONFIG).shown()))?;
        Ok(config.get("task").is_some())
    }

    pub fn config(&self) -> Result<Config> {
        Config::parse(&self.file(CONFIG)?, &self.folder.join(CONFIG))
    }

    pub fn tokenizers(&self) -> Result<Tokenizers> {
        Tokenizers::read(&self.folder, |path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            self.file(&name).with_context(|| format!("cannot read the tokenizer {}", path.shown()))
        })
    }

    /// The config with the tokenizers that it speaks of.
    ///
    /// # Errors
    /// Tokenizers of other sizes.
    pub fn described(&self) -> Result<(Config, Tokenizers)> {
        let (config, tokenizers) = (self.config()?, self.tokenizers()?);
        let found = [tokenizers.source().size() as i64, tokenizers.target().size() as i64];
        let expected = [config.source_vocabulary, config.target_vocabulary];
        ensure!(
            found == expected,
            "{}: its tokenizers have {} source and {} target pieces, but config.json says {} and {}; put back those the model was \
             trained with",
            self.folder.shown(),
            found[0],
            found[1],
            expected[0],
            expected[1]
        );
        Ok((config, tokenizers))
    }

    /// The model that was described, with its weights. They are read and compared with what the config describes before the model is made.
    ///
    /// # Errors
    /// Weights of another model, with every difference, or that are not finite; a model that the machine has no room for.
    pub fn model(&self, config: &Config, tokenizers: &Tokenizers, device: Device) -> Result<Box<dyn Seq2Seq>> {
        let (weights, path) = (self.weights()?, self.folder.join(WEIGHTS_FILE));
        let shapes = parameter_shapes(&config.model, config.vocabularies(tokenizers));
        let shapes = shapes.with_context(|| self.folder.join(CONFIG).shown())?;
        compare(shapes.parameters.iter().map(|(name, size)| (name.as_str(), size.clone())), &weights, &path)?;
        ensure_memory("the weights of this model need", shapes.bytes())?;
        let model = build(&config.model, config.vocabularies(tokenizers), 0, device)?;
        copy_weights(&model.parameters(), weights, &path)?;
        Ok(model)
    }

    /// The weights, whatever model they are of.
    ///
    /// # Errors
    /// Weights that are not finite.
    pub fn weights(&self) -> Result<Weights> {
        let path = self.folder.join(WEIGHTS_FILE);
        let weights = parse_weights(&self.file(WEIGHTS_FILE)?, &path)?;
        ensure_finite(&weights, &path)?;
        Ok(weights)
    }

    /// Compares all files with the checksums, those of a training too; tells on standard error of files that do not belong to a checkpoint.
    ///
    /// # Errors
    /// Names every file that is not as it was written.
    pub fn check_all(&self) -> Result<()> {
        if let Some(checksums) = &self.checksums {
            for name in checksums.check_all()? {
                message!("{}: not part of the checkpoint, and not used", self.folder.join(name).shown());
            }
        }
        Ok(())
    }
}
