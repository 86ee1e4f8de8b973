//! A model of one's own in every search mode: `cargo run --release --example own_decoder`.
//!
//! It translates a number into the words that count up to it, and attends to nothing. Whatever implements `Seq2Seq` and gives a decoding session
//! can be searched, sampled, scored and put into an ensemble.

use anyhow::Result;
use targum::batch::Source;
use targum::kernels::LogitSummary;
use targum::model::{DecoderOutput, Decoding, NextTokenScores, OutputLayer, Seq2Seq, StepOutput, WithAttention};
use targum::nn::{ForwardContext, Weight};
use targum::recipe::SearchRecipe;
use targum::search::{SearchOptions, search};
use targum::text::special::{BOS, EOS};
use tch::{Device, Kind, Tensor};

/// Tokens of the vocabulary: the four special ones, and the numbers 0 to 9 from 4 on.
const VOCABULARY: i64 = 14;

struct Counter {
    /// The output layer's weight [V, V]: features are logits already.
    identity: Weight,
}

/// What a session remembers: the number of each source. Hypotheses are told apart by their last token alone.
struct Counting {
    targets: Vec<u32>,
}

/// Logits [V] after `previous` where the source says `target`: the next number is likely, the end where it was reached.
fn logits(previous: u32, target: u32) -> Vec<f32> {
    let next = if previous == BOS { 4 } else { previous + 1 };
    let likely = if previous == target { EOS } else { next };
    (0..VOCABULARY as u32).map(|token| if token == likely { 4.0 } else { -f32::from(token.abs_diff(next) as u8) }).collect()
}

impl Decoding for Counting {
    fn step(&mut self, previous: &[u32], _attention: WithAttention) -> StepOutput {
        let width = previous.len() / self.targets.len();
        let rows: Vec<f32> =
            previous.iter().enumerate().flat_map(|(row, &token)| logits(token, self.targets[row / width])).collect();
        let logits = Tensor::from_slice(&rows).view([-1, VOCABULARY]); // [R, V]
        let summary = LogitSummary::of(&logits);
        StepOutput { scores: NextTokenScores::Logits { logits, summary }, attention: None }
    }

    fn reorder(&mut self, _hypotheses: &[usize]) {}

    fn retain(&mut self, sources: &[usize]) {
        self.targets = sources.iter().map(|&source| self.targets[source]).collect();
    }
}

impl Seq2Seq for Counter {
    fn start(&self, source: &Source) -> Box<dyn Decoding + '_> {
        let first = |row: usize| source.ids.int64_value(&[row as i64, 0]) as u32;
        Box::new(Counting { targets: (0..source.lengths.len()).map(first).collect() })
    }

    fn forward(&self, source: &Source, input: &Tensor, _pass: &ForwardContext, _attention: WithAttention) -> DecoderOutput {
        let (rows, steps) = input.size2().expect("inputs are [B, T]");
        let all = (0..rows).flat_map(|row| {
            let target = source.ids.int64_value(&[row, 0]) as u32;
            (0..steps).flat_map(move |step| logits(input.int64_value(&[row, step]) as u32, target))
        });
        let features = Tensor::from_slice(&all.collect::<Vec<f32>>()).view([rows, steps, VOCABULARY]);
        DecoderOutput { features, attention: None, sampled: None, copied: None }
    }

    fn output(&self) -> OutputLayer<'_> {
        OutputLayer { weight: &self.identity, bias: None }
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        Vec::new()
    }

    fn attends(&self) -> bool {
        false
    }
}

fn main() -> Result<()> {
    let model = Counter { identity: Tensor::eye(VOCABULARY, (Kind::Float, Device::Cpu)).into() };
    let source = Source::new(&[[4 + 3u32], [4 + 5]], Device::Cpu);
    let beam = SearchOptions { n_best: 2, ..SearchOptions::of(SearchRecipe { beam: 4, ..SearchRecipe::default() }) };
    for (what, options) in [("greedy", SearchOptions::greedy()), ("beam", beam)] {
        for hypotheses in search(&model, &source, &options) {
            for hypothesis in hypotheses {
                let numbers: Vec<i64> = hypothesis.tokens.iter().map(|&token| i64::from(token) - 4).collect();
                println!("{what}: {numbers:?}, score {:.2}", hypothesis.score);
            }
        }
    }
    Ok(())
}
