//! A case at work, and what runs one after the other until the time is over.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::options::Options;
use crate::process::Run;
use crate::report::{Fault, Finding, Report};
use crate::setup::Setup;

#[derive(Clone, Copy)]
pub enum Kind {
    /// Does one case.
    Cases(fn(&mut Case)),
    /// Does as many cases as there is time for.
    Whole(fn(&Whole)),
}

/// What a kind of its own needs.
pub struct Whole<'a> {
    pub name: &'static str,
    pub setup: &'a Setup,
    pub options: &'a Options,
    pub report: &'a Report,
    pub start: Instant,
    pub time: Duration,
}

impl Whole<'_> {
    pub fn is_over(&self) -> bool {
        self.start.elapsed() >= self.time
    }
}

pub struct Case<'a> {
    pub setup: &'a Setup,
    report: &'a Report,
    name: &'static str,
    pub number: u64,
    pub chance: Chance,
    /// Its own, and empty.
    pub folder: PathBuf,
    tried: u64,
    findings: Vec<Finding>,
}

impl<'a> Case<'a> {
    pub fn new(whole: &Whole<'a>, number: u64) -> Self {
        let folder = whole.setup.place.join(format!("{}-{number}", whole.name));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder for a case");
        Self {
            setup: whole.setup,
            report: whole.report,
            name: whole.name,
            number,
            chance: Chance::new(whole.options.seed, whole.name, number),
            folder,
            tried: 0,
            findings: Vec::new(),
        }
    }

    /// Counts one more thing that was done to the program.
    pub fn tried(&mut self) {
        self.tried += 1;
    }

    pub fn found(&mut self, fault: Fault, text: impl Into<String>) {
        self.findings.push(Finding { fault, text: text.into() });
    }

    /// A fault of this run.
    pub fn blame(&mut self, run: &Run, fault: Fault, what: &str) {
        self.findings.push(run.finding(fault, what));
    }

    /// See [`Run::judge`]; whether all of it held.
    pub fn judge(&mut self, run: &Run, codes: &[i32]) -> bool {
        let findings = run.judge(codes);
        let held = findings.is_empty();
        self.findings.extend(findings);
        held
    }

    pub fn skip(&mut self, why: &str) {
        self.report.skipped(self.name, why);
    }

    pub fn finish(self, options: &Options) {
        self.report.case(self.name, self.number, self.tried, &self.findings, Some(&self.folder));
        if !options.keep {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

pub fn run(name: &'static str, kind: Kind, setup: &Setup, options: &Options, report: &Report, time: Duration) {
    report.begin(name);
    let whole = Whole { name, setup, options, report, start: Instant::now(), time };
    match kind {
        Kind::Whole(run) => run(&whole),
        Kind::Cases(case) => cases(&whole, case),
    }
    report.end(name, whole.start.elapsed().as_secs_f64());
}

fn cases(whole: &Whole, case: fn(&mut Case)) {
    let one = |number| {
        let mut at_work = Case::new(whole, number);
        // A mistake of ours is one more thing to look at, and not the end of the hour.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| case(&mut at_work))) {
            let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            at_work.found(Fault::Other, format!("the case itself failed: {}", said.unwrap_or_default()));
        }
        at_work.finish(whole.options);
    };
    if let Some(number) = whole.options.case {
        return one(number);
    }
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..whole.options.jobs {
            scope.spawn(|| {
                while !whole.is_over() {
                    one(next.fetch_add(1, Ordering::SeqCst));
                    whole.report.progress(whole.name, whole.start, whole.time.as_secs_f64());
                }
            });
        }
    });
}
