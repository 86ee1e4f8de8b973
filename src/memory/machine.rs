//! The frame of memory-augmented networks: a controller is fed an input and what was last read, emits the memory's interface, and answers.
//!
//! h(t) = controller([x(t); r(t-1)]), interface(t) = W h(t), r(t), M(t) = access(interface(t), M(t-1)), y(t) = V [h(t); r(t)]
//! (Graves et al. 2014, section 3; the same frame for the memories of Grefenstette et al. 2015). Any controller works with any memory.

use tch::Tensor;

use super::controller::{Controller, ControllerState};
use crate::nn::{Initialization, Linear, Scope, Weight};
use crate::recipe::ControllerKind;
use crate::runtime::exact;

/// What a memory holds: batch-first tensors whose meaning is the memory's own.
pub struct MemoryState(pub Vec<Tensor>);

impl MemoryState {
    /// Of these rows [B'] (int64), which may be repeated.
    pub fn select(&self, rows: &Tensor) -> Self {
        MemoryState(self.0.iter().map(|tensor| tensor.index_select(0, rows)).collect())
    }
}

/// Weightings of the heads in a step (Graves et al. 2014, section 3.1): a share of attention for every slot.
pub struct Weightings {
    /// [B, heads that read, Z]
    pub read: Tensor,
    /// [B, heads that write, Z]
    pub write: Tensor,
}

/// What came of one access.
pub struct Accessed {
    /// What was read [B, R].
    pub read: Tensor,
    pub state: MemoryState,
    pub weightings: Weightings,
}

/// A memory with its ways to read and write. Nothing in it changes between calls: what is remembered is in the state.
pub trait Memory {
    /// How many numbers the controller emits for the memory in a step: all head parameters side by side.
    fn interface(&self) -> i64;

    /// How many numbers are read in a step, R.
    fn read_size(&self) -> i64;

    /// The memory before the first step, of B sequences.
    fn start(&self, rows: i64) -> MemoryState;

    /// One step: `interface` [B, ·] holds the head parameters, such as keys, erase vectors and add vectors.
    fn access(&self, interface: &Tensor, state: &MemoryState) -> Accessed;
}

/// One step of a memory in full precision: heads learn to tell neighbours apart over many steps. The interface is clipped to ±20.
pub fn step(memory: &dyn Memory, interface: &Tensor, state: &MemoryState) -> Accessed {
    exact(interface.device(), |full| memory.access(&full(interface).clamp(-LIMIT, LIMIT), state))
}

/// Sizes of a machine.
#[derive(Debug, Clone, Copy)]
pub struct MachineOptions {
    /// Numbers of an input.
    pub input: i64,
    pub controller: ControllerKind,
    /// Units of the controller, D.
    pub hidden: i64,
    /// Numbers of an answer, O.
    pub output: i64,
}

/// A controller with a memory.
pub struct MemoryMachine {
    controller: Controller,
    memory: Box<dyn Memory>,
    interface: Linear,
    output: Linear,
    /// What counts as read before the first step [R], learned.
    first_read: Weight,
}

/// A machine between two steps.
pub struct MachineState {
    controller: ControllerState,
    /// r [B, R]
    read: Tensor,
    memory: MemoryState,
}

/// An interface is clipped to this: larger numbers change nothing more and overflow (Collier and Beel 2018).
const LIMIT: f64 = 20.0;

impl MemoryMachine {
    pub fn new(scope: &Scope, options: &MachineOptions, memory: Box<dyn Memory>) -> Self {
        let (read, hidden, xavier) = (memory.read_size(), options.hidden, Initialization::Xavier { gain: 1.0 });
        MemoryMachine {
            controller: Controller::new(&scope.sub("controller"), options.controller, options.input, read, hidden),
            interface: Linear::new(scope.sub("interface"), hidden, memory.interface(), xavier),
            output: Linear::new(scope.sub("output"), hidden + read, options.output, xavier),
            first_read: scope.tensor("first_read", &[read], Initialization::Normal(0.1)),
            memory,
        }
    }

    /// Before the first step of B sequences.
    pub fn start(&self, rows: i64) -> MachineState {
        MachineState {
            controller: self.controller.start(rows),
            read: self.first_read.tanh().expand([rows, -1], false), // [B, R]
            memory: self.memory.start(rows),
        }
    }

    /// Runs over whole sequences [B, T, I] from the start: answers [B, T, O], and the weightings of the heads at every step.
    pub fn run(&self, inputs: &Tensor) -> (Tensor, Vec<Weightings>) {
        let (rows, steps) = (inputs.size()[0], inputs.size()[1]);
        let input_parts = self.controller.input_part(inputs).transpose(0, 1).contiguous(); // [T, B, ·]
        let stepper = self.controller.stepper(self.memory.read_size());
        let mut state = self.start(rows);
        let (mut features, mut weightings) = (Vec::with_capacity(steps as usize), Vec::with_capacity(steps as usize));
        for input_part in input_parts.unbind(0) {
            let (hidden, controller) = stepper.step(&input_part, &state.read, &state.controller); // [B, D]
            let interface = self.interface.forward(&hidden); // [B, interface]
            let accessed = step(self.memory.as_ref(), &interface, &state.memory);
            features.push(Tensor::cat(&[&hidden, &accessed.read], 1)); // [B, D + R]
            weightings.push(accessed.weightings);
            state = MachineState { controller, read: accessed.read, memory: accessed.state };
        }
        let features = Tensor::stack(&features, 1); // [B, T, D + R]
        (self.output.forward(&features), weightings) // [B, T, O]
    }
}
