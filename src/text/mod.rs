//! Text: words, and the tokenizers between raw lines and ids. No tensors.
//!
//! A line is read as its [`words`]: what stands between white space. Each word is normalised (NFC, lower case if asked for), marked with
//! `▁` for the space before it, cut into runs of letters and of other symbols, and cut further by the model of the [`TokenizerKind`](crate::recipe::TokenizerKind). Ids come with
//! the word and the bytes of the raw line each piece stands for ([`Encoding`]), so that what a model attends to can be shown on the text
//! as it was given.

mod decode;
mod encoding;
mod fit;
mod from_sentencepiece;
mod model_json;
mod normalise;
mod pipeline;
pub mod sentencepiece;
mod sentences;
pub mod special;
#[cfg(test)]
mod tests;
mod tokenizer;
mod train;
mod unigram;
mod unknown;
mod words;

pub use decode::Decoded;
pub use encoding::Encoding;
pub use fit::fit;
pub use sentences::sentences;
pub use tokenizer::Tokenizer;
pub use train::{TrainingReport, WordCounts};
pub use unknown::Unknown;
pub use words::{PieceWords, words};
