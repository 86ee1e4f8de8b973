//! What Targum makes of lines with an imported model is what `transformers` makes of them.

use std::path::Path;

use serde_json::Value;
use targum::batch::{Source, Target};
use targum::checksum::Verify;
use targum::interop::export_huggingface;
use targum::model::WithAttention;
use targum::nn::ForwardContext;
use targum::recipe::EarlyStopping;
use targum::search::TokenAttention;
use targum::text::special;
use targum::translator::{AttentionView, TranslateOptions, Translator};
use tch::Tensor;

use super::{MODELS, fixture, imported, json, marian_ids};

/// Logits of both sides may be this far apart.
const LOGITS: f64 = 1e-4;

fn vocabularies(folder: &Path) -> [Value; 2] {
    let source = json(&folder.join("vocab.json"));
    let target = folder.join("target_vocab.json");
    let target = if target.exists() { json(&target) } else { source.clone() };
    [source, target]
}

fn integers(value: &Value) -> Vec<i64> {
    serde_json::from_value(value.clone()).unwrap()
}

fn each_model(check: impl Fn(&str, &Translator, &[Value; 2], &[Value])) {
    for (name, to) in MODELS {
        let place = tempfile::tempdir().unwrap();
        let translator = imported(name, to, &place.path().join("model"));
        let expected = json(&fixture(name).join("expected.json"));
        check(name, &translator, &vocabularies(&fixture(name)), expected["cases"].as_array().unwrap());
    }
}

/// The line as the model reads it, with its tag.
fn read(name: &str, line: &str) -> String {
    if name == "shared" { format!(">>fra<< {line}") } else { line.to_owned() }
}

#[test]
fn raw_text_has_the_ids_of_marian() {
    each_model(|name, translator, [source, target], cases| {
        for case in cases {
            for (tokenizer, vocabulary, line, ids) in [
                (translator.tokenizers.source(), source, read(name, case["line"].as_str().unwrap()), &case["ids"]),
                (
                    translator.tokenizers.target(),
                    target,
                    case["target"]["line"].as_str().unwrap().to_owned(),
                    &case["target"]["ids"],
                ),
            ] {
                let found = tokenizer.encode(&line).ids.into_iter().chain([special::EOS]);
                assert_eq!(marian_ids(tokenizer, found, vocabulary), integers(ids), "{name}: {line}");
            }
        }
    });
}

#[test]
fn logits_are_marians() {
    each_model(|name, translator, [_, vocabulary], cases| {
        let expected = Tensor::read_safetensors(fixture(name).join("logits.safetensors")).unwrap();
        assert_eq!(expected.len(), 2);
        for (number, expected) in expected {
            let case = &cases[number.parse::<usize>().unwrap()];
            let source = translator.tokenizers.source().encode(&read(name, case["line"].as_str().unwrap())).ids;
            let tokenizer = translator.tokenizers.target();
            let target = Target::new(&[tokenizer.encode(case["target"]["line"].as_str().unwrap()).ids], translator.device);
            let logits = tch::no_grad(|| {
                let source = Source::new(&[source], translator.device);
                let decoded = translator.model.forward(&source, &target.input, &ForwardContext::evaluation(), WithAttention::No);
                translator.model.output().logits(&decoded.features.squeeze_dim(0))
            });
            // Where transformers shares out the padding's probability, the padding has none here.
            let renormalised = json(&fixture(name).join("generation_config.json"))["renormalize_logits"] == true;
            let ours = |id: &u32| *id != special::BOS && !(renormalised && *id == special::PAD);
            for id in (0..tokenizer.size() as u32).filter(ours) {
                let theirs = marian_ids(tokenizer, [id], vocabulary)[0];
                let apart = (logits.select(1, i64::from(id)) - expected.select(1, theirs)).abs().max().double_value(&[]);
                assert!(apart < LOGITS, "{name}, case {number}: {:?} differs by {apart:e}", tokenizer.piece(id));
            }
            let begin = logits.select(1, i64::from(special::BOS)).max().double_value(&[]);
            assert!(begin < -1e8, "{name}: what begins a target could be produced");
        }
    });
}

