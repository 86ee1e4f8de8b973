//! What the one trainer can train beside translation: studies of memory and attention.

mod documents;
mod hopfield;
mod pointing;
mod questions;
mod random;
mod study;
mod tape;
mod transduction;
mod trees;

pub use study::{Aim, Finding, Study, run};
