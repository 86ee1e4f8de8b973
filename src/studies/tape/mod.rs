//! Sequences of bits to be stored, found and worked on: the five tasks of Graves et al. 2014, and two more.

mod examine;
mod given;
mod pictures;
mod problem;
mod session;
mod study;
mod task;
mod tensors;

pub use task::TapeTask;
