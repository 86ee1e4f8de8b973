use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::Record;
use super::layout::Layout;
use crate::runtime::files::Shown;

/// The ids of an index: in memory, or in a file that is read piece by piece. It is not mapped: a program that cuts a mapped file off ends all
/// that look at it.
#[derive(Debug)]
pub struct Ids {
    kept: Option<Vec<u8>>,
    file: File,
    /// Of the file when its checksum was compared: bytes, and seconds and nanoseconds of the last change.
    seen: (u64, i64, i64),
    layout: Layout,
    vocabulary: usize,
    path: PathBuf,
}

impl Ids {
    pub fn new(kept: Option<Vec<u8>>, file: File, layout: Layout, vocabulary: usize, path: &Path) -> io::Result<Self> {
        let seen = state(&file)?;
        Ok(Self { kept, file, seen, layout, vocabulary, path: path.to_owned() })
    }

    /// `count` ids from number `start` on, which are there.
    ///
    /// # Errors
    /// Where another program wrote to the file since it was opened.
    pub fn get(&self, record: &Record, start: u64, count: u32) -> Result<Vec<u32>> {
        let (place, length) = (self.layout.place(start), count as usize * self.layout.width);
        let ids = match &self.kept {
            Some(bytes) => {
                let first = (place - self.layout.place(0)) as usize;
                self.layout.numbers(&bytes[first..first + length])
            }
            None => {
                let mut bytes = vec![0; length];
                let read = self.file.read_exact_at(&mut bytes, place).and_then(|()| state(&self.file));
                match read {
                    Ok(state) if state == self.seen => {}
                    Ok(_) => bail!("{}{CHANGED}", self.path.shown()),
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => bail!("{}{CHANGED}", self.path.shown()),
                    Err(error) => return Err(error).with_context(|| format!("{}: cannot read", self.path.shown())),
                }
                self.layout.numbers(&bytes)
            }
        };
        let vocabulary = self.vocabulary;
        ensure!(
            ids.iter().all(|&id| (id as usize) < vocabulary),
            "{}: line {} has ids of {vocabulary} and more, which the vocabulary has not; remove the file, and go on with --resume",
            self.path.shown(),
            record.line
        );
        Ok(ids)
    }
}

const CHANGED: &str =
    ": another program wrote to it while it was in use; go on with --resume, which makes it anew where it is damaged";

fn state(file: &File) -> io::Result<(u64, i64, i64)> {
    let found = file.metadata()?;
    Ok((found.len(), found.mtime(), found.mtime_nsec()))
}
