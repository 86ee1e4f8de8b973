//! Raw text in; raw text, scores and attention out: the one composition that the command line, validation and tests all use.

mod aligned;
mod all_attention;
mod embeddings;
mod ensemble;
mod forced;
mod glossary;
mod load;
mod longest;
mod options;
mod paragraphs;
mod score;
mod sources;
mod translate;
mod view;

pub use aligned::Aligned;
pub use all_attention::AllAttention;
pub use embeddings::{EmbeddedWord, Side};
pub use forced::{EncodedPair, Forced, Pair};
pub use glossary::{Continuations, Glossary};
pub use longest::{LongPair, Longest};
pub use paragraphs::{LongSentence, Splitting};
pub use score::PairScore;
pub use sources::SourceEncoder;
pub use translate::{TranslateOptions, Translated, Translation};
pub use view::AttentionView;

use tch::Device;

use crate::checkpoint::{Config, Tokenizers};
use crate::model::Seq2Seq;
use crate::runtime::Precision;

/// A model with its tokenizers.
pub struct Translator {
    pub config: Config,
    pub tokenizers: Tokenizers,
    pub model: Box<dyn Seq2Seq>,
    /// Further models that translate together with the first, as an ensemble.
    pub ensemble_members: Vec<Box<dyn Seq2Seq>>,
    pub device: Device,
    /// What all of its models are made for.
    pub longest: Longest,
    /// What products are computed in when translating and scoring.
    pub precision: Precision,
}
