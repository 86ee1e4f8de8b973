//! The file's format, all numbers little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `TARGUMIX` |
//! | 4 | version of this format |
//! | 4 | bytes of an id: 2 or 4 |
//! | 8 | pairs |
//! | 8 | ids |
//! | 8 | bytes of metadata |
//! | ids × width | ids: source and target of the first pair, of the second, … |
//! | pairs × 24 | records: first id (8), line (8), source length (4), target length (4) |
//! | as said | metadata as JSON |
//! | 32 | SHA-256 of all between the header and here, and then of the header |

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use memmap2::Mmap;
use sha2::{Digest, Sha256};

use super::{Metadata, Record, TokenIndex};

const MAGIC: &[u8; 8] = b"TARGUMIX";
const VERSION: u32 = 1;
pub const HEADER: usize = 40;
pub const RECORD: usize = 24;
const CHECKSUM: usize = 32;

/// The numbers of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub width: usize,
    pub pairs: usize,
    pub ids: usize,
    pub metadata: usize,
}

impl Layout {
    pub fn header(&self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(MAGIC);
        header[8..12].copy_from_slice(&VERSION.to_le_bytes());
        header[12..16].copy_from_slice(&(self.width as u32).to_le_bytes());
        for (place, number) in header[16..].chunks_exact_mut(8).zip([self.pairs, self.ids, self.metadata]) {
            place.copy_from_slice(&(number as u64).to_le_bytes());
        }
        header
    }

    /// Errs with what is wrong, to be read after "the old one".
    fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.get(..8) != Some(MAGIC) {
            return Err("is no token index".to_owned());
        }
        let truncated = || "is truncated".to_owned();
        let header = bytes.get(..HEADER).ok_or_else(truncated)?;
        let version = u32_at(header, 8);
        if version != VERSION {
            return Err(format!("has format {version}, expected {VERSION}"));
        }
        let width = u32_at(header, 12) as usize;
        let [pairs, ids, metadata] = [16, 24, 32].map(|at| usize::try_from(u64_at(header, at)).unwrap_or(usize::MAX));
        let layout = Self { width, pairs, ids, metadata };
        if layout.length() != Some(bytes.len()) { Err(truncated()) } else { Ok(layout) }
    }

    /// Of the whole file; none where the numbers are beyond sense.
    fn length(&self) -> Option<usize> {
        let ids = self.ids.checked_mul(self.width)?;
        let records = self.pairs.checked_mul(RECORD)?;
        [HEADER, ids, records, self.metadata, CHECKSUM].into_iter().try_fold(0_usize, usize::checked_add)
    }

    fn records_at(&self) -> usize {
        HEADER + self.ids * self.width
    }

    pub fn record(&self, bytes: &[u8], pair: usize) -> Record {
        assert!(pair < self.pairs, "pair {pair} of an index of {}", self.pairs);
        let at = self.records_at() + pair * RECORD;
        Record {
            start: u64_at(bytes, at),
            line: u64_at(bytes, at + 8),
            source_length: u32_at(bytes, at + 16),
            target_length: u32_at(bytes, at + 20),
        }
    }

    pub fn ids(&self, bytes: &[u8], start: usize, count: usize) -> Vec<u32> {
        let bytes = &bytes[HEADER + start * self.width..HEADER + (start + count) * self.width];
        match self.width {
            2 => bytes.chunks_exact(2).map(|id| u32::from(u16::from_le_bytes([id[0], id[1]]))).collect(),
            _ => bytes.chunks_exact(4).map(|id| u32::from_le_bytes([id[0], id[1], id[2], id[3]])).collect(),
        }
    }
}

impl Record {
    pub fn to_bytes(self) -> [u8; RECORD] {
        let mut bytes = [0; RECORD];
        bytes[..8].copy_from_slice(&self.start.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.line.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.source_length.to_le_bytes());
        bytes[20..].copy_from_slice(&self.target_length.to_le_bytes());
        bytes
    }
}

/// Opens an index file; none where there is no file. Errs with what is wrong, to be read after "the old one".
pub fn open(path: &Path) -> Result<Option<(TokenIndex, Metadata)>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read ({error})");
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(unreadable)?,
    };
    // SAFETY: index files are replaced by renaming and never written to once they have their name, so that what is mapped stays as it is.
    let map = unsafe { Mmap::map(&file) }.map_err(unreadable)?;
    let layout = Layout::read(&map)?;
    let (content, sum) = map.split_at(map.len() - CHECKSUM);
    if Sha256::new().chain_update(&content[HEADER..]).chain_update(layout.header()).finalize()[..] != *sum {
        return Err("is damaged: its checksum is wrong".to_owned());
    }
    let metadata = serde_json::from_slice(&content[content.len() - layout.metadata..])
        .map_err(|error| format!("has metadata that cannot be read ({error})"))?;
    Ok(Some((TokenIndex { map, layout }, metadata)))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
