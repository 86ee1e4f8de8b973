//! Limits; what lines are is tested where corpora are read.

use std::io::Write;
use std::path::PathBuf;

use flate2::write::GzEncoder;

use super::*;

fn limited(text: impl AsRef<[u8]>, most: usize) -> Vec<Result<String>> {
    let mut lines = Lines::new("text".to_owned(), Cursor::new(text.as_ref().to_vec())).unwrap();
    lines.most = most;
    lines.collect()
}

#[test]
fn a_line_may_be_as_long_as_the_limit_whatever_ends_it() {
    for end in ["", "\n", "\r\n", "\r"] {
        let good = limited(format!("abcde\nfghij{end}"), 5);
        let good: Vec<String> = good.into_iter().map(Result::unwrap).collect();
        assert_eq!(good, ["abcde", "fghij"], "{end:?}");
        let mut bad = limited(format!("abcde\r\nfghijk{end}"), 5);
        assert_eq!(bad.len(), 2, "{end:?}");
        let error = format!("{:#}", bad.pop().unwrap().unwrap_err());
        assert!(
            error.starts_with("text:2: the line is longer than 5 bytes; ") && error.contains("--maximum-line-bytes"),
            "{error}"
        );
    }
    assert_eq!(limited("äöü\nab", 6).len(), 2);
    // Nothing is read after the line that is too long.
    assert_eq!(limited("abcdef\na\nb\n", 5).len(), 1);
}

/// Gigabytes of zeros in little space: the same packed bytes again and again, as both formats allow.
fn bombs() -> [(&'static str, Vec<u8>); 2] {
    let zeros = vec![0; 64 << 20];
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&zeros).unwrap();
    [("zeros.gz", gzip.finish().unwrap()), ("zeros.zst", zstd::encode_all(&zeros[..], 1).unwrap())]
        .map(|(name, member)| (name, member.repeat(160)))
}

#[test]
fn ten_gigabytes_of_zeros_are_a_line_that_is_too_long() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in bombs() {
        assert!(bytes.len() < 12 << 20);
        let path: PathBuf = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let mut lines = lines(Some(&path)).unwrap();
        let error = format!("{:#}", lines.next().unwrap().unwrap_err());
        assert!(error.contains(&format!("{name}:1: the line is longer than 1048576 bytes")), "{error}");
        assert!(lines.bytes.capacity() < 4 << 20, "{}", lines.bytes.capacity());
        assert!(lines.next().is_none());
    }
}

#[test]
fn a_window_is_no_larger_than_what_long_mode_writes() {
    let packed = |window: u32| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(window).unwrap();
        // Of unknown size, or the window would be as small as the text.
        encoder.write_all(b"one\ntwo\n").unwrap();
        encoder.finish().unwrap()
    };
    let good: Vec<String> = limited(packed(27), 9).into_iter().map(Result::unwrap).collect();
    assert_eq!(good, ["one", "two"]);
    for window in [28, 31] {
        let error = format!("{:#}", limited(packed(window), 9).pop().unwrap().unwrap_err());
        assert!(
            error.contains("text:1: reading it takes a window of more than 128 MiB") && error.contains("--long=27"),
            "{error}"
        );
    }
}
