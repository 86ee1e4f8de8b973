//! SHA-256 sums in hexadecimal: of bytes, of a file, and of all files of a folder.

mod folder;

use std::fs::File;
use std::io;
use std::path::Path;

use crate::runtime::files::Shown;
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

pub use folder::{Checksums, FILE, Verify, write_checksums};

pub fn of_bytes(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// Of the file's bytes as they are, compressed or not.
pub fn of_file(path: &Path) -> Result<String> {
    let read = || -> io::Result<String> {
        let mut hasher = Sha256::new();
        io::copy(&mut File::open(path)?, &mut hasher)?;
        Ok(format!("{:x}", hasher.finalize()))
    };
    read().with_context(|| format!("{}: cannot read", path.shown()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vector of FIPS 180-2, appendix B.1.
    #[test]
    fn is_sha_256() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_bytes(b"abc"), expected);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        assert_eq!(of_file(file.path()).unwrap(), expected);
    }
}
