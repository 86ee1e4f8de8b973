//! From a model and sources to hypotheses that carry their attention. Knows the [`Seq2Seq`](crate::model::Seq2Seq) trait and no model.

mod attention;
mod beam;
mod candidate;
mod constraint;
mod ensemble;
mod extensions;
mod forced;
mod group;
mod hypothesis;
mod length_penalty;
mod options;
mod processor;
mod rules;
mod sample;
mod scored;
mod scores;
mod stopping;

pub use attention::{PairAttention, TokenAttention};
pub use constraint::{Constraints, PhraseConstraint};
pub use ensemble::Ensemble;
pub use forced::score_pairs;
pub use hypothesis::Hypothesis;
pub use options::{Processors, SearchOptions};
pub use processor::{MinimumLength, NoRepeat, Prefixes, Processor, RepetitionPenalty, Suppress, SuppressPhrases};
pub use scored::Scored;

use crate::batch::Source;
use crate::model::Seq2Seq;

/// The best hypotheses of every source, best first; or samples.
pub fn search(model: &dyn Seq2Seq, source: &Source, options: &SearchOptions) -> Vec<Vec<Hypothesis>> {
    search_with(&model.into(), source, options, &vec![Constraints::default(); source.lengths.len()])
}

/// The same with several models, and what the translations of each source must hold: `constraints` has an entry for each.
pub fn search_with(
    models: &Ensemble,
    source: &Source,
    options: &SearchOptions,
    constraints: &[Constraints],
) -> Vec<Vec<Hypothesis>> {
    assert_eq!(constraints.len(), source.lengths.len(), "every source has its constraints");
    let _guard = tch::no_grad_guard();
    if options.recipe.sample {
        sample::sample(models, source, options, constraints)
    } else {
        beam::beam_search(models, source, options, constraints)
    }
}
