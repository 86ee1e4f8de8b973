//! Sets of instances of which one decides, pooled by a Hopfield layer (Ramsauer et al. 2021, section 4: multiple instance learning).

mod examine;
mod model;
mod problem;
mod session;
mod study;
mod task;

pub use task::SetsTask;
