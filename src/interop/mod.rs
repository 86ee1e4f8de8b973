//! Models of other programs in and out: Hugging Face's Marian folders.
//!
//! Marian's ids and the house's differ. The house has `<pad>`, `<unk>`, `<s>`, `</s>` at 0 to 3 and then Marian's other pieces in Marian's
//! order; `<s>`, which Marian has not, has an embedding of zeros and can never be produced.

mod config;
mod export;
mod import;
mod pickle;
mod torch_file;
mod vocabulary;
mod weights;

pub use export::export_huggingface;
pub use import::{Imported, import};
