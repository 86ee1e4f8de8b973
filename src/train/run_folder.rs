//! A run on disk: `step-NNNNNNNN/` folders, `best` and `last`, written so that a crash at any moment leaves good checkpoints.
//!
//! A checkpoint is filled in a hidden folder, synced and renamed; the old ones go only afterwards, and are renamed to a hidden
//! name before they are deleted. So a folder that is called `step-…` was whole when it got that name.
//!
//! Only a folder that Targum made is written to: its `.lock` says so. Nothing in it is written through a symbolic link.

mod lock;
mod restore;
#[cfg(test)]
mod tests_of_places;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::runtime::files::{Shown, clear_partials, exchange, plain_folder, sync_folder, sync_tree};

use crate::checksum::{self, Checksums, Verify};

const WRITING: &str = ".writing-";
const REMOVING: &str = ".removing-";
const PICTURES: &str = "heatmaps";

/// A run folder that this process alone writes, as long as the value lives.
pub struct RunFolder {
    path: PathBuf,
    /// The folder itself, by which it is known from another one that somebody puts in its place.
    folder: RefCell<File>,
    /// Whether checkpoints are compared with their checksums before they are used.
    verify: Verify,
    /// The system lets go of its lock when the process ends, however it ends.
    lock: RefCell<File>,
    /// Files that a run cannot go on without, open.
    kept: RefCell<Vec<restore::Kept>>,
}

impl RunFolder {
    /// Whether a run may be written to this folder, or read from it: Targum made it, or it is empty or not there.
    ///
    /// # Errors
    /// Names what is in it otherwise.
    pub fn ensure_ours(path: &Path) -> Result<()> {
        if path.is_dir() { lock::ensure_ours(path) } else { Ok(()) }
    }

    /// Makes the folder where there is none, locks it, and clears what a crash left behind.
    ///
    /// # Errors
    /// When there is something in it and Targum did not make it; when another training writes it, or the file system refuses.
    /// Nothing is written then.
    pub fn open(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("{}: cannot make the run folder", path.shown()))?;
        lock::ensure_ours(path)?;
        for name in ["best", "last"] {
            ensure_link(&path.join(name))?;
        }
        let opened = File::open(path).with_context(|| format!("{}: cannot open the run folder", path.shown()))?;
        let lock = lock::take(path)?;
        let folder = RunFolder {
            path: path.to_path_buf(),
            folder: RefCell::new(opened),
            lock: RefCell::new(lock),
            kept: RefCell::new(Vec::new()),
            verify: Verify::Yes,
        };
        for name in folder.names()? {
            if name.starts_with(WRITING) || name.starts_with(REMOVING) {
                remove(&path.join(name))?;
            }
        }
        clear_partials(path);
        let pictures = path.join(PICTURES);
        if fs::symlink_metadata(&pictures).is_ok_and(|found| found.is_dir()) {
            let entries = fs::read_dir(&pictures).into_iter().flatten().filter_map(Result::ok);
            entries
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .for_each(|entry| clear_partials(&entry.path()));
        }
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The checkpoint after `update` updates, whether it is there or not.
    pub fn checkpoint(&self, update: u64) -> PathBuf {
        self.path.join(step_name(update))
    }

    /// The same folder, with its checkpoints compared with their checksums or not.
    pub fn verifying(self, verify: Verify) -> Self {
        RunFolder { verify, ..self }
    }

    pub fn verify(&self) -> Verify {
        self.verify
    }

    /// Compares all files of the checkpoint after `update` updates with its checksums; says what people should know of it.
    ///
    /// # Errors
    /// Names every file that is not as it was written.
    pub fn check(&self, update: u64) -> Result<Vec<String>> {
        let path = self.checkpoint(update);
        if self.verify == Verify::No {
            return Ok(Vec::new());
        }
        let Some(checksums) = Checksums::read(&path)? else {
            let message = format!(
                "{}: has no {}, so nobody can tell whether its files are whole; they are used as they are",
                path.shown(),
                checksum::FILE
            );
            return Ok(vec![message]);
        };
        let foreign = checksums.check_all()?.into_iter();
        Ok(foreign.map(|name| format!("{}: not part of the checkpoint, and not used", path.join(name).shown())).collect())
    }

    /// Makes the folder where pictures after `update` updates go.
    ///
    /// # Errors
    /// When a link or a file has its name, or the file system refuses.
    pub fn pictures(&self, update: u64) -> Result<PathBuf> {
        let all = self.path.join(PICTURES);
        let folder = all.join(step_name(update));
        plain_folder(&all)?;
        plain_folder(&folder)?;
        Ok(folder)
    }

