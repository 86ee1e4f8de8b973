//! Attention matrices as data: pieces to words, word links, formats and pictures. No tensors here.
//!
//! One index rule holds everywhere: **rows are target tokens in the order produced, columns are source tokens**; where a
//! sentence's end takes part it is the last row or the last column. Links are `(source, target)`, 0-indexed, over words.

mod heatmap;
mod links;
mod matrix;
mod pharaoh;
mod record;
mod symmetrisation;

pub use heatmap::{Figure, Heatmap, TerminalColour};
pub use links::{LinkOptions, LinkRule, Links};
pub use matrix::{AttentionMatrix, EndOfSentence, MatrixError, Words};
pub use pharaoh::{PharaohError, read_pharaoh};
pub use record::{AlignmentRecord, read_records};
pub use symmetrisation::Symmetrisation;
