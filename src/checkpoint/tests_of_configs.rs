use super::*;
use crate::checkpoint::Checkpoint;
use crate::checksum::{self, Verify};
use crate::model::{Seq2Seq, build};
use crate::nn::save_weights;
use crate::recipe::{TokenizerKind, TokenizerRecipe};
use crate::runtime::files::Shown;
use serde_json::{Value, json};
use std::fs;
use tch::Device;

/// Models that between them have every key.
fn models() -> Vec<Value> {
    let layers = json!({ "layers": 2, "heads": 2, "feed_forward": 12 });
    vec![
        json!({ "recurrent": { "embedding": 5, "hidden": 6, "decoder": { "kind": "bahdanau", "hidden": 7, "maxout": 4 }, "copy": true } }),
        json!({ "recurrent": {
            "embedding": 5, "hidden": 6, "cell": "gru", "encoder": { "layers": 2 },
            "decoder": { "kind": "luong", "layers": 2, "input_feeding": true },
            "attention": { "score": "general", "choice": "local-p", "window": 3, "size": 4, "coverage": true, "hopfield_steps": 2 },
            "memory": { "slots": 4, "width": 3, "shift": 1 },
        } }),
        json!({ "recurrent": {
            "embedding": 6, "hidden": 6, "tied": "decoder", "maximum_length": 20,
            "attention": { "score": "location", "size": 4, "hard": {} },
        } }),
        json!({ "recurrent": { "embedding": 5, "hidden": 6, "decoder": { "kind": "none" } } }),
        json!({ "transformer": { "dimension": 8, "encoder": layers, "decoder": layers, "maximum_length": 20 } }),
        json!({ "transformer": {
            "dimension": 8, "encoder": layers, "decoder": layers, "positions": "learned", "norm": "post", "gated": true, "tied": "none",
            "maximum_length": 20,
        } }),
        json!({ "transformer": { "dimension": 8, "encoder": layers, "decoder": layers, "positions": "rotary" } }),
    ]
}

fn checkpoint(model: Value, folder: &Path) -> Value {
    let options = TokenizerRecipe {
        kind: TokenizerKind::Character,
        size: 40,
        minimum_frequency: 1,
        lowercase: false,
        byte_fallback: false,
        sentencepiece: false,
        ..TokenizerRecipe::default()
    };
    let (tokenizer, _) = Tokenizer::train(&options, ["a cat sees a dog", "un chat voit un chien"].into_iter()).unwrap();
    let tokenizers = Tokenizers::Joint(Box::new(tokenizer));
    let mut config = Config::of_model(serde_json::from_value(model).unwrap(), SearchRecipe::default(), &tokenizers);
    config.alignment = AttentionHead { layer: Some(0), head: Some(0) };
    if config.model.attention_size().is_none() {
        config.alignment = AttentionHead::default();
    }
    config.save(folder).unwrap();
    tokenizers.save(folder).unwrap();
    let model = build(&config.model, config.vocabularies(&tokenizers), 1, Device::Cpu).unwrap();
    save_weights(&model.parameters(), folder).unwrap();
    checksum::write_checksums(folder).unwrap();
    serde_json::to_value(&config).unwrap()
}

fn load(folder: &Path, verify: Verify) -> Result<Box<dyn Seq2Seq>> {
    let checkpoint = Checkpoint::open(folder, verify)?;
    let (config, tokenizers) = checkpoint.described()?;
    checkpoint.model(&config, &tokenizers, Device::Cpu)
}

/// Paths of all numbers.
fn numbers(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| numbers(value, &format!("{path}/{key}"), found)),
        Value::Number(_) => found.push(path.to_owned()),
        _ => {}
    }
}

