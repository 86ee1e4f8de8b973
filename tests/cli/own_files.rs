//! What is the user's stays the user's: nothing is overwritten, followed through a link, or lost under an odd name.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::resume::wait_for;
use super::support::{arguments, checkpoints, command, ran, shared, targum};

/// Every file below a folder with what it holds; links are not followed.
fn listing(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            files.extend(listing(&path));
        } else if kind.is_symlink() {
            files.insert(path.clone(), fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes());
        } else {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    files
}

#[test]
fn a_folder_that_no_training_made_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    for name in ["test.fr", "log.jsonl", "recipe.toml", "tokenizer.json", "test.json"] {
        fs::write(data.join(name), format!("the user's {name}\n")).unwrap();
    }
    let before = listing(&data);
    let parts = ["data: holds log.jsonl, recipe.toml, test.fr, test.json, tokenizer.json", "--out"];
    for options in ["", "--resume"] {
        targum(arguments(&format!("train {{}} --out {{}} {options}"), &[&shared().recipe(), &data])).failed(1, &parts);
        assert_eq!(listing(&data), before);
    }
    // A study's too.
    let study = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/hopfield-recall.toml");
    targum(arguments("train {} --out {}", &[&study, &data])).failed(1, &parts);
    assert_eq!(listing(&data), before);
}

#[test]
fn a_text_of_the_user_in_a_run_folder_is_no_place_to_write_to() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    targum(arguments("train {} --out {} --set training.updates=1", &[&shared().recipe(), &out])).good();
    fs::copy(shared().corpus("test.en"), out.join("test.en")).unwrap();
    fs::copy(shared().corpus("test.fr"), out.join("test.fr")).unwrap();
    let before = listing(&out);
    let test = format!("data.test={:?}", out.join("test").to_str().unwrap());
    let mut words = arguments("train {} --resume --set training.updates=2 --set", &[&out]);
    words.push(test.into());
    targum(words).failed(1, &["data.test: ", "run/test.fr is a file that the run writes"]);
    assert_eq!(listing(&out), before);
}

#[test]
fn a_corpus_is_made_where_nothing_else_has_its_names() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let synth = |seed: u32| {
        targum(arguments(&format!("data synth --train 5 --validation 2 --test 2 --seed {seed} --out {{}}"), &[&data]))
    };
    fs::create_dir(&data).unwrap();
    fs::write(data.join("train.en"), "the user's own\n").unwrap();
    synth(1).failed(1, &["data: holds other files named train.en", "--out"]);
    assert_eq!(listing(&data).len(), 1, "nothing is written");
    fs::remove_file(data.join("train.en")).unwrap();
    synth(1).good();
    let made = listing(&data);
    assert_eq!(made.len(), 10);
    // The same again is fine, also where a file is missing; another corpus is not.
    fs::remove_file(data.join("test.gold")).unwrap();
    synth(1).good();
    assert_eq!(listing(&data), made);
    synth(2).failed(1, &["train.en", "README.txt"]);
    assert_eq!(listing(&data), made);
}

#[test]
fn pictures_of_others_are_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let (pictures, outside) = (place.path().join("pictures"), place.path().join("outside"));
    let draw = || {
        let text = shared().corpus("test.en");
        targum(arguments("translate --model {} --heatmaps {} {} --maximum-length 5", &[&shared().run(), &pictures, &text]))
    };
    fs::create_dir(&pictures).unwrap();
    fs::write(pictures.join("notes.txt"), "mine").unwrap();
    fs::write(pictures.join("line-1.svg"), "mine").unwrap();
    draw().failed(1, &["pictures: holds line-1.svg, which Targum did not draw", "--heatmaps"]);
    assert_eq!(fs::read_to_string(pictures.join("line-1.svg")).unwrap(), "mine");
    fs::remove_file(pictures.join("line-1.svg")).unwrap();
    draw().good();
    // Again is fine, and no link is followed.
    fs::write(&outside, "mine").unwrap();
    fs::remove_file(pictures.join("line-1.svg")).unwrap();
    symlink(&outside, pictures.join("line-1.svg")).unwrap();
    draw().good();
    assert!(fs::read_to_string(pictures.join("line-1.svg")).unwrap().contains("<svg"));
    assert_eq!(["notes.txt", "../outside"].map(|name| fs::read_to_string(pictures.join(name)).unwrap()), ["mine", "mine"]);
}

