//! The best continuations of hypotheses at one step.

use std::collections::{BTreeMap, HashSet};

use tch::{Device, Kind, Tensor};

use super::attention::flat;
use super::hypothesis::Partial;
use super::processor::{Processor, Produced, flat_places, forbid};
use super::top::top;
use crate::text::special::EOS;

/// A hypothesis with one more token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    /// Of the hypothesis in its group.
    pub row: usize,
    pub token: u32,
    /// What the model says of the token.
    pub log_probability: f32,
    /// What the longer hypothesis is ranked by at the end.
    pub sum: f64,
    /// See [`Partial::charge`].
    pub charge: f64,
}

impl Candidate {
    /// What it is compared by inside the beam.
    pub fn key(&self) -> f64 {
        self.sum + self.charge
    }
}

/// Log probabilities of one step [R, V], as the model gave them and after the rules.
pub(super) struct Scores {
    pub model: Tensor,
    pub ruled: Tensor,
    /// Whether rules do more than forbid.
    changed: bool,
}

/// What single rows are told beside the rules for all.
#[derive(Default)]
pub(super) struct RowRules {
    /// (row, token): nothing but this token.
    pub forced: Vec<(usize, u32)>,
    /// Rows that may not end.
    pub endless: Vec<usize>,
}

impl Scores {
    /// `penalised` are the log probabilities after a rule that did more than forbid.
    pub fn new(
        model: Tensor,
        penalised: Option<Tensor>,
        rules: &[Box<dyn Processor>],
        produced: &Produced,
        rows: &RowRules,
    ) -> Self {
        let changed = penalised.is_some();
        // Who is forced to a token that the rules forbid wants to know what the model said.
        let plain = || if rows.forced.is_empty() { model.shallow_clone() } else { model.copy() };
        let mut ruled = penalised.unwrap_or_else(plain);
        for rule in rules {
            rule.apply(&mut ruled, produced);
        }
        forbid(&mut ruled, rows.endless.iter().map(|&row| (row, EOS)));
        if let Some(places) = flat_places(&model, rows.forced.iter().copied()) {
            let which: Vec<i64> = rows.forced.iter().map(|&(row, _)| row as i64).collect();
            let which = Tensor::from_slice(&which).to_device(ruled.device());
            let _ = ruled.index_fill_(0, &which, f64::NEG_INFINITY);
            let _ = ruled.view(-1).index_copy_(0, &places, &model.view(-1).index_select(0, &places));
        }
        Scores { model, ruled, changed }
    }

    /// The best token of every row, leaving out those that would undo a phrase it has just met (`undoing`: rows with tokens).
    pub fn likeliest(&self, undoing: &[(usize, HashSet<u32>)]) -> Vec<u32> {
        let best = |scores: &Tensor| -> Vec<u32> {
            let best = Vec::<i64>::try_from(scores.argmax(1, false).to_device(Device::Cpu)).expect("a flat tensor is a vector");
            best.into_iter().map(|token| token as u32).collect()
        };
        let mut likeliest = best(&self.ruled);
        if undoing.is_empty() {
            return likeliest;
        }
        let rows: Vec<i64> = undoing.iter().map(|(row, _)| *row as i64).collect();
        let mut others = self.ruled.index_select(0, &Tensor::from_slice(&rows).to_device(self.ruled.device()));
        let forbidden =
            undoing.iter().enumerate().flat_map(|(place, (_, tokens))| tokens.iter().map(move |&token| (place, token)));
        forbid(&mut others, forbidden);
        for ((row, _), token) in undoing.iter().zip(best(&others)) {
            likeliest[*row] = token;
        }
        likeliest
    }

    /// Rows `first` to `first + width` of every source, which has `each` rows: [B, width · V].
    fn part(&self, tensor: &Tensor, place: Place) -> Tensor {
        let vocabulary = tensor.size()[1];
        let part = tensor.view([-1, place.each as i64, vocabulary]).narrow(1, place.first as i64, place.width as i64);
        part.reshape([-1, place.width as i64 * vocabulary])
    }
}

/// Where the hypotheses of a group stand among the rows of each source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub first: usize,
    pub width: usize,
    /// Rows of a source.
    pub each: usize,
}

