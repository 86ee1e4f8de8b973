//! `config.json` and the tokenizers beside it.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

use crate::model::Vocabularies;
use crate::recipe::{LengthLimit, ModelRecipe, Problem, Recipe, RecipeError, SearchRecipe};
use crate::runtime::files::Shown;
use crate::text::Tokenizer;
use crate::text::special::UNK;

/// Version of the format of `config.json`; raised when an older Targum could not read a newer file.
const FORMAT: u32 = 1;
/// Its name in a checkpoint folder.
pub(super) const CONFIG: &str = "config.json";
/// Files of tokenizers: one for both sides, or one each.
pub(super) const TOKENIZERS: [&str; 3] = ["tokenizer.json", "source.tokenizer.json", "target.tokenizer.json"];
/// The special pieces.
const SMALLEST_VOCABULARY: i64 = 4;
const LARGEST_VOCABULARY: i64 = 1 << 31;

/// What a checkpoint says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    pub format: u32,
    /// Version of Targum that wrote it.
    pub targum: String,
    /// Language codes, for people.
    pub source: String,
    pub target: String,
    pub source_vocabulary: i64,
    pub target_vocabulary: i64,
    /// Whether the tokenizers make everything lower case, so that scores have to as well.
    pub lowercase: bool,
    pub model: ModelRecipe,
    /// What translation does unless told otherwise.
    pub search: SearchRecipe,
    /// How long translations may become where `search` does not say, as learned from the training pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_limit: Option<LengthLimit>,
    /// A piece that every source begins with: an imported model's tag of the target language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_prefix: Option<String>,
    /// Which attention is shown and linked unless told otherwise.
    #[serde(default, skip_serializing_if = "AttentionHead::is_mean")]
    pub alignment: AttentionHead,
}

/// One layer and one head of a model's attention, counted from 0, or the mean over all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AttentionHead {
    pub layer: Option<usize>,
    pub head: Option<usize>,
}

impl AttentionHead {
    /// Whether it is the mean over all layers and heads.
    pub fn is_mean(&self) -> bool {
        *self == AttentionHead::default()
    }
}

impl std::fmt::Display for AttentionHead {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        let name = |what: &str, index: Option<usize>| index.map_or(format!("all {what}s"), |index| format!("{what} {index}"));
        write!(formatter, "{} of {}", name("head", self.head), name("layer", self.layer))
    }
}

impl Config {
    pub fn new(recipe: &Recipe, tokenizers: &Tokenizers) -> Self {
        Config {
            source: recipe.data.source.clone(),
            target: recipe.data.target.clone(),
            lowercase: recipe.tokenizer.lowercase,
            source_prefix: recipe.data.source_prefix.clone(),
            ..Config::of_model(recipe.model.clone(), recipe.search.clone(), tokenizers)
        }
    }

    /// Of a model without a recipe: the languages have no names.
    pub fn of_model(model: ModelRecipe, search: SearchRecipe, tokenizers: &Tokenizers) -> Self {
        Config {
            format: FORMAT,
            targum: env!("CARGO_PKG_VERSION").into(),
            source: "source".into(),
            target: "target".into(),
            source_vocabulary: tokenizers.source().size() as i64,
            target_vocabulary: tokenizers.target().size() as i64,
            lowercase: false,
            model,
            search,
            length_limit: None,
            source_prefix: None,
            alignment: AttentionHead::default(),
        }
    }

    /// Goes on allowing what another checkpoint of this model allows.
    pub fn widen_length_limit(&mut self, other: &Config) {
        self.length_limit = match (self.length_limit, other.length_limit) {
            (Some(own), Some(other)) => Some(own.widest(other)),
            (own, other) => own.or(other),
        };
    }

