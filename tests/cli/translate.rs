//! `targum translate`: as many lines out as in, whatever is in them, in every format.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use targum::alignment::AlignmentRecord;

use super::support::{Ran, arguments, command, copy, make_it_say, shared, targum, with_input};

fn translate(model: &Path, options: &str, input: &str) -> Ran {
    with_input(arguments(&format!("translate --model {{}} {options}"), &[model]), input).good()
}

fn sentences() -> String {
    fs::read_to_string(shared().corpus("test.en")).unwrap()
}

/// The record of a hypothesis' alignment, checked for links and weights that fit its words.
fn record(hypothesis: &Value) -> AlignmentRecord {
    AlignmentRecord::from_line(&hypothesis["alignment"].to_string()).unwrap()
}

#[test]
fn strange_lines_come_out_as_many_as_they_went_in() {
    let long = "the horse sleeps ".repeat(700).trim_end().rsplitn(101, ' ').last().unwrap().to_owned();
    assert_eq!(long.split(' ').count(), 2000);
    let lines = [
        "They sing.",
        "",
        " \t ",
        "\r",
        &long,
        "They\u{2028}sing.",
        "\u{2028}",
        "🐎 👩‍👩‍👧 😀",
        "nul \0 here",
        "\0",
        "They sing.\r",
        "a\u{301}\u{327} 漢字 مرحبا \u{feff}",
        "",
        "the end",
    ];
    let blank = |line: &str| line.trim().is_empty();
    for model in [shared().run(), shared().words()] {
        // The last line has no end.
        let out = translate(&model, "--maximum-length 12", &lines.join("\n"));
        assert_eq!(out.lines().len(), lines.len());
        for (line, out) in lines.iter().zip(out.lines()) {
            assert!(!blank(line) || out.is_empty(), "{line:?} became {out:?}");
        }
        assert_eq!(out.lines()[0], out.lines()[10], "the end of the line does not matter");
        let json = translate(&model, "--maximum-length 12 --format jsonl --alignment", &lines.join("\n")).json_lines();
        for (line, json) in lines.iter().zip(&json) {
            assert_eq!(json["source"], line.strip_suffix('\r').unwrap_or(line));
            let hypothesis = &json["hypotheses"][0];
            assert_eq!(record(hypothesis).source_words, line.split_whitespace().collect::<Vec<_>>());
            assert_eq!(hypothesis["pieces"].as_array().unwrap().is_empty() && blank(line), blank(line), "{hypothesis}");
        }
    }
    assert_eq!(translate(&shared().run(), "", "").stdout, "", "nothing in, nothing out");
}

#[test]
fn a_model_that_says_line_breaks_breaks_no_line() {
    let place = tempfile::tempdir().unwrap();
    let tokenizer = fs::read_to_string(shared().run().join("tokenizer.json")).unwrap();
    let tokenizer: Value = serde_json::from_str(&tokenizer).unwrap();
    for byte in ["<0x0A>", "<0x0D>", "<0x09>"] {
        let model = place.path().join(&byte[1..5]);
        copy(&shared().run().join("last"), &model);
        make_it_say(&model, tokenizer["model"]["vocab"][byte].as_i64().unwrap());
        let out = translate(&model, "--maximum-length 6", "They sing.\nThe horse sleeps.\n");
        assert!(!out.stdout.contains(['\r', '\t']) && out.lines().len() == 2, "{byte}: {:?}", out.stdout);
    }
}

#[test]
fn company_does_not_change_a_translation() {
    let (model, sentences) = (shared().run(), sentences());
    let together = translate(&model, "--format jsonl", &sentences).json_lines();
    let apart = translate(&model, "--format jsonl --batch-tokens 1", &sentences).json_lines();
    let alone = translate(&model, "--format jsonl", sentences.lines().nth(3).unwrap()).json_lines();
    let shared_out = translate(&model, "--format jsonl --batch-tokens 40 --workers 3", &sentences).json_lines();
    let pairs = together.iter().zip(&apart).chain(together.iter().zip(&shared_out)).chain([(&together[3], &alone[0])]);
    for (one, other) in pairs {
        let (one, other) = (&one["hypotheses"][0], &other["hypotheses"][0]);
        assert_eq!(one["text"], other["text"]);
        let difference = one["score"].as_f64().unwrap() - other["score"].as_f64().unwrap();
        assert!(difference.abs() < 1e-4, "{one} {other}");
    }
    assert_eq!((together.len(), shared_out.len()), (20, 20));
}