#[test]
fn nothing_is_written_through_a_link_out_of_the_run_folder() {
    let place = tempfile::tempdir().unwrap();
    let (out, outside) = (place.path().join("run"), place.path().join("outside"));
    let train = || targum(arguments("train {} --out {}", &[&shared().recipe(), &out]));
    train().good();
    fs::create_dir_all(outside.join("folder")).unwrap();
    let names: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    for name in ["log.jsonl", "recipe.toml", "test.json", "test.fr", "tokenizer.json", "train.index", "heatmaps", "best"] {
        assert!(names.iter().any(|found| found == name), "{name}");
    }
    // The run's names, all of them leading out now; but for the lock, without which it is no run folder.
    for name in names.iter().filter(|name| *name != ".lock") {
        let (path, target) = (out.join(name), outside.join(name));
        if fs::symlink_metadata(&path).unwrap().is_dir() && !name.as_bytes().starts_with(b"step-") {
            fs::remove_dir_all(&path).unwrap();
            symlink(outside.join("folder"), &path).unwrap();
        } else if !path.is_dir() {
            fs::remove_file(&path).unwrap();
            fs::write(&target, format!("the user's {name:?}\n")).unwrap();
            symlink(&target, &path).unwrap();
        } else {
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
        }
    }
    let before = listing(&outside);
    let ran = train().good();
    assert!(
        ran.stderr.contains("no pictures after update 3") && ran.stderr.contains("heatmaps: is a symbolic link"),
        "{}",
        ran.stderr
    );
    assert_eq!(listing(&outside), before);
    assert!(fs::symlink_metadata(out.join("test.fr")).unwrap().is_file());

    // Pictures themselves, when a run goes on; and the lock.
    fs::remove_file(out.join("heatmaps")).unwrap();
    let drawn = out.join("heatmaps/step-00000009");
    fs::create_dir_all(&drawn).unwrap();
    fs::write(outside.join("picture"), "mine").unwrap();
    for name in ["sentence-1.svg", "sentence-1.png", "sentence-2.svg", "sentence-2.png"] {
        symlink(outside.join("picture"), drawn.join(name)).unwrap();
    }
    for name in ["log.jsonl", "test.json", "test.fr"] {
        fs::remove_file(out.join(name)).unwrap();
        symlink(outside.join(name), out.join(name)).unwrap();
    }
    let before = listing(&outside);
    let on = || targum(arguments("train {} --out {} --resume --set training.updates=9", &[&shared().recipe(), &out]));
    on().failed(1, &["log.jsonl"]);
    assert_eq!(listing(&outside), before);
    fs::remove_file(out.join("log.jsonl")).unwrap();
    on().good();
    assert_eq!(listing(&outside), before);
    for name in ["log.jsonl", "test.json", "test.fr", "heatmaps/step-00000009/sentence-1.svg"] {
        assert!(fs::symlink_metadata(out.join(name)).unwrap().is_file(), "{name}");
    }
    fs::remove_file(out.join(".lock")).unwrap();
    symlink(outside.join("picture"), out.join(".lock")).unwrap();
    targum(arguments("train {} --out {} --resume", &[&shared().recipe(), &out])).failed(1, &[".lock", "symbolic link"]);
    assert_eq!(listing(&outside), before);
}

#[test]
fn names_of_any_bytes_work_and_are_shown_as_text() {
    let place = tempfile::tempdir().unwrap();
    let odd = |name: &str| place.path().join(OsStr::from_bytes(&[b"caf\xe9\x1b[31m\n", name.as_bytes()].concat()));
    let (recipe, out, text, pictures) = (odd("recipe.toml"), odd("run"), odd("text"), odd("pictures"));
    fs::copy(shared().recipe(), &recipe).unwrap();
    fs::copy(shared().corpus("test.en"), &text).unwrap();
    let mut said = Vec::new();
    let mut good = |words: &str, paths: &[&Path]| {
        let output = command(arguments(words, paths)).stdin(Stdio::null()).output().unwrap();
        said.extend_from_slice(&output.stderr);
        ran(output).good()
    };
    good("train {} --out {} --set training.updates=2 --set training.validate_every=1", &[&recipe, &out]);
    good("train {} --resume --set training.updates=3", &[&out]);
    good("train {} --out {} --resume --set training.updates=4", &[&recipe, &out]);
    assert_eq!(checkpoints(&out).last().map(String::as_str), Some("step-00000004"));
    let lines = good("translate --model {} --heatmaps {} {} --maximum-length 5", &[&out, &pictures, &text]).stdout;
    assert_eq!(lines.lines().count(), 20);
    assert!(pictures.join("line-1.png").exists());
    let target = shared().corpus("test.fr");
    good("align --model {} --source {} --target {}", &[&out, &text, &target]);
    good("score --model {} --source {} --target {}", &[&out, &text, &target]);
    good("average --model {} --last 2 --out {}", &[&out, &odd("mean")]);
    good("inspect {}", &[&odd("mean")]);
    good("data synth --train 3 --validation 1 --test 1 --out {}", &[&odd("corpus")]);
    good("data check --source {} --target {}", &[&text, &target]);
    // As they are read by people: the names' control characters as escapes.
    let missing = targum(arguments("translate --model {}", &[&odd("missing")])).failed(1, &["missing"]);
    assert!(!missing.stderr.contains('\x1b'), "{:?}", missing.stderr);
    // A recipe is text and cannot name it.
    let parts = ["--init: ", "caf\\xe9", "no UTF-8"];
    targum(arguments("train {} --init {} --out {}", &[&shared().recipe(), &out, &odd("tuned")])).failed(1, &parts);
}

