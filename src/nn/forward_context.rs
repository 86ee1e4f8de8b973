//! One forward pass: whether it trains, and where its dropout masks come from.

use std::cell::RefCell;

use tch::{Device, Kind, Tensor};

use crate::kernels::MaskGenerator;

/// Says how a forward pass runs. Layers hold nothing mutable: whatever varies between two calls is in here.
pub struct ForwardContext {
    masks: Option<RefCell<MaskGenerator>>,
}

impl ForwardContext {
    /// No dropout.
    pub fn evaluation() -> Self {
        ForwardContext { masks: None }
    }

    /// Dropout masks as a pure function of (seed, step, rank) and the order of calls.
    pub fn training(seed: u64, step: u64, rank: u64) -> Self {
        ForwardContext { masks: Some(RefCell::new(MaskGenerator::new(seed, step, rank))) }
    }

    /// True when dropout is on.
    pub fn trains(&self) -> bool {
        self.masks.is_some()
    }

    /// Inverted dropout: zero with probability `rate`, else scaled by 1 / (1 - rate). The same tensor back when not training.
    pub fn dropout(&self, input: &Tensor, rate: f64) -> Tensor {
        match self.mask(&input.size(), rate, input.kind(), input.device()) {
            Some(mask) => input * mask,
            None => input.shallow_clone(),
        }
    }

    /// `input` + dropout of `added`, in one go.
    pub fn add_dropped(&self, input: &Tensor, added: &Tensor, rate: f64) -> Tensor {
        match self.mask(&added.size(), rate, added.kind(), added.device()) {
            Some(mask) => input.addcmul(added, &mask),
            None => input + added,
        }
    }

    /// A mask of zeros and 1 / (1 - rate), for callers that use one mask several times. `None` when there is nothing to drop.
    pub fn mask(&self, size: &[i64], rate: f64, kind: Kind, device: Device) -> Option<Tensor> {
        let masks = self.masks.as_ref()?;
        (rate > 0.0).then(|| masks.borrow_mut().mask(size, rate, kind, device))
    }

    /// Numbers uniform in [0, 1), for what a training pass decides by chance (float64, 32 random bits each). `None` when not training.
    pub fn uniform(&self, size: &[i64], device: Device) -> Option<Tensor> {
        let masks = self.masks.as_ref()?;
        let count = size.iter().product::<i64>() as usize;
        let words: Vec<f64> = masks.borrow_mut().words(count).map(|word| f64::from(word) / 2f64.powi(32)).collect();
        Some(Tensor::from_slice(&words).reshape(size).to_device(device))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluation_changes_nothing() {
        let x = Tensor::ones([3, 4], (Kind::Float, Device::Cpu));
        assert!(ForwardContext::evaluation().dropout(&x, 0.9).equal(&x));
    }

    #[test]
    fn masks_keep_the_expectation_and_depend_on_the_step_only() {
        let x = Tensor::ones([400, 500], (Kind::Float, Device::Cpu));
        for rate in [0.1, 0.3, 0.5] {
            let pass = ForwardContext::training(1, 7, 0);
            let dropped = pass.dropout(&x, rate);
            assert!((dropped.mean(Kind::Float).double_value(&[]) - 1.0).abs() < 0.01);
            let zeros = dropped.eq(0.0).to_kind(Kind::Float).mean(Kind::Float).double_value(&[]);
            assert!((zeros - rate).abs() < 0.005, "rate {rate}, zeros {zeros}");
            assert!(ForwardContext::training(1, 7, 0).dropout(&x, rate).equal(&dropped));
            assert!(!ForwardContext::training(1, 8, 0).dropout(&x, rate).equal(&dropped));
            assert!(!pass.dropout(&x, rate).equal(&dropped), "the second mask of a pass is another one");
        }
    }

    #[test]
    fn uniform_numbers_are_even_and_depend_on_the_step_only() {
        let numbers = |step| ForwardContext::training(1, step, 0).uniform(&[150, 101], Device::Cpu).unwrap();
        let values = numbers(7);
        assert!(values.min().double_value(&[]) >= 0.0 && values.max().double_value(&[]) < 1.0);
        for tenth in 0..10 {
            let inside = values.ge(0.1 * f64::from(tenth)).logical_and(&values.lt(0.1 * f64::from(tenth + 1)));
            let share = inside.to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
            assert!((share - 0.1).abs() < 0.01, "{share} in tenth {tenth}");
        }
        assert!(numbers(7).equal(&values) && !numbers(8).equal(&values));
        assert!(ForwardContext::evaluation().uniform(&[2], Device::Cpu).is_none());
    }

    #[test]
    fn odd_sizes_are_filled() {
        let x = Tensor::ones([7, 5], (Kind::Float, Device::Cpu));
        let dropped = ForwardContext::training(3, 0, 0).dropout(&x, 0.5);
        let kinds = dropped.eq(0.0).logical_or(&dropped.eq(2.0));
        assert!(bool::try_from(kinds.all()).unwrap());
    }
}
