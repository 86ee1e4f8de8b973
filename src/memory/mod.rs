//! External memories: attention is how a network reads one.
//!
//! [`machine`] is the frame: a controller, a memory, and what the one says to the other at every step.

mod controller;
pub mod machine;
mod tape;

pub use controller::{Controller, ControllerKind, ControllerState};
pub use machine::{Accessed, Looked, MachineOptions, MachineState, Memory, MemoryMachine, MemoryState};
pub use tape::{Tape, TapeOptions};
