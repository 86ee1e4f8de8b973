//! Scores of one step, as the model gave them and after the rules.

use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use tch::{Device, Tensor};

use super::attention::StepAttention;
use super::ensemble::EnsembleStep;
use super::processor::{Prefixes, Processor, flat_places, forbid};
use crate::kernels::{BLOCK, numbers_of};
use crate::model::NextTokenScores;
use crate::text::special::EOS;

/// Scores of one step [R, V].
pub(super) struct StepScores {
    pub model: Tensor,
    pub processed: Tensor,
    /// Where they are logits, for each row the highest, m, and log Σ eˢ⁻ᵐ.
    sums: Option<Vec<(f32, f32)>>,
    /// The highest of each block of tokens after the rules, where they are known [R, ⌈V / BLOCK⌉].
    pub maxima: Option<Tensor>,
    /// Whether rules do more than forbid.
    pub changed: bool,
    /// What the rows attended to.
    pub attention: Option<Rc<StepAttention>>,
}

/// What single rows are told beside the rules for all.
#[derive(Default)]
pub(super) struct RowRules {
    /// (row, token): nothing but this token.
    pub forced: Vec<(usize, u32)>,
    /// Rows that may not end.
    pub eos_forbidden: Vec<usize>,
}

impl StepScores {
    pub fn new(step: EnsembleStep, rules: &[Arc<dyn Processor>], prefixes: &Prefixes, rows: &RowRules) -> Self {
        let EnsembleStep { scores, penalised, attention } = step;
        let (model, summary) = match scores {
            NextTokenScores::Logits { logits, summary } => (logits, Some(summary)),
            NextTokenScores::LogProbabilities(log_probabilities) => (log_probabilities, None),
        };
        let changed = penalised.is_some() || rules.iter().any(|rule| !rule.only_forbids());
        // Who is forced to a token that the rules forbid, or ranked by what they changed, wants to know what the model said.
        let kept = changed || !rows.forced.is_empty();
        let plain = || if kept { model.copy() } else { model.shallow_clone() };
        let mut processed = penalised.unwrap_or_else(plain);
        for rule in rules {
            rule.apply(&mut processed, prefixes);
        }
        forbid(&mut processed, rows.eos_forbidden.iter().map(|&row| (row, EOS)));
        if let Some(places) = flat_places(&model, rows.forced.iter().copied()) {
            let which: Vec<i64> = rows.forced.iter().map(|&(row, _)| row as i64).collect();
            let which = Tensor::from_slice(&which).to_device(processed.device());
            let _ = processed.index_fill_(0, &which, f64::NEG_INFINITY);
            let _ = processed.view(-1).index_copy_(0, &places, &model.view(-1).index_select(0, &places));
        }
        let sums =
            summary.as_ref().map(|summary| numbers_of(&summary.highest).into_iter().zip(numbers_of(&summary.log_sum)).collect());
        let maxima = summary.and_then(|summary| summary.block_maxima);
        let maxima = maxima.filter(|_| rows.eos_forbidden.is_empty() && rows.forced.is_empty()).and_then(|maxima| {
            let forbidden: Option<Vec<&[u32]>> = rules.iter().map(|rule| rule.forbidden()).collect();
            renew(&maxima, &processed, forbidden?.into_iter().flatten().copied());
            Some(maxima)
        });
        StepScores { model, processed, sums, maxima, changed, attention }
    }

    /// log p from a score of this row. In this order: scores may be large, and what counts is small.
    pub fn log_probability(&self, row: usize, score: f32) -> f32 {
        self.sums.as_ref().map_or(score, |sums| (score - sums[row].0) - sums[row].1)
    }

    /// The best token of every row, leaving out those that would undo a phrase it has just met (`undoing`: rows with tokens).
    pub fn likeliest(&self, undoing: &[(usize, HashSet<u32>)]) -> Vec<u32> {
        let best = |scores: &Tensor| -> Vec<u32> {
            let best = Vec::<i64>::try_from(scores.argmax(1, false).to_device(Device::Cpu)).expect("a flat tensor is a vector");
            best.into_iter().map(|token| token as u32).collect()
        };
        let mut likeliest = best(&self.processed);
        if undoing.is_empty() {
            return likeliest;
        }
        let rows: Vec<i64> = undoing.iter().map(|(row, _)| *row as i64).collect();
        let mut others = self.processed.index_select(0, &Tensor::from_slice(&rows).to_device(self.processed.device()));
        let forbidden =
            undoing.iter().enumerate().flat_map(|(place, (_, tokens))| tokens.iter().map(move |&token| (place, token)));
        forbid(&mut others, forbidden);
        for ((row, _), token) in undoing.iter().zip(best(&others)) {
            likeliest[*row] = token;
        }
        likeliest
    }
}

/// Looks again at the blocks of these tokens.
fn renew(maxima: &Tensor, scores: &Tensor, tokens: impl Iterator<Item = u32>) {
    let (size, vocabulary) = (BLOCK as i64, scores.size()[1]);
    let blocks: BTreeSet<i64> = tokens.map(|token| i64::from(token) / size).collect();
    for block in blocks {
        let scores = scores.narrow(1, block * size, size.min(vocabulary - block * size));
        maxima.narrow(1, block, 1).copy_(&scores.amax([1i64].as_slice(), true));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::LogitSummary;
    use crate::search::processor::{NoRepeat, Suppress};
    use tch::Kind;

    /// The highest of each block of scores [R, V].
    fn block_maxima(scores: &Tensor) -> Tensor {
        let blocks = scores.split(BLOCK as i64, 1).iter().map(|block| block.amax([1i64].as_slice(), false)).collect::<Vec<_>>();
        Tensor::stack(&blocks, 1)
    }

    #[test]
    fn maxima_are_those_after_the_rules_or_unknown() {
        tch::manual_seed(6);
        let scores = || Tensor::randn([3, 1100], (Kind::Float, Device::Cpu));
        let step = || {
            let scores = scores();
            // The best of two blocks are forbidden.
            let _ = scores.select(1, 5).fill_(9.0);
            let _ = scores.select(1, 1050).fill_(9.0);
            let maxima = block_maxima(&scores);
            let summary = LogitSummary { block_maxima: Some(maxima), ..LogitSummary::of(&scores) };
            EnsembleStep { scores: NextTokenScores::Logits { logits: scores, summary }, penalised: None, attention: None }
        };
        let prefixes = Prefixes { length: 0, rows: vec![&[], &[], &[]] };
        let rules: Vec<Arc<dyn Processor>> = vec![Arc::new(Suppress::new(&[5, 7, 1050], Device::Cpu))];
        let found = StepScores::new(step(), &rules, &prefixes, &RowRules::default());
        let expected = block_maxima(&found.processed);
        assert!(expected.max().double_value(&[]) < 9.0 && found.maxima.unwrap().equal(&expected));
        let eos_forbidden = RowRules { eos_forbidden: vec![1], ..RowRules::default() };
        assert!(StepScores::new(step(), &rules, &prefixes, &eos_forbidden).maxima.is_none());
        let rules: Vec<Arc<dyn Processor>> = vec![Arc::new(NoRepeat { size: 2 })];
        assert!(StepScores::new(step(), &rules, &prefixes, &RowRules::default()).maxima.is_none());
    }
}
