//! Signals that ask to end: what was promised is saved, and the exit status is the signal's.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::resume::wait_for;
use super::support::{Ran, arguments, checkpoints, command, ran, shared, targum, weights};

fn start(words: &str, paths: &[&Path]) -> Child {
    command(arguments(words, paths)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn send(child: &Child, signal: i32) {
    // SAFETY: the child is ours and not yet waited for, so its number means nobody else.
    assert_eq!(unsafe { libc::kill(child.id() as i32, signal) }, 0);
}

/// Ended with this status, and within so many seconds.
#[track_caller]
fn ended(child: Child, status: i32, seconds: u64) -> Ran {
    let start = Instant::now();
    let ended = ran(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(status), "{}", ended.stderr);
    assert!(start.elapsed() < Duration::from_secs(seconds), "took {:?}", start.elapsed());
    ended
}

fn logged(run: &Path, kind: &str) -> Vec<Value> {
    let text = fs::read_to_string(run.join("log.jsonl")).unwrap_or_default();
    let entries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    entries.filter(|entry| entry["kind"] == kind).collect()
}

/// The state of a checkpoint but for the time it took.
fn state(checkpoint: &Path) -> Value {
    let mut state: Value = serde_json::from_str(&fs::read_to_string(checkpoint.join("training.json")).unwrap()).unwrap();
    state["elapsed_seconds"] = Value::Null;
    for entry in state["history"].as_array_mut().unwrap() {
        entry["elapsed_seconds"] = Value::Null;
    }
    state
}

#[test]
fn training_saves_and_stops_and_goes_on_as_if_nothing_had_been() {
    for (signal, name, status) in [(libc::SIGINT, "SIGINT", 130), (libc::SIGTERM, "SIGTERM", 143), (libc::SIGHUP, "SIGHUP", 129)]
    {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("run");
        let words = "train {} --out {} --set training.updates=100000 --set training.validate_every=100000";
        let child = start(words, &[&shared().recipe(), &out]);
        wait_for("an update", || !logged(&out, "training").is_empty());
        assert!(
            blocks(child.id(), signal),
            "a signal would reach the thread that computes, whose code does not survive every one"
        );
        send(&child, signal);
        let stopped = ended(child, status, 30);
        for part in [&format!("{name}: the state is saved"), "interrupted; go on with --resume"] {
            assert!(stopped.stderr.contains(part), "{part:?} is not in:\n{}", stopped.stderr);
        }
        assert_eq!(stopped.stdout, "", "no scores of a run that is not over");
        let saved: u64 = checkpoints(&out).pop().unwrap()["step-".len()..].parse().unwrap();
        assert!(saved > 0);

        let goal = saved + 2;
        let on = targum(arguments(&format!("train {{}} --resume --set training.updates={goal}"), &[&out])).good();
        assert!(on.stderr.contains(&format!("update {saved}, epoch")), "{}", on.stderr);
        let through = place.path().join("through");
        let words = format!("train {{}} --out {{}} --set training.updates={goal} --set training.validate_every=100000");
        targum(arguments(&words, &[&shared().recipe(), &through])).good();
        assert!(weights(&out.join("last")) == weights(&through.join("last")), "the weights differ after {name}");
    }
}

/// Whether the main thread of a process leaves a signal to others.
fn blocks(process: u32, signal: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
    u64::from_str_radix(blocked.trim(), 16).unwrap() & (1 << (signal - 1)) != 0
}

/// What makes a validation or a test take many seconds.
const SLOW: &str =
    "--set search.beam=64 --set search.maximum_length_ratio=1 --set search.maximum_length_offset=200 --set training.pictures=0";

#[test]
fn a_validation_is_given_up_and_made_up_for() {
    let place = tempfile::tempdir().unwrap();
    let (out, through) = (place.path().join("run"), place.path().join("through"));
    let long = format!("data.validation={:?}", shared().corpus("train").display().to_string());
    let settings = "--set training.updates=4 --set training.validate_every=2 --set training.validation_sentences=300";
    let train = |out: &Path, more: &str| {
        let mut words = arguments(&format!("train {{}} --out {{}} {settings} {more}"), &[&shared().recipe(), out]);
        words.extend(["--set".into(), long.clone().into()]);
        command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut child = train(&out, SLOW);
    wait_for("the validation", || {
        assert!(child.try_wait().unwrap().is_none(), "training ended by itself");
        logged(&out, "training").iter().any(|entry| entry["step"] == 2)
    });
    std::thread::sleep(Duration::from_millis(300));
    send(&child, libc::SIGTERM);
    ended(child, 143, 20);
    assert_eq!(checkpoints(&out), ["step-00000002"]);
    assert!(logged(&out, "validation").is_empty(), "the validation was not slow enough to be given up");

    // With a search that is quick, so that the test is.
    let quick =
        "--set search.beam=1 --set search.maximum_length_ratio=1 --set search.maximum_length_offset=0 --set training.pictures=0";
    ended(train(&out, &format!("--resume {quick}")), 0, 120);
    ended(train(&through, quick), 0, 120);
    assert_eq!(state(&out.join("last")), state(&through.join("last")));
    assert!(weights(&out.join("last")) == weights(&through.join("last")));
}

#[test]
fn the_final_test_is_given_up_and_made_up_for() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    let mut words = arguments(&format!("train {{}} --out {{}} --set training.updates=1 {SLOW}"), &[&shared().recipe(), &out]);
    words.extend(["--set".into(), format!("data.test={:?}", shared().corpus("train").display().to_string()).into()]);
    let mut child = command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("the end of training", || {
        assert!(child.try_wait().unwrap().is_none(), "training ended by itself");
        !logged(&out, "stopped").is_empty()
    });
    std::thread::sleep(Duration::from_millis(300));
    send(&child, libc::SIGINT);
    let told = ended(child, 130, 20).stderr;
    assert!(told.contains("ended by SIGINT: the trained model is saved; --resume tests it"), "{told}");
    assert!(!out.join("test.json").exists());
    let quick = "--set search.beam=1 --set search.maximum_length_ratio=1 --set search.maximum_length_offset=0";
    targum(arguments(&format!("train {{}} --resume {quick}"), &[&out])).good();
    assert!(out.join("test.json").exists() && out.join("test.fr").exists());
}

#[test]
fn translating_finishes_the_lines_at_work() {
    let place = tempfile::tempdir().unwrap();
    let input = place.path().join("input");
    let text = fs::read_to_string(shared().corpus("train.en")).unwrap();
    fs::write(&input, text.repeat(20)).unwrap();
    let mut child = start("translate --model {} {}", &[&shared().run(), &input]);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    output.read_line(&mut first).unwrap();
    send(&child, libc::SIGTERM);
    let lines = 1 + output.lines().count();
    let told = ended(child, 143, 30).stderr;
    assert!(told.contains("SIGTERM: the lines at work are finished"), "{told}");
    assert!(lines.is_multiple_of(1000) && lines < 6000, "{lines} lines of 6,000");
}

#[test]
fn waiting_for_input_ends_at_once() {
    let mut child = command(arguments("translate --model {}", &[&shared().run()]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input = child.stdin.take();
    wait_for("the program", || blocks(child.id(), libc::SIGTERM));
    send(&child, libc::SIGTERM);
    ended(child, 143, 10);
    drop(input);
}

#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    use std::os::unix::process::CommandExt;
    let mut command = command(arguments("translate --model {}", &[&shared().run()]));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: between fork and exec the call is allowed; it changes one number of this process.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
            Ok(())
        });
    }
    let child = command.spawn().unwrap();
    wait_for("the program", || blocks(child.id(), libc::SIGTERM));
    send(&child, libc::SIGHUP);
    std::thread::sleep(Duration::from_millis(200));
    // Its input ends here, and so does it.
    ended(child, 0, 30);
}
