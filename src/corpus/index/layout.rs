//! How the file of a token index is laid out.

pub const MAGIC: &[u8; 8] = b"TARGUMIX";
pub const VERSION: u32 = 1;
pub const HEADER: usize = 40;
pub const RECORD: usize = 24;
pub const CHECKSUM: usize = 32;

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

    /// The layout of a file of `length` bytes that begins with `bytes`. Errs with what is wrong, to be read after "the old one".
    pub fn read(bytes: &[u8], length: u64) -> Result<Self, String> {
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
        if layout.length().and_then(|sum| u64::try_from(sum).ok()) != Some(length) {
            return Err(truncated());
        }
        if width != 2 && width != 4 { Err(format!("has ids of {width} bytes, expected 2 or 4")) } else { Ok(layout) }
    }

    /// Of the whole file; none where the numbers are beyond sense.
    pub fn length(&self) -> Option<usize> {
        let ids = self.ids.checked_mul(self.width)?;
        let records = self.pairs.checked_mul(RECORD)?;
        [HEADER, ids, records, self.metadata, CHECKSUM].into_iter().try_fold(0_usize, usize::checked_add)
    }

    /// Where id number `start` is in the file.
    pub fn place(&self, start: u64) -> u64 {
        HEADER as u64 + start * self.width as u64
    }

    /// The ids in so many bytes.
    pub fn numbers(&self, bytes: &[u8]) -> Vec<u32> {
        match self.width {
            2 => bytes.chunks_exact(2).map(|id| u32::from(u16::from_le_bytes([id[0], id[1]]))).collect(),
            _ => bytes.chunks_exact(4).map(|id| u32::from_le_bytes([id[0], id[1], id[2], id[3]])).collect(),
        }
    }
}

pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
