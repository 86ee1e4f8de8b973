//! The best continuations of hypotheses at one step.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::rc::Rc;

use tch::{Device, Kind, Tensor};

use super::attention::flat;
use super::ensemble::Stepped;
use super::hypothesis::{Partial, StepAttention};
use super::processor::{Processor, Produced, flat_places, forbid};
use super::top::top;
use crate::nn::BLOCK;
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

/// Scores of one step [R, V], as the model gave them and after the rules.
pub(super) struct Scores {
    pub model: Tensor,
    pub ruled: Tensor,
    /// Where they are logits, for each row the highest, m, and log Σ eˢ⁻ᵐ.
    sums: Option<Vec<(f32, f32)>>,
    /// The highest of each block of tokens after the rules, where they are known [R, ⌈V / BLOCK⌉].
    maxima: Option<Tensor>,
    /// Whether rules do more than forbid.
    changed: bool,
    /// What the rows attended to.
    pub weights: Option<Rc<StepAttention>>,
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
    pub fn new(stepped: Stepped, rules: &[Box<dyn Processor>], produced: &Produced, rows: &RowRules) -> Self {
        let Stepped { scores: model, summary, penalised, weights } = stepped;
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
        let sums = summary.as_ref().map(|summary| flat(&summary.highest).into_iter().zip(flat(&summary.log_sum)).collect());
        let maxima = summary.map(|summary| summary.maxima);
        let maxima = maxima.filter(|_| rows.endless.is_empty() && rows.forced.is_empty()).and_then(|maxima| {
            let forbidden: Option<Vec<&[u32]>> = rules.iter().map(|rule| rule.forbidden()).collect();
            renew(&maxima, &ruled, forbidden?.into_iter().flatten().copied());
            Some(maxima)
        });
        Scores { model, ruled, sums, maxima, changed, weights }
    }

    /// log p from a score of this row. In this order: scores may be large, and what counts is small.
    fn log_probability(&self, row: usize, score: f32) -> f32 {
        self.sums.as_ref().map_or(score, |sums| (score - sums[row].0) - sums[row].1)
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
}

/// Rows `first` to `first + width` of every source, which has `each` rows, of a tensor [R, N]: [B, width, N].
fn part(tensor: &Tensor, place: Place) -> Tensor {
    let parts = tensor.view([-1, place.each as i64, tensor.size()[1]]);
    parts.narrow(1, place.first as i64, place.width as i64)
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
    let row_of = |source: usize, row: usize| source * place.each + place.first + row;
    let keys = live.iter().enumerate().flat_map(|(source, live)| {
        let keys = live.iter().enumerate().map(move |(row, partial)| (row, (partial.sum + partial.charge) as f32));
        keys.map(move |(row, key)| key + scores.log_probability(row_of(source, row), 0.0))
    });
    let keys: Vec<f32> = keys.collect();
    let ruled = part(&scores.ruled, place);
    let repeated = !chosen.iter().all(BTreeMap::is_empty);
    let (charged, maxima) = match repeated {
        false => (ruled, scores.maxima.as_ref().map(|maxima| part(maxima, place))),
        true => {
            let counts = chosen_counts(chosen, ruled.size()[2], ruled.device());
            (ruled - counts.unsqueeze(1) * penalty, None)
        }
    };
    let found = top(&charged, &keys, maxima, most);
    let places = found
        .iter()
        .enumerate()
        .flat_map(|(source, best)| best.iter().map(move |extension| (row_of(source, extension.row), extension.token)));
    // What is compared is not always what counts, and that is not always what the model says.
    let said = |of: &Tensor, wanted: bool| {
        let places = wanted.then(|| flat_places(of, places.clone())).flatten()?;
        Some(flat(&of.view(-1).index_select(0, &places)).into_iter())
    };
    let (mut gains, mut log_probabilities) = (said(&scores.ruled, repeated), said(&scores.model, scores.changed));
    let candidates = found.iter().zip(live).zip(chosen).enumerate().map(|(source, ((best, live), chosen))| {
        let candidates = best.iter().map(|extension| {
            let score = gains.as_mut().and_then(Iterator::next).unwrap_or(extension.score);
            let gain = scores.log_probability(row_of(source, extension.row), score);
            let log_probability = log_probabilities.as_mut().and_then(Iterator::next).unwrap_or(gain);
            let repeated = chosen.get(&extension.token);
            candidate(&live[extension.row], extension.row, extension.token, log_probability, gain, repeated, penalty)
        });
        let mut candidates: Vec<Candidate> = candidates.collect();
        // Those that are close to each other were told apart in single precision.
        candidates.sort_by(|one, other| other.key().total_cmp(&one.key()));
        candidates
    });
    candidates.collect()
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
    let rows: Vec<usize> = wanted.iter().map(|&(source, row, _)| source * place.each + place.first + row).collect();
    let places = rows.iter().zip(wanted).map(|(&row, wanted)| (row, wanted.2));
    let Some(places) = flat_places(&scores.ruled, places) else { return Vec::new() };
    let at_places = |of: &Tensor| {
        let found = flat(&of.view(-1).index_select(0, &places)).into_iter();
        found.zip(&rows).map(|(score, &row)| scores.log_probability(row, score)).collect::<Vec<f32>>()
    };
    let found = wanted.iter().zip(at_places(&scores.ruled).into_iter().zip(at_places(&scores.model)));
    found
        .map(|(&(source, row, token), (gain, log_probability))| {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ScoreSummary;
    use crate::search::processor::{NoRepeat, Suppress};
    use crate::search::top::block_maxima;

    #[test]
    fn maxima_are_those_after_the_rules_or_unknown() {
        tch::manual_seed(6);
        let scores = || Tensor::randn([3, 1100], (Kind::Float, Device::Cpu));
        let stepped = || {
            let scores = scores();
            // The best of two blocks are forbidden.
            let _ = scores.select(1, 5).fill_(9.0);
            let _ = scores.select(1, 1050).fill_(9.0);
            let maxima = block_maxima(&scores.unsqueeze(1)).squeeze_dim(1);
            let highest = scores.amax([1i64].as_slice(), true);
            let log_sum = (&scores - &highest).logsumexp([1i64].as_slice(), true);
            Stepped { scores, summary: Some(ScoreSummary { highest, log_sum, maxima }), penalised: None, weights: None }
        };
        let produced = Produced { step: 0, rows: vec![&[], &[], &[]] };
        let rules: Vec<Box<dyn Processor>> = vec![Box::new(Suppress::new(&[5, 7, 1050], Device::Cpu))];
        let found = Scores::new(stepped(), &rules, &produced, &RowRules::default());
        let expected = block_maxima(&found.ruled.unsqueeze(1)).squeeze_dim(1);
        assert!(expected.max().double_value(&[]) < 9.0 && found.maxima.unwrap().equal(&expected));
        let endless = RowRules { endless: vec![1], ..RowRules::default() };
        assert!(Scores::new(stepped(), &rules, &produced, &endless).maxima.is_none());
        let rules: Vec<Box<dyn Processor>> = vec![Box::new(NoRepeat { size: 2 })];
        assert!(Scores::new(stepped(), &rules, &produced, &RowRules::default()).maxima.is_none());
    }
}
