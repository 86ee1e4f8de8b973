//! Corpora that are broken, each named with its path and line before anything starts.

use std::fs;
use std::path::Path;

use super::support::{Ran, arguments, shared, targum};

/// Two lines that go together.
const EN: &[u8] = b"they sing\nthe horse sleeps\n";
const FR: &[u8] = b"elles chantent\nle cheval dort\n";

/// A broken corpus and what is to be said of it.
struct Broken {
    name: &'static str,
    source: &'static [u8],
    target: &'static [u8],
    said: &'static [&'static str],
}

fn broken() -> [Broken; 6] {
    let corpus = |name, source, target, said| Broken { name, source, target, said };
    [
        corpus(
            "longer",
            b"they sing\nthe horse sleeps\nwhy ?\n",
            FR,
            &["longer.en has 3 lines and ", "longer.fr has 2", "line 3 of"],
        ),
        corpus("shorter", b"they sing\n", FR, &["shorter.fr has 2 lines and ", "shorter.en has 1", "line 2 of"]),
        corpus("latin", EN, b"elles chantent\nl'\xe9l\xe8ve dort\n", &["latin.fr:2: invalid UTF-8 at byte 2", "0xE9"]),
        corpus("empty", b"", b"", &["empty.en and ", "empty.fr: no lines, expected at least one sentence pair"]),
        corpus("half", EN, b"", &["half.en has 2 lines and ", "half.fr has 0"]),
        corpus("squeezed", b"\x1f\x8b\x08\x00cut", FR, &["squeezed.en:1: the compressed file"]),
    ]
}

fn write(folder: &Path) {
    for Broken { name, source, target, .. } in broken() {
        fs::write(folder.join(format!("{name}.en")), source).unwrap();
        fs::write(folder.join(format!("{name}.fr")), target).unwrap();
    }
}

#[test]
fn broken_corpora_are_named_before_training_starts() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    write(folder);
    fs::write(folder.join("no.tsv"), "they sing\telles chantent\nthe horse sleeps le cheval dort\n").unwrap();
    fs::write(folder.join("two.tsv"), "they sing\telles\tchantent\n").unwrap();
    fs::write(folder.join("good.en"), EN).unwrap();
    fs::write(folder.join("good.fr"), FR).unwrap();
    fs::write(folder.join("good.gold"), "0-0 1-1\n0-0 1:1\n").unwrap();
    let train = |corpus: &str, setting: &str, parts: &[&str]| {
        let out = folder.join("run");
        let words = format!("train {{}} --out {{}} --set data.{corpus}={setting}");
        let ran = targum(arguments(&words, &[&shared().recipe(), &out])).failed(1, parts);
        assert!(!ran.stderr.contains("parameters;") && !out.join("log.jsonl").exists(), "training started:\n{}", ran.stderr);
    };
    let at = |name: &str| format!("{:?}", folder.join(name));
    // One kind each for validation and test, which are read in the same way; the training text is read in another.
    for (number, Broken { name, said, .. }) in broken().into_iter().enumerate() {
        train("train", &at(name), said);
        train(["validation", "test"][number % 2], &at(name), said);
    }
    train("train", &at("missing"), &["data.train: no file", "missing.en", "missing.fr"]);
    train(
        "train",
        &format!("{{tsv={}}}", at("no.tsv")),
        &["no.tsv:2: expected source and target divided by one tab, found 0 tabs"],
    );
    train(
        "test",
        &format!("{{tsv={}}}", at("two.tsv")),
        &["two.tsv:1: expected source and target divided by one tab, found 2 tabs"],
    );
    train("test", &at("good"), &["good.gold:2", "\"1:1\" is no gold link"]);
}

#[test]
fn all_missing_files_are_named_at_once() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    let words = "train {} --out {} --set data.train=here --set data.validation={tsv=\"there\"} --set data.test={prefix=\"up\",gold=\"down\"}";
    let parts = [
        "tiny.toml: 6 problems",
        "no file here.en",
        "no file here.fr",
        "no file there",
        "no file up.en",
        "no file up.fr",
        "no file down",
    ];
    targum(arguments(words, &[&shared().recipe(), &out])).failed(1, &parts);
    assert!(!out.exists());
}

#[test]
fn text_that_nothing_can_be_learned_from_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    fs::write(place.path().join("blank.en"), "\n  \n").unwrap();
    fs::write(place.path().join("blank.fr"), "\nquoi ?\n").unwrap();
    let words = format!("train {{}} --out {{}} --set data.train={:?}", place.path().join("blank"));
    let parts = ["blank.en and ", "blank.fr: no pair is left to train on (kept 0 of 2 pairs: 2 with an empty side)"];
    targum(arguments(&words, &[&shared().recipe(), &out])).failed(1, &parts);
    assert!(!out.join("log.jsonl").exists());
}

#[test]
fn data_check_and_align_name_the_same() {
    let place = tempfile::tempdir().unwrap();
    write(place.path());
    for Broken { name, said, .. } in broken() {
        let files = [&*place.path().join(format!("{name}.en")), &*place.path().join(format!("{name}.fr"))];
        targum(arguments("data check --source {} --target {}", &files)).failed(1, said);
        targum(arguments("align --model {} --source {} --target {}", &[&shared().run(), files[0], files[1]])).failed(1, said);
    }
    let good: Ran =
        targum(arguments("data check --source {} --target {}", &[&shared().corpus("test.en"), &shared().corpus("test.fr")]))
            .good();
    assert!(good.stdout.starts_with("20 pairs\n"), "{}", good.stdout);
}

#[test]
fn translate_names_files_that_cannot_be_read() {
    let place = tempfile::tempdir().unwrap();
    let model = shared().run();
    let path = place.path().join("latin.en");
    fs::write(&path, b"fine\nnot fine: \xff\n").unwrap();
    // The line before the broken one is translated all the same.
    let cut = targum(arguments("translate --model {} {}", &[&model, &path]));
    assert_eq!((cut.code, cut.lines().len()), (Some(1), 1), "{}", cut.stderr);
    assert!(cut.stderr.contains("latin.en:2: invalid UTF-8") && cut.stderr.contains("0xFF"), "{}", cut.stderr);
    let none = place.path().join("none.en");
    targum(arguments("translate --model {} {}", &[&model, &none])).failed(1, &["none.en: cannot open this file"]);
    // Nothing is translated when a later file is missing.
    let fine = shared().corpus("test.en");
    targum(arguments("translate --model {} {} {}", &[&model, &fine, &none])).failed(1, &["none.en: cannot open this file"]);
    targum(arguments("translate --model {} {}", &[&model, place.path()])).failed(1, &["is a folder, expected a file"]);
    let dictionary = place.path().join("words.tsv");
    fs::write(&dictionary, "horse\tcheval\nsleeps dort\n").unwrap();
    let words = "translate --model {} --replace-unknown {}";
    targum(arguments(words, &[&model, &dictionary]))
        .failed(1, &["words.tsv:2: expected a dictionary line of source, tab, target"]);
}
