//! What the one trainer can train: translation, and the studies of memory and attention.

mod chance;
mod documents;
mod hopfield;
mod pointing;
mod questions;
mod study;
mod tape;
mod transduction;
pub mod translation;
mod trees;

pub use study::{Aim, Finding, Study, run};
