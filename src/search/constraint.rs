//! Phrases that a translation must hold (Post and Vilar 2018): how far a hypothesis has got with them, and how the beam is shared between
//! hypotheses that have got differently far.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::candidate::Candidate;

/// A phrase that must be in the translation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PhraseConstraint {
    pub tokens: Vec<u32>,
    /// Tokens that undo it when one of them comes right after: they would make its last word another word.
    pub not_before: Option<Arc<HashSet<u32>>>,
}

/// What the translations of one source must hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Constraints {
    /// Tokens that every hypothesis starts with, fewer than its length limit. No rule but this one holds for them.
    pub prefix: Vec<u32>,
    pub phrases: Vec<PhraseConstraint>,
}

/// How far a hypothesis has got.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    met: Vec<bool>,
    /// Those that its last token met.
    fresh: Vec<usize>,
    /// Tokens of met phrases, and of the one that is furthest begun.
    pub bank: usize,
}

impl Progress {
    pub fn new(constraints: &[PhraseConstraint]) -> Self {
        Progress { met: constraints.iter().map(|constraint| constraint.tokens.is_empty()).collect(), fresh: Vec::new(), bank: 0 }
    }

    /// Takes in the last of these tokens.
    pub fn advance(&mut self, constraints: &[PhraseConstraint], tokens: &[u32]) {
        let Some(last) = tokens.last().filter(|_| !constraints.is_empty()) else { return };
        for index in self.fresh.drain(..) {
            let goes_on = constraints[index].not_before.as_ref().is_some_and(|not_before| not_before.contains(last));
            self.met[index] = !goes_on;
        }
        for (index, constraint) in constraints.iter().enumerate() {
            if !self.met[index] && tokens.ends_with(&constraint.tokens) {
                self.met[index] = true;
                self.fresh.push(index);
            }
        }
        let done: usize = self.pairs(constraints).filter(|(met, _)| *met).map(|(_, constraint)| constraint.tokens.len()).sum();
        let begun =
            self.pairs(constraints).filter(|(met, _)| !met).map(|(_, constraint)| begun(tokens, &constraint.tokens)).max();
        self.bank = done + begun.unwrap_or(0);
    }

    /// Tokens that would begin a phrase or go on with it.
    pub fn next(&self, constraints: &[PhraseConstraint], tokens: &[u32]) -> HashSet<u32> {
        let unmet = self.pairs(constraints).filter(|(met, _)| !met).map(|(_, constraint)| &constraint.tokens);
        unmet.flat_map(|phrase| [phrase.first(), phrase.get(begun(tokens, phrase))]).flatten().copied().collect()
    }

    /// Tokens that would undo what the last token met.
    pub fn undoing(&self, constraints: &[PhraseConstraint]) -> HashSet<u32> {
        let not_before = self.fresh.iter().filter_map(|&index| constraints[index].not_before.as_ref());
        not_before.flat_map(|tokens| tokens.iter().copied()).collect()
    }

    pub fn complete(&self) -> bool {
        self.met.iter().all(|&met| met)
    }

    /// Phrases that are lacking.
    pub fn unmet(&self) -> Vec<usize> {
        (0..self.met.len()).filter(|&index| !self.met[index]).collect()
    }

    fn pairs<'a>(&'a self, constraints: &'a [PhraseConstraint]) -> impl Iterator<Item = (bool, &'a PhraseConstraint)> {
        self.met.iter().copied().zip(constraints)
    }
}

/// How many tokens of the phrase the tokens end with.
fn begun(tokens: &[u32], phrase: &[u32]) -> usize {
    (1..=phrase.len().min(tokens.len())).rev().find(|&count| tokens.ends_with(&phrase[..count])).unwrap_or(0)
}

