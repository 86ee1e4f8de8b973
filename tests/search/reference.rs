//! Beam search beside that of Hugging Face `transformers`, on a model that is nothing but a table.

use serde_json::Value;
use targum::batch::Source;
use targum::kernels::LogitSummary;
use targum::model::{DecoderOutput, Decoding, NextTokenScores, OutputLayer, Seq2Seq, StepOutput, WithAttention};
use targum::nn::{ForwardContext, Weight};
use targum::recipe::{EarlyStopping, LengthLimit, LengthPenalty, SearchRecipe};
use targum::search::{SearchOptions, search};
use tch::{Device, Kind, Tensor};

/// Logits of the next token from the source's only token and the token before; the end gets likelier from step to step.
pub(super) struct Table {
    pub after: Weight,
    pub of_source: Weight,
    pub first_source: i64,
    pub hurry: f64,
}

/// A decoding session of a [`Table`].
struct TableDecoding<'a> {
    table: &'a Table,
    /// The only token of each source, counted from the first one.
    sources: Vec<i64>,
    hypotheses: usize,
    position: usize,
}

impl Decoding for TableDecoding<'_> {
    fn step(&mut self, previous: &[u32], _: WithAttention) -> StepOutput {
        let width = previous.len() / self.sources.len();
        let which: Vec<i64> = self.sources.iter().flat_map(|&source| std::iter::repeat_n(source, width)).collect();
        let previous: Vec<i64> = previous.iter().map(|&token| i64::from(token)).collect();
        let [previous, which] = [previous, which].map(|ids| Tensor::from_slice(&ids));
        let logits = self.table.after.index_select(0, &previous) + self.table.of_source.index_select(0, &which);
        let mut end = logits.select(1, 3);
        end += self.table.hurry * self.position as f64;
        self.position += 1;
        let summary = LogitSummary::of(&logits);
        StepOutput { scores: NextTokenScores::Logits { logits, summary }, attention: None }
    }

    fn reorder(&mut self, hypotheses: &[usize]) {
        // A table remembers nothing of its hypotheses, but every source keeps its own.
        let width = self.hypotheses / self.sources.len();
        let sources = hypotheses.chunks(hypotheses.len() / self.sources.len()).enumerate();
        assert!(sources.into_iter().all(|(source, of_source)| of_source.iter().all(|hypothesis| hypothesis / width == source)));
        self.hypotheses = hypotheses.len();
    }

    fn retain(&mut self, sources: &[usize]) {
        self.hypotheses = self.hypotheses / self.sources.len() * sources.len();
        self.sources = sources.iter().map(|&source| self.sources[source]).collect();
    }
}

impl Seq2Seq for Table {
    fn start(&self, source: &Source) -> Box<dyn Decoding + '_> {
        let sources = Vec::<i64>::try_from(source.ids.select(1, 0) - self.first_source).unwrap();
        Box::new(TableDecoding { table: self, hypotheses: sources.len(), sources, position: 0 })
    }

    fn forward(&self, _: &Source, _: &Tensor, _: &ForwardContext, _: WithAttention) -> DecoderOutput {
        unreachable!("search takes steps")
    }

    fn output(&self) -> OutputLayer<'_> {
        unreachable!("search takes steps")
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        Vec::new()
    }

    fn attends(&self) -> bool {
        false
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn tokens(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|token| token.as_u64().unwrap() as u32).collect()
}

/// Our names for their settings.
fn options(settings: &Value, suppressed: &[u32]) -> SearchOptions {
    let count = |key: &str, default: u64| settings.get(key).map_or(default, |value| value.as_u64().unwrap()) as usize;
    let beam = count("num_beams", 1);
    let bad_words: Vec<Vec<u32>> =
        settings.get("bad_words_ids").map_or_else(Vec::new, |words| words.as_array().unwrap().iter().map(tokens).collect());
    SearchOptions {
        n_best: beam,
        suppressed: suppressed.to_vec(),
        suppressed_phrases: bad_words,
        length_limit: LengthLimit { ratio: 0.0, offset: 60 },
        recipe: SearchRecipe {
            beam,
            early_stopping: match &settings["early_stopping"] {
                Value::Bool(true) => EarlyStopping::First,
                Value::Bool(false) => EarlyStopping::Heuristic,
                _ => EarlyStopping::Never,
            },
            length_penalty: LengthPenalty::Plain { alpha: settings["length_penalty"].as_f64().unwrap() },
            minimum_length: count("min_new_tokens", 0),
            no_repeat_ngram: count("no_repeat_ngram_size", 0),
            repetition_penalty: settings.get("repetition_penalty").map_or(1.0, |value| value.as_f64().unwrap()),
            ..SearchRecipe::default()
        },
        ..SearchOptions::default()
    }
}

#[test]
fn stopping_policies_length_penalties_and_rules_are_those_of_transformers() {
    let file: Value = serde_json::from_str(include_str!("../fixtures/search/transformers.json")).unwrap();
    let vocabulary = file["vocabulary"].as_i64().unwrap();
    let table = |key: &str| Tensor::from_slice(&numbers(&file[key])).to_kind(Kind::Float).view([-1, vocabulary]);
    let sources = tokens(&file["sources"]);
    let model = Table {
        after: table("after").into(),
        of_source: table("of_source").into(),
        first_source: i64::from(sources[0]),
        hurry: file["hurry"].as_f64().unwrap(),
    };
    let batch = Source::new(&sources.iter().map(|&source| [source]).collect::<Vec<_>>(), Device::Cpu);
    let suppressed: Vec<u32> = [1].into_iter().chain(sources).collect();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() > 40);
    for case in cases {
        let settings = &case["settings"];
        let found = search(&model, &batch, &options(settings, &suppressed));
        for (found, expected) in found.iter().zip(case["found"].as_array().unwrap()) {
            let expected = expected.as_array().unwrap();
            assert_eq!(found.len(), expected.len(), "{settings}");
            for (hypothesis, expected) in found.iter().zip(expected) {
                let ended: Vec<u32> = hypothesis.tokens.iter().copied().chain([3]).collect();
                assert!(hypothesis.finished && ended == tokens(&expected["tokens"]), "{settings}: {ended:?} {expected}");
                if let Some(score) = expected["score"].as_f64() {
                    assert!(
                        (hypothesis.score - score).abs() < 1e-4 * (1.0 + score.abs()),
                        "{settings}: {} {score}",
                        hypothesis.score
                    );
                }
            }
        }
    }
}