#[test]
fn files_follow_each_other_and_equal_standard_input() {
    let place = tempfile::tempdir().unwrap();
    let (model, sentences) = (shared().run(), sentences());
    let (first, second) = sentences.split_at(sentences.find('\n').unwrap() + 1);
    let [one, two] = ["one.en", "two.en"].map(|name| place.path().join(name));
    fs::write(&one, first).unwrap();
    fs::write(&two, second).unwrap();
    let of_files = targum(arguments("translate --model {} {} {}", &[&model, &one, &two])).good();
    assert_eq!(of_files.stdout, translate(&model, "", &sentences).stdout);
    assert_eq!(of_files.lines().len(), 20);
    // A run folder means its best checkpoint.
    let best = fs::canonicalize(model.join("best")).unwrap();
    assert_eq!(translate(&best, "", first).lines(), [of_files.lines()[0]]);
}

#[test]
fn the_best_of_n_is_the_translation() {
    let (model, sentences) = (shared().run(), sentences());
    let plain = translate(&model, "", &sentences);
    let text = translate(&model, "--n-best 3", &sentences);
    assert_eq!(text.lines().into_iter().step_by(3).collect::<Vec<_>>(), plain.lines());
    let json = translate(&model, "--n-best 3 --format jsonl", &sentences).json_lines();
    let mut flat = Vec::new();
    for line in &json {
        let hypotheses = line["hypotheses"].as_array().unwrap();
        let scores: Vec<f64> = hypotheses.iter().map(|hypothesis| hypothesis["score"].as_f64().unwrap()).collect();
        assert!(scores.len() == 3 && scores.is_sorted_by(|one, two| one >= two), "{scores:?}");
        for hypothesis in hypotheses {
            let [pieces, probabilities] = ["pieces", "log_probabilities"].map(|key| hypothesis[key].as_array().unwrap());
            assert_eq!(probabilities.len(), pieces.len() + usize::from(hypothesis["finished"].as_bool().unwrap()));
            assert!(probabilities.iter().all(|value| value.as_f64().unwrap() <= 0.0));
            flat.push(hypothesis["text"].as_str().unwrap());
        }
        let pieces: Vec<String> = hypotheses.iter().map(|hypothesis| hypothesis["pieces"].to_string()).collect();
        assert!(pieces[0] != pieces[1] && pieces[0] != pieces[2] && pieces[1] != pieces[2], "{pieces:?}");
    }
    assert_eq!(flat, text.lines());
    let greedy = translate(&model, "--beam 1 --format jsonl", &sentences).json_lines();
    assert!(greedy.iter().all(|line| line["hypotheses"].as_array().unwrap().len() == 1));
}

#[test]
fn alignments_fit_the_words() {
    let sentences = sentences();
    for model in [shared().run(), shared().words()] {
        let plain = translate(&model, "--maximum-length 9", &sentences);
        let text = translate(&model, "--maximum-length 9 --alignment", &sentences);
        let json = translate(&model, "--maximum-length 9 --alignment --format jsonl --layer 0 --head 0", &sentences).json_lines();
        for (((source, plain), text), json) in sentences.lines().zip(plain.lines()).zip(text.lines()).zip(&json) {
            let (translation, links) = text.split_once('\t').unwrap();
            assert_eq!(translation, plain);
            let record = record(&json["hypotheses"][0]);
            assert_eq!(record.links.to_string(), links, "one layer with one head is all there is");
            assert_eq!((record.source.as_str(), record.target.as_str()), (source, plain));
            assert_eq!(record.source_words, source.split_whitespace().collect::<Vec<_>>());
            assert_eq!(record.target_words, plain.split_whitespace().collect::<Vec<_>>());
            for row in record.weights.iter_rows() {
                let sum: f32 = row.iter().sum();
                assert!(sum > 0.0 && sum < 1.001 && row.iter().all(|weight| (0.0..=1.0).contains(weight)), "{row:?}");
            }
        }
        assert!(json[0]["hypotheses"][0]["text"].is_string() && json.len() == 20);
        let words = "translate --model {} --alignment --layer 7";
        with_input(arguments(words, &[&model]), "They sing.\n").failed(1, &["--layer 7: this model has 1, counted from 0"]);
    }
}

