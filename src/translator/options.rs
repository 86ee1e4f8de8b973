//! From a recipe's `[search]` to what search is told.

use super::Translator;
use super::translate::TranslateOptions;
use crate::recipe::{self, SearchRecipe};
use crate::runtime::Interrupt;
use crate::search::{EarlyStopping, LengthPenalty, Sampling, SearchOptions};
use crate::text::special::UNK;

impl Translator {
    /// How this model searches unless told otherwise.
    pub fn search_options(&self) -> SearchOptions {
        self.search_options_of(&self.config.search)
    }

    /// How this model translates unless told otherwise.
    pub fn translate_options(&self) -> TranslateOptions {
        self.translate_options_of(&self.config.search)
    }

    /// How this model translates when told so. Pieces to suppress that the vocabulary lacks are never produced anyway.
    pub fn translate_options_of(&self, recipe: &SearchRecipe) -> TranslateOptions {
        TranslateOptions {
            search: self.search_options_of(recipe),
            batch_tokens: recipe.batch_tokens,
            // On a CPU, sentences are shared out before products are.
            workers: if self.device == tch::Device::Cpu { tch::get_num_threads().max(1) as usize } else { 1 },
            view: self.view(),
            replace_unknown: None,
            prefix: recipe.prefix.clone(),
            glossary: None,
            interrupt: Interrupt::new(),
        }
    }

    fn search_options_of(&self, recipe: &SearchRecipe) -> SearchOptions {
        let tokenizer = self.tokenizers.target();
        let limit = recipe.length_limit(self.config.length_limit.unwrap_or_default());
        let mut suppressed = self.white_space();
        suppressed.extend(recipe.suppress_pieces.iter().filter_map(|piece| tokenizer.id(piece)));
        // A word that the vocabulary cannot spell cannot be produced; what its unknown part stands for is another matter.
        let words = recipe.suppress.iter().map(|word| tokenizer.encode(word).ids);
        let (single, several): (Vec<_>, Vec<_>) =
            words.filter(|ids| !ids.is_empty() && !ids.contains(&UNK)).partition(|ids| ids.len() == 1);
        suppressed.extend(single.into_iter().flatten());
        SearchOptions {
            beam: recipe.beam,
            n_best: 1,
            length_penalty: match recipe.length_penalty {
                recipe::LengthPenalty::None => LengthPenalty::None,
                recipe::LengthPenalty::Plain { alpha } => LengthPenalty::Plain { alpha },
                recipe::LengthPenalty::Wu { alpha } => LengthPenalty::Wu { alpha },
            },
            coverage_penalty: if self.attends() { recipe.coverage_penalty } else { 0.0 },
            early_stopping: match recipe.early_stopping {
                recipe::EarlyStopping::First => EarlyStopping::First,
                recipe::EarlyStopping::Heuristic => EarlyStopping::Heuristic,
                recipe::EarlyStopping::Never => EarlyStopping::Never,
            },
            patience: recipe.patience,
            minimum_length: recipe.minimum_length,
            maximum_length_ratio: limit.ratio,
            maximum_length_offset: limit.offset,
            positions: self.longest.target,
            attention: false,
            suppressed,
            suppressed_phrases: several,
            no_repeat_ngram: recipe.no_repeat_ngram,
            repetition_penalty: recipe.repetition_penalty,
            diversity_groups: recipe.diversity_groups,
            diversity_penalty: recipe.diversity_penalty,
            sampling: recipe.sample.then_some(Sampling {
                temperature: recipe.temperature,
                top_k: recipe.top_k,
                top_p: recipe.top_p,
                seed: recipe.seed,
            }),
        }
    }

    /// Byte pieces that would break the line or its columns. The text that models learn from has single spaces only.
    fn white_space(&self) -> Vec<u32> {
        (b'\t'..=b'\r').filter_map(|byte| self.tokenizers.target().id(&format!("<0x{byte:02X}>"))).collect()
    }
}
