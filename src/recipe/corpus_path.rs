use std::fmt;
use std::path::{Path, PathBuf};

use crate::runtime::files::Shown;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where a parallel corpus is. In a recipe either a string, the prefix of two files `PREFIX.en` and `PREFIX.fr`, or a table:
/// `{ prefix = … }`, `{ source = …, target = … }` or `{ tsv = … }`, each with an optional `gold` and `gold_base`. Relative paths start at
/// the working directory. Of text, `FILE.gz` and `FILE.zst` are found too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorpusPath {
    pub text: CorpusText,
    /// Gold alignments in Pharaoh format; where none is named, `PREFIX.gold` if it exists.
    pub gold: Option<PathBuf>,
    /// Whether words are counted from 0 or from 1 in `gold`. Default 0.
    pub gold_base: u32,
}

/// The text of a corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorpusText {
    /// `PREFIX.LANGUAGE` for either side.
    Prefix(String),
    /// Two line-aligned files.
    Files { source: PathBuf, target: PathBuf },
    /// One file, source and target divided by a tab.
    Tsv(PathBuf),
}

/// The files of a corpus, found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextFiles {
    Pair { source: PathBuf, target: PathBuf },
    Tsv(PathBuf),
}

impl CorpusPath {
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self { text: CorpusText::Prefix(prefix.into()), gold: None, gold_base: 0 }
    }

    pub fn is_prefix(&self) -> bool {
        matches!(self.text, CorpusText::Prefix(_))
    }

    /// Finds the text, plain or compressed, by the two languages' extensions. Errs with a message for each file that is missing.
    pub fn text_files(&self, source: &str, target: &str) -> Result<TextFiles, Vec<String>> {
        let with = |prefix: &str, extension: &str| PathBuf::from(format!("{prefix}.{extension}"));
        let (source, target) = match &self.text {
            CorpusText::Prefix(prefix) => (with(prefix, source), with(prefix, target)),
            CorpusText::Files { source, target } => (source.clone(), target.clone()),
            CorpusText::Tsv(file) => return find(file).map(TextFiles::Tsv).map_err(|missing| vec![missing]),
        };
        match (find(&source), find(&target)) {
            (Ok(source), Ok(target)) => Ok(TextFiles::Pair { source, target }),
            (source, target) => Err([source.err(), target.err()].into_iter().flatten().collect()),
        }
    }

    /// Gold alignments and the number they count from: the file named, else `PREFIX.gold` if there is one.
    pub fn gold_file(&self) -> Option<(PathBuf, u32)> {
        let file = match (&self.gold, &self.text) {
            (Some(gold), _) => Some(gold.clone()),
            (None, CorpusText::Prefix(prefix)) => Some(PathBuf::from(format!("{prefix}.gold"))).filter(|file| file.is_file()),
            (None, _) => None,
        };
        file.map(|file| (file, self.gold_base))
    }

    /// A message for each file that is missing.
    pub(super) fn missing(&self, source: &str, target: &str) -> Vec<String> {
        let mut missing = self.text_files(source, target).err().unwrap_or_default();
        missing.extend(self.gold.iter().filter(|gold| !gold.is_file()).map(|gold| format!("no file {}", gold.shown())));
        missing
    }
}

/// The file, or its compressed form.
fn find(path: &Path) -> Result<PathBuf, String> {
    ["", ".gz", ".zst"]
        .into_iter()
        .map(|ending| {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        })
        .find(|path| path.is_file())
        .ok_or_else(|| format!("no file {0} (nor {0}.gz or {0}.zst){1}", path.shown(), remedy(path)))
}

/// Corpora that Targum makes or fetches where the shipped recipes expect them.
fn remedy(path: &Path) -> &'static str {
    if path.starts_with("data/multi30k") {
        "; `targum data multi30k` fetches it"
    } else if path.starts_with("data/synth") {
        "; `targum data synth` makes it"
    } else {
        ""
    }
}

/// A corpus as a table.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CorpusTable {
    prefix: Option<String>,
    source: Option<PathBuf>,
    target: Option<PathBuf>,
    tsv: Option<PathBuf>,
    gold: Option<PathBuf>,
    gold_base: u32,
}

impl Serialize for CorpusPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = CorpusTable { gold: self.gold.clone(), gold_base: self.gold_base, ..CorpusTable::default() };
        match self.text.clone() {
            CorpusText::Prefix(prefix) if self.gold.is_none() && self.gold_base == 0 => return serializer.serialize_str(&prefix),
            CorpusText::Prefix(prefix) => table.prefix = Some(prefix),
            CorpusText::Files { source, target } => (table.source, table.target) = (Some(source), Some(target)),
            CorpusText::Tsv(file) => table.tsv = Some(file),
        }
        table.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CorpusPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CorpusVisitor)
    }
}

struct CorpusVisitor;

impl<'de> Visitor<'de> for CorpusVisitor {
    type Value = CorpusPath;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a prefix in quotes or a table with `source` and `target`, or with `tsv`")
    }

    fn visit_str<E: Error>(self, prefix: &str) -> Result<CorpusPath, E> {
        if prefix.is_empty() {
            Err(E::custom("is empty, expected the prefix of two files"))
        } else {
            Ok(CorpusPath::prefix(prefix))
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<CorpusPath, A::Error> {
        let CorpusTable { prefix, source, target, tsv, gold, gold_base } =
            CorpusTable::deserialize(MapAccessDeserializer::new(map))?;
        let text = match (prefix, source, target, tsv) {
            (Some(prefix), None, None, None) => CorpusText::Prefix(prefix),
            (None, Some(source), Some(target), None) => CorpusText::Files { source, target },
            (None, None, None, Some(file)) => CorpusText::Tsv(file),
            _ => {
                return Err(A::Error::custom(
                    "needs either `source` and `target`, or `tsv`, or `prefix`, and no more than one of these",
                ));
            }
        };
        if gold_base > 1 {
            return Err(A::Error::custom(format!("has gold_base {gold_base}, expected 0 or 1")));
        }
        Ok(CorpusPath { text, gold, gold_base })
    }
}
