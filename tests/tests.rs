//! One integration binary: libtorch links slowly.

mod models;
mod rooms;
mod search;
