//! Reading one sentence a line.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::input::lines;

/// Most memory that the lines of a file may take: scores look at whole texts, and a small file may hold a large one.
const MOST_BYTES: usize = 256 << 20;

/// The lines of a text file, or of standard input, plain or compressed: see [`lines`].
///
/// # Errors
/// As for [`lines`]; a text that is empty, or of more than 256 MiB with 24 bytes for each line.
pub fn read_lines(path: Option<&Path>) -> Result<Vec<String>> {
    read(path, MOST_BYTES)
}

fn read(path: Option<&Path>, most: usize) -> Result<Vec<String>> {
    let text = lines(path)?;
    let name = text.name().to_owned();
    let (mut found, mut bytes) = (Vec::new(), 0);
    for line in text {
        let line = line?;
        bytes += line.len() + size_of::<String>();
        ensure!(
            bytes <= most,
            "{name}:{}: the text up to here takes more than {} MiB, which is no text to be scored at once; score it in parts",
            found.len() + 1,
            most >> 20
        );
        found.push(line);
    }
    ensure!(!found.is_empty(), "{name} is empty; expected one sentence a line");
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::runtime::files::Shown;

    fn write(folder: &tempfile::TempDir, bytes: &[u8]) -> std::path::PathBuf {
        let path = folder.path().join("text");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn only_line_feeds_end_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(&folder, "one\r\n\ntwo\u{2028}\r three\u{85}\nfour".as_bytes());
        assert_eq!(read_lines(Some(&path)).unwrap(), ["one", "", "two\u{2028}\r three\u{85}", "four"]);
        assert_eq!(read_lines(Some(&write(&folder, b"\n"))).unwrap(), [""]);
    }

    #[test]
    fn errors_name_path_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let error = |contents: &[u8]| format!("{:#}", read_lines(Some(&write(&folder, contents))).unwrap_err());
        let name = folder.path().join("text").shown();
        assert!(error(b"good\nba\xff\n").starts_with(&format!("{name}:2: invalid UTF-8 at byte 2 of the line")));
        assert_eq!(error(b""), format!("{name} is empty; expected one sentence a line"));
        let missing = format!("{:#}", read_lines(Some(&folder.path().join("none"))).unwrap_err());
        assert!(missing.starts_with(&format!("{}: cannot open", folder.path().join("none").shown())), "{missing}");
    }

    #[test]
    fn gzip_is_read_in_all_its_members_and_a_broken_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let member = |text: &str| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap()
        };
        let bytes = [member("one\n"), member("two\n")].concat();
        assert_eq!(read_lines(Some(&write(&folder, &bytes))).unwrap(), ["one", "two"]);
        let cut = write(&folder, &bytes[..bytes.len() - 9]);
        assert!(format!("{:#}", read_lines(Some(&cut)).unwrap_err()).contains("the compressed file ends too early"));
    }

    #[test]
    fn a_text_that_takes_more_memory_than_scores_need_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        // Empty lines alone: a byte each in the file, 24 in memory.
        let path = write(&folder, &b"\n".repeat(100_000));
        assert_eq!(read(Some(&path), 3 << 20).unwrap().len(), 100_000);
        let error = read(Some(&path), 1 << 20).unwrap_err().to_string();
        assert!(error.contains("text:43691: the text up to here takes more than 1 MiB"), "{error}");
    }
}