/// Tokens that earlier groups of a source chose at this step, and how often.
pub(super) type Chosen = BTreeMap<u32, usize>;

/// The best `most` extensions of each source's hypotheses, best first. `live` holds `place.width` hypotheses for every source; `chosen` of
/// every source is charged `penalty` a time.
pub(super) fn best(
    scores: &Scores,
    live: &[&[Partial]],
    place: Place,
    most: usize,
    chosen: &[Chosen],
    penalty: f64,
) -> Vec<Vec<Candidate>> {
    let vocabulary = scores.ruled.size()[1];
    let (sources, device) = (live.len() as i64, scores.ruled.device());
    let keys: Vec<f32> = live.iter().flat_map(|live| live.iter().map(|partial| (partial.sum + partial.charge) as f32)).collect();
    let keys = Tensor::from_slice(&keys).to_device(device).view([sources, place.width as i64, 1]);
    let ruled = scores.part(&scores.ruled, place);
    let by_row = ruled.view([sources, place.width as i64, vocabulary]);
    let charged = if chosen.iter().all(BTreeMap::is_empty) {
        by_row
    } else {
        by_row - chosen_counts(chosen, vocabulary, device).unsqueeze(1) * penalty
    };
    let (sums, places) = top(&charged, &keys, most as i64);
    let each = places.size()[1];
    let gains = flat(&ruled.gather(1, &places, false).masked_fill(&sums.eq(f64::NEG_INFINITY), f64::NEG_INFINITY));
    let log_probabilities = scores.changed.then(|| flat(&scores.part(&scores.model, place).gather(1, &places, false)));
    let places: Vec<i64> = Vec::try_from(places.to_device(Device::Cpu).view(-1)).expect("a flat tensor is a vector");
    let candidates = places.iter().enumerate().map(|(index, &at)| {
        let source = index / each as usize;
        let (row, token) = ((at / vocabulary) as usize, (at % vocabulary) as u32);
        let log_probability = log_probabilities.as_ref().map_or(gains[index], |all| all[index]);
        candidate(&live[source][row], row, token, log_probability, gains[index], chosen[source].get(&token), penalty)
    });
    let candidates: Vec<Candidate> = candidates.collect();
    candidates.chunks(each as usize).map(<[Candidate]>::to_vec).collect()
}

/// The candidates of given (source, hypothesis in its group, token).
pub(super) fn given(
    scores: &Scores,
    live: &[&[Partial]],
    place: Place,
    wanted: &[(usize, usize, u32)],
    chosen: &[Chosen],
    penalty: f64,
) -> Vec<Candidate> {
    let places = wanted.iter().map(|&(source, row, token)| (source * place.each + place.first + row, token));
    let Some(places) = flat_places(&scores.ruled, places) else { return Vec::new() };
    let gains = flat(&scores.ruled.view(-1).index_select(0, &places));
    let log_probabilities = flat(&scores.model.view(-1).index_select(0, &places));
    let found = wanted.iter().zip(gains.iter().zip(&log_probabilities));
    found
        .map(|(&(source, row, token), (&gain, &log_probability))| {
            candidate(&live[source][row], row, token, log_probability, gain, chosen[source].get(&token), penalty)
        })
        .collect()
}

fn candidate(
    parent: &Partial,
    row: usize,
    token: u32,
    log_probability: f32,
    gain: f32,
    repeated: Option<&usize>,
    penalty: f64,
) -> Candidate {
    let charge = parent.charge - penalty * repeated.copied().unwrap_or(0) as f64;
    Candidate { row, token, log_probability, sum: parent.sum + f64::from(gain), charge }
}

/// How often each token was chosen [B, V].
fn chosen_counts(chosen: &[Chosen], vocabulary: i64, device: Device) -> Tensor {
    let mut counts = vec![0f32; chosen.len() * vocabulary as usize];
    for (source, chosen) in chosen.iter().enumerate() {
        for (&token, &count) in chosen {
            counts[source * vocabulary as usize + token as usize] = count as f32;
        }
    }
    Tensor::from_slice(&counts).to_kind(Kind::Float).to_device(device).view([chosen.len() as i64, vocabulary])
}
