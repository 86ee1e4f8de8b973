//! Names and messages that cannot steer a terminal.

use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// As [`Path::display`], for messages: control characters, line breaks among them, are written as escapes, and so are bytes that are no
/// UTF-8.
pub trait Shown {
    fn shown(&self) -> String;
}

impl Shown for Path {
    fn shown(&self) -> String {
        let mut text = String::new();
        for chunk in self.as_os_str().as_bytes().utf8_chunks() {
            escape_into(&mut text, chunk.valid(), steers);
            for byte in chunk.invalid() {
                // Writing to a string cannot fail.
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
        text
    }
}

/// Characters that a terminal obeys, or that turn the order of what stands around them.
pub(in crate::runtime) fn steers(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

pub(in crate::runtime) fn escape_into(text: &mut String, part: &str, escaped: impl Fn(char) -> bool) {
    for letter in part.chars() {
        if escaped(letter) { text.extend(letter.escape_default()) } else { text.push(letter) }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn names_are_shown_without_what_a_terminal_obeys() {
        let names: [(&[u8], &str); 6] = [
            (b"data/train.en", "data/train.en"),
            ("données/été – ελ".as_bytes(), "données/été – ελ"),
            (b"a\nb\tc\x1b[31md\x7f", "a\\nb\\tc\\u{1b}[31md\\u{7f}"),
            (b"caf\xe9/\xff", "caf\\xe9/\\xff"),
            ("a\u{202e}b\u{9b}2J".as_bytes(), "a\\u{202e}b\\u{9b}2J"),
            (b"", ""),
        ];
        for (name, shown) in names {
            assert_eq!(Path::new(OsStr::from_bytes(name)).shown(), shown);
        }
    }
}
