//! What the one trainer can train.

pub mod translation;
