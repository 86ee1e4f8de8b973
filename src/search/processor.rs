//! Rules on the scores of the next token.

use std::collections::BTreeSet;

use tch::{Device, Kind, Tensor};

use crate::nn::Weight;

/// The tokens that the hypotheses of a step have so far.
pub struct Prefixes<'a> {
    /// How many tokens every live row has.
    pub length: usize,
    /// The tokens of each row.
    pub rows: Vec<&'a [u32]>,
}

/// One rule. Scores [R, V] are log probabilities, or logits, which differ from them by a number for each row; minus infinity forbids a token.
pub trait Processor: Send + Sync {
    /// Changes the scores in place.
    fn apply(&self, scores: &mut Tensor, prefixes: &Prefixes);

    /// Whether it does nothing but forbid: then the scores of all other tokens are still what the model said.
    fn only_forbids(&self) -> bool {
        false
    }

    /// The only tokens that it ever forbids, where it does nothing but that.
    fn forbidden(&self) -> Option<&[u32]> {
        None
    }
}

/// Tokens that are never produced.
pub struct Suppress {
    tokens: Vec<u32>,
    ids: Weight,
}

impl Suppress {
    pub fn new(tokens: &[u32], device: Device) -> Self {
        let ids: Vec<i64> = tokens.iter().map(|&id| i64::from(id)).collect();
        Suppress { tokens: tokens.to_vec(), ids: Tensor::from_slice(&ids).to_kind(Kind::Int64).to_device(device).into() }
    }
}

impl Processor for Suppress {
    fn only_forbids(&self) -> bool {
        true
    }

    fn apply(&self, scores: &mut Tensor, _: &Prefixes) {
        let _ = scores.index_fill_(1, &self.ids, f64::NEG_INFINITY);
    }

    fn forbidden(&self) -> Option<&[u32]> {
        Some(&self.tokens)
    }
}

/// EOS only after this many tokens.
pub struct MinimumLength {
    length: usize,
    eos: Suppress,
}

impl MinimumLength {
    pub fn new(length: usize, eos: u32, device: Device) -> Self {
        MinimumLength { length, eos: Suppress::new(&[eos], device) }
    }
}

impl Processor for MinimumLength {
    fn only_forbids(&self) -> bool {
        true
    }

    fn apply(&self, scores: &mut Tensor, prefixes: &Prefixes) {
        if prefixes.length < self.length {
            self.eos.apply(scores, prefixes);
        }
    }

    fn forbidden(&self) -> Option<&[u32]> {
        self.eos.forbidden()
    }
}

/// Sequences that are never produced: the last token of each is forbidden behind the others.
pub struct SuppressPhrases {
    pub phrases: Vec<Vec<u32>>,
}

impl Processor for SuppressPhrases {
    fn only_forbids(&self) -> bool {
        true
    }

    fn apply(&self, scores: &mut Tensor, prefixes: &Prefixes) {
        let phrases = || self.phrases.iter().filter_map(|phrase| phrase.split_last());
        let rows = prefixes.rows.iter().enumerate();
        forbid(
            scores,
            rows.flat_map(|(row, tokens)| {
                phrases().filter(|(_, before)| tokens.ends_with(before)).map(move |(&last, _)| (row, last))
            }),
        );
    }
}

/// No sequence of `size` tokens comes twice (Paulus et al. 2018, section 2.5).
pub struct NoRepeat {
    pub size: usize,
}

impl Processor for NoRepeat {
    fn only_forbids(&self) -> bool {
        true
    }

    fn apply(&self, scores: &mut Tensor, prefixes: &Prefixes) {
        let rows = prefixes.rows.iter().enumerate().filter(|(_, tokens)| tokens.len() >= self.size);
        forbid(
            scores,
            rows.flat_map(|(row, tokens)| {
                let begun = &tokens[tokens.len() + 1 - self.size..];
                tokens
                    .windows(self.size)
                    .filter(move |window| window.starts_with(begun))
                    .map(move |window| (row, window[self.size - 1]))
            }),
        );
    }
}

/// Logits of tokens that a row has produced are divided by `factor` where they are positive and multiplied by it where they are not: above
/// 1 such tokens come less (Keskar et al. 2019, section 4.1, with the sign minded, as CTranslate2 and transformers do). A rule on logits
/// and not on log probabilities, which would leave alone what a model is sure of.
#[derive(Debug, Clone, Copy)]
pub struct RepetitionPenalty {
    pub factor: f64,
}

