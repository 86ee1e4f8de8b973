//! `targum align`, and `targum evaluate` on what it prints.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use targum::alignment::{AlignmentRecord, Links};

use super::support::{Ran, arguments, shared, targum};

const SOURCE: &str = "The horse sleeps.\n\nThey <sing> & dance .\nWhy ?\n";
const TARGET: &str = "Le cheval dort.\n\nElles chantent et dansent .\n\n";

fn align(model: &Path, options: &str) -> Ran {
    let place = tempfile::tempdir().unwrap();
    let [source, target] = ["source", "target"].map(|name| place.path().join(name));
    fs::write(&source, SOURCE).unwrap();
    fs::write(&target, TARGET).unwrap();
    targum(arguments(&format!("align --model {{}} --source {{}} --target {{}} {options}"), &[model, &source, &target])).good()
}

fn links(ran: &Ran) -> Vec<Links> {
    ran.lines().into_iter().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn pharaoh_and_json_lines_say_the_same() {
    for model in [shared().run(), shared().words()] {
        let pharaoh = align(&model, "");
        let json = align(&model, "--format jsonl");
        assert_eq!(pharaoh.lines().len(), 4);
        assert_eq!(json.lines().len(), 4);
        let lines = SOURCE.lines().zip(TARGET.lines()).zip(pharaoh.lines()).zip(json.lines());
        for (((source, target), pharaoh), json) in lines {
            let record = AlignmentRecord::from_line(json).unwrap();
            assert_eq!((record.source.as_str(), record.target.as_str()), (source, target));
            assert_eq!(record.source_words, source.split_whitespace().collect::<Vec<_>>());
            assert_eq!(record.target_words, target.split_whitespace().collect::<Vec<_>>());
            assert_eq!(record.links.to_string(), pharaoh);
            let blank = source.is_empty() || target.is_empty();
            assert_eq!(pharaoh.is_empty(), blank, "{source:?} {target:?}: {pharaoh}");
            let score = record.score.unwrap();
            assert!(if blank { score == 0.0 && score.is_sign_positive() } else { score < 0.0 }, "{json}");
        }
    }
}

#[test]
fn scores_and_links_do_not_depend_on_the_batch() {
    let (model, together) = (shared().run(), align(&shared().run(), "--format jsonl").json_lines());
    let apart = align(&model, "--format jsonl --batch-tokens 1").json_lines();
    for (one, other) in together.iter().zip(&apart) {
        assert_eq!(one["links"], other["links"]);
        assert!((one["score"].as_f64().unwrap() - other["score"].as_f64().unwrap()).abs() < 1e-3, "{one} {other}");
    }
}

#[test]
fn two_directions_are_joined_as_asked() {
    let model = shared().run();
    let joined = |how: &str| {
        let words = format!("--reverse-model {} --symmetrisation {how}", model.display());
        links(&align(&model, &words))
    };
    let (forward, intersection, union) = (links(&align(&model, "")), joined("intersection"), joined("union"));
    let within = |inner: &Links, outer: &Links| inner.as_slice().iter().all(|link| outer.as_slice().contains(link));
    for how in ["grow-diag", "grow-diag-final", "grow-diag-final-and"] {
        for (line, found) in joined(how).iter().enumerate() {
            assert!(within(&intersection[line], found) && within(found, &union[line]), "{how}: {found}");
        }
    }
    for line in 0..4 {
        assert!(within(&intersection[line], &forward[line]) && within(&forward[line], &union[line]));
    }
    let default = links(&align(&model, &format!("--reverse-model {}", model.display())));
    assert_eq!(default, joined("grow-diag-final-and"));
    let said = align(&model, &format!("--reverse-model {}", model.display())).stderr;
    assert!(said.contains("--reverse-model translates en to fr as --model does"), "{said}");
    let (source, target) = (shared().corpus("test.en"), shared().corpus("test.fr"));
    let words = "align --model {} --source {} --target {} --reverse-model {} --symmetrisation both";
    targum(arguments(words, &[&model, &source, &target, &model])).failed(1, &["both", "grow-diag-final-and"]);
}

#[test]
fn every_layer_and_head_is_given_when_asked_for() {
    let [transformer, luong] =
        ["transformer", "luong"].map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoints").join(name));
    let place = tempfile::tempdir().unwrap();
    let [source, target, pictures] = ["source.en", "target.fr", "pictures"].map(|name| place.path().join(name));
    fs::write(&source, "The old horse sleeps.\n\n").unwrap();
    let translate = |model: &Path, more: &str| {
        targum(arguments(&format!("translate --model {{}} --format jsonl --all-attention {more} {{}}"), &[model, &source])).good()
    };
    let translated = translate(&transformer, "--beam 3 --n-best 2 --maximum-length 8").json_lines();
    assert!(translated[1]["hypotheses"][0]["attention"].is_null(), "a blank line has nothing to attend to");
    let rows = |layers: &Value| -> Vec<Vec<f64>> {
        let heads = layers.as_array().unwrap().iter().flat_map(|heads| heads.as_array().unwrap());
        heads.flat_map(|rows| serde_json::from_value::<Vec<Vec<f64>>>(rows.clone()).unwrap()).collect()
    };
    for hypothesis in translated[0]["hypotheses"].as_array().unwrap() {
        let attention = &hypothesis["attention"];
        let [source, inputs, target] =
            ["source_pieces", "decoder_inputs", "target_pieces"].map(|key| attention[key].as_array().unwrap().clone());
        assert_eq!((source.last().unwrap(), &inputs[0], target.last().unwrap()), (&json!("</s>"), &json!("<s>"), &json!("</s>")));
        assert_eq!(target[..target.len() - 1], inputs[1..]);
        assert_eq!(target[..target.len() - 1], *hypothesis["pieces"].as_array().unwrap());
        for (kind, height, width) in [
            ("encoder", source.len(), source.len()),
            ("decoder", target.len(), inputs.len()),
            ("cross", target.len(), source.len()),
        ] {
            let rows = rows(&attention[kind]);
            assert!(rows.len() > height && rows.len() % height == 0, "{kind}: {} rows are not of several heads", rows.len());
            for (place, row) in rows.iter().enumerate() {
                assert_eq!(row.len(), width, "{kind}");
                assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-3, "{kind}: {row:?}");
                let seen = if kind == "decoder" { place % height + 1 } else { width };
                assert!(row[seen..].iter().all(|&weight| weight == 0.0), "{kind}: attends to what is not yet there: {row:?}");
            }
        }
    }
    // By force there is the same of the same translation; of a recurrent model there is its cross-attention, which the words' weights are made of.
    let best = translated[0]["hypotheses"][0]["text"].as_str().unwrap();
    fs::write(&target, format!("{best}\n\n")).unwrap();
    let align = "align --model {} --source {} --target {} --format jsonl --all-attention --heatmaps {}";
    let aligned = targum(arguments(align, &[&transformer, &source, &target, &pictures])).good().json_lines();
    assert_eq!(aligned[0]["attention"]["target_pieces"], translated[0]["hypotheses"][0]["attention"]["target_pieces"]);
    assert!(aligned[1]["attention"].is_null());
    for name in ["line-1.svg", "line-1-encoder.svg", "line-1-decoder.png", "line-1-cross.svg"] {
        assert!(pictures.join(name).exists(), "{name}");
    }
    let grid = fs::read_to_string(pictures.join("line-1-encoder.svg")).unwrap();
    assert!(grid.contains("layer 0, head 0") && grid.contains("layer 1, head 1"), "panels say what they show");
    let one = fs::read_to_string(pictures.join("line-1.svg")).unwrap();
    assert!(one.contains("layer") && one.contains("head"), "a picture says which layer and head it shows");
    let recurrent = &translate(&luong, "--maximum-length 8").json_lines()[0]["hypotheses"][0]["attention"];
    assert!(recurrent["encoder"].is_null() && recurrent["decoder"].is_null() && rows(&recurrent["cross"]).len() > 1);
    for command in
        ["translate --model {} --all-attention {}", "translate --model {} --all-attention --split-sentences --format jsonl {}"]
    {
        targum(arguments(command, &[&transformer, &source]))
            .failed(if command.contains("split") { 2 } else { 1 }, &["--all-attention"]);
    }
}

