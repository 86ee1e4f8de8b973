//! A line as pieces.

use super::words::{PieceWords, words};

/// A line as pieces, without special tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoding {
    /// The ids of the pieces.
    pub ids: Vec<u32>,
    /// For each piece the index of its word among [`words`](super::words()) of the raw line; never falls.
    pub words: Vec<u32>,
    /// For each piece its bytes in the raw line: whole characters, so that several pieces of one character (its UTF-8 bytes, or what
    /// normalisation made of a letter and its marks) share them. A piece that is nothing but the mark of a space has the empty range
    /// before its word. Starts and ends never fall, and together the ranges hold every byte that is not white space.
    pub spans: Vec<(usize, usize)>,
    /// How many pieces at the front stand for no text of the line: see [`Encoding::prepend`].
    pub prefix: usize,
}

impl Encoding {
    /// The words of `line`, from which this came. A piece that was prepended is part of none.
    pub fn words_of(&self, line: &str) -> PieceWords {
        let of_piece = |(piece, &word): (usize, &u32)| (piece >= self.prefix).then_some(word);
        PieceWords {
            words: words(line).into_iter().map(|(start, end)| line[start..end].to_owned()).collect(),
            of_pieces: self.words.iter().enumerate().map(of_piece).collect(),
        }
    }

    /// Puts a piece before the line's own: a tag, say, that a model wants to begin with. It belongs to no word.
    pub fn prepend(&mut self, id: u32) {
        self.ids.insert(0, id);
        self.words.insert(0, 0);
        self.spans.insert(0, (0, 0));
        self.prefix += 1;
    }
}

/// The byte that a piece like `<0x0A>` stands for.
pub(super) fn byte_of(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    if digits.len() == 2 { u8::from_str_radix(digits, 16).ok() } else { None }
}
