//! `checksums.json`: size and SHA-256 of every other file of a folder, written when all of them are.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::runtime::files::Shown;
use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::{Deserialize, Serialize};

/// Name of the file with the checksums of its folder.
pub const FILE: &str = "checksums.json";

/// Version of the format; raised when an older Targum could not read a newer file.
const FORMAT: u32 = 1;

/// Far more than the sums of any checkpoint take.
const MOST_BYTES: u64 = 1 << 20;

/// What to do about a broken file.
const REMEDY: &str = "use another checkpoint of the run, or load this one as it is with --no-verify";

/// Whether files are compared with the checksums of their folder before they are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    #[default]
    Yes,
    No,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    format: u32,
    /// By path in the folder.
    files: BTreeMap<String, Entry>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    bytes: u64,
    sha256: String,
}

impl Contents {
    fn to_text(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// Writes the checksums of all files of a folder and of the folders in it.
///
/// # Errors
/// What the file system refuses; a name that is no UTF-8.
pub fn write_checksums(folder: &Path) -> Result<()> {
    let mut files = BTreeMap::new();
    for name in names(folder)? {
        let path = folder.join(&name);
        let bytes = fs::metadata(&path).with_context(|| format!("{}: cannot read", path.shown()))?.len();
        files.insert(name, Entry { bytes, sha256: super::of_file(&path)? });
    }
    let path = folder.join(FILE);
    fs::write(&path, Contents { format: FORMAT, files }.to_text()?).with_context(|| format!("{}: cannot write", path.shown()))
}

/// The checksums of a folder, as they were read.
pub struct Checksums {
    folder: PathBuf,
    files: BTreeMap<String, Entry>,
}

impl Checksums {
    /// Reads the checksums of a folder; none where it has none.
    ///
    /// # Errors
    /// A file that is not, to the byte, as [`write_checksums`] writes it: a damaged one is not to be relied on.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        let found = match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            found => found.with_context(|| format!("{}: cannot read", path.shown()))?,
        };
        ensure!(found.len() <= MOST_BYTES, "{}: {} bytes, which checksums never have; {REMEDY}", path.shown(), found.len());
        let bytes = fs::read(&path).with_context(|| format!("{}: cannot read", path.shown()))?;
        let broken = |reason: String| format!("{}: broken or cut off ({reason}); {REMEDY}", path.shown());
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|error| anyhow!(broken(error.to_string())))?;
        // Before all else: a later format may have anything else in it.
        if let Some(format) = value["format"].as_u64().filter(|&format| format > u64::from(FORMAT)) {
            bail!(
                "{}: format {format}, but this Targum ({}) reads format {FORMAT}; use the Targum that wrote it, or {REMEDY}",
                path.shown(),
                env!("CARGO_PKG_VERSION")
            );
        }
        let contents: Contents = serde_json::from_value(value).map_err(|error| anyhow!(broken(error.to_string())))?;
        ensure!(contents.to_text()?.as_bytes() == bytes, broken("it is not as Targum writes it".into()));
        Ok(Some(Self { folder: folder.to_path_buf(), files: contents.files }))
    }

    /// Whether the file of this name may be as it was written, `bytes` being its size now: reading one that is not may take all memory.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn check_size(&self, name: &str, bytes: u64) -> Result<()> {
        match self.entry(name)?.size_problem(bytes) {
            None => Ok(()),
            Some(problem) => bail!(self.broken(name, &problem)),
        }
    }

    /// Whether the file of this name is as it was written, `bytes` being what it holds now.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn check(&self, name: &str, bytes: &[u8]) -> Result<()> {
        match self.entry(name)?.problem(bytes.len() as u64, || Ok(super::of_bytes(bytes)))? {
            None => Ok(()),
            Some(problem) => bail!(self.broken(name, &problem)),
        }
    }

    /// Reads all that is listed and compares it. Gives the names of other files that no command reads, such as somebody's notes.
    ///
    /// # Errors
    /// Names every file that is not as it was written, or is gone, and every file that is not listed though commands may read it.
    pub fn check_all(&self) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        for (name, entry) in &self.files {
            let path = self.folder.join(name);
            let problem = match fs::metadata(&path) {
                Ok(found) if found.is_file() => entry.problem(found.len(), || super::of_file(&path))?,
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("{}: cannot read", path.shown()));
                }
                _ => Some("missing".into()),
            };
            problems.extend(problem.map(|problem| self.broken(name, &problem)));
        }
        let (read, other): (Vec<String>, Vec<String>) = names(&self.folder)?
            .into_iter()
            .filter(|name| !self.files.contains_key(name))
            .partition(|name| [".json", ".safetensors"].iter().any(|kind| name.ends_with(kind)));
        problems.extend(read.iter().map(|name| self.unlisted(name)));
        ensure!(problems.is_empty(), problems.join("\n"));
        Ok(other)
    }

    fn entry(&self, name: &str) -> Result<&Entry> {
        self.files.get(name).with_context(|| self.unlisted(name))
    }

    fn unlisted(&self, name: &str) -> String {
        format!("{}: not listed in {FILE}, so it was put there later; {REMEDY}", self.folder.join(name).shown())
    }

    fn broken(&self, name: &str, problem: &str) -> String {
        format!("{}: broken or cut off ({problem}); {REMEDY}", self.folder.join(name).shown())
    }
}

