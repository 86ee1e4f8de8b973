//! One word normalised, with the raw bytes behind every normalised byte.

use super::pipeline::Pipeline;
use unicode_normalization::char::{canonical_combining_class, decompose_canonical};
use unicode_normalization::{IsNormalized, is_nfc_quick};

/// A word as the model sees it.
pub(super) struct Normalised {
    pub text: String,
    /// For every byte of `text` the range of raw bytes it came from; none where both are the same ASCII text.
    origin: Option<Vec<(usize, usize)>>,
}

impl Normalised {
    pub fn new(word: &str, pipeline: &Pipeline) -> Self {
        if word.is_ascii() && !(pipeline.steps.lowercase && word.bytes().any(|byte| byte.is_ascii_uppercase())) {
            return Self { text: word.to_owned(), origin: None };
        }
        let text = pipeline.normalise(word);
        let mut origin = Vec::with_capacity(text.len());
        if text == word {
            push_characters(&mut origin, word, 0);
        } else {
            for (start, end) in segments(word) {
                let normalised = pipeline.normalise(&word[start..end]);
                if normalised == word[start..end] {
                    push_characters(&mut origin, &normalised, start);
                } else {
                    origin.resize(origin.len() + normalised.len(), (start, end));
                }
            }
            // The two crates may hold tables of different Unicode versions; then the word is the best that can be said.
            if origin.len() != text.len() {
                origin = vec![(0, word.len()); text.len()];
            }
        }
        Self { text, origin: Some(origin) }
    }

    /// The raw bytes behind the normalised bytes `start..end`: whole characters, and where characters were composed or reordered all of
    /// them. An empty range lies before its first byte.
    pub fn raw(&self, start: usize, end: usize) -> (usize, usize) {
        match &self.origin {
            None => (start, end),
            Some(origin) if start < end => (origin[start].0, origin[end - 1].1),
            Some(origin) => origin.get(start).map_or((0, 0), |range| (range.0, range.0)),
        }
    }
}

fn push_characters(origin: &mut Vec<(usize, usize)>, text: &str, offset: usize) {
    for (at, character) in text.char_indices() {
        let range = (offset + at, offset + at + character.len_utf8());
        origin.resize(origin.len() + character.len_utf8(), range);
    }
}

/// Byte ranges that normalise independently of each other: a new one starts at every character that neither combines with nor moves
/// before what precedes it (Unicode Standard Annex 15, section 9.1, "stable code points", asked of the first of its decomposition).
fn segments(word: &str) -> Vec<(usize, usize)> {
    let mut starts: Vec<usize> =
        word.char_indices().filter(|&(at, character)| at == 0 || starts_segment(character)).map(|(at, _)| at).collect();
    starts.push(word.len());
    starts.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

fn starts_segment(character: char) -> bool {
    let mut first = None;
    decompose_canonical(character, |part| {
        first.get_or_insert(part);
    });
    let first = first.unwrap_or(character);
    canonical_combining_class(first) == 0 && is_nfc_quick(std::iter::once(first)) == IsNormalized::Yes
}

#[cfg(test)]
mod tests {
    use super::super::pipeline::Steps;
    use super::*;

    fn origins(word: &str, lowercase: bool) -> Vec<(String, String)> {
        let pipeline = Pipeline::new(Steps { lowercase, single_symbols: false });
        let normalised = Normalised::new(word, &pipeline);
        normalised
            .text
            .char_indices()
            .map(|(at, character)| {
                let (start, end) = normalised.raw(at, at + character.len_utf8());
                (character.to_string(), word[start..end].to_string())
            })
            .collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|&(normalised, raw)| (normalised.to_string(), raw.to_string())).collect()
    }

    #[test]
    fn composed_characters_point_at_their_parts() {
        assert_eq!(origins("e\u{301}te", false), pairs(&[("é", "e\u{301}"), ("t", "t"), ("e", "e")]));
        assert_eq!(origins("\u{1112}\u{1161}\u{11ab}a", false), pairs(&[("한", "\u{1112}\u{1161}\u{11ab}"), ("a", "a")]));
        assert_eq!(origins("5\u{212b}x", false), pairs(&[("5", "5"), ("Å", "\u{212b}"), ("x", "x")]));
        assert_eq!(origins("ÉaB", true), pairs(&[("é", "É"), ("a", "a"), ("b", "B")]));
        assert_eq!(origins("J\u{30c}", true), pairs(&[("ǰ", "J\u{30c}")]));
        assert_eq!(origins("İx", true), pairs(&[("i", "İ"), ("\u{307}", "İ"), ("x", "x")]));
    }

    #[test]
    fn reordered_marks_point_at_the_whole_cluster() {
        assert_eq!(
            origins("xq\u{307}\u{323}y", false),
            pairs(&[
                ("x", "x"),
                ("q", "q\u{307}\u{323}"),
                ("\u{323}", "q\u{307}\u{323}"),
                ("\u{307}", "q\u{307}\u{323}"),
                ("y", "y")
            ])
        );
    }
}
