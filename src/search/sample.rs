//! Translations drawn by chance.

use std::rc::Rc;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

use super::candidate::Candidate;
use super::constraint::Constraints;
use super::ensemble::{Ensemble, EnsembleDecoding, EnsembleStep};
use super::group::SentenceContext;
use super::hypothesis::{BeamHypothesis, Hypothesis};
use super::options::SearchOptions;
use super::processor::{Prefixes, flat_places};
use super::rules::{repetition_penalty, rules};
use super::scores::{RowRules, StepScores};
use crate::batch::Source;
use crate::kernels::numbers_of;
use crate::model::NextTokenScores;
use crate::recipe::SearchRecipe;

/// `options.n_best` independent draws for every source, in the order they were drawn. Prefixes are kept to, constraints are not.
pub(super) fn sample(
    models: &Ensemble,
    source: &Source,
    options: &SearchOptions,
    constraints: &[Constraints],
) -> Vec<Vec<Hypothesis>> {
    let sampling = &options.recipe;
    let rules = rules(options, source.ids.device());
    let count = options.n_best.max(1);
    let sentences = sentences(source);
    let mut decoding = EnsembleDecoding::start(models, source, options.wants_attention());
    let starts: Vec<usize> = (0..source.lengths.len()).flat_map(|row| std::iter::repeat_n(row, count)).collect();
    decoding.reorder(&starts);
    let contexts: Vec<SentenceContext> = source
        .lengths
        .iter()
        .zip(constraints)
        .map(|(&length, constraints)| SentenceContext::new(options, constraints, length as usize))
        .collect();
    let mut draws: Vec<Vec<Draw>> =
        sentences.iter().map(|ids| (0..count).map(|index| Draw::new(sampling.seed, index as u64, ids)).collect()).collect();
    // Sources still going, by their place in the batch.
    let mut going: Vec<usize> = (0..draws.len()).collect();
    while !going.is_empty() {
        let now: Vec<&Draw> = going.iter().flat_map(|&source| &draws[source]).collect();
        let rows: Vec<&[u32]> = now.iter().map(|draw| draw.hypothesis.tokens.as_slice()).collect();
        let step = rows.iter().map(|tokens| tokens.len()).max().unwrap_or(0);
        let prefixes = Prefixes { length: step, rows };
        let stepped = decoding.step(&prefixes, repetition_penalty(options));
        let scores = NextTokenScores::LogProbabilities(stepped.scores.log_probabilities());
        let stepped = EnsembleStep { scores, ..stepped };
        let forced = going.iter().enumerate().flat_map(|(place, &source)| {
            let token = contexts[source].constraints.prefix.get(step);
            (place * count..(place + 1) * count).filter_map(move |row| Some((row, *token?)))
        });
        let row_rules = RowRules { forced: forced.collect(), eos_forbidden: Vec::new() };
        let scores = StepScores::new(stepped, &rules, &prefixes, &row_rules);
        let mut chances = Vec::with_capacity(going.len() * count);
        for &source in &going {
            chances.extend(draws[source].iter_mut().map(Draw::chance));
        }
        let tokens = pick(&scores.processed, &chances, sampling);
        let log_probabilities = at(&scores.model, &tokens);
        let possible = at(&scores.processed, &tokens);
        for (row, &token) in tokens.iter().enumerate() {
            let source = going[row / count];
            let draw = &mut draws[source][row % count];
            if draw.done {
                continue;
            }
            if possible[row] == f32::NEG_INFINITY {
                // The rules left nothing.
                draw.done = true;
                continue;
            }
            let sum = draw.hypothesis.sum + f64::from(log_probabilities[row]);
            let candidate = Candidate { row: 0, token, log_probability: log_probabilities[row], sum, diversity: 0.0 };
            draw.hypothesis.push(&candidate, scores.attention.as_ref().map(|attention| (Rc::clone(attention), row)), &[]);
            draw.done = draw.hypothesis.ended() || draw.hypothesis.tokens.len() >= contexts[source].maximum_length;
        }
        let kept: Vec<usize> = (0..going.len()).filter(|&place| draws[going[place]].iter().any(|draw| !draw.done)).collect();
        if kept.len() < going.len() {
            going = kept.iter().map(|&place| going[place]).collect();
            if !going.is_empty() {
                decoding.retain(&kept);
            }
        }
    }
    let complete = draws.into_iter().zip(&contexts);
    complete.map(|(draws, sentence)| draws.into_iter().map(|draw| sentence.complete(draw.hypothesis)).collect()).collect()
}

