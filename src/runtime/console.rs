//! The two ways out: results on standard output, messages for people on standard error.
//!
//! A message never ends the work: where standard error is closed, full or read by nobody, it is lost and nothing else is. `eprintln!`
//! and `println!` panic there, so nothing in this crate uses them (see `lib.rs`).

use std::borrow::Cow;
use std::fmt::Arguments;
use std::io::{self, BufWriter, StdoutLock, Write};

use super::files::{escape_into, steers};

/// Most characters of a line of a message, and most lines.
const LONGEST_LINE: usize = 4000;
const MOST_LINES: usize = 500;

/// Writes a line for people to standard error: as `eprintln!`, but it cannot fail.
macro_rules! message {
    ($($part:tt)*) => { $crate::runtime::write_message(format_args!($($part)*)) };
}
pub(crate) use message;

/// What [`message!`] does.
pub fn write_message(text: Arguments) {
    write_message_to(&mut io::stderr().lock(), &text.to_string());
}

/// The same to another place. One write for the whole line, so that those of several threads do not mix.
pub fn write_message_to(output: &mut dyn Write, text: &str) {
    let line = format!("{}\n", printable(text));
    // Whoever read it is gone, or the disk that it goes to is full: no reason to stop working.
    let _ = output.write_all(line.as_bytes()).and_then(|()| output.flush());
}

/// A message as it may be shown: control characters but line breaks and tabs escaped, since names of files and tensors come from anywhere and a
/// terminal obeys what it is sent; long lines shortened; the first lines of very many.
pub fn printable(message: &str) -> Cow<'_, str> {
    let harmful = |character: char| steers(character) && !matches!(character, '\n' | '\t');
    if message.len() <= LONGEST_LINE && !message.contains(harmful) {
        return Cow::Borrowed(message);
    }
    let mut lines = message.split('\n');
    let mut shown = String::new();
    for (number, line) in lines.by_ref().take(MOST_LINES).enumerate() {
        if number > 0 {
            shown.push('\n');
        }
        escape_into(&mut shown, &shortened(line, LONGEST_LINE), harmful);
    }
    let more = lines.count();
    if more > 0 {
        shown += &format!("\nand {more} more lines");
    }
    Cow::Owned(shown)
}

/// A text without its middle where it has more than `most` characters.
pub fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most || text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    let half = most / 2;
    let head: String = text.chars().take(half).collect();
    let mut tail: Vec<char> = text.chars().rev().take(half).collect();
    tail.reverse();
    format!("{head}…{}", tail.into_iter().collect::<String>())
}

/// Results on standard output, buffered. An error names the output; one of kind `BrokenPipe` means that nobody reads on, which is no failure.
///
/// Call [`Output::finish`] in the end: dropped without it, errors of what is still buffered are lost.
pub struct Output {
    buffer: BufWriter<StdoutLock<'static>>,
}

impl Output {
    pub fn open() -> Self {
        Output { buffer: BufWriter::new(io::stdout().lock()) }
    }

    /// Writes what is still buffered.
    pub fn finish(mut self) -> io::Result<()> {
        self.flush()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.write(bytes).map_err(|error| name(&error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.buffer.flush().map_err(|error| name(&error))
    }
}

/// Writes a whole text to standard output.
pub fn print(text: &str) -> io::Result<()> {
    let mut output = Output::open();
    output.write_all(text.as_bytes())?;
    output.finish()
}

fn name(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("standard output: cannot write: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a pipe without a reader, a full disk or a closed terminal does.
    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn a_message_that_nobody_reads_is_lost_and_nothing_else() {
        write_message_to(&mut Broken, "lost");
        let mut kept = Vec::new();
        write_message_to(&mut kept, "two\nlines\tand a tab");
        assert_eq!(kept, b"two\nlines\tand a tab\n");
    }

    #[test]
    fn a_terminal_is_not_commanded() {
        assert_eq!(printable("été\n日本\t→"), "été\n日本\t→");
        assert_eq!(printable("a\u{1b}[31mb\r\u{7}\u{9b}c\u{0}"), "a\\u{1b}[31mb\\r\\u{7}\\u{9b}c\\u{0}");
    }
}
