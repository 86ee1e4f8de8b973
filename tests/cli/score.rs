//! `targum score`: numbers that add up, and are those of forced decoding.

use std::fs;

use super::support::{arguments, shared, targum};

#[test]
fn pieces_words_and_lines_add_up() {
    let (source, target) = (shared().corpus("test.en"), shared().corpus("test.fr"));
    for model in [shared().run(), shared().words()] {
        let run = |options: &str| {
            let words = format!("score --model {{}} --source {{}} --target {{}} {options}");
            targum(arguments(&words, &[&model, &source, &target])).good()
        };
        let numbers = |options: &str| -> Vec<f64> { run(options).lines().iter().map(|line| line.parse().unwrap()).collect() };
        let (sums, pieces, words) = (numbers(""), numbers("--normalise piece"), numbers("--normalise word"));
        let json = run("--format jsonl").json_lines();
        assert_eq!(json.len(), 20);
        let close = |a: f64, b: f64| (a - b).abs() < 1e-4 * (1.0 + a.abs());
        for (line, record) in json.iter().enumerate() {
            let list = |key: &str| record[key].as_array().unwrap().clone();
            let number = |key: &str| record[key].as_f64().unwrap();
            let tokens: Vec<f64> = list("log_probabilities").iter().map(|value| value.as_f64().unwrap()).collect();
            assert_eq!(tokens.len(), list("pieces").len() + 1, "the end of sentence counts");
            assert!(tokens.iter().all(|&value| value <= 0.0));
            assert!(close(tokens.iter().sum(), number("log_probability")) && close(number("log_probability"), sums[line]));
            let of_words: f64 = list("words").iter().map(|word| word["log_probability"].as_f64().unwrap()).sum();
            assert!(close(of_words + tokens.last().unwrap(), number("log_probability")));
            let spelled: Vec<String> = list("words").iter().map(|word| word["word"].as_str().unwrap().to_owned()).collect();
            assert_eq!(spelled, record["target"].as_str().unwrap().split_whitespace().collect::<Vec<_>>());
            assert!(close(pieces[line] * tokens.len() as f64, sums[line]) && close(number("per_piece"), pieces[line]));
            assert!(close(words[line] * spelled.len() as f64, sums[line]) && close(number("per_word"), words[line]));
            assert_eq!(record["base"], "e");
        }
        // Alignment by forced decoding says the same of them.
        let words = "align --model {} --source {} --target {} --format jsonl";
        let aligned = targum(arguments(words, &[&model, &source, &target])).good().json_lines();
        assert!(aligned.iter().zip(&sums).all(|(record, &sum)| close(record["score"].as_f64().unwrap(), sum)));
    }
}

#[test]
fn blank_lines_and_ensembles_have_scores_too() {
    let place = tempfile::tempdir().unwrap();
    let [source, target] = ["source", "target"].map(|name| place.path().join(name));
    fs::write(&source, "They sing.\n\nThey sing.\n \n").unwrap();
    fs::write(&target, "Ils chantent.\n\n\t\nIls chantent.\n").unwrap();
    let run = |models: usize, options: &str| {
        let words = format!(
            "score {} --source {{}} --target {{}} {options}",
            "--model {}".to_owned() + &" --model {}".repeat(models - 1)
        );
        let model = shared().run();
        let mut paths = vec![model.as_path(); models];
        paths.extend([source.as_path(), target.as_path()]);
        targum(arguments(&words, &paths))
    };
    let one = run(1, "").good();
    assert_eq!(one.lines()[1..], ["0", "-inf", "-inf"]);
    let json = run(1, "--format jsonl").good().json_lines();
    assert!(json[2]["log_probability"].is_null() && json[1]["log_probability"] == 0.0 && json[3]["source"] == " ");
    let first = |text: &str| text.lines().next().unwrap().parse::<f64>().unwrap();
    assert!((first(&one.stdout) - first(&run(3, "").good().stdout)).abs() < 1e-3);
    targum(arguments(
        "score --model {} --model {} --source {} --target {}",
        &[&shared().run(), &shared().words(), &source, &target],
    ))
    .failed(1, &["different source vocabularies"]);
}
