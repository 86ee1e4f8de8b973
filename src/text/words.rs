//! What a word is, in one place: alignments count words, so everybody has to count alike.

/// Byte ranges of the words of a line, in order: what stands between white space (the Unicode property White_Space, as
/// [`char::is_whitespace`] has it, which includes the no-break spaces, U+0085 and U+2028).
pub fn words(line: &str) -> Vec<(usize, usize)> {
    let start_of_line = line.as_ptr() as usize;
    line.split_whitespace()
        .map(|word| {
            let start = word.as_ptr() as usize - start_of_line;
            (start, start + word.len())
        })
        .collect()
}

/// The words of a text, and the word that each of its pieces is part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PieceWords {
    pub words: Vec<String>,
    /// For each piece the index of its word; none where it is part of no word.
    pub of_pieces: Vec<Option<u32>>,
}

#[cfg(test)]
mod tests {
    use super::words;
    use proptest::prelude::*;

    #[test]
    fn every_white_space_separates() {
        let line = "\u{feff}un\u{a0}! deux\u{2028}trois\u{85}\t\u{3000}四\u{200b}五\0 ";
        let found: Vec<&str> = words(line).into_iter().map(|(start, end)| &line[start..end]).collect();
        assert_eq!(found, ["\u{feff}un", "!", "deux", "trois", "四\u{200b}五\0"]);
        assert!(words("").is_empty());
        assert!(words(" \u{2029}\n").is_empty());
    }

    proptest! {
        #[test]
        fn words_hold_every_other_byte(line in any::<String>()) {
            let mut inside = vec![false; line.len()];
            for (start, end) in words(&line) {
                prop_assert!(start < end);
                inside[start..end].fill(true);
            }
            for (at, character) in line.char_indices() {
                prop_assert_eq!(inside[at], !character.is_whitespace());
            }
        }
    }
}
