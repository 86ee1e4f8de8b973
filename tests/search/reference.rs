//! Beam search beside that of Hugging Face `transformers`, on a model that is nothing but a table.

use serde_json::Value;
use targum::batch::Source;
use targum::model::{Decoded, DecoderState, Encoded, OutputLayer, Seq2Seq, Step, WithAttention};
use targum::nn::Pass;
use targum::search::{EarlyStopping, LengthPenalty, SearchOptions, search};
use tch::{Device, Kind, Tensor};

/// Logits of the next token from the source's only token and the token before; the end gets likelier from step to step.
pub(super) struct Table {
    pub after: Tensor,
    pub of_source: Tensor,
    pub first_source: i64,
    pub hurry: f64,
}

impl Seq2Seq for Table {
    fn encode(&self, source: &Source, _: &Pass) -> Encoded {
        let which = source.ids.narrow(1, 0, 1) - self.first_source;
        Encoded::new(
            source.keep.shallow_clone(),
            Tensor::from_slice(&source.lengths).unsqueeze(1),
            vec![which],
            DecoderState::default(),
        )
    }

    fn step(&self, encoded: &Encoded, state: DecoderState, previous: &Tensor, _: WithAttention) -> Step {
        let beside = previous.size()[0] / encoded.rows();
        let which = encoded.memory[0].expand([-1, beside], false).reshape(-1);
        let logits = self.after.index_select(0, previous) + self.of_source.index_select(0, &which);
        let mut end = logits.select(1, 3);
        end += self.hurry * state.step as f64;
        Step { logits, summary: None, attention: None, state: DecoderState { step: state.step + 1, ..DecoderState::default() } }
    }

    fn decode(&self, _: &Encoded, _: &Tensor, _: &Pass, _: WithAttention) -> Decoded {
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
        beam,
        n_best: beam,
        early_stopping: match &settings["early_stopping"] {
            Value::Bool(true) => EarlyStopping::First,
            Value::Bool(false) => EarlyStopping::Heuristic,
            _ => EarlyStopping::Never,
        },
        length_penalty: LengthPenalty::Plain { alpha: settings["length_penalty"].as_f64().unwrap() },
        minimum_length: count("min_new_tokens", 0),
        no_repeat_ngram: count("no_repeat_ngram_size", 0),
        repetition_penalty: settings.get("repetition_penalty").map_or(1.0, |value| value.as_f64().unwrap()),
        suppressed: suppressed.to_vec(),
        suppressed_phrases: bad_words,
        maximum_length_ratio: 0.0,
        maximum_length_offset: 60,
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
        after: table("after"),
        of_source: table("of_source"),
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
