//! A tokenizer from a SentencePiece model.

use anyhow::Result;

use super::sentencepiece::{SentencePiece, tokenizer_json};
use super::tokenizer::Tokenizer;

impl Tokenizer {
    /// A tokenizer from a SentencePiece model and a vocabulary: `pieces` spells ids from 4 on, after the special tokens. A piece of the
    /// model that is not among them is cut all the same and has the id of the unknown token, as in Marian.
    ///
    /// # Errors
    /// The model cannot be read, or a piece is spelled twice or as a special token.
    pub fn from_sentencepiece(file: &[u8], pieces: &[String]) -> Result<Self> {
        Self::from_bytes(&tokenizer_json(file, pieces)?)
    }

    /// The `.spm` file, where the tokenizer came from one.
    pub fn sentencepiece(&self) -> Option<&[u8]> {
        self.sentencepiece_cutter().map(SentencePiece::file)
    }
}