    /// Writes `config.json` into a folder.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let path = folder.join(CONFIG);
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(&path, text).with_context(|| format!("{}: cannot write", path.shown()))
    }

    /// Reads `config.json` from a folder, without looking at its checksums.
    ///
    /// # Errors
    /// As [`Config::parse`].
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(CONFIG);
        let bytes = std::fs::read(&path)
            .with_context(|| format!("{}: cannot read; is {} a checkpoint of Targum?", path.shown(), folder.shown()))?;
        Config::parse(&bytes, &path)
    }

    /// Reads the contents of the `config.json` at `path`.
    ///
    /// # Errors
    /// What is no config of Targum, or of another version; a value that no recipe may have, with its key.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self> {
        let value: serde_json::Value = serde_json::from_slice(bytes).with_context(|| format!("{}: not JSON", path.shown()))?;
        if let Some(task) = value.get("task").and_then(serde_json::Value::as_object).and_then(|task| task.keys().next()) {
            bail!(
                "{}: a checkpoint of a study (task.{task}), which translates nothing; `targum try --model` asks it about input of its own kind",
                path.shown()
            );
        }
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(format) => bail!(
                "{}: format {format}, but this Targum ({}) reads format {FORMAT}; use the Targum that wrote it",
                path.shown(),
                env!("CARGO_PKG_VERSION")
            ),
            None => bail!("{}: no \"format\"; this is not a checkpoint of Targum", path.shown()),
        }
        let config: Config = serde_path_to_error::deserialize(value).map_err(|error| {
            let key = error.path().to_string();
            anyhow!("{}: not a valid checkpoint config: {key}: {}", path.shown(), error.into_inner())
        })?;
        config.ensure_valid(path)?;
        Ok(config)
    }

    /// Whether it is one that can be saved at `path` and read again.
    ///
    /// # Errors
    /// Every value that no recipe may have, with its key.
    pub fn ensure_valid(&self, path: &Path) -> Result<()> {
        let problems = self.problems();
        if problems.is_empty() { Ok(()) } else { Err(RecipeError { file: path.to_owned(), problems }.into()) }
    }

    /// The vocabularies of its model.
    pub fn vocabularies(&self, tokenizers: &Tokenizers) -> Vocabularies {
        let every = 0..tokenizers.source().size() as u32;
        let same = self.model.copies().then(|| every.map(|id| i64::from(tokenizers.same(id))).collect());
        Vocabularies { source: self.source_vocabulary, target: self.target_vocabulary, same }
    }

    /// Values that no training and no import gives: each would end in a crash, or in a model that is too large for anything.
    fn problems(&self) -> Vec<Problem> {
        let mut problems = self.model.problems();
        problems.extend(self.search.problems());
        let mut ensure = |path: &str, good: bool, message: String| {
            if !good {
                problems.push(Problem { path: path.into(), message });
            }
        };
        for (path, size) in [("source_vocabulary", self.source_vocabulary), ("target_vocabulary", self.target_vocabulary)] {
            let good = (SMALLEST_VOCABULARY..=LARGEST_VOCABULARY).contains(&size);
            ensure(path, good, format!("is {size}, expected {SMALLEST_VOCABULARY} to {LARGEST_VOCABULARY}"));
        }
        if let Some(LengthLimit { ratio, offset }) = self.length_limit {
            ensure("length_limit.ratio", (0.0..=1e6).contains(&ratio), format!("is {ratio}, expected 0 to 1,000,000"));
            ensure("length_limit.offset", offset <= 1_000_000, format!("is {offset}, expected 0 to 1,000,000"));
        }
        let AttentionHead { layer, head } = self.alignment;
        let (layers, heads) = self.model.attention_size().unwrap_or((0, 0));
        for (path, found, count) in [("alignment.layer", layer, layers), ("alignment.head", head, heads)] {
            let good = found.is_none_or(|index| i64::try_from(index).is_ok_and(|index| index < count));
            ensure(path, good, format!("is {}, but the model has {count}, counted from 0", found.unwrap_or_default()));
        }
        problems
    }
}

/// The tokenizers of both sides: one file when they are one.
pub enum Tokenizers {
    Joint(Box<Tokenizer>),
    Separate { source: Box<Tokenizer>, target: Box<Tokenizer> },
}

impl Tokenizers {
    pub fn source(&self) -> &Tokenizer {
        match self {
            Tokenizers::Joint(tokenizer) | Tokenizers::Separate { source: tokenizer, .. } => tokenizer,
        }
    }

    pub fn target(&self) -> &Tokenizer {
        match self {
            Tokenizers::Joint(tokenizer) | Tokenizers::Separate { target: tokenizer, .. } => tokenizer,
        }
    }

    /// The target's id of the same spelling as an id of the source, or that of the unknown word.
    pub fn same(&self, id: u32) -> u32 {
        self.target().id(self.source().piece(id)).unwrap_or(UNK)
    }

    /// Writes `tokenizer.json`, or one file a side.
    pub fn save(&self, folder: &Path) -> Result<()> {
        match self {
            Tokenizers::Joint(tokenizer) => tokenizer.save(folder.join(TOKENIZERS[0])),
            Tokenizers::Separate { source, target } => {
                source.save(folder.join(TOKENIZERS[1]))?;
                target.save(folder.join(TOKENIZERS[2]))
            }
        }
    }

    /// Reads what [`Tokenizers::save`] wrote, without looking at checksums.
    pub fn load(folder: &Path) -> Result<Self> {
        Self::read(folder, |path| std::fs::read(path).with_context(|| format!("cannot read the tokenizer {}", path.shown())))
    }

    /// The same with one's own way to read a file.
    pub(super) fn read(folder: &Path, read: impl Fn(&Path) -> Result<Vec<u8>>) -> Result<Self> {
        let load = |path: &Path| -> Result<Box<Tokenizer>> {
            let bytes = read(path)?;
            let tokenizer = Tokenizer::from_bytes(&bytes);
            Ok(Box::new(tokenizer.with_context(|| format!("{} is no tokenizer of Targum", path.shown()))?))
        };
        let [joint, source, target] = TOKENIZERS.map(|name| folder.join(name));
        if joint.exists() {
            return Ok(Tokenizers::Joint(load(&joint)?));
        }
        Ok(Tokenizers::Separate { source: load(&source)?, target: load(&target)? })
    }

    /// Whether two pairs of tokenizers come from the same files.
    pub fn same_files(&self, other: &Self) -> bool {
        matches!(self, Tokenizers::Joint(_)) == matches!(other, Tokenizers::Joint(_))
            && self.source().file() == other.source().file()
            && self.target().file() == other.target().file()
    }
}

#[cfg(test)]
#[path = "tests_of_configs.rs"]
mod tests;
