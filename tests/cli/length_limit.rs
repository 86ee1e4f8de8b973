//! How long translations may become: learned from the training pairs, kept in the checkpoint, and told where it cuts.

use std::fs;
use std::path::{Path, PathBuf};

use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use super::support::{Ran, arguments, make_it_say, targum, with_input};

const WORDS: [(&str, &str); 6] =
    [("the", "l e"), ("cat", "c h a t"), ("dog", "g r i o n"), ("sees", "v o i t"), ("old", "j u s p e"), ("green", "b m d q")];

/// Sentences of so many words, and their translations letter by letter.
fn pairs(count: usize, words: std::ops::Range<u32>, seed: u64) -> Vec<(String, String)> {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |most: u32| chance.next_u32() % most;
    let sentence = |_| {
        let length = words.start + below(words.end - words.start);
        let (source, target): (Vec<&str>, Vec<&str>) = (0..length).map(|_| WORDS[below(WORDS.len() as u32) as usize]).unzip();
        (source.join(" "), target.join(" "))
    };
    (0..count).map(sentence).collect()
}

fn write(folder: &Path, name: &str, pairs: &[(String, String)]) {
    let side = |of: fn(&(String, String)) -> &String| pairs.iter().map(|pair| of(pair).clone() + "\n").collect::<String>();
    fs::write(folder.join(format!("{name}.en")), side(|pair| &pair.0)).unwrap();
    fs::write(folder.join(format!("{name}.fr")), side(|pair| &pair.1)).unwrap();
}

