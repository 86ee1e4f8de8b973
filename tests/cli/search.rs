//! How `targum translate` searches: prefixes, glossaries, samples, groups, ensembles; and what it refuses.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::support::{Ran, arguments, copy, make_it_say, shared, targum, with_input};

fn translate(model: &Path, options: &str, paths: &[&Path], input: &str) -> Ran {
    let paths: Vec<&Path> = [model].into_iter().chain(paths.iter().copied()).collect();
    with_input(arguments(&format!("translate --model {{}} {options}"), &paths), input)
}

fn sentences() -> String {
    let text = fs::read_to_string(shared().corpus("test.en")).unwrap();
    text.lines().take(6).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_prefix_starts_every_translation_that_says_something() {
    let input = format!("{}\n", sentences());
    for model in [shared().run(), shared().words()] {
        for options in ["--prefix les", "--prefix les --beam 1", "--prefix les --sample --n-best 1"] {
            let out = translate(&model, &format!("{options} --maximum-length 12"), &[], &input).good();
            let (last, others) = out.lines().split_last().map(|(last, others)| (last.to_string(), others.to_vec())).unwrap();
            assert!(others.iter().all(|line| line.starts_with("les")), "{options}: {others:?}");
            assert_eq!(last, "", "a blank line stays blank");
        }
    }
}

#[test]
fn prefixes_that_cannot_be_are_refused_by_name() {
    let prefix = "--prefix le-chat-noir-mange-les-pommes-rouges --maximum-length 3";
    translate(&shared().run(), prefix, &[], "\nThey sing.\n").failed(
        1,
        &["the prefix \"le-chat-noir-mange-les-pommes-rouges\" has ", "\"They sing.\" has at most 3", "--maximum-length"],
    );
    translate(&shared().words(), "--prefix 漢字", &[], "They sing.\n")
        .failed(1, &["the prefix \"漢字\" cannot be produced", "lacks \"漢字\""]);
}

#[test]
fn a_beam_larger_than_the_vocabulary_finds_no_less() {
    let model = shared().run();
    let vocabulary = fs::read_to_string(model.join("last").join("config.json")).unwrap();
    assert!(vocabulary.contains("\"target_vocabulary\": 400"), "{vocabulary}");
    let wide = translate(&model, "--beam 500 --n-best 500 --maximum-length 2 --format jsonl", &[], "They sing.\n").good();
    let hypotheses = wide.json_lines().remove(0)["hypotheses"].as_array().unwrap().clone();
    let distinct: BTreeSet<String> = hypotheses.iter().map(|hypothesis| hypothesis["pieces"].to_string()).collect();
    assert!(hypotheses.len() == 500 && distinct.len() >= 499, "{} {}", hypotheses.len(), distinct.len());
    translate(&model, "--beam 1001", &[], "").failed(1, &["--beam is 1001, expected 1 to 1,000"]);
}

#[test]
fn glossaries_are_kept_to_where_the_source_has_the_phrase() {
    let place = tempfile::tempdir().unwrap();
    let glossary = place.path().join("glossary.tsv");
    fs::write(&glossary, "the horse\tle grand cheval\nsing\tchantent fort\n\nThey\tElles\n").unwrap();
    let input = "They sing.\nthe  horse sleeps\nThe horsefly sleeps.\n\n";
    for options in ["", "--beam 1", "--beam 6 --diversity-groups 2", "--early-stopping never --alignment"] {
        let options = format!("--glossary {{}} {options} --maximum-length 25 --format jsonl");
        let out = translate(&shared().run(), &options, &[&glossary], input).good();
        let texts: Vec<String> =
            out.json_lines().iter().map(|line| line["hypotheses"][0]["text"].as_str().unwrap().to_owned()).collect();
        let whole = |text: &str, phrase: &str| {
            text.match_indices(phrase).any(|(at, _)| !text[at + phrase.len()..].starts_with(char::is_alphanumeric))
        };
        assert!(whole(&texts[0], "chantent fort") && whole(&texts[0], "Elles"), "{options}: {texts:?}");
        assert!(whole(&texts[1], "le grand cheval"), "{options}: {texts:?}");
        assert!(!texts[2].contains("le grand cheval") && texts[3].is_empty(), "{options}: {texts:?}");
        let told = out.stderr.lines().filter(|line| !line.starts_with("the length limit cut off"));
        assert_eq!(told.count(), 1, "{}", out.stderr);
    }
}

#[test]
fn glossaries_that_cannot_be_kept_to_are_told_by_name() {
    let place = tempfile::tempdir().unwrap();
    let [glossary, unknown, tabs] = ["glossary.tsv", "unknown.tsv", "tabs.tsv"].map(|name| place.path().join(name));
    fs::write(&glossary, "horse\tle cheval\n\nhorse\tla maison\n").unwrap();
    let twice = ["glossary.tsv:3: \"horse\" has a translation already, \"le cheval\""];
    translate(&shared().run(), "--glossary {}", &[&glossary], "They sing.\n").failed(1, &twice);
    let room = ["--maximum-length 5 leaves no room for an end after the minimum length 5"];
    translate(&shared().run(), "--minimum-length 5 --maximum-length 5", &[], "They sing.\n").failed(1, &room);
    fs::write(&glossary, "horse\tle grand cheval de la maison rouge\n").unwrap();
    fs::write(&unknown, "a\tle\nhorse\tun 漢字\n").unwrap();
    fs::write(&tabs, "a\tle\nhorse cheval\n").unwrap();
    // Too long a phrase for one sentence is no reason to stop: it is told, and the others are translated.
    let out =
        translate(&shared().run(), "--glossary {} --maximum-length 3", &[&glossary], "They sing.\nThe horse sleeps.\n").good();
    assert_eq!(out.lines().len(), 2);
    assert!(out.stderr.contains("line 2: \"le grand cheval de la maison rouge\" of the glossary did not fit"), "{}", out.stderr);
    let words = |options: &str, path: &Path| translate(&shared().words(), options, &[path], "They sing.\n");
    words("--glossary {}", &unknown).failed(1, &["unknown.tsv:2", "\"un 漢字\" cannot be asked for", "lacks \"漢字\""]);
    words("--glossary {}", &tabs).failed(1, &["tabs.tsv:2: expected source phrase, tab, target phrase, found 0 tabs"]);
    words("--glossary {} --sample", &glossary).failed(1, &["--glossary needs a search"]);
    translate(&shared().run(), "--glossary {} --suppress cheval", &[&glossary], "").failed(1, &["glossary.tsv:1", "suppressed"]);
}

#[test]
fn samples_are_a_matter_of_the_seed_and_of_nothing_else() {
    let (model, input) = (shared().run(), sentences());
    let options = "--sample --n-best 3 --maximum-length 15";
    let drawn = |options: &str, input: &str| translate(&model, options, &[], input).good().stdout;
    let all = drawn(options, &input);
    assert_eq!(all, drawn(&format!("{options} --batch-tokens 1"), &input));
    let third: String = drawn(options, input.lines().nth(2).unwrap());
    assert_eq!(all.lines().skip(6).take(3).collect::<Vec<_>>(), third.lines().collect::<Vec<_>>());
    assert_ne!(all, drawn(&format!("{options} --seed 2"), &input));
    let greedy = drawn("--beam 1 --maximum-length 15", &input);
    assert_eq!(drawn("--sample --top-k 1 --maximum-length 15", &input), greedy);
    // Samples show what they looked at like everything else.
    let aligned = translate(&model, &format!("{options} --alignment --format jsonl"), &[], &input).good().json_lines();
    assert!(aligned[0]["hypotheses"][2]["alignment"]["weights"][0][0].is_number());
}

#[test]
fn suppressed_words_do_not_come() {
    let place = tempfile::tempdir().unwrap();
    let tokenizer: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(shared().run().join("tokenizer.json")).unwrap()).unwrap();
    let model = place.path().join("says");
    copy(&shared().run().join("last"), &model);
    let pieces = tokenizer["model"]["vocab"].as_object().unwrap();
    let word_of = |piece: &str| piece.strip_prefix('▁').filter(|word| word.chars().all(char::is_alphabetic)).map(str::to_owned);
    let (id, word) =
        pieces.iter().filter_map(|(piece, id)| Some((id, word_of(piece)?))).max_by_key(|(_, word)| word.len()).unwrap();
    make_it_say(&model, id.as_i64().unwrap());
    let input = "They sing.\nThe horse sleeps.\n";
    let says = |options: &str| translate(&model, &format!("--maximum-length 5 {options}"), &[], input).good().stdout;
    let thrice = format!("{word} {word} {word}");
    assert!(says("").contains(&thrice), "{word}");
    for options in ["--suppress WORD", "--suppress-pieces ▁WORD", "--suppress nothing --suppress WORD"] {
        assert!(!says(&options.replace("WORD", &word)).contains(&word), "{options}: {word}");
    }
    assert!(!says("--no-repeat-ngram 2").contains(&thrice));
    assert_eq!(says("--no-repeat-ngram 1").lines().map(|line| line.matches(&word).count()).max(), Some(1));
    translate(&model, "--suppress-pieces ▁xyz", &[], input).failed(1, &["--suppress-pieces ▁xyz", "no such piece"]);
}

