use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use super::folders::{attempts, builder, folder_of, hidden_prefix};
use super::{Shown, hold, is_at};

/// A file that appears under its name whole or not at all: written beside it, synced, then renamed. Dropped before that, it is gone. A link of
/// that name gives way to the file; what it leads to is not touched.
pub struct AtomicFile {
    destination: PathBuf,
    file: NamedTempFile,
}

impl AtomicFile {
    /// Makes the folder too where there is none.
    pub fn create(destination: &Path) -> Result<Self> {
        let folder = folder_of(destination);
        fs::create_dir_all(folder).with_context(|| format!("{}: cannot make this folder", folder.shown()))?;
        let prefix = hidden_prefix(destination)?;
        // Not with `Builder::tempfile_in`, which makes files that only their owner may read.
        let open = |path: &Path| OpenOptions::new().read(true).write(true).create_new(true).open(path);
        attempts(destination, || {
            let file =
                builder(&prefix).make_in(folder, open).with_context(|| format!("{}: cannot write", destination.shown()))?;
            // Before it was held, somebody may have taken it for abandoned.
            let held = hold(file.as_file()) && is_at(file.as_file(), file.path());
            Ok(held.then(|| Self { destination: destination.to_owned(), file }))
        })
    }

    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Gives the file its name, and back, open for reading and writing.
    pub fn commit(self) -> Result<File> {
        self.finish(true)
    }

    fn finish(self, sync: bool) -> Result<File> {
        let Self { destination, file } = self;
        let finished = || -> io::Result<File> {
            if sync {
                file.as_file().sync_all()?;
            }
            let file = file.persist(&destination)?;
            // Where locks are unknown there is none to give back.
            let _ = file.unlock();
            if sync {
                // The new name is safe from a power cut only when the folder is written too.
                File::open(folder_of(&destination))?.sync_all()?;
            }
            Ok(file)
        };
        finished().with_context(|| format!("{}: cannot write", destination.shown()))
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
    file.write_all(bytes.as_ref()).with_context(|| format!("{}: cannot write", path.shown()))?;
    file.finish(false).map(drop)
}

#[cfg(test)]
mod tests {
    use super::super::{clear_partials, new_folder};
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

    /// A temporary file of the crate's own making would be its owner's alone.
    #[test]
    fn others_may_read_what_they_may_read_of_any_file() {
        let place = tempfile::tempdir().unwrap();
        let [plain, whole, folder] = ["plain", "whole", "folder"].map(|name| place.path().join(name));
        fs::write(&plain, "").unwrap();
        write(&whole, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions();
        assert_eq!(mode(&whole), mode(&plain));
        new_folder(&folder, |_| Ok(())).unwrap();
        fs::create_dir(place.path().join("other")).unwrap();
        assert_eq!(mode(&folder), mode(&place.path().join("other")));
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
