//! External memories: attention is how a network reads one.
//!
//! [`machine`] is the frame: a controller, a memory, and the interface between them.

mod controller;
pub mod fast_weights;
pub mod hopfield;
pub mod machine;
pub mod memn2n;
mod set;
mod stack_queue;
mod tape;
mod tree;
pub mod turing;

pub use controller::{Controller, ControllerState};
pub use machine::{Accessed, MachineOptions, MachineState, Memory, MemoryMachine, MemoryState, Weightings};
pub use set::Set;
pub use stack_queue::StackQueue;
pub use tape::{Tape, TapeOptions};
pub use tree::Tree;