    /// Updates of all checkpoints, ascending.
    pub fn checkpoints(&self) -> Result<Vec<u64>> {
        let mut updates: Vec<u64> = self.names()?.iter().filter_map(|name| name.strip_prefix("step-")?.parse().ok()).collect();
        updates.sort_unstable();
        Ok(updates)
    }

    /// Writes a checkpoint of about `bytes` bytes: `fill` puts its files into an empty folder; their checksums come last. When anything fails, the folder is
    /// as it was before.
    pub fn write(&self, update: u64, bytes: u64, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        self.ensure_space(bytes)?;
        let hidden = self.path.join(format!("{WRITING}{}", step_name(update)));
        let target = self.checkpoint(update);
        let written = (|| {
            fs::create_dir(&hidden).with_context(|| format!("{}: cannot make a folder", hidden.shown()))?;
            fill(&hidden)?;
            checksum::write_checksums(&hidden)?;
            sync_tree(&hidden)?;
            if exchange(&hidden, &target).is_err() {
                // There is none yet; or the file system cannot, and for a moment there is neither.
                if fs::symlink_metadata(&target).is_ok() {
                    self.remove(update)?;
                }
                let renamed = fs::rename(&hidden, &target);
                renamed.with_context(|| format!("{}: cannot rename to {}", hidden.shown(), target.shown()))?;
            }
            sync_folder(&self.path)?;
            remove(&hidden)
        })();
        if written.is_err() {
            // The first error is the one to tell; what stays is cleared at the next start.
            let _ = remove(&hidden);
        }
        written.with_context(|| format!("{}: the checkpoint was not saved; earlier ones are untouched", target.shown()))?;
        Ok(target)
    }

    /// Points `name` (`best`, `last`) at a checkpoint by a relative link, in one step.
    pub fn point(&self, name: &str, update: u64) -> Result<()> {
        let (hidden, link) = (self.path.join(format!("{WRITING}{name}")), self.path.join(name));
        ensure_link(&link)?;
        remove(&hidden)?;
        std::os::unix::fs::symlink(step_name(update), &hidden)
            .and_then(|()| fs::rename(&hidden, &link))
            .with_context(|| format!("{}: cannot point at {}", link.shown(), step_name(update)))?;
        sync_folder(&self.path)
    }

    /// Deletes all checkpoints but `kept`.
    pub fn retain(&self, kept: &BTreeSet<u64>) -> Result<()> {
        self.checkpoints()?.into_iter().filter(|update| !kept.contains(update)).try_for_each(|update| self.remove(update))
    }

    /// Gives a broken checkpoint a name that nothing takes for a checkpoint.
    pub fn set_aside(&self, update: u64) -> Result<PathBuf> {
        let aside = self.path.join(format!("broken-{}", step_name(update)));
        remove(&aside)?;
        let path = self.checkpoint(update);
        fs::rename(&path, &aside).with_context(|| format!("{}: cannot rename to {}", path.shown(), aside.shown()))?;
        sync_folder(&self.path)?;
        Ok(aside)
    }

    fn remove(&self, update: u64) -> Result<()> {
        let (path, hidden) = (self.checkpoint(update), self.path.join(format!("{REMOVING}{}", step_name(update))));
        remove(&hidden)?;
        fs::rename(&path, &hidden).with_context(|| format!("{}: cannot remove", path.shown()))?;
        remove(&hidden)
    }

    fn names(&self) -> Result<Vec<String>> {
        let read =
            || fs::read_dir(&self.path)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<std::io::Result<Vec<_>>>();
        let names = read().with_context(|| format!("{}: cannot list the run folder", self.path.shown()))?;
        Ok(names.into_iter().filter_map(|name| name.into_string().ok()).collect())
    }

    fn ensure_space(&self, bytes: u64) -> Result<()> {
        let free = free_space(&self.path)?;
        ensure!(
            free >= bytes,
            "{}: {} MB free, a checkpoint takes about {} MB; free some space, or lower training.keep_best and training.keep_last, \
             and resume: the checkpoints so far are untouched",
            self.path.shown(),
            free / 1_000_000,
            bytes.div_ceil(1_000_000)
        );
        Ok(())
    }
}

fn step_name(update: u64) -> String {
    format!("step-{update:08}")
}

/// Bytes that an ordinary user may still write to the file system of `path`.
fn free_space(path: &Path) -> Result<u64> {
    let name = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: statvfs is a plain C struct for which zeros are a value; the call writes it and reads the C string, both alive.
    let (status, found) = unsafe {
        let mut found: libc::statvfs = std::mem::zeroed();
        (libc::statvfs(name.as_ptr(), &mut found), found)
    };
    if status != 0 {
        return Err(std::io::Error::last_os_error()).with_context(|| format!("{}: cannot ask for the free space", path.shown()));
    }
    Ok(found.f_bavail * found.f_frsize)
}

