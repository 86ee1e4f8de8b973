//! Words that no vocabulary has: counted, and replaced by `--replace-unknown` with a model that knows no word at all.

use std::fs;
use std::path::{Path, PathBuf};

use targum::alignment::AlignmentRecord;
use targum::text::special;

use super::support::{arguments, copy, make_it_say, shared, targum, with_input};

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

#[test]
fn what_a_vocabulary_lacks_is_told() {
    let place = tempfile::tempdir().unwrap();
    let model = shared().words();
    let known = fs::read_to_string(shared().corpus("train.en")).unwrap().lines().take(3).collect::<Vec<_>>().join("\n") + "\n";
    let translate =
        |text: String| with_input(arguments("translate --model {} --maximum-length 4", &[&model]), text).good().stderr;
    assert!(!translate(known.clone()).contains("unknown"), "{}", translate(known.clone()));
    let told = translate("Zorblax мама\n\nZorblax\n".into());
    assert!(told.contains("warning: 100.0 % of the source pieces are unknown"), "{told}");
    assert!(told.contains(r#"(the first words: "Zorblax", "мама")"#), "{told}");
    // Pieces with bytes spell everything.
    let pieces = with_input(arguments("translate --model {} --maximum-length 4", &[&shared().run()]), "Zorblax мама\n").good();
    assert!(!pieces.stderr.contains("unknown"), "{}", pieces.stderr);

    let files = ["text.en", "text.fr"].map(|name| place.path().join(name));
    fs::write(&files[0], &known).unwrap();
    fs::write(&files[1], "Zorblax\n".repeat(3)).unwrap();
    for command in ["score", "align"] {
        let words = format!("{command} --model {{}} --source {{}} --target {{}}");
        let told = targum(arguments(&words, &[&model, &files[0], &files[1]])).good().stderr;
        assert!(told.contains("100.0 % of the target pieces") && !told.contains("source pieces"), "{command}: {told}");
    }
    let checked = targum(arguments("data check --model {} --source {} --target {}", &[&model, &files[0], &files[1]])).good();
    let of =
        |side: &str| checked.lines().into_iter().find(|line| line.starts_with(&format!("{side} pieces"))).unwrap().to_owned();
    assert!(of("source").ends_with(": none"), "{checked:?}");
    assert!(of("target").ends_with(": 100.0 % (the first words: \"Zorblax\")"), "{checked:?}");
}

#[test]
fn training_on_words_that_no_vocabulary_has_warns() {
    let place = tempfile::tempdir().unwrap();
    let (out, recipe, corpus) = (place.path().join("run"), place.path().join("tuned.toml"), place.path().join("text"));
    fs::write(corpus.with_extension("en"), "мама мыла раму\n".repeat(20)).unwrap();
    fs::write(corpus.with_extension("fr"), "la femme\n".repeat(20)).unwrap();
    let validation = shared().corpus("validation");
    let text = format!(
        "data = {{ train = {corpus:?}, validation = {validation:?} }}\n[training]\nupdates = 1\nvalidate_every = 1\n\
         validation_sentences = 2\n"
    );
    fs::write(&recipe, text).unwrap();
    let train = |out: &Path, model: &Path| targum(arguments("train {} --out {} --init {}", &[&recipe, out, model])).good().stderr;
    let told = train(&out, &shared().words());
    let parts = [
        "unknown pieces: training source 100.0 %, target ",
        "warning: the source vocabulary lacks 100.0 % of the pieces of the training data (the first words: \"мама\", \"мыла\", \"раму\")",
        "the vocabularies are those of the model that training starts from",
    ];
    for part in parts {
        assert!(told.contains(part), "{part:?} is not in:\n{told}");
    }
    let log = fs::read_to_string(out.join("log.jsonl")).unwrap();
    let entries: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let data = entries.iter().find(|entry| entry["kind"] == "data").unwrap_or_else(|| panic!("{log}"));
    assert_eq!(
        (&data["unknown"]["training"]["source"]["share"], &data["unknown"]["training"]["source"]["pieces"]),
        (&1.0.into(), &60.into())
    );
    // A reused index says the same; a vocabulary of bytes has no such thing.
    let again = targum(arguments("train {} --resume --set training.updates=2", &[&out])).good().stderr;
    assert!(again.contains("token index reused") && again.contains(parts[1]), "{again}");
    let told = train(&place.path().join("pieces"), &shared().run());
    assert!(told.contains("unknown pieces: training source none, target none; validation source none, target none"), "{told}");
    assert!(!told.contains("warning"), "{told}");
}
