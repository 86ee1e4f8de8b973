//! `config.json` and the tokenizers beside it.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::recipe::{LengthLimit, ModelRecipe, Recipe, SearchRecipe};
use crate::text::Tokenizer;
use crate::text::special::UNK;

/// Version of the format of `config.json`; raised when an older Targum could not read a newer file.
const FORMAT: u32 = 1;

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
        let path = folder.join("config.json");
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(&path, text).with_context(|| format!("{}: cannot write", path.display()))
    }

    /// Reads `config.json` from a folder.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join("config.json");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{}: cannot read; is {} a checkpoint of Targum?", path.display(), folder.display()))?;
        let value: serde_json::Value = serde_json::from_str(&text).with_context(|| format!("{}: not JSON", path.display()))?;
        if let Some(task) = value.get("task").and_then(serde_json::Value::as_object).and_then(|task| task.keys().next()) {
            bail!(
                "{}: a checkpoint of a study (task.{task}), which translates nothing; `targum train` of its run folder with --resume goes on with it",
                path.display()
            );
        }
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(format) => bail!(
                "{}: format {format}, but this Targum ({}) reads format {FORMAT}; use the Targum that wrote it",
                path.display(),
                env!("CARGO_PKG_VERSION")
            ),
            None => bail!("{}: no \"format\"; this is not a checkpoint of Targum", path.display()),
        }
        let config: Config =
            serde_json::from_value(value).with_context(|| format!("{}: not a valid checkpoint config", path.display()))?;
        if let Some(LengthLimit { ratio, offset }) = config.length_limit {
            ensure!(
                (0.0..=1e6).contains(&ratio) && offset <= 1_000_000,
                "{}: length_limit has the ratio {ratio} and the offset {offset}, expected 0 to 1,000,000 of each",
                path.display()
            );
        }
        Ok(config)
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
            Tokenizers::Joint(tokenizer) => tokenizer.save(folder.join("tokenizer.json")),
            Tokenizers::Separate { source, target } => {
                source.save(folder.join("source.tokenizer.json"))?;
                target.save(folder.join("target.tokenizer.json"))
            }
        }
    }

    /// Reads what [`Tokenizers::save`] wrote.
    pub fn load(folder: &Path) -> Result<Self> {
        let joint = folder.join("tokenizer.json");
        if joint.exists() {
            return Ok(Tokenizers::Joint(Box::new(Tokenizer::load(&joint)?)));
        }
        Ok(Tokenizers::Separate {
            source: Box::new(Tokenizer::load(folder.join("source.tokenizer.json"))?),
            target: Box::new(Tokenizer::load(folder.join("target.tokenizer.json"))?),
        })
    }
}