#[test]
fn pictures_are_drawn_in_files_and_on_the_terminal() {
    let place = tempfile::tempdir().unwrap();
    let pictures = place.path().join("pictures");
    let out = align(&shared().run(), &format!("--format terminal --heatmaps {}", pictures.display()));
    let blocks = "·░▒▓█";
    for word in ["Le", "cheval", "dort.", "Elles", "chantent"] {
        let row = out
            .lines()
            .into_iter()
            .find(|line| line.trim_start().starts_with(&format!("{word} ")) && line.contains(|c| blocks.contains(c)));
        assert!(row.is_some(), "no row for {word} in\n{}", out.stdout);
    }
    assert!(!out.stdout.contains('\u{1b}'), "no colours where no terminal is");
    let mut names: Vec<_> =
        fs::read_dir(&pictures).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, [".targum-heatmaps", "line-1.png", "line-1.svg", "line-3.png", "line-3.svg"]);
    let svg = fs::read_to_string(pictures.join("line-3.svg")).unwrap();
    let svg = roxmltree::Document::parse(&svg).unwrap();
    let texts: Vec<_> = svg.descendants().filter(|node| node.has_tag_name("text")).filter_map(|node| node.text()).collect();
    assert!(["They", "<sing>", "&", "Elles", "dansent"].iter().all(|word| texts.contains(word)), "{texts:?}");
}

