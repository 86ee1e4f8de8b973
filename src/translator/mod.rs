//! Raw text in; raw text, scores and attention out: the one composition that the command line, validation and tests all use.

mod aligned;
mod forced;
mod load;
mod translate;

pub use aligned::{Aligned, AttentionView};
pub use forced::Pair;
pub use translate::{TranslateOptions, Translated, Translation};

use tch::Device;

use crate::checkpoint::{Config, Tokenizers};
use crate::model::Seq2Seq;
use crate::recipe;
use crate::search::{LengthPenalty, SearchOptions};

/// A model with its tokenizers.
pub struct Translator {
    pub config: Config,
    pub tokenizers: Tokenizers,
    pub model: Box<dyn Seq2Seq>,
    pub device: Device,
}

impl Translator {
    /// How this model translates unless told otherwise.
    pub fn search_options(&self) -> SearchOptions {
        let recipe = &self.config.search;
        SearchOptions {
            beam: recipe.beam,
            n_best: 1,
            length_penalty: match recipe.length_penalty {
                recipe::LengthPenalty::None => LengthPenalty::None,
                recipe::LengthPenalty::Plain { alpha } => LengthPenalty::Plain { alpha },
                recipe::LengthPenalty::Wu { alpha } => LengthPenalty::Wu { alpha },
            },
            coverage_penalty: if self.model.attends() { recipe.coverage_penalty } else { 0.0 },
            minimum_length: recipe.minimum_length,
            maximum_length_ratio: recipe.maximum_length_ratio,
            maximum_length_offset: recipe.maximum_length_offset,
            attention: false,
            suppressed: self.white_space(),
        }
    }

    /// Byte pieces that would break the line or its columns. The text that models learn from has single spaces only.
    fn white_space(&self) -> Vec<u32> {
        (b'\t'..=b'\r').filter_map(|byte| self.tokenizers.target().id(&format!("<0x{byte:02X}>"))).collect()
    }

    /// The same with the batch size of its recipe.
    pub fn translate_options(&self) -> TranslateOptions {
        TranslateOptions {
            search: self.search_options(),
            batch_tokens: self.config.search.batch_tokens,
            view: AttentionView::default(),
            replace_unknown: None,
        }
    }
}
