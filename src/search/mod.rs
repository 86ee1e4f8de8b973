//! From a model and sources to hypotheses that carry their attention. Knows the [`Seq2Seq`](crate::model::Seq2Seq) trait and no model.

mod attention;
mod beam;
mod candidate;
mod constraint;
mod ensemble;
mod forced;
mod group;
mod hypothesis;
mod options;
mod processor;
mod sample;
mod stopping;
mod top;

pub use attention::TokenAttention;
pub use constraint::{Constraint, Demands};
pub use ensemble::Ensemble;
pub use forced::{Scored, score_pairs};
pub use hypothesis::Hypothesis;
pub use options::{LengthPenalty, Sampling, SearchOptions};
pub use processor::{MinimumLength, NoRepeat, Processor, Produced, RepetitionPenalty, Suppress, SuppressPhrases};
pub use stopping::EarlyStopping;

use crate::batch::Source;
use crate::model::Seq2Seq;

/// The best hypotheses of every source, best first; or samples.
pub fn search(model: &dyn Seq2Seq, source: &Source, options: &SearchOptions) -> Vec<Vec<Hypothesis>> {
    search_with(&model.into(), source, options, &vec![Demands::default(); source.lengths.len()])
}

/// The same with several models, and what each source asks for: `demands` has an entry for each.
pub fn search_with(models: &Ensemble, source: &Source, options: &SearchOptions, demands: &[Demands]) -> Vec<Vec<Hypothesis>> {
    assert_eq!(demands.len(), source.lengths.len(), "every source has its demands");
    let _guard = tch::no_grad_guard();
    match options.sampling {
        Some(sampling) => sample::sample(models, source, options, demands, sampling),
        None => beam::beam_search(models, source, options, demands),
    }
}
