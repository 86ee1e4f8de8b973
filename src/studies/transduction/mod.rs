//! Sequences of symbols to be copied, reversed or flipped (Grefenstette et al. 2015, section 4.1).

mod pictures;
mod problem;
mod session;
mod study;
mod task;

pub use task::TransductionTask;