#[test]
fn pieces_are_shown_on_request() {
    let model = shared().run();
    let text = translate(&model, "", "They sing.\nThe horse sleeps.\n");
    let pieces = translate(&model, "--pieces", "They sing.\nThe horse sleeps.\n");
    for (text, pieces) in text.lines().iter().zip(pieces.lines()) {
        let joined = pieces.split(' ').collect::<String>().replace('▁', " ");
        assert_eq!(joined.strip_prefix(' ').unwrap_or(&joined), *text);
        assert!(pieces.split(' ').count() > 1);
    }
}

#[test]
fn heatmaps_are_drawn_for_each_line_that_says_something() {
    let place = tempfile::tempdir().unwrap();
    let [one, two, pictures] = ["one.en", "two.en", "new/pictures"].map(|name| place.path().join(name));
    fs::write(&one, "They sing.\n\n").unwrap();
    fs::write(&two, "The <horse> & 馬 sleeps.\n").unwrap();
    let words = "translate --model {} --heatmaps {} {} {} --maximum-length 5";
    let out = targum(arguments(words, &[&shared().run(), &pictures, &one, &two])).good();
    assert_eq!(out.lines().len(), 3);
    let mut names: Vec<_> =
        fs::read_dir(&pictures).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(
        names,
        [".targum-heatmaps", "line-1.png", "line-1.svg", "line-3.png", "line-3.svg"],
        "a blank line has no picture"
    );
    let svg = fs::read_to_string(pictures.join("line-3.svg")).unwrap();
    let svg = roxmltree::Document::parse(&svg).unwrap();
    let texts: Vec<_> = svg.descendants().filter(|node| node.has_tag_name("text")).filter_map(|node| node.text()).collect();
    for word in ["The", "<horse>", "&", "馬", "sleeps."] {
        assert!(texts.contains(&word), "{word} is not among {texts:?}");
    }
    let png = png::Decoder::new(BufReader::new(fs::File::open(pictures.join("line-3.png")).unwrap())).read_info().unwrap();
    assert!(png.info().width > 50 && png.info().height > 20);
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let mut child = command(arguments("translate --model {}", &[&shared().run()]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Lines are translated a thousand at a time; blank ones cost nothing.
    let blank = "\n".repeat(1000);
    stdin.write_all(blank.as_bytes()).unwrap();
    let mut first = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut first).unwrap();
    assert_eq!(first, "\n");
    drop(stdout);
    // The pipe is closed by now: this chunk cannot be printed.
    let written = stdin.write_all(blank.as_bytes());
    drop(stdin);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
    assert!(written.is_ok());
    assert_eq!(stderr.lines().collect::<Vec<_>>(), ["device Cpu (asked for)"], "not a word about it");
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let model = shared().run();
    for (options, parts) in [
        ("--n-best 4", &["--n-best 4 needs a beam as wide: --beam 4 or more, found 3"][..]),
        ("--beam 0", &["--beam is 0, expected 1 to 1,000"]),
        ("--minimum-length 5 --maximum-length 4", &["--maximum-length 4 leaves no room for an end after the minimum length 5"]),
        ("--replace-unknown none.tsv", &["none.tsv: cannot open this file"]),
    ] {
        targum(arguments(&format!("translate --model {{}} {options}"), &[&model])).failed(1, parts);
    }
    let lengths = |options: &str| -> Vec<usize> {
        let json = translate(&model, &format!("--format jsonl {options}"), "They sing.\nThe horse sleeps.\n").json_lines();
        json.iter().map(|line| line["hypotheses"][0]["pieces"].as_array().unwrap().len()).collect()
    };
    assert!(lengths("--maximum-length 3").iter().all(|&length| length <= 3));
    assert!(lengths("--minimum-length 40 --maximum-length 41").iter().all(|length| (40..=41).contains(length)));
}
