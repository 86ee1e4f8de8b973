use std::path::PathBuf;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::corpus_path::CorpusPath;
use crate::input::{DEFAULT_MAXIMUM_LINE_BYTES, MAXIMUM_LINE_BYTES};

/// The parallel text: `[data]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataRecipe {
    /// Language of the source side, and its file extension where a corpus is given as a prefix. Default `en`.
    #[serde(default = "english")]
    pub source: String,
    /// Language of the target side, and its file extension. Default `fr`.
    #[serde(default = "french")]
    pub target: String,
    /// What the model learns from. Required.
    pub train: CorpusPath,
    /// What validations translate and score. Required.
    pub validation: CorpusPath,
    /// What is scored once, after training.
    pub test: Option<CorpusPath>,
    /// A piece that every source line begins with, such as a tag of the target language (`>>fra<<`); it has to be in the source vocabulary.
    /// Default that of the checkpoint a run starts from.
    pub source_prefix: Option<String>,
    /// Word links of the training corpus, a line for each of its lines, for `training.guided_alignment`.
    pub alignment: Option<PathBuf>,
    /// Most bytes of a line of any of these files; a longer line is an error. Up to 2³⁰, default 2²⁰.
    #[serde(default = "line_bytes")]
    pub maximum_line_bytes: usize,
    /// Which pairs of the training corpus are left out: `[data.filters]`.
    #[serde(default)]
    pub filters: FilterRecipe,
}

/// Pairs of the training corpus that are left out, besides those with an empty side.
///
/// In a recipe lengths are in pieces, end of sentence not counted; on the command line, where no vocabulary is at hand, in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Args)]
#[serde(default, deny_unknown_fields)]
pub struct FilterRecipe {
    /// Least length of a side; at least 1.
    #[arg(long, default_value_t = Self::default().minimum_length)]
    pub minimum_length: usize,
    /// Greatest length of a side.
    #[arg(long, default_value_t = Self::default().maximum_length)]
    pub maximum_length: usize,
    /// Longer side over shorter, at most this; at least 1. The default is that of Moses' `clean-corpus-n.perl`.
    #[arg(long, default_value_t = Self::default().maximum_ratio)]
    pub maximum_ratio: f64,
    /// Leave out a pair that was kept before, which takes some 30 bytes of memory a pair.
    #[arg(long)]
    pub remove_duplicates: bool,
}

impl Default for DataRecipe {
    fn default() -> Self {
        Self {
            source: english(),
            target: french(),
            train: CorpusPath::prefix("data/synth/train"),
            validation: CorpusPath::prefix("data/synth/validation"),
            test: None,
            source_prefix: None,
            alignment: None,
            maximum_line_bytes: line_bytes(),
            filters: FilterRecipe::default(),
        }
    }
}

impl Default for FilterRecipe {
    fn default() -> Self {
        Self { minimum_length: 1, maximum_length: 100, maximum_ratio: 9.0, remove_duplicates: false }
    }
}

impl DataRecipe {
    /// The corpora given, with the keys they stand under.
    pub fn corpora(&self) -> impl Iterator<Item = (&'static str, &CorpusPath)> {
        [("data.train", Some(&self.train)), ("data.validation", Some(&self.validation)), ("data.test", self.test.as_ref())]
            .into_iter()
            .filter_map(|(key, corpus)| Some((key, corpus?)))
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        for (key, language) in [("data.source", &self.source), ("data.target", &self.target)] {
            let good = !language.is_empty() && language.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
            checks.ensure(key, good, || format!("is {language:?}, expected a language code such as \"en\""));
        }
        checks.ensure("data.target", self.target != "json", || {
            "is \"json\", and a run's test.json holds its scores; expected a language code such as \"en\"".to_owned()
        });
        let prefixed = self.corpora().any(|(_, corpus)| corpus.is_prefix());
        checks.conflict(&["data.source", "data.target"], prefixed && self.source == self.target, || {
            format!("both sides are `{}`, so a prefix names one file for both; give `source` and `target` files", self.source)
        });
        checks.value("data.maximum_line_bytes", self.maximum_line_bytes, "1 to 2^30", |bytes| {
            (1..=MAXIMUM_LINE_BYTES).contains(&bytes)
        });
        let filters = &self.filters;
        checks.value("data.filters.minimum_length", filters.minimum_length, "1 or more", |length| length >= 1);
        checks.number("data.filters.maximum_ratio", filters.maximum_ratio, "1 or more", |ratio| ratio >= 1.0);
        checks.conflict(
            &["data.filters.maximum_length", "data.filters.minimum_length"],
            filters.maximum_length < filters.minimum_length,
            || format!("{} is below the minimum, {}", filters.maximum_length, filters.minimum_length),
        );
    }
}

fn line_bytes() -> usize {
    DEFAULT_MAXIMUM_LINE_BYTES
}

fn english() -> String {
    "en".to_owned()
}

fn french() -> String {
    "fr".to_owned()
}
