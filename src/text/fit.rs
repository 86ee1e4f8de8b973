//! Text of more pieces than a model takes, in parts that it takes.

use super::Encoding;

/// Byte ranges of parts of at most `most` pieces each, in order and without white space around them, that hold every byte which is not
/// white space. A part ends at the last punctuation that ends a sentence or a clause where that leaves it no shorter than a quarter of
/// the most, else at a comma, else at white space, else within the word.
pub fn fit(text: &str, most: usize, encode: impl Fn(&str) -> Encoding) -> Vec<(usize, usize)> {
    let encoding = encode(text);
    let pieces = encoding.ids.len();
    let mut parts = Vec::new();
    let mut from = 0;
    let mut start = 0;
    while pieces - from > most.max(1) {
        let to = from + most.max(1);
        let next = cut(text, &encoding, from, to);
        let end = encoding.spans[next].0;
        halve((start, end), text, most, &encode, &mut parts);
        (from, start) = (next, end);
    }
    halve((start, text.len()), text, most, &encode, &mut parts);
    parts
}

/// The piece that begins the next part: after `from`, at most `to`.
fn cut(text: &str, encoding: &Encoding, from: usize, to: usize) -> usize {
    let (words, spans) = (&encoding.words, &encoding.spans);
    let before = |piece: usize| text[..spans[piece].0].trim_end().trim_end_matches(is_closing).chars().next_back();
    let after = |piece: usize| before(piece).map_or(0, strength);
    // Pieces that share a character cannot be parted.
    let parts = |piece: &usize| spans[*piece].0 >= spans[*piece - 1].1 && spans[*piece].0 > spans[from].0;
    let late = from + (to - from) / 4;
    let last = |least: usize, good: &dyn Fn(usize) -> bool| (least + 1..=to).rev().filter(parts).find(|&piece| good(piece));
    let between_words = |piece: usize| words[piece] != words[piece - 1];
    last(late, &|piece| after(piece) == 2)
        .or_else(|| last(late, &|piece| after(piece) == 1))
        .or_else(|| last(from, &between_words))
        .or_else(|| last(from, &|_| true))
        // A character of more pieces than there may be stays whole.
        .or_else(|| (to + 1..words.len()).find(|piece| parts(piece)))
        .unwrap_or(to)
}

/// What punctuation ends: a sentence or clause, a phrase, nothing.
fn strength(character: char) -> u8 {
    match character {
        '.' | '!' | '?' | ';' | ':' | '…' | '。' | '！' | '？' | '；' | '：' | '।' | '؟' | '؛' | '۔' => 2,
        ',' | '，' | '、' | '،' | '–' | '—' => 1,
        _ => 0,
    }
}

fn is_closing(character: char) -> bool {
    matches!(character, '"' | '\'' | ')' | ']' | '}' | '”' | '’' | '»' | '」' | '』' | '）')
}

/// What is cut within a word may have other pieces than before: halved until it fits.
fn halve(range: (usize, usize), text: &str, most: usize, encode: &impl Fn(&str) -> Encoding, parts: &mut Vec<(usize, usize)>) {
    let whole = &text[range.0..range.1];
    let start = range.0 + whole.len() - whole.trim_start().len();
    let part = whole.trim();
    if part.is_empty() {
        return;
    }
    let characters = part.chars().count();
    if characters == 1 || encode(part).ids.len() <= most {
        parts.push((start, start + part.len()));
        return;
    }
    let middle = start + part.char_indices().nth(characters / 2).map_or(part.len(), |(at, _)| at);
    halve((start, middle), text, most, encode, parts);
    halve((middle, start + part.len()), text, most, encode, parts);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::words;
    use proptest::prelude::*;

    /// A piece for each two characters of a word, and one for each of a character's bytes where it has more than two.
    fn encode(line: &str) -> Encoding {
        let mut encoding = Encoding::default();
        for (word, (start, end)) in (0u32..).zip(words(line)) {
            let characters: Vec<(usize, char)> = line[start..end].char_indices().collect();
            for two in characters.chunks(2) {
                let first = start + two[0].0;
                let end = first + two.iter().map(|(_, character)| character.len_utf8()).sum::<usize>();
                let count = if two.len() == 1 && two[0].1.len_utf8() > 2 { two[0].1.len_utf8() } else { 1 };
                for _ in 0..count {
                    encoding.ids.push(9);
                    encoding.words.push(word);
                    encoding.spans.push((first, end));
                }
            }
        }
        encoding
    }

    fn cut(text: &str, most: usize) -> Vec<&str> {
        fit(text, most, encode).into_iter().map(|(start, end)| &text[start..end]).collect()
    }

    #[test]
    fn punctuation_then_commas_then_white_space_then_anywhere() {
        assert_eq!(cut("aa bb; cc, dd ee ff", 5), ["aa bb;", "cc, dd ee ff"]);
        assert_eq!(cut("aa bb cc, dd ee ff", 5), ["aa bb cc,", "dd ee ff"]);
        assert_eq!(cut("aa bb cc  dd ee ff", 4), ["aa bb cc  dd", "ee ff"]);
        assert_eq!(cut("a; bb cc dd ee ff", 5), ["a; bb cc dd ee", "ff"]);
        assert_eq!(cut("aabbccddee", 2), ["aabb", "ccdd", "ee"]);
        assert_eq!(cut(" aa bb ", 2), ["aa bb"]);
        assert_eq!(cut("aa bb) cc", 2), ["aa", "bb)", "cc"]);
        assert!(cut("", 2).is_empty() && cut("  ", 0).is_empty());
    }

    proptest! {
        #[test]
        fn parts_fit_and_hold_everything(text in "[a-c,;。語 ]{0,60}", most in 0_usize..9) {
            let mut end = 0;
            for (start, next) in fit(&text, most, encode) {
                let part = &text[start..next];
                prop_assert!(text[end..start].trim().is_empty());
                prop_assert_eq!(part.trim(), part);
                prop_assert!(encode(part).ids.len() <= most || part.chars().count() == 1);
                end = next;
            }
            prop_assert!(text[end..].trim().is_empty());
        }
    }
}
