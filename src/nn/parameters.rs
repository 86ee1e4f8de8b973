//! Trainable parameters under the names that checkpoints use.
//!
//! tch's own `VarStore` renames duplicates and broadcasts on load; this store refuses the first and leaves loading to
//! `checkpoint`, which compares all names and shapes before it copies anything.

use std::cell::RefCell;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use tch::{Device, Kind, Tensor};

/// How a parameter starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initialization {
    /// Uniform in [-a, a].
    Uniform(f64),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// A random (semi-)orthogonal matrix (Saxe et al. 2014). A matrix of stacked gates is filled square by square.
    Orthogonal,
    /// Uniform in ±gain √(6 / (fan in + fan out)) (Glorot and Bengio 2010).
    Xavier { gain: f64 },
    /// One value everywhere.
    Constant(f64),
}

/// All parameters of a model, in the order of their creation.
pub struct Parameters {
    entries: RefCell<Vec<(String, Tensor)>>,
    device: Device,
    kind: Kind,
    seed: u64,
}

impl Parameters {
    /// An empty store. Starting values are a function of `seed` and the parameter's name, made on the CPU whatever the device.
    pub fn new(seed: u64, device: Device) -> Self {
        Parameters { entries: RefCell::default(), device, kind: Kind::Float, seed }
    }

    /// The same in double precision, for checking gradients against differences.
    pub fn double(seed: u64) -> Self {
        Parameters { kind: Kind::Double, ..Self::new(seed, Device::Cpu) }
    }

    /// Where the parameters live.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The scope without a prefix.
    pub fn root(&self) -> Scope<'_> {
        Scope { store: self, prefix: String::new() }
    }

    /// Names and tensors in the order of creation; the tensors share storage with the model's.
    pub fn named(&self) -> Vec<(String, Tensor)> {
        self.entries.borrow().iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect()
    }
}

/// A prefix in the name space of a [`Parameters`] store.
pub struct Scope<'a> {
    store: &'a Parameters,
    prefix: String,
}

impl<'a> Scope<'a> {
    /// The scope `prefix.name`.
    pub fn sub(&self, name: &str) -> Scope<'a> {
        Scope { store: self.store, prefix: self.full(name) }
    }

    fn full(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_string() } else { format!("{}.{name}", self.prefix) }
    }

    /// A new trainable tensor.
    ///
    /// # Panics
    /// When the name is taken: two parts of a model under one name is a mistake in the model's code.
    pub fn tensor(&self, name: &str, size: &[i64], initialization: Initialization) -> Tensor {
        let name = self.full(name);
        let mut entries = self.store.entries.borrow_mut();
        assert!(entries.iter().all(|(taken, _)| *taken != name), "two parameters are named {name}");
        let mut chance = ChaCha8Rng::seed_from_u64(seed_of(self.store.seed, &name));
        let values = tch::no_grad(|| starting_values(size, initialization, &mut chance));
        let tensor = values.to_device(self.store.device).to_kind(self.store.kind).set_requires_grad(true);
        entries.push((name, tensor.shallow_clone()));
        tensor
    }
}

/// FNV-1a of the name, mixed with the run's seed: adding a parameter leaves the others as they were.
fn seed_of(seed: u64, name: &str) -> u64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    hash ^ seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// libtorch's generator is one for all threads; this one is the parameter's own.
fn starting_values(size: &[i64], initialization: Initialization, chance: &mut ChaCha8Rng) -> Tensor {
    match initialization {
        Initialization::Uniform(bound) => uniform(size, chance) * (2.0 * bound) - bound,
        Initialization::Normal(deviation) => normal(size, chance) * deviation,
        Initialization::Constant(value) => Tensor::full(size, value, (Kind::Float, Device::Cpu)),
        Initialization::Xavier { gain } => {
            let (fan_out, fan_in) = (size[0], size[1..].iter().product::<i64>().max(1));
            let bound = gain * (6.0 / (fan_in + fan_out) as f64).sqrt();
            uniform(size, chance) * (2.0 * bound) - bound
        }
        Initialization::Orthogonal => {
            let columns = size[1];
            let blocks: Vec<Tensor> = (0..size[0])
                .step_by(columns as usize)
                .map(|row| {
                    let rows = columns.min(size[0] - row);
                    let (q, r) = Tensor::linalg_qr(&normal(&[columns, columns], chance), "reduced");
                    // The sign of R's diagonal makes the distribution uniform over orthogonal matrices.
                    (q * r.diagonal(0, 0, 1).sign().unsqueeze(0)).narrow(0, 0, rows)
                })
                .collect();
            Tensor::cat(&blocks, 0)
        }
    }
}

