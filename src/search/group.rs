//! The hypotheses of one source: those side by side, and those that ended.

use std::rc::Rc;

use super::attention::StepAttention;
use super::candidate::Candidate;
use super::constraint::{Constraints, PhraseConstraint, share};
use super::extensions::TokenCounts;
use super::hypothesis::{BeamHypothesis, Hypothesis};
use super::options::SearchOptions;
use super::stopping::Live;
use crate::recipe::EarlyStopping;
use crate::text::special::EOS;

/// What a source's groups have in common: what holds for the whole sentence.
#[derive(Clone, Copy)]
pub(super) struct SentenceContext<'a> {
    pub options: &'a SearchOptions,
    pub constraints: &'a Constraints,
    /// Source tokens, EOS counted.
    pub source_length: usize,
    /// Most tokens of a hypothesis, EOS counted.
    pub maximum_length: usize,
}

impl<'a> SentenceContext<'a> {
    pub fn new(options: &'a SearchOptions, constraints: &'a Constraints, source_length: usize) -> Self {
        let maximum_length = options.maximum_length(source_length.saturating_sub(1));
        SentenceContext { options, constraints, source_length, maximum_length }
    }

    pub fn phrases(&self) -> &'a [PhraseConstraint] {
        &self.constraints.phrases
    }

    /// As far as the hypothesis goes.
    pub fn complete(&self, hypothesis: BeamHypothesis) -> Hypothesis {
        hypothesis.into_hypothesis(self.source_length, self.options)
    }
}

/// A beam that knows nothing of the other groups of its source but what they chose.
pub(super) struct Group {
    pub live: Vec<BeamHypothesis>,
    /// For each live hypothesis the row of the whole step that it continues.
    pub parents: Vec<usize>,
    finished: Vec<Hypothesis>,
    /// Cut off by the length limit.
    cut: Vec<Hypothesis>,
    pub closed: bool,
}

impl Group {
    pub fn new(constraints: &[PhraseConstraint]) -> Self {
        let start = BeamHypothesis::new(constraints);
        Group { live: vec![start], parents: Vec::new(), finished: Vec::new(), cut: Vec::new(), closed: false }
    }

    /// Takes the candidates of one step, best first. `first_row` is the row of the whole step where this group begins; what is chosen
    /// is counted in `chosen`.
    pub fn advance(
        &mut self,
        candidates: Vec<Candidate>,
        first_row: usize,
        attention: Option<&Rc<StepAttention>>,
        sentence: SentenceContext,
        chosen: &mut TokenCounts,
    ) {
        let width = sentence.options.group_width();
        let (mut live, mut parents) = (Vec::with_capacity(width), Vec::with_capacity(width));
        let candidates = if self.closed { Vec::new() } else { self.in_turn(candidates, sentence.phrases()) };
        for (rank, candidate) in candidates.iter().enumerate() {
            let ends = candidate.token == EOS;
            // An end counts only among the best as many as the beam is wide: else it would be there for want of competition.
            if candidate.sum == f64::NEG_INFINITY || live.len() == width || (ends && rank >= width) {
                continue;
            }
            let attention = attention.map(|attention| (Rc::clone(attention), first_row + candidate.row));
            let mut next = self.live[candidate.row].clone();
            next.push(candidate, attention, sentence.phrases());
            *chosen.entry(candidate.token).or_default() += 1;
            if ends {
                self.finished.push(sentence.complete(next));
            } else {
                parents.push(first_row + candidate.row);
                live.push(next);
            }
        }
        self.live = live;
        self.parents = parents;
        if !self.closed && self.is_done(sentence) {
            self.closed = true;
            let live = std::mem::take(&mut self.live);
            self.mark_cut_short(&live, sentence);
            if self.finished.len() < sentence.options.n_best.max(1).min(self.enough(sentence)) {
                self.cut = live.into_iter().map(|hypothesis| sentence.complete(hypothesis)).collect();
            }
            self.parents.clear();
        }
        // A tiny vocabulary can leave the beam short, and a source's groups end at different times: rows that lead nowhere fill it up.
        self.live.resize_with(width, BeamHypothesis::padding);
        self.parents.resize(width, first_row);
    }

