//! Words as Python sees them, and counts of n-grams.

use std::collections::HashMap;
use std::hash::Hash;

/// How often each n-gram occurs.
pub type Counts<'a, T> = HashMap<&'a T, u32>;

/// White space of Python's `str.split`: Unicode's, and the four ASCII separators.
pub fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

/// What stands between white space.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}

/// Counts of the n-grams of `order` words.
pub fn word_ngrams<'a, 'w>(words: &'a [&'w str], order: usize) -> Counts<'a, [&'w str]> {
    count(words.windows(order))
}

/// Counts of the n-grams of `order` characters.
pub fn character_ngrams(text: &str, order: usize) -> Counts<'_, str> {
    let ends = text.char_indices().map(|(start, character)| start + character.len_utf8()).skip(order - 1);
    count(text.char_indices().zip(ends).map(|((start, _), end)| &text[start..end]))
}

fn count<'a, T: Hash + Eq + ?Sized>(ngrams: impl Iterator<Item = &'a T>) -> Counts<'a, T> {
    let mut counts = HashMap::new();
    for ngram in ngrams {
        *counts.entry(ngram).or_default() += 1;
    }
    counts
}

/// How many n-grams of `hypothesis` are found in `reference`, each at most as often as it occurs there.
pub fn matches<T: Hash + Eq + ?Sized>(hypothesis: &Counts<T>, reference: &Counts<T>) -> u32 {
    hypothesis.iter().map(|(ngram, &count)| count.min(reference.get(ngram).copied().unwrap_or(0))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_splits_at_separators_that_unicode_does_not_call_white_space() {
        assert_eq!(words(" a\u{1c}b\u{a0}c\u{2028}d\u{200b}e ").collect::<Vec<_>>(), ["a", "b", "c", "d\u{200b}e"]);
    }

    #[test]
    fn character_ngrams_stand_on_character_boundaries() {
        let counts = character_ngrams("éaéa", 2);
        assert_eq!(counts, HashMap::from([("éa", 2), ("aé", 1)]));
        assert!(character_ngrams("éa", 3).is_empty());
    }

    #[test]
    fn matches_are_clipped() {
        let (hypothesis, reference) = (["the"; 7], ["the", "cat", "the", "mat"]);
        assert_eq!(matches(&word_ngrams(&hypothesis, 1), &word_ngrams(&reference, 1)), 2);
    }
}
