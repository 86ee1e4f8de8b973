//! Whose a folder is: Targum's or somebody else's, this process's or another's.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::runtime::files::{Shown, open_in_place};

pub(super) const LOCK: &str = ".lock";

/// First line of the lock: that Targum made the folder, and by which rules.
pub(super) const MARK: &str = "Targum run folder, format 1";

/// How much of a lock is read; it holds the mark and a process's number.
const MOST: u64 = 1 << 10;

/// Refuses a folder with something in it that no training of Targum made.
pub(super) fn ensure_ours(folder: &Path) -> Result<()> {
    let read = || fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>();
    let mut names = read().with_context(|| format!("{}: cannot list the run folder", folder.shown()))?;
    if is_marked(folder) || names.iter().any(|name| is_checkpoint(&folder.join(name))) {
        return Ok(());
    }
    // A start that ended between making the lock and writing it leaves that alone.
    let lock = fs::symlink_metadata(folder.join(LOCK));
    names.retain(|name| name != LOCK || !lock.as_ref().is_ok_and(|lock| lock.is_file() && lock.len() == 0));
    names.sort_unstable();
    let mut shown: Vec<String> = names.iter().take(5).map(|name| Path::new(name).shown()).collect();
    shown.extend((names.len() > 5).then(|| format!("{} more", names.len() - 5)));
    ensure!(
        names.is_empty(),
        "{}: holds {}, and is no run folder that `targum train` made, so nothing is written there; name a new or empty folder with --out",
        folder.shown(),
        shown.join(", ")
    );
    Ok(())
}

/// Whether the folder's lock, a file and no link, says that Targum made it.
pub(super) fn is_marked(folder: &Path) -> bool {
    let path = folder.join(LOCK);
    let mut text = String::new();
    fs::symlink_metadata(&path).is_ok_and(|found| found.is_file())
        && File::open(path).and_then(|file| file.take(MOST).read_to_string(&mut text)).is_ok()
        && text.lines().next() == Some(MARK)
}

/// Whether this is a checkpoint to go on with: a copy of a run may come without its hidden files.
fn is_checkpoint(path: &Path) -> bool {
    let file = |name: &str| fs::symlink_metadata(path.join(name)).is_ok_and(|found| found.is_file());
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("step-"))
        && fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
        && ["config.json", "training.json", "training.safetensors", "model.safetensors"].into_iter().all(file)
}

/// Takes the folder's lock or names the process that has it. The file itself stays, marks the folder as Targum's, and locks nothing without
/// a living owner.
pub(super) fn take(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    let mut file = open_in_place(&path).with_context(|| format!("{}: cannot open the lock", path.shown()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(error)) if error.kind() != ErrorKind::WouldBlock => {
            return Err(error).with_context(|| format!("{}: cannot lock", path.shown()));
        }
        Err(_) => {
            let mut text = String::new();
            let _ = (&file).take(MOST).read_to_string(&mut text);
            let owner = text.lines().nth(1).and_then(|number| number.trim().parse::<u32>().ok());
            let owner = owner.map_or(String::new(), |number| format!(" (process {number})"));
            bail!(
                "{}: another training{owner} writes this folder; wait for it, stop it, or name another folder with --out",
                folder.shown(),
            );
        }
    }
    // In one piece, and never empty in between: the mark has to be there whenever this process is killed.
    let text = format!("{MARK}\n{}\n", std::process::id());
    let write = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.write_all(text.as_bytes()))
        .and_then(|()| file.set_len(text.len() as u64));
    write.with_context(|| format!("{}: cannot write the lock", path.shown()))?;
    Ok(file)
}
