//! How much of a text a vocabulary lacks.

use std::fmt;

use super::encoding::Encoding;
use super::special::UNK;
use super::tokenizer::Tokenizer;
use super::words::words;

/// A share of unknown pieces above this is worth a warning: what is unknown is lost to a model.
const MANY: f64 = 0.05;

/// Words that are named.
const NAMED: usize = 5;

/// Characters of a word that are shown.
const SHOWN: usize = 30;

/// Pieces of a text, and how many of them the vocabulary lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unknown {
    pub pieces: u64,
    pub unknown: u64,
    /// The first different words that hold one, quoted.
    words: Vec<String>,
}

impl Unknown {
    /// Of so many pieces so many are unknown.
    pub fn of(pieces: u64, unknown: u64) -> Self {
        Unknown { pieces, unknown, words: Vec::new() }
    }

    /// The same with the words that `other` found.
    pub fn with_words_of(self, other: &Unknown) -> Self {
        Unknown { words: other.words.clone(), ..self }
    }

    /// What is unknown of a line and its pieces; a tag before them is no text.
    pub fn of_line(line: &str, encoding: &Encoding) -> Self {
        let mut counted = Unknown::default();
        let pieces = || encoding.ids.iter().zip(&encoding.words).skip(encoding.prefix);
        let unknown = pieces().filter(|(id, _)| **id == UNK).count() as u64;
        counted.pieces = pieces().len() as u64;
        counted.unknown = unknown;
        if unknown > 0 {
            let all = words(line);
            for &(start, end) in pieces().filter(|(id, _)| **id == UNK).filter_map(|(_, &word)| all.get(word as usize)) {
                counted.name(&shortened(&line[start..end]));
            }
        }
        counted
    }

    fn name(&mut self, word: &str) {
        if self.words.len() < NAMED && !self.words.iter().any(|named| named == word) {
            self.words.push(word.to_owned());
        }
    }

    /// Counts what was counted elsewhere.
    pub fn add(&mut self, other: &Unknown) {
        self.pieces += other.pieces;
        self.unknown += other.unknown;
        other.words.iter().for_each(|word| self.name(word));
    }

    /// Counts lines; those of a vocabulary that spells everything are not read.
    pub fn add_lines(&mut self, tokenizer: &Tokenizer, lines: &[&str]) {
        if !tokenizer.spells_everything() {
            lines
                .iter()
                .zip(tokenizer.encode_batch(lines))
                .for_each(|(line, encoding)| self.add(&Unknown::of_line(line, &encoding)));
        }
    }

    /// From 0 to 1.
    pub fn share(&self) -> f64 {
        self.unknown as f64 / self.pieces.max(1) as f64
    }

    /// Whether so many are unknown that people have to be told.
    pub fn many(&self) -> bool {
        self.share() > MANY
    }

    /// " (the first words: "one", "two")"; nothing where no word is known.
    pub fn examples(&self) -> String {
        if self.words.is_empty() { String::new() } else { format!(" (the first words: {})", self.words.join(", ")) }
    }
}

/// The share: "none", "3.2 %".
impl fmt::Display for Unknown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match 100.0 * self.share() {
            _ if self.unknown == 0 => formatter.write_str("none"),
            percent if percent < 0.1 => formatter.write_str("less than 0.1 %"),
            percent => write!(formatter, "{percent:.1} %"),
        }
    }
}

/// Quoted, so that no control character reaches a terminal.
fn shortened(word: &str) -> String {
    match word.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &word[..end]),
        None => format!("{word:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{TokenizerKind, TokenizerRecipe};

    fn tokenizer(kind: TokenizerKind, byte_fallback: bool) -> Tokenizer {
        let options = TokenizerRecipe { kind, size: 300, byte_fallback, minimum_frequency: 1, ..TokenizerRecipe::default() };
        Tokenizer::train(&options, ["the cat sees the man .", "the man sleeps ."].into_iter()).unwrap().0
    }

    #[test]
    fn unknown_pieces_are_counted_and_the_first_words_named() {
        let mut unknown = Unknown::default();
        unknown
            .add_lines(&tokenizer(TokenizerKind::Word, false), &["the dog sees the dog .", "", "мама мыла the \u{7}раму, dog"]);
        // The bell and the comma are runs of their own, in the word of the letters between them.
        assert_eq!((unknown.pieces, unknown.unknown), (13, 8));
        assert_eq!(unknown.examples(), r#" (the first words: "dog", "мама", "мыла", "\u{7}раму,")"#);
        assert_eq!((unknown.to_string().as_str(), unknown.many()), ("61.5 %", true));
    }

    #[test]
    fn bytes_spell_everything() {
        for (kind, byte_fallback) in [
            (TokenizerKind::Bpe, true),
            (TokenizerKind::Bpe, false),
            (TokenizerKind::Character, true),
            (TokenizerKind::Word, true),
        ] {
            let tokenizer = tokenizer(kind, byte_fallback);
            let line = "мама";
            let unknown = Unknown::of_line(line, &tokenizer.encode(line));
            assert_eq!(unknown.unknown == 0, tokenizer.spells_everything(), "{kind:?} {byte_fallback}");
        }
    }

    #[test]
    fn shares_are_told_as_they_are() {
        let told = |pieces, unknown| Unknown::of(pieces, unknown).to_string();
        assert_eq!([told(0, 0), told(9, 0), told(10_000, 1), told(200, 10)], ["none", "none", "less than 0.1 %", "5.0 %"]);
        assert!(!Unknown::of(200, 10).many() && Unknown::of(200, 11).many() && !Unknown::of(0, 0).many());
    }
}
