//! Hard word alignments: which source word stands for which target word.

use serde::{Deserialize, Serialize};

use super::matrix::{AttentionMatrix, EndOfSentence, MatrixError, Words};

/// Word links `(source, target)`, 0-indexed, sorted and unique.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(usize, usize)>")]
pub struct Links(Vec<(usize, usize)>);

/// How attention becomes links.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum LinkRule {
    /// One link for every target word, to the source word with the largest weight (Luong et al. 2015, section 5.4); the first of
    /// equals. A target word that attends to nothing has none.
    #[default]
    Argmax,
    /// A link wherever the weight is at least this large: any number for a target word.
    Threshold(f32),
}

/// Options of [`Links::from_attention`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkOptions {
    pub rule: LinkRule,
    /// Whether the source's end of sentence competes in [`LinkRule::Argmax`]. [`EndOfSentence::Keep`], the default, leaves a
    /// target word without a link when it attends to the end more than to any word (a model's way of saying "to nothing");
    /// [`EndOfSentence::Drop`] links every target word. Links never point at an end of sentence either way.
    pub end_of_sentence: EndOfSentence,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self { rule: LinkRule::Argmax, end_of_sentence: EndOfSentence::Keep }
    }
}

impl FromIterator<(usize, usize)> for Links {
    fn from_iter<I: IntoIterator<Item = (usize, usize)>>(links: I) -> Self {
        let mut links: Vec<_> = links.into_iter().collect();
        links.sort_unstable();
        links.dedup();
        Self(links)
    }
}

impl From<Vec<(usize, usize)>> for Links {
    fn from(links: Vec<(usize, usize)>) -> Self {
        links.into_iter().collect()
    }
}

impl Links {
    /// Links of a token-level matrix: tokens merge to words ([`AttentionMatrix::to_words`]), then `options.rule` decides.
    pub fn from_attention(
        matrix: &AttentionMatrix,
        source: Words,
        target: Words,
        options: &LinkOptions,
    ) -> Result<Self, MatrixError> {
        let words = matrix.to_words(source, target, options.end_of_sentence)?;
        Ok(Self::from_words(&words, source.count(), target.count(), options.rule))
    }

    /// Links of a word-level matrix. Columns from `source_words` on (a kept end of sentence) take part in the argmax, but are
    /// never linked; rows from `target_words` on are ignored.
    pub fn from_words(matrix: &AttentionMatrix, source_words: usize, target_words: usize, rule: LinkRule) -> Self {
        let of_row = |(target, row): (usize, &[f32])| -> Vec<(usize, usize)> {
            let sources = match rule {
                LinkRule::Argmax => best(row).into_iter().filter(|&source| source < source_words).collect::<Vec<_>>(),
                LinkRule::Threshold(least) => (0..row.len().min(source_words)).filter(|&source| row[source] >= least).collect(),
            };
            sources.into_iter().map(|source| (source, target)).collect()
        };
        matrix.iter_rows().take(target_words).enumerate().flat_map(of_row).collect()
    }

    /// The links in order: by source, then by target.
    pub fn as_slice(&self) -> &[(usize, usize)] {
        &self.0
    }

    pub fn iter(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.0.iter().copied()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains(&self, source: usize, target: usize) -> bool {
        self.0.binary_search(&(source, target)).is_ok()
    }

    /// The same links with source and target exchanged: what a model of the other direction says, in this direction's terms.
    pub fn transposed(&self) -> Self {
        self.iter().map(|(source, target)| (target, source)).collect()
    }

    /// The first link that points outside a pair of sentences of so many words.
    pub fn out_of_bounds(&self, source_words: usize, target_words: usize) -> Option<(usize, usize)> {
        self.iter().find(|&(source, target)| source >= source_words || target >= target_words)
    }
}

/// Index of the first largest weight above zero.
fn best(row: &[f32]) -> Option<usize> {
    let mut best = None;
    for (column, &weight) in row.iter().enumerate() {
        if weight > best.map_or(0.0, |column: usize| row[column]) {
            best = Some(column);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Three source words and their end, two target words and their end; the second target word looks at the end.
    fn matrix() -> AttentionMatrix {
        AttentionMatrix::from_rows(&[[0.1, 0.2, 0.6, 0.1], [0.3, 0.1, 0.1, 0.5], [0.0, 0.0, 0.0, 1.0]]).unwrap()
    }

    fn links(options: LinkOptions) -> Vec<(usize, usize)> {
        let (source, target) = ([Some(0), Some(1), Some(2), None], [Some(0), Some(1), None]);
        Links::from_attention(&matrix(), Words::new(&source), Words::new(&target), &options).unwrap().0
    }

    #[test]
    fn a_word_that_attends_to_the_end_has_no_link_by_default() {
        assert_eq!(links(LinkOptions::default()), [(2, 0)]);
        let all = LinkOptions { end_of_sentence: EndOfSentence::Drop, ..LinkOptions::default() };
        assert_eq!(links(all), [(0, 1), (2, 0)]);
    }

    #[test]
    fn threshold_links_every_weight_that_reaches_it() {
        let rule = LinkRule::Threshold(0.2);
        assert_eq!(links(LinkOptions { rule, ..LinkOptions::default() }), [(0, 1), (1, 0), (2, 0)]);
    }

    #[test]
    fn equals_go_to_the_first_and_nothing_to_none() {
        let matrix = AttentionMatrix::from_rows(&[[0.5, 0.5], [0.0, 0.0]]).unwrap();
        assert_eq!(Links::from_words(&matrix, 2, 2, LinkRule::Argmax).0, [(0, 0)]);
    }

    #[test]
    fn links_are_sorted_and_unique() {
        let links = Links::from(vec![(2, 0), (0, 1), (2, 0)]);
        assert_eq!(links.as_slice(), [(0, 1), (2, 0)]);
        assert!(links.contains(2, 0) && !links.contains(0, 2));
        assert_eq!(links.out_of_bounds(3, 2), None);
        assert_eq!(links.out_of_bounds(2, 2), Some((2, 0)));
    }

    proptest! {
        #[test]
        fn links_stay_within_the_sentences(
            (rows, columns, weights) in (1_usize..7, 1_usize..7).prop_flat_map(|(rows, columns)| {
                (Just(rows), Just(columns), prop::collection::vec(0.0_f32..1.0, rows * columns))
            }),
            least in 0.0_f32..1.0,
        ) {
            let matrix = AttentionMatrix::new(rows, columns, weights).unwrap();
            for rule in [LinkRule::Argmax, LinkRule::Threshold(least)] {
                let links = Links::from_words(&matrix, columns - 1, rows - 1, rule);
                prop_assert_eq!(links.out_of_bounds(columns - 1, rows - 1), None);
                prop_assert_eq!(links.transposed().transposed(), links.clone());
                if rule == LinkRule::Argmax {
                    prop_assert!(links.len() < rows);
                }
            }
        }
    }
}
