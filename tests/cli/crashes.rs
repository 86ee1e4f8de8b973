//! A disk that is full and a process that is killed, both while a checkpoint is written.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::support::{arguments, checkpoints, command, ran, shared, targum, weights};

/// Bytes that a file may have before the disk counts as full: the logs and the weights fit, the optimizer's moments do not.
const ROOM: u64 = 150_000;

#[test]
fn a_full_disk_while_saving_leaves_the_checkpoint_before() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    targum(arguments("train {} --out {} --set training.updates=3", &[&shared().recipe(), &out])).good();
    let before = weights(&out.join("last"));
    let mut training = command(arguments("train {} --resume --set training.updates=6", &[&out]));
    // SAFETY: between fork and exec both calls are allowed: they only set numbers of this process.
    unsafe {
        training.pre_exec(|| {
            // Without it a file that grows too large ends the process; ignored, the write fails as on a full disk.
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            let limit = libc::rlimit { rlim_cur: ROOM, rlim_max: ROOM };
            if libc::setrlimit(libc::RLIMIT_FSIZE, &limit) == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
        });
    }
    let parts = ["step-00000006: the checkpoint was not saved; earlier ones are untouched", "training.safetensors: cannot write"];
    ran(training.output().unwrap()).failed(1, &parts);
    assert_eq!(checkpoints(&out), ["step-00000003"]);
    assert!(weights(&out.join("last")) == before);
    let hidden =
        fs::read_dir(&out).unwrap().filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".writing"));
    assert_eq!(hidden.count(), 0, "nothing half written is left");

    // With room again the run ends as if nothing had been.
    targum(arguments("train {} --resume --set training.updates=6", &[&out])).good();
    assert!(weights(&out.join("last")) == weights(&shared().run().join("last")));
}

/// Kills a training that saves after every update, at moments that move through the saving, and goes on each time.
#[test]
fn a_kill_while_saving_loses_nothing() {
    let place = tempfile::tempdir().unwrap();
    let settings = "--set training.validate_every=1 --set training.validation_sentences=1 --set training.pictures=0";
    let out = place.path().join("run");
    let train = |updates: u64| {
        let words = format!("train {{}} --out {{}} --resume {settings} --set training.updates={updates}");
        command(arguments(&words, &[&shared().recipe(), &out]))
    };
    let mut caught = 0;
    for round in 0..8u32 {
        let newest = newest(&out);
        let mut child = train(100_000).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The first checkpoint of this round stands; then the next one begins.
        let start = Instant::now();
        while !(newest < self::newest(&out) && is_writing(&out)) {
            assert!(start.elapsed() < Duration::from_secs(60), "waited a minute for a checkpoint");
            assert!(child.try_wait().unwrap().is_none(), "the training ended by itself");
            std::thread::sleep(Duration::from_micros(100));
        }
        std::thread::sleep(Duration::from_micros(400) * round);
        child.kill().unwrap();
        child.wait().unwrap();
        caught += u32::from(is_writing(&out));
        // Whatever is called a checkpoint is one, and so is what the links point at.
        for name in ["last", "best"] {
            assert!(out.join(name).join("training.json").exists(), "{name} points at nothing");
        }
        let told = targum(arguments("inspect {}", &[&out.join(checkpoints(&out).pop().unwrap())])).good();
        assert!(told.stdout.contains(" updates in "), "{}", told.stdout);
    }
    assert!(caught > 0, "no kill fell into the writing of a checkpoint");
    let goal = newest(&out) + 1;
    let ended = ran(train(goal).output().unwrap()).good();
    assert!(ended.stderr.contains("resuming from") && !ended.stderr.contains("broken"), "{}", ended.stderr);
    assert!(!is_writing(&out), "what the kill left is cleared");
    let through = place.path().join("through");
    let words = format!("train {{}} --out {{}} {settings} --set training.validate_every=1000 --set training.updates={goal}");
    targum(arguments(&words, &[&shared().recipe(), &through])).good();
    assert!(weights(&out.join("last")) == weights(&through.join("last")), "the weights differ after kills");
}

/// Updates of the newest checkpoint.
fn newest(run: &Path) -> u64 {
    let names = if run.exists() { checkpoints(run) } else { Vec::new() };
    names.last().map_or(0, |name| name["step-".len()..].parse().unwrap())
}

/// Whether a checkpoint is being written, or was when the process ended.
fn is_writing(run: &Path) -> bool {
    let entries = fs::read_dir(run).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(".writing-step-"))
}
