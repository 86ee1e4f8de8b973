//! Whole files, read only if they are no larger than such files are.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::runtime::files::Shown;
use anyhow::{Context, Result, ensure};

/// The bytes of a file, which messages call `what`, of at most `most` bytes. A file without end, such as `/dev/zero`, is refused as one that is too large.
///
/// # Errors
/// The file cannot be read, or is larger; the message names it.
pub fn read_bytes(path: &Path, what: &str, most: u64) -> Result<Vec<u8>> {
    let unreadable = || format!("{}: cannot read {what}", path.shown());
    let file = File::open(path).with_context(unreadable)?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).with_context(unreadable)?;
    ensure!(
        bytes.len() as u64 <= most,
        "{}: cannot read {what}: it has more than {} MiB, which no such file has; is it the right one?",
        path.shown(),
        most >> 20
    );
    Ok(bytes)
}

/// The text of such a file.
///
/// # Errors
/// As [`read_bytes`], and a file that is no UTF-8.
pub fn read_text(path: &Path, what: &str, most: u64) -> Result<String> {
    String::from_utf8(read_bytes(path, what, most)?).with_context(|| format!("{}: cannot read {what}: no UTF-8", path.shown()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_too_large_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        // A hole of a terabyte.
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let error = read_bytes(&path, "it", 1 << 20).unwrap_err().to_string();
        assert!(
            error.ends_with("file: cannot read it: it has more than 1 MiB, which no such file has; is it the right one?"),
            "{error}"
        );
        #[cfg(unix)]
        assert!(read_text(Path::new("/dev/zero"), "it", 1 << 20).is_err());
        std::fs::write(&path, vec![b'a'; 1 << 20]).unwrap();
        assert_eq!(read_text(&path, "it", 1 << 20).unwrap().len(), 1 << 20);
        std::fs::write(&path, b"\xff").unwrap();
        assert!(format!("{:#}", read_text(&path, "it", 9).unwrap_err()).contains("file: cannot read it: no UTF-8"));
        assert!(
            format!("{:#}", read_text(&folder.path().join("none"), "it", 9).unwrap_err())
                .contains("none: cannot read it: No such")
        );
    }
}