    /// With constraints candidates come from each bank in turn.
    fn in_turn(&self, candidates: Vec<Candidate>, constraints: &[PhraseConstraint]) -> Vec<Candidate> {
        if constraints.is_empty() {
            return candidates;
        }
        let bank = |candidate: &Candidate| {
            let parent = &self.live[candidate.row];
            let mut progress = parent.progress.clone();
            if candidate.token != EOS {
                let tokens: Vec<u32> = parent.tokens.iter().copied().chain([candidate.token]).collect();
                progress.advance(constraints, &tokens);
            }
            progress.bank
        };
        let possible = candidates.into_iter().filter(|candidate| candidate.sum > f64::NEG_INFINITY);
        share(possible.map(|candidate| (bank(&candidate), candidate)).collect())
    }

    fn is_done(&self, sentence: SentenceContext) -> bool {
        let Some(first) = self.live.first() else { return true };
        let length = first.tokens.len();
        if length >= sentence.maximum_length {
            return true;
        }
        let options = sentence.options;
        let enough = self.enough(sentence);
        if self.finished.len() < enough {
            return false;
        }
        let mut scores: Vec<f64> = self.finished.iter().map(|hypothesis| hypothesis.score).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        let sum = self.live.iter().map(|hypothesis| hypothesis.sum).fold(f64::NEG_INFINITY, f64::max);
        // Hypotheses that hurry through their phrases end first, and are not the best.
        let policy = if sentence.phrases().is_empty() { options.recipe.early_stopping } else { EarlyStopping::Never };
        policy.stops(
            scores[enough - 1],
            Live { sum, length, maximum_length: sentence.maximum_length },
            options.recipe.length_penalty,
        )
    }

    /// Finished hypotheses that are left because the length limit ended what the model likes better.
    fn mark_cut_short(&mut self, live: &[BeamHypothesis], sentence: SentenceContext) {
        let limited = live.first().is_some_and(|first| first.tokens.len() >= sentence.maximum_length);
        let score = |hypothesis: &BeamHypothesis| hypothesis.score(sentence.source_length, sentence.options);
        if !limited {
            return;
        }
        let best = live.iter().filter(|hypothesis| !hypothesis.is_filler()).map(score).fold(f64::NEG_INFINITY, f64::max);
        if self.finished.iter().all(|finished| finished.score < best) {
            self.finished.iter_mut().for_each(|finished| finished.cut_short = true);
        }
    }

    /// How many finished hypotheses a group waits for.
    fn enough(&self, sentence: SentenceContext) -> usize {
        ((sentence.options.recipe.patience * sentence.options.group_width() as f64).round() as usize).max(1)
    }

    /// Finished hypotheses, then those that were cut off: best first.
    fn into_hypotheses(self) -> Vec<Hypothesis> {
        let (mut hypotheses, mut cut) = (self.finished, self.cut);
        hypotheses.sort_by(|a, b| b.score.total_cmp(&a.score));
        cut.sort_by(|a, b| a.unmet.len().cmp(&b.unmet.len()).then(b.score.total_cmp(&a.score)));
        hypotheses.extend(cut);
        hypotheses
    }
}

/// The best hypotheses of all groups of a source. Of several groups the best of each come before the second best of any, so that what is
/// returned is as diverse as what was found; the order is by score.
pub(super) fn gather(groups: Vec<Group>, n_best: usize) -> Vec<Hypothesis> {
    let mut groups: Vec<std::vec::IntoIter<Hypothesis>> =
        groups.into_iter().map(|group| group.into_hypotheses().into_iter()).collect();
    let by_rank = |a: &Hypothesis, b: &Hypothesis| {
        b.finished.cmp(&a.finished).then(a.unmet.len().cmp(&b.unmet.len())).then(b.score.total_cmp(&a.score))
    };
    let mut best: Vec<Hypothesis> = Vec::new();
    while best.len() < n_best {
        let mut round: Vec<Hypothesis> = groups.iter_mut().filter_map(Iterator::next).collect();
        if round.is_empty() {
            break;
        }
        round.sort_by(by_rank);
        for hypothesis in round {
            // Groups may find the same.
            let known = |other: &Hypothesis| other.tokens == hypothesis.tokens && other.finished == hypothesis.finished;
            if best.len() < n_best && !best.iter().any(known) {
                best.push(hypothesis);
            }
        }
    }
    best.sort_by(by_rank);
    best
}
