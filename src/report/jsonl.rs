//! `log.jsonl`: one JSON object a line.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::runtime::files::{AtomicFile, Shown};

/// Appends entries to a log and hands each to the system at once, so that whoever follows the file sees it.
pub struct JsonLines {
    file: File,
    path: PathBuf,
}

impl JsonLines {
    /// Starts an empty log. A link of this name gives way to it.
    pub fn create(path: &Path) -> Result<Self> {
        Self::beginning_with(&[], path)
    }

    /// Goes on with a log after `step`: drops what was logged after it, and what a crash left half written. Starts a log where there is
    /// none.
    pub fn resume(path: &Path, step: u64) -> Result<Self> {
        let open = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
        let mut before = Vec::new();
        match open {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            file => {
                let file = file.with_context(|| format!("{}: cannot read the log", path.shown()))?;
                let end = end_of(&file, path, step)?;
                let read = (&file).seek(SeekFrom::Start(0)).and_then(|_| (&file).take(end).read_to_end(&mut before));
                read.with_context(|| format!("{}: cannot read the log", path.shown()))?;
            }
        }
        // In a file of its own, so that neither a link nor another name of the old one is written through.
        Self::beginning_with(&before, path)
    }

    fn beginning_with(entries: &[u8], path: &Path) -> Result<Self> {
        let mut file = AtomicFile::create(path)?;
        file.write_all(entries).with_context(|| format!("{}: cannot write the log", path.shown()))?;
        Ok(Self { file: file.commit()?, path: path.to_owned() })
    }

    /// Puts all that was logged where the log should be, when somebody removed it.
    pub fn put_back(&mut self) -> Result<()> {
        let mut entries = Vec::new();
        let read = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.read_to_end(&mut entries));
        read.with_context(|| format!("{}: cannot read the log", self.path.shown()))?;
        *self = Self::beginning_with(&entries, &self.path)?;
        Ok(())
    }

    /// Appends `{"kind": …, "step": …}` with the fields of `fields`, which must become a JSON object.
    pub fn append(&mut self, kind: &str, step: u64, fields: impl Serialize) -> Result<()> {
        let mut entry = Map::new();
        entry.insert("kind".to_owned(), kind.into());
        entry.insert("step".to_owned(), step.into());
        match serde_json::to_value(fields)? {
            Value::Object(fields) => entry.extend(fields),
            other => bail!("a log entry needs named fields, found {other}"),
        }
        let mut line = serde_json::to_string(&entry)?;
        line.push('\n');
        // One write for the whole line: it stands whole or, after a crash, is the last.
        self.file.write_all(line.as_bytes()).with_context(|| format!("{}: cannot write the log", self.path.shown()))
    }
}

/// The length of the log up to the first entry after `step`.
fn end_of(file: &File, path: &Path, step: u64) -> Result<u64> {
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    let mut end = 0;
    for number in 1.. {
        line.clear();
        let length = reader.read_until(b'\n', &mut line).with_context(|| format!("{}: cannot read the log", path.shown()))?;
        let whole = line.ends_with(b"\n");
        match serde_json::from_slice::<Value>(&line).ok().and_then(|entry| entry.get("step")?.as_u64()) {
            Some(at) if whole && at <= step => end += length as u64,
            Some(_) => break,
            None if !whole => break,
            None => bail!("{}:{number}: not a log entry with a step; move the file away to start a new log", path.shown()),
        }
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn logged(path: &Path) -> Vec<Value> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn kind_and_step_lead_each_entry() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let mut log = JsonLines::create(&path).unwrap();
        log.append("training", 7, json!({"loss": 1.5, "note": "a\nb"})).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\"kind\":\"training\",\"step\":7,\"loss\":1.5,\"note\":\"a\\nb\"}\n");
        assert!(log.append("training", 8, 3).is_err());
    }

    #[test]
    fn resuming_drops_what_came_after() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let mut log = JsonLines::create(&path).unwrap();
        for step in [10, 20, 20, 30, 40] {
            log.append("training", step, json!({})).unwrap();
        }
        let mut log = JsonLines::resume(&path, 20).unwrap();
        log.append("resumed", 20, json!({})).unwrap();
        let steps: Vec<_> = logged(&path).iter().map(|entry| entry["step"].as_u64().unwrap()).collect();
        assert_eq!(steps, [10, 20, 20, 20]);
        assert_eq!(logged(&path)[3]["kind"], "resumed");
    }

    #[test]
    fn resuming_mends_a_torn_last_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        for torn in ["{\"kind\":\"tr", "{\"kind\":\"training\",\"step\":4}", "\u{0}\u{0}"] {
            std::fs::write(&path, format!("{{\"kind\":\"training\",\"step\":3}}\n{torn}")).unwrap();
            JsonLines::resume(&path, 9).unwrap().append("training", 5, json!({})).unwrap();
            let steps: Vec<_> = logged(&path).iter().map(|entry| entry["step"].as_u64().unwrap()).collect();
            assert_eq!(steps, [3, 5], "{torn:?}");
        }
    }

    #[test]
    fn foreign_lines_are_kept_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        std::fs::write(&path, "{\"kind\":\"training\",\"step\":3}\nnot ours\n{\"step\":5}\n").unwrap();
        let error = JsonLines::resume(&path, 9).err().unwrap().to_string();
        assert!(error.contains("log.jsonl:2: not a log entry"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
    }

    #[test]
    fn resuming_without_a_log_starts_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        JsonLines::resume(&path, 9).unwrap().append("training", 10, json!({})).unwrap();
        assert_eq!(logged(&path).len(), 1);
    }

    #[test]
    fn a_log_that_was_removed_is_put_back_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let mut log = JsonLines::create(&path).unwrap();
        log.append("training", 1, json!({})).unwrap();
        std::fs::remove_file(&path).unwrap();
        log.append("training", 2, json!({})).unwrap();
        log.put_back().unwrap();
        log.append("training", 3, json!({})).unwrap();
        let steps: Vec<_> = logged(&path).iter().map(|entry| entry["step"].as_u64().unwrap()).collect();
        assert_eq!(steps, [1, 2, 3]);
    }

    #[test]
    fn nothing_is_logged_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (outside, path) = (folder.path().join("outside"), folder.path().join("log.jsonl"));
        let text = "{\"kind\":\"training\",\"step\":1}\n{\"kind\":\"training\",\"step\":9}\n";
        std::fs::write(&outside, text).unwrap();
        type Start = fn(&Path) -> Result<JsonLines>;
        let starts: [Start; 2] = [JsonLines::create, |path| JsonLines::resume(path, 5)];
        for start in starts {
            for link in [
                |from: &Path, to: &Path| std::os::unix::fs::symlink(from, to),
                |from: &Path, to: &Path| std::fs::hard_link(from, to),
            ] {
                link(&outside, &path).unwrap();
                start(&path).unwrap().append("training", 2, json!({})).unwrap();
                assert_eq!(std::fs::read_to_string(&outside).unwrap(), text);
                std::fs::remove_file(&path).unwrap();
            }
        }
    }
}
