//! Standard output and standard error that are broken, closed or full: no message ends the work, and what was found is kept.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::resume::wait_for;
use super::support::{arguments, checkpoints, command, ran, shared, targum, weights};

/// Both ends of a pipe whose reader is gone.
fn read_by_nobody() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

fn train(out: &Path) -> Command {
    command(arguments("train {} --out {}", &[&shared().recipe(), out]))
}

#[test]
fn training_outlives_those_who_read_its_messages() {
    let whole = weights(&shared().run().join("last"));
    for error in [read_by_nobody, full] {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("run");
        let trained = ran(train(&out).stderr(error()).stdout(Stdio::piped()).output().unwrap());
        assert_eq!(trained.code, Some(0));
        assert!(trained.stdout.contains("BLEU"), "{}", trained.stdout);
        assert!(weights(&out.join("last")) == whole);
    }
}

/// As with `targum train … 2>&1 | tee log` and Ctrl-C, which ends `tee` as well.
#[test]
fn an_interrupt_saves_when_nobody_reads_any_more() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    let words = "train {} --out {} --set training.updates=100000 --set training.validate_every=100000";
    let mut child: Child =
        command(arguments(words, &[&shared().recipe(), &out])).stdout(read_by_nobody()).stderr(read_by_nobody()).spawn().unwrap();
    wait_for("an update", || fs::read_to_string(out.join("log.jsonl")).is_ok_and(|log| log.contains("\"kind\":\"training\"")));
    // SAFETY: the child is ours and not yet waited for, so its number means nobody else.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGINT) }, 0);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!checkpoints(&out).is_empty());
}

#[test]
fn the_test_is_kept_when_nobody_reads_its_scores() {
    for (output, status) in [(read_by_nobody as fn() -> Stdio, 0), (full, 1)] {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("run");
        let trained = ran(train(&out).stdout(output()).stderr(Stdio::piped()).output().unwrap());
        assert_eq!(trained.code, Some(status), "{}", trained.stderr);
        for name in ["test.json", "test.fr"] {
            assert!(fs::read(out.join(name)).unwrap() == fs::read(shared().run().join(name)).unwrap(), "{name}");
        }
        let says = trained.stderr.contains("targum: standard output: cannot write: No space left on device");
        assert_eq!(says, status == 1, "{}", trained.stderr);
    }
}

#[test]
fn a_full_standard_output_is_an_error_with_its_cause_and_a_broken_one_is_none() {
    let (run, source, target) = (shared().run(), shared().corpus("test.en"), shared().corpus("test.fr"));
    let commands = [
        arguments("--help", &[]),
        arguments("--version", &[]),
        arguments("train --help", &[]),
        arguments("inspect {} --parameters", &[&run]),
        arguments("doctor", &[]),
        arguments("data check --source {} --target {}", &[&source, &target]),
        arguments("train {} --print-recipe", &[&shared().recipe()]),
        arguments("translate --model {} {}", &[&run, &source]),
        arguments("score --model {} --source {} --target {}", &[&run, &source, &target]),
        arguments("align --model {} --source {} --target {}", &[&run, &source, &target]),
        arguments("evaluate --reference {} --hypothesis {}", &[&target, &target]),
    ];
    for words in commands {
        let told = ran(command(&words).stdout(full()).stderr(Stdio::piped()).output().unwrap());
        assert_eq!(told.code, Some(1), "{words:?}: {}", told.stderr);
        assert!(
            told.stderr.contains("standard output: cannot write") && told.stderr.contains("No space left"),
            "{}",
            told.stderr
        );
        assert!(!told.stderr.contains("internal error"), "{}", told.stderr);
        let quiet = ran(command(&words).stdout(read_by_nobody()).stderr(Stdio::piped()).output().unwrap());
        assert_eq!(quiet.code, Some(0), "{words:?}: {}", quiet.stderr);
        assert!(!quiet.stderr.contains("targum:"), "{words:?}: {}", quiet.stderr);
    }
}

#[test]
fn messages_do_not_command_a_terminal() {
    let told = targum(["translate", "--model", "no\u{1b}[31msuch\u{7}"]).failed(1, &["no\\u{1b}[31msuch\\u{7}"]);
    assert!(!told.stderr.contains('\u{1b}'));
}
