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
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::ids::Ids;
use super::layout::{CHECKSUM, HEADER, Layout, RECORD, u32_at, u64_at};
use super::{Metadata, Record, TokenIndex};

/// Ids of up to so many bytes are kept in memory; of more, only what is asked for is read.
const IN_MEMORY: usize = if cfg!(test) { 64 } else { 64 << 20 };

impl Record {
    fn from_bytes(bytes: &[u8]) -> Self {
        Record {
            start: u64_at(bytes, 0),
            line: u64_at(bytes, 8),
            source_length: u32_at(bytes, 16),
            target_length: u32_at(bytes, 20),
        }
    }

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
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        file => read(file.map_err(unreadable)?, path).map(Some),
    }
}

/// Reads an index file once from one end to the other and compares its checksum. What the ids say of pairs is checked here, so that it can be
/// relied on afterwards; of the ids themselves only few are kept in memory.
pub fn read(mut file: File, path: &Path) -> Result<(TokenIndex, Metadata), String> {
    let found = file.metadata().map_err(unreadable)?;
    if !found.is_file() {
        return Err("is no file".to_owned());
    }
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let mut header = Vec::new();
    (&file).take(HEADER as u64).read_to_end(&mut header).map_err(unreadable)?;
    let layout = Layout::read(&header, found.len())?;
    let mut input = BufReader::with_capacity(1 << 16, &file);
    let mut hasher = Sha256::new();
    let mut next = |bytes: &mut [u8]| {
        input.read_exact(bytes).map_err(unreadable)?;
        hasher.update(&*bytes);
        Ok::<_, String>(())
    };

    let bytes = layout.ids * layout.width;
    let mut kept = Vec::with_capacity(if bytes <= IN_MEMORY { bytes } else { 0 });
    let mut block = vec![0; 1 << 16];
    let mut left = bytes;
    while left > 0 {
        let block = &mut block[..left.min(1 << 16)];
        next(block)?;
        if bytes <= IN_MEMORY {
            kept.extend_from_slice(block);
        }
        left -= block.len();
    }
    let mut records = Vec::new();
    records
        .try_reserve_exact(layout.pairs)
        .map_err(|_| format!("is said to hold {} pairs, more than memory holds", layout.pairs))?;
    let mut record = [0; RECORD];
    for _ in 0..layout.pairs {
        next(&mut record)?;
        records.push(Record::from_bytes(&record));
    }
    let mut metadata = Vec::new();
    metadata.try_reserve_exact(layout.metadata).map_err(|_| format!("is said to hold {} bytes of metadata", layout.metadata))?;
    metadata.resize(layout.metadata, 0);
    next(&mut metadata)?;
    let mut sum = [0; CHECKSUM];
    input.read_exact(&mut sum).map_err(unreadable)?;
    if hasher.chain_update(layout.header()).finalize()[..] != sum {
        return Err("is damaged: its checksum is wrong".to_owned());
    }
    let metadata: Metadata =
        serde_json::from_slice(&metadata).map_err(|error| format!("has metadata that cannot be read ({error})"))?;
    // Nobody gets here by accident; but a file is no reason to end by a panic.
    let inside = |record: &Record| {
        let lengths = u64::from(record.source_length) + u64::from(record.target_length);
        record.start.checked_add(lengths).is_some_and(|end| end <= layout.ids as u64)
    };
    if layout.pairs == 0 || !records.iter().all(inside) {
        return Err("has pairs beyond its ids".to_owned());
    }
    let ids =
        Ids::new((bytes <= IN_MEMORY).then_some(kept), file, layout, metadata.origin.vocabulary, path).map_err(unreadable)?;
    Ok((TokenIndex { records, ids }, metadata))
}

fn unreadable(error: std::io::Error) -> String {
    format!("cannot be read ({error})")
}
