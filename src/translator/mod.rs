//! Raw text in; raw text, scores and attention out: the one composition that the command line, validation and tests all use.

mod aligned;
mod forced;
mod load;
mod translate;

pub use aligned::{AttentionView, Aligned};
pub use forced::Pair;
pub use translate::{TranslateOptions, Translation, Translated};

use tch::Device;

use crate::checkpoint::{Config, Tokenizers};
use crate::model::Seq2Seq;

/// A model with its tokenizers.
pub struct Translator {
    pub config: Config,
    pub tokenizers: Tokenizers,
    pub model: Box<dyn Seq2Seq>,
    pub device: Device,
}
