//! The Pharaoh format: one sentence pair a line, links `source-target`, 0-indexed, parted by white space.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result};
use thiserror::Error;

use super::links::Links;
use crate::input::{lines, quoted};
use crate::runtime::files::Shown;

/// A word of a Pharaoh line that is no link.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{} is not a link; expected source-target with two word numbers counted from 0, such as 0-0 or 3-1", quoted(found))]
pub struct PharaohError {
    pub found: String,
}

impl FromStr for Links {
    type Err = PharaohError;

    /// One line; an empty line is a pair without links.
    fn from_str(line: &str) -> Result<Self, PharaohError> {
        let link = |word: &str| {
            let link = word.split_once('-').and_then(|(source, target)| Some((number(source)?, number(target)?)));
            link.ok_or_else(|| PharaohError { found: word.to_owned() })
        };
        line.split_whitespace().map(link).collect()
    }
}

/// Digits only: `usize::from_str` would let `+1` pass.
fn number(text: &str) -> Option<usize> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl fmt::Display for Links {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (source, target)) in self.iter().enumerate() {
            let space = if index > 0 { " " } else { "" };
            write!(out, "{space}{source}-{target}")?;
        }
        Ok(())
    }
}

/// Reads a Pharaoh file, one [`Links`] a line. Only `\n` ends a line. Errors name `path:line`.
pub fn read_pharaoh(path: &Path) -> Result<Vec<Links>> {
    let parse = |(index, line): (usize, Result<String>)| -> Result<Links> {
        line?.parse().with_context(|| format!("{}:{}", path.shown(), index + 1))
    };
    lines(Some(path))?.enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_read() {
        assert_eq!(" 1-2  0-0\r".parse(), Ok(Links::from(vec![(0, 0), (1, 2)])));
        assert_eq!("".parse(), Ok(Links::default()));
        for wrong in ["1", "1-", "-1", "a-b", "1-2-3", "+1-2", "1p2", "99999999999999999999-0"] {
            assert_eq!(wrong.parse::<Links>(), Err(PharaohError { found: wrong.to_owned() }));
        }
    }

    #[test]
    fn errors_name_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("links.txt");
        std::fs::write(&path, "0-0 1-1\n\n0-0 2:1\n").unwrap();
        let error = format!("{:#}", read_pharaoh(&path).unwrap_err());
        assert!(error.contains("links.txt:3: \"2:1\" is not a link"), "{error}");
        std::fs::write(&path, "0-0 1-1\n\n2-1").unwrap();
        let links = read_pharaoh(&path).unwrap();
        assert_eq!(links, ["0-0 1-1", "", "2-1"].map(|line| line.parse().unwrap()));
        std::fs::write(&path, "").unwrap();
        assert!(read_pharaoh(&path).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn printing_and_parsing_is_nothing(links in prop::collection::vec((0_usize..999, 0_usize..999), 0..30)) {
            let links = Links::from(links);
            prop_assert_eq!(links.to_string().parse(), Ok(links));
        }
    }
}