#[test]
fn no_number_of_a_config_ends_in_anything_but_an_error_or_the_same_model() {
    let hostile = [
        json!(0),
        json!(-1),
        json!(1),
        json!(31),
        json!(1_000_000_000),
        json!(1u64 << 31),
        json!(1u64 << 40),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(0.5),
        json!(1e300),
        json!(null),
    ];
    // Whatever these are, weights do not depend on them, and large ones are as good as others.
    let free = ["reward", "entropy", "seed"];
    let mut seen = 0;
    for (number, model) in models().into_iter().enumerate() {
        let place = tempfile::tempdir().unwrap();
        let config = checkpoint(model, place.path());
        let sizes = |model: &dyn Seq2Seq| model.parameters().iter().map(|(_, tensor)| tensor.size()).collect::<Vec<_>>();
        let expected = sizes(load(place.path(), Verify::Yes).unwrap().as_ref());
        let mut paths = Vec::new();
        numbers(&config, "", &mut paths);
        for path in paths {
            if number > 0 && !path.starts_with("/model") {
                // These are the same in all of them.
                continue;
            }
            let key = path.rsplit('/').next().unwrap();
            for value in &hostile {
                let mut changed = config.clone();
                *changed.pointer_mut(&path).unwrap() = value.clone();
                fs::write(place.path().join("config.json"), changed.to_string()).unwrap();
                seen += 1;
                let error = match load(place.path(), Verify::No) {
                    Ok(model) => {
                        assert_eq!(sizes(model.as_ref()), expected, "{path} = {value}");
                        let huge = value.as_f64().is_some_and(|value| !(0.0..1e9).contains(&value));
                        assert!(!path.starts_with("/model") || !huge || free.contains(&key), "{path} = {value} passes");
                        continue;
                    }
                    Err(error) => format!("{error:#}"),
                };
                assert!(error.contains(&place.path().shown()), "{path} = {value}: {error}");
                // What fits no model is told with its key, what fits another one by the tensors that differ.
                assert!(
                    error.contains(key) || error.contains("differences") || error.contains("tokenizers have"),
                    "{path} = {value}: {error}"
                );
            }
            let damaged = load(place.path(), Verify::Yes).err().unwrap().to_string();
            assert!(damaged.contains("config.json: broken or cut off"), "{damaged}");
        }
    }
    assert!(seen > 800, "{seen}");
}

#[test]
fn a_flipped_bit_in_any_file_is_found_before_anything_is_made_of_it() {
    let place = tempfile::tempdir().unwrap();
    checkpoint(models().swap_remove(4), place.path());
    for name in ["config.json", "tokenizer.json", "model.safetensors", checksum::FILE] {
        let path = place.path().join(name);
        let whole = fs::read(&path).unwrap();
        for bit in (0..whole.len() * 8).step_by(whole.len() * 8 / 100) {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, bytes).unwrap();
            let error = format!("{:#}", load(place.path(), Verify::Yes).err().expect("it is damaged"));
            assert!(name == checksum::FILE || error.contains(&format!("{name}: broken or cut off")), "{error}");
        }
        fs::write(&path, whole).unwrap();
    }
    load(place.path(), Verify::Yes).unwrap();
    // Nobody can tell without checksums, which is said; and nobody is asked.
    fs::remove_file(place.path().join(checksum::FILE)).unwrap();
    load(place.path(), Verify::Yes).unwrap();
}

#[test]
fn what_is_wrong_is_said_with_its_key() {
    let place = tempfile::tempdir().unwrap();
    let config = checkpoint(models().swap_remove(4), place.path());
    for (path, value, expected) in [
        (
            "/model/transformer/encoder/heads",
            json!(0),
            "config.json: model.transformer.encoder.heads: is 0, expected 1 to 65,536",
        ),
        ("/model/transformer/dimension", json!(-1), "model.transformer.dimension: is -1, expected 1 to 65,536"),
        (
            "/model/transformer/decoder/layers",
            json!(1e9 as i64),
            "model.transformer.decoder.layers: is 1000000000, expected 1 to 1,000",
        ),
        (
            "/model/transformer/decoder/heads",
            json!("2"),
            "config.json: not a valid checkpoint config: model.transformer.decoder.heads",
        ),
        ("/search/beam", json!(0), "config.json: search.beam: is 0"),
        ("/alignment/layer", json!(2), "config.json: alignment.layer: is 2, but the model has 2, counted from 0"),
        ("/source_vocabulary", json!(-4), "config.json: source_vocabulary: is -4, expected 4 to"),
        (
            "/model/transformer/dimension",
            json!(16),
            "model.safetensors: these weights are not of the model that config.json describes",
        ),
    ] {
        let mut changed = config.clone();
        *changed.pointer_mut(path).unwrap() = value;
        fs::write(place.path().join("config.json"), changed.to_string()).unwrap();
        let error = load(place.path(), Verify::No).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
