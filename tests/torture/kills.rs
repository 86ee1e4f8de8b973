//! SIGKILL at random moments: whoever goes on ends with the same weights, bit for bit, as if nothing had been.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::case::Case;
use crate::process::{End, Launch};
use crate::report::Fault;
use crate::setup::{Model, UPDATES, checkpoints, leftovers, train, weights};

pub fn case(case: &mut Case) {
    if case.number % 10 == 9 {
        return import(case);
    }
    let setup = case.setup;
    let model = &setup.models[case.number as usize % setup.models.len()];
    let out = case.folder.join("run");
    let kills = 3 + case.chance.below(4);
    for _ in 0..kills {
        let before = checkpoints(&out);
        let mut running = Launch::new(&setup.program, &case.folder, train(&model.recipe, &out, &["--resume"])).start();
        if case.chance.one_in(3) {
            // While something is being saved: that is short, and chance alone rarely falls into it.
            await_saving(case, &mut running, &out);
        } else {
            running.wait(Duration::from_secs_f64(case.chance.fraction() * model.seconds * 1.2));
        }
        running.signal(libc::SIGKILL);
        let run = running.finish();
        if run.end == End::Signal(libc::SIGKILL) {
            case.tried();
        } else if !case.judge(&run, &[0]) {
            return;
        }
        // A whole run that is resumed has nothing left to do.
        whole(case, &out, &before);
    }
    finish(case, model, &out);
}

fn await_saving(case: &mut Case, running: &mut crate::process::Running, out: &Path) {
    for _ in 0..case.chance.below(4) {
        await_one(running, out, true);
        await_one(running, out, false);
    }
    await_one(running, out, true);
    std::thread::sleep(Duration::from_micros(case.chance.below(4000) as u64));
}

fn await_one(running: &mut crate::process::Running, out: &Path, wanted: bool) {
    let writing = || leftovers(out).iter().any(|name| name.starts_with(".writing"));
    while running.poll().is_none() && writing() != wanted {
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// What was a checkpoint before is one still, or made place for newer ones; links point at something.
pub fn whole(case: &mut Case, out: &Path, before: &[String]) {
    let now = checkpoints(out);
    if let (Some(old), newest) = (before.last(), now.last())
        && newest.is_none_or(|newest| newest < old)
    {
        case.found(Fault::Lost, format!("the checkpoint {old} is gone, and there are {now:?}"));
    }
    for link in ["last", "best"] {
        let link = out.join(link);
        if link.symlink_metadata().is_ok() && !link.join("model.safetensors").is_file() {
            case.found(Fault::Lost, format!("{} points at nothing", link.display()));
        }
    }
}

/// Resumes without disturbance, and compares what comes of it with a run that nothing disturbed.
pub fn finish(case: &mut Case, model: &Model, out: &Path) {
    let updates = format!("--set=training.updates={UPDATES}");
    let arguments = train(&model.recipe, out, &["--resume", &updates]);
    let last = Launch::new(&case.setup.program, &case.folder, arguments).run();
    if !case.judge(&last, &[0]) {
        return case.blame(&last, Fault::Lost, "cannot be resumed to its end");
    }
    if last.messages().contains("broken") {
        case.blame(&last, Fault::Lost, "a checkpoint is called broken");
    }
    if weights(&out.join("last")) != model.weights {
        case.blame(&last, Fault::Silent, &format!("other weights than a {} run that nothing disturbed", model.name));
    }
    for name in ["best/model.safetensors", "test.fr"] {
        let [found, expected] = [out, &model.run].map(|run| fs::read(run.join(name)).unwrap_or_default());
        if found != expected {
            case.blame(&last, Fault::Silent, &format!("{name} is another one than of a run that nothing disturbed"));
        }
    }
    let left = leftovers(out);
    if !left.is_empty() {
        case.blame(&last, Fault::Other, &format!("never cleared: {}", left.join(", ")));
    }
}

/// A killed import leaves nothing, or is done; the next one clears what it left.
fn import(case: &mut Case) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/marian/trained");
    let (place, out) = (case.folder.join("place"), case.folder.join("place/model"));
    fs::create_dir(&place).expect("a folder");
    let arguments = ["import".into(), fixture.into_os_string(), "--out".into(), out.clone().into_os_string()];
    for _ in 0..3 {
        let mut running = Launch::new(&case.setup.program, &case.folder, &arguments).start();
        running.wait(Duration::from_secs_f64(case.chance.fraction() * 0.6));
        running.signal(libc::SIGKILL);
        let run = running.finish();
        if run.end == End::Signal(libc::SIGKILL) {
            case.tried();
        }
        if out.exists() {
            break;
        }
    }
    if !out.exists() {
        let run = Launch::new(&case.setup.program, &case.folder, &arguments).run();
        case.judge(&run, &[0]);
    }
    let told = Launch::new(&case.setup.program, &case.folder, ["inspect".as_ref(), out.as_os_str()]).run();
    case.judge(&told, &[0]);
    let left = leftovers(&place);
    if !left.is_empty() {
        case.found(Fault::Other, format!("never cleared after a killed import: {}", left.join(", ")));
    }
}
