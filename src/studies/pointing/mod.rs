//! Pointing at positions of the input (Vinyals et al. 2015): sorting numbers, and convex hulls.

mod examine;
mod geometry;
mod model;
mod pictures;
mod problem;
mod session;
mod study;
mod task;

pub use task::PointingTask;
