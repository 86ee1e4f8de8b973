//! Which row of attention belongs to which target word: gold alignments say, for each family of models. Each family learns a language whose
//! sentences are English-like ones backwards, word by word, so that a row too early or too late links a wrong word.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use super::support::{arguments, targum};

const WORDS: u32 = 12;

/// Sentences of random words, their translations `number words → number words backwards`, and the links.
fn write_corpus(folder: &Path, name: &str, sentences: usize, seed: u64) {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let (mut source, mut target, mut gold) = (String::new(), String::new(), String::new());
    for _ in 0..sentences {
        let length = 3 + chance.next_u32() as usize % 4;
        let words: Vec<u32> = (0..length).map(|_| chance.next_u32() % WORDS).collect();
        let line = |prefix: &str, words: &mut dyn Iterator<Item = &u32>| {
            words.map(|word| format!("{prefix}{word}")).collect::<Vec<_>>().join(" ")
        };
        writeln!(source, "{}", line("s", &mut words.iter())).unwrap();
        writeln!(target, "{}", line("t", &mut words.iter().rev())).unwrap();
        let links: Vec<String> = (0..length).map(|at| format!("{}-{at}", length - 1 - at)).collect();
        writeln!(gold, "{}", links.join(" ")).unwrap();
    }
    for (ending, text) in [("src", source), ("tgt", target), ("gold", gold)] {
        fs::write(folder.join(format!("{name}.{ending}")), text).unwrap();
    }
}

fn recipe(folder: &Path, model: &str) -> PathBuf {
    let (path, corpus) = (folder.join("recipe.toml"), folder.display());
    let text = format!(
        "[data]\nsource = \"src\"\ntarget = \"tgt\"\ntrain = \"{corpus}/train\"\n\
         validation = \"{corpus}/validation\"\ntest = \"{corpus}/test\"\n\
         [tokenizer]\nkind = \"word\"\nsize = 100\n{model}\n\
         [training]\noptimizer = {{ adam = {{ learning_rate = 0.005 }} }}\nbatch_tokens = 400\nupdates = 600\nvalidate_every = 600\n\
         validation_sentences = 20\npictures = 0\n"
    );
    fs::write(&path, text).unwrap();
    path
}

/// Trains on such a corpus, all in a folder; the run's own folder.
fn train(folder: &Path, model: &str) -> PathBuf {
    for (seed, (corpus, sentences)) in [("train", 3000), ("validation", 20), ("test", 100)].into_iter().enumerate() {
        write_corpus(folder, corpus, sentences, seed as u64);
    }
    let run = folder.join("run");
    targum(arguments("train {} --out {}", &[&recipe(folder, model), &run])).good();
    run
}

/// The alignment error rate on the test set, and chrF: links of a wrong translation say nothing.
fn learned(name: &str, model: &str) -> (f64, f64) {
    let folder = tempfile::tempdir().unwrap();
    let run = train(folder.path(), model);
    let scores: Value = serde_json::from_str(&fs::read_to_string(run.join("test.json")).unwrap()).unwrap();
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{name}: {scores}"));
    (number(&scores["aer"]), number(&scores["chrf"]["value"]))
}

fn recurrent(decoder: &str, attention: &str) -> String {
    format!(
        "[model.recurrent]\nembedding = 24\nhidden = 24\ncell = \"gru\"\ndropout = 0\ninitialization = \"xavier\"\n\
         [model.recurrent.decoder]\n{decoder}\n[model.recurrent.attention]\n{attention}\n"
    )
}

#[test]
fn rows_belong_to_the_words_they_produced() {
    let families = [
        ("Bahdanau", recurrent("kind = \"bahdanau\"", "score = \"additive\"")),
        ("Luong", recurrent("kind = \"luong\"", "score = \"general\"")),
        ("Luong, input feeding", recurrent("kind = \"luong\"\ninput_feeding = true", "score = \"concat\"")),
        ("Luong, hard", recurrent("kind = \"luong\"", "score = \"general\"\nhard = {}")),
        (
            "Transformer",
            "[model.transformer]\ndimension = 32\ndropout = 0\n\
             encoder = { layers = 1, heads = 1, feed_forward = 64 }\ndecoder = { layers = 1, heads = 1, feed_forward = 64 }\n"
                .to_owned(),
        ),
    ];
    for (name, model) in families {
        let (aer, chrf) = learned(name, &model);
        eprintln!("{name}: AER {aer:.3}, chrF {chrf:.1}");
        assert!(chrf > 85.0, "{name}: chrF {chrf}");
        assert!(aer < 0.15, "{name}: AER {aer}");
    }
}

#[test]
fn the_attention_that_aligns_best_is_the_one_that_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let model = "[model.transformer]\ndimension = 32\ndropout = 0\n\
                 encoder = { layers = 1, heads = 2, feed_forward = 64 }\ndecoder = { layers = 2, heads = 2, feed_forward = 64 }\n";
    let run = train(folder.path(), model);
    let [source, target, gold] = ["src", "tgt", "gold"].map(|ending| folder.path().join(format!("validation.{ending}")));
    let align = |view: &str| {
        targum(arguments(&format!("align --model {{}} --source {{}} --target {{}} {view}"), &[&run, &source, &target]))
            .good()
            .stdout
    };
    let error_rate = |links: &str| -> f64 {
        let file = folder.path().join("links");
        fs::write(&file, links).unwrap();
        let words = "evaluate --alignment {} --gold {} --gold-base 0 --json";
        let scores: Value = serde_json::from_str(&targum(arguments(words, &[&file, &gold])).good().stdout).unwrap();
        scores["alignment_error_rate"].as_f64().unwrap_or_else(|| panic!("{scores}"))
    };
    let shown = align("");
    let views = [
        "--layer mean",
        "--layer 0",
        "--layer 1",
        "--layer 0 --head 0",
        "--layer 0 --head 1",
        "--layer 1 --head 0",
        "--layer 1 --head 1",
    ];
    let all: Vec<(String, f64)> = views.iter().map(|view| align(view)).map(|links| (links.clone(), error_rate(&links))).collect();
    let best = all.iter().map(|(_, rate)| *rate).fold(f64::INFINITY, f64::min);
    assert!(all.iter().any(|(links, rate)| *links == shown && *rate == best), "{best}");
    assert!(all.iter().any(|(_, rate)| *rate > best + 0.02), "there was something to choose from: {best}");
    let told = targum(arguments("inspect {}", &[&run])).good().stdout;
    assert!(told.contains("attention    2 layers of 2 heads; shown and linked: "), "{told}");
}