/// One sample on its way.
struct Draw {
    hypothesis: BeamHypothesis,
    random: ChaCha8Rng,
    done: bool,
}

impl Draw {
    /// Its own generator: from the seed, its number, and the source's tokens.
    fn new(seed: u64, index: u64, ids: &[i64]) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(index.to_le_bytes());
        ids.iter().for_each(|id| hash.update(id.to_le_bytes()));
        Draw { hypothesis: BeamHypothesis::new(&[]), random: ChaCha8Rng::from_seed(hash.finalize().into()), done: false }
    }

    /// From 0 to 1, 1 excluded.
    fn chance(&mut self) -> f64 {
        self.random.random()
    }
}

/// The tokens of every source, EOS included.
fn sentences(source: &Source) -> Vec<Vec<i64>> {
    let row = |(row, &length): (usize, &i64)| {
        let ids = source.ids.get(row as i64).narrow(0, 0, length).to_device(Device::Cpu);
        Vec::try_from(ids).expect("a row of ids is a vector")
    };
    source.lengths.iter().enumerate().map(row).collect()
}

/// A token for each row of log probabilities [R, V]: the first whose cumulated probability passes the row's chance, likeliest tokens first
/// where the choice is narrowed.
fn pick(scores: &Tensor, chances: &[f64], sampling: &SearchRecipe) -> Vec<u32> {
    let vocabulary = scores.size()[1];
    let scores = scores.to_kind(Kind::Double) / sampling.temperature;
    let narrowed = sampling.top_k > 0 || sampling.top_p < 1.0;
    let (scores, ids) = if narrowed {
        let most =
            if sampling.top_k > 0 { i64::try_from(sampling.top_k).unwrap_or(i64::MAX).min(vocabulary) } else { vocabulary };
        let (scores, ids) = scores.topk(most, 1, true, true);
        (scores, Some(ids))
    } else {
        (scores, None)
    };
    let probabilities = scores.softmax(-1, Kind::Double).nan_to_num(0.0, None, None);
    let cumulated = probabilities.cumsum(1, Kind::Double);
    // The nucleus: tokens before which less than `top_p` was reached.
    let kept = (&cumulated - &probabilities).lt(sampling.top_p).to_kind(Kind::Int64).sum_dim_intlist(
        [1i64].as_slice(),
        true,
        Kind::Int64,
    );
    let last = if sampling.top_p < 1.0 { kept.clamp_min(1) - 1 } else { kept.full_like(cumulated.size()[1] - 1) };
    let whole = cumulated.gather(1, &last, false);
    let chances = Tensor::from_slice(chances).to_device(scores.device()).unsqueeze(1);
    let below = cumulated.le_tensor(&(chances * whole)).to_kind(Kind::Int64);
    let place = below.sum_dim_intlist([1i64].as_slice(), true, Kind::Int64).minimum(&last);
    let tokens = ids.map_or_else(|| place.shallow_clone(), |ids| ids.gather(1, &place, false));
    let tokens: Vec<i64> = Vec::try_from(tokens.to_device(Device::Cpu).view(-1)).expect("a flat tensor is a vector");
    tokens.into_iter().map(|token| token as u32).collect()
}

/// The value of one token in each row.
fn at(scores: &Tensor, tokens: &[u32]) -> Vec<f32> {
    let places = flat_places(scores, tokens.iter().copied().enumerate()).expect("a step has rows");
    numbers_of(&scores.view(-1).index_select(0, &places))
}
