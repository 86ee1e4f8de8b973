//! What a training leaves behind, and what it refuses.

use std::fs;

use serde_json::Value;

use super::support::{arguments, checkpoints, command, shared, targum, weights};

#[test]
fn a_run_has_checkpoints_logs_events_and_pictures() {
    let (shared, run) = (shared(), shared().run());
    assert_eq!(checkpoints(&run), ["step-00000003", "step-00000006"]);
    assert_eq!(fs::read_link(run.join("last")).unwrap().to_str(), Some("step-00000006"));
    assert!(run.join("best/model.safetensors").exists());

    let log = fs::read_to_string(run.join("log.jsonl")).unwrap();
    let entries: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_kind = |kind: &str| entries.iter().filter(|entry| entry["kind"] == kind).collect::<Vec<_>>();
    assert_eq!(of_kind("training").len(), 6);
    let validations = of_kind("validation");
    assert_eq!(validations.iter().map(|entry| entry["step"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 6]);
    for name in ["loss", "perplexity", "bleu", "chrf", "ter", "aer"] {
        assert!(validations.iter().all(|entry| entry[name].is_number()), "{name}: {log}");
    }
    assert_eq!(of_kind("stopped")[0]["reason"], "updates");

    let events = fs::read_dir(&run).unwrap().map(|entry| entry.unwrap());
    let events =
        events.filter(|entry| entry.file_name().to_string_lossy().starts_with("events.out.tfevents.")).collect::<Vec<_>>();
    assert_eq!(events.len(), 1);
    let bytes = fs::read(events[0].path()).unwrap();
    for tag in ["training/loss", "validation/bleu", "validation/aer", "attention/sentence-2"] {
        assert!(bytes.windows(tag.len()).any(|window| window == tag.as_bytes()), "{tag} is not among the events");
    }
    for step in ["step-00000003", "step-00000006"] {
        for file in ["sentence-1.svg", "sentence-1.png", "sentence-2.svg", "sentence-2.png"] {
            assert!(run.join("heatmaps").join(step).join(file).exists(), "{step}/{file}");
        }
    }

    for name in ["BLEU|", "chrF2|", "TER|", "perplexity = ", "AER = "] {
        assert!(shared.trained.stdout.contains(name), "{}", shared.trained.stdout);
    }
    let scores: Value = serde_json::from_str(&fs::read_to_string(run.join("test.json")).unwrap()).unwrap();
    assert!(scores["bleu"]["value"].is_number() && scores["aer"].is_number(), "{scores}");
    assert_eq!(fs::read_to_string(run.join("test.fr")).unwrap().lines().count(), 20);
    assert!(shared.trained.stderr.contains("targum translate --model"), "it says what to try next");
}

#[test]
fn a_run_folder_is_left_alone_without_resume() {
    let run = shared().run();
    let before = weights(&run.join("last"));
    let parts = ["has checkpoints up to update 6", "--resume", "--out"];
    targum(arguments("train {} --out {}", &[&shared().recipe(), &run])).failed(1, &parts);
    targum(arguments("train {}", &[&run])).failed(1, &parts);
    assert_eq!(weights(&run.join("last")), before);
}

#[test]
fn settings_override_the_recipe_and_defaults_are_shown() {
    let words = "train {} --print-recipe --set training.batch_tokens=77 --set name=other --set model.recurrent.cell=gru";
    let printed = targum(arguments(words, &[&shared().recipe()])).good();
    let recipe: toml::Table = printed.stdout.parse().unwrap();
    assert_eq!(recipe["training"]["batch_tokens"].as_integer(), Some(77));
    assert_eq!(recipe["name"].as_str(), Some("other"));
    assert_eq!(recipe["training"]["keep_best"].as_integer(), Some(1), "defaults are shown");
    let kept: toml::Table = fs::read_to_string(shared().run().join("recipe.toml")).unwrap().parse().unwrap();
    assert_eq!(kept["training"]["updates"].as_integer(), Some(6));
    let of_run = targum(arguments("train {} --print-recipe", &[&shared().run()])).good();
    assert_eq!(of_run.stdout.parse::<toml::Table>().unwrap(), kept);
}

#[test]
fn an_unknown_key_names_the_nearest_and_starts_nothing() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    let words = "train {} --out {} --set training.batch_token=5 --set model.recurrent.hiden=8 --set training.clip_norm=-1";
    let parts = [
        "tiny.toml: 3 problems",
        "training.batch_token:",
        "`batch_tokens`",
        "model.recurrent.hiden:",
        "`hidden`",
        "training.clip_norm: is -1",
    ];
    targum(arguments(words, &[&shared().recipe(), &out])).failed(1, &parts);
    assert!(!out.exists());
    let misspelt = place.path().join("misspelt.toml");
    fs::write(&misspelt, fs::read_to_string(shared().recipe()).unwrap().replace("validate_every", "validate_evry")).unwrap();
    let parts = ["misspelt.toml: training.validate_evry:", "`validate_every`"];
    targum(arguments("train {} --out {}", &[&misspelt, &out])).failed(1, &parts);
    assert!(!out.exists());
    targum(arguments("train {}", &[&place.path().join("none.toml")])).failed(1, &["none.toml: cannot read the recipe"]);
}

