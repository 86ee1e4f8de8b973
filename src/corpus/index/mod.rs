//! Token ids of a corpus in a file, made once and used as long as what it was made from is the same.

mod build;
mod file;
mod ids;
mod layout;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::filter::FilterReport;
use super::read::ParallelText;
use crate::checksum;
use crate::recipe::FilterRecipe;
use crate::runtime::files::Shown;
use ids::Ids;

/// What an index is to hold and where.
#[derive(Clone, Debug)]
pub struct IndexRequest<'a> {
    pub text: &'a ParallelText,
    pub filters: FilterRecipe,
    /// Whatever tells the tokenizers apart from others, such as the bytes of their files.
    pub tokenizers: &'a [u8],
    /// Every id is below this. Up to 65,536, an id takes two bytes, and four above.
    pub vocabulary: usize,
    /// The index file. Its folder is made where there is none.
    pub path: &'a Path,
}

/// How an index came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexReport {
    /// Whether the file was there and still right.
    pub reused: bool,
    /// Why a file that was there was not used.
    pub note: Option<String>,
    pub filter: FilterReport,
}

impl fmt::Display for IndexReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reused, note, filter } = self;
        match (reused, note) {
            (true, _) => write!(formatter, "token index reused: {filter}"),
            (false, None) => write!(formatter, "token index built: {filter}"),
            (false, Some(note)) => write!(formatter, "token index built anew, as the old one {note}: {filter}"),
        }
    }
}

/// What an index was made from. Contents count, names and times do not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Origin {
    /// SHA-256 of each input file: source and target, or one TSV.
    inputs: Vec<String>,
    tokenizers: String,
    vocabulary: usize,
    /// As JSON text, which compares exactly where floating point numbers read back might not.
    filters: String,
}

impl Origin {
    fn of(request: &IndexRequest) -> Result<Self> {
        Ok(Self {
            inputs: request.text.paths().into_par_iter().map(checksum::of_file).collect::<Result<_>>()?,
            tokenizers: checksum::of_bytes(request.tokenizers),
            vocabulary: request.vocabulary,
            filters: serde_json::to_string(&request.filters).context("filter options cannot be written as JSON")?,
        })
    }

    /// Why an index of this origin is none for `wanted`.
    fn difference(&self, wanted: &Self) -> Option<String> {
        let what = if self.inputs != wanted.inputs {
            "text"
        } else if self.tokenizers != wanted.tokenizers || self.vocabulary != wanted.vocabulary {
            "tokenizer"
        } else if self.filters != wanted.filters {
            "filter"
        } else {
            return None;
        };
        Some(format!("was made from another {what}"))
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Metadata {
    origin: Origin,
    filter: FilterReport,
}

/// Where the ids of a pair are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    /// Ids before this pair's, over all pairs.
    start: u64,
    /// Line in the text, from 1.
    line: u64,
    source_length: u32,
    target_length: u32,
}

/// The kept pairs of a corpus as ids without special tokens, in the order of the corpus. Lengths and lines are in memory, 24 bytes a pair, and
/// so are the ids of a small corpus; of a large one only those that are asked for.
#[derive(Debug)]
pub struct TokenIndex {
    records: Vec<Record>,
    ids: Ids,
}

impl TokenIndex {
    /// Opens the index, or builds it where there is none, where it is damaged, and where it was made from something else: the checksum
    /// of every input is compared, and that of the index itself.
    ///
    /// Building reads the text once and tokenizes it on all threads of rayon; `source` and `target` give the ids of a line.
    ///
    /// # Errors
    /// All of [`ParallelText::check`]; a corpus whose every pair is filtered out; a text that changes meanwhile; a file that cannot be written.
    pub fn open_or_build(
        request: &IndexRequest,
        source: impl Fn(&str) -> Vec<u32> + Sync,
        target: impl Fn(&str) -> Vec<u32> + Sync,
    ) -> Result<(Self, IndexReport)> {
        let before = times(request.text)?;
        let origin = Origin::of(request)?;
        let note = match file::open(request.path) {
            Ok(Some((index, metadata))) => match metadata.origin.difference(&origin) {
                None => return Ok((index, IndexReport { reused: true, note: None, filter: metadata.filter })),
                difference => difference,
            },
            Ok(None) => None,
            Err(problem) => Some(problem),
        };
        let (file, filter) = build::build(request, origin, &source, &target, || {
            ensure!(
                times(request.text)? == before,
                "the text changed while it was read: run this again when nobody writes to it"
            );
            Ok(())
        })?;
        // The file that was written, not the one of that name: another process may have put its own there.
        match file::read(file, request.path) {
            Ok((index, _)) => Ok((index, IndexReport { reused: false, note, filter })),
            Err(problem) => anyhow::bail!("{}: just written, and yet {problem}: is the disk sound?", request.path.shown()),
        }
    }

    /// Number of pairs, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "an index is never empty")]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Ids of the source of pair `pair`.
    ///
    /// # Errors
    /// Where another program wrote to the file since it was opened.
    ///
    /// # Panics
    /// As a slice does, if there is no such pair.
    pub fn source(&self, pair: usize) -> Result<Vec<u32>> {
        let record = &self.records[pair];
        self.ids.get(record, record.start, record.source_length)
    }

    /// Ids of the target of pair `pair`; otherwise as [`Self::source`].
    pub fn target(&self, pair: usize) -> Result<Vec<u32>> {
        let record = &self.records[pair];
        self.ids.get(record, record.start + u64::from(record.source_length), record.target_length)
    }

    /// Number of source ids of pair `pair`.
    pub fn source_length(&self, pair: usize) -> usize {
        self.records[pair].source_length as usize
    }

    /// Number of target ids of pair `pair`.
    pub fn target_length(&self, pair: usize) -> usize {
        self.records[pair].target_length as usize
    }

    /// Line of pair `pair` in the text, from 1.
    pub fn line(&self, pair: usize) -> usize {
        self.records[pair].line as usize
    }

    /// For a [`BatchPlan`](super::BatchPlan): columns that source and target of each pair fill in a batch. That is one more than their ids on
    /// either side: the source is ended by EOS, the target begins with BOS as input and ends with EOS as output.
    pub fn columns(&self) -> Vec<(u32, u32)> {
        self.records.iter().map(|record| (record.source_length + 1, record.target_length + 1)).collect()
    }

    /// How many ids all sources have together and how many of these are `id`, and the same of the targets.
    pub fn count(&self, id: u32) -> Result<[(u64, u64); 2]> {
        let of = |ids: &[u32]| (ids.len() as u64, ids.iter().filter(|&&other| other == id).count() as u64);
        let add = |one: (u64, u64), other: (u64, u64)| (one.0 + other.0, one.1 + other.1);
        (0..self.len())
            .into_par_iter()
            .map(|pair| Ok([of(&self.source(pair)?), of(&self.target(pair)?)]))
            .try_reduce(Default::default, |one, other| Ok([add(one[0], other[0]), add(one[1], other[1])]))
    }
}

/// Sizes and times of last change: enough to notice a change during a build.
fn times(text: &ParallelText) -> Result<Vec<(PathBuf, u64, Option<std::time::SystemTime>)>> {
    text.paths()
        .into_iter()
        .map(|path| {
            let metadata = path.metadata().with_context(|| format!("{}: cannot open this file", path.shown()))?;
            ensure!(metadata.is_file(), "{}: expected a file, found a folder, a pipe or a device", path.shown());
            Ok((path.to_owned(), metadata.len(), metadata.modified().ok()))
        })
        .collect()
}
