//! All parameters in one buffer and all gradients in another, so that clipping, the optimizer's step and zeroing are a few
//! calls each however many tensors the model has.

use anyhow::{Result, bail, ensure};
use tch::{Tensor, no_grad};

use super::task::Parameter;

/// Elements between the starts of two parameters are a multiple of this: 64 bytes of float32, a cache line.
const ALIGNMENT: i64 = 16;

/// Parameters whose storage is one buffer.
///
/// A variable keeps its identity: its data and its gradient are pointed at views of the buffers (`set_data`), so the model's own
/// handles see every update and backward passes add into the gradient buffer. The gaps between parameters are zeros and stay
/// zeros under every optimizer of the house.
pub struct FlatParameters {
    slots: Vec<Slot>,
    values: Tensor,
    gradients: Tensor,
}

struct Slot {
    name: String,
    variable: Tensor,
    offset: i64,
    size: Vec<i64>,
}

impl FlatParameters {
    /// Moves the storage of `parameters` into one buffer; their values stay.
    ///
    /// # Errors
    /// When there are none, when they differ in kind or device, or when one is not trainable or stands there twice.
    pub fn new(parameters: Vec<Parameter>) -> Result<Self> {
        let Some(first) = parameters.first() else { bail!("the model has no trainable parameters: nothing to train") };
        let options = (first.tensor.kind(), first.tensor.device());
        let mut slots: Vec<Slot> = Vec::with_capacity(parameters.len());
        let mut end = 0;
        for Parameter { name, tensor } in parameters {
            let (kind, device) = (tensor.kind(), tensor.device());
            ensure!(
                (kind, device) == options,
                "parameter {name} is {kind:?} on {device:?}, the first one {:?} on {:?}: expected one kind on one device",
                options.0,
                options.1
            );
            ensure!(tensor.requires_grad() && tensor.is_leaf(), "parameter {name} is not a trainable leaf: it would never learn");
            let twin = slots.iter().find(|slot| slot.name == name || slot.variable.data_ptr() == tensor.data_ptr());
            if let Some(twin) = twin {
                bail!("parameter {name} shares name or storage with {}: give a tied parameter once", twin.name);
            }
            let (size, count) = (tensor.size(), tensor.numel() as i64);
            slots.push(Slot { name, variable: tensor, offset: end, size });
            end += (count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        }
        let (values, gradients) = (Tensor::zeros([end], options), Tensor::zeros([end], options));
        for slot in &mut slots {
            no_grad(|| slot.view(&values).copy_(&slot.variable));
            slot.variable.set_data(&slot.view(&values));
            // A first gradient has to exist before it can be pointed anywhere; later ones are added to it in place.
            slot.variable.zero_grad();
            (slot.variable.sum(options.0) * 0.0).backward();
            slot.variable.grad().set_data(&slot.view(&gradients));
        }
        Ok(FlatParameters { slots, values, gradients })
    }

    /// All values [N], gaps included.
    pub fn values(&self) -> Tensor {
        self.values.shallow_clone()
    }

    /// All gradients [N], gaps included.
    pub fn gradients(&self) -> Tensor {
        self.gradients.shallow_clone()
    }

    /// How many numbers are trained.
    pub fn count(&self) -> u64 {
        self.slots.iter().map(|slot| slot.size.iter().product::<i64>() as u64).sum()
    }

    /// The pieces of a buffer laid out like the parameters, under the parameters' names.
    pub fn named(&self, buffer: &Tensor) -> Vec<(String, Tensor)> {
        self.slots.iter().map(|slot| (slot.name.clone(), slot.view(buffer))).collect()
    }

    /// A buffer of zeros laid out like the parameters.
    pub fn zeros(&self) -> Tensor {
        self.values.zeros_like()
    }

    /// The model must not have given a parameter new storage meanwhile: it would no longer learn.
    pub fn ensure_shared(&self) -> Result<()> {
        for slot in &self.slots {
            let values = slot.variable.data_ptr() == slot.view(&self.values).data_ptr();
            let gradients = slot.variable.grad().data_ptr() == slot.view(&self.gradients).data_ptr();
            ensure!(values && gradients, "parameter {} was given new storage during training: copy into it instead", slot.name);
        }
        Ok(())
    }
}

impl Slot {
    fn view(&self, buffer: &Tensor) -> Tensor {
        buffer.narrow(0, self.offset, self.size.iter().product()).view(self.size.as_slice())
    }
}

/// The norm of a mean gradient, and what brings the summed gradient to a clipped mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clipped {
    /// L2 norm of the mean gradient before clipping; not finite where the gradients are not.
    pub norm: f64,
    /// What to multiply the summed gradients with.
    pub scale: f64,
}

