//! One or several models of one vocabulary as one: what search and forced decoding ask for the next token's probabilities.

use std::rc::Rc;

use tch::{Device, IndexOp, Kind, Tensor};

use super::attention::{TokenAttention, flat};
use super::forced::Scored;
use super::hypothesis::StepAttention;
use super::processor::{Produced, RepetitionPenalty};
use crate::batch::{Source, Target};
use crate::model::{DecoderState, Encoded, Seq2Seq, WithAttention};
use crate::nn::{Pass, ScoreSummary};
use crate::text::special::BOS;

/// Models whose probabilities are averaged: log of the mean probability of the next token. Vocabularies must be the same, architectures
/// need not. Attention is averaged where all that attend have as many layers and heads, otherwise it is that of the first that attends.
pub struct Ensemble<'a> {
    members: Vec<&'a dyn Seq2Seq>,
}

impl<'a> From<&'a dyn Seq2Seq> for Ensemble<'a> {
    fn from(model: &'a dyn Seq2Seq) -> Self {
        Ensemble { members: vec![model] }
    }
}

impl<'a> Ensemble<'a> {
    /// The first model, and others.
    pub fn new(first: &'a dyn Seq2Seq, others: impl IntoIterator<Item = &'a dyn Seq2Seq>) -> Self {
        Ensemble { members: std::iter::once(first).chain(others).collect() }
    }

    /// Whether any of them has attention to show.
    pub fn attends(&self) -> bool {
        self.members.iter().any(|member| member.attends())
    }

    /// What the models say of given pairs, in the given order.
    pub fn score(&self, source: &Source, target: &Target, attention: WithAttention) -> Vec<Scored> {
        let _guard = tch::no_grad_guard();
        let pass = Pass::evaluation();
        let mut of_members = Vec::new();
        let mut attentions = Vec::new();
        for member in &self.members {
            let decoded = member.decode(&member.encode(source, &pass), &target.input, &pass, attention);
            let log_probabilities = member.scores(&decoded, &target.real).log_softmax(-1, Kind::Float);
            of_members.push(log_probabilities.gather(1, &target.output.unsqueeze(1), false));
            attentions.push(decoded.attention);
        }
        let weights = mean_attention(attentions);
        let picked = flat(&log_of_mean(of_members));
        let mut rest = picked.as_slice();
        (0..source.lengths.len())
            .map(|row| {
                let (mine, others) = rest.split_at(target.lengths[row] as usize);
                rest = others;
                let attention = weights
                    .as_ref()
                    .map(|weights| TokenAttention::from_tensor(&weights.i(row as i64), mine.len(), source.lengths[row] as usize));
                Scored { log_probabilities: mine.to_vec(), attention }
            })
            .collect()
    }
}

/// log mean_m p_m, from log p_m.
fn log_of_mean(mut members: Vec<Tensor>) -> Tensor {
    if members.len() == 1 {
        return members.remove(0);
    }
    Tensor::stack(&members, 0).logsumexp([0i64].as_slice(), false) - (members.len() as f64).ln()
}

fn mean_attention(members: Vec<Option<Tensor>>) -> Option<Tensor> {
    let attending: Vec<Tensor> = members.into_iter().flatten().collect();
    let first = attending.first()?;
    if attending.len() == 1 || attending.iter().any(|weights| weights.size() != first.size()) {
        return Some(first.shallow_clone());
    }
    Some(Tensor::stack(&attending, 0).mean_dim([0i64].as_slice(), false, None))
}

/// A way through the decoder: encoded sources and states of all members.
pub(super) struct Walk<'a> {
    members: &'a [&'a dyn Seq2Seq],
    encoded: Vec<Encoded>,
    states: Vec<DecoderState>,
    attention: WithAttention,
    device: Device,
}

/// One step of the walk.
pub(super) struct Stepped {
    /// Scores of the next token [R, V]: its log probabilities, or logits where there is a summary of them.
    pub scores: Tensor,
    pub summary: Option<ScoreSummary>,
    /// The same after the repetition penalty, where there is one.
    pub penalised: Option<Tensor>,
    pub weights: Option<Rc<StepAttention>>,
}

impl Stepped {
    /// With scores that are log probabilities.
    pub fn normalised(mut self) -> Self {
        if let Some(summary) = self.summary.take() {
            self.scores -= summary.highest;
            self.scores -= summary.log_sum;
        }
        self
    }
}

impl<'a> Walk<'a> {
    /// One row for each source.
    pub fn new(models: &'a Ensemble, source: &Source, attention: bool) -> Self {
        let encoded: Vec<Encoded> = models.members.iter().map(|member| member.encode(source, &Pass::evaluation())).collect();
        Walk {
            members: &models.members,
            states: encoded.iter().map(|encoded| encoded.initial.shallow_clone()).collect(),
            encoded,
            attention: if attention { WithAttention::Yes } else { WithAttention::No },
            device: source.ids.device(),
        }
    }

    /// `produced` says what each row has so far.
    pub fn step(&mut self, produced: &Produced, repetition: Option<RepetitionPenalty>) -> Stepped {
        let previous: Vec<i64> = produced.rows.iter().map(|tokens| i64::from(tokens.last().copied().unwrap_or(BOS))).collect();
        let previous = Tensor::from_slice(&previous).to_device(self.device);
        let mut steps = Vec::with_capacity(self.members.len());
        for ((member, encoded), state) in self.members.iter().zip(&self.encoded).zip(&mut self.states) {
            let step = member.step(encoded, std::mem::take(state), &previous, self.attention);
            *state = step.state;
            steps.push((step.logits, step.summary, step.attention));
        }
        let weights = mean_attention(steps.iter_mut().map(|(_, _, attention)| attention.take()).collect());
        let weights = weights.map(|weights| Rc::new(StepAttention::new(&weights)));
        if let ([(_, Some(_), _)], None) = (steps.as_slice(), repetition) {
            // Probabilities of all tokens are never worked out.
            let (scores, summary, _) = steps.remove(0);
            return Stepped { scores, summary, penalised: None, weights };
        }
        let log_softmax = |logits: &Tensor| logits.log_softmax(-1, Kind::Float);
        let mean =
            |of_member: &dyn Fn(&Tensor) -> Tensor| log_of_mean(steps.iter().map(|(logits, ..)| of_member(logits)).collect());
        let penalised = repetition.map(|rule| mean(&|logits| log_softmax(&rule.penalised(logits, produced))));
        Stepped { scores: mean(&log_softmax), summary: None, penalised, weights }
    }

    /// Goes on with these rows, which may be repeated, in this order.
    pub fn keep_rows(&mut self, rows: &[i64]) {
        let current = self.states.iter().flat_map(|state| state.tensors.first()).next().map_or(0, |tensor| tensor.size()[0]);
        // Greedy search moves nothing until a source is done.
        if rows.len() as i64 == current && rows.iter().zip(0..).all(|(&row, place)| row == place) {
            return;
        }
        let rows = Tensor::from_slice(rows).to_device(self.device);
        self.states.iter_mut().for_each(|state| state.select(&rows));
    }

    /// Goes on with these sources; their rows have to be kept too.
    pub fn keep_sources(&mut self, sources: &[i64]) {
        if self.encoded.first().is_some_and(|encoded| encoded.rows() == sources.len() as i64) {
            return;
        }
        let sources = Tensor::from_slice(sources).to_device(self.device);
        self.encoded.iter_mut().for_each(|encoded| *encoded = encoded.select(&sources));
        self.states.iter_mut().for_each(|state| state.keep_sources(&sources));
    }
}
