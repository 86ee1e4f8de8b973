//! The digit that stood behind a letter (Ba et al. 2016, section 4.1).

mod problem;
mod session;
mod study;
mod task;

pub use task::RetrievalTask;
