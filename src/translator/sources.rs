//! Source lines as the model reads them.

use anyhow::{Result, anyhow};

use super::Translator;
use crate::text::{Encoding, Tokenizer};

/// Cuts source lines into pieces, with a tag before them where the model wants one.
pub struct SourceEncoder<'a> {
    tokenizer: &'a Tokenizer,
    prefix: Option<u32>,
}

impl<'a> SourceEncoder<'a> {
    /// # Errors
    /// When the vocabulary has no such piece; the message lists the tags that it has.
    pub fn new(tokenizer: &'a Tokenizer, prefix: Option<&str>) -> Result<Self> {
        let id = |prefix: &str| {
            tokenizer.id(prefix).ok_or_else(|| {
                let tags: Vec<&str> =
                    (0..tokenizer.size() as u32).map(|id| tokenizer.piece(id)).filter(|piece| is_tag(piece)).collect();
                let known =
                    if tags.is_empty() { "it has no tags".to_string() } else { format!("its tags are {}", tags.join(", ")) };
                anyhow!("the source vocabulary has no piece {prefix:?} to put before sources: {known}; see data.source_prefix")
            })
        };
        Ok(SourceEncoder { tokenizer, prefix: prefix.map(id).transpose()? })
    }

    /// The line's pieces, the tag first, unless the line is blank or has a tag of its own.
    pub fn encode(&self, line: &str) -> Encoding {
        self.tagged(self.tokenizer.encode(line))
    }

    /// The same for many lines, on all threads.
    pub fn encode_batch(&self, lines: &[&str]) -> Vec<Encoding> {
        self.tokenizer.encode_batch(lines).into_iter().map(|encoding| self.tagged(encoding)).collect()
    }

    fn tagged(&self, mut encoding: Encoding) -> Encoding {
        let own = encoding.ids.first().is_none_or(|&first| is_tag(self.tokenizer.piece(first)));
        if let Some(id) = self.prefix.filter(|_| !own) {
            encoding.prepend(id);
        }
        encoding
    }
}

impl Translator {
    /// Source lines as the model reads them.
    ///
    /// # Errors
    /// When the prefix that the config asks for is no piece of the vocabulary.
    pub fn encode_sources(&self, lines: &[&str]) -> Result<Vec<Encoding>> {
        Ok(self.source_encoder()?.encode_batch(lines))
    }

    pub(super) fn source_encoder(&self) -> Result<SourceEncoder<'_>> {
        SourceEncoder::new(self.tokenizers.source(), self.config.source_prefix.as_deref())
    }
}

/// Whether a piece tells a model the target language: `>>fra<<`.
fn is_tag(piece: &str) -> bool {
    piece.len() > 4 && piece.starts_with(">>") && piece.ends_with("<<")
}
