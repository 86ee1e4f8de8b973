//! Why a dot product is divided by the root of the dimension (Vaswani et al. 2017, section 3.2.1): without it scores grow with the dimension,
//! their softmax picks one key whatever the query, and hardly anything flows back through it.

use anyhow::{Result, ensure};
use serde::Serialize;
use tch::{Device, Kind, Tensor};

use super::softmax::jacobian_norm;
use crate::attention::hard::HardChoice;
use crate::nn::{Initialization, Parameters};
use crate::picture::Drawing;
use crate::report::Chart;

/// How scores are measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// Queries, each with keys of its own.
    pub queries: i64,
    /// Keys of a query, 2 or more.
    pub keys: i64,
    pub seed: u64,
}

/// Scores of random queries and keys of one dimension, and their softmax.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Saturation {
    /// D
    pub dimension: i64,
    /// Whether scores were divided by √D.
    pub scaled: bool,
    /// Of all scores. It is D for unit-variance queries and keys, and 1 where they are scaled.
    pub variance: f64,
    /// Mean of the largest weight of a query.
    pub largest_weight: f64,
    /// Mean entropy of the weights over the logarithm of the number of keys: 1 where all weigh the same, 0 where one has all.
    pub entropy: f64,
    /// Mean Frobenius norm of ∂p/∂e, the softmax's Jacobian.
    pub jacobian_norm: f64,
}

/// Numbers that are drawn at once.
const MOST_NUMBERS: i64 = 1 << 27;

/// Queries and keys with every number from N(0, 1), for each dimension without and with scaling.
///
/// # Errors
/// Fewer than two keys, dimensions below one, and more numbers than fit.
pub fn measure(dimensions: &[i64], sample: &Sample) -> Result<Vec<Saturation>> {
    let Sample { queries, keys, seed } = *sample;
    ensure!(
        queries >= 2 && keys >= 2,
        "found {queries} queries and {keys} keys: give 2 or more of each, or there is nothing to choose"
    );
    let mut measured = Vec::new();
    for &dimension in dimensions {
        ensure!(dimension >= 1, "found a dimension of {dimension}: give numbers from 1");
        let numbers = queries.checked_mul(keys).and_then(|pairs| pairs.checked_mul(dimension));
        ensure!(
            numbers.is_some_and(|numbers| numbers <= MOST_NUMBERS),
            "{queries} queries × {keys} keys × {dimension} numbers are too many: at most {MOST_NUMBERS} numbers; give fewer queries"
        );
        let store = Parameters::new(seed, Device::Cpu);
        let scope = store.root().sub(&format!("dimension{dimension}"));
        let normal =
            |name: &str, size: &[i64]| scope.tensor(name, size, Initialization::Normal(1.0)).detach().to_kind(Kind::Double);
        let query = normal("query", &[queries, dimension, 1]);
        let dots = normal("keys", &[queries, keys, dimension]).matmul(&query).squeeze_dim(-1); // [N, S]
        measured.extend([false, true].map(|scaled| {
            let scores = if scaled { &dots / (dimension as f64).sqrt() } else { dots.shallow_clone() };
            of_scores(dimension, scaled, &scores)
        }));
    }
    Ok(measured)
}

/// Of scores [N, S].
fn of_scores(dimension: i64, scaled: bool, scores: &Tensor) -> Saturation {
    let weights = scores.softmax(-1, Kind::Double);
    let mean = |tensor: &Tensor| tensor.mean(Kind::Double).double_value(&[]);
    let entropy = HardChoice::argmax(&weights.unsqueeze(0)).sampled.entropy; // [1, N]
    Saturation {
        dimension,
        scaled,
        variance: scores.var(true).double_value(&[]),
        largest_weight: mean(&weights.amax([-1i64].as_slice(), false)),
        entropy: mean(&entropy) / (scores.size()[1] as f64).ln(),
        jacobian_norm: mean(&jacobian_norm(&weights)),
    }
}

/// What was measured against the dimension.
///
/// # Errors
/// Where nothing was measured.
pub fn picture(measured: &[Saturation]) -> Result<Drawing> {
    let chart = Chart::new("Softmax of dot products against their dimension", "dimension D", "mean over queries").logarithmic_x();
    type Quantity = fn(&Saturation) -> f64;
    let quantities: [(&str, Quantity); 3] = [
        ("largest weight", |found| found.largest_weight),
        ("entropy / ln keys", |found| found.entropy),
        ("norm of the softmax's Jacobian", |found| found.jacobian_norm),
    ];
    let curves = [(false, "q·k"), (true, "q·k / √D")].into_iter().flat_map(|kind| quantities.map(|quantity| (kind, quantity)));
    let chart = curves.fold(chart.y_range(0.0, 1.0), |chart, ((scaled, score), (name, of))| {
        let points: Vec<(f64, f64)> =
            (measured.iter().filter(|found| found.scaled == scaled)).map(|found| (found.dimension as f64, of(found))).collect();
        chart.curve(&format!("{score}: {name}"), &points)
    });
    chart.drawing()
}
