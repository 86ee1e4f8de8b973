//! The best continuations of hypotheses at one step.

use std::collections::BTreeMap;

use tch::{Device, Kind, Tensor};

use super::candidate::Candidate;
use super::hypothesis::BeamHypothesis;
use super::processor::flat_places;
use super::scores::StepScores;
use crate::kernels::{numbers_of, top_extensions};

/// Where the hypotheses of a group are among the rows of each source.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupRows {
    pub first: usize,
    pub width: usize,
    /// Rows of a source.
    pub each: usize,
}

/// Tokens that earlier groups of a source chose at this step, and how often.
pub(super) type TokenCounts = BTreeMap<u32, usize>;

/// The best `most` extensions of each source's hypotheses, best first. `live` holds `rows.width` hypotheses for every source; `chosen` of
/// every source costs `penalty` a time.
pub(super) fn best(
    scores: &StepScores,
    live: &[&[BeamHypothesis]],
    rows: GroupRows,
    most: usize,
    chosen: &[TokenCounts],
    penalty: f64,
) -> Vec<Vec<Candidate>> {
    let row_of = |source: usize, row: usize| source * rows.each + rows.first + row;
    let keys = live.iter().enumerate().flat_map(|(source, live)| {
        let keys = live.iter().enumerate().map(move |(row, hypothesis)| (row, (hypothesis.sum + hypothesis.diversity) as f32));
        keys.map(move |(row, key)| key + scores.log_probability(row_of(source, row), 0.0))
    });
    let keys: Vec<f32> = keys.collect();
    let processed = part(&scores.processed, rows);
    let repeated = !chosen.iter().all(BTreeMap::is_empty);
    let (diversity_penalised, maxima) = match repeated {
        false => (processed, scores.maxima.as_ref().map(|maxima| part(maxima, rows))),
        true => {
            let counts = chosen_counts(chosen, processed.size()[2], processed.device());
            (processed - counts.unsqueeze(1) * penalty, None)
        }
    };
    let found = top_extensions(&diversity_penalised, &keys, maxima, most);
    let places = found
        .iter()
        .enumerate()
        .flat_map(|(source, best)| best.iter().map(move |extension| (row_of(source, extension.row), extension.token)));
    // What is compared is not always what counts, and that is not always what the model says.
    let scores_at = |of: &Tensor, wanted: bool| {
        let places = wanted.then(|| flat_places(of, places.clone())).flatten()?;
        Some(numbers_of(&of.view(-1).index_select(0, &places)).into_iter())
    };
    let (mut gains, mut log_probabilities) = (scores_at(&scores.processed, repeated), scores_at(&scores.model, scores.changed));
    let candidates = found.iter().zip(live).zip(chosen).enumerate().map(|(source, ((best, live), chosen))| {
        let candidates = best.iter().map(|extension| {
            let score = gains.as_mut().and_then(Iterator::next).unwrap_or(extension.score);
            let gain = scores.log_probability(row_of(source, extension.row), score);
            let of_model = log_probabilities.as_mut().and_then(Iterator::next);
            let log_probability = of_model.map_or(gain, |score| scores.log_probability(row_of(source, extension.row), score));
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
    scores: &StepScores,
    live: &[&[BeamHypothesis]],
    rows: GroupRows,
    wanted: &[(usize, usize, u32)],
    chosen: &[TokenCounts],
    penalty: f64,
) -> Vec<Candidate> {
    let indices: Vec<usize> = wanted.iter().map(|&(source, row, _)| source * rows.each + rows.first + row).collect();
    let places = indices.iter().zip(wanted).map(|(&row, wanted)| (row, wanted.2));
    let Some(places) = flat_places(&scores.processed, places) else { return Vec::new() };
    let at_places = |of: &Tensor| {
        let found = numbers_of(&of.view(-1).index_select(0, &places)).into_iter();
        found.zip(&indices).map(|(score, &row)| scores.log_probability(row, score)).collect::<Vec<f32>>()
    };
    let found = wanted.iter().zip(at_places(&scores.processed).into_iter().zip(at_places(&scores.model)));
    found
        .map(|(&(source, row, token), (gain, log_probability))| {
            candidate(&live[source][row], row, token, log_probability, gain, chosen[source].get(&token), penalty)
        })
        .collect()
}

fn candidate(
    parent: &BeamHypothesis,
    row: usize,
    token: u32,
    log_probability: f32,
    gain: f32,
    repeated: Option<&usize>,
    penalty: f64,
) -> Candidate {
    let diversity = parent.diversity - penalty * repeated.copied().unwrap_or(0) as f64;
    Candidate { row, token, log_probability, sum: parent.sum + f64::from(gain), diversity }
}

/// How often each token was chosen [B, V].
fn chosen_counts(chosen: &[TokenCounts], vocabulary: i64, device: Device) -> Tensor {
    let mut counts = vec![0f32; chosen.len() * vocabulary as usize];
    for (source, chosen) in chosen.iter().enumerate() {
        for (&token, &count) in chosen {
            counts[source * vocabulary as usize + token as usize] = count as f32;
        }
    }
    Tensor::from_slice(&counts).to_kind(Kind::Float).to_device(device).view([chosen.len() as i64, vocabulary])
}

/// Rows `first` to `first + width` of every source, which has `each` rows, of a tensor [R, N]: [B, width, N].
fn part(tensor: &Tensor, rows: GroupRows) -> Tensor {
    let parts = tensor.view([-1, rows.each as i64, tensor.size()[1]]);
    parts.narrow(1, rows.first as i64, rows.width as i64)
}
