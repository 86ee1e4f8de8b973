//! The program as its users run it: one process a command, over tiny models that are trained once.

mod align;
mod average;
mod bombs;
mod broken_checkpoints;
mod broken_input;
mod copying;
mod crashes;
mod fine_tuning;
mod frozen;
mod help;
mod hopfield;
mod length_limit;
mod long_input;
mod long_pairs;
mod outputs;
mod own_files;
mod resume;
mod rows;
mod score;
mod search;
mod signals;
mod studies;
pub mod support;
mod train;
mod translate;
mod try_model;
mod unknown_words;
