//! One process at work for long: its memory stays flat, and the last line is translated as the first.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::case::{Case, Whole};
use crate::chance::Chance;
use crate::process::{Launch, resident};
use crate::report::Fault;
use crate::setup::translate;

/// Lines that go in at once: as many as the program reads before it translates.
const CHUNK: usize = 1000;
/// What scores may differ by when other lines are in the batch.
const TOLERANCE: f64 = 1e-4;

pub fn run(whole: &Whole) {
    if let Some(case) = whole.options.case {
        return soak(whole, case, whole.time);
    }
    // The three models in turn, each for a third of the time.
    for case in 0..3 {
        soak(whole, case, whole.time.saturating_sub(whole.start.elapsed()) / (3 - case as u32));
    }
}

fn soak(whole: &Whole, number: u64, time: Duration) {
    let mut case = Case::new(whole, number);
    let model = &whole.setup.models[number as usize % whole.setup.models.len()];
    let text = fs::read_to_string(whole.setup.corpus.join("train.en")).expect("the corpus");
    let lines: Vec<&str> = text.lines().take(60).collect();
    let expected = one_by_one(&mut case, &lines);
    let mut arguments = translate(&model.run.join("last"), &[]);
    arguments.push("--format=jsonl".into());
    let mut child = Command::new(&whole.setup.program)
        .args(arguments)
        .env("OMP_NUM_THREADS", "1")
        .env("RAYON_NUM_THREADS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    let id = child.id() as i32;
    let (mut input, output) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
    let (start, done) = (Instant::now(), AtomicBool::new(false));
    let sizes = Mutex::new(Vec::new());
    let wrong = Mutex::new(Vec::new());
    let translated = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                sizes.lock().unwrap().push(resident(id));
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let reader = scope.spawn(|| {
            let mut count = 0;
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                count += 1;
                if let Some(problem) = difference(&line, &expected)
                    && wrong.lock().unwrap().len() < 10
                {
                    wrong.lock().unwrap().push(problem);
                }
            }
            count
        });
        let mut chance = Chance::new(whole.options.seed, "soak lines", number);
        let mut written = 0;
        // At least so many that there are two halves.
        while start.elapsed() < time || written < 4 * CHUNK {
            let chunk: String = (0..CHUNK).map(|_| format!("{}\n", chance.pick(&lines))).collect();
            if input.write_all(chunk.as_bytes()).is_err() {
                break;
            }
            written += CHUNK;
            whole.report.progress(whole.name, whole.start, whole.time.as_secs_f64());
        }
        drop(input);
        let read = reader.join().expect("a reader");
        done.store(true, Ordering::SeqCst);
        if read != written {
            wrong.lock().unwrap().push(format!("{read} translations of {written} lines"));
        }
        for _ in 0..read / CHUNK {
            case.tried();
        }
        read
    });
    let status = child.wait().expect("it ends");
    if !status.success() {
        case.found(Fault::Other, format!("ended with {status:?}"));
    }
    for problem in wrong.into_inner().unwrap() {
        case.found(Fault::Silent, format!("{}: {problem}", model.name));
    }
    let sizes: Vec<u64> = sizes.into_inner().unwrap().into_iter().filter(|&size| size > 0).collect();
    let (middle, end) = (mean(&sizes[sizes.len() / 2..sizes.len() * 3 / 4]), mean(&sizes[sizes.len() * 3 / 4..]));
    eprintln!(
        "torture: soak, {}: {translated} lines, {:.1} MiB in the third quarter, {:.1} MiB in the last",
        model.name,
        middle / 1024.0,
        end / 1024.0
    );
    // A few per cent, and what a batch of its own luck may take.
    if end > middle * 1.03 + 8192.0 {
        case.found(
            Fault::Memory,
            format!("{}: memory grew from {middle:.0} to {end:.0} KiB while translating the same lines", model.name),
        );
    }
    case.finish(whole.options);
}

fn mean(sizes: &[u64]) -> f64 {
    sizes.iter().sum::<u64>() as f64 / sizes.len().max(1) as f64
}

/// Text and score of each line when it is alone in its batch.
fn one_by_one(case: &mut Case, lines: &[&str]) -> HashMap<String, (String, f64)> {
    let path = case.folder.join("lines");
    fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).expect("lines");
    let model = case.setup.models[case.number as usize % case.setup.models.len()].run.join("last");
    let arguments = translate(&model, &[&path, "--format=jsonl".as_ref(), "--batch-tokens=1".as_ref()]);
    let run = Launch::new(&case.setup.program, &case.folder, arguments).run();
    case.judge(&run, &[0]);
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    text.lines().filter_map(best).map(|(source, text, score)| (source, (text, score))).collect()
}

fn best(line: &str) -> Option<(String, String, f64)> {
    let value: Value = serde_json::from_str(line).ok()?;
    let best = value["hypotheses"].get(0)?;
    Some((value["source"].as_str()?.to_owned(), best["text"].as_str()?.to_owned(), best["score"].as_f64()?))
}

fn difference(line: &str, expected: &HashMap<String, (String, f64)>) -> Option<String> {
    let Some((source, text, score)) = best(line) else { return Some(format!("not a translation: {line}")) };
    let Some((right, alone)) = expected.get(&source) else { return Some(format!("a line that was not given: {source}")) };
    // Two that are equally good may change places.
    let same = (score - alone).abs() <= TOLERANCE * alone.abs().max(1.0);
    (!same).then(|| format!("{source:?}: {text:?} with {score}, alone {right:?} with {alone}"))
}