/// Uniform in [0, 1).
fn uniform(size: &[i64], chance: &mut ChaCha8Rng) -> Tensor {
    let count = size.iter().product::<i64>() as usize;
    // The upper 24 bits are what a float32 holds exactly.
    let values: Vec<f32> = (0..count).map(|_| (chance.next_u32() >> 8) as f32 / (1u32 << 24) as f32).collect();
    Tensor::from_slice(&values).reshape(size)
}

/// Standard normal (Box and Muller 1958).
fn normal(size: &[i64], chance: &mut ChaCha8Rng) -> Tensor {
    let radius = (uniform(size, chance) * -1.0).log1p() * -2.0;
    let angle = uniform(size, chance) * (2.0 * std::f64::consts::PI);
    radius.sqrt() * angle.cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starting_values_depend_on_seed_and_name_alone() {
        let one = Parameters::new(5, Device::Cpu);
        let weight = one.root().sub("a").tensor("weight", &[3, 4], Initialization::Uniform(0.1));
        let two = Parameters::new(5, Device::Cpu);
        let _ = two.root().tensor("first", &[9], Initialization::Uniform(0.1));
        assert!(two.root().sub("a").tensor("weight", &[3, 4], Initialization::Uniform(0.1)).equal(&weight));
        let other = Parameters::new(6, Device::Cpu);
        assert!(!other.root().sub("a").tensor("weight", &[3, 4], Initialization::Uniform(0.1)).equal(&weight));
        assert_eq!(one.named()[0].0, "a.weight");
    }

    #[test]
    fn gates_are_orthogonal_one_by_one() {
        let store = Parameters::new(1, Device::Cpu);
        let weight = store.root().tensor("w", &[12, 4], Initialization::Orthogonal).detach();
        for gate in 0..3 {
            let block = weight.narrow(0, gate * 4, 4);
            let identity = block.matmul(&block.tr());
            assert!(identity.allclose(&Tensor::eye(4, (Kind::Float, Device::Cpu)), 1e-5, 1e-5, false));
        }
    }

    #[test]
    fn chance_has_the_stated_spread() {
        let store = Parameters::new(3, Device::Cpu);
        let uniform = store.root().tensor("u", &[200, 100], Initialization::Uniform(0.1));
        assert!(uniform.abs().max().double_value(&[]) <= 0.1);
        assert!((uniform.std(true).double_value(&[]) - 0.1 / 3f64.sqrt()).abs() < 1e-3);
        let normal = store.root().tensor("n", &[200, 100], Initialization::Normal(0.5));
        assert!((normal.std(true).double_value(&[]) - 0.5).abs() < 0.02);
        assert!(normal.mean(Kind::Float).double_value(&[]).abs() < 0.02);
        let beyond = normal.abs().gt(0.98).to_kind(Kind::Float).mean(Kind::Float).double_value(&[]);
        assert!((beyond - 0.05).abs() < 0.01, "two-sided 5 % of a normal lie beyond 1.96 deviations: {beyond}");
    }

    #[test]
    #[should_panic(expected = "two parameters are named a")]
    fn a_name_is_given_once() {
        let store = Parameters::new(1, Device::Cpu);
        let _ = store.root().tensor("a", &[1], Initialization::Constant(0.0));
        let _ = store.root().tensor("a", &[1], Initialization::Constant(0.0));
    }
}
