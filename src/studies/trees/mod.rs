//! Formulas from prefix to infix notation (Kim et al. 2017, section 4.1): an encoder that knows no order needs the tree.

mod examine;
mod formula;
mod model;
mod pictures;
mod session;
mod study;
mod task;

pub use task::TreesTask;