#[test]
fn ensembles_share_a_vocabulary() {
    let (run, words) = (shared().run(), shared().words());
    let [one, other] = ["step-00000003", "step-00000006"].map(|step| run.join(step));
    let input = sentences();
    let json = |paths: &[&Path]| {
        let options = "--model {} ".repeat(paths.len());
        with_input(arguments(&format!("translate {options} --format jsonl --alignment"), paths), input.as_str())
            .good()
            .json_lines()
    };
    let score = |lines: &[serde_json::Value]| -> Vec<f64> {
        lines.iter().map(|line| line["hypotheses"][0]["score"].as_f64().unwrap()).collect()
    };
    let [alone, twice, both] = [json(&[&one]), json(&[&one, &one]), json(&[&one, &other])];
    assert!(score(&alone).iter().zip(score(&twice)).all(|(a, b)| (a - b).abs() < 1e-4));
    assert!(score(&alone).iter().zip(score(&both)).any(|(a, b)| (a - b).abs() > 1e-3));
    targum(arguments("translate --model {} --model {}", &[&run, &words]))
        .failed(1, &["run", "words", "different source vocabularies", "same tokenizers"]);
}

#[test]
fn settings_that_say_nothing_or_too_much_are_refused() {
    for (options, parts) in [
        ("--top-k 3", &["--top-k is for sampling: add --sample"][..]),
        ("--seed 3", &["--seed is for sampling"]),
        ("--sample --temperature 0", &["--temperature is 0, expected 0.001 to 1,000"]),
        ("--sample --top-p 1.5", &["--top-p is 1.5, expected 0 to 1"]),
        ("--diversity-penalty 2", &["add --diversity-groups"]),
        ("--diversity-groups 2", &["--diversity-groups is 2, expected a divisor of the beam, 3"]),
        ("--sample --diversity-groups 3", &["--sample samples are drawn one by one"]),
        ("--patience 0", &["--patience is 0, expected more than 0"]),
        ("--n-best 0", &["--n-best is 0, expected 1 to 1,000"]),
        ("--length-penalty 9", &["--length-penalty is 9, expected 0 to 5"]),
    ] {
        translate(&shared().run(), options, &[], "").failed(1, parts);
    }
    translate(&shared().run(), "--early-stopping soon", &[], "").failed(2, &["soon", "first", "heuristic", "never"]);
}
