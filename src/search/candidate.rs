//! A hypothesis with one more token, before it is chosen.

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
    /// See [`BeamHypothesis::diversity`](super::hypothesis::BeamHypothesis::diversity).
    pub diversity: f64,
}

impl Candidate {
    /// What it is compared by inside the beam.
    pub fn key(&self) -> f64 {
        self.sum + self.diversity
    }
}