/// Deletes a file, link or folder; nothing there is fine.
/// Whether the name is free for a link to a checkpoint. Folders that were copied by what follows links are not.
fn ensure_link(path: &Path) -> Result<()> {
    let taken = fs::symlink_metadata(path).is_ok_and(|found| !found.is_symlink());
    ensure!(!taken, "{}: is no link to a checkpoint, and not of Targum's making; move it away", path.shown());
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.with_context(|| format!("{}: cannot remove", path.shown()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &RunFolder, update: u64, text: &str) -> Result<PathBuf> {
        folder.write(update, 0, |path| {
            fs::create_dir(path.join("sub"))?;
            Ok(fs::write(path.join("sub/file"), text)?)
        })
    }

    fn listed(folder: &RunFolder) -> Vec<String> {
        let mut names = folder.names().unwrap();
        names.sort();
        names
    }

    #[test]
    fn checkpoints_are_written_pointed_at_and_retained() {
        let place = tempfile::tempdir().unwrap();
        let folder = RunFolder::open(&place.path().join("a/b")).unwrap();
        for update in [5, 10, 100_000_000] {
            write(&folder, update, "x").unwrap();
            folder.point("last", update).unwrap();
        }
        assert_eq!(folder.checkpoints().unwrap(), [5, 10, 100_000_000]);
        folder.point("best", 5).unwrap();
        assert_eq!(fs::read_link(folder.path().join("last")).unwrap(), Path::new("step-100000000"));
        folder.retain(&BTreeSet::from([5, 100_000_000])).unwrap();
        assert_eq!(listed(&folder), [".lock", "best", "last", "step-00000005", "step-100000000"]);
        // A checkpoint of the same update takes the old one's place.
        write(&folder, 5, "new").unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("best/sub/file")).unwrap(), "new");
    }

    #[test]
    fn a_failed_write_leaves_all_as_it_was() {
        let place = tempfile::tempdir().unwrap();
        let folder = RunFolder::open(place.path()).unwrap();
        write(&folder, 5, "old").unwrap();
        // A device that is always full stands for a full disk.
        let full = |path: &Path| -> Result<()> {
            fs::write(path.join("config.json"), "{}")?;
            std::os::unix::fs::symlink("/dev/full", path.join("model.safetensors"))?;
            fs::write(path.join("model.safetensors"), "weights").context("model.safetensors")
        };
        let error = format!("{:#}", folder.write(5, 0, full).unwrap_err());
        assert!(error.contains("step-00000005: the checkpoint was not saved; earlier ones are untouched"), "{error}");
        assert!(error.contains("No space left on device"), "{error}");
        assert_eq!(listed(&folder), [".lock", "step-00000005"]);
        assert_eq!(fs::read_to_string(folder.checkpoint(5).join("sub/file")).unwrap(), "old");
        let error = folder.write(6, u64::MAX, |_| unreachable!("nothing is written without space")).unwrap_err().to_string();
        assert!(error.contains("MB free, a checkpoint takes about 18446744073710 MB"), "{error}");
    }

    #[test]
    fn what_a_crash_left_is_cleared() {
        let place = tempfile::tempdir().unwrap();
        drop(RunFolder::open(place.path()).unwrap());
        for left in [".writing-step-00000007", ".removing-step-00000003"] {
            fs::create_dir(place.path().join(left)).unwrap();
            fs::write(place.path().join(left).join("model.safetensors"), "half").unwrap();
        }
        std::os::unix::fs::symlink("step-00000001", place.path().join(".writing-last")).unwrap();
        fs::write(place.path().join("notes.txt"), "mine").unwrap();
        assert_eq!(listed(&RunFolder::open(place.path()).unwrap()), [".lock", "notes.txt"]);
    }

    #[test]
    fn one_training_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        // A lock of a process that is gone is no lock.
        drop(RunFolder::open(place.path()).unwrap());
        let first = RunFolder::open(place.path()).unwrap();
        let error = RunFolder::open(place.path()).err().unwrap().to_string();
        assert!(error.contains(&format!("another training (process {})", std::process::id())), "{error}");
        drop(first);
        RunFolder::open(place.path()).unwrap();
    }

    #[test]
    fn broken_checkpoints_are_set_aside() {
        let place = tempfile::tempdir().unwrap();
        let folder = RunFolder::open(place.path()).unwrap();
        for _ in 0..2 {
            write(&folder, 5, "broken").unwrap();
            let aside = folder.set_aside(5).unwrap();
            assert_eq!(fs::read_to_string(aside.join("sub/file")).unwrap(), "broken");
            assert!(folder.checkpoints().unwrap().is_empty());
        }
    }
}
