//! What the one trainer can train: translation, and the studies of memory and attention.

mod chance;
mod hopfield;
mod study;
mod tape;
mod transduction;
pub mod translation;

pub use study::{Aim, Finding, Study, run};
