//! Targum: translation models that show what they attend to, on libtorch.
//!
//! Data flows one way: text → ids → batch → model → hypotheses with attention → text and alignments. `docs/house.md` says which
//! room may use which.

pub mod alignment;
pub mod attention;
pub mod batch;
pub mod checkpoint;
pub mod checksum;
pub mod cli;
pub mod corpus;
pub mod input;
pub mod interop;
pub mod kernels;
pub mod memory;
pub mod metrics;
pub mod model;
pub mod nn;
pub mod picture;
pub mod recipe;
pub mod report;
pub mod runtime;
pub mod search;
pub mod studies;
pub mod synth;
pub mod tasks;
pub mod text;
pub mod train;
pub mod translator;
