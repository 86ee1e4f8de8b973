//! Lines and sentence pairs from files, plain or compressed, read as they are needed.
//!
//! Only `\n` ends a line, and one `\r` before it is dropped; U+2028, NUL and all else are characters like any other. The last line
//! may lack its `\n`. What is compressed is told by its first bytes, whatever the file is called.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use flate2::bufread::MultiGzDecoder;

const BUFFER: usize = 1 << 16;
const MAGICS: [(&[u8], Compression); 2] =
    [(&[0x1f, 0x8b], Compression::Gzip), (&[0x28, 0xb5, 0x2f, 0xfd], Compression::Zstandard)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstandard,
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
    ended: bool,
}

/// Lines of this file, or of standard input. An empty file has none.
///
/// # Errors
/// A file that is missing or a folder; while reading, invalid UTF-8 and damaged compression, with file and line.
pub fn lines(path: Option<&Path>) -> Result<Lines> {
    let Some(path) = path else { return Lines::new("standard input".to_owned(), io::stdin()) };
    let name = path.display().to_string();
    let metadata = fs::metadata(path).with_context(|| format!("{name}: cannot open this file"))?;
    ensure!(!metadata.is_dir(), "{name}: is a folder, expected a file");
    let file = File::open(path).with_context(|| format!("{name}: cannot open this file"))?;
    Lines::new(name, file)
}

impl Lines {
    fn new(name: String, input: impl Read + Send + 'static) -> Result<Self> {
        let (reader, compression) = decompress(input).with_context(|| format!("{name}: cannot read"))?;
        Ok(Self { name, reader, compression, bytes: Vec::new(), number: 0, offset: 0, ended: false })
    }

    /// Reads the next line into `bytes`, ends stripped; false when there is none.
    fn advance(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.bytes.clear();
        let length = self.reader.read_until(b'\n', &mut self.bytes).map_err(|error| {
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
            (_, io::ErrorKind::UnexpectedEof) => "the compressed file ends too early, expected more; fetch or make it again",
            _ => "the compressed file is damaged; fetch or make it again",
        };
        let place = format!("{}:{}: {what}", self.name, self.number + 1);
        anyhow::Error::new(error).context(place)
    }

    /// Number of lines in all. Reads to the end.
    fn count(&mut self) -> Result<usize> {
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
            // What `zstd --long=31` writes is read too.
            decoder.window_log_max(31)?;
            (Box::new(BufReader::with_capacity(BUFFER, decoder)), compression)
        }
    })
}

/// The bytes of a file, decompressed if they are compressed.
pub(super) fn open_decompressed(path: &Path) -> io::Result<impl Read> {
    Ok(decompress(File::open(path)?)?.0)
}

/// Sentence pairs in files. Nothing is read before it is asked for, and nothing is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParallelText {
    /// Line n of one file translates line n of the other.
    Files { source: PathBuf, target: PathBuf },
    /// A line is source, tab, target.
    Tsv(PathBuf),
}

impl ParallelText {
    pub fn files(source: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        Self::Files { source: source.into(), target: target.into() }
    }

    pub fn tsv(file: impl Into<PathBuf>) -> Self {
        Self::Tsv(file.into())
    }

    /// The files it is read from: source and target, or one.
    pub fn paths(&self) -> Vec<&Path> {
        match self {
            Self::Files { source, target } => vec![source, target],
            Self::Tsv(file) => vec![file],
        }
    }

    /// Reads everything once, keeping nothing, and returns the number of pairs.
    ///
    /// # Errors
    /// Whatever [`pairs`](Self::pairs) would come upon, and a corpus without any pair.
    pub fn check(&self) -> Result<usize> {
        let mut count = 0;
        for pair in self.pairs()? {
            pair?;
            count += 1;
        }
        ensure!(count > 0, "{}: no lines, expected at least one sentence pair", self.name());
        Ok(count)
    }

    /// Pairs of source and target in the order of the file, blank sides included. Item n is of line n + 1.
    ///
    /// # Errors
    /// As for [`lines`]; and a file that cannot be read twice, different numbers of lines, a TSV line without exactly one tab.
    pub fn pairs(&self) -> Result<Pairs> {
        for path in self.paths() {
            let metadata = fs::metadata(path).with_context(|| format!("{}: cannot open this file", path.display()))?;
            ensure!(
                metadata.is_file() || metadata.is_dir(),
                "{}: is a pipe or a device; a corpus is read more than once, so write it to a file first",
                path.display()
            );
        }
        let input = match self {
            Self::Files { source, target } => Input::Files(lines(Some(source))?, lines(Some(target))?),
            Self::Tsv(file) => Input::Tsv(lines(Some(file))?),
        };
        Ok(Pairs { input, ended: false })
    }

    /// The same pairs, so many at a time; the last chunk has what is left.
    ///
    /// # Errors
    /// As for [`ParallelText::pairs`]; after an error in a chunk there are no more.
    pub fn chunks(&self, size: usize) -> Result<impl Iterator<Item = Result<Vec<(String, String)>>>> {
        let mut pairs = self.pairs()?;
        Ok(std::iter::from_fn(move || match pairs.by_ref().take(size).collect::<Result<Vec<_>>>() {
            Ok(chunk) if chunk.is_empty() => None,
            chunk => Some(chunk),
        }))
    }

    fn name(&self) -> String {
        let names: Vec<String> = self.paths().iter().map(|path| path.display().to_string()).collect();
        names.join(" and ")
    }
}

/// Iterator over sentence pairs. After an error there are no more.
pub struct Pairs {
    input: Input,
    ended: bool,
}

enum Input {
    Files(Lines, Lines),
    Tsv(Lines),
}

impl Input {
    fn next(&mut self) -> Result<Option<(String, String)>> {
        match self {
            Self::Files(source, target) => match (source.next().transpose()?, target.next().transpose()?) {
                (Some(one), Some(other)) => Ok(Some((one, other))),
                (None, None) => Ok(None),
                (Some(_), None) => Err(unequal(source, target)),
                (None, Some(_)) => Err(unequal(target, source)),
            },
            Self::Tsv(file) => {
                let Some(line) = file.next().transpose()? else { return Ok(None) };
                let columns: Vec<&str> = line.split('\t').collect();
                let [source, target] = columns[..] else {
                    bail!(
                        "{}:{}: expected source and target divided by one tab, found {} tabs",
                        file.name,
                        file.number,
                        columns.len() - 1
                    );
                };
                Ok(Some((source.to_owned(), target.to_owned())))
            }
        }
    }
}

fn unequal(longer: &mut Lines, shorter: &Lines) -> anyhow::Error {
    let partnerless = longer.number;
    match longer.count() {
        Ok(count) => anyhow::anyhow!(
            "{} has {count} lines and {} has {}: expected as many in both; line {partnerless} of {0} has no partner",
            longer.name,
            shorter.name,
            shorter.number
        ),
        Err(error) => error,
    }
}

impl Iterator for Pairs {
    type Item = Result<(String, String)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.input.next().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

#[cfg(test)]
mod tests;
