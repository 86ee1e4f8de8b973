//! Files that Targum writes: whole or not at all, never through a link that somebody planted, and cleared up after a process that died;
//! and how their names are shown.
//!
//! A file or folder in the making has a hidden name beside its final one, `.NAME.RANDOM.targum-partial`, and is locked for as long
//! as its process lives. So what a killed process left can be told from what a living one is writing, on whatever machine that runs.

mod atomic;
mod folders;
mod shown;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

pub use atomic::{AtomicFile, write, write_unsynced};
pub use folders::{clear_partials, exchange, is_free, new_folder, plain_folder, sync_folder, sync_tree};
pub use shown::Shown;
pub(super) use shown::{escape_into, steers};

/// Opens a file to write to in place, making it where there is none: never one at the other end of a symbolic link.
///
/// # Errors
/// A link, a folder, or what the file system refuses.
pub fn open_in_place(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let open =
        options.read(true).write(true).create(true).truncate(false).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    let file = open.map_err(|error| match error.raw_os_error() {
        Some(libc::ELOOP) => io::Error::new(error.kind(), "it is a symbolic link, which is not written through; remove it"),
        _ => error,
    })?;
    // Opened without waiting, so that nobody's pipe can make it wait.
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file but a pipe or a device; remove it"));
    }
    Ok(file)
}

/// Whether `path` leads to what is open, without following a last link: false where somebody removed or replaced it.
pub fn is_at(file: &File, path: &Path) -> bool {
    let same = |one: fs::Metadata, other: fs::Metadata| (one.dev(), one.ino()) == (other.dev(), other.ino());
    file.metadata().and_then(|open| fs::symlink_metadata(path).map(|found| same(open, found))).unwrap_or(false)
}

/// Marks a file or folder as one that a living process works on; false where somebody is about to clear it. Where the file system has no
/// locks, nobody clears anything.
fn hold(file: &File) -> bool {
    !matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}

/// Whether the process that made a partial file or folder is gone.
fn is_abandoned(path: &Path) -> bool {
    let open = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    open.is_ok_and(|file| match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
    })
}
