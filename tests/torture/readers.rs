//! Hostile files for the library's parsers ([`crate::targets`]), in processes that read many of them each.
//!
//! A reader tells by a file which case it is at, so that whoever watches it knows which one ended it, took too much memory or took too long.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::case::Whole;
use crate::chance::Chance;
use crate::process::{End, Launch, MEMORY};
use crate::report::{Fault, Finding, copy_all};
use crate::targets::{TARGETS, World};

/// Cases of a reader: few enough that one that dies costs little, enough that its start does not count.
const BLOCK: u64 = 500;
/// One file takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);
const NAME: &str = "readers";

pub fn run(whole: &Whole) {
    let next = AtomicU64::new(whole.options.case.unwrap_or(0));
    std::thread::scope(|scope| {
        for job in 0..if whole.options.case.is_some() { 1 } else { whole.options.jobs } {
            let next = &next;
            scope.spawn(move || {
                while !whole.is_over() || whole.options.case.is_some() {
                    let count = if whole.options.case.is_some() { 1 } else { BLOCK };
                    let from = next.fetch_add(count, Ordering::SeqCst);
                    block(whole, job, from, from + count);
                    if whole.options.case.is_some() {
                        return;
                    }
                }
            });
        }
    });
}

/// Has these cases read, by as many processes as it takes.
fn block(whole: &Whole, job: usize, mut from: u64, to: u64) {
    let place = whole.setup.place.join(format!("reader-{job}"));
    while from < to && (!whole.is_over() || whole.options.case.is_some()) {
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(&place).expect("a folder for a reader");
        let plan = json!({ "seed": whole.options.seed, "from": from, "to": to, "setup": whole.setup.place });
        fs::write(place.join("plan.json"), plan.to_string()).expect("a plan");
        let program = std::env::current_exe().expect("this program");
        let arguments = ["--reader".as_ref(), place.as_os_str()];
        let mut running = Launch::new(&program, &place, arguments).seconds(1_000_000).start();
        let (mut at, mut since, mut hung) = (None, Instant::now(), false);
        while running.poll().is_none() {
            std::thread::sleep(Duration::from_millis(10));
            let now = progress(&place);
            if now != at {
                (at, since) = (now, Instant::now());
            }
            if since.elapsed() > PATIENCE {
                hung = true;
                running.signal(libc::SIGKILL);
            } else if whole.is_over() && whole.options.case.is_none() {
                // Between two cases or in one: neither is booked.
                running.signal(libc::SIGKILL);
                let done = progress(&place).unwrap_or(from);
                running.finish();
                book(whole, &place, from, done);
                return;
            }
            whole.report.progress(NAME, whole.start, whole.time.as_secs_f64());
        }
        let run = running.finish();
        let reached = progress(&place);
        let fault = match run.end {
            End::Code(0) => {
                book(whole, &place, from, to);
                return;
            }
            _ if hung => Fault::Hang,
            End::Memory => Fault::Memory,
            End::Signal(signal) => Fault::Abort(signal),
            End::Code(_) | End::Hang => Fault::Other,
        };
        let Some(case) = reached else {
            whole.report.case(NAME, from, 1, &[run.finding(Fault::Other, "a reader that did not start")], Some(&place));
            return;
        };
        book(whole, &place, from, case);
        let finding = run.finding(fault, &format!("{}: the reader was ended", name_of(whole.options.seed, case)));
        whole.report.case(NAME, case, 1, &[finding], Some(&place.join("work")));
        from = case + 1;
    }
}

/// The case that a reader is at.
fn progress(place: &Path) -> Option<u64> {
    Some(u64::from_le_bytes(fs::read(place.join("progress")).ok()?.try_into().ok()?))
}

/// Books the cases from `from` to `to`, which is left out: what the reader found, and the others.
fn book(whole: &Whole, place: &Path, from: u64, to: u64) {
    let text = fs::read_to_string(place.join("findings.jsonl")).unwrap_or_default();
    let mut failed = 0;
    for entry in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let case = entry["case"].as_u64().unwrap_or_default();
        let finding = Finding {
            fault: Fault::of_word(entry["fault"].as_str().unwrap_or_default()),
            text: entry["text"].as_str().unwrap_or_default().to_owned(),
        };
        whole.report.case(NAME, case, 1, &[finding], Some(&place.join(format!("case-{case}"))));
        failed += 1;
    }
    whole.report.held(NAME, (to - from).saturating_sub(failed));
}

fn name_of(seed: u64, case: u64) -> &'static str {
    TARGETS[Chance::new(seed, NAME, case).below(TARGETS.len())].0
}

/// What the last panic said.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// The process that reads, as `plan.json` of the folder says.
pub fn read(place: &Path) -> ExitCode {
    let plan: Value = serde_json::from_slice(&fs::read(place.join("plan.json")).expect("a plan")).expect("JSON");
    let number = |key: &str| plan[key].as_u64().expect("a number");
    let (seed, from, to) = (number("seed"), number("from"), number("to"));
    targum::runtime::libtorch();
    let world = World::new(Path::new(plan["setup"].as_str().expect("a path")));
    std::panic::set_hook(Box::new(|panic| *PANIC.lock().unwrap_or_else(|poison| poison.into_inner()) = Some(panic.to_string())));
    let progress = File::create(place.join("progress")).expect("a file");
    let mut findings = File::create(place.join("findings.jsonl")).expect("a file");
    let work = place.join("work");
    for case in from..to {
        let _ = fs::remove_dir_all(&work);
        fs::create_dir_all(&work).expect("a folder");
        let mut chance = Chance::new(seed, NAME, case);
        let (name, prepare) = TARGETS[chance.below(TARGETS.len())];
        progress.write_all_at(&case.to_le_bytes(), 0).expect("progress");
        let found = match prepare(&world, &mut chance, &work) {
            Err(error) => Some((Fault::Other, format!("cannot be prepared: {error:#}"))),
            Ok(read) => {
                let outcome = catch_unwind(AssertUnwindSafe(read));
                let panic = PANIC.lock().unwrap_or_else(|poison| poison.into_inner()).take();
                let peak = peak();
                if peak > MEMORY {
                    forget_peak();
                }
                match (panic, outcome) {
                    (Some(panic), _) => Some((Fault::Panic, panic)),
                    (None, Ok(Err(error))) if format!("{error:#}").contains("SILENT") => {
                        Some((Fault::Silent, format!("{error:#}")))
                    }
                    _ if peak > MEMORY => Some((Fault::Memory, format!("{} MiB resident", peak >> 10))),
                    _ => None,
                }
            }
        };
        if let Some((fault, text)) = found {
            let entry = json!({ "case": case, "fault": fault.to_word(), "text": format!("{name}: {text}") });
            writeln!(findings, "{entry}").expect("findings");
            let _ = copy_all(&work, &place.join(format!("case-{case}")));
        }
    }
    ExitCode::SUCCESS
}

/// Most memory of this process that was resident, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

/// Counts anew from what is resident now.
fn forget_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}
