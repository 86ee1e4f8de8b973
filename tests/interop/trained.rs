//! A model that was trained here and exported (tests/fixtures/reference/marian_trained.py): what it makes of a hundred sentences of two corpora is
//! what `transformers` makes of them.

use std::io::Read;
use std::path::Path;

use serde_json::Value;
use targum::metrics::{Bleu, Metric};
use targum::runtime::write_message;
use targum::synth::{SynthOptions, generate};

use super::{fixture, imported, json, marian_ids};

const COUNT: usize = 100;

/// Translates the lines greedily and by beam, and compares what comes to an end.
fn check(corpus: &str, lines: &[String]) {
    let place = tempfile::tempdir().unwrap();
    let translator = imported("trained", None, &place.path().join("model"));
    let (expected, vocabulary) = (json(&fixture("trained").join("expected.json")), json(&fixture("trained").join("vocab.json")));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(lines.len(), COUNT);
    for (key, beam) in [("greedy", 1), ("beam", 4)] {
        let mut options = translator.translate_options();
        (options.search.recipe.beam, options.search.length_limit.offset) = (beam, 60);
        let tokenizer = translator.tokenizers.target();
        let found: Vec<Vec<i64>> = translator
            .translate(&lines, &options)
            .unwrap()
            .iter()
            .map(|translation| {
                let ids = translation.hypotheses[0].pieces.iter().map(|piece| tokenizer.id(piece).unwrap());
                marian_ids(tokenizer, ids, &vocabulary)
            })
            .collect();
        let expected: Vec<Option<Vec<i64>>> = serde_json::from_value::<Vec<Value>>(expected[corpus][key].clone())
            .unwrap()
            .into_iter()
            .map(|ids| serde_json::from_value(ids).unwrap())
            .collect();
        assert_eq!(expected.len(), COUNT);
        let ended = expected.iter().flatten().count();
        assert!(ended >= COUNT * 9 / 10, "{corpus}, {key}: only {ended} translations end");
        for ((line, found), expected) in lines.iter().zip(&found).zip(&expected) {
            if let Some(expected) = expected {
                assert_eq!(found, expected, "{corpus}, {key}: {line}");
            }
        }
    }
}

#[test]
fn the_built_in_corpus_is_translated_as_by_transformers() {
    let test = generate(&SynthOptions::default()).test;
    check("synth", &test.into_iter().take(COUNT).map(|example| example.source).collect::<Vec<_>>());
}

#[test]
fn multi30k_is_translated_as_by_transformers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/multi30k/test_2016_flickr.en.gz");
    let Ok(file) = std::fs::File::open(&path) else {
        write_message(format_args!("skipped: no {}", path.display()));
        return;
    };
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    check("multi30k", &text.lines().take(COUNT).map(str::to_owned).collect::<Vec<_>>());
}

/// It learned something: else agreeing would be easy.
#[test]
fn the_model_is_really_trained() {
    let place = tempfile::tempdir().unwrap();
    let translator = imported("trained", None, &place.path().join("model"));
    let test = generate(&SynthOptions::default()).test;
    let sources: Vec<&str> = test.iter().take(COUNT).map(|example| example.source.as_str()).collect();
    let translations = translator.translate(&sources, &translator.translate_options()).unwrap();
    let hypotheses: Vec<String> = translations.iter().map(|translation| translation.hypotheses[0].text.clone()).collect();
    let references: Vec<String> = test.iter().take(COUNT).map(|example| example.target.clone()).collect();
    let bleu = Bleu::default().corpus(&hypotheses, &[&references]).value;
    assert!(bleu > 15.0, "BLEU {bleu}: small and unsure, which makes agreeing hard, but far from chance");
}
