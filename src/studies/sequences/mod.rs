//! What studies of sequences share: their models, and pictures of what was read and written.

mod model;
mod pictures;

pub use model::{SequenceModel, SymbolModel, summary};
pub use pictures::memory;
