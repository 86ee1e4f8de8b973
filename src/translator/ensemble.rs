//! Several checkpoints of one vocabulary that translate together.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tch::Device;

use super::Translator;
use crate::checksum::Verify;
use crate::runtime::files::Shown;
use crate::search::Ensemble;
use crate::text::Tokenizer;

impl Translator {
    /// Loads one model or several; settings and tokenizers are those of the first, but the length limit, which is the widest where the
    /// first one's `[search]` sets none.
    ///
    /// # Errors
    /// No path; what [`Translator::load_with`] says; vocabularies that differ, with the first piece that does.
    pub fn load_ensemble(paths: &[PathBuf], device: Device, verify: Verify) -> Result<Self> {
        let (first, others) = paths.split_first().context("no model is given")?;
        let mut translator = Translator::load_with(first, device, verify)?;
        for path in others {
            let other = Translator::load_with(path, device, verify)?;
            let sides = [
                ("source", translator.tokenizers.source(), other.tokenizers.source()),
                ("target", translator.tokenizers.target(), other.tokenizers.target()),
            ];
            for (side, one, another) in sides {
                same_vocabulary(side, (first, one), (path, another))?;
            }
            translator.longest = translator.longest.both(other.longest);
            translator.config.widen_length_limit(&other.config);
            translator.ensemble_members.push(other.model);
            translator.ensemble_members.extend(other.ensemble_members);
        }
        Ok(translator)
    }

    /// All its models as one.
    pub fn ensemble(&self) -> Ensemble<'_> {
        Ensemble::new(self.model.as_ref(), self.ensemble_members.iter().map(|model| model.as_ref()))
    }

    /// Whether any of its models has attention to show.
    pub fn attends(&self) -> bool {
        self.model.attends() || self.ensemble_members.iter().any(|model| model.attends())
    }
}

fn same_vocabulary(side: &str, (one_path, one): (&Path, &Tokenizer), (other_path, other): (&Path, &Tokenizer)) -> Result<()> {
    let (one_path, other_path) = (one_path.shown(), other_path.shown());
    let remedy = "the models of an ensemble need the same tokenizers: train them on the same data with the same `[tokenizer]`";
    ensure!(
        one.size() == other.size(),
        "{one_path} and {other_path} have different {side} vocabularies, of {} and {} pieces; {remedy}",
        one.size(),
        other.size()
    );
    if let Some(id) = (0..one.size() as u32).find(|&id| one.piece(id) != other.piece(id)) {
        anyhow::bail!(
            "{one_path} and {other_path} have different {side} vocabularies: piece {id} is {:?} in one and {:?} in the other; {remedy}",
            one.piece(id),
            other.piece(id)
        );
    }
    Ok(())
}
