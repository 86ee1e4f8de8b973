//! When the softmax comes back into the hops (section 4.1 of Sukhbaatar et al. 2015).

use serde::{Deserialize, Serialize};

use crate::memory::memn2n::MemoryWeighting;

/// Where linear start stands: a function of the validations so far, kept with every checkpoint so that a resumed run goes on with
/// it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinearStart {
    /// Whether the hops still read without softmax.
    pub linear: bool,
    /// The lowest loss of a validation.
    lowest: Option<f64>,
    /// Validations since then.
    since: u64,
    /// Validations before the softmax was put in.
    pub validations: u64,
}

impl LinearStart {
    /// Before the first validation; `patience` 0 begins with the softmax in its place.
    pub fn new(patience: u64) -> Self {
        LinearStart { linear: patience > 0, lowest: None, since: 0, validations: 0 }
    }

    /// How hops read now.
    pub fn memory_weighting(&self) -> MemoryWeighting {
        if self.linear { MemoryWeighting::Linear } else { MemoryWeighting::Softmax }
    }

    /// Takes a validation's loss: after `patience` in a row without a lower one the softmax is put in, for good.
    pub fn observe(&mut self, loss: f64, patience: u64) {
        if !self.linear {
            return;
        }
        self.validations += 1;
        // A loss that is no number is no lower one.
        if loss.is_finite() && self.lowest.is_none_or(|lowest| loss < lowest) {
            (self.lowest, self.since) = (Some(loss), 0);
        } else {
            self.since += 1;
        }
        self.linear = self.since < patience;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(patience: u64, losses: &[f64]) -> LinearStart {
        let mut start = LinearStart::new(patience);
        losses.iter().for_each(|&loss| start.observe(loss, patience));
        start
    }

    #[test]
    fn the_softmax_comes_when_the_loss_falls_no_more_and_stays() {
        assert_eq!(after(1, &[3.0, 2.0, 1.0]).memory_weighting(), MemoryWeighting::Linear);
        assert_eq!(after(1, &[3.0, 2.0, 2.0]).memory_weighting(), MemoryWeighting::Softmax);
        assert_eq!(after(2, &[3.0, 2.0, 2.5, 1.9, 2.0]).memory_weighting(), MemoryWeighting::Linear);
        assert_eq!(after(2, &[3.0, 2.0, 2.5, f64::NAN]).memory_weighting(), MemoryWeighting::Softmax);
        assert_eq!(after(1, &[3.0, 4.0, 1.0, 0.5]), LinearStart { linear: false, lowest: Some(3.0), since: 1, validations: 2 });
        assert_eq!(after(0, &[3.0]), LinearStart { linear: false, lowest: None, since: 0, validations: 0 });
    }

    #[test]
    fn it_comes_back_from_a_checkpoint_as_it_was() {
        let start = after(2, &[1.0 / 3.0, f64::INFINITY]);
        let text = serde_json::to_string(&start).unwrap();
        let mut again: LinearStart = serde_json::from_str(&text).unwrap();
        assert_eq!(again, start);
        again.observe(0.4, 2);
        assert_eq!(again.memory_weighting(), MemoryWeighting::Softmax);
    }
}
