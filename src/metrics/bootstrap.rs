//! Paired bootstrap resampling (Koehn 2004, "Statistical Significance Tests for Machine Translation Evaluation"), with mean,
//! interval and p-value as sacreBLEU computes them.

use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};
use serde::Serialize;

use super::score::{CorpusStatistics, Metric};

/// Which sentences make up each resample: as many as the corpus has, drawn with replacement. All systems and metrics are scored
/// on the same ones, which is what makes the test paired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resamples(Draws);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Draws {
    /// Drawn anew each time they are asked for, the same every time: a million of them are not to be held.
    Seeded { sentences: usize, count: usize, seed: u64 },
    #[cfg(test)]
    Given(Vec<Vec<usize>>),
}

impl Resamples {
    /// `count` resamples of a corpus of `sentences`: a function of the arguments alone.
    pub fn draw(sentences: usize, count: usize, seed: u64) -> Self {
        Self(Draws::Seeded { sentences, count, seed })
    }

    /// What becomes of the sentences of each resample.
    fn map<R>(&self, visit: impl Fn(&[usize]) -> R) -> Vec<R> {
        match &self.0 {
            &Draws::Seeded { sentences, count, seed } => {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                // The high half of a 128-bit product maps 64 random bits to 0..sentences with a bias below 2^-32 for any real corpus.
                let mut draw = || ((u128::from(random.next_u64()) * sentences as u128) >> 64) as usize;
                let mut indices = vec![0; sentences];
                let resamples = (0..count).map(|_| {
                    indices.fill_with(&mut draw);
                    visit(&indices)
                });
                resamples.collect()
            }
            #[cfg(test)]
            Draws::Given(resamples) => resamples.iter().map(|indices| visit(indices)).collect(),
        }
    }

    /// The value of each resample.
    pub fn values(&self, metric: &dyn Metric, statistics: &CorpusStatistics) -> Vec<f64> {
        self.map(|indices| metric.evaluate(&statistics.sum(indices.iter().copied())).0)
    }
}

/// What the values of resamples say of the true value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    pub mean: f64,
    /// Half the width of the 95% confidence interval.
    pub confidence: f64,
}

impl Estimate {
    /// # Panics
    /// If there are no values.
    pub fn of(values: &[f64]) -> Self {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        let cut = values.len() / 40;
        let confidence = 0.5 * (values[values.len() - cut - 1] - values[cut]);
        Self { mean: mean(&values), confidence }
    }
}

/// How likely a difference of at least `difference` (absolute) between two systems is if chance alone made them differ, from
/// their values on the same resamples. As in sacreBLEU, a system compared with itself has the smallest p-value there is: nothing
/// about a difference of zero is left to chance.
pub fn p_value(baseline: &[f64], system: &[f64], difference: f64) -> f64 {
    let differences: Vec<f64> = baseline.iter().zip(system).map(|(baseline, system)| (system - baseline).abs()).collect();
    let mean = mean(&differences);
    let larger = differences.iter().filter(|&sample| sample - mean > difference).count();
    (larger + 1) as f64 / (differences.len() + 1) as f64
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
impl Resamples {
    /// Resamples that somebody else drew.
    pub(super) fn given(indices: Vec<Vec<usize>>) -> Self {
        Self(Draws::Given(indices))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_depend_on_the_seed_alone_and_reach_every_sentence_equally() {
        let drawn = |seed| Resamples::draw(10, 1000, seed).map(<[usize]>::to_vec);
        let draws = drawn(7);
        assert_eq!(draws, drawn(7));
        assert_ne!(draws, drawn(8));
        assert!(draws.len() == 1000 && draws.iter().all(|indices| indices.len() == 10));
        let mut counts = [0i32; 10];
        draws.iter().flatten().for_each(|&index| counts[index] += 1);
        // The standard deviation of a count is 30.
        assert!(counts.iter().all(|count| (count - 1000).abs() < 150), "{counts:?}");
    }

    #[test]
    fn the_interval_leaves_out_a_fortieth_on_either_side() {
        let values: Vec<f64> = (0..200).rev().map(f64::from).collect();
        assert_eq!(Estimate::of(&values), Estimate { mean: 99.5, confidence: 0.5 * (194.0 - 5.0) });
        assert_eq!(Estimate::of(&[3.0]), Estimate { mean: 3.0, confidence: 0.0 });
    }

    #[test]
    fn a_steady_difference_is_no_chance_and_a_shaky_one_is() {
        let baseline: Vec<f64> = (0..99).map(|index| 30.0 + f64::from(index % 7)).collect();
        let better: Vec<f64> = baseline.iter().map(|value| value + 5.0).collect();
        assert_eq!(p_value(&baseline, &better, 5.0), 0.01);
        let shaky: Vec<f64> = (0..99).map(|index| 30.0 + f64::from(index * 5 % 11)).collect();
        assert!(p_value(&baseline, &shaky, 0.1) > 0.2);
    }
}
