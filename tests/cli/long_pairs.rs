//! Pairs that are longer than the model is made for are refused, never scored at positions that it has not seen.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::support::{Ran, arguments, make_it_say, shared, targum, with_input};

/// A Transformer that is made for 15 pieces and the end of sentence, trained for an update.
fn model(place: &Path, positions: &str, validation: &Path) -> (PathBuf, Ran) {
    let (recipe, out) = (place.join("short.toml"), place.join(positions));
    let text = format!(
        r#"
        data = {{ train = {:?}, validation = {validation:?}, filters = {{ maximum_length = 15 }} }}
        tokenizer = {{ kind = "word", size = 300, minimum_frequency = 1 }}
        training = {{ updates = 1, validate_every = 1, batch_tokens = 600, pictures = 2 }}

        [model.transformer]
        dimension = 16
        encoder = {{ layers = 1, heads = 2, feed_forward = 16 }}
        decoder = {{ layers = 1, heads = 2, feed_forward = 16 }}
        positions = "{positions}"
        maximum_length = 16
        "#,
        shared().corpus("train"),
    );
    fs::write(&recipe, text).unwrap();
    let trained = targum(arguments("train {} --out {}", &[&recipe, &out])).good();
    (out, trained)
}

fn write(place: &Path, lines: &[(usize, usize)]) -> [PathBuf; 2] {
    let (short, long) = ("The cat sees .", "Le chat voit .");
    let side = |of: fn(&(usize, usize)) -> usize, line: &str| -> String {
        lines.iter().map(|times| vec![line; of(times)].join(" ") + "\n").collect()
    };
    let paths = [place.join("pairs.en"), place.join("pairs.fr")];
    fs::write(&paths[0], side(|times| times.0, short)).unwrap();
    fs::write(&paths[1], side(|times| times.1, long)).unwrap();
    paths
}

#[test]
fn a_long_side_is_named_and_what_stands_before_it_is_done() {
    let place = tempfile::tempdir().unwrap();
    for positions in ["sinusoidal", "learned", "rotary"] {
        let (model, _) = model(place.path(), positions, &shared().corpus("validation"));
        for command in ["score", "align"] {
            for (long, name, pieces) in
                [((4, 1), "pairs.en:3: the source has 16 pieces", 2), ((1, 5), "pairs.fr:3: the target has 20 pieces", 2)]
            {
                let [source, target] = write(place.path(), &[(1, 1), (3, 3), long, (1, 1)]);
                let words = format!("{command} --model {{}} --source {{}} --target {{}}");
                let ran = targum(arguments(&words, &[&model, &source, &target]));
                assert_eq!((ran.code, ran.lines().len()), (Some(1), pieces), "{positions}, {command}: {}", ran.stderr);
                assert!(ran.stderr.contains(name) && ran.stderr.contains("made for 15 at most"), "{}", ran.stderr);
            }
        }
        // Fifteen are no problem, nor is a blank line beside a long one, which the model is not shown.
        let [source, target] = write(place.path(), &[(3, 3), (0, 9)]);
        let ran = targum(arguments("score --model {} --source {} --target {}", &[&model, &source, &target])).good();
        assert!(ran.lines()[0].parse::<f64>().unwrap().is_finite() && ran.lines()[1] == "-inf", "{}", ran.stdout);
    }
}

#[test]
fn the_side_is_the_users_in_the_other_direction_too() {
    let place = tempfile::tempdir().unwrap();
    let (model, _) = model(place.path(), "sinusoidal", &shared().corpus("validation"));
    // The first model has no such limit, the second reads the target.
    let [source, target] = write(place.path(), &[(1, 1), (1, 4)]);
    let words = "align --model {} --reverse-model {} --source {} --target {}";
    let ran = targum(arguments(words, &[&shared().run(), &model, &source, &target]));
    assert_eq!((ran.code, ran.lines().len()), (Some(1), 1), "{}", ran.stderr);
    assert!(ran.stderr.contains("pairs.fr:2: the target has 16 pieces"), "{}", ran.stderr);
}

#[test]
fn translations_end_where_positions_do() {
    let place = tempfile::tempdir().unwrap();
    let (model, _) = model(place.path(), "learned", &shared().corpus("validation"));
    make_it_say(&model.join("best"), 9);
    let ran =
        with_input(arguments("translate --model {} --format jsonl --beam 1 --maximum-length 40", &[&model]), "The cat sees .\n")
            .good();
    assert_eq!(ran.json_lines()[0]["hypotheses"][0]["pieces"].as_array().unwrap().len(), 16);
    assert!(ran.stderr.contains("the length limit cut off 1 of 1 translations"), "{}", ran.stderr);
    with_input(arguments("translate --model {} --minimum-length 16", &[&model]), "")
        .failed(1, &["--minimum-length is 16, but this model produces 15 pieces at most"]);
    // A long source is translated in parts, as ever.
    let long = ["The cat sees ."; 10].join(" ");
    let parts = with_input(arguments("translate --model {}", &[&model]), long + "\n").good();
    assert!(parts.stderr.contains("is too long for the model; it is translated in "), "{}", parts.stderr);
}

#[test]
fn validation_leaves_out_what_it_cannot_score_and_says_so() {
    let place = tempfile::tempdir().unwrap();
    write(place.path(), &[(1, 1), (20, 20), (2, 2)]);
    let (model, trained) = model(place.path(), "sinusoidal", &place.path().join("pairs"));
    assert!(trained.stderr.contains(", long_pairs 1"), "{}", trained.stderr);
    let log = fs::read_to_string(model.join("log.jsonl")).unwrap();
    let validation: Value =
        serde_json::from_str(log.lines().find(|line| line.contains("\"kind\":\"validation\"")).unwrap()).unwrap();
    let loss = validation["loss"].as_f64().unwrap();
    // The same without the long pair.
    write(place.path(), &[(1, 1), (2, 2)]);
    let [source, target] = ["pairs.en", "pairs.fr"].map(|name| place.path().join(name));
    let scored = targum(arguments("score --model {} --source {} --target {}", &[&model, &source, &target])).good();
    let sum: f64 = scored.lines().iter().map(|line| line.parse::<f64>().unwrap()).sum();
    assert!((loss + sum / 14.0).abs() < 1e-3, "{loss} {sum}");
}