#[test]
fn what_killed_processes_left_is_cleared_and_what_living_ones_write_is_not() {
    let place = tempfile::tempdir().unwrap();
    let (out, mean) = (place.path().join("run"), place.path().join("mean"));
    let train = |updates: u32| {
        let words = format!("train {{}} --out {{}} --resume --set training.updates={updates} --set training.pictures=0");
        targum(arguments(&words, &[&shared().recipe(), &out])).good()
    };
    train(1);
    let dead = [out.join(".train.index.999999999-0.targum-partial"), place.path().join(".mean.999999999-0.targum-partial")];
    fs::write(&dead[0], "half an index").unwrap();
    fs::create_dir(&dead[1]).unwrap();
    fs::write(dead[1].join("model.safetensors"), "half").unwrap();
    let living = place.path().join(".other.1-0.targum-partial");
    fs::write(&living, "in the making").unwrap();
    let held = fs::File::open(&living).unwrap();
    held.lock().unwrap();
    train(2);
    targum(arguments("average {} {} --out {}", &[&out.join("last"), &out.join("best"), &mean])).good();
    assert_eq!(dead.map(|path| path.exists()), [false, false]);
    assert!(living.exists());
}

/// Starts a training that ends at update `updates`, and waits for its first checkpoint.
fn started(out: &Path, updates: u32) -> std::process::Child {
    let words = format!(
        "train {{}} --out {{}} --set training.updates={updates} --set training.validate_every=5 --set training.validation_sentences=1 \
         --set training.pictures=0"
    );
    let mut training = command(arguments(&words, &[&shared().recipe(), out]));
    let child = training.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("a checkpoint", || fs::symlink_metadata(out.join("last")).is_ok());
    child
}

#[test]
fn a_run_folder_that_is_removed_during_training_is_made_whole_again() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    let child = started(&out, 150);
    // Away in one step, so that no save falls into the middle of it.
    fs::rename(&out, place.path().join("away")).unwrap();
    fs::create_dir(&out).unwrap();
    let ended = ran(child.wait_with_output().unwrap()).good();
    assert!(ended.stderr.contains("somebody removed or replaced it"), "{}", ended.stderr);
    for name in ["recipe.toml", "tokenizer.json", "log.jsonl", ".lock", "last/model.safetensors", "test.json", "test.fr"] {
        assert!(out.join(name).exists(), "{name}");
    }
    let log = fs::read_to_string(out.join("log.jsonl")).unwrap();
    assert!(log.lines().next().unwrap().contains("\"started\"") && log.lines().last().unwrap().contains("\"stopped\""), "{log}");
    targum(arguments("train {} --resume --set training.updates=151", &[&out])).good();
}

#[test]
fn a_run_whose_folder_is_replaced_by_another_is_saved_beside_it() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    let child = started(&out, 100_000);
    fs::create_dir(place.path().join("new")).unwrap();
    fs::write(place.path().join("new/test.fr"), "mine\n").unwrap();
    fs::rename(&out, place.path().join("away")).unwrap();
    fs::rename(place.path().join("new"), &out).unwrap();
    let ended = ran(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("another folder in the place") && ended.stderr.contains("run.saved-1 --resume"),
        "{}",
        ended.stderr
    );
    assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(out.join("test.fr")).unwrap(), "mine\n");
    let saved = place.path().join("run.saved-1");
    let newest: u64 = checkpoints(&saved)[0]["step-".len()..].parse().unwrap();
    let words = format!("train {{}} --resume --set training.updates={}", newest + 1);
    let on = targum(arguments(&words, &[&saved])).good();
    assert!(on.stderr.contains(&format!("update {newest}, epoch")), "{}", on.stderr);
}

#[test]
fn a_recipe_may_be_a_pipe_and_nothing_endless() {
    let place = tempfile::tempdir().unwrap();
    let (pipe, out) = (place.path().join("pipe"), place.path().join("run"));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for study in [false, true] {
        let text = if study { "[task.hopfield-recall]\n".to_owned() } else { fs::read_to_string(shared().recipe()).unwrap() };
        let mut training = command(arguments("train {} --print-recipe --out {}", &[&pipe, &out]));
        let child = training.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        fs::File::options().write(true).open(&pipe).unwrap().write_all(text.as_bytes()).unwrap();
        let printed = ran(child.wait_with_output().unwrap()).good().stdout;
        assert!(printed.contains("name = \"recipe\""), "{printed}");
    }
    targum(["train", "/dev/zero"]).failed(1, &["/dev/zero", "larger than 1 MiB"]);
    targum(["train", "/dev/null"]).failed(1, &["/dev/null"]);
    targum(arguments("train {}", &[place.path()])).failed(1, &["recipe.toml: cannot read the recipe"]);
}
