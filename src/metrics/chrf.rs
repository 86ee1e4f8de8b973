//! chrF (Popović 2015, "chrF: character n-gram F-score for automatic MT evaluation") and chrF++ (Popović 2017, "chrF++: words
//! helping character n-grams").

use super::ngrams::{Counts, character_ngrams, matches, word_ngrams, words};
use super::score::{Detail, Metric};

/// F-score of character n-grams, without white space, and of word n-grams; precision and recall are averaged over the orders
/// that both sides are long enough for.
///
/// Statistics of a sentence: for each order, n-grams of the hypothesis, of the reference, and matches; with several references
/// those of the one that scores best.
#[derive(Debug, Clone, PartialEq)]
pub struct Chrf {
    pub character_order: usize,
    /// 0 for chrF, 2 for chrF++.
    pub word_order: usize,
    /// Recall counts this many times as much as precision.
    pub beta: u32,
    pub lowercase: bool,
}

impl Default for Chrf {
    /// chrF2 as sacreBLEU has it.
    fn default() -> Self {
        Self { character_order: 6, word_order: 0, beta: 2, lowercase: false }
    }
}

/// The n-grams of one sentence.
struct Ngrams<'a, 'w> {
    characters: Vec<Counts<'a, str>>,
    words: Vec<Counts<'a, [&'w str]>>,
}

impl Chrf {
    /// chrF2++ as sacreBLEU has it.
    pub fn plus_plus() -> Self {
        Self { word_order: 2, ..Self::default() }
    }

    fn ngrams<'a, 'w>(&self, characters: &'a str, words: &'a [&'w str]) -> Ngrams<'a, 'w> {
        Ngrams {
            characters: (1..=self.character_order).map(|order| character_ngrams(characters, order)).collect(),
            words: (1..=self.word_order).map(|order| word_ngrams(words, order)).collect(),
        }
    }

    fn f_score(&self, statistics: &[f64]) -> f64 {
        let (mut precision, mut recall, mut effective_order) = (0.0, 0.0, 0.0);
        for order in statistics.chunks_exact(3) {
            let [hypothesis, reference, matched] = [order[0], order[1], order[2]];
            if hypothesis > 0.0 && reference > 0.0 {
                precision += matched / hypothesis;
                recall += matched / reference;
                effective_order += 1.0;
            }
        }
        if precision + recall == 0.0 {
            return 0.0;
        }
        let (precision, recall) = (precision / effective_order, recall / effective_order);
        let factor = f64::from(self.beta).powi(2);
        100.0 * ((1.0 + factor) * precision * recall) / (factor * precision + recall)
    }
}

/// Hypothesis, reference and matching n-grams of one order.
fn compare<T: std::hash::Hash + Eq + ?Sized>(hypothesis: &Counts<T>, reference: &Counts<T>) -> [f64; 3] {
    let size = |counts: &Counts<T>| counts.values().sum::<u32>();
    // An order that the reference is too short for is not held against the hypothesis.
    let expected = if reference.is_empty() { 0 } else { size(hypothesis) };
    [expected, size(reference), matches(hypothesis, reference)].map(f64::from)
}

/// Words with one punctuation mark at their end, or else at their start, set apart.
fn split_punctuation(line: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for word in words(line) {
        let (first, last) = (word.starts_with(is_punctuation), word.ends_with(is_punctuation));
        match word.len() {
            2.. if last => parts.extend(<[&str; 2]>::from(word.split_at(word.len() - 1))),
            2.. if first => parts.extend(<[&str; 2]>::from(word.split_at(1))),
            _ => parts.push(word),
        }
    }
    parts
}

fn is_punctuation(character: char) -> bool {
    character.is_ascii_punctuation()
}

impl Metric for Chrf {
    fn name(&self) -> String {
        format!("chrF{}{}", self.beta, "+".repeat(self.word_order))
    }

    fn settings(&self) -> String {
        let case = if self.lowercase { "lc" } else { "mixed" };
        format!("case:{case}|eff:yes|nc:{}|nw:{}|space:no", self.character_order, self.word_order)
    }

    fn sentence_statistics(&self, hypothesis: &str, references: &[&str]) -> Vec<f64> {
        let prepare = |line: &str| if self.lowercase { line.to_lowercase() } else { line.to_owned() };
        let join = |line: &str| words(line).collect::<String>();
        let hypothesis = prepare(hypothesis);
        let (characters, parts) = (join(&hypothesis), split_punctuation(&hypothesis));
        let hypothesis = self.ngrams(&characters, &parts);
        let mut best: Option<(f64, Vec<f64>)> = None;
        for reference in references {
            let reference = prepare(reference);
            let (characters, parts) = (join(&reference), split_punctuation(&reference));
            let reference = self.ngrams(&characters, &parts);
            let of_characters = hypothesis.characters.iter().zip(&reference.characters).flat_map(|(h, r)| compare(h, r));
            let of_words = hypothesis.words.iter().zip(&reference.words).flat_map(|(h, r)| compare(h, r));
            let statistics: Vec<f64> = of_characters.chain(of_words).collect();
            let score = self.f_score(&statistics);
            if best.as_ref().is_none_or(|(highest, _)| score > *highest) {
                best = Some((score, statistics));
            }
        }
        best.map_or_else(|| vec![0.0; 3 * (self.character_order + self.word_order)], |(_, statistics)| statistics)
    }

    fn evaluate(&self, sums: &[f64]) -> (f64, Detail) {
        let &Self { character_order, word_order, beta, .. } = self;
        (self.f_score(sums), Detail::Chrf { character_order, word_order, beta })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_is_set_apart_at_one_end_only() {
        assert_eq!(split_punctuation("(hi) \"yes ! é. don't 中"), ["(hi", ")", "\"", "yes", "!", "é", ".", "don't", "中"]);
    }
}