#[test]
fn a_vocabulary_larger_than_the_data_is_cut_with_a_warning() {
    let told = &shared().words_trained.stderr;
    for side in ["en", "fr"] {
        let line = told.lines().find(|line| line.starts_with(&format!("{side} vocabulary"))).unwrap_or_else(|| panic!("{told}"));
        assert!(line.contains("50000 asked for: the data supports no more"), "{line}");
    }
    assert!(shared().words().join("last/model.safetensors").exists(), "training went on");
}

#[test]
fn a_run_folder_and_its_checkpoints_are_models_that_can_be_inspected() {
    let run = shared().run();
    for (model, updates) in [(run.clone(), 2), (run.join("step-00000003"), 1), (run.join("last"), 2)] {
        let told = targum(arguments("inspect {}", &[&model])).good().stdout;
        for part in [
            "languages    en to fr",
            "vocabulary   400 source, 400 target",
            "parameters   29,488",
            "decoder.attention",
            "\"luong\"",
        ] {
            assert!(told.contains(part), "{part:?} is not in:\n{told}");
        }
        let history = told.lines().filter(|line| line.starts_with("  update") && line.contains("bleu")).count();
        assert!(history >= 1 && history <= updates, "{told}");
        assert!(told.lines().count() < 70);
    }
    let each = targum(arguments("inspect {} --parameters", &[&run])).good().stdout;
    assert!(each.lines().any(|line| line.contains("decoder.attention.general.weight") && line.contains("[16, 32]")), "{each}");
}

#[test]
fn nobody_reading_is_no_failure() {
    use std::process::Stdio;
    let mut child = command(arguments("inspect {} --parameters", &[&shared().run()]))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ran = super::support::ran(child.wait_with_output().unwrap()).good();
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_loss_that_is_not_a_number_stops_and_leaves_the_last_checkpoint() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    targum(arguments("train {} --out {} --set training.updates=3", &[&shared().recipe(), &out])).good();
    let before = weights(&out.join("last"));
    let words = "train {} --out {} --resume --set training.updates=50 --set training.validate_every=1000 \
                 --set training.optimizer.adam.learning_rate=1e38";
    let ran = targum(arguments(words, &[&shared().recipe(), &out]))
        .failed(1, &["the last good checkpoint is", "step-00000003", "learning_rate"]);
    let named = ran
        .stderr
        .lines()
        .find(|line| line.contains("longest source") && !line.starts_with("trying"))
        .unwrap_or_else(|| panic!("{}", ran.stderr));
    assert!(named.contains("update 5, epoch 1, batch 5 (") && named.contains("(line "), "{named}");
    assert!(ran.stderr.contains("NaN") || ran.stderr.contains("inf"), "{}", ran.stderr);
    assert_eq!(checkpoints(&out), ["step-00000003"]);
    assert_eq!(weights(&out.join("last")), before);
    let words = "train {} --resume --set training.updates=4 --set training.optimizer.adam.learning_rate=0.01";
    targum(arguments(words, &[&out])).good();
}

#[test]
fn weights_that_are_not_numbers_are_not_saved() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    targum(arguments("train {} --out {} --set training.updates=3", &[&shared().recipe(), &out])).good();
    let before = weights(&out.join("last"));
    // A validation that needs no attention finds nothing wrong with them.
    let [source, target] = ["validation.en", "validation.fr"].map(|name| shared().corpus(name));
    let words = format!(
        "train {{}} --resume --set training.updates=9 --set training.validate_every=1 --set training.pictures=0 --set \
         training.optimizer.adam.learning_rate=1e39 --set data.validation={{source={source:?},target={target:?}}}"
    );
    let parts = ["step-00000004: the checkpoint was not saved; earlier ones are untouched", "not finite", "learning_rate"];
    targum(arguments(&words, &[&out])).failed(1, &parts);
    assert_eq!(checkpoints(&out), ["step-00000003"]);
    assert_eq!(weights(&out.join("last")), before);
}
