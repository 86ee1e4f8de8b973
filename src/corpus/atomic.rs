use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};

/// A file that appears under its name whole or not at all: written beside it, synced, then renamed. Dropped before that, it is gone.
pub struct AtomicFile {
    destination: PathBuf,
    temporary: PathBuf,
    file: File,
}

impl AtomicFile {
    /// Makes the folder too where there is none.
    pub fn create(destination: &Path) -> Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let folder = folder(destination);
        fs::create_dir_all(folder).with_context(|| format!("{}: cannot make this folder", folder.display()))?;
        let name = destination.file_name().with_context(|| format!("{}: names no file", destination.display()))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}-{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        let temporary = folder.join(hidden);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&temporary)
            .with_context(|| format!("{}: cannot write", temporary.display()))?;
        Ok(Self { destination: destination.to_owned(), temporary, file })
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    pub fn commit(self) -> Result<()> {
        self.sync_and_rename().with_context(|| format!("{}: cannot write", self.destination.display()))
    }

    fn sync_and_rename(&self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.temporary, &self.destination)?;
        // The new name is safe from a power cut only when the folder is written too.
        File::open(folder(&self.destination))?.sync_all()
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

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/file");
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"one").unwrap();
        assert!(!path.exists());
        file.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");

        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"two").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left over");
    }
}
