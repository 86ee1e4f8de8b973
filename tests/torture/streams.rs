//! Results and messages that go nowhere: no message may end the work, and a result that cannot be written is an error with its cause.

use std::ffi::OsString;
use std::path::Path;

use crate::case::Case;
use crate::kills::finish;
use crate::process::{Launch, Run, Sink};
use crate::report::Fault;
use crate::setup::{Setup, train, translate};
use crate::signals::SINKS;

pub fn case(case: &mut Case) {
    case.tried();
    let stdout = *case.chance.pick(&SINKS);
    let stderr = *case.chance.pick(&SINKS);
    if case.number.is_multiple_of(3) { training(case, stdout, stderr) } else { short(case, stdout, stderr) }
}

fn training(case: &mut Case, stdout: Sink, stderr: Sink) {
    let model = case.chance.pick(&case.setup.models);
    let out = case.folder.join("run");
    let run = Launch::new(&case.setup.program, &case.folder, train(&model.recipe, &out, &[])).outputs(stdout, stderr).run();
    ended(case, &run, stdout, stderr, true);
    for name in ["test.json", "test.fr"] {
        if !out.join(name).is_file() {
            case.blame(&run, Fault::Lost, &format!("{name} was not written"));
        }
    }
    finish(case, model, &out);
}

/// A command that is done soon, and whose output is always the same.
fn short(case: &mut Case, stdout: Sink, stderr: Sink) {
    let all = commands(case.setup, &case.folder);
    let (name, arguments) = case.chance.pick(&all).clone();
    let good = case.folder.join("good");
    std::fs::create_dir(&good).expect("a folder");
    // The second time what the first wrote is in the way.
    let expected = Launch::new(&case.setup.program, &good, &arguments).run();
    let _ = std::fs::remove_dir_all(case.folder.join("made"));
    if !case.judge(&expected, &[0]) {
        return;
    }
    let run = Launch::new(&case.setup.program, &case.folder, &arguments).outputs(stdout, stderr).run();
    ended(case, &run, stdout, stderr, !expected.stdout.is_empty());
    if matches!(stdout, Sink::File | Sink::Pipe) && run.stdout != expected.stdout && name != "doctor" {
        case.blame(&run, Fault::Silent, &format!("{name} printed something else than with a sound standard error"));
    }
}

fn ended(case: &mut Case, run: &Run, stdout: Sink, stderr: Sink, prints: bool) {
    let full = stdout == Sink::Full && prints;
    let held = case.judge(run, if full { &[1] } else { &[0] });
    if full && held && matches!(stderr, Sink::File | Sink::Pipe) && !run.messages().contains("No space left") {
        case.blame(run, Fault::Other, "the cause, a full device, is not told");
    }
}

fn commands(setup: &Setup, folder: &Path) -> Vec<(&'static str, Vec<OsString>)> {
    let model = setup.models[1].run.join("last");
    let (source, target) = (setup.corpus.join("test.en"), setup.corpus.join("test.fr"));
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/marian/old");
    let words = |words: &str, paths: &[&Path]| -> Vec<OsString> {
        let mut paths = paths.iter();
        words.split_whitespace().map(|word| if word == "{}" { paths.next().unwrap().into() } else { word.into() }).collect()
    };
    let made = folder.join("made");
    vec![
        ("translate", translate(&model, &[&setup.lines])),
        ("translate jsonl", translate(&model, &[&setup.lines, "--format=jsonl".as_ref(), "--alignment".as_ref()])),
        ("score", words("score --model {} --source {} --target {} --threads 1 --device cpu", &[&model, &source, &target])),
        ("align", words("align --model {} --source {} --target {} --threads 1 --device cpu", &[&model, &source, &target])),
        ("evaluate", words("evaluate --reference {} --hypothesis {}", &[&target, &source])),
        ("inspect", words("inspect {}", &[&model])),
        ("doctor", words("doctor", &[])),
        ("data check", words("data check --source {} --target {}", &[&source, &target])),
        ("data synth", words("data synth --train 20 --validation 5 --test 5 --out {}", &[&made])),
        ("import", words("import {} --out {}", &[&fixture, &made])),
        ("average", words("average {} {} --out {}", &[&model, &model, &made])),
        ("print-recipe", words("train {} --print-recipe", &[&setup.models[0].recipe])),
        ("--help", words("--help", &[])),
        ("train --help", words("train --help", &[])),
        ("--version", words("--version", &[])),
    ]
}
