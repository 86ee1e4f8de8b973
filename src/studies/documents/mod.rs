//! Classes of documents of which one sentence decides, read by hierarchical attention (Yang et al. 2016).

mod examine;
mod grammar;
mod model;
mod pictures;
mod session;
mod study;
mod task;

pub use task::DocumentsTask;
