//! An exponential moving average of the weights (Polyak and Juditsky 1992; as used for translation in Marian and Tensor2Tensor).

use tch::{Tensor, no_grad};

use super::flat::FlatParameters;

/// a ← a + (1 - d) (θ - a) after each update, with d = min(decay, (1 + t) / (10 + t)) in update t: early on, when the decay's horizon
/// is longer than the run, the average reaches back over a part of the run only and not to where it started. It begins as a copy
/// of the weights, so it needs no correction for a start at zero.
pub struct MovingAverage {
    decay: f64,
    /// Laid out like the parameters [N].
    values: Tensor,
}

impl MovingAverage {
    /// Begins with the weights as they are; none with a decay of 0.
    pub fn new(decay: f64, parameters: &FlatParameters) -> Option<Self> {
        (decay > 0.0).then(|| MovingAverage { decay, values: parameters.values().copy() })
    }

    /// Begins again with the weights as they are.
    pub fn restart(&mut self, parameters: &FlatParameters) {
        no_grad(|| self.values.copy_(&parameters.values()));
    }

    /// Takes the weights after `update` updates in.
    pub fn advance(&mut self, parameters: &FlatParameters, update: u64) {
        let share = 1.0 - decay(self.decay, update);
        let _ = no_grad(|| self.values.lerp_(&parameters.values(), share));
    }
}

/// d of update t, counted from 1.
fn decay(most: f64, update: u64) -> f64 {
    most.min((1.0 + update as f64) / (10.0 + update as f64))
}

/// Runs `work` with the average in the place of the weights, where there is one. The weights are back afterwards, bit for bit.
pub fn averaged<R>(average: Option<&MovingAverage>, parameters: &FlatParameters, work: impl FnOnce() -> R) -> R {
    let Some(average) = average else { return work() };
    let mut values = parameters.values();
    let raw = values.copy();
    no_grad(|| values.copy_(&average.values));
    let result = work();
    no_grad(|| values.copy_(&raw));
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Parameter;
    use tch::{Device, Kind};

    #[test]
    fn it_is_the_weighted_sum_of_all_weights_so_far() {
        let handle = Tensor::zeros([2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let flat = FlatParameters::new(vec![Parameter { name: "w".into(), tensor: handle.shallow_clone() }]).unwrap();
        assert!(MovingAverage::new(0.0, &flat).is_none());
        let weights: Vec<f64> = (0..=40).map(|t| f64::from(t).sin()).collect();
        let _ = no_grad(|| flat.values().fill_(weights[0]));
        let mut average = MovingAverage::new(0.7, &flat).unwrap();
        for (update, &weight) in weights.iter().enumerate().skip(1) {
            let _ = no_grad(|| flat.values().fill_(weight));
            average.advance(&flat, update as u64);
        }
        // Written out: θ_t has the weight (1 - d_t) Π_{u > t} d_u, and θ_0 what is left. 0.7 is reached in update 20.
        let d: Vec<f64> = (0..=40).map(|t| if t < 20 { (1.0 + f64::from(t)) / (10.0 + f64::from(t)) } else { 0.7 }).collect();
        let expected: f64 = (0..=40)
            .map(|t| {
                let later: f64 = d[t + 1..].iter().product();
                weights[t] * later * if t == 0 { 1.0 } else { 1.0 - d[t] }
            })
            .sum();
        let found = averaged(Some(&average), &flat, || handle.double_value(&[1]));
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        assert_eq!(handle.double_value(&[1]), f64::from(weights[40] as f32), "the weights are back");
        assert_eq!(averaged(None, &flat, || handle.double_value(&[0])), f64::from(weights[40] as f32));
    }
}