/// A recipe for such a corpus in the folder.
fn recipe(folder: &Path) -> PathBuf {
    let corpus = folder.display();
    let text = format!(
        r#"
        data = {{ train = "{corpus}/train", validation = "{corpus}/test", test = "{corpus}/test" }}
        tokenizer = {{ kind = "word", size = 100, minimum_frequency = 1, joint = false }}

        [model.recurrent]
        embedding = 24
        hidden = 32
        cell = "gru"
        dropout = 0.0
        decoder = {{ kind = "bahdanau", hidden = 64 }}
        attention = {{ score = "additive", coverage = true }}

        [training]
        optimizer = {{ adam = {{ learning_rate = 0.01 }} }}
        batch_tokens = 600
        updates = 1
        validate_every = 1
        pictures = 0

        [search]
        beam = 1
        "#
    );
    let path = folder.join("letters.toml");
    fs::write(&path, text).unwrap();
    path
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The length limit of a checkpoint, ratio and offset.
fn limit(checkpoint: &Path) -> (f64, u64) {
    let limit = &json(&checkpoint.join("config.json"))["length_limit"];
    (limit["ratio"].as_f64().unwrap(), limit["offset"].as_u64().unwrap())
}

fn train(recipe: &Path, out: &Path, options: &str) -> Ran {
    targum(arguments(&format!("train {{}} --out {{}} {options}"), &[recipe, out])).good()
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    write(place.path(), "train", &pairs(300, 3..9, 1));
    write(place.path(), "test", &pairs(20, 4..8, 2));
    let recipe = recipe(place.path());
    (place, recipe)
}

#[test]
fn what_is_written_letter_by_letter_is_learned_to_its_end() {
    let (place, recipe) = folder();
    let out = place.path().join("run");
    train(&recipe, &out, "--set training.updates=160 --set training.validate_every=160");
    let test = json(&out.join("test.json"));
    assert_eq!(test["cut_lines"], 0, "{test}");
    assert!(test["bleu"]["value"].as_f64().unwrap() > 80.0, "{test}");
    // With the limit that there used to be, half of each translation is missing, and it is said of how many.
    let words = "translate --model {} {} --maximum-length-ratio 2 --maximum-length-offset 10";
    let cut = targum(arguments(words, &[&out, &place.path().join("test.en")])).good();
    assert!(
        cut.stderr.contains(" of 20 translations, or what would have been better") && cut.stderr.contains("(lines "),
        "{}",
        cut.stderr
    );
}

#[test]
fn the_limit_is_learned_kept_widened_and_overruled() {
    let (place, recipe) = folder();
    let (out, inside) = (place.path().join("run"), |name: &str| place.path().join(name));
    let told = train(&recipe, &out, "").stderr;
    let (ratio, offset) = limit(&out.join("best"));
    assert!((3.0..7.0).contains(&ratio) && offset >= 10, "{ratio} {offset}");
    assert!(told.contains(&format!("translations have at most {ratio:?} × source pieces + {offset} pieces")), "{told}");
    assert!(!fs::read_to_string(out.join("recipe.toml")).unwrap().contains("maximum_length_"), "nobody set it");

    // A model that never ends: in validation, test and translation it is said how often that was cut.
    let endless = inside("endless");
    super::support::copy(&out.join("best"), &endless);
    make_it_say(&endless, 5);
    let five = with_input(arguments("translate --model {} --format jsonl", &[&endless]), "the cat sees the dog\n").good();
    let of_five = (ratio * 5.0) as usize + offset as usize;
    assert_eq!(five.json_lines()[0]["hypotheses"][0]["pieces"].as_array().unwrap().len(), of_five);
    let several = with_input(arguments("translate --model {}", &[&endless]), "the cat\n".repeat(7) + "\n").good();
    assert!(
        several.stderr.contains("the length limit cut off 7 of 8 translations")
            && several.stderr.contains("(lines 1, 2, 3, 4, 5, …)"),
        "{}",
        several.stderr
    );
    let cut = inside("cut");
    let told = train(
        &recipe,
        &cut,
        "--init INIT --set training.optimizer.adam.learning_rate=1e-9".replace("INIT", endless.to_str().unwrap()).as_str(),
    );
    assert!(
        told.stderr.contains(", cut_lines 20")
            && told.stderr.contains("the length limit cut off 20 of 20 translations of the test set"),
        "{}",
        told.stderr
    );
    let log = fs::read_to_string(cut.join("log.jsonl")).unwrap();
    let validation = log.lines().find(|line| line.contains("\"kind\":\"validation\"")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(validation).unwrap()["cut_lines"], 20);
    assert_eq!(json(&cut.join("test.json"))["cut_lines"], 20);

    // What the user says counts, each key for itself.
    let own = inside("own");
    train(&recipe, &own, "--set search.maximum_length_ratio=1.0 --set search.maximum_length_offset=3");
    make_it_say(&own.join("best"), 5);
    let pieces = |options: &str| {
        let words = format!("translate --model {{}} --format jsonl {options}");
        let found = with_input(arguments(&words, &[&own]), "the cat\n").good();
        found.json_lines()[0]["hypotheses"][0]["pieces"].as_array().unwrap().len()
    };
    assert_eq!((pieces(""), pieces("--maximum-length-offset 7"), pieces("--maximum-length 4")), (5, 9, 4));
    assert_eq!(pieces("--minimum-length 20"), 21, "and the end, had it come");

    // Other data: as wide as what the model came from; going on and averaging keep that.
    write(place.path(), "short", &(0..20).map(|_| ("the cat".to_owned(), "l".to_owned())).collect::<Vec<_>>());
    let short = place.path().join("short").display().to_string();
    let tuned = inside("tuned");
    train(&recipe, &tuned, &format!("--init {} --set data.train={short}", out.display()));
    assert_eq!(limit(&tuned.join("best")), (ratio, offset));
    targum(arguments("train {} --resume --set init=gone --set training.updates=2", &[&tuned])).good();
    assert_eq!(limit(&tuned.join("last")), (ratio, offset));
    let plain = inside("plain");
    train(&recipe, &plain, &format!("--set data.train={short}"));
    assert_eq!(limit(&plain.join("best")), (2.0, 10));
    let mean = inside("mean");
    targum(arguments("average {} {} --out {}", &[&tuned.join("last"), &tuned, &mean])).good();
    assert_eq!(limit(&mean), (ratio, offset));
}
