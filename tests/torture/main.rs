//! `make torture`: abuses the program for a given time and counts what did not hold; docs/reliability.md says what should, and has the counts.
//!
//! Its kinds each have a file. A case is a function of (seed, kind, number), apart from the moments that the clock decides, and leaves its folder
//! behind where something did not hold. Most cases start the program itself, under limits of memory and time ([`process`]). Hostile files
//! go to the library as well, in processes that read many of them ([`readers`]), since starting the program takes longer than reading them.

mod case;
mod chance;
mod commands;
mod disks;
mod flips;
mod folders;
mod formats;
mod kills;
mod mutate;
mod options;
mod process;
mod readers;
mod report;
mod setup;
mod signals;
mod soak;
mod streams;
mod targets;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use case::Kind;
use options::Options;
use report::Report;
use setup::Setup;

/// Each kind with its share of the time.
const KINDS: [(&str, u32, Kind); 9] = [
    ("kills", 15, Kind::Cases(kills::case)),
    ("signals", 10, Kind::Cases(signals::case)),
    ("streams", 5, Kind::Cases(streams::case)),
    ("flips", 33, Kind::Cases(flips::case)),
    ("readers", 14, Kind::Whole(readers::run)),
    ("commands", 11, Kind::Cases(commands::case)),
    ("disks", 5, Kind::Cases(disks::case)),
    ("folders", 3, Kind::Cases(folders::case)),
    ("soak", 4, Kind::Whole(soak::run)),
];

fn main() -> ExitCode {
    let options = Options::parse(&KINDS.map(|(name, ..)| name));
    if let Some(folder) = &options.reader {
        return readers::read(folder);
    }
    disks::stay_private();
    let start = Instant::now();
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("torture");
    let (work, failures) = (place.join(format!("work-{}", std::process::id())), place.join("failures"));
    let program = options.binary.clone().unwrap_or_else(|| env!("CARGO_BIN_EXE_targum").into());
    let program = std::fs::canonicalize(&program).unwrap_or(program);
    eprintln!("torture: seed {}, {} s, {} at a time, of {}", options.seed, options.seconds, options.jobs, program.display());
    clear(&place);
    let setup = Setup::new(&program, &work, options.jobs);
    eprintln!("torture: trained what is to be abused in {:.0} s", start.elapsed().as_secs_f64());

    let report = Report::new(&options, failures);
    let chosen: Vec<_> = KINDS
        .into_iter()
        .filter(|(name, ..)| options.kinds.is_empty() || options.kinds.iter().any(|kind| kind == name))
        .collect();
    let end = start + Duration::from_secs(options.seconds);
    let mut shares: u32 = chosen.iter().map(|(_, share, _)| share).sum();
    for (name, share, kind) in chosen {
        // What a kind leaves over is for those after it.
        let seconds = end.saturating_duration_since(Instant::now()) * share / shares;
        shares -= share;
        case::run(name, kind, &setup, &options, &report, seconds);
    }
    let (table, held) = report.table();
    println!("\n{table}");
    if options.keep {
        eprintln!("kept: {}", work.display());
    } else {
        let _ = std::fs::remove_dir_all(&work);
    }
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Removes what earlier ones left that were ended early.
fn clear(place: &Path) {
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.strip_prefix("work-").is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
