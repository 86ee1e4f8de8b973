use std::io::Write;

use flate2::write::GzEncoder;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::runtime::files::Shown;

fn write(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstandard(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn read(bytes: impl AsRef<[u8]>) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "text", bytes);
    lines(Some(&path)).unwrap().map(Result::unwrap).collect()
}

/// The message of the first error of a parallel text.
fn problem(text: &ParallelText) -> String {
    format!("{:#}", text.check().unwrap_err())
}

fn files(folder: &TempDir, source: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> ParallelText {
    ParallelText::files(write(folder, "s", source), write(folder, "t", target))
}

#[test]
fn only_a_newline_ends_a_line() {
    assert_eq!(read("a\u{2028}b\u{85}c\u{b}d\0e\rf\n\n😀\u{2029}\n"), ["a\u{2028}b\u{85}c\u{b}d\0e\rf", "", "😀\u{2029}"]);
    assert_eq!(read("a\r\n\r\nb\r\r\nc\r"), ["a", "", "b\r", "c"]);
    assert_eq!(read("a\nb"), ["a", "b"]);
    assert_eq!(read("\n"), [""]);
    assert_eq!(read(""), [""; 0]);
    assert_eq!(read("\u{feff}a\n"), ["\u{feff}a"]);
}

#[test]
fn compression_is_told_by_content() {
    let text = "eins\nzwei\r\ndrei 🚣\n".repeat(20_000);
    let expected = read(&text);
    assert_eq!(expected.len(), 60_000);
    assert_eq!(read(gzip(text.as_bytes())), expected);
    assert_eq!(read(zstandard(text.as_bytes())), expected);
    // Files joined with `cat`.
    assert_eq!(read([gzip(b"a\nb"), gzip(b"c\nd\n")].concat()), ["a", "bc", "d"]);
    assert_eq!(read([zstandard(b"a\nb"), zstandard(b"c\nd\n")].concat()), ["a", "bc", "d"]);
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "plain.gz", "not packed\n");
    assert_eq!(lines(Some(&path)).unwrap().next().unwrap().unwrap(), "not packed");
    // Beginnings of magic numbers that are text.
    for text in ["(", "\u{1f}", "(a", "\u{1f}a"] {
        assert_eq!(read(text), [text]);
    }
}

#[test]
fn damaged_compression_is_an_error_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..50_000_u64).map(|number| format!("{}\n", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    for packed in [gzip(text.as_bytes()), zstandard(text.as_bytes())] {
        for length in [packed.len() / 2, packed.len() - 1, 5] {
            let path = write(&folder, "cut.gz", &packed[..length]);
            let results: Vec<_> = lines(Some(&path)).unwrap().collect();
            let (last, good) = results.split_last().unwrap();
            assert!(good.iter().all(Result::is_ok));
            let message = format!("{:#}", last.as_ref().unwrap_err());
            assert!(message.contains(&format!("cut.gz:{}: ", good.len() + 1)) && message.contains("ends too early"), "{message}");
        }
        let mut bad = packed.clone();
        let middle = bad.len() / 2;
        bad[middle..middle + 50].fill(0xff);
        let text = ParallelText::files(write(&folder, "bad", bad), write(&folder, "good", &packed));
        let message = problem(&text);
        assert!(message.contains("bad:") && message.contains("damaged"), "{message}");
    }
}

#[test]
fn invalid_utf_8_is_an_error_with_line_and_byte() {
    let folder = tempfile::tempdir().unwrap();
    let message = problem(&files(&folder, b"good\nsch\xf6n\nmore\n", "1\n2\n3\n"));
    assert!(message.contains("s:2: invalid UTF-8 at byte 3 of the line, byte 8 of the text: found 0xF6"), "{message}");
    // A character cut off by the end of the file.
    let message = problem(&files(&folder, "1\n", b"\xf0\x9f\x98"));
    assert!(message.contains("t:1: invalid UTF-8 at byte 0"), "{message}");
}

#[test]
fn after_an_error_there_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let text = files(&folder, b"a\n\xff\nb\n", "1\n2\n3\n");
    let results: Vec<bool> = text.pairs().unwrap().map(|pair| pair.is_ok()).collect();
    assert_eq!(results, [true, false]);
}

