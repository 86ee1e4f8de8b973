//! One integration binary: libtorch links slowly.

mod models;
mod parity;
mod rooms;
mod search;
