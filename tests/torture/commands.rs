//! Hostile files and options for the commands themselves: a sample of what [`crate::readers`] reads, and all that needs a model.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::case::Case;
use crate::process::{Input, Launch};
use crate::report::copy_all;
use crate::setup::{newest, train, translate};
use crate::targets::{marian_copy, packed};
use crate::{formats, mutate};

type Prepare = fn(&mut Case) -> Vec<OsString>;

const COMMANDS: [Prepare; 14] =
    [recipe, training, corpus, text, text, glossary, dictionary, pairs, evaluate, gold, import, checkpoint, options, names];

pub fn case(case: &mut Case) {
    case.tried();
    let prepare = *case.chance.pick(&COMMANDS);
    let arguments = prepare(case);
    // Text takes time, whatever it says.
    let mut launch = Launch::new(&case.setup.program, &case.folder, arguments).seconds(60 + size(&case.folder) / 4096);
    if case.chance.one_in(10) {
        let bytes = hostile(case, "test.en");
        launch = launch.input(Input::Bytes(bytes));
    }
    let run = launch.run();
    case.judge(&run, &[0, 1, 2]);
}

/// Bytes of a folder's own files.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).filter(fs::Metadata::is_file).map(|file| file.len()).sum()
}

/// A file of the built-in corpus, changed and maybe packed.
fn hostile(case: &mut Case, name: &str) -> Vec<u8> {
    let bytes = fs::read(case.setup.corpus.join(name)).expect("the corpus");
    let other = fs::read(case.setup.corpus.join("test.gold")).expect("the corpus");
    packed(&mut case.chance, bytes, &other)
}

fn file(case: &mut Case, name: &str, bytes: Vec<u8>) -> PathBuf {
    let path = case.folder.join(name);
    fs::write(&path, bytes).expect("a file");
    path
}

fn model(case: &mut Case) -> PathBuf {
    let setup = case.setup;
    case.chance.pick(&setup.models).run.join("last")
}

fn words(words: &str, paths: &[&Path]) -> Vec<OsString> {
    let mut paths = paths.iter();
    words.split_whitespace().map(|word| if word == "{}" { paths.next().expect("a path").into() } else { word.into() }).collect()
}

fn recipe(case: &mut Case) -> Vec<OsString> {
    let setup = case.setup;
    let mut bytes = fs::read(&case.chance.pick(&setup.models).recipe).expect("a recipe");
    mutate::text(&mut case.chance, &mut bytes, b"[data]\n");
    let recipe = file(case, "recipe.toml", bytes);
    if case.chance.one_in(2) {
        return words("train {} --print-recipe", &[&recipe]);
    }
    // Whatever else it says, it ends soon.
    let out = case.folder.join("run");
    train(&recipe, &out, &["--set=training.updates=1", "--set=training.minutes=0.05"])
}

/// A small training on a hostile corpus.
fn training(case: &mut Case) -> Vec<OsString> {
    for name in ["train.en", "train.fr", "validation.en", "validation.fr"] {
        let sound = fs::read(case.setup.corpus.join(name)).expect("the corpus");
        let bytes = if case.chance.one_in(2) { hostile(case, name) } else { sound };
        file(case, name, bytes);
    }
    let setup = case.setup;
    let recipe = case.chance.pick(&setup.models).recipe.clone();
    let out = case.folder.join("run");
    let data = |key: &str, name: &str| format!("--set=data.{key}={:?}", case.folder.join(name).display().to_string());
    let (text, validation) = (data("train", "train"), data("validation", "validation"));
    let tokenizer = format!("--set=tokenizer.kind={}", case.chance.pick(&["bpe", "unigram", "word", "character"]));
    train(&recipe, &out, &[&text, &validation, &tokenizer, "--set=training.updates=1", "--set=training.validate_every=1"])
}

fn corpus(case: &mut Case) -> Vec<OsString> {
    let bomb = case.chance.one_in(15);
    let zstandard = case.chance.one_in(2);
    let bytes = if bomb { formats::bomb(zstandard) } else { hostile(case, "test.en") };
    let source = file(case, "source", bytes);
    let target = case.setup.corpus.join("test.fr");
    match case.chance.below(3) {
        0 if bomb => translate(&model(case), &[&source]),
        0 => words("data check --tsv {}", &[&source]),
        _ => words("data check --source {} --target {}", &[&source, &target]),
    }
}

