//! Lines of text, plain or compressed, read as they are needed.
//!
//! Only `\n` ends a line, and one `\r` before it is dropped; U+2028, NUL and all else are characters like any other. The last line
//! may lack its `\n`. What is compressed is told by its first bytes, whatever the file is called.
//!
//! Ten gigabytes of zeros make a compressed file of a few hundred kilobytes and are one line: a line has a limit, and so has the memory that
//! a compressed file may ask for.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::runtime::files::Shown;
use anyhow::{Context, Result, bail, ensure};
use flate2::bufread::MultiGzDecoder;

/// Most bytes of a line, its end not counted, unless [`set_maximum_line_bytes`] says otherwise: 1 MiB.
pub const DEFAULT_MAXIMUM_LINE_BYTES: usize = 1 << 20;

/// What can be set: 1 GiB.
pub const MAXIMUM_LINE_BYTES: usize = 1 << 30;

/// For the whole program: it is a guard of its memory, and text is read in many places.
static LIMIT: AtomicUsize = AtomicUsize::new(DEFAULT_MAXIMUM_LINE_BYTES);

/// Logarithm of the largest window of Zstandard that is read, 128 MiB: what `zstd` itself reads without being told to, and what
/// `zstd --long` writes.
const WINDOW_LOG: u32 = 27;

const BUFFER: usize = 1 << 16;
const MAGICS: [(&[u8], Compression); 2] =
    [(&[0x1f, 0x8b], Compression::Gzip), (&[0x28, 0xb5, 0x2f, 0xfd], Compression::Zstandard)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstandard,
}

/// Lets lines of all texts read from now on have this many bytes, from 1 to [`MAXIMUM_LINE_BYTES`].
pub fn set_maximum_line_bytes(bytes: usize) {
    LIMIT.store(bytes.clamp(1, MAXIMUM_LINE_BYTES), Ordering::Relaxed);
}

/// Most bytes of a line.
pub fn maximum_line_bytes() -> usize {
    LIMIT.load(Ordering::Relaxed)
}

/// Lines of a file or of standard input, without their ends. After an error there are no more.
pub struct Lines {
    name: String,
    reader: Box<dyn BufRead + Send>,
    compression: Compression,
    bytes: Vec<u8>,
    /// Number of the line last read, from 1.
    number: usize,
    /// Bytes of text before the line last read.
    offset: u64,
    most: usize,
    ended: bool,
}

/// Lines of this file, or of standard input. An empty file has none.
///
/// # Errors
/// A file that is missing or a folder; while reading, invalid UTF-8, damaged compression and a line that is too long, with file and line.
pub fn lines(path: Option<&Path>) -> Result<Lines> {
    let Some(path) = path else { return Lines::new("standard input".to_owned(), io::stdin()) };
    let name = path.shown();
    let metadata = fs::metadata(path).with_context(|| format!("{name}: cannot open this file"))?;
    ensure!(!metadata.is_dir(), "{name}: is a folder, expected a file");
    let file = File::open(path).with_context(|| format!("{name}: cannot open this file"))?;
    Lines::new(name, file)
}

impl Lines {
    fn new(name: String, input: impl Read + Send + 'static) -> Result<Self> {
        let (reader, compression) = decompress(input).with_context(|| format!("{name}: cannot read"))?;
        Ok(Self { name, reader, compression, bytes: Vec::new(), number: 0, offset: 0, most: maximum_line_bytes(), ended: false })
    }

    /// What the text is called: its path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of the line last read, from 1; 0 before the first.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Reads the next line into `bytes`, ends stripped; false when there is none.
    fn advance(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.bytes.clear();
        // Two more than a line may have, for its end.
        let length = self.reader.by_ref().take(self.most as u64 + 2).read_until(b'\n', &mut self.bytes).map_err(|error| {
            self.ended = true;
            self.damaged(error)
        })?;
        if length == 0 {
            self.ended = true;
            return Ok(false);
        }
        self.number += 1;
        self.offset += length as u64;
        for end in *b"\n\r" {
            if self.bytes.last() == Some(&end) {
                self.bytes.pop();
            }
        }
        if self.bytes.len() > self.most {
            self.ended = true;
            bail!(
                "{}:{}: the line is longer than {} bytes; is this text, a sentence or paragraph a line? --maximum-line-bytes, or \
                 data.maximum_line_bytes in a recipe, allows more",
                self.name,
                self.number,
                self.most
            );
        }
        Ok(true)
    }

    fn text(&mut self, start: u64) -> Result<String> {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => {
                self.ended = true;
                let at = error.valid_up_to();
                bail!(
                    "{}:{}: invalid UTF-8 at byte {at} of the line, byte {} of the text: found 0x{:02X}; convert the text to UTF-8, \
                     as `iconv -f LATIN1 -t UTF-8` does",
                    self.name,
                    self.number,
                    start + at as u64,
                    self.bytes[at]
                )
            }
        }
    }

    fn damaged(&self, error: io::Error) -> anyhow::Error {
        let what = match (self.compression, error.kind()) {
            (Compression::None, _) => "cannot read on",
            (Compression::Zstandard, _) if error.to_string().contains("requires too much memory") => {
                "reading it takes a window of more than 128 MiB, as `zstd --ultra --long=28` and higher make it; compress it with \
                 --long=27 at most, or decompress it first with `zstd -d --long=31`"
            }
            (_, io::ErrorKind::UnexpectedEof) => "the compressed file ends too early, expected more; fetch or make it again",
            _ => "the compressed file is damaged; fetch or make it again",
        };
        let place = format!("{}:{}: {what}", self.name, self.number + 1);
        anyhow::Error::new(error).context(place)
    }

    /// Number of lines in all. Reads to the end.
    pub fn count_all(&mut self) -> Result<usize> {
        while self.advance()? {}
        Ok(self.number)
    }
}

impl Iterator for Lines {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.offset;
        match self.advance() {
            Ok(true) => Some(self.text(start)),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

/// The text in `input`, which is decompressed if its first bytes say so.
fn decompress(mut input: impl Read + Send + 'static) -> io::Result<(Box<dyn BufRead + Send>, Compression)> {
    // One byte at a time and no more than it takes to know: somebody typing into standard input is answered line by line.
    let mut head = Vec::new();
    while MAGICS.iter().any(|(magic, _)| magic.len() > head.len() && magic.starts_with(&head)) {
        if input.by_ref().take(1).read_to_end(&mut head)? == 0 {
            break;
        }
    }
    let compression = MAGICS.iter().find(|(magic, _)| *magic == head).map_or(Compression::None, |&(_, compression)| compression);
    let whole = BufReader::with_capacity(BUFFER, Cursor::new(head).chain(input));
    Ok(match compression {
        Compression::None => (Box::new(whole), compression),
        Compression::Gzip => (Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(whole))), compression),
        Compression::Zstandard => {
            let mut decoder = zstd::Decoder::with_buffer(whole)?;
            decoder.window_log_max(WINDOW_LOG)?;
            (Box::new(BufReader::with_capacity(BUFFER, decoder)), compression)
        }
    })
}

/// The bytes of `input`, decompressed if they are compressed.
pub fn decompressed(input: impl Read + Send + 'static) -> io::Result<impl Read> {
    Ok(decompress(input)?.0)
}

#[cfg(test)]
mod tests;
