//! One integration binary: libtorch links slowly.

mod cli;
mod models;
mod parity;
mod readme;
mod rooms;
mod search;
