//! Two trainings of one folder; and folders that hold what is not Targum's.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::case::Case;
use crate::kills::finish;
use crate::process::Launch;
use crate::report::Fault;
use crate::setup::{leftovers, train};

pub fn case(case: &mut Case) {
    case.tried();
    match case.number % 4 {
        0 => both_at_once(case),
        1 => foreign(case),
        2 => links(case),
        _ => second(case),
    }
}

/// The second is refused while the first works, and the first is none the worse for it.
fn second(case: &mut Case) {
    let setup = case.setup;
    let model = case.chance.pick(&setup.models);
    let out = case.folder.join("run");
    let mut first = Launch::new(&setup.program, &case.folder, train(&model.recipe, &out, &[])).start();
    while first.poll().is_none() && !out.join(".lock").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    first.wait(Duration::from_secs_f64(case.chance.fraction() * model.seconds * 0.3));
    let place = case.folder.join("second");
    fs::create_dir(&place).expect("a folder");
    let more: &[&str] = if case.chance.one_in(2) { &["--resume"] } else { &[] };
    let other = Launch::new(&setup.program, &place, train(&model.recipe, &out, more)).run();
    let at_work = first.poll().is_none();
    let first = first.finish();
    case.judge(&first, &[0]);
    if at_work {
        case.judge(&other, &[1]);
        if !other.messages().contains("another training") && !other.messages().contains("has checkpoints") {
            case.blame(&other, Fault::Other, "the second training is not told of the first");
        }
    } else {
        case.judge(&other, &[0, 1]);
    }
    finish(case, model, &out);
}

fn both_at_once(case: &mut Case) {
    let setup = case.setup;
    let model = case.chance.pick(&setup.models);
    let out = case.folder.join("run");
    let runs: Vec<_> = ["one", "two"]
        .map(|name| {
            let place = case.folder.join(name);
            fs::create_dir(&place).expect("a folder");
            Launch::new(&setup.program, &place, train(&model.recipe, &out, &["--resume"])).start()
        })
        .into_iter()
        .map(crate::process::Running::finish)
        .collect();
    for run in &runs {
        case.judge(run, &[0, 1]);
    }
    if !runs.iter().any(crate::process::Run::good) {
        case.blame(&runs[0], Fault::Lost, "neither of two trainings that began at once was done");
    }
    finish(case, model, &out);
}

/// Bytes of every file below a folder.
fn bytes(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            all.extend(bytes(&entry.path()));
        } else {
            all.push((entry.path(), fs::read(entry.path()).unwrap_or_default()));
        }
    }
    all.sort();
    all
}

/// A folder with files of other people is refused, or they stay as they were.
fn foreign(case: &mut Case) {
    const NAMES: [&str; 9] = [
        "test.fr",
        "log.jsonl",
        "recipe.toml",
        "tokenizer.json",
        "test.json",
        "train.en",
        "train.fr",
        "config.json",
        "notes.txt",
    ];
    let setup = case.setup;
    let out = case.folder.join("mine");
    fs::create_dir(&out).expect("a folder");
    for _ in 0..=case.chance.below(3) {
        fs::write(out.join(case.chance.pick(&NAMES)), "mine\n").expect("a file");
    }
    let before = bytes(&out);
    let arguments = match case.chance.below(4) {
        0 => ["data", "synth", "--train=20", "--validation=5", "--test=5", "--out"]
            .into_iter()
            .map(Into::into)
            .chain([out.clone().into_os_string()])
            .collect(),
        1 => {
            let last = setup.models[0].run.join("last");
            vec!["average".into(), last.clone().into(), last.into(), "--out".into(), out.clone().into()]
        }
        number => train(&case.chance.pick(&setup.models).recipe, &out, if number == 2 { &[] } else { &["--resume"] }),
    };
    let run = Launch::new(&setup.program, &case.folder, arguments).run();
    case.judge(&run, &[0, 1]);
    compare(case, &run, &before);
}

fn compare(case: &mut Case, run: &crate::process::Run, before: &[(PathBuf, Vec<u8>)]) {
    for (path, old) in before {
        if fs::read(path).ok().as_ref() != Some(old) {
            case.blame(run, Fault::Lost, &format!("{} of other people was changed", path.display()));
        }
    }
}

/// Links that lead out of the run folder are not followed when something is written.
fn links(case: &mut Case) {
    const NAMES: [&str; 8] =
        [".lock", "log.jsonl", "test.fr", "test.json", "recipe.toml", "tokenizer.json", "train.index", ".writing-recipe.toml"];
    let setup = case.setup;
    let model = case.chance.pick(&setup.models);
    let (out, outside) = (case.folder.join("run"), case.folder.join("outside"));
    fs::create_dir(&outside).expect("a folder");
    // A run that stopped early, or nothing yet.
    if case.chance.one_in(2) {
        crate::report::copy_all(&model.half, &out).expect("a copy");
    } else {
        fs::create_dir(&out).expect("a folder");
    }
    for _ in 0..=case.chance.below(2) {
        let name = case.chance.pick(&NAMES);
        let victim = outside.join(name);
        fs::write(&victim, "mine\n").expect("a file");
        let _ = fs::remove_file(out.join(name));
        std::os::unix::fs::symlink(&victim, out.join(name)).expect("a link");
    }
    let before = bytes(&outside);
    let updates = format!("--set=training.updates={}", crate::setup::UPDATES);
    let run = Launch::new(&setup.program, &case.folder, train(&model.recipe, &out, &["--resume", &updates])).run();
    case.judge(&run, &[0, 1]);
    compare(case, &run, &before);
    let made: Vec<_> = bytes(&outside).into_iter().filter(|(path, _)| !before.iter().any(|(old, _)| old == path)).collect();
    if !made.is_empty() || !leftovers(&outside).iter().all(|name| name.starts_with('.')) {
        case.blame(&run, Fault::Lost, &format!("written outside: {made:?}"));
    }
}
