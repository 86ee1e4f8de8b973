//! `--replace-unknown`, with a model that knows no word at all.

use std::fs;
use std::path::{Path, PathBuf};

use targum::alignment::AlignmentRecord;
use targum::text::special;

use super::support::{arguments, copy, make_it_say, shared, with_input};

const SOURCE: &str = "Zorblax admires Wibbleford\n";

fn model(place: &Path) -> PathBuf {
    let model = place.join("model");
    copy(&shared().words().join("last"), &model);
    make_it_say(&model, i64::from(special::UNK));
    model
}

fn translate(model: &Path, options: &str) -> String {
    let words = format!("translate --model {{}} --maximum-length 4 {options}");
    with_input(arguments(&words, &[model]), SOURCE).good().stdout
}

#[test]
fn unknown_words_become_the_words_of_the_source() {
    let place = tempfile::tempdir().unwrap();
    let model = model(place.path());
    assert_eq!(translate(&model, ""), "\n", "unknown words leave no trace");
    assert_eq!(translate(&model, "--pieces"), "<unk> <unk> <unk> <unk>\n");
    let replaced = translate(&model, "--replace-unknown");
    let words: Vec<&str> = replaced.split_whitespace().collect();
    assert!(words.len() == 4 && words.iter().all(|word| SOURCE.split_whitespace().any(|source| source == *word)), "{replaced}");

    let dictionary = place.path().join("words.tsv");
    fs::write(&dictionary, "Zorblax\tla Zorblaxe\nWibbleford\tWibbleville\n\nadmires\taime\nadmires\tnever\n").unwrap();
    let with = translate(&model, &format!("--replace-unknown {}", dictionary.display()));
    let expected = replaced.replace("Zorblax", "la Zorblaxe").replace("Wibbleford", "Wibbleville").replace("admires", "aime");
    assert_eq!(with, expected);
}

#[test]
fn links_count_the_words_that_were_put_in() {
    let place = tempfile::tempdir().unwrap();
    let model = model(place.path());
    let dictionary = place.path().join("words.tsv");
    fs::write(&dictionary, "Zorblax\tla Zorblaxe\nWibbleford\tla Wibbleville\nadmires\tl' aime\n").unwrap();
    let json = translate(&model, &format!("--alignment --format jsonl --replace-unknown {}", dictionary.display()));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let hypothesis = &json["hypotheses"][0];
    let record = AlignmentRecord::from_line(&hypothesis["alignment"].to_string()).unwrap();
    assert_eq!(record.target_words, hypothesis["text"].as_str().unwrap().split_whitespace().collect::<Vec<_>>());
    // Each unknown token gave two words, of which the first carries the weights and is linked to the word it came from.
    assert_eq!(record.target_words.len(), 8);
    for (token, pair) in record.target_words.chunks(2).enumerate() {
        let origin = match pair[1].as_str() {
            "Zorblaxe" => 0,
            "aime" => 1,
            "Wibbleville" => 2,
            other => panic!("{other}"),
        };
        let row = record.weights.row(2 * token);
        assert!(row.iter().all(|weight| *weight <= row[origin]), "{row:?}");
    }
}