impl RepetitionPenalty {
    /// The logits [R, V] as they are after it.
    pub fn penalised(self, logits: &Tensor, prefixes: &Prefixes) -> Tensor {
        let places: BTreeSet<(usize, u32)> =
            prefixes.rows.iter().enumerate().flat_map(|(row, tokens)| tokens.iter().map(move |&token| (row, token))).collect();
        let logits = logits.to_kind(Kind::Float).contiguous().copy();
        if let Some(places) = flat_places(&logits, places) {
            let mut flat = logits.view(-1);
            let before = flat.index_select(0, &places);
            let after = (&before / self.factor).where_self(&before.gt(0.0), &(&before * self.factor));
            let _ = flat.index_copy_(0, &places, &after);
        }
        logits
    }
}

/// Minus infinity at these (row, token).
pub(super) fn forbid(scores: &mut Tensor, places: impl IntoIterator<Item = (usize, u32)>) {
    if let Some(places) = flat_places(scores, places) {
        let _ = scores.view(-1).index_fill_(0, &places, f64::NEG_INFINITY);
    }
}

/// Indices of (row, token) in the flattened scores [R · V]; none where there are none.
pub(super) fn flat_places(scores: &Tensor, places: impl IntoIterator<Item = (usize, u32)>) -> Option<Tensor> {
    let vocabulary = scores.size()[1];
    let places: Vec<i64> = places.into_iter().map(|(row, token)| row as i64 * vocabulary + i64::from(token)).collect();
    (!places.is_empty()).then(|| Tensor::from_slice(&places).to_device(scores.device()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::special::EOS;

    /// What a rule makes of even scores of -1 over eight tokens.
    fn after(rule: &dyn Processor, rows: &[&[u32]]) -> Vec<Vec<f64>> {
        let mut scores = Tensor::full([rows.len() as i64, 8], -1.0, (Kind::Double, Device::Cpu));
        rule.apply(&mut scores, &Prefixes { length: rows[0].len(), rows: rows.to_vec() });
        Vec::try_from(scores).unwrap()
    }

    fn forbidden(rule: &dyn Processor, rows: &[&[u32]]) -> Vec<Vec<usize>> {
        let of_row = |row: Vec<f64>| (0..8).filter(|&token| row[token] == f64::NEG_INFINITY).collect();
        after(rule, rows).into_iter().map(of_row).collect()
    }

    #[test]
    fn no_repeat_forbids_what_would_close_a_sequence_a_second_time() {
        assert_eq!(forbidden(&NoRepeat { size: 1 }, &[&[4, 5], &[6, 6]]), [vec![4, 5], vec![6]]);
        assert_eq!(forbidden(&NoRepeat { size: 2 }, &[&[4, 5, 4], &[4, 5, 6]]), [vec![5], vec![]]);
        assert_eq!(forbidden(&NoRepeat { size: 3 }, &[&[4, 5, 6, 4, 5], &[4, 4, 4, 4, 4]]), [vec![6], vec![4]]);
        assert_eq!(forbidden(&NoRepeat { size: 3 }, &[&[4], &[]]), [vec![], Vec::<usize>::new()]);
    }

    #[test]
    fn phrases_are_stopped_at_their_last_token() {
        let rule = SuppressPhrases { phrases: vec![vec![4, 5], vec![7], vec![4, 4, 6], vec![]] };
        assert_eq!(forbidden(&rule, &[&[4], &[4, 4], &[5]]), [vec![5, 7], vec![5, 6, 7], vec![7]]);
    }

    #[test]
    fn the_repetition_penalty_counts_a_token_once_and_minds_its_sign() {
        let logits = Tensor::from_slice(&[3.0f32, -3.0, 0.0, 1.0, -1.0, 2.0, 3.0, -3.0]).view([2, 4]);
        let prefixes = Prefixes { length: 3, rows: vec![&[0, 1, 0], &[]] };
        let after = RepetitionPenalty { factor: 1.5 }.penalised(&logits, &prefixes);
        let after: Vec<Vec<f32>> = Vec::try_from(after).unwrap();
        assert_eq!(after, [[2.0, -4.5, 0.0, 1.0], [-1.0, 2.0, 3.0, -3.0]]);
        assert_eq!(f64::try_from(logits.get(0).get(0)).unwrap(), 3.0, "the model's own logits stay");
    }

    #[test]
    fn the_end_waits_for_the_minimum_length() {
        let rule = MinimumLength::new(2, EOS, Device::Cpu);
        assert_eq!(forbidden(&rule, &[&[4]]), [[3]]);
        assert_eq!(forbidden(&rule, &[&[4, 4]]), [Vec::<usize>::new()]);
    }
}