#[test]
fn every_attention_is_marians() {
    for name in ["shared", "old"] {
        let place = tempfile::tempdir().unwrap();
        let to = MODELS.iter().find(|model| model.0 == name).unwrap().1;
        let translator = imported(name, to, &place.path().join("model"));
        let case = &json(&fixture(name).join("expected.json"))["cases"][0];
        let source = translator.tokenizers.source().encode(&read(name, case["line"].as_str().unwrap())).ids;
        let target = translator.tokenizers.target().encode(case["target"]["line"].as_str().unwrap()).ids;
        let all = translator.all_attention(&source, &target).unwrap();
        let found: Vec<(&str, &TokenAttention)> = all.named().collect();
        assert_eq!(found.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["encoder", "decoder", "cross"]);
        let expected = Tensor::read_safetensors(fixture(name).join("attention.safetensors")).unwrap();
        for (kind, weights) in found {
            let (_, expected) = expected.iter().find(|(key, _)| key == kind).unwrap();
            let size = [weights.layers, weights.heads, weights.rows, weights.columns].map(|size| size as i64);
            assert_eq!(size, expected.size().as_slice(), "{name}, {kind}");
            let apart = (Tensor::from_slice(&weights.weights).view(size) - expected).abs().max().double_value(&[]);
            assert!(apart < 1e-5, "{name}, {kind}: weights differ by {apart:e}");
        }
    }
}

fn check_search(key: &str, options: impl Fn(&Translator) -> TranslateOptions) {
    each_model(|name, translator, [_, vocabulary], cases| {
        let lines: Vec<&str> = cases.iter().map(|case| case["line"].as_str().unwrap()).collect();
        let translations = translator.translate(&lines, &options(translator)).unwrap();
        let mut whole = 0;
        for (case, translation) in cases.iter().zip(&translations) {
            let (expected, found) = (&case[key], &translation.hypotheses[0]);
            let tokenizer = translator.tokenizers.target();
            let ids = marian_ids(tokenizer, found.pieces.iter().map(|piece| tokenizer.id(piece).unwrap()), vocabulary);
            let theirs = integers(&expected["ids"]);
            // Where the limit ended a sentence by force, the best of what was cut off is another question.
            if expected["whole"] == true {
                assert_eq!(ids, theirs, "{name}: {}", translation.source);
                assert_eq!(found.text, expected["text"].as_str().unwrap(), "{name}: {}", translation.source);
                if let Some(score) = expected["score"].as_f64() {
                    assert!(
                        (found.score - score).abs() < 1e-4,
                        "{name}: {} scores {}, expected {score}",
                        translation.source,
                        found.score
                    );
                }
                whole += 1;
            } else if key == "greedy" {
                assert_eq!(ids, theirs, "{name}: {}", translation.source);
            }
        }
        assert!(whole >= 5, "{name}: only {whole} translations end");
    });
}

#[test]
fn greedy_translations_are_marians() {
    check_search("greedy", |translator| {
        let mut options = translator.translate_options();
        options.search.recipe.beam = 1;
        options
    });
}

#[test]
fn beam_translations_are_marians() {
    check_search("beam", |translator| {
        assert_eq!(translator.config.search.beam, 4);
        translator.translate_options()
    });
}

/// What `transformers` does unless told otherwise.
#[test]
fn beam_translations_that_wait_longer_are_marians() {
    check_search("thorough", |translator| {
        let mut options = translator.translate_options();
        options.search.recipe.early_stopping = EarlyStopping::Heuristic;
        options
    });
}

#[test]
fn the_prefix_is_no_word() {
    let place = tempfile::tempdir().unwrap();
    let translator = imported("shared", Some("fra"), &place.path().join("model"));
    assert_eq!((translator.config.source.as_str(), translator.config.target.as_str()), ("en", "fra"));
    let mut options = translator.translate_options();
    options.search.attention = true;
    let line = "The old keeper";
    let found = translator.translate(&[line, ">>fra<< The old keeper", ">>ita<< The old keeper", ""], &options).unwrap();
    let best = |index: usize| &found[index].hypotheses[0];
    assert_eq!(best(0).pieces, best(1).pieces);
    assert_eq!(best(0).log_probabilities, best(1).log_probabilities);
    assert_ne!(best(0).log_probabilities, best(2).log_probabilities);
    let aligned = best(0).aligned.as_ref().unwrap();
    assert_eq!(aligned.source_words, ["The", "old", "keeper"]);
    assert_eq!(aligned.weights.columns(), 3);
    assert_eq!(best(1).aligned.as_ref().unwrap().source_words.len(), 4);
    let forced =
        translator.force(&translator.encode_pairs(&[(line, &best(0).text)]).unwrap(), 1000, AttentionView::default()).unwrap();
    assert_eq!(forced[0].aligned.as_ref().unwrap().source_words.len(), 3);
}

