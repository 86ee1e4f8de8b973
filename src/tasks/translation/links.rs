//! Pieces of the targets that belong to pieces of their sources, for every training pair.

use anyhow::Result;

use crate::text::{Encoding, Tokenizer};
use crate::translator::SourceEncoder;

/// Pairs that are cut into pieces at a time.
const CHUNK: usize = 4096;

/// A line with its pieces.
pub type EncodedLine<'a> = (&'a str, &'a Encoding);

/// Target piece and source piece, for every pair.
#[derive(Default)]
pub struct TeacherLinks {
    /// Where the links of each pair end.
    ends: Vec<usize>,
    links: Vec<(u32, u32)>,
}

impl TeacherLinks {
    /// The links that `find` gives for each of `pairs`: two lines and what else is known about them.
    ///
    /// # Errors
    /// The first of `pairs`.
    pub fn read<K>(
        pairs: impl Iterator<Item = Result<(String, String, K)>>,
        sources: &SourceEncoder,
        targets: &Tokenizer,
        find: impl Fn(EncodedLine, EncodedLine, &K) -> Vec<(u32, u32)>,
    ) -> Result<Self> {
        let (mut all, mut pairs) = (TeacherLinks::default(), pairs.peekable());
        while pairs.peek().is_some() {
            let chunk = pairs.by_ref().take(CHUNK).collect::<Result<Vec<_>>>()?;
            let source = sources.encode_batch(&chunk.iter().map(|pair| pair.0.as_str()).collect::<Vec<_>>());
            let target = targets.encode_batch(&chunk.iter().map(|pair| pair.1.as_str()).collect::<Vec<_>>());
            for ((pair, source), target) in chunk.iter().zip(&source).zip(&target) {
                all.push(find((&pair.0, source), (&pair.1, target), &pair.2));
            }
        }
        Ok(all)
    }

    /// The links of one more pair.
    pub fn push(&mut self, links: impl IntoIterator<Item = (u32, u32)>) {
        self.links.extend(links);
        self.ends.push(self.links.len());
    }

    /// Those of a pair, counted from 0.
    pub fn of(&self, pair: usize) -> &[(u32, u32)] {
        let start = pair.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.links[start..self.ends[pair]]
    }
}