fn text(case: &mut Case) -> Vec<OsString> {
    let bytes = hostile(case, "test.en");
    let source = file(case, "source", bytes);
    let mut arguments = translate(&model(case), &[&source]);
    let more = case.chance.pick(&[
        "",
        "--format=jsonl",
        "--alignment",
        "--split-sentences",
        "--pieces",
        "--format=jsonl --alignment --n-best=3",
    ]);
    arguments.extend(more.split_whitespace().map(Into::into));
    arguments
}

/// Lines of two words with a tab.
fn entries(case: &mut Case) -> Vec<u8> {
    let read = |name: &str| fs::read_to_string(case.setup.corpus.join(name)).expect("the corpus");
    let (english, french) = (read("test.en"), read("test.fr"));
    let pairs = english.split_whitespace().zip(french.split_whitespace()).take(30);
    let mut bytes: Vec<u8> = pairs.flat_map(|(one, two)| format!("{one}\t{two}\n").into_bytes()).collect();
    let other = hostile(case, "test.gold");
    mutate::text(&mut case.chance, &mut bytes, &other);
    bytes
}

fn glossary(case: &mut Case) -> Vec<OsString> {
    let bytes = entries(case);
    let path = file(case, "glossary", bytes);
    let lines = case.setup.lines.clone();
    translate(&model(case), &[&lines, "--glossary".as_ref(), &path])
}

fn dictionary(case: &mut Case) -> Vec<OsString> {
    let bytes = entries(case);
    let path = file(case, "dictionary", bytes);
    let lines = case.setup.lines.clone();
    translate(&model(case), &[&lines, "--replace-unknown".as_ref(), &path])
}

fn pairs(case: &mut Case) -> Vec<OsString> {
    let bytes = hostile(case, "test.en");
    let source = file(case, "source", bytes);
    let target = if case.chance.one_in(2) { case.setup.corpus.join("test.fr") } else { source.clone() };
    let command =
        case.chance.pick(&["score", "align", "align --format=jsonl", "align --format=terminal", "score --format=jsonl"]);
    words(
        &format!("{command} --model {{}} --source {{}} --target {{}} --threads 1 --device cpu"),
        &[&model(case), &source, &target],
    )
}

fn evaluate(case: &mut Case) -> Vec<OsString> {
    if case.chance.one_in(20) {
        // Edits of two very long lines.
        let count = 1 << (10 + case.chance.below(7));
        let line = |chance: &mut crate::chance::Chance| -> Vec<u8> {
            (0..count).flat_map(|_| format!("w{} ", chance.below(1000)).into_bytes()).chain([b'\n']).collect()
        };
        let (one, two) = (line(&mut case.chance), line(&mut case.chance));
        let (one, two) = (file(case, "one", one), file(case, "two", two));
        return words("evaluate --reference {} --hypothesis {}", &[&one, &two]);
    }
    let [one, two] = ["test.fr", "test.fr"].map(|name| hostile(case, name));
    let (one, two) = (file(case, "one", one), file(case, "two", two));
    let more = case.chance.pick(&[
        "",
        "--json",
        "--sentence-level",
        "--metrics=bleu,chrf++,ter",
        "--tokenize=intl",
        "--tokenize=zh",
        "--tokenize=char",
        "--smoothing=floor=1e308",
        "--paired-bootstrap=10",
    ]);
    words(&format!("evaluate --reference {{}} --hypothesis {{}} {more}"), &[&one, &two])
}

fn gold(case: &mut Case) -> Vec<OsString> {
    let [links, gold] = ["test.gold", "test.gold"].map(|name| hostile(case, name));
    let links: Vec<u8> = links.into_iter().map(|byte| if byte == b'p' { b'-' } else { byte }).collect();
    let (links, gold) = (file(case, "links", links), file(case, "gold", gold));
    let base = if case.chance.one_in(2) { "0" } else { "1" };
    words(&format!("evaluate --alignment {{}} --gold {{}} --gold-base {base}"), &[&links, &gold])
}

