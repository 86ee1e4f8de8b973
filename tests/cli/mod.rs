//! The program as its users run it: one process a command, over tiny models that are trained once.

mod align;
mod broken_checkpoints;
mod broken_input;
mod crashes;
mod help;
mod resume;
mod rows;
mod score;
mod search;
mod support;
mod train;
mod translate;
mod unknown_words;
