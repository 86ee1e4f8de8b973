//! One integration binary: libtorch links slowly.

mod chapter;
mod cli;
mod examples;
mod gpu;
mod interop;
mod models;
mod parity;
mod readme;
mod rooms;
mod search;
mod sharing;

// As the program does, so that both round alike.
targum::answer_mkl!();
