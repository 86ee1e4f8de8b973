//! Vectors with names.

use anyhow::{Result, ensure};
use tch::Tensor;

/// Vectors of one size with a name each.
#[derive(Debug)]
pub struct NamedVectors {
    pub names: Vec<String>,
    /// [N, D] in double precision.
    pub rows: Tensor,
}

impl NamedVectors {
    /// `what` they are, for messages: `key`.
    ///
    /// # Errors
    /// No vector, vectors without numbers or of different sizes, and numbers that are not finite.
    pub fn new(what: &str, vectors: Vec<(String, Vec<f64>)>) -> Result<Self> {
        ensure!(!vectors.is_empty(), "there is no {what}: give one or more");
        let size = vectors[0].1.len();
        ensure!(size > 0, "{what} 1 has no numbers: give one or more");
        for (number, (name, vector)) in (1..).zip(&vectors) {
            ensure!(
                vector.len() == size,
                "{what} {number} ({name}) has {} numbers, {what} 1 has {size}: give all of them one size",
                vector.len()
            );
            if let Some(at) = vector.iter().position(|number| !number.is_finite()) {
                anyhow::bail!(
                    "{what} {number}: number {} is {}, which cannot be computed with: give finite numbers",
                    at + 1,
                    vector[at]
                );
            }
        }
        let (names, vectors): (Vec<String>, Vec<Vec<f64>>) = vectors.into_iter().unzip();
        let rows = Tensor::from_slice(&vectors.concat()).reshape([vectors.len() as i64, size as i64]);
        Ok(NamedVectors { names, rows })
    }

    /// N
    pub fn count(&self) -> i64 {
        self.rows.size()[0]
    }

    /// D
    pub fn size(&self) -> i64 {
        self.rows.size()[1]
    }
}
