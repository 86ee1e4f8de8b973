//! Reading one sentence a line.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use flate2::read::MultiGzDecoder;

/// The lines of a text file, plain or compressed by gzip or Zstandard, whatever its name. Only `\n` ends a line, and a `\r` before it is dropped.
///
/// # Errors
/// A missing, unreadable or empty file, and the first line that is not UTF-8, by path and line.
pub fn read_lines(path: &Path) -> Result<Vec<String>> {
    let name = path.display();
    let mut file = File::open(path).with_context(|| format!("cannot open {name}"))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).with_context(|| format!("cannot read {name}"))?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut text = Vec::new();
        MultiGzDecoder::new(bytes.as_slice())
            .read_to_end(&mut text)
            .with_context(|| format!("cannot decompress {name} as gzip"))?;
        bytes = text;
    } else if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        bytes = zstd::decode_all(bytes.as_slice()).with_context(|| format!("cannot decompress {name} as Zstandard"))?;
    }
    parse_lines(&bytes, &name.to_string())
}

/// The lines of a text, as [`read_lines`]; errors call it `name`.
pub fn parse_lines(bytes: &[u8], name: &str) -> Result<Vec<String>> {
    ensure!(!bytes.is_empty(), "{name} is empty; expected one sentence a line");
    let lines = bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|&byte| byte == b'\n');
    let line = |(index, line): (usize, &[u8])| match std::str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line)) {
        Ok(line) => Ok(line.to_owned()),
        Err(error) => {
            let byte = error.valid_up_to() + 1;
            bail!("{name}:{}: invalid UTF-8 at byte {byte} of the line; convert the file to UTF-8", index + 1)
        }
    };
    lines.enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn only_line_feeds_end_lines() {
        let lines = parse_lines("one\r\n\ntwo\u{2028}\r three\u{85}\nfour".as_bytes(), "text").unwrap();
        assert_eq!(lines, ["one", "", "two\u{2028}\r three\u{85}", "four"]);
        assert_eq!(parse_lines(b"\n", "text").unwrap(), [""]);
    }

    #[test]
    fn errors_name_path_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        let error = |contents: &[u8]| {
            std::fs::write(&path, contents).unwrap();
            format!("{:#}", read_lines(&path).unwrap_err())
        };
        let name = path.display();
        let bad = "invalid UTF-8 at byte 3 of the line; convert the file to UTF-8";
        assert_eq!(error(b"good\nba\xff\n"), format!("{name}:2: {bad}"));
        assert_eq!(error(b""), format!("{name} is empty; expected one sentence a line"));
        let missing = format!("{:#}", read_lines(&folder.path().join("none")).unwrap_err());
        assert!(missing.starts_with(&format!("cannot open {}", folder.path().join("none").display())), "{missing}");
    }

    #[test]
    fn gzip_is_read_in_all_its_members_and_a_broken_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.gz");
        let member = |text: &str| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap()
        };
        let bytes = [member("one\n"), member("two\n")].concat();
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(read_lines(&path).unwrap(), ["one", "two"]);
        std::fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
        assert!(format!("{:#}", read_lines(&path).unwrap_err()).starts_with("cannot decompress"));
    }
}
