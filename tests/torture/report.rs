//! What was tried, what did not hold, and where it is kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use crate::options::Options;

/// Failures of a kind whose folders are kept; all of them are told.
const MOST_KEPT: usize = 200;

/// What may go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Work or a file is gone, or other than it has to be.
    Lost,
    Panic,
    /// The program was ended by a signal of its own making.
    Abort(i32),
    /// Another result than the right one, and no error.
    Silent,
    /// More memory than the limit.
    Memory,
    Hang,
    /// A wrong status, or an error that is not fit to be shown.
    Other,
}

impl Fault {
    const COLUMNS: [&'static str; 7] = ["lost", "panics", "aborts", "silent", "memory", "hangs", "other"];

    fn column(self) -> usize {
        match self {
            Self::Lost => 0,
            Self::Panic => 1,
            Self::Abort(_) => 2,
            Self::Silent => 3,
            Self::Memory => 4,
            Self::Hang => 5,
            Self::Other => 6,
        }
    }

    /// How it stands in a file of findings.
    pub fn to_word(self) -> String {
        match self {
            Self::Abort(signal) => format!("aborts:{signal}"),
            other => Self::COLUMNS[other.column()].to_owned(),
        }
    }

    pub fn of_word(word: &str) -> Self {
        match word.split_once(':') {
            Some((_, signal)) => Self::Abort(signal.parse().unwrap_or_default()),
            None => [Self::Lost, Self::Panic, Self::Abort(0), Self::Silent, Self::Memory, Self::Hang]
                .into_iter()
                .find(|fault| Self::COLUMNS[fault.column()] == word)
                .unwrap_or(Self::Other),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Finding {
    pub fault: Fault,
    pub text: String,
}

/// Counts of one kind.
#[derive(Debug, Default)]
struct Counts {
    cases: u64,
    tried: u64,
    faults: [u64; 7],
    signals: BTreeMap<i32, u64>,
    skipped: Option<String>,
    seconds: f64,
    /// Folders kept.
    kept: usize,
}

/// Counts of all kinds, and the folder of what failed.
pub struct Report {
    options: Options,
    failures: PathBuf,
    kinds: Mutex<Vec<(String, Counts)>>,
    /// When a line of progress was printed.
    shown: Mutex<Instant>,
}

impl Report {
    pub fn new(options: &Options, failures: PathBuf) -> Self {
        Self { options: options.clone(), failures, kinds: Mutex::default(), shown: Mutex::new(Instant::now()) }
    }

    pub fn begin(&self, kind: &str) {
        self.kinds.lock().unwrap().push((kind.to_owned(), Counts::default()));
    }

    pub fn end(&self, kind: &str, seconds: f64) {
        self.with(kind, |counts| counts.seconds = seconds);
    }

    pub fn skipped(&self, kind: &str, why: &str) {
        let new = self.with(kind, |counts| counts.skipped.replace(why.to_owned()).is_none());
        if new {
            eprintln!("torture: {kind}: a part is left out: {why}");
        }
    }

    /// Books a case; what it found is printed, and its folder is kept with a note.
    pub fn case(&self, kind: &str, case: u64, tried: u64, findings: &[Finding], folder: Option<&Path>) {
        self.with(kind, |counts| {
            counts.cases += 1;
            counts.tried += tried;
            for finding in findings {
                counts.faults[finding.fault.column()] += 1;
                if let Fault::Abort(signal) = finding.fault {
                    *counts.signals.entry(signal).or_default() += 1;
                }
            }
        });
        if !findings.is_empty() {
            self.keep(kind, case, findings, folder);
        }
    }

    /// Cases that held, of which nothing is kept.
    pub fn held(&self, kind: &str, cases: u64) {
        self.with(kind, |counts| {
            counts.cases += cases;
            counts.tried += cases;
        });
    }

    fn with<R>(&self, kind: &str, change: impl FnOnce(&mut Counts) -> R) -> R {
        let mut kinds = self.kinds.lock().unwrap();
        let (_, counts) = kinds.iter_mut().find(|(name, _)| name == kind).expect("begun");
        change(counts)
    }

    fn keep(&self, kind: &str, case: u64, findings: &[Finding], folder: Option<&Path>) {
        let kept = self.failures.join(format!("{kind}-{}-{case}", self.options.seed));
        let _ = fs::remove_dir_all(&kept);
        let keeps = self.with(kind, |counts| {
            counts.kept += 1;
            counts.kept <= MOST_KEPT
        });
        let moved = keeps && folder.is_some_and(|folder| fs::rename(folder, &kept).is_ok() || copy_all(folder, &kept).is_ok());
        if keeps && !moved {
            fs::create_dir_all(&kept).expect("a folder for what failed");
        }
        let again = self.command(kind, case);
        let mut text = format!("{kind}, seed {}, case {case}\nagain: {again}\n", self.options.seed);
        for finding in findings {
            text += &format!("\n[{}] {}\n", finding.fault.to_word(), finding.text);
            let first = finding.text.lines().next().unwrap_or_default();
            let shown: String = first.chars().take(300).collect();
            eprintln!("torture: FAILED {kind}, seed {}, case {case}: [{}] {shown}", self.options.seed, finding.fault.to_word());
        }
        eprintln!("  again: {again}");
        if keeps {
            eprintln!("  kept:  {}", kept.display());
        }
        let _ = fs::write(kept.join("report.txt"), text);
    }

    /// What repeats a case.
    fn command(&self, kind: &str, case: u64) -> String {
        let profile = if cfg!(debug_assertions) { "" } else { " --release" };
        let binary = self.options.binary.as_ref().map_or_else(String::new, |path| format!(" --binary {}", path.display()));
        format!("cargo test{profile} --locked --test torture -- --seed {} --kind {kind} --case {case}{binary}", self.options.seed)
    }

    /// A line now and then.
    pub fn progress(&self, kind: &str, since: Instant, seconds: f64) {
        let mut shown = self.shown.lock().unwrap();
        if shown.elapsed().as_secs() < 15 {
            return;
        }
        *shown = Instant::now();
        let (cases, tried, faults) = self.with(kind, |counts| (counts.cases, counts.tried, counts.faults.iter().sum::<u64>()));
        eprintln!(
            "torture: {kind}: {cases} cases, {tried} tried, {faults} failed, {:.0} of {seconds:.0} s",
            since.elapsed().as_secs_f64()
        );
    }

    /// The table, in Markdown; whether all held.
    pub fn table(&self) -> (String, bool) {
        let kinds = self.kinds.lock().unwrap();
        let mut rows = vec![format!("| kind | seconds | cases | tried | {} |", Fault::COLUMNS.join(" | "))];
        rows.push(format!("|---|{}", "---:|".repeat(3 + Fault::COLUMNS.len())));
        let mut notes = Vec::new();
        for (name, counts) in kinds.iter() {
            let faults: Vec<String> = counts.faults.iter().map(u64::to_string).collect();
            rows.push(format!(
                "| {name} | {:.0} | {} | {} | {} |",
                counts.seconds,
                counts.cases,
                counts.tried,
                faults.join(" | ")
            ));
            let signals = counts.signals.iter().map(|(signal, count)| format!("{name}: {count} ended by signal {signal}"));
            notes.extend(signals.chain(counts.skipped.iter().map(|why| format!("{name}: a part was left out: {why}"))));
        }
        rows.extend(notes.into_iter().map(|note| format!("\n{note}")));
        (rows.join("\n"), kinds.iter().all(|(_, counts)| counts.faults.iter().all(|&count| count == 0)))
    }
}

/// Copies a folder with all that it holds; links stay links.
pub fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_all(&path, &place)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&path)?, &place)?;
        } else if kind.is_file() {
            fs::copy(&path, &place)?;
        }
    }
    Ok(())
}
