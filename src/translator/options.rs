//! From a recipe's `[search]` to what search is told.

use super::Translator;
use super::translate::TranslateOptions;
use crate::recipe::SearchRecipe;
use crate::runtime::Interrupt;
use crate::search::SearchOptions;
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
        let mut recipe = recipe.clone();
        if !self.attends() {
            recipe.coverage_penalty = 0.0;
        }
        SearchOptions {
            recipe,
            n_best: 1,
            length_limit: limit,
            positions: Some(self.longest.target),
            suppressed,
            suppressed_phrases: several,
            ..SearchOptions::default()
        }
    }

    /// Byte pieces that would break the line or its columns. The text that models learn from has single spaces only.
    fn white_space(&self) -> Vec<u32> {
        (b'\t'..=b'\r').filter_map(|byte| self.tokenizers.target().id(&format!("<0x{byte:02X}>"))).collect()
    }
}
