//! How good translations and alignments are: BLEU, chrF and TER with sacreBLEU's numbers and signatures, significance by
//! paired bootstrap, BLEU by source length, and alignment error rate. No tensors here.
//!
//! sacreBLEU (Post 2018, "A Call for Clarity in Reporting BLEU Scores") is the definition: where it departs from a paper,
//! so does this room, because a score is only worth something if it can be compared.

mod aer;
mod bleu;
mod bootstrap;
mod chrf;
mod edits;
mod lengths;
mod lines;
mod ngrams;
#[cfg(test)]
mod parity;
mod rouge;
mod score;
mod ter;
mod tokenizer;

pub use aer::{AlignmentCounts, AlignmentScore, GoldLinks, gold_links, read_gold};
pub use bleu::{Bleu, Smoothing};
pub use bootstrap::{Estimate, Resamples, p_value};
pub use chrf::Chrf;
pub use lengths::{LengthBucket, by_length};
pub use lines::read_lines;
pub use rouge::Rouge;
pub use score::{CorpusStatistics, Detail, Metric, Score};
pub use ter::Ter;
pub use tokenizer::BleuTokenizer;