/// The way in and the way out undo each other: ids, weights, options.
#[test]
fn what_was_imported_is_exported_as_it_was() {
    for (name, to) in MODELS {
        let place = tempfile::tempdir().unwrap();
        let (model, out) = (place.path().join("model"), place.path().join("exported"));
        imported(name, to, &model);
        let notes = export_huggingface(&model, &out, Verify::Yes).unwrap();
        let expected = match name {
            "shared" => &["heads", ">>fra<<"][..],
            "old" => &["heads", "begins with a trained embedding"],
            _ => &[],
        };
        assert_eq!(notes.len(), expected.len(), "{notes:?}");
        assert!(expected.iter().all(|part| notes.iter().any(|note| note.contains(part))), "{notes:?}");
        let original = fixture(name);
        for file in ["source.spm", "target.spm"] {
            assert_eq!(std::fs::read(out.join(file)).unwrap(), std::fs::read(original.join(file)).unwrap());
        }
        assert_eq!(vocabularies(&out), vocabularies(&original));
        let (found, expected) = (json(&out.join("config.json")), json(&original.join("config.json")));
        let ours = ["architectures", "add_bias_logits", "add_final_layer_norm", "normalize_before", "normalize_embedding"];
        for (key, value) in found.as_object().unwrap() {
            if !ours.contains(&key.as_str()) && !expected[key].is_null() {
                assert_eq!(value, &expected[key], "{name}: {key}");
            }
        }
        for key in [
            "d_model",
            "decoder_ffn_dim",
            "vocab_size",
            "pad_token_id",
            "decoder_start_token_id",
            "share_encoder_decoder_embeddings",
        ] {
            assert!(!found[key].is_null(), "{name}: {key}");
        }
        let generation = json(&out.join("generation_config.json"));
        for (key, value) in json(&original.join("generation_config.json")).as_object().unwrap() {
            if !["transformers_version", "renormalize_logits"].contains(&key.as_str()) {
                assert_eq!(&generation[key], value, "{name}: {key}");
            }
        }
        let again = place.path().join("again");
        targum::interop::import(&out, to).unwrap().save(&again).unwrap();
        let read = |folder: &Path| {
            let mut tensors = Tensor::read_safetensors(folder.join("model.safetensors")).unwrap();
            tensors.sort_by(|a, b| a.0.cmp(&b.0));
            tensors
        };
        let (one, two) = (read(&model), read(&again));
        assert_eq!(one.len(), two.len());
        assert!(one.iter().zip(&two).all(|(one, two)| one.0 == two.0 && one.1.equal(&two.1)), "{name}");
    }
}

/// Training moves the row of what begins a target where the output layer is tied to it. The decoder reads zeros all the same.
#[test]
fn a_decoder_that_begins_with_zeros_is_exported_as_one() {
    let place = tempfile::tempdir().unwrap();
    let (model, moved) = (place.path().join("model"), place.path().join("moved"));
    imported("separate", None, &model);
    std::fs::create_dir(&moved).unwrap();
    for file in std::fs::read_dir(&model).unwrap().map(|entry| entry.unwrap().path()) {
        std::fs::copy(&file, moved.join(file.file_name().unwrap())).unwrap();
    }
    let weights = moved.join("model.safetensors");
    let mut tensors = Tensor::read_safetensors(&weights).unwrap();
    let (_, table) = tensors.iter_mut().find(|(name, _)| name == "model.decoder.embed_tokens.weight").unwrap();
    let _ = table.get(i64::from(special::BOS)).fill_(0.5);
    Tensor::write_safetensors(&tensors, &weights).unwrap();
    targum::checksum::write_checksums(&moved).unwrap();
    let exported = |model: &Path, name: &str| {
        let out = place.path().join(name);
        export_huggingface(model, &out, Verify::Yes).unwrap();
        std::fs::read(out.join("model.safetensors")).unwrap()
    };
    assert_eq!(exported(&model, "one"), exported(&moved, "two"));
    let translate = |model: &Path| {
        let translator = Translator::load(model, tch::Device::Cpu).unwrap();
        let found = translator.translate(&["The old keeper"], &translator.translate_options()).unwrap();
        found[0].hypotheses[0].log_probabilities.clone()
    };
    assert_eq!(translate(&model), translate(&moved));
}
