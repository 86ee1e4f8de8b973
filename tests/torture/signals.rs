//! SIGINT, SIGTERM and SIGHUP at every phase, whatever messages and results go to: what was promised is saved, and the status says which signal.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use crate::case::Case;
use crate::kills::{finish, whole};
use crate::process::{End, Input, Launch, Run, Sink};
use crate::report::Fault;
use crate::setup::{checkpoints, leftovers, newest, train, translate, update_of};

const SIGNALS: [i32; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];
pub const SINKS: [Sink; 6] = [Sink::File, Sink::Pipe, Sink::Closed, Sink::Full, Sink::Gone, Sink::Head(150)];
/// From a signal to the end: an update, a checkpoint, a chunk of lines on a busy machine.
const PATIENCE: u64 = 60;

pub fn case(case: &mut Case) {
    case.tried();
    match case.number % 8 {
        0 => idle(case),
        1 | 2 => translating(case),
        _ => training(case),
    }
}

fn training(case: &mut Case) {
    let setup = case.setup;
    let model = case.chance.pick(&setup.models);
    let out = case.folder.join("run");
    let [stdout, stderr] = [*case.chance.pick(&SINKS), *case.chance.pick(&SINKS)];
    let signal = *case.chance.pick(&SIGNALS);
    let twice = case.chance.one_in(4);
    let mut running = Launch::new(&setup.program, &case.folder, train(&model.recipe, &out, &[]))
        .outputs(stdout, stderr)
        .seconds(PATIENCE)
        .start();
    match case.chance.below(4) {
        0 => await_that(&mut running, || leftovers(&out).iter().any(|name| name.starts_with(".writing-step"))),
        1 => await_that(&mut running, || phase(&out) == "test"),
        2 => await_that(&mut running, || phase(&out) == "work"),
        _ => {}
    }
    let most = if case.chance.one_in(2) { 0.1 } else { model.seconds * 1.2 };
    running.wait(Duration::from_secs_f64(case.chance.fraction() * most));
    let (phase, logged, before) = (phase(&out), logged(&out), checkpoints(&out));
    let answers = running.answers(signal);
    running.signal(signal);
    if twice {
        running.wait(Duration::from_secs_f64(case.chance.fraction() * 0.03));
        running.signal(signal);
    }
    let run = running.finish();
    let story = format!(
        "{} at the phase {phase} of {}, after update {logged}",
        if twice { "two signals" } else { "a signal" },
        model.name
    );
    let ended = 128 + signal;
    // It may have been done before the signal came.
    let done = out.join("test.json").is_file();
    let allowed: &[i32] = match (done, stdout) {
        // A device that is full fails what prints its scores.
        (true, Sink::Full) => &[ended, 0, 1],
        (true, _) => &[ended, 0],
        _ => &[ended],
    };
    judge(case, &run, signal, answers, allowed, &story);
    whole(case, &out, &before);
    let saved = newest(&out).and_then(|name| update_of(&name)).unwrap_or(0);
    if !twice && run.code() == Some(ended) && saved < logged {
        case.blame(&run, Fault::Lost, &format!("{story}: saved update {saved}"));
    }
    finish(case, model, &out);
}

/// One of these statuses; before its first instruction the signal's own way of ending it is right as well.
fn judge(case: &mut Case, run: &Run, signal: i32, answers: bool, allowed: &[i32], story: &str) {
    if run.end == End::Signal(signal) {
        if answers {
            case.blame(run, Fault::Lost, &format!("{story}: ended without a word, by the signal itself"));
        }
    } else if !case.judge(run, allowed) {
        case.found(Fault::Other, story);
    }
}

fn await_that(running: &mut crate::process::Running, mut so: impl FnMut() -> bool) {
    while running.poll().is_none() && !so() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Where a training is, as its log says.
fn phase(out: &Path) -> &'static str {
    let log = fs::read_to_string(out.join("log.jsonl")).unwrap_or_default();
    if log.contains("\"stopped\"") {
        "test"
    } else if log.contains("\"training\"") {
        "work"
    } else {
        "start"
    }
}

/// The last update that stands in the log.
fn logged(out: &Path) -> u64 {
    let log = fs::read_to_string(out.join("log.jsonl")).unwrap_or_default();
    let entries = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    entries.filter_map(|entry| entry["step"].as_u64()).max().unwrap_or(0)
}

/// A file of many lines, and what is printed for it when nothing disturbs the program.
fn long(case: &Case) -> &'static (std::path::PathBuf, Vec<u8>, f64) {
    static LONG: OnceLock<(std::path::PathBuf, Vec<u8>, f64)> = OnceLock::new();
    LONG.get_or_init(|| {
        let text = fs::read_to_string(case.setup.corpus.join("train.en")).expect("the corpus");
        let lines: String = text.lines().cycle().take(2200).map(|line| format!("{line}\n")).collect();
        let path = case.setup.place.join("long.en");
        fs::write(&path, lines).expect("a long text");
        let run =
            Launch::new(&case.setup.program, &case.folder, translate(&case.setup.models[1].run, &[&path, "--beam=1".as_ref()]))
                .run();
        assert!(run.good(), "{}", run.story());
        (path, run.stdout, run.seconds)
    })
}

/// The lines in work are finished; what is printed is the beginning of what would have been.
fn translating(case: &mut Case) {
    let (path, expected, seconds) = long(case);
    let signal = *case.chance.pick(&SIGNALS);
    let stderr = *case.chance.pick(&SINKS);
    let piped = case.chance.one_in(2);
    let mut arguments = translate(&case.setup.models[1].run, &["--beam=1".as_ref()]);
    let input = if case.chance.one_in(2) {
        Input::File(path.clone())
    } else {
        arguments.push(path.into());
        Input::Nothing
    };
    let launch = Launch::new(&case.setup.program, &case.folder, arguments).input(input).seconds(PATIENCE);
    let mut running = launch.outputs(if piped { Sink::Pipe } else { Sink::File }, stderr).start();
    running.wait(Duration::from_secs_f64(case.chance.fraction() * seconds * 1.1));
    let answers = running.answers(signal);
    running.signal(signal);
    let run = running.finish();
    judge(case, &run, signal, answers, &[128 + signal, 0], "translating");
    let right = expected.starts_with(&run.stdout) && run.stdout.last().is_none_or(|&byte| byte == b'\n');
    if !right || (run.good() && run.stdout != *expected) {
        case.blame(&run, Fault::Silent, "what was printed is not the beginning of the translations, in whole lines");
    }
}

/// While it waits for lines, a signal ends it.
fn idle(case: &mut Case) {
    let signal = *case.chance.pick(&SIGNALS);
    let lines = b"The cat sees the man .\n".repeat(case.chance.below(3));
    let arguments = translate(&case.setup.models[1].run, &[]);
    let launch = Launch::new(&case.setup.program, &case.folder, arguments).input(Input::Open(lines)).seconds(PATIENCE);
    let mut running = launch.outputs(Sink::Pipe, *case.chance.pick(&SINKS)).start();
    running.wait(Duration::from_secs_f64(case.chance.fraction() * 2.0));
    let answers = running.answers(signal);
    running.signal(signal);
    let run = running.finish();
    judge(case, &run, signal, answers, &[128 + signal], "waiting for lines");
}
