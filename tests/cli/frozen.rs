//! Checkpoints that an earlier Targum wrote (`scripts/frozen-checkpoints.sh`): every later one reads them, translates with them as they did, and goes
//! on with their training.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::support::{Ran, arguments, checkpoints, command, copy, ran, targum};

/// What scores may differ by: processors round differently.
const TOLERANCE: f64 = 1e-4;

/// What a memory network was asked about.
const STORY: &str = "1 Ada slept.\n2 Ben ran.\n3 Cem sang.\n4 Who sang?\tCem\t3\n";

/// The run folders that were frozen.
fn frozen() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoints");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    assert!(!folders.is_empty(), "{} is empty", folder.display());
    folders
}

fn checkpoint(run: &Path) -> PathBuf {
    run.join(checkpoints(run).pop().unwrap_or_else(|| panic!("{}: no checkpoint", run.display())))
}

/// Parses JSON Lines of translations into text, score and log probabilities.
fn hypotheses(text: &str) -> Vec<(String, f64, Vec<f64>)> {
    let of = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap();
        let best = &value["hypotheses"][0];
        let numbers = best["log_probabilities"].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect();
        (best["text"].as_str().unwrap().to_owned(), best["score"].as_f64().unwrap(), numbers)
    };
    text.lines().map(of).collect()
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= TOLERANCE * expected.abs().max(1.0)
}

#[test]
fn frozen_checkpoints_translate_as_they_did() {
    for run in frozen().into_iter().filter(|run| run.join("expected.jsonl").exists()) {
        let checkpoint = checkpoint(&run);
        let words = "translate --model {} --format jsonl {}";
        let found = targum(arguments(words, &[&checkpoint, &run.join("input.en")])).good();
        let expected = hypotheses(&fs::read_to_string(run.join("expected.jsonl")).unwrap());
        let found = hypotheses(&found.stdout);
        assert_eq!(found.len(), expected.len(), "{}", run.display());
        for ((text, score, numbers), (right, right_score, right_numbers)) in found.iter().zip(&expected) {
            assert_eq!(text, right, "{}", run.display());
            assert!(close(*score, *right_score), "{}: {score}, expected {right_score}: {text}", run.display());
            assert_eq!(numbers.len(), right_numbers.len(), "{}: {text}", run.display());
            assert!(numbers.iter().zip(right_numbers).all(|(one, other)| close(*one, *other)), "{}: {text}", run.display());
        }
        let words = "score --model {} --source {} --target {}";
        let scored = targum(arguments(words, &[&checkpoint, &run.join("input.en"), &run.join("input.fr")])).good();
        let expected = fs::read_to_string(run.join("expected.scores")).unwrap();
        let numbers = |text: &str| text.lines().map(|line| line.parse::<f64>().unwrap()).collect::<Vec<_>>();
        let (found, expected) = (numbers(&scored.stdout), numbers(&expected));
        assert_eq!(found.len(), expected.len(), "{}", run.display());
        assert!(
            found.iter().zip(&expected).all(|(one, other)| close(*one, *other)),
            "{}: {found:?}, expected {expected:?}",
            run.display()
        );
        let told = targum(arguments("inspect {}", &[&checkpoint])).good();
        assert!(told.stdout.contains("written by   Targum") && told.stdout.contains(" updates in "), "{}", told.stdout);
    }
}

/// A copy of a frozen run in a folder of its own, with the corpus that its recipe names, and `targum` started there.
fn goes_on(place: &Path, run: &Path, settings: &str) -> Ran {
    let out = place.join("run");
    fs::create_dir(&out).unwrap();
    fs::copy(run.join("recipe.toml"), out.join("recipe.toml")).unwrap();
    let name = checkpoints(run).pop().unwrap();
    copy(&run.join(&name), &out.join(&name));
    targum(arguments("data synth --train 24 --validation 400 --test 400 --out {}", &[&place.join("corpus")])).good();
    let stories = place.join("corpus/stories");
    fs::create_dir(&stories).unwrap();
    for part in ["train", "test"] {
        fs::write(stories.join(format!("qa7_stories_{part}.txt")), STORY.repeat(10)).unwrap();
    }
    let words = format!("train {{}} --resume {settings}");
    ran(command(arguments(&words, &[&out])).current_dir(place).output().unwrap()).good()
}

#[test]
fn frozen_runs_go_on() {
    for run in frozen() {
        let place = tempfile::tempdir().unwrap();
        let update: u64 = checkpoints(&run).pop().unwrap()["step-".len()..].parse().unwrap();
        let told = goes_on(place.path(), &run, &format!("--set training.updates={}", update + 1));
        assert!(told.stderr.contains("resuming from") && !told.stderr.contains("broken"), "{}: {}", run.display(), told.stderr);
        assert!(place.path().join(format!("run/step-{:08}/model.safetensors", update + 1)).exists(), "{}", run.display());
    }
}

/// A study that is over is examined again, with the same result.
#[test]
fn frozen_studies_are_examined_as_they_were() {
    for run in frozen().into_iter().filter(|run| run.join("expected.json").exists()) {
        let place = tempfile::tempdir().unwrap();
        goes_on(place.path(), &run, "");
        let [found, expected] = [place.path().join("run/test.json"), run.join("expected.json")]
            .map(|path| serde_json::from_str::<Value>(&fs::read_to_string(path).unwrap()).unwrap());
        same(&found, &expected, &run);
    }
}

/// Numbers as they were to the tolerance, all else exactly; there may be more than there was.
fn same(found: &Value, expected: &Value, run: &Path) {
    match (found, expected) {
        (Value::Number(found), Value::Number(expected)) => {
            let [found, expected] = [found, expected].map(|number| number.as_f64().unwrap());
            assert!(close(found, expected), "{}: {found}, expected {expected}", run.display());
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert!(found.len() >= expected.len(), "{}: {} of {}", run.display(), found.len(), expected.len());
            found.iter().zip(expected).for_each(|(found, expected)| same(found, expected, run));
        }
        (Value::Object(found), Value::Object(expected)) => {
            for (key, expected) in expected {
                same(found.get(key).unwrap_or(&Value::Null), expected, run);
            }
        }
        _ => assert_eq!(found, expected, "{}", run.display()),
    }
}
