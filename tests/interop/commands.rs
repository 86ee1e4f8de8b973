//! The four commands for a Marian folder, and training on from it.

use std::fs;
use std::path::Path;

use super::{fixture, json};
use crate::cli::support::{arguments, shared, targum};

/// Sentences of the fixture and how the model translates them, by beam, where it comes to an end.
fn cases(name: &str) -> Vec<(String, String)> {
    let expected = json(&fixture(name).join("expected.json"));
    let cases = expected["cases"].as_array().unwrap().iter().filter(|case| case["beam"]["whole"] == true);
    cases.map(|case| (case["line"].as_str().unwrap().to_string(), case["beam"]["text"].as_str().unwrap().to_string())).collect()
}

#[test]
fn import_translate_align_and_export_go_hand_in_hand() {
    let place = tempfile::tempdir().unwrap();
    let (model, again, out) = (place.path().join("model"), place.path().join("again"), place.path().join("out"));
    let told = targum(arguments("import {} --to fra --out {}", &[&fixture("shared"), &model])).good();
    assert_eq!(told.stdout.trim_end(), model.display().to_string());
    let (source, target) = (place.path().join("source"), place.path().join("target"));
    let cases = cases("shared");
    let lines = |lines: Vec<&String>| lines.into_iter().map(|line| format!("{line}\n")).collect::<String>();
    fs::write(&source, lines(cases.iter().map(|case| &case.0).collect())).unwrap();
    let translated = targum(arguments("translate --model {} {}", &[&model, &source])).good();
    assert_eq!(translated.lines(), cases.iter().map(|case| case.1.as_str()).collect::<Vec<_>>());
    fs::write(&target, &translated.stdout).unwrap();
    let aligned = targum(arguments("align --model {} --source {} --target {}", &[&model, &source, &target])).good();
    assert_eq!(aligned.lines().len(), cases.len());
    for (links, (source, target)) in aligned.lines().into_iter().zip(&cases) {
        let words = |text: &str| text.split_whitespace().count();
        for link in links.split_whitespace() {
            let (from, to) = link.split_once('-').unwrap();
            let inside = from.parse::<usize>().unwrap() < words(source) && to.parse::<usize>().unwrap() < words(target);
            assert!(inside, "{link} of {source:?} and {target:?}");
        }
    }
    targum(arguments("export --format huggingface --model {} --out {}", &[&model, &out])).good();
    targum(arguments("import {} --to fra --out {}", &[&out, &again])).good();
    assert_eq!(targum(arguments("translate --model {} {}", &[&again, &source])).good().stdout, translated.stdout);
}

#[test]
fn a_model_of_several_languages_is_trained_on_for_one_of_them() {
    let place = tempfile::tempdir().unwrap();
    let (model, run, recipe) = (place.path().join("model"), place.path().join("run"), place.path().join("tuned.toml"));
    targum(arguments("import {} --to fra --out {}", &[&fixture("shared"), &model])).good();
    let corpus = shared().corpus("validation");
    let text = format!(
        "data = {{ train = {corpus:?}, validation = {corpus:?}, filters = {{ maximum_length = 90 }} }}\n[training]\nupdates = 2\nvalidate_every = 2\n\
         validation_sentences = 3\nbatch_tokens = 600\npictures = 1\n[training.optimizer.sgd]\nlearning_rate = 1e-9\n"
    );
    fs::write(&recipe, text).unwrap();
    targum(arguments("train {} --out {} --init {}", &[&recipe, &run, &model])).good();
    let prefix = |folder: &Path| json(&folder.join("config.json"))["source_prefix"].clone();
    assert_eq!(prefix(&run.join("best")), ">>fra<<");
    assert!(fs::read_to_string(run.join("recipe.toml")).unwrap().contains("source_prefix = \">>fra<<\""));
    // Next to nothing was learned, so what the loss is measured on shows: sources with their tag, as translating reads them.
    let validation = |run: &Path| {
        let log = fs::read_to_string(run.join("log.jsonl")).unwrap();
        let mut entries = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        entries.rfind(|entry| entry["kind"] == "validation").unwrap()["loss"].as_f64().unwrap()
    };
    let (source, target) = (place.path().join("s"), place.path().join("t"));
    for (from, to) in [("validation.en", &source), ("validation.fr", &target)] {
        let lines: Vec<String> = fs::read_to_string(shared().corpus(from)).unwrap().lines().take(3).map(Into::into).collect();
        fs::write(to, lines.join("\n") + "\n").unwrap();
    }
    let scored = targum(arguments("score --format jsonl --model {} --source {} --target {}", &[&model, &source, &target])).good();
    let scores = scored.json_lines();
    let sum: f64 = scores.iter().map(|score| score["log_probability"].as_f64().unwrap()).sum();
    let pieces: usize = scores.iter().map(|score| score["log_probabilities"].as_array().unwrap().len()).sum();
    let (found, expected) = (validation(&run), -sum / pieces as f64);
    assert!((found - expected).abs() < 1e-4, "validation says {found}, scoring {expected}");
    // Another language of the same model, and one that it has not.
    let other = place.path().join("other");
    let words = "train {} --out {} --init {} --set data.source_prefix=>>ita<<";
    targum(arguments(words, &[&recipe, &other, &model])).good();
    assert_eq!(prefix(&other.join("best")), ">>ita<<");
    assert!((validation(&other) - validation(&run)).abs() > 1e-4, "the tag is read");
    let words = "train {} --out {} --init {} --set data.source_prefix=>>xyz<<";
    let nowhere = place.path().join("nowhere");
    let parts = ["no piece \">>xyz<<\"", ">>fra<<", ">>ita<<", "data.source_prefix"];
    targum(arguments(words, &[&recipe, &nowhere, &model])).failed(1, &parts);
    // Resuming needs the model no more.
    targum(arguments("train {} --resume --set init=gone --set training.updates=3", &[&run])).good();
    assert_eq!(prefix(&run.join("last")), ">>fra<<");
}