impl Entry {
    /// What is wrong with a file of so many bytes; its sum is asked for only where that may be right.
    fn problem(&self, bytes: u64, sum: impl FnOnce() -> Result<String>) -> Result<Option<String>> {
        if let Some(problem) = self.size_problem(bytes) {
            return Ok(Some(problem));
        }
        Ok((sum()? != self.sha256).then(|| format!("its SHA-256 is not the one in {FILE}")))
    }

    fn size_problem(&self, bytes: u64) -> Option<String> {
        (bytes != self.bytes).then(|| format!("{bytes} bytes, {} according to {FILE}", self.bytes))
    }
}

/// Paths of all files of a folder and of the folders in it but the checksums, in order.
fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut ahead = vec![String::new()];
    while let Some(prefix) = ahead.pop() {
        let place = folder.join(&prefix);
        let listed = || fs::read_dir(&place)?.collect::<std::io::Result<Vec<_>>>();
        for entry in listed().with_context(|| format!("{}: cannot list", place.shown()))? {
            let Ok(name) = entry.file_name().into_string() else {
                bail!("{}: its name is no UTF-8; give it another", entry.path().shown());
            };
            let path = format!("{prefix}{name}");
            // A link to a folder is no part of this one.
            if entry.file_type().with_context(|| format!("{}: cannot read", entry.path().shown()))?.is_dir() {
                ahead.push(path + "/");
            } else if path != FILE && fs::metadata(entry.path()).is_ok_and(|found| found.is_file()) {
                names.push(path);
            }
        }
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_checksums() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("config.json", "{}\n"), ("model.safetensors", "weights"), ("empty", "")] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(folder.path().join("sub/file"), "deep").unwrap();
        write_checksums(folder.path()).unwrap();
        folder
    }

    /// What a whole check says.
    fn verdict(folder: &Path) -> Result<Vec<String>> {
        Checksums::read(folder)?.context("no checksums")?.check_all()
    }

    #[test]
    fn no_flipped_bit_passes_and_the_file_is_named() {
        let folder = with_checksums();
        assert!(verdict(folder.path()).unwrap().is_empty());
        for name in ["config.json", "model.safetensors", "sub/file", FILE] {
            let path = folder.path().join(name);
            let whole = fs::read(&path).unwrap();
            // Every byte, and every bit of a byte in turn.
            for bit in (0..whole.len() * 8).step_by(5) {
                let mut bytes = whole.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                fs::write(&path, bytes).unwrap();
                let error = verdict(folder.path()).unwrap_err().to_string();
                // A sum that was changed looks like a file that was.
                assert!(name == FILE || error.contains(&format!("{name}: broken or cut off")), "{error}");
                assert!(error.contains("--no-verify"), "{error}");
            }
            for length in (0..whole.len()).step_by(7) {
                fs::write(&path, &whole[..length]).unwrap();
                assert!(verdict(folder.path()).is_err(), "{name} cut to {length}");
            }
            fs::write(&path, whole).unwrap();
        }
        assert!(verdict(folder.path()).is_ok());
    }

    #[test]
    fn what_is_gone_or_new_is_named() {
        let folder = with_checksums();
        fs::remove_file(folder.path().join("sub/file")).unwrap();
        fs::write(folder.path().join("empty"), "no more").unwrap();
        fs::write(folder.path().join("tokenizer.json"), "{}").unwrap();
        fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        let error = verdict(folder.path()).unwrap_err().to_string();
        for part in [
            "sub/file: broken or cut off (missing)",
            "empty: broken or cut off (7 bytes, 0 according to checksums.json)",
            "tokenizer.json: not listed in checksums.json",
        ] {
            assert!(error.contains(part), "{part:?} is not in {error}");
        }
        assert!(!error.contains("notes.txt"), "{error}");
        let folder = with_checksums();
        fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        assert_eq!(verdict(folder.path()).unwrap(), ["notes.txt"]);
        let sums = Checksums::read(folder.path()).unwrap().unwrap();
        sums.check("config.json", b"{}\n").unwrap();
        assert!(sums.check("config.json", b"{ }").unwrap_err().to_string().contains("its SHA-256 is not the one"));
        assert!(sums.check("notes.txt", b"mine").unwrap_err().to_string().contains("not listed"));
        fs::remove_file(folder.path().join(FILE)).unwrap();
        assert!(Checksums::read(folder.path()).unwrap().is_none());
    }

    #[test]
    fn checksums_of_a_later_format_are_told_from_damage() {
        let folder = with_checksums();
        let path = folder.path().join(FILE);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"format\": 1", "\"format\": 2, \"more\": []")).unwrap();
        let error = verdict(folder.path()).unwrap_err().to_string();
        assert!(error.contains("format 2, but this Targum"), "{error}");
        fs::write(&path, text.replace("  ", " ")).unwrap();
        assert!(verdict(folder.path()).unwrap_err().to_string().contains("not as Targum writes it"));
    }
}
