//! The five tasks of Graves et al. 2014: sequences of bits to be stored, found and worked on.

mod examine;
mod given;
mod model;
mod pictures;
mod problem;
mod session;
mod study;
mod task;

pub use task::TapeTask;
