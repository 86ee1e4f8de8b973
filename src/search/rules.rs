//! From options to the rules that a search applies.

use std::sync::Arc;

use tch::Device;

use super::options::SearchOptions;
use super::processor::{MinimumLength, NoRepeat, Processor, RepetitionPenalty, Suppress, SuppressPhrases};
use crate::text::special::{BOS, EOS, PAD};

/// The rules that the options ask for, in the order they are applied in: those of Targum, which do nothing but forbid, then those of one's own.
pub(super) fn rules(options: &SearchOptions, device: Device) -> Vec<Arc<dyn Processor>> {
    let mut suppressed = vec![PAD, BOS];
    suppressed.extend(&options.suppressed);
    let mut rules: Vec<Arc<dyn Processor>> = Vec::new();
    rules.push(Arc::new(Suppress::new(&suppressed, device)));
    if options.recipe.minimum_length > 0 {
        rules.push(Arc::new(MinimumLength::new(options.recipe.minimum_length, EOS, device)));
    }
    if !options.suppressed_phrases.is_empty() {
        rules.push(Arc::new(SuppressPhrases { phrases: options.suppressed_phrases.clone() }));
    }
    if options.recipe.no_repeat_ngram > 0 {
        rules.push(Arc::new(NoRepeat { size: options.recipe.no_repeat_ngram }));
    }
    rules.extend(options.processors.0.iter().map(Arc::clone));
    rules
}

/// The repetition penalty, a rule on logits and not on log probabilities.
pub(super) fn repetition_penalty(options: &SearchOptions) -> Option<RepetitionPenalty> {
    let factor = options.recipe.repetition_penalty;
    (factor != 1.0).then_some(RepetitionPenalty { factor })
}