/// For gradients that are sums of `divisor` terms: their mean has an L2 norm of at most `clip_norm` (0 is off; Pascanu et al.
/// 2013). The gradients are left alone: [`super::Optimizer::step`] takes the scale, which saves a trip through memory.
pub fn clip(gradients: &Tensor, divisor: f64, clip_norm: f64) -> Clipped {
    let norm = gradients.norm().double_value(&[]) / divisor;
    let clipping = if clip_norm > 0.0 && norm > clip_norm { clip_norm / (norm + 1e-6) } else { 1.0 };
    Clipped { norm, scale: clipping / divisor }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    const OPTIONS: (Kind, Device) = (Kind::Float, Device::Cpu);

    fn parameter(name: &str, size: &[i64]) -> Parameter {
        Parameter { name: name.into(), tensor: Tensor::randn(size, OPTIONS).set_requires_grad(true) }
    }

    #[test]
    fn the_models_handles_stay_valid() {
        let (a, b) = (parameter("a", &[3, 5]), parameter("b", &[7]));
        let model = [a.tensor.shallow_clone(), b.tensor.shallow_clone()];
        let before: Vec<Tensor> = model.iter().map(|tensor| tensor.detach().copy()).collect();
        // A gradient from before must not leak in.
        model[0].sum(Kind::Float).backward();
        let flat = FlatParameters::new(vec![a, b]).unwrap();
        assert!(model.iter().zip(&before).all(|(tensor, before)| tensor.equal(before)));
        assert_eq!(flat.gradients().abs().sum(Kind::Float).double_value(&[]), 0.0);
        assert_eq!(flat.count(), 22);
        for _ in 0..2 {
            (model[0].sum(Kind::Float) * 2.0 + model[1].square().sum(Kind::Float)).backward();
        }
        let gradients = flat.named(&flat.gradients());
        assert!(gradients[0].1.equal(&Tensor::full([3, 5], 4.0, OPTIONS)));
        assert!(gradients[1].1.allclose(&(&before[1] * 4.0), 1e-6, 1e-6, false));
        let pieces: f64 = gradients.iter().map(|(_, tensor)| tensor.sum(Kind::Double).double_value(&[])).sum();
        assert!((flat.gradients().sum(Kind::Double).double_value(&[]) - pieces).abs() < 1e-9, "gaps stay zero");
        let mut values = flat.values();
        no_grad(|| values -= flat.gradients());
        assert!(model[0].allclose(&(&before[0] - 4.0), 1e-6, 1e-6, false) && model[0].requires_grad());
        flat.ensure_shared().unwrap();
        // Loading copies into the storage and is seen in the buffer.
        no_grad(|| model[1].shallow_clone().copy_(&Tensor::ones([7], OPTIONS)));
        assert!(flat.named(&flat.values())[1].1.equal(&Tensor::ones([7], OPTIONS)));
        model[1].shallow_clone().set_data(&Tensor::zeros([7], OPTIONS));
        assert!(flat.ensure_shared().unwrap_err().to_string().contains("parameter b was given new storage"));
    }

    #[test]
    fn what_cannot_be_trained_is_refused() {
        let refused = |parameters: Vec<Parameter>| FlatParameters::new(parameters).err().unwrap().to_string();
        assert!(refused(Vec::new()).contains("no trainable parameters"));
        let frozen = Parameter { name: "f".into(), tensor: Tensor::ones([2], OPTIONS) };
        assert!(refused(vec![frozen]).contains("parameter f is not a trainable leaf"));
        let a = parameter("a", &[2]);
        let tied = Parameter { name: "tied".into(), tensor: a.tensor.shallow_clone() };
        assert!(refused(vec![a, tied]).contains("tied shares name or storage with a"));
        let double =
            Parameter { name: "d".into(), tensor: Tensor::ones([2], (Kind::Double, Device::Cpu)).set_requires_grad(true) };
        assert!(refused(vec![parameter("a", &[2]), double]).contains("parameter d is Double"));
    }

    #[test]
    fn clipping_keeps_the_direction() {
        let start = Tensor::from_slice(&[3.0f32, 0.0, 4.0]) * 10.0;
        for (divisor, clip_norm, norm, scale) in
            [(10.0, 0.0, 5.0, 0.1), (10.0, 1.0, 5.0, 0.02), (10.0, 6.0, 5.0, 0.1), (1.0, 25.0, 50.0, 0.5)]
        {
            let clipped = clip(&start, divisor, clip_norm);
            assert!((clipped.norm - norm).abs() < 1e-5, "{clipped:?}");
            assert!((clipped.scale - scale).abs() < 1e-6, "{clipped:?}");
        }
        let broken = Tensor::from_slice(&[1.0f32, f32::NAN]);
        assert!(clip(&broken, 1.0, 1.0).norm.is_nan());
    }
}
