//! One or several models of one vocabulary as one: what search and forced decoding ask for the next token's probabilities.

use std::rc::Rc;

use tch::{Kind, Tensor};

use super::attention::StepAttention;
use super::processor::{Prefixes, RepetitionPenalty};
use crate::batch::Source;
use crate::model::{Decoding, NextTokenScores, Seq2Seq, StepOutput, WithAttention};
use crate::text::special::BOS;

/// Models whose probabilities are averaged: log of the mean probability of the next token. Vocabularies must be the same, architectures
/// need not. Attention is averaged where all that attend have as many layers and heads, otherwise it is that of the first that attends.
pub struct Ensemble<'a> {
    pub(super) members: Vec<&'a dyn Seq2Seq>,
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
}

/// log mean_m p_m, from log p_m.
pub(super) fn log_of_mean(mut members: Vec<Tensor>) -> Tensor {
    if members.len() == 1 {
        return members.remove(0);
    }
    Tensor::stack(&members, 0).logsumexp([0i64].as_slice(), false) - (members.len() as f64).ln()
}

pub(super) fn mean_attention(members: Vec<Option<Tensor>>) -> Option<Tensor> {
    let attending: Vec<Tensor> = members.into_iter().flatten().collect();
    let first = attending.first()?;
    if attending.len() == 1 || attending.iter().any(|weights| weights.size() != first.size()) {
        return Some(first.shallow_clone());
    }
    Some(Tensor::stack(&attending, 0).mean_dim([0i64].as_slice(), false, None))
}

/// The decoding sessions of all ensemble members as one.
pub(super) struct EnsembleDecoding<'a> {
    sessions: Vec<Box<dyn Decoding + 'a>>,
    attention: WithAttention,
    /// Hypotheses R and sources B that are still there.
    hypotheses: usize,
    sources: usize,
}

/// One step of all members.
pub(super) struct EnsembleStep {
    /// Of one model as it gave them, of several the log of their mean probability.
    pub scores: NextTokenScores,
    /// log p [R, V] after the repetition penalty, where there is one.
    pub penalised: Option<Tensor>,
    pub attention: Option<Rc<StepAttention>>,
}

impl<'a> EnsembleDecoding<'a> {
    /// One hypothesis for each source.
    pub fn start(models: &Ensemble<'a>, source: &Source, attention: bool) -> Self {
        EnsembleDecoding {
            sessions: models.members.iter().map(|member| member.start(source)).collect(),
            attention: if attention { WithAttention::Yes } else { WithAttention::No },
            hypotheses: source.lengths.len(),
            sources: source.lengths.len(),
        }
    }

    /// `prefixes` says what each hypothesis has so far.
    pub fn step(&mut self, prefixes: &Prefixes, repetition: Option<RepetitionPenalty>) -> EnsembleStep {
        let previous: Vec<u32> = prefixes.rows.iter().map(|tokens| tokens.last().copied().unwrap_or(BOS)).collect();
        let steps = self.sessions.iter_mut().map(|session| session.step(&previous, self.attention));
        let (mut scores, attention): (Vec<NextTokenScores>, Vec<Option<Tensor>>) =
            steps.map(|StepOutput { scores, attention }| (scores, attention)).unzip();
        let attention = mean_attention(attention).map(|weights| Rc::new(StepAttention::new(&weights)));
        if let ([NextTokenScores::Logits { .. }], None) = (scores.as_slice(), repetition) {
            // Probabilities of all tokens are never worked out.
            return EnsembleStep { scores: scores.remove(0), penalised: None, attention };
        }
        let log_softmax = |scores: &Tensor| scores.log_softmax(-1, Kind::Float);
        let mean =
            |of_member: &dyn Fn(&Tensor) -> Tensor| log_of_mean(scores.iter().map(|scores| of_member(scores.tensor())).collect());
        let penalised = repetition.map(|rule| mean(&|scores| log_softmax(&rule.penalised(scores, prefixes))));
        EnsembleStep { scores: NextTokenScores::LogProbabilities(mean(&log_softmax)), penalised, attention }
    }

    /// See [`Decoding::reorder`].
    pub fn reorder(&mut self, hypotheses: &[usize]) {
        // Greedy search moves nothing.
        if hypotheses.len() == self.hypotheses && hypotheses.iter().enumerate().all(|(place, &row)| row == place) {
            return;
        }
        self.sessions.iter_mut().for_each(|session| session.reorder(hypotheses));
        self.hypotheses = hypotheses.len();
    }

    /// See [`Decoding::retain`].
    pub fn retain(&mut self, sources: &[usize]) {
        if sources.len() == self.sources {
            return;
        }
        self.sessions.iter_mut().for_each(|session| session.retain(sources));
        self.hypotheses = self.hypotheses / self.sources * sources.len();
        self.sources = sources.len();
    }
}
