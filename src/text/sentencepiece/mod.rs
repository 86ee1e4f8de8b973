//! SentencePiece models (Kudo and Richardson, 2018) with a vocabulary of their own ids, as Marian has them: read, run as SentencePiece runs
//! them, and kept in a `tokenizer.json`.

mod charsmap;
mod cut;
mod file;
mod messages;
mod normalise;
mod proto;
#[cfg(test)]
mod tests;
pub(super) mod train;

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};

use super::encoding::Encoding;
use super::special;
use super::words::words;
use crate::input::read_bytes;
use crate::runtime::files::Shown;
use cut::PieceCutter;
pub(super) use file::{METASPACE_KEY, read, tokenizer_json};
pub use messages::PieceType;
use normalise::Normaliser;
pub use proto::{ModelProto, ModelType, Piece};

/// Largest `.spm` file: one of half a million pieces has less.
const MOST_BYTES: u64 = 16 << 20;

/// Cuts lines as a `.spm` file says.
pub(super) struct SentencePiece {
    /// The `.spm` file.
    file: Vec<u8>,
    normaliser: Normaliser,
    cutter: PieceCutter,
    byte_fallback: bool,
    /// The house's ids by spelling.
    ids: HashMap<String, u32>,
}

impl SentencePiece {
    /// `pieces` are spelled in the order of the house's ids.
    pub fn new(file: &[u8], pieces: &[String]) -> Result<Self> {
        let model = ModelProto::from_bytes(file)?;
        if model.byte_fallback {
            let known =
                |byte: u8| model.pieces.iter().any(|piece| piece.kind == PieceType::Byte && piece.text == byte_piece(byte));
            ensure!(known(0) && known(255), "it has byte_fallback but not all pieces <0x00> to <0xFF>");
        }
        Ok(Self {
            file: file.to_vec(),
            normaliser: Normaliser::new(&model)?,
            cutter: PieceCutter::new(&model),
            byte_fallback: model.byte_fallback,
            ids: pieces.iter().cloned().zip(0..).collect(),
        })
    }

    pub fn file(&self) -> &[u8] {
        &self.file
    }

    pub fn id(&self, piece: &str) -> Option<u32> {
        self.ids.get(piece).copied()
    }

    /// The pieces of a line. A language tag of the vocabulary (`>>fra<<`) at its start is one piece.
    pub fn encode(&self, line: &str) -> Encoding {
        let found = words(line);
        let mut encoding = Encoding::default();
        if found.is_empty() {
            return encoding;
        }
        let mut start = 0;
        if let Some(tag) = language_tag(line)
            && let Some(id) = self.id(tag)
        {
            start = tag.len();
            encoding.ids.push(id);
            encoding.words.push(0);
            encoding.spans.push((0, start));
        }
        for (piece, (from, to)) in self.pieces(&line[start..]) {
            let span = visible(line, start + from, start + to);
            let word = found.partition_point(|&(_, end)| end <= span.0).min(found.len() - 1);
            encoding.ids.push(self.id(&piece).unwrap_or(special::UNK));
            encoding.words.push(word as u32);
            encoding.spans.push(span);
        }
        encoding
    }

    /// Spelled pieces with their raw bytes, as `SentencePieceProcessor::Encode` has them: neighbouring unknown characters are one piece.
    fn pieces(&self, line: &str) -> Vec<(String, (usize, usize))> {
        let normalised = self.normaliser.normalise(line);
        let mut pieces: Vec<(String, (usize, usize))> = Vec::new();
        let mut after_unknown = false;
        for (start, end, piece) in self.cutter.cut(&normalised.text, &self.normaliser) {
            let text = &normalised.text[start..end];
            let raw = (normalised.origin[start].0, normalised.origin[end - 1].1);
            let unknown = piece.is_none();
            match pieces.last_mut() {
                _ if unknown && self.byte_fallback => pieces.extend(text.bytes().map(|byte| (byte_piece(byte), raw))),
                Some(last) if unknown && after_unknown => {
                    last.0.push_str(text);
                    last.1.1 = raw.1;
                }
                _ => pieces.push((text.to_owned(), raw)),
            }
            after_unknown = unknown;
        }
        pieces
    }
}

/// The spelling of a byte as a piece.
fn byte_piece(byte: u8) -> String {
    format!("<0x{byte:02X}>")
}

/// What Marian takes for the target language: `>>` to the first `<<` at the very start of a line.
fn language_tag(line: &str) -> Option<&str> {
    let end = line.strip_prefix(">>")?.find("<<")? + 4;
    Some(&line[..end])
}

/// A range without the white space around it; where nothing is left, the empty range before what follows.
fn visible(line: &str, start: usize, end: usize) -> (usize, usize) {
    let text = &line[start..end];
    let trimmed = text.trim();
    if trimmed.is_empty() {
        let rest = &line[start..];
        let next = start + (rest.len() - rest.trim_start().len());
        return (next, next);
    }
    let from = start + (text.len() - text.trim_start().len());
    (from, from + trimmed.len())
}

/// Reads a `.spm` file for the command line: the error names it.
pub fn read_model(path: &std::path::Path) -> Result<(ModelProto, Vec<u8>)> {
    let bytes = read_bytes(path, "the model", MOST_BYTES)?;
    let model = ModelProto::from_bytes(&bytes).with_context(|| path.shown())?;
    Ok((model, bytes))
}
