//! Stopping and going on.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::support::{arguments, checkpoints, copy, shared, targum, weights};

#[test]
fn three_updates_and_three_more_are_six() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    targum(arguments("train {} --out {} --set training.updates=3", &[&shared().recipe(), &out])).good();
    let resumed = targum(arguments("train {} --out {} --resume --set training.updates=6", &[&shared().recipe(), &out])).good();
    for part in ["resuming from", "step-00000003: update 3, epoch 1, batch 3 of", "state of adam", "token index reused"] {
        assert!(resumed.stderr.contains(part), "{part:?} is not in:\n{}", resumed.stderr);
    }
    for file in ["model.safetensors", "training.safetensors", "tokenizer.json", "config.json"] {
        let of = |run: &Path| fs::read(run.join("last").join(file)).unwrap();
        assert!(of(&out) == of(&shared().run()), "{file} differs from that of a run in one go");
    }
    assert_eq!(resumed.stdout, shared().trained.stdout, "the test scores are the same");
}

#[test]
fn another_validation_is_not_compared_with_the_one_before() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    targum(arguments("train {} --out {} --set training.updates=3", &[&shared().recipe(), &out])).good();
    // Fewer sentences, then another beam, then other lines, then nothing new.
    let text =
        |name: &str| fs::read_to_string(shared().corpus(name)).unwrap().lines().rev().collect::<Vec<_>>().join("\n") + "\n";
    for language in ["en", "fr"] {
        fs::write(place.path().join(format!("other.{language}")), text(&format!("validation.{language}"))).unwrap();
    }
    let other = format!("--set data.validation={:?}", place.path().join("other"));
    let changes = [
        ("--set training.validation_sentences=5", "(gold alignments, number of validation sentences, validation text)", 1),
        ("--set search.beam=2", "(search settings)", 2),
        (other.as_str(), "(gold alignments, validation text)", 3),
        ("", "", 3),
    ];
    for (update, (change, told, scored)) in (6..).step_by(3).zip(changes) {
        let words = format!("train {{}} --resume --set training.updates={update} {change}");
        let resumed = targum(arguments(&words, &[&out])).good().stderr;
        let said = "validation is another than before ";
        assert_eq!(resumed.contains(said), !told.is_empty(), "{resumed}");
        assert!(resumed.contains(told), "{told} is not in:\n{resumed}");
        let log = fs::read_to_string(out.join("log.jsonl")).unwrap();
        let of_kind = |kind: &str| log.lines().filter(|line| line.contains(&format!("\"kind\":\"{kind}\""))).count();
        assert!(of_kind("scored_again") >= scored, "{log}");
        let state = fs::read_to_string(out.join("last/training.json")).unwrap();
        let state: serde_json::Value = serde_json::from_str(&state).unwrap();
        let entries = state["history"].as_array().unwrap();
        let superseded = |count: u64| entries.iter().filter(|entry| entry["superseded"].as_u64().unwrap_or(0) == count).count();
        assert!(superseded(0) >= 2, "those that were scored again, and a new one: {state}");
        assert_eq!(superseded(scored as u64), 1, "the first validation: {state}");
    }
    // What is scored on the way changes nothing of what is learned.
    let through = place.path().join("through");
    targum(arguments("train {} --out {} --set training.updates=15", &[&shared().recipe(), &through])).good();
    assert!(weights(&out.join("last")) == weights(&through.join("last")));
    let inspected = targum(arguments("inspect {}", &[&out.join("last")])).good().stdout;
    assert!(inspected.contains("(of other validation data or settings)"), "{inspected}");
}

/// What hard attention draws is compared with a moving average of rewards, which no weight holds.
#[test]
fn the_average_of_rewards_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let (whole, parts) = (place.path().join("whole"), place.path().join("parts"));
    let words = "train {} --out {} --set model.recurrent.attention={score=\"general\",hard={}} --set training.updates=";
    targum(arguments(&format!("{words}6"), &[&shared().recipe(), &whole])).good();
    targum(arguments(&format!("{words}3"), &[&shared().recipe(), &parts])).good();
    targum(arguments("train {} --resume --set training.updates=6", &[&parts])).good();
    assert_eq!(weights(&parts.join("last")), weights(&whole.join("last")));
    let state = fs::read_to_string(whole.join("last/training.json")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    let mean = state["memory"]["mean"].as_f64().unwrap_or_else(|| panic!("{state}"));
    assert!(mean < 0.0, "rewards are log probabilities, and {mean} is none");
}

