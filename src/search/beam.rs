//! Beam search over a batch of sources; a beam of one is greedy search.
//!
//! Each source has a beam of its own: what becomes of it depends on no neighbour in the batch. A hypothesis that ends is taken out
//! and kept as it is; a source is done when it has as many finished hypotheses as its beam is wide, or reached its length limit,
//! and its rows are dropped.

use std::rc::Rc;

use tch::{Device, Kind, Tensor};

use super::attention::{TokenAttention, flat};
use super::{Hypothesis, MinimumLength, Processor, SearchOptions, Suppress};
use crate::batch::Source;
use crate::model::{DecoderState, Encoded, Seq2Seq, WithAttention};
use crate::nn::Pass;
use crate::text::special::{BOS, EOS, PAD};

/// The best hypotheses of every source, best first.
pub fn search(model: &dyn Seq2Seq, source: &Source, options: &SearchOptions) -> Vec<Vec<Hypothesis>> {
    let _guard = tch::no_grad_guard();
    let device = source.ids.device();
    let mut suppressed = vec![PAD, BOS];
    suppressed.extend(&options.suppressed);
    let processors: [Box<dyn Processor>; 2] =
        [Box::new(Suppress::new(&suppressed, device)), Box::new(MinimumLength::new(options.minimum_length, EOS, device))];
    let wants_attention = options.attention || options.coverage_penalty > 0.0;
    let attention = if wants_attention { WithAttention::Yes } else { WithAttention::No };

    let mut beams: Vec<Beam> =
        source.lengths.iter().enumerate().map(|(row, &length)| Beam::new(row, length as usize, options)).collect();
    let mut done: Vec<Option<Vec<Hypothesis>>> = beams.iter().map(|_| None).collect();
    let mut encoded = model.encode(source, &Pass::evaluation());
    let mut state = DecoderState { step: 0, tensors: encoded.initial.tensors.iter().map(Tensor::shallow_clone).collect() };
    // Every source starts with one hypothesis; the first step spreads it over the beam.
    let mut width = 1;
    while !beams.is_empty() {
        let previous: Vec<i64> = beams.iter().flat_map(|beam| beam.live.iter().map(Partial::last)).collect();
        let step = model.step(&encoded, &state, &Tensor::from_slice(&previous).to_device(device), attention);
        let produced = state.step as usize;
        let mut scores = step.logits.log_softmax(-1, Kind::Float);
        for processor in &processors {
            scores = processor.apply(scores, produced);
        }
        let weights = step.attention.as_ref().map(|weights| Rc::new(StepAttention::new(weights)));
        let candidates = Candidates::best(&scores, &beams, width, options.beam);
        let mut parents = Vec::new();
        let mut kept = Vec::new();
        for (index, mut beam) in std::mem::take(&mut beams).into_iter().enumerate() {
            let rows = beam.advance(candidates.of(index), width * index, weights.as_ref(), options);
            if beam.is_done(options) {
                let row = beam.row;
                done[row] = Some(beam.finish(options));
            } else {
                parents.extend(rows);
                kept.push(index as i64);
                beams.push(beam);
            }
        }
        width = options.beam;
        if beams.is_empty() {
            break;
        }
        state = step.state.select(&Tensor::from_slice(&parents).to_device(device));
        if kept.len() as i64 != encoded.rows() {
            encoded = Encoded::select(&encoded, &Tensor::from_slice(&kept).to_device(device));
        }
    }
    done.into_iter().map(|hypotheses| hypotheses.expect("every beam ends at its length limit")).collect()
}

/// The best continuations of each source at one step.
struct Candidates {
    /// (row in the beam, token, log p of the token, summed log p), best first, `each` for every source.
    entries: Vec<Candidate>,
    each: usize,
}

#[derive(Clone, Copy)]
struct Candidate {
    row: usize,
    token: u32,
    log_probability: f32,
    sum: f64,
}

impl Candidates {
    /// Twice as many as the beam is wide: at most one a row can be EOS, so enough are left to fill the beam.
    fn best(scores: &Tensor, beams: &[Beam], width: usize, beam: usize) -> Self {
        let vocabulary = scores.size()[1];
        let sums: Vec<f32> = beams.iter().flat_map(|beam| beam.live.iter().map(|partial| partial.sum as f32)).collect();
        let totals = scores + Tensor::from_slice(&sums).to_device(scores.device()).unsqueeze(1);
        let totals = totals.reshape([beams.len() as i64, width as i64 * vocabulary]);
        let each = (2 * beam as i64).min(totals.size()[1]);
        let (_, places) = totals.topk(each, 1, true, true);
        let log_probabilities = flat(&scores.reshape([beams.len() as i64, -1]).gather(1, &places, false));
        let places: Vec<i64> = Vec::try_from(places.to_device(Device::Cpu).view(-1)).expect("a flat tensor is a vector");
        let entries = places
            .iter()
            .zip(&log_probabilities)
            .enumerate()
            .map(|(index, (&place, &log_probability))| {
                let row = (place / vocabulary) as usize;
                let sum = beams[index / each as usize].live[row].sum + f64::from(log_probability);
                Candidate { row, token: (place % vocabulary) as u32, log_probability, sum }
            })
            .collect();
        Candidates { entries, each: each as usize }
    }

    fn of(&self, source: usize) -> &[Candidate] {
        &self.entries[source * self.each..(source + 1) * self.each]
    }
}

/// Weights of one step for all rows, shared by the hypotheses that go through it.
struct StepAttention {
    layers: usize,
    heads: usize,
    columns: usize,
    weights: Vec<f32>,
}

