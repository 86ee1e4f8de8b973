//! Beam search over a batch of sources; a beam of one is greedy search.
//!
//! Each source has a beam of its own: what becomes of it depends on no neighbour in the batch. A hypothesis that ends is taken out
//! and kept as it is; a source is done when its beam has found enough (see [`EarlyStopping`](crate::recipe::EarlyStopping)) or reached its length
//! limit, and its rows are dropped.

use std::collections::HashSet;

use super::candidate::Candidate;
use super::constraint::Constraints;
use super::ensemble::{Ensemble, EnsembleDecoding};
use super::extensions::{GroupRows, TokenCounts, best, given};
use super::group::{Group, SentenceContext, gather};
use super::hypothesis::{BeamHypothesis, Hypothesis};
use super::options::SearchOptions;
use super::processor::Prefixes;
use super::rules::{repetition_penalty, rules};
use super::scores::{RowRules, StepScores};
use crate::batch::Source;

/// The best hypotheses of every source, best first; `constraints` has an entry for each of them.
pub(super) fn beam_search(
    models: &Ensemble,
    source: &Source,
    options: &SearchOptions,
    constraints: &[Constraints],
) -> Vec<Vec<Hypothesis>> {
    let rules = rules(options, source.ids.device());
    let mut done: Vec<Option<Vec<Hypothesis>>> = source.lengths.iter().map(|_| None).collect();
    let mut decoding = EnsembleDecoding::start(models, source, options.wants_attention());
    let rows = source.lengths.iter().zip(constraints).enumerate();
    let mut beams: Vec<Beam> = rows
        .map(|(row, (&length, constraints))| Beam::new(row, SentenceContext::new(options, constraints, length as usize)))
        .collect();
    // Every source starts with one hypothesis; the first step spreads it over the beam.
    let mut first_step = true;
    while !beams.is_empty() {
        let scores = {
            let prefixes = prefixes(&beams, first_step);
            let step = decoding.step(&prefixes, repetition_penalty(options));
            StepScores::new(step, &rules, &prefixes, &row_rules(&beams, prefixes.length, first_step))
        };
        advance_beams(&mut beams, &scores, options, first_step);
        first_step = false;
        let parents: Vec<usize> =
            beams.iter().flat_map(|beam| &beam.groups).flat_map(|group| group.parents.iter().copied()).collect();
        let mut kept = Vec::new();
        for (index, beam) in std::mem::take(&mut beams).into_iter().enumerate() {
            if beam.groups.iter().all(|group| group.closed) {
                done[beam.row] = Some(gather(beam.groups, options.n_best.max(1)));
            } else {
                kept.push(index);
                beams.push(beam);
            }
        }
        if !beams.is_empty() {
            decoding.reorder(&parents);
            decoding.retain(&kept);
        }
    }
    done.into_iter().map(|hypotheses| hypotheses.expect("every beam ends at its length limit")).collect()
}

/// What the rows of the coming step have.
fn prefixes<'a>(beams: &'a [Beam], first_step: bool) -> Prefixes<'a> {
    let rows: Vec<&[u32]> = beams.iter().flat_map(|beam| beam.rows(first_step).map(|row| row.tokens.as_slice())).collect();
    Prefixes { length: rows.iter().map(|tokens| tokens.len()).max().unwrap_or(0), rows }
}

