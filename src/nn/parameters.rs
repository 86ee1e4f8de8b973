//! Trainable parameters under the names that checkpoints use.
//!
//! tch's own `VarStore` renames duplicates and broadcasts on load; this store refuses the first and leaves loading to
//! `checkpoint`, which compares all names and shapes before it copies anything.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::ops::Deref;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
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

/// A tensor of a model: a parameter, or a table that follows from its recipe. Threads may read one together.
///
/// tch's `Tensor` can be sent to another thread but not shared with one, for libtorch lets a tensor be changed through a shared reference.
/// Models change theirs while they are trained or loaded and at no other time, and then the model belongs to one thread: the trainer, or
/// whoever loads it.
pub struct Weight(Tensor);

// SAFETY: libtorch's operations may read a tensor from several threads, its reference counts being atomic; and nothing of a model but
// what trains or loads it, which has it alone, writes to a weight. `tests/sharing.rs` compares the version counters of all weights before
// and after four threads have used a model.
unsafe impl Sync for Weight {}

impl Deref for Weight {
    type Target = Tensor;

    fn deref(&self) -> &Tensor {
        &self.0
    }
}

impl Weight {
    /// The same weight under another use (tied weights).
    pub fn tied(&self) -> Self {
        Weight(self.0.shallow_clone())
    }
}

impl From<Tensor> for Weight {
    fn from(tensor: Tensor) -> Self {
        Weight(tensor)
    }
}

/// All parameters of a model, in the order of their creation.
pub struct Parameters {
    entries: RefCell<Vec<(String, Tensor)>>,
    names: RefCell<HashSet<String>>,
    device: Device,
    kind: Kind,
    seed: u64,
    /// Whether nothing is allocated.
    outline: bool,
    /// Bytes of what a model keeps beside its parameters.
    table_bytes: Cell<u64>,
}

impl Parameters {
    /// An empty store. Starting values are a function of `seed` and the parameter's name, made on the CPU whatever the device.
    pub fn new(seed: u64, device: Device) -> Self {
        Parameters {
            entries: RefCell::default(),
            names: RefCell::default(),
            device,
            kind: Kind::Float,
            seed,
            outline: false,
            table_bytes: Cell::new(0),
        }
    }

    /// A store for a model that is only to be measured: every parameter has its name and its size, and all of them share the storage of one
    /// number, however large they are. The model is good for nothing else.
    pub fn shapes_only() -> Self {
        Parameters { outline: true, ..Self::new(0, Device::Cpu) }
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

    /// A table [..] in single precision that follows from the recipe alone and is no parameter, where the parameters live; `make` is not
    /// called for an outline.
    pub fn table(&self, size: &[i64], make: impl FnOnce() -> Tensor) -> Weight {
        self.table_bytes.set(self.table_bytes.get().saturating_add(numbers(size).saturating_mul(4)));
        Weight(if self.outline { hollow(size) } else { make().to_device(self.device) })
    }

    /// Bytes of all tables.
    pub fn table_bytes(&self) -> u64 {
        self.table_bytes.get()
    }

    /// The same for a model that several threads use.
    pub fn weights(&self) -> Vec<(String, Weight)> {
        self.named().into_iter().map(|(name, tensor)| (name, Weight(tensor))).collect()
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
    pub fn tensor(&self, name: &str, size: &[i64], initialization: Initialization) -> Weight {
        let name = self.full(name);
        assert!(self.store.names.borrow_mut().insert(name.clone()), "two parameters are named {name}");
        let mut entries = self.store.entries.borrow_mut();
        if self.store.outline {
            let tensor = hollow(size);
            entries.push((name, tensor.shallow_clone()));
            return Weight(tensor);
        }
        let mut chance = ChaCha8Rng::seed_from_u64(seed_of(self.store.seed, &name));
        let values = tch::no_grad(|| starting_values(size, initialization, &mut chance));
        let tensor = values.to_device(self.store.device).to_kind(self.store.kind).set_requires_grad(true);
        entries.push((name, tensor.shallow_clone()));
        Weight(tensor)
    }
}

/// How many numbers a tensor of this size has.
pub fn numbers(size: &[i64]) -> u64 {
    size.iter().fold(1, |product: u64, &length| product.saturating_mul(length.max(0) as u64))
}

/// A tensor of this size all of whose numbers are one and the same.
fn hollow(size: &[i64]) -> Tensor {
    Tensor::zeros([1], (Kind::Float, Device::Cpu)).squeeze().expand(size, false)
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
    let values: Vec<f32> = (0..count).map(|_| chance.random()).collect();
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
    use rand::Rng;

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

    /// Runs that are begun again start where they did.
    #[test]
    fn uniform_numbers_are_the_upper_24_bits_of_each_word() {
        let [mut chance, mut plain] = [8, 8].map(ChaCha8Rng::seed_from_u64);
        let drawn = Vec::<f32>::try_from(uniform(&[1000], &mut chance)).unwrap();
        assert!(drawn.iter().all(|&drawn| drawn == (plain.next_u32() >> 8) as f32 / (1u32 << 24) as f32));
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
    fn an_outline_has_sizes_and_takes_no_room() {
        let outline = Parameters::shapes_only();
        // 2^40 numbers, four TB.
        let tensor = outline.root().tensor("w", &[1 << 20, 1 << 20], Initialization::Orthogonal);
        assert_eq!((tensor.size(), outline.named()[0].1.size()), (vec![1 << 20, 1 << 20], vec![1 << 20, 1 << 20]));
        let _ = outline.table(&[1 << 20, 1 << 20], || unreachable!("no table is made"));
        assert_eq!(outline.table_bytes(), 1 << 42);
        let real = Parameters::new(1, Device::Cpu);
        assert_eq!(real.table(&[2], || Tensor::from_slice(&[1f32, 2.0])).size(), [2]);
        assert_eq!((real.table_bytes(), numbers(&[3, 4, 5]), numbers(&[])), (8, 60, 1));
    }

    #[test]
    #[should_panic(expected = "two parameters are named a")]
    fn a_name_is_given_once() {
        let store = Parameters::new(1, Device::Cpu);
        let _ = store.root().tensor("a", &[1], Initialization::Constant(0.0));
        let _ = store.root().tensor("a", &[1], Initialization::Constant(0.0));
    }
}
