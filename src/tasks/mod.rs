//! What the one trainer can train: translation, and the studies of memory and attention.

mod chance;
mod documents;
mod pointing;
mod study;
mod tape;
pub mod translation;
mod trees;

pub use study::{Aim, Finding, Study, run};
