//! The four special tokens, with the same ids in every vocabulary of the house.

/// Fills up short sequences; never attended to, never produced.
pub const PAD: u32 = 0;
/// Stands for whatever the vocabulary lacks.
pub const UNK: u32 = 1;
/// First decoder input.
pub const BOS: u32 = 2;
/// Ends every source and every target.
pub const EOS: u32 = 3;

/// Their spelling in `tokenizer.json`, indexed by id.
pub const SPELLINGS: [&str; 4] = ["<pad>", "<unk>", "<s>", "</s>"];
