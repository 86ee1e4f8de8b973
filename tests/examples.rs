//! What `docs/extending.md` shows is run; and so is a program of another project.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::cli::support::{arguments, targum};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// An example, which `cargo test` builds beside the tests.
fn example(name: &str) -> Command {
    let tests = std::env::current_exe().unwrap();
    let path = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(path.exists(), "{}: `cargo test` builds the examples; beside --test say --examples", path.display());
    let mut command = Command::new(path);
    command.env("OMP_NUM_THREADS", "1").stdin(Stdio::null());
    command
}

#[track_caller]
fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn frozen(name: &str) -> PathBuf {
    root().join("tests/fixtures/checkpoints").join(name)
}

#[test]
fn a_score_of_ones_own_is_trained_saved_loaded_and_translated_with() {
    let place = tempfile::tempdir().unwrap();
    let (data, run) = (place.path().join("data"), place.path().join("run"));
    targum(arguments("data synth --train 200 --validation 8 --test 4 --out {}", &[&data])).good();
    let mut train = example("own_score");
    train.arg("train").arg(root().join("configs/demo.toml")).arg("--out").arg(&run).args(["--threads", "1"]);
    let score = "model.recurrent.attention.score={custom=\"nearness\"}".to_owned();
    let files = ["train", "validation", "test"].map(|set| format!("data.{set}={:?}", data.join(set)));
    for setting in files.iter().chain([&score]) {
        train.arg("--set").arg(setting);
    }
    for setting in ["training.updates=6", "training.validate_every=3", "tokenizer.size=300"] {
        train.arg("--set").arg(setting);
    }
    good(&train.output().unwrap());
    let translate = |mut command: Command| {
        command.arg("translate").arg("--model").arg(&run).arg("--alignment").arg(data.join("test.en")).output().unwrap()
    };
    let translated = good(&translate(example("own_score")));
    assert_eq!(translated.lines().count(), 4);
    let weights = targum::nn::read_weights(&run.join("best/model.safetensors")).unwrap();
    let sharpness = &weights["decoder.attention.nearness.sharpness"];
    assert_ne!(sharpness.double_value(&[0]), 0.5, "it has learned");
    targum(arguments("translate --model {} {}", &[&run, &data.join("test.en")])).failed(1, &["\"nearness\"", "does not have"]);
}

#[test]
fn a_rule_of_ones_own_holds_in_every_translation() {
    let stutters = |text: &str| -> usize {
        let of_line = |line: &str| line.split(' ').zip(line.split(' ').skip(1)).filter(|(one, next)| one == next).count();
        text.lines().map(of_line).sum()
    };
    let file = frozen("luong").join("input.en");
    let without = targum(arguments("translate --pieces --model {} {}", &[&frozen("luong"), &file])).good().stdout;
    assert!(stutters(&without) > 0, "this model stutters, or nothing is shown here");
    let input = std::fs::File::open(&file).unwrap();
    let with = good(&example("own_rule").arg(frozen("luong")).stdin(input).output().unwrap());
    assert_eq!((with.lines().count(), stutters(&with)), (without.lines().count(), 0), "{with}");
}

#[test]
fn a_decoder_of_ones_own_is_searched() {
    let found = good(&example("own_decoder").output().unwrap());
    assert!(found.contains("greedy: [0, 1, 2, 3],") && found.contains("beam: [0, 1, 2, 3, 4, 5],"), "{found}");
}

#[test]
fn a_task_of_ones_own_is_trained() {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    let said = good(&example("own_task").arg(&run).output().unwrap());
    assert!(said.contains("Updates: y = 3.0") && said.contains("+ -1.0"), "{said}");
    assert!(run.join("last/model.safetensors").exists());
}

/// The binary looks for its libraries in its own folder and in `lib` beside that.
#[test]
#[cfg(target_os = "linux")]
fn a_binary_that_is_moved_with_its_libraries_starts() {
    let place = tempfile::tempdir().unwrap();
    let moved = place.path().join("bin/targum");
    std::fs::create_dir(place.path().join("bin")).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_targum"), &moved).unwrap();
    let libtorch = targum::runtime::libtorch().folder.as_ref().expect("libtorch is somewhere");
    std::os::unix::fs::symlink(libtorch, place.path().join("lib")).unwrap();
    if let Ok(output) = Command::new("ldd").arg(&moved).env_remove("LD_LIBRARY_PATH").output() {
        let found = String::from_utf8_lossy(&output.stdout).into_owned();
        let beside = format!("{}/bin/../lib/libtorch_cpu.so", place.path().display());
        assert!(found.contains(&beside), "{found}");
    }
    good(&Command::new(&moved).arg("--version").env_remove("LD_LIBRARY_PATH").output().unwrap());
}

/// Another cargo project depends on Targum by its path, and `cargo run` starts its program without LD_LIBRARY_PATH.
#[test]
fn a_program_of_another_project_starts() {
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir(place.path().join("src")).unwrap();
    // With the same profiles, so that what this build has compiled is used again.
    let ours = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let profiles = &ours[ours.find("[profile.").expect("there are profiles")..];
    let manifest = format!(
        "[package]\nname = \"other\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\ntargum = {{ path = {:?} }}\n\n[workspace]\n\n{profiles}",
        root()
    );
    std::fs::write(place.path().join("Cargo.toml"), manifest).unwrap();
    std::fs::write(
        place.path().join("src/main.rs"),
        "fn main() {\n    println!(\"{:?}\", targum::runtime::libtorch().version);\n}\n",
    )
    .unwrap();
    std::fs::copy(root().join("Cargo.lock"), place.path().join("Cargo.lock")).unwrap();
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
    let release = std::env::current_exe().unwrap().components().any(|part| part.as_os_str() == "release");
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--offline"]).args(release.then_some("--release"));
    command.current_dir(place.path()).env_remove("LD_LIBRARY_PATH");
    command.env("LIBTORCH_CXX11_ABI", "1");
    // What cargo tells these tests is not for the other cargo: build scripts that look at it would be run again, here and there.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CARGO_")) {
        if name != "CARGO_HOME" {
            command.env_remove(name);
        }
    }
    command.env("CARGO_TARGET_DIR", target);
    if std::env::var_os("LIBTORCH").is_none() {
        command.env("LIBTORCH", root().join(".libtorch/torch"));
    }
    let said = good(&command.output().unwrap());
    assert!(said.contains("2.11"), "{said}");
}