#[test]
fn what_it_prints_is_scored_against_gold() {
    let place = tempfile::tempdir().unwrap();
    let predicted = place.path().join("predicted");
    let (source, target, gold) = (shared().corpus("test.en"), shared().corpus("test.fr"), shared().corpus("test.gold"));
    let out = targum(arguments("align --model {} --source {} --target {}", &[&shared().run(), &source, &target])).good();
    fs::write(&predicted, &out.stdout).unwrap();
    let words = "evaluate --alignment {} --gold {} --gold-base 0";
    let scored = targum(arguments(words, &[&predicted, &gold])).good().stdout;
    // The same number as that of the training's own evaluation.
    let of_training = shared().trained.stdout.lines().find_map(|line| line.strip_prefix("AER = ")).unwrap();
    assert!(scored.starts_with(&format!("AER = {of_training} precision = ")), "{scored} against {of_training}");
    assert!(scored.contains("sentence pairs = 20"), "{scored}");
    // The sure links are perfect.
    let sure = fs::read_to_string(&gold).unwrap();
    let sure: String =
        sure.lines().map(|line| line.split(' ').filter(|link| link.contains('-')).collect::<Vec<_>>().join(" ") + "\n").collect();
    fs::write(&predicted, sure).unwrap();
    let perfect = targum(arguments(words, &[&predicted, &gold])).good().stdout;
    assert!(perfect.starts_with("AER = 0.0000 precision = 1.0000 recall = 1.0000"), "{perfect}");
    fs::write(&predicted, "0-0\n").unwrap();
    targum(arguments(words, &[&predicted, &gold])).failed(1, &["predicted has 1 lines, but", "test.gold has 20"]);
}

#[test]
fn translations_of_the_test_set_score_as_training_said() {
    let place = tempfile::tempdir().unwrap();
    let hypotheses = place.path().join("hypotheses");
    let run = shared().run();
    let out = targum(arguments("translate --model {} {}", &[&run, &shared().corpus("test.en")])).good();
    assert_eq!(out.stdout, fs::read_to_string(run.join("test.fr")).unwrap());
    fs::write(&hypotheses, &out.stdout).unwrap();
    let words = "evaluate --reference {} --hypothesis {} --metrics bleu,chrf";
    let scored = targum(arguments(words, &[&shared().corpus("test.fr"), &hypotheses])).good().stdout;
    let of_training: Vec<&str> = shared().trained.stdout.lines().take(2).collect();
    assert_eq!(scored.lines().collect::<Vec<_>>(), of_training);
}