/// One step: each group in turn takes its candidates.
fn advance_beams(beams: &mut [Beam], scores: &StepScores, options: &SearchOptions, first_step: bool) {
    let constrained = beams.iter().any(|beam| !beam.sentence.phrases().is_empty());
    let likeliest = if constrained { scores.likeliest(&undoing(beams, first_step)) } else { Vec::new() };
    let (width, groups) = (options.group_width(), options.groups());
    let mut chosen: Vec<TokenCounts> = beams.iter().map(|_| TokenCounts::new()).collect();
    for group in 0..groups {
        let rows = match first_step {
            true => GroupRows { first: 0, width: 1, each: 1 },
            false => GroupRows { first: group * width, width, each: groups * width },
        };
        let candidates: Vec<Vec<Candidate>> = {
            let live: Vec<&[BeamHypothesis]> = beams.iter().map(|beam| beam.groups[group].live.as_slice()).collect();
            // At most one extension of a hypothesis is its end: twice as many as the group is wide are enough to fill it.
            let mut candidates = best(scores, &live, rows, 2 * width, &chosen, options.recipe.diversity_penalty);
            let wanted = wanted(beams, &live, rows, &likeliest);
            let more = given(scores, &live, rows, &wanted, &chosen, options.recipe.diversity_penalty);
            let known: HashSet<(usize, usize, u32)> = (candidates.iter().enumerate())
                .filter(|_| !wanted.is_empty())
                .flat_map(|(source, all)| all.iter().map(move |candidate| (source, candidate.row, candidate.token)))
                .collect();
            for (place, candidate) in wanted.iter().zip(more).filter(|(place, _)| !known.contains(place)) {
                candidates[place.0].push(candidate);
            }
            candidates
        };
        for (index, (beam, candidates)) in beams.iter_mut().zip(candidates).enumerate() {
            let first_row = index * rows.each + rows.first;
            let sentence = beam.sentence;
            beam.groups[group].advance(candidates, first_row, scores.attention.as_ref(), sentence, &mut chosen[index]);
        }
    }
}

/// What prefixes and constraints tell single rows.
fn row_rules(beams: &[Beam], step: usize, first_step: bool) -> RowRules {
    let mut rules = RowRules::default();
    let rows = beams.iter().flat_map(|beam| beam.rows(first_step).map(move |hypothesis| (beam, hypothesis)));
    for (row, (beam, hypothesis)) in rows.enumerate() {
        if let Some(&token) = beam.sentence.constraints.prefix.get(step) {
            rules.forced.push((row, token));
        }
        if !hypothesis.is_filler() && !hypothesis.progress.complete() {
            rules.eos_forbidden.push(row);
        }
    }
    rules
}

/// The rows that have just met a phrase, with the tokens that would undo it.
fn undoing(beams: &[Beam], first_step: bool) -> Vec<(usize, HashSet<u32>)> {
    let rows = beams.iter().flat_map(|beam| {
        let constraints = beam.sentence.phrases();
        beam.rows(first_step).map(move |hypothesis| hypothesis.progress.undoing(constraints))
    });
    rows.enumerate().filter(|(_, tokens)| !tokens.is_empty()).collect()
}

/// The extensions that constraints want to see beside the best: (source, hypothesis, token) for what comes next in a phrase, and the
/// likeliest token of every hypothesis (Post and Vilar 2018, section 3.1) that undoes nothing.
fn wanted(beams: &[Beam], live: &[&[BeamHypothesis]], rows: GroupRows, likeliest: &[u32]) -> Vec<(usize, usize, u32)> {
    let mut wanted = Vec::new();
    for (source, beam) in beams.iter().enumerate().filter(|(_, beam)| !beam.sentence.phrases().is_empty()) {
        for (row, hypothesis) in live[source].iter().enumerate().filter(|(_, hypothesis)| !hypothesis.is_filler()) {
            let mut tokens = hypothesis.progress.next(beam.sentence.phrases(), &hypothesis.tokens);
            tokens.insert(likeliest[source * rows.each + rows.first + row]);
            // In an order that does not change from run to run.
            let mut tokens: Vec<u32> = tokens.into_iter().collect();
            tokens.sort_unstable();
            wanted.extend(tokens.into_iter().map(|token| (source, row, token)));
        }
    }
    wanted
}

/// The beam of one source.
struct Beam<'a> {
    /// Row in the batch.
    row: usize,
    sentence: SentenceContext<'a>,
    groups: Vec<Group>,
}

impl<'a> Beam<'a> {
    fn new(row: usize, sentence: SentenceContext<'a>) -> Self {
        Beam { row, sentence, groups: (0..sentence.options.groups()).map(|_| Group::new(sentence.phrases())).collect() }
    }

    /// The hypotheses that a step goes on from: at first there is but one, whatever the groups.
    fn rows(&self, first_step: bool) -> impl Iterator<Item = &BeamHypothesis> {
        self.groups.iter().take(if first_step { 1 } else { self.groups.len() }).flat_map(|group| &group.live)
    }
}