#[test]
fn different_numbers_of_lines_name_both_and_the_first_without_a_partner() {
    let folder = tempfile::tempdir().unwrap();
    for (source, target, longer, shorter) in [("a\nb\nc\nd\n", "1\n2\n", "s", "t"), ("a\nb\n", "1\n2\n3\n4", "t", "s")] {
        let message = problem(&files(&folder, source, target));
        assert!(message.contains(&format!("{longer} has 4 lines")), "{message}");
        assert!(message.contains(&format!("{shorter} has 2")), "{message}");
        let longer = folder.path().join(longer);
        assert!(message.contains(&format!("line 3 of {} has no partner", longer.shown())), "{message}");
    }
    let message = problem(&files(&folder, "", "1\n"));
    assert!(message.contains("s has 0") && message.contains("line 1"), "{message}");
}

#[test]
fn missing_files_folders_and_pipes_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let good = write(&folder, "good", "a\n");
    let message = problem(&ParallelText::files(&good, folder.path().join("none")));
    assert!(message.contains("none: cannot open this file: No such file"), "{message}");
    let message = problem(&ParallelText::tsv(folder.path()));
    assert!(message.contains("is a folder, expected a file"), "{message}");
    let message = format!("{:#}", lines(Some(folder.path())).err().unwrap());
    assert!(message.contains("is a folder, expected a file"), "{message}");
    let message = problem(&ParallelText::files("/dev/null", &good));
    assert!(message.contains("/dev/null: is a pipe or a device"), "{message}");
    assert_eq!(lines(Some(Path::new("/dev/null"))).unwrap().count(), 0);
}

#[test]
fn an_empty_corpus_is_an_error_and_blank_lines_are_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let message = problem(&files(&folder, "", ""));
    assert!(message.contains("s and ") && message.contains("no lines"), "{message}");
    let text = files(&folder, "\n\n", "\n\n");
    assert_eq!(text.check().unwrap(), 2);
    assert_eq!(text.pairs().unwrap().next().unwrap().unwrap(), (String::new(), String::new()));
}

#[test]
fn a_tsv_line_has_exactly_one_tab() {
    let folder = tempfile::tempdir().unwrap();
    for packed in [b"a b\tc\r\n\t\n\tx\n".to_vec(), gzip(b"a b\tc\n\t\n\tx\n"), zstandard(b"a b\tc\n\t\n\tx")] {
        let text = ParallelText::tsv(write(&folder, "tsv", packed));
        assert_eq!(text.check().unwrap(), 3);
        let pairs: Vec<_> = text.pairs().unwrap().map(Result::unwrap).collect();
        assert_eq!(pairs.iter().map(|(s, t)| (s.as_str(), t.as_str())).collect::<Vec<_>>(), [("a b", "c"), ("", ""), ("", "x")]);
    }
    for (content, expected) in
        [("a\tb\nc\n", "tsv:2: expected source and target divided by one tab, found 0"), ("a\tb\tc\n", "tsv:1: ")]
    {
        let message = problem(&ParallelText::tsv(write(&folder, "tsv", content)));
        assert!(message.contains(expected), "{message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn what_is_written_is_read(text in prop::collection::vec("[^\n]{0,20}", 0..20), crlf: bool) {
        let end = if crlf { "\r\n" } else { "\n" };
        let file: String = text.iter().map(|line| line.to_owned() + end).collect();
        // A `\r` before the end belongs to the end, but only one.
        let expected: Vec<&str> =
            text.iter().map(|line| if crlf { line } else { line.strip_suffix('\r').unwrap_or(line) }).collect();
        prop_assert_eq!(read(&file), expected.clone());
        prop_assert_eq!(read(gzip(file.as_bytes())), expected.clone());
        prop_assert_eq!(read(zstandard(file.as_bytes())), expected);
    }

    #[test]
    fn bytes_of_any_kind_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let folder = tempfile::tempdir().unwrap();
        let path = write(&folder, "text", &bytes);
        if let Ok(lines) = lines(Some(&path)) {
            prop_assert!(lines.take(1000).count() <= bytes.len() + 1);
        }
    }
}