#[test]
fn a_run_keeps_its_model_and_its_tokenizers() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    targum(arguments("train {} --out {} --set training.updates=2", &[&shared().recipe(), &out])).good();
    let before = fs::read_to_string(out.join("recipe.toml")).unwrap();
    for (setting, said) in [
        ("tokenizer.lowercase=true", "tokenizer.lowercase is true, in the run false"),
        ("model.recurrent.attention.choice=local-m", "model.recurrent.attention.choice is \"local-m\", in the run \"global\""),
    ] {
        let words = format!("train {{}} --resume --set training.updates=4 --set {setting}");
        let ran = targum(arguments(&words, &[&out])).failed(1, &[said, "another model", "--out"]);
        assert_eq!(fs::read_to_string(out.join("recipe.toml")).unwrap(), before, "{}", ran.stderr);
    }
    targum(arguments("train {} --resume --set training.updates=4 --set model.recurrent.dropout=0.5", &[&out])).good();
    // A copy by what follows links has folders where a run has links.
    fs::remove_file(out.join("last")).unwrap();
    copy(&out.join("step-00000004"), &out.join("last"));
    targum(arguments("train {} --resume --set training.updates=6", &[&out])).failed(1, &["last: is no link to a checkpoint"]);
}

#[test]
fn tokenizers_that_were_taken_away_are_those_of_the_checkpoint() {
    let place = tempfile::tempdir().unwrap();
    let [whole, robbed] = ["whole", "robbed"].map(|name| place.path().join(name));
    targum(arguments("train {} --out {} --set training.updates=4", &[&shared().recipe(), &whole])).good();
    targum(arguments("train {} --out {} --set training.updates=2", &[&shared().recipe(), &robbed])).good();
    let names = || fs::read_dir(&robbed).unwrap().map(|entry| entry.unwrap().path());
    let tokenizers: Vec<_> = names().filter(|path| path.to_string_lossy().ends_with("tokenizer.json")).collect();
    tokenizers.iter().for_each(|path| fs::remove_file(path).unwrap());
    let ran = targum(arguments("train {} --resume --set training.updates=4", &[&robbed])).good();
    assert!(ran.stderr.contains("its tokenizers are gone"), "{}", ran.stderr);
    assert_eq!(weights(&robbed.join("last")), weights(&whole.join("last")));
    assert!(!tokenizers.is_empty() && tokenizers.iter().all(|path| path.exists()));
}

#[test]
fn a_run_folder_is_its_own_recipe() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    let words = "train {} --out {} --set training.updates=2 --set seed=5 --set data.test={tsv=\"none\"}";
    let missing = targum(arguments(words, &[&shared().recipe(), &out])).failed(1, &["data.test: no file none"]);
    assert!(!missing.stderr.contains("problems") && !out.exists());
    targum(arguments("train {} --out {} --set training.updates=2 --set seed=5", &[&shared().recipe(), &out])).good();
    // The recipe's file says six updates and another seed; what the run was started with counts.
    let again = targum(arguments("train {} --out {} --resume", &[&shared().recipe(), &out])).good();
    assert!(again.stderr.contains("stopped after update 2"), "{}", again.stderr);
    let on = targum(arguments("train {} --resume --set training.updates=4", &[&out])).good();
    assert!(on.stderr.contains("stopped after update 4") && on.stderr.contains("seed 5"), "{}", on.stderr);
    assert_eq!(checkpoints(&out).last().map(String::as_str), Some("step-00000004"));
    let parts = ["was trained with seed 5, the recipe says 6"];
    targum(arguments("train {} --resume --set seed=6", &[&out])).failed(1, &parts);
    // The refused setting is not what the run is resumed with from now on.
    targum(arguments("train {} --resume", &[&out])).good();
}

/// Waits until `happened`, for at most a minute.
pub fn wait_for(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited a minute for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
