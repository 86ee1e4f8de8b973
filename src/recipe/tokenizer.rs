use serde::{Deserialize, Serialize};

use super::check::Checks;

/// Largest vocabulary: room for all of it is made at once.
const LARGEST: usize = 1 << 20;

/// How raw lines become pieces: `[tokenizer]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenizerRecipe {
    /// The algorithm. Default `bpe`.
    pub kind: TokenizerKind,
    /// Pieces in a vocabulary, the 4 special ones and the 256 bytes included. Default 8000.
    pub size: usize,
    /// A word, character or merged pair must occur this often to enter the vocabulary; 1 or more. Of a unigram model it bounds the characters
    /// alone: its other pieces compete by probability. Default 2.
    pub minimum_frequency: u32,
    /// Whether text is lowercased, at training and at translation alike. Default false.
    pub lowercase: bool,
    /// Whether characters outside the vocabulary are spelled as UTF-8 bytes, so that nothing is unknown, for which it then holds 256 pieces; kind
    /// `word` never does. Default true.
    pub byte_fallback: bool,
    /// Whether the tokenizer is one that SentencePiece can run, as export to Marian needs: it cuts words wherever its pieces say instead of
    /// first at punctuation. Only for the kinds `bpe` and `unigram`. Default false.
    pub sentencepiece: bool,
    /// Whether one tokenizer, trained on both sides, serves both; otherwise each side has its own. Default true.
    pub joint: bool,
    /// Size of the source's own tokenizer where it differs from `size`; only with `joint = false`.
    pub source_size: Option<usize>,
    /// Size of the target's own tokenizer where it differs from `size`; only with `joint = false`.
    pub target_size: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenizerKind {
    /// Byte-pair encoding (Sennrich et al. 2016).
    Bpe,
    /// Unigram language model (Kudo 2018).
    Unigram,
    /// Whole words; unseen ones are unknown.
    Word,
    /// Single characters.
    Character,
}

impl Default for TokenizerRecipe {
    fn default() -> Self {
        Self {
            kind: TokenizerKind::Bpe,
            size: 8000,
            minimum_frequency: 2,
            lowercase: false,
            byte_fallback: true,
            sentencepiece: false,
            joint: true,
            source_size: None,
            target_size: None,
        }
    }
}

impl TokenizerRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        let sizes = [("size", Some(self.size)), ("source_size", self.source_size), ("target_size", self.target_size)];
        let smallest = if self.byte_fallback && self.kind != TokenizerKind::Word { 4 + 256 + 1 } else { 4 + 1 };
        for (key, size) in sizes {
            let path = format!("tokenizer.{key}");
            checks.ensure(&path, size.is_none_or(|size| size <= LARGEST), || {
                format!("is {}, expected {LARGEST} at most", size.unwrap_or_default())
            });
            checks.conflict(
                &[&path, "tokenizer.kind", "tokenizer.byte_fallback"],
                size.is_some_and(|size| size < smallest),
                || {
                    let bytes = if smallest > 5 { " and 256 bytes" } else { "" };
                    format!("is {}, expected {smallest} or more: 4 special pieces{bytes} come first", size.unwrap_or_default())
                },
            );
        }
        let whole = matches!(self.kind, TokenizerKind::Word | TokenizerKind::Character);
        checks.conflict(&["tokenizer.sentencepiece", "tokenizer.kind"], self.sentencepiece && whole, || {
            "is true, which needs `tokenizer.kind` to be \"bpe\" or \"unigram\"".to_owned()
        });
        checks.value("tokenizer.minimum_frequency", self.minimum_frequency, "1 or more", |count| count >= 1);
        for (key, size) in &sizes[1..] {
            let path = format!("tokenizer.{key}");
            checks.conflict(&[&path, "tokenizer.joint"], self.joint && size.is_some(), || {
                "a joint tokenizer has one size: give `tokenizer.size`, or set `tokenizer.joint = false`".to_owned()
            });
        }
    }
}
