//! `targum attend`: the calculator and the exercises.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use targum::text::Tokenizer;
use tch::{Kind, Tensor};
use tempfile::TempDir;

use super::support::{Ran, arguments, checkpoints, shared, targum, with_input};

const QUERY: [&str; 4] = ["attend", "scores", "--query", "1 0 2"];
const KEYS: [&str; 4] = ["--key", "1 0 0", "--key", "-0.5, 0 1"];

fn scores(more: &[&str]) -> Ran {
    targum(QUERY.iter().chain(&KEYS).chain(more))
}

fn record(ran: Ran) -> Value {
    serde_json::from_str(&ran.good().stdout).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[test]
fn numbers_are_scored_as_lines_as_options_and_as_json() {
    let place = TempDir::new().unwrap();
    let found = record(scores(&["--format", "json"]));
    let names: Vec<&str> = found["scores"].as_array().unwrap().iter().map(|score| score["score"].as_str().unwrap()).collect();
    assert_eq!(names, ["dot", "scaled-dot", "general", "additive", "concat", "location"]);
    let dot = &found["scores"][0]["queries"][0];
    assert_eq!(numbers(&dot["scores"]), [1.0, 1.5]);
    let weight = 1.0 / (1.0 + 0.5f64.exp());
    assert!((numbers(&dot["weights"])[0] - weight).abs() < 1e-12, "{dot}");
    assert!((numbers(&dot["context"])[0] - (weight - 0.5 * (1.0 - weight))).abs() < 1e-12, "{dot}");
    assert_eq!((dot["hard"].as_i64(), numbers(&dot["hard_context"])), (Some(1), vec![-0.5, 0.0, 1.0]));

    // The same by standard input, as a file, and as JSON.
    let lines = "query 1 0 2\n\nkey 1 0 0\nkey -0.5 0 1\n";
    let json_form = json!({ "query": [1, 0, 2], "keys": [[1, 0, 0], [-0.5, 0, 1]] }).to_string();
    let text = scores(&[]).good().stdout;
    for input in [lines, &json_form] {
        assert_eq!(with_input(["attend", "scores"], input).good().stdout, text);
        fs::write(place.path().join("vectors"), input).unwrap();
        assert_eq!(targum(arguments("attend scores {}", &[&place.path().join("vectors")])).good().stdout, text);
    }
    let named =
        with_input(["attend", "scores", "--score", "dot"], "query Q: 1\nkey old dog: 1\nkey cat: 3\nvalue 7\nvalue 9\n").good();
    assert!(named.stdout.starts_with("query Q "), "{}", named.stdout);
    for (row, number) in
        [("score of old dog", "1.0000"), ("weight of cat", "0.8808"), ("context, number 1", "8.7616"), ("hard choice: key", "2")]
    {
        let found = named.lines().into_iter().find(|line| line.starts_with(row));
        assert!(found.is_some_and(|line| line.ends_with(&format!(" {number}"))), "{row}: {}", named.stdout);
    }
    // Other seeds, other parameters; what has none stays.
    let seeded = |seed| record(scores(&["--format", "json", "--seed", seed]));
    assert!(seeded("1") == seeded("1") && seeded("1")["scores"][0] == found["scores"][0]);
    assert!(seeded("1")["scores"][2] != seeded("2")["scores"][2] && seeded("1")["scores"][2]["parameters"] == "seed 1");
    // Values, queries and keys of three sizes.
    let apart = with_input(["attend", "scores"], "query 1 0\nkey 1 0 0\nkey 0 1 0\nvalue 7\nvalue 9\n").good();
    assert!(apart.stderr.contains("scaled-dot is left out: queries have 2 numbers, keys 3") && !apart.stdout.contains("dot"));

    let picture = place.path().join("weights.svg");
    scores(&["--heatmap", picture.to_str().unwrap()]).good();
    assert!(fs::read_to_string(&picture).unwrap().contains("scaled-dot: q·k / √D") && place.path().join("weights.png").exists());
}

#[test]
fn vectors_that_cannot_be_scored_are_refused() {
    for (input, parts) in [
        ("", &["found no vectors on standard input", "`query 1 0 2`"][..]),
        ("query 1 2\n", &["there is no key: give one or more"]),
        ("key 1 2\n", &["there is no query: give one or more"]),
        ("query 1\nkey 1 2\nkey 1\n", &["key 2 (1) has 1 numbers, key 1 has 2"]),
        ("query 1\nkey nan\n", &["key 1: number 1 is NaN", "give finite numbers"]),
        ("query 1\nkey inf\n", &["number 1 is inf"]),
        ("query 1\nkey one\n", &["line:2", "\"one\" is no number"]),
        ("query 1\nkey\n", &["key 1 has no numbers"]),
        ("query 1\nlock 1\n", &["line:2", "begins with query, key or value, found \"lock 1\""]),
        ("query 1\nkey 1\nvalue 1\nvalue 2\n", &["found 2 values and 1 keys"]),
        ("query 1e200\nkey 1e200\n", &["dot: the score of query 1 and key 1 is inf", "smaller numbers"]),
        ("{\"query\": [1], \"kyes\": [[1]]}", &["line: not the JSON that was expected", "kyes"]),
        ("{\"query\": [1], \"keys\": [[1]], \"names\": [\"a\", \"b\"]}", &["found 2 names and 1 keys"]),
    ] {
        with_input(["attend", "scores"], input).failed(1, parts);
    }
    let asked = ["attend", "scores", "--query", "1 2", "--key", "1", "--score", "dot"];
    targum(asked).failed(1, &["dot needs queries and keys of one size, found 2 and 1", "general, additive or concat"]);
    targum(["attend", "scores", "--value", "1"]).failed(1, &["--value needs --query and --key"]);
    scores(&["--score", "cosine"]).failed(2, &["cosine", "scaled-dot"]);
    let missing = Path::new("/nowhere/vectors");
    targum(arguments("attend scores {}", &[missing])).failed(1, &["/nowhere/vectors"]);
}

/// The embedding of a word, read by hand.
fn embedding(checkpoint: &Path, tokenizer: &str, table: &str, word: &str) -> Tensor {
    let id = Tokenizer::load(checkpoint.join(tokenizer)).unwrap().encode(word).ids[0];
    let tensors = Tensor::read_safetensors(checkpoint.join("model.safetensors")).unwrap();
    tensors.iter().find(|(name, _)| name == table).unwrap().1.get(i64::from(id)).to_kind(Kind::Double)
}

#[test]
fn words_are_a_models_embeddings() {
    let model = &shared().words();
    let checkpoint = model.join(checkpoints(model).last().unwrap());
    let sentence = fs::read_to_string(shared().corpus("train.en")).unwrap();
    let words: Vec<&str> = sentence.lines().next().unwrap().split_whitespace().take(4).collect();
    let ask = |query: &str, keys: &str, more: &str| {
        let list = arguments(&format!("attend scores --model {{}} --format json {more}"), &[model]);
        targum(list.into_iter().chain(["--query", query, "--keys", keys].map(Into::into)))
    };
    let ran = ask(words[1], &words.join(" "), "--score dot --score additive").good();
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(found["keys"], json!(words));
    let vector = |word| embedding(&checkpoint, "source.tokenizer.json", "source_embedding.weight", word);
    for (score, word) in numbers(&found["scores"][0]["queries"][0]["scores"]).into_iter().zip(&words) {
        let expected = (vector(words[1]) * vector(word)).sum(Kind::Double).double_value(&[]);
        assert!((score - expected).abs() < 1e-9, "{word}: {score} and {expected}");
    }
    // Its own additive score compares states of other sizes.
    assert!(ran.stderr.contains("the model's own additive score compares states, queries of"), "{}", ran.stderr);
    assert_eq!(found["scores"][1]["parameters"], "identity");
    ask("zyzzyva", words[0], "").failed(1, &["\"zyzzyva\" is not in the source vocabulary", "--side"]);
    ask(words[0], "", "").failed(1, &["expected words of the source language"]);
    targum(arguments("attend scores --model {} --query a", &[model])).failed(1, &["--keys \"the cat sat\""]);
    targum(arguments("attend scores --model {} --keys a", &[model])).failed(1, &["there is no query: give --query WORD"]);
    targum(["attend", "scores", "--keys", "a"]).failed(2, &["--model"]);
    // The other side has other words.
    let target = fs::read_to_string(shared().corpus("train.fr")).unwrap();
    let french = target.split_whitespace().next().unwrap();
    ask(french, french, "--side target").good();
}

#[test]
fn a_models_own_score_is_used_where_it_fits() {
    let place = TempDir::new().unwrap();
    let run = place.path().join("run");
    // Embeddings, encoder states and decoder states of 16 numbers each.
    let sizes = "--set model.recurrent.encoder.bidirectional=false --set training.updates=2 --set training.validate_every=2";
    targum(arguments(&format!("train {{}} --out {{}} {sizes}"), &[&shared().recipe(), &run])).good();
    let ask = |more: &str| {
        let words = format!("attend scores --model {{}} --query dog --keys dog --score general --format json {more}");
        record(targum(arguments(&words, &[&run])))
    };
    let found = ask("");
    assert_eq!(found["scores"][0]["parameters"], "the model's");
    assert_eq!(found, ask("--seed 3"), "what was learned is not drawn anew");
}

#[test]
fn saturation_of_the_softmax_is_measured() {
    let place = TempDir::new().unwrap();
    let few = "attend saturation --dimensions 1,256 --queries 400 --keys 8";
    let found: Value = serde_json::from_str(&targum(format!("{few} --format json").split(' ')).good().stdout).unwrap();
    let of = |at: usize, name: &str| found["found"][at][name].as_f64().unwrap();
    assert!((of(2, "variance") / 256.0 - 1.0).abs() < 0.2 && (of(3, "variance") - 1.0).abs() < 0.2, "{found}");
    assert!(of(2, "largest_weight") > 0.9 && of(3, "largest_weight") < 0.6, "{found}");
    assert!(of(2, "jacobian_norm") < 0.5 * of(3, "jacobian_norm"), "{found}");
    let picture = place.path().join("saturation");
    let told = targum(arguments(&format!("{few} --picture {{}}"), &[&picture])).good();
    assert_eq!(told.lines().len(), 5);
    assert!(picture.with_extension("svg").exists() && picture.with_extension("png").exists());
    targum("attend saturation --keys 1".split(' ')).failed(1, &["1 keys: give 2 or more"]);
    targum("attend saturation --dimensions 0".split(' ')).failed(1, &["a dimension of 0: give numbers from 1"]);
    targum("attend saturation --dimensions x".split(' ')).failed(2, &["--dimensions"]);
}

#[test]
fn layers_are_measured_against_the_length() {
    let place = TempDir::new().unwrap();
    let small = "attend lengths --lengths 8,16 --width 8 --heads 2 --milliseconds 1";
    let picture = place.path().join("cost");
    let told = targum(arguments(&format!("{small} --picture {{}}"), &[&picture])).good();
    for part in ["width 8, batch of 1, 1 thread on", "recurrent (LSTM)", "self-attention, fused", "O(k n d²)", "at n = 16"] {
        assert!(told.stdout.contains(part), "{part}: {}", told.stdout);
    }
    assert!(place.path().join("cost-time.svg").exists() && place.path().join("cost-time.png").exists());
    targum("attend lengths --heads 3 --width 8".split(' ')).failed(1, &["3 heads do not divide a width of 8"]);
    targum("attend lengths --kernel 2".split(' ')).failed(1, &["a kernel of 2: give an odd number"]);
    targum("attend lengths --lengths 0".split(' ')).failed(1, &["a sequence of 0 positions"]);
    let huge = "attend lengths --lengths 1048576 --heads 256";
    targum(huge.split(' ')).failed(1, &["the weights of self-attention over 1048576 positions need", "of memory at least"]);
}

#[test]
fn positions_are_shown_by_their_distance() {
    let place = TempDir::new().unwrap();
    let picture = place.path().join("positions");
    let told = targum(arguments("attend positions --size 32 --length 20 --heatmap {}", &[&picture])).good();
    // A position with itself: 16 pairs of sin² + cos².
    assert_eq!(told.lines()[1].split_whitespace().collect::<Vec<_>>(), ["0", "16.0000", "16.0000", "16.0000"]);
    for row in &told.lines()[2..] {
        let row: Vec<&str> = row.split_whitespace().collect();
        assert!(row[1] == row[2] && row[2] == row[3], "{row:?}");
    }
    for name in ["positions.svg", "positions.png", "positions-products.svg", "positions-products.png"] {
        assert!(place.path().join(name).exists(), "{name}");
    }
    targum("attend positions --size 7".split(' ')).failed(1, &["a size of 7: give --size an even number"]);
    targum("attend positions --length 0".split(' ')).failed(1, &["0 positions: give --length"]);
    let recurrent = &shared().run();
    targum(arguments("attend positions --model {}", &[recurrent])).failed(1, &["a recurrent model adds no positions"]);
}

#[test]
fn learned_positions_are_a_transformers_own() {
    let place = TempDir::new().unwrap();
    let (run, recipe) = (place.path().join("run"), place.path().join("learned.toml"));
    let text = fs::read_to_string(shared().recipe()).unwrap();
    let (before, after) = (text.find("[model.recurrent]").unwrap(), text.find("[training]").unwrap());
    let model = "[model.transformer]\ndimension = 16\npositions = \"learned\"\nmaximum_length = 60\n\
                 encoder = { layers = 1, heads = 2, feed_forward = 16 }\ndecoder = { layers = 1, heads = 2, feed_forward = 16 }\n\n";
    fs::write(&recipe, format!("{}{model}{}", &text[..before], &text[after..])).unwrap();
    let few = "--set training.updates=2 --set training.validate_every=2 --set data.filters.maximum_length=59";
    targum(arguments(&format!("train {{}} --out {{}} {few}"), &[&recipe, &run])).good();
    let ask = |more: &str| targum(arguments(&format!("attend positions --model {{}} --length 60 {more}"), &[&run]));
    let [source, target] = ["source", "target"].map(|side| record(ask(&format!("--format json --side {side}"))));
    assert!(source["positions"].as_array().unwrap().len() == 60 && source["positions"] != target["positions"]);
    let spread =
        |found: &Value| found["products"][1]["largest"].as_f64().unwrap() - found["products"][1]["smallest"].as_f64().unwrap();
    assert!(spread(&source) > 1e-3, "what was learned does not depend on the distance alone");
    targum(arguments("attend positions --model {} --length 61", &[&run])).failed(1, &["has learned 60 positions"]);
    // Words of a Transformer are found too.
    let asked = targum(arguments("attend scores --model {} --query dog --keys dog", &[&run])).good();
    assert!(asked.stdout.contains("weight of dog"));
}