fn import(case: &mut Case) -> Vec<OsString> {
    let all: Vec<PathBuf> = ["old", "separate", "shared", "trained"]
        .map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/marian").join(name))
        .into();
    let base = case.chance.pick(&all).clone();
    let copy = case.folder.join("marian");
    marian_copy(&mut case.chance, &base, &all, &copy).expect("a copy");
    words("import {} --out {}", &[&copy, &case.folder.join("imported")])
}

fn checkpoint(case: &mut Case) -> Vec<OsString> {
    let setup = case.setup;
    let model = case.chance.pick(&setup.models);
    let copy = case.folder.join("model");
    copy_all(&model.run.join(newest(&model.run).expect("a checkpoint")), &copy).expect("a copy");
    let name = *case.chance.pick(&["config.json", "config.json", "tokenizer.json", "model.safetensors"]);
    let mut bytes = fs::read(copy.join(name)).expect("a file");
    let other = bytes.clone();
    match name {
        "model.safetensors" => formats::safetensors(&mut case.chance, &mut bytes, &other),
        _ => mutate::json_bytes(&mut case.chance, &mut bytes, &other),
    }
    fs::write(copy.join(name), bytes).expect("a file");
    formats::write_checksums(&copy);
    match case.chance.below(4) {
        0 => words("inspect {} --parameters", &[&copy]),
        1 => words("export --format huggingface --model {} --out {}", &[&copy, &case.folder.join("exported")]),
        2 => words("average {} {} --out {}", &[&copy, &copy, &case.folder.join("mean")]),
        _ => translate(&copy, &[&case.setup.lines]),
    }
}

/// Options with hostile numbers.
fn options(case: &mut Case) -> Vec<OsString> {
    const NAMES: [&str; 22] = [
        "beam",
        "length-penalty",
        "coverage-penalty",
        "patience",
        "minimum-length",
        "maximum-length",
        "maximum-length-ratio",
        "maximum-length-offset",
        "no-repeat-ngram",
        "repetition-penalty",
        "diversity-groups",
        "diversity-penalty",
        "temperature",
        "top-k",
        "top-p",
        "seed",
        "batch-tokens",
        "workers",
        "n-best",
        "maximum-source-length",
        "prefix",
        "suppress",
    ];
    let lines = case.setup.lines.clone();
    let mut arguments = translate(&model(case), &[&lines]);
    for _ in 0..=case.chance.below(2) {
        arguments.push(format!("--{}={}", case.chance.pick(&NAMES), case.chance.pick(&mutate::NUMBERS)).into());
    }
    if case.chance.one_in(4) {
        arguments.push("--sample".into());
    }
    arguments
}

/// Names of files that no terminal should be shown as they are, where a file is expected.
fn names(case: &mut Case) -> Vec<OsString> {
    let names: [&[u8]; 6] = [b"\x1b[31mred\x1b]0;title\x07", b"line\nbreak\rback", b"not\xffutf8", b"\xc2\x9b31m", b" ", b"-x"];
    let name: OsString = OsString::from_vec(case.chance.pick(&names).to_vec());
    let path = case.folder.join(&name);
    match case.chance.below(3) {
        // Missing, a folder, or hostile itself.
        0 => {}
        1 => drop(fs::create_dir(&path)),
        _ => {
            let bytes = hostile(case, "test.en");
            fs::write(&path, bytes).expect("a file");
        }
    }
    let setup = case.setup;
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/marian/old");
    match case.chance.below(10) {
        0 => translate(&path, &[&setup.lines]),
        1 => translate(&model(case), &[&path]),
        2 => words("data check --source {} --target {}", &[&path, &path]),
        3 => train(&path, &case.folder.join("run"), &[]),
        4 => train(&setup.models[0].recipe, &path, &[]),
        5 => words("import {} --out {}", &[&path, &path]),
        6 => words("import {} --out {}", &[&fixture, &path]),
        7 => words("evaluate --reference {} --hypothesis {}", &[&path, &path]),
        8 => words("inspect {}", &[&path]),
        _ => vec![OsStr::new("translate").into(), OsStr::new("--model").into(), name],
    }
}