/// Candidates in turn from every bank, the fullest bank first, each bank's best first: so the beam is shared evenly, places that a bank
/// cannot fill go to the others, and there is always one hypothesis that comes nearer to the end of its phrases.
pub(super) fn share(candidates: Vec<(usize, Candidate)>) -> Vec<Candidate> {
    let count = candidates.len();
    let mut banks: BTreeMap<usize, Vec<Candidate>> = BTreeMap::new();
    for (bank, candidate) in candidates {
        banks.entry(bank).or_default().push(candidate);
    }
    // The best come last, where they are taken from.
    banks.values_mut().for_each(|bank| bank.sort_by(|a, b| a.key().total_cmp(&b.key())));
    let mut shared = Vec::with_capacity(count);
    while shared.len() < count {
        shared.extend(banks.values_mut().rev().filter_map(Vec::pop));
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn phrases(all: &[&[u32]]) -> Vec<PhraseConstraint> {
        all.iter().map(|tokens| PhraseConstraint { tokens: tokens.to_vec(), not_before: None }).collect()
    }

    fn after(constraints: &[PhraseConstraint], tokens: &[u32]) -> Progress {
        let mut progress = Progress::new(constraints);
        (1..=tokens.len()).for_each(|length| progress.advance(constraints, &tokens[..length]));
        progress
    }

    #[test]
    fn a_phrase_may_begin_inside_a_failed_one() {
        let constraints = phrases(&[&[4, 4, 5]]);
        assert_eq!(after(&constraints, &[4, 4, 4]).bank, 2);
        assert!(after(&constraints, &[4, 4, 4, 5]).complete());
        assert_eq!(after(&constraints, &[4, 4, 6]).bank, 0);
        assert_eq!(after(&constraints, &[4, 4]).next(&constraints, &[4, 4]), HashSet::from([4, 5]));
    }

    #[test]
    fn a_word_that_goes_on_undoes_the_phrase() {
        let not_before = Some(Arc::new(HashSet::from([9])));
        let constraints = [PhraseConstraint { tokens: vec![4, 5], not_before }];
        assert!(after(&constraints, &[4, 5]).complete());
        assert!(after(&constraints, &[4, 5, 6, 9]).complete());
        let undone = after(&constraints, &[4, 5, 9]);
        assert_eq!((undone.unmet(), undone.bank), (vec![0], 0));
        assert!(after(&constraints, &[4, 5, 9, 4, 5]).complete());
    }

    #[test]
    fn banks_take_turns_from_the_fullest() {
        let candidate = |token, sum| Candidate { row: 0, token, log_probability: 0.0, sum, diversity: 0.0 };
        let of_banks = vec![(0, candidate(4, -1.0)), (0, candidate(5, -2.0)), (0, candidate(6, -3.0)), (2, candidate(7, -9.0))];
        let tokens: Vec<u32> = share(of_banks).iter().map(|candidate| candidate.token).collect();
        assert_eq!(tokens, [7, 4, 5, 6]);
    }

    proptest! {
        #[test]
        fn complete_means_that_every_phrase_is_there(
            tokens in proptest::collection::vec(4..7_u32, 0..12),
            wanted in proptest::collection::vec(proptest::collection::vec(4..7_u32, 1..4), 0..4),
        ) {
            let wanted: Vec<&[u32]> = wanted.iter().map(Vec::as_slice).collect();
            let constraints = phrases(&wanted);
            let progress = after(&constraints, &tokens);
            for (index, phrase) in wanted.iter().enumerate() {
                let there = tokens.windows(phrase.len()).any(|window| window == *phrase);
                prop_assert_eq!(!progress.unmet().contains(&index), there);
            }
            prop_assert_eq!(progress.complete(), progress.unmet().is_empty());
            // The next token of a phrase brings its hypothesis into a fuller bank.
            if let Some(index) = progress.unmet().first() {
                let mut longer = tokens.clone();
                longer.push(wanted[*index][begun(&tokens, wanted[*index])]);
                let mut next = progress.clone();
                next.advance(&constraints, &longer);
                prop_assert!(next.bank > 0);
            }
        }
    }
}
