//! `log.jsonl`: one JSON object a line.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::{Map, Value};

/// Appends entries to a log and hands each to the system at once, so that whoever follows the file sees it.
pub struct JsonLines {
    file: File,
    path: PathBuf,
}

impl JsonLines {
    /// Starts an empty log.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("{}: cannot write the log", path.display()))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Goes on with a log after `step`: drops what was logged after it, and what a crash left half written. Starts a log where there is
    /// none.
    pub fn resume(path: &Path, step: u64) -> Result<Self> {
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = open.with_context(|| format!("{}: cannot write the log", path.display()))?;
        let end = end_of(&file, path, step)?;
        file.set_len(end).with_context(|| format!("{}: cannot shorten the log", path.display()))?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self { file, path: path.to_owned() })
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
        self.file.write_all(line.as_bytes()).with_context(|| format!("{}: cannot write the log", self.path.display()))
    }
}

/// The length of the log up to the first entry after `step`.
fn end_of(file: &File, path: &Path, step: u64) -> Result<u64> {
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    let mut end = 0;
    for number in 1.. {
        line.clear();
        let length = reader.read_until(b'\n', &mut line).with_context(|| format!("{}: cannot read the log", path.display()))?;
        let whole = line.ends_with(b"\n");
        match serde_json::from_slice::<Value>(&line).ok().and_then(|entry| entry.get("step")?.as_u64()) {
            Some(at) if whole && at <= step => end += length as u64,
            Some(_) => break,
            None if !whole => break,
            None => bail!("{}:{number}: not a log entry with a step; move the file away to start a new log", path.display()),
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
}