impl StepAttention {
    fn new(weights: &Tensor) -> Self {
        let size = weights.size();
        StepAttention { layers: size[1] as usize, heads: size[2] as usize, columns: size[3] as usize, weights: flat(weights) }
    }
}

/// A hypothesis on its way. A sum of minus infinity marks a row that only fills the beam.
#[derive(Clone)]
struct Partial {
    tokens: Vec<u32>,
    log_probabilities: Vec<f32>,
    sum: f64,
    /// Step and row of each token's weights.
    attention: Vec<(Rc<StepAttention>, usize)>,
}

impl Partial {
    fn last(&self) -> i64 {
        i64::from(self.tokens.last().copied().unwrap_or(BOS))
    }

    fn extended(&self, candidate: &Candidate, attention: Option<(Rc<StepAttention>, usize)>) -> Self {
        let mut next = self.clone();
        next.tokens.push(candidate.token);
        next.log_probabilities.push(candidate.log_probability);
        next.sum = candidate.sum;
        next.attention.extend(attention);
        next
    }

    fn into_hypothesis(mut self, source_length: usize, options: &SearchOptions) -> Hypothesis {
        let finished = self.tokens.last() == Some(&EOS);
        if finished {
            self.tokens.pop();
        }
        let attention = self.gather_attention(source_length);
        let mut score = options.length_penalty.normalise(self.sum, self.log_probabilities.len());
        if let (true, Some(attention)) = (options.coverage_penalty > 0.0, &attention) {
            score += options.coverage_penalty * coverage_penalty(attention);
        }
        Hypothesis {
            tokens: self.tokens,
            log_probabilities: self.log_probabilities,
            score,
            finished,
            attention: attention.filter(|_| options.attention),
        }
    }

    fn gather_attention(&self, columns: usize) -> Option<TokenAttention> {
        let (first, _) = self.attention.first()?;
        let (layers, heads, rows) = (first.layers, first.heads, self.attention.len());
        let mut weights = Vec::with_capacity(layers * heads * rows * columns);
        for head in 0..layers * heads {
            for (step, row) in &self.attention {
                let start = (row * layers * heads + head) * step.columns;
                weights.extend_from_slice(&step.weights[start..start + columns]);
            }
        }
        Some(TokenAttention { layers, heads, rows, columns, weights })
    }
}

/// Σ_j log min(Σ_i a_ij, 1) over source tokens, EOS included.
fn coverage_penalty(attention: &TokenAttention) -> f64 {
    let mean = attention.mean();
    (0..attention.columns)
        .map(|column| {
            let sum: f32 = (0..attention.rows).map(|row| mean[row * attention.columns + column]).sum();
            // A position that was never looked at costs much, but not everything.
            f64::from(sum.clamp(1e-6, 1.0)).ln()
        })
        .sum()
}

/// The beam of one source.
struct Beam {
    /// Row in the batch.
    row: usize,
    source_length: usize,
    maximum_length: usize,
    live: Vec<Partial>,
    finished: Vec<Hypothesis>,
}

impl Beam {
    fn new(row: usize, source_length: usize, options: &SearchOptions) -> Self {
        let start = Partial { tokens: Vec::new(), log_probabilities: Vec::new(), sum: 0.0, attention: Vec::new() };
        let maximum_length = options.maximum_length(source_length.saturating_sub(1));
        Beam { row, source_length, maximum_length, live: vec![start], finished: Vec::new() }
    }

    /// Takes the candidates of one step, and says for each new row which row (of the whole batch) it continues.
    fn advance(
        &mut self,
        candidates: &[Candidate],
        first_row: usize,
        weights: Option<&Rc<StepAttention>>,
        options: &SearchOptions,
    ) -> Vec<i64> {
        let mut live = Vec::with_capacity(options.beam);
        let mut parents = Vec::with_capacity(options.beam);
        for (rank, candidate) in candidates.iter().enumerate() {
            if candidate.sum == f64::NEG_INFINITY || live.len() == options.beam {
                break;
            }
            let attention = weights.map(|weights| (Rc::clone(weights), first_row + candidate.row));
            let ends = candidate.token == EOS;
            // An end counts only among the best as many as the beam is wide: else it would be there for want of competition.
            if ends && rank >= options.beam {
                continue;
            }
            let next = self.live[candidate.row].extended(candidate, attention);
            if ends {
                self.finished.push(next.into_hypothesis(self.source_length, options));
            } else {
                parents.push((first_row + candidate.row) as i64);
                live.push(next);
            }
        }
        // A tiny vocabulary can leave the beam short; rows that lead nowhere fill it up.
        while !live.is_empty() && live.len() < options.beam {
            let mut filler = live[0].clone();
            filler.sum = f64::NEG_INFINITY;
            parents.push(parents[0]);
            live.push(filler);
        }
        self.live = live;
        parents
    }

    fn is_done(&self, options: &SearchOptions) -> bool {
        let at_limit = self.live.first().is_none_or(|partial| partial.tokens.len() >= self.maximum_length);
        at_limit || self.finished.len() >= options.beam
    }

    /// The best hypotheses: finished ones first of all, cut-off ones only where those are too few.
    fn finish(self, options: &SearchOptions) -> Vec<Hypothesis> {
        let best_first = |hypotheses: &mut Vec<Hypothesis>| hypotheses.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut hypotheses = self.finished;
        best_first(&mut hypotheses);
        if hypotheses.len() < options.n_best {
            let partials = self.live.into_iter().filter(|partial| partial.sum > f64::NEG_INFINITY);
            let mut cut: Vec<Hypothesis> = partials.map(|partial| partial.into_hypothesis(self.source_length, options)).collect();
            best_first(&mut cut);
            hypotheses.extend(cut);
        }
        hypotheses.truncate(options.n_best);
        hypotheses
    }
}
