//! Lines and sentence pairs from files, plain or compressed, read as they are needed: see [`crate::input`] for what a line is.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::runtime::files::Shown;
use anyhow::{Context, Result, bail, ensure};

pub use crate::input::{Lines, lines};

/// A chunk of pairs ends with the pair that brings its text to this, however few pairs it has: lines may be long.
const CHUNK_BYTES: usize = 1 << 20;

/// The bytes of a file, decompressed if they are compressed.
pub(super) fn open_decompressed(path: &Path) -> io::Result<impl Read> {
    crate::input::decompressed(fs::File::open(path)?)
}

/// Sentence pairs in files. Nothing is read before it is asked for, and nothing is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParallelText {
    /// Line n of one file translates line n of the other.
    Files { source: PathBuf, target: PathBuf },
    /// A line is source, tab, target.
    Tsv(PathBuf),
}

impl ParallelText {
    pub fn files(source: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        Self::Files { source: source.into(), target: target.into() }
    }

    pub fn tsv(file: impl Into<PathBuf>) -> Self {
        Self::Tsv(file.into())
    }

    /// The files it is read from: source and target, or one.
    pub fn paths(&self) -> Vec<&Path> {
        match self {
            Self::Files { source, target } => vec![source, target],
            Self::Tsv(file) => vec![file],
        }
    }

    /// Reads everything once, keeping nothing, and returns the number of pairs.
    ///
    /// # Errors
    /// Whatever [`pairs`](Self::pairs) would come upon, and a corpus without any pair.
    pub fn check(&self) -> Result<usize> {
        let mut count = 0;
        for pair in self.pairs()? {
            pair?;
            count += 1;
        }
        ensure!(count > 0, "{}: no lines, expected at least one sentence pair", self.name());
        Ok(count)
    }

    /// Pairs of source and target in the order of the file, blank sides included. Item n is of line n + 1.
    ///
    /// # Errors
    /// As for [`lines`]; and a file that cannot be read twice, different numbers of lines, a TSV line without exactly one tab.
    pub fn pairs(&self) -> Result<Pairs> {
        for path in self.paths() {
            let metadata = fs::metadata(path).with_context(|| format!("{}: cannot open this file", path.shown()))?;
            ensure!(
                metadata.is_file() || metadata.is_dir(),
                "{}: is a pipe or a device; a corpus is read more than once, so write it to a file first",
                path.shown()
            );
        }
        let input = match self {
            Self::Files { source, target } => Input::Files(lines(Some(source))?, lines(Some(target))?),
            Self::Tsv(file) => Input::Tsv(lines(Some(file))?),
        };
        Ok(Pairs { input, ended: false })
    }

    /// The same pairs, so many at a time, or fewer where they are long; the last chunk has what is left.
    ///
    /// # Errors
    /// As for [`ParallelText::pairs`]; after an error in a chunk there are no more.
    pub fn chunks(&self, size: usize) -> Result<impl Iterator<Item = Result<Vec<(String, String)>>>> {
        let mut pairs = self.pairs()?;
        let mut chunk = move || {
            let (mut chunk, mut bytes) = (Vec::new(), 0);
            while chunk.len() < size && bytes < CHUNK_BYTES {
                let Some((source, target)) = pairs.next().transpose()? else { break };
                bytes += source.len() + target.len();
                chunk.push((source, target));
            }
            Ok(chunk)
        };
        Ok(std::iter::from_fn(move || match chunk() {
            Ok(chunk) if chunk.is_empty() => None,
            chunk => Some(chunk),
        }))
    }

    /// What it is called: its paths.
    pub fn name(&self) -> String {
        let names: Vec<String> = self.paths().iter().map(|path| path.shown()).collect();
        names.join(" and ")
    }
}

/// Iterator over sentence pairs. After an error there are no more.
pub struct Pairs {
    input: Input,
    ended: bool,
}

enum Input {
    Files(Lines, Lines),
    Tsv(Lines),
}

impl Input {
    fn next(&mut self) -> Result<Option<(String, String)>> {
        match self {
            Self::Files(source, target) => match (source.next().transpose()?, target.next().transpose()?) {
                (Some(one), Some(other)) => Ok(Some((one, other))),
                (None, None) => Ok(None),
                (Some(_), None) => Err(unequal(source, target)),
                (None, Some(_)) => Err(unequal(target, source)),
            },
            Self::Tsv(file) => {
                let Some(line) = file.next().transpose()? else { return Ok(None) };
                let columns: Vec<&str> = line.split('\t').collect();
                let [source, target] = columns[..] else {
                    bail!(
                        "{}:{}: expected source and target divided by one tab, found {} tabs",
                        file.name(),
                        file.number(),
                        columns.len() - 1
                    );
                };
                Ok(Some((source.to_owned(), target.to_owned())))
            }
        }
    }
}

fn unequal(longer: &mut Lines, shorter: &Lines) -> anyhow::Error {
    let partnerless = longer.number();
    match longer.count_all() {
        Ok(count) => anyhow::anyhow!(
            "{} has {count} lines and {} has {}: expected as many in both; line {partnerless} of {0} has no partner",
            longer.name(),
            shorter.name(),
            shorter.number()
        ),
        Err(error) => error,
    }
}

impl Iterator for Pairs {
    type Item = Result<(String, String)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.input.next().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

#[cfg(test)]
mod tests;
