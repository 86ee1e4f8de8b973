//! What the one trainer can train: translation, and the studies of memory and attention.

mod study;
mod tape;
pub mod translation;

pub use study::{Aim, Finding, Study, run};
