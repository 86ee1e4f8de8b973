use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::folders::{attempts, folder_of, partial_of};
use super::{Shown, hold, is_at};

/// A file that appears under its name whole or not at all: written beside it, synced, then renamed. Dropped before that, it is gone. A link of
/// that name gives way to the file; what it leads to is not touched.
pub struct AtomicFile {
    destination: PathBuf,
    temporary: PathBuf,
    file: File,
}

impl AtomicFile {
    /// Makes the folder too where there is none.
    pub fn create(destination: &Path) -> Result<Self> {
        let folder = folder_of(destination);
        fs::create_dir_all(folder).with_context(|| format!("{}: cannot make this folder", folder.shown()))?;
        attempts(destination, || {
            let temporary = partial_of(destination)?;
            let file = match OpenOptions::new().read(true).write(true).create_new(true).open(&temporary) {
                // Of a process that is gone and had the same number.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(None),
                file => file.with_context(|| format!("{}: cannot write", temporary.shown()))?,
            };
            // Before it was held, somebody may have taken it for abandoned.
            let held = hold(&file) && is_at(&file, &temporary);
            Ok(held.then(|| Self { destination: destination.to_owned(), temporary, file }))
        })
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its name, and back, open for reading and writing.
    pub fn commit(self) -> Result<File> {
        self.finish(true).with_context(|| format!("{}: cannot write", self.destination.shown()))
    }

    fn finish(&self, sync: bool) -> io::Result<File> {
        if sync {
            self.file.sync_all()?;
        }
        let file = self.file.try_clone()?;
        fs::rename(&self.temporary, &self.destination)?;
        // Where locks are unknown there is none to give back.
        let _ = file.unlock();
        if sync {
            // The new name is safe from a power cut only when the folder is written too.
            File::open(folder_of(&self.destination))?.sync_all()?;
        }
        Ok(file)
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        // After the rename there is nothing to remove; before it, a failure here leaves a hidden file and no harm.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Writes a whole file as [`AtomicFile`] does.
///
/// # Errors
/// What the file system refuses; what was there before stays then.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes.as_ref()).with_context(|| format!("{}: cannot write", path.shown()))?;
    file.commit().map(drop)
}

/// The same without waiting for the disk, for what can be made again: pictures, of which there may be thousands.
///
/// # Errors
/// As [`write()`].
pub fn write_unsynced(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes.as_ref())
        .and_then(|()| file.finish(false).map(drop))
        .with_context(|| format!("{}: cannot write", path.shown()))
}

#[cfg(test)]
mod tests {
    use super::super::clear_partials;
    use super::*;

    #[test]
    fn appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/file");
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"one").unwrap();
        assert!(!path.exists());
        // Somebody else who clears up sees that it is being written.
        clear_partials(path.parent().unwrap());
        file.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");

        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"two").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn links_give_way_and_what_they_lead_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (outside, link) = (folder.path().join("outside"), folder.path().join("link"));
        fs::write(&outside, "mine").unwrap();
        type Write = fn(&Path, &str) -> Result<()>;
        let ways: [Write; 2] = [|path, text| write(path, text), |path, text| write_unsynced(path, text)];
        for write in ways {
            std::os::unix::fs::symlink(&outside, &link).unwrap();
            write(&link, "new").unwrap();
            assert!(fs::symlink_metadata(&link).unwrap().is_file());
            assert_eq!(fs::read_to_string(&link).unwrap(), "new");
            assert_eq!(fs::read_to_string(&outside).unwrap(), "mine");
            fs::remove_file(&link).unwrap();
        }
    }

    #[test]
    fn names_of_any_length_and_any_bytes() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        let long = "n".repeat(255);
        for name in [long.as_bytes(), b"caf\xe9\n\x1b[31m"] {
            let path = folder.path().join(std::ffi::OsStr::from_bytes(name));
            write(&path, "text").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"text");
        }
    }
}
