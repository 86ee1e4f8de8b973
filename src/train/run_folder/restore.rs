//! A run folder that somebody removes, empties or replaces while a training writes it.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::lock::{self, LOCK};
use super::{RunFolder, sync_folder};
use crate::runtime::files::{AtomicFile, Shown, is_at, is_free};

/// A file that can be read as long as it is open, whatever becomes of its name.
pub(super) struct Kept {
    name: PathBuf,
    file: File,
}

/// Larger than any of them.
const MOST_BYTES: u64 = 1 << 28;

impl RunFolder {
    /// Keeps the recipe and the tokenizers that the run has at this moment.
    pub fn keep(&self) -> Result<()> {
        let mut kept = Vec::new();
        for name in self.names()?.into_iter().filter(|name| is_kept(name)) {
            let path = self.path.join(&name);
            if fs::symlink_metadata(&path).is_ok_and(|found| found.is_file() && found.len() <= MOST_BYTES) {
                let open = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(&path);
                let file = open.with_context(|| format!("{}: cannot open", path.shown()))?;
                kept.push(Kept { name: name.into(), file });
            }
        }
        *self.kept.borrow_mut() = kept;
        Ok(())
    }

    /// Whether the folder's path still leads to the folder that was opened.
    pub fn is_same(&self) -> bool {
        // The run folder itself may be named by a link.
        fs::canonicalize(&self.path).is_ok_and(|path| is_at(&self.folder.borrow(), &path))
    }

    /// Whether the folder, its lock and what is kept of it are where they were.
    pub fn is_whole(&self) -> bool {
        self.is_same()
            && is_at(&self.lock.borrow(), &self.path.join(LOCK))
            && self.kept.borrow().iter().all(|kept| fs::symlink_metadata(self.path.join(&kept.name)).is_ok())
    }

    /// Puts back what somebody took away while training went on: the folder, its lock, the files that are kept. What is there stays as it is.
    /// Gives what to tell people; nothing where all is as it was.
    ///
    /// # Errors
    /// When another folder is there now with something in it, or another training writes it; or when the file system refuses.
    pub fn restore(&self) -> Result<Option<String>> {
        if self.is_whole() {
            return Ok(None);
        }
        let path = &self.path;
        fs::create_dir_all(path).with_context(|| format!("{}: cannot make the run folder", path.shown()))?;
        if !self.is_same() {
            // Of another run, even: its checkpoints must not be taken for those of this one.
            ensure!(is_free(path), "{}: somebody put another folder in the place of this run's", path.shown());
            *self.folder.borrow_mut() = File::open(path).with_context(|| format!("{}: cannot open", path.shown()))?;
        }
        if !is_at(&self.lock.borrow(), &path.join(LOCK)) {
            *self.lock.borrow_mut() = lock::take(path)?;
        }
        self.put_kept(path)?;
        Ok(Some(format!(
            "{}: somebody removed or replaced it, or files of it, while training went on; what training needs was put back, earlier \
             checkpoints may be gone",
            path.shown()
        )))
    }

    /// Another folder beside this one, with what is kept of it, to save in what cannot be saved here.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn fallback_folder(&self) -> Result<RunFolder> {
        let name = self.path.file_name().with_context(|| format!("{}: names no folder", self.path.shown()))?;
        for number in 1..1000 {
            let mut other = name.to_owned();
            other.push(format!(".saved-{number}"));
            let path = self.path.with_file_name(other);
            match fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).and_then(|()| fs::create_dir(&path)) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                made => made.with_context(|| format!("{}: cannot make a folder", path.shown()))?,
            }
            let folder = RunFolder::open(&path)?;
            self.put_kept(&path)?;
            return Ok(folder);
        }
        bail!("{}: every name beside it is taken", self.path.shown())
    }

    /// Writes what is kept into `folder`, where it lacks it.
    fn put_kept(&self, folder: &Path) -> Result<()> {
        for Kept { name, file } in self.kept.borrow_mut().iter_mut() {
            let path = folder.join(&*name);
            if fs::symlink_metadata(&path).is_err() {
                let mut bytes = Vec::new();
                let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut bytes));
                read.with_context(|| format!("{}: was removed, and what it held cannot be read", path.shown()))?;
                let mut copy = AtomicFile::create(&path)?;
                copy.write_all(&bytes).with_context(|| format!("{}: cannot write", path.shown()))?;
                copy.commit()?;
            }
        }
        sync_folder(folder)
    }
}

/// What a run cannot be resumed without.
fn is_kept(name: &str) -> bool {
    name == "recipe.toml" || name.ends_with("tokenizer.json")
}
