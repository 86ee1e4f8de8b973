//! File systems that run out: an error, earlier checkpoints whole, and with room again the run ends as if nothing had been.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use crate::case::Case;
use crate::kills::{finish, whole};
use crate::process::Launch;
use crate::report::{Fault, copy_all};
use crate::setup::{checkpoints, leftovers, train};

pub fn case(case: &mut Case) {
    case.tried();
    match case.number % 4 {
        0 => limited(case),
        1 => {
            let what = case.chance.below(4);
            on_a_disk(case, |case, disk| other_commands(case, disk, what));
        }
        _ => on_a_disk(case, fills_up),
    }
}

/// No file may be longer than so many bytes, as `ulimit -f` has it.
fn limited(case: &mut Case) {
    let model = case.chance.pick(&case.setup.models);
    let out = case.folder.join("run");
    let bytes = 1u64 << (9 + case.chance.below(9));
    let bytes = bytes + case.chance.below(bytes as usize) as u64;
    let run = Launch::new(&case.setup.program, &case.folder, train(&model.recipe, &out, &[])).file_limit(bytes).run();
    case.judge(&run, &[0, 1]);
    finish(case, model, &out);
}

/// Mounts a small file system for a while, where that is allowed.
fn on_a_disk(case: &mut Case, work: impl FnOnce(&mut Case, &Path)) {
    let disk = case.folder.join("disk");
    fs::create_dir(&disk).expect("a folder");
    let inodes = if case.chance.one_in(3) { 40 + case.chance.below(60) } else { 10_000 };
    if let Err(error) = mount(&disk, 0, &format!("size=12m,nr_inodes={inodes}")) {
        case.skip(&format!("no file system of a test's own may be mounted ({error})"));
        return limited(case);
    }
    work(case, &disk);
    // For whoever wants to look at it.
    let _ = copy_all(&disk, &case.folder.join("of-the-disk"));
    // SAFETY: the path is a C string; only what was mounted here is taken away.
    unsafe { libc::umount2(path(&disk).as_ptr(), libc::MNT_DETACH) };
}

/// What is mounted from here on is seen by this process and those that it starts, and goes with them. Nothing where that is not allowed.
/// Call it before there are other threads.
pub fn stay_private() {
    // SAFETY: the calls change which mounts this process sees; the strings are C strings.
    unsafe {
        if libc::unshare(libc::CLONE_NEWNS) == 0 {
            let flags = libc::MS_REC | libc::MS_PRIVATE;
            libc::mount(c"none".as_ptr(), c"/".as_ptr(), std::ptr::null(), flags, std::ptr::null());
        }
    }
}

fn path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("a path")
}

fn mount(place: &Path, flags: libc::c_ulong, options: &str) -> std::io::Result<()> {
    let options = CString::new(options).expect("options");
    // SAFETY: all are C strings that outlive the call.
    let status =
        unsafe { libc::mount(c"none".as_ptr(), path(place).as_ptr(), c"tmpfs".as_ptr(), flags, options.as_ptr().cast()) };
    if status == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// Takes all bytes or all inodes, but a few.
fn fill(case: &mut Case, disk: &Path) {
    let filler = disk.join("filler");
    fs::create_dir_all(&filler).ok();
    if case.chance.one_in(2) {
        for number in 0..10_000 {
            if File::create(filler.join(number.to_string())).is_err() {
                let left = case.chance.below(8).min(number);
                (0..left).for_each(|number| drop(fs::remove_file(filler.join(number.to_string()))));
                return;
            }
        }
    }
    let Ok(mut file) = File::create(filler.join("bytes")) else { return };
    let mut length = 0;
    while file.write_all(&[1; 4096]).is_ok() {
        length += 4096;
    }
    let left = case.chance.below(300_000) as u64;
    let _ = file.set_len(u64::saturating_sub(length, left));
}

fn fills_up(case: &mut Case, disk: &Path) {
    let model = case.chance.pick(&case.setup.models);
    let out = disk.join("run");
    let mut running = Launch::new(&case.setup.program, &case.folder, train(&model.recipe, &out, &["--resume"])).start();
    running.wait(Duration::from_secs_f64(case.chance.fraction() * model.seconds));
    let before = checkpoints(&out);
    fill(case, disk);
    let run = running.finish();
    case.judge(&run, &[0, 1]);
    whole(case, &out, &before);
    // Again while it is full: nothing gets worse.
    let again = Launch::new(&case.setup.program, &case.folder, train(&model.recipe, &out, &["--resume"])).run();
    case.judge(&again, &[0, 1]);
    whole(case, &out, &before);
    fs::remove_dir_all(disk.join("filler")).ok();
    mount(disk, libc::MS_REMOUNT, "size=64m,nr_inodes=20000").expect("more room");
    finish(case, model, &out);
}

/// Where the disk is full they fail, and leave nothing that looks whole.
fn other_commands(case: &mut Case, disk: &Path, what: usize) {
    fill(case, disk);
    let out = disk.join("made");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/marian/trained");
    let last = case.setup.models[0].run.join("last");
    let words: Vec<&std::ffi::OsStr> = match what {
        0 => vec!["import".as_ref(), fixture.as_ref()],
        1 => vec!["average".as_ref(), last.as_ref(), last.as_ref()],
        2 => vec!["data".as_ref(), "synth".as_ref(), "--train".as_ref(), "9000".as_ref()],
        _ => vec!["translate".as_ref(), "--model".as_ref(), last.as_ref(), case.setup.lines.as_ref(), "--heatmaps".as_ref()],
    };
    let mut arguments: Vec<_> = words.into_iter().map(ToOwned::to_owned).collect();
    arguments.extend(if what == 3 { vec![out.clone().into()] } else { vec!["--out".into(), out.clone().into()] });
    let run = Launch::new(&case.setup.program, &case.folder, arguments).run();
    case.judge(&run, &[0, 1]);
    let left = leftovers(disk);
    if !left.is_empty() {
        case.blame(&run, Fault::Other, &format!("left behind: {}", left.join(", ")));
    }
    if what < 2 && run.code() == Some(1) && out.join("config.json").exists() {
        case.blame(&run, Fault::Lost, "it failed, and left what looks like a checkpoint");
    }
}
