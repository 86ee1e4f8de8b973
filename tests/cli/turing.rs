//! `targum turing`: machines that are built in and of one's own.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::support::{arguments, targum};

#[test]
fn the_machine_that_is_built_in_turns_a_into_b_and_is_drawn() {
    let place = TempDir::new().unwrap();
    let told = targum(arguments("turing --input aaab --heatmaps {}", &[place.path()])).good();
    assert_eq!(told.lines()[..2], ["0\tscan\t[a]aab", "1\tscan\tb[a]ab"]);
    assert!(told.stderr.contains("accepted after 5 steps, with \"bbbb\" on the tape"), "{}", told.stderr);
    let picture = fs::read_to_string(place.path().join("turing.svg")).unwrap();
    for part in ["written to", "read from", "cells with a", "cells with b", "cell 3", "scan a"] {
        assert!(picture.contains(part), "{part}");
    }
    assert!(place.path().join("turing.png").exists());
    let record: Value = serde_json::from_str(&targum(arguments("turing --input ab --format jsonl", &[])).good().stdout).unwrap();
    assert_eq!((&record["outcome"], &record["output"], &record["steps"]), (&"accepted".into(), &"bb".into(), &3.into()));
    assert_eq!(record["configurations"][1]["head"], 1);
}

#[test]
fn a_machine_of_ones_own_is_read_checked_and_stopped() {
    let place = TempDir::new().unwrap();
    let file = place.path().join("own.toml");
    let built_in = targum(["turing", "--print-machine"]).good().stdout;
    fs::write(&file, built_in.replace("scan _ -> accept _ R", "scan _ -> scan _ R")).unwrap();
    let run =
        |input: &str, steps: &str| targum(arguments(&format!("turing --input {input} --steps {steps} --machine {{}}"), &[&file]));
    let told = run("ab", "9").good();
    assert!(told.stderr.contains("had not halted after 9 steps; --steps gives it more") && told.lines().len() == 10);
    run("abc", "9").failed(1, &["input \"abc\": symbol 3 is 'c', expected one of a, b"]);
    run("ab", "10001").failed(1, &["--steps: is 10001, expected 10000 at most"]);
    fs::write(&file, built_in.replace("scan a ->", "scan c ->")).unwrap();
    run("ab", "9").failed(1, &["own.toml", "transition \"scan c -> scan b R\": 'c' is not in tape_alphabet"]);
    fs::write(&file, "states = 3").unwrap();
    run("ab", "9").failed(1, &["own.toml", "states"]);
    fs::remove_file(&file).unwrap();
    run("ab", "9").failed(1, &["own.toml: cannot read the machine"]);
}
