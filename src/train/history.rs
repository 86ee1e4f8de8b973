//! All validations of a run, and what follows from them: the best one and how long ago it was.

use serde::{Deserialize, Serialize};

use super::task::Validation;
use crate::recipe::Metric;

/// The validations of a run, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History {
    entries: Vec<Validated>,
}

/// One validation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validated {
    /// After this many updates.
    pub update: u64,
    /// Whole epochs by then.
    pub epoch: u64,
    /// Training time by then, over all resumed parts.
    pub elapsed_seconds: f64,
    /// Name and value; a score that was not finite has none.
    pub scores: Vec<(String, Option<f64>)>,
    /// How often since then it changed what validations are held on: only scores of the same count can be compared, and those of 0 with what
    /// comes now.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub superseded: u32,
    /// Whether a checkpoint was scored again, because of such a change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// What was counted beside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<(String, u64)>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Validated {
    /// What `validation` found after `update` updates.
    pub fn new(update: u64, epoch: u64, elapsed_seconds: f64, validation: &Validation) -> Self {
        let scores = validation.scores.iter().map(|(name, score)| (name.clone(), score.is_finite().then_some(*score)));
        Validated {
            update,
            epoch,
            elapsed_seconds,
            scores: scores.collect(),
            counts: validation.counts.clone(),
            superseded: 0,
            again: false,
        }
    }

    /// What `validation` found when the checkpoint of this one was scored again.
    pub fn scored_again(&self, validation: &Validation) -> Self {
        Validated { again: true, ..Validated::new(self.update, self.epoch, self.elapsed_seconds, validation) }
    }

    /// The score a metric goes by.
    pub fn score(&self, metric: Metric) -> Option<f64> {
        self.scores.iter().find(|(name, _)| name == metric.name()).and_then(|(_, score)| *score)
    }
}

impl History {
    pub fn entries(&self) -> &[Validated] {
        &self.entries
    }

    pub fn push(&mut self, validated: Validated) {
        self.entries.push(validated);
    }

    /// From now on scores are of something else: none so far can be compared with what comes.
    pub fn supersede(&mut self) {
        self.entries.iter_mut().for_each(|validated| validated.superseded += 1);
    }

    /// The validations whose scores can be compared with what comes now.
    pub fn comparable(&self) -> impl DoubleEndedIterator<Item = &Validated> {
        self.entries.iter().filter(|validated| validated.superseded == 0)
    }

    /// The comparable validation after exactly `update` updates.
    pub fn at(&self, update: u64) -> Option<&Validated> {
        self.comparable().rfind(|validated| validated.update == update)
    }

    /// The earliest of the best comparable validations; none where no score was ever finite.
    pub fn best(&self, metric: Metric) -> Option<&Validated> {
        self.comparable().fold(None, |best: Option<&Validated>, validated| {
            let better = is_better(metric, validated.score(metric), best.and_then(|best| best.score(metric)));
            if better { Some(validated) } else { best }
        })
    }

    /// How many comparable validations came after the best one. Checkpoints that were scored again were no new ones.
    pub fn since_best(&self, metric: Metric) -> u64 {
        let best = self.best(metric).map(|best| best.update);
        let later = |validated: &&Validated| !validated.again && best.is_none_or(|best| validated.update > best);
        self.comparable().filter(later).count() as u64
    }
}

/// Whether a score beats the best one so far. No score beats nothing.
pub fn is_better(metric: Metric, score: Option<f64>, best: Option<f64>) -> bool {
    match (score, best) {
        (Some(score), Some(best)) => metric.higher_is_better() && score > best || !metric.higher_is_better() && score < best,
        (score, None) => score.is_some_and(|score| !score.is_nan()),
        (None, Some(_)) => false,
    }
}

#[cfg(test)]
impl History {
    /// A history of one score, ten updates apart.
    pub fn of_scores(name: &str, scores: &[f64]) -> Self {
        let entry = |(index, score): (usize, &f64)| {
            let validation = Validation { scores: vec![(name.to_string(), *score)], ..Validation::default() };
            Validated::new(10 * (index as u64 + 1), 0, 0.0, &validation)
        };
        History { entries: scores.iter().enumerate().map(entry).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_best_counts() {
        let history = History::of_scores("bleu", &[1.0, 5.0, f64::NAN, 5.0, 4.0]);
        assert_eq!(history.best(Metric::Bleu).unwrap().update, 20);
        assert_eq!(history.since_best(Metric::Bleu), 3);
        let history = History::of_scores("loss", &[1.0, 5.0, f64::INFINITY, 0.5]);
        assert_eq!(history.best(Metric::Loss).unwrap().update, 40);
        assert_eq!(history.since_best(Metric::Loss), 0);
        let broken = History::of_scores("loss", &[f64::NAN, f64::NAN]);
        assert_eq!((broken.best(Metric::Loss), broken.since_best(Metric::Loss)), (None, 2));
    }

    #[test]
    fn scores_of_other_data_are_not_compared() {
        let mut history = History::of_scores("bleu", &[50.0, 40.0, 45.0]);
        assert_eq!((history.best(Metric::Bleu).unwrap().update, history.since_best(Metric::Bleu)), (10, 2));
        let again =
            history.entries()[1].scored_again(&Validation { scores: vec![("bleu".into(), 3.0)], ..Validation::default() });
        let last = history.entries()[2].scored_again(&Validation { scores: vec![("bleu".into(), 2.0)], ..Validation::default() });
        history.supersede();
        assert_eq!((history.best(Metric::Bleu), history.since_best(Metric::Bleu), history.at(10)), (None, 0, None));
        history.push(again);
        history.push(last);
        assert_eq!((history.best(Metric::Bleu).unwrap().update, history.since_best(Metric::Bleu)), (20, 0));
        assert_eq!(history.at(30).unwrap().score(Metric::Bleu), Some(2.0));
        history.push(Validated::new(40, 0, 0.0, &Validation { scores: vec![("bleu".into(), 1.0)], ..Validation::default() }));
        assert_eq!(history.since_best(Metric::Bleu), 1);
        let text = serde_json::to_string(&history).unwrap();
        assert_eq!(serde_json::from_str::<History>(&text).unwrap(), history);
    }

    #[test]
    fn scores_come_back_to_the_last_bit() {
        let scores: Vec<f64> =
            (1..500).map(|i| 100.0 / f64::from(i) + 1e-3 * f64::from(i).sqrt()).chain([f64::INFINITY]).collect();
        let history = History::of_scores("bleu", &scores);
        let text = serde_json::to_string(&history).unwrap();
        assert_eq!(serde_json::from_str::<History>(&text).unwrap(), history);
    }
}
