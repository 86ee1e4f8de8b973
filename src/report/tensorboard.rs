//! Event files that TensorBoard reads: scalars and images.
//!
//! A file is a row of records, `length (u64) | masked CRC of length | data | masked CRC of data` in little endian, as in TensorFlow's
//! `record_writer.cc`; data is an `Event` message of `event.proto`. The few messages needed are written by hand.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};

use crate::runtime::files::Shown;

/// Writes one event file, `events.out.tfevents.TIME.targum`, and hands each event to the system at once.
pub struct EventWriter {
    file: File,
    path: PathBuf,
}

impl EventWriter {
    /// Starts a file of its own in `folder`. A run that goes on after `resumed` has TensorBoard drop what earlier files say of later steps.
    pub fn create(folder: &Path, resumed: Option<u64>) -> Result<Self> {
        let (file, path) = new_file(folder, now())?;
        let mut writer = Self { file, path };
        let mut version = Message::default();
        version.bytes(3, b"brain.Event:2");
        writer.event(0, &version)?;
        if let Some(step) = resumed {
            let mut session = Message::default();
            // SessionLog.status = START; TensorBoard purges from this step on, so it is the first one to come.
            session.number(1, 1);
            let mut content = Message::default();
            content.bytes(7, &session.0);
            writer.event(step + 1, &content)?;
        }
        Ok(writer)
    }

    /// Puts all that was written into a file of its own again, when somebody removed the first.
    pub fn put_back(&mut self) -> Result<()> {
        let mut events = Vec::new();
        let read = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.read_to_end(&mut events));
        read.with_context(|| format!("{}: cannot read TensorBoard's events", self.path.shown()))?;
        let folder = self.path.parent().unwrap_or(Path::new(".")).to_owned();
        (self.file, self.path) = new_file(&folder, now())?;
        self.file.write_all(&events).with_context(|| format!("{}: cannot write TensorBoard's events", self.path.shown()))
    }

    /// A point of the curve `tag`.
    pub fn scalar(&mut self, tag: &str, step: u64, value: f64) -> Result<()> {
        self.event(step, &summary(&scalar(tag, value)))
    }

    /// A picture, the bytes of a PNG file, under `tag`.
    pub fn image(&mut self, tag: &str, step: u64, png: &[u8]) -> Result<()> {
        let picture = image(tag, png).with_context(|| format!("the image {tag:?} is not PNG"))?;
        self.event(step, &summary(&picture))
    }

    fn event(&mut self, step: u64, content: &Message) -> Result<()> {
        let error = || format!("{}: cannot write TensorBoard's events", self.path.shown());
        self.file.write_all(&record(&event(now().as_secs_f64(), step, content))).with_context(error)
    }
}

/// `Event`: `content` is one of its alternatives.
fn event(time: f64, step: u64, content: &Message) -> Vec<u8> {
    let mut event = Message::default();
    event.double(1, time);
    event.number(2, step);
    event.0.extend(&content.0);
    event.0
}

/// The alternative `summary` of an `Event`, with one `Summary.Value`.
fn summary(value: &Message) -> Message {
    let mut summary = Message::default();
    summary.bytes(1, &value.0);
    let mut content = Message::default();
    content.bytes(5, &summary.0);
    content
}

/// A `Summary.Value` with `simple_value`.
fn scalar(tag: &str, value: f64) -> Message {
    let mut point = Message::default();
    point.bytes(1, tag.as_bytes());
    point.float(2, value as f32);
    point
}

/// A `Summary.Value` with `image`.
fn image(tag: &str, png: &[u8]) -> Result<Message> {
    let (width, height, channels) = png_header(png)?;
    let mut image = Message::default();
    image.number(1, height.into());
    image.number(2, width.into());
    image.number(3, channels);
    image.bytes(4, png);
    let mut picture = Message::default();
    picture.bytes(1, tag.as_bytes());
    picture.bytes(4, &image.0);
    Ok(picture)
}

/// A file of a name that is not taken: runs may start within a second of each other.
fn new_file(folder: &Path, time: Duration) -> Result<(File, PathBuf)> {
    let mut seconds = time.as_secs();
    loop {
        let path = folder.join(format!("events.out.tfevents.{seconds}.targum"));
        match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => seconds += 1,
            Err(error) => return Err(error).with_context(|| format!("{}: cannot create", path.shown())),
        }
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A message of Protocol Buffers under construction.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    const VARINT: u64 = 0;
    const EIGHT_BYTES: u64 = 1;
    const LENGTH_DELIMITED: u64 = 2;
    const FOUR_BYTES: u64 = 5;

    fn number(&mut self, field: u64, value: u64) {
        self.varint(field << 3 | Self::VARINT);
        self.varint(value);
    }

    fn double(&mut self, field: u64, value: f64) {
        self.varint(field << 3 | Self::EIGHT_BYTES);
        self.0.extend(value.to_le_bytes());
    }

    fn float(&mut self, field: u64, value: f32) {
        self.varint(field << 3 | Self::FOUR_BYTES);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.varint(field << 3 | Self::LENGTH_DELIMITED);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked(crc32c(&length)), data, &masked(crc32c(data))].concat()
}

/// Stored checksums are masked, since the checksum of data that holds its own checksum says little.
fn masked(crc: u32) -> [u8; 4] {
    crc.rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4).
fn crc32c(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |crc, &byte| CRC_TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            // The polynomial with its bits reversed.
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

/// Width, height and channels of a PNG file.
fn png_header(png: &[u8]) -> Result<(u32, u32, u64)> {
    ensure!(png.len() >= 26 && png.starts_with(b"\x89PNG\r\n\x1a\n") && &png[12..16] == b"IHDR", "no PNG header");
    let number = |at: usize| u32::from_be_bytes([png[at], png[at + 1], png[at + 2], png[at + 3]]);
    let channels = match png[25] {
        0 => 1,
        4 => 2,
        6 => 4,
        // True colour, or a palette of it.
        _ => 3,
    };
    Ok((number(16), number(20), channels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_rfc() {
        let ascending: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(&ascending), 0x46dd_794e);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    /// What TensorBoard's own `RecordWriter` (tensorboard 2.21.0) makes of the same events.
    const SCALAR: &str = "1b000000000000001a0d9e1309000000000000f83f10ac022a0d0a0b0a046c6f7373150000803e9908deed";
    const IMAGE: &str = "6f000000000000006c3181de09000000000000044010072a620a600a0b617474656e74696f6e2f302251080210031801224989504e470d0a1a0a000000\
        0d4948445200000003000000020800000000b81f39c60000001049444154789c63600858c02097b70f0006fc023b026d56c80000000049454e44ae4260\
        82a6b9b66d";
    /// A grey picture of 3 × 2 pixels.
    const PNG: &str = "89504e470d0a1a0a0000000d4948445200000003000000020800000000b81f39c60000001049444154789c63600858c02097b70f0006fc023b026d56\
        c80000000049454e44ae426082";

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn png() -> Vec<u8> {
        (0..PNG.len()).step_by(2).map(|at| u8::from_str_radix(&PNG[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn records_are_those_of_tensorboard() {
        assert_eq!(hex(&record(&event(1.5, 300, &summary(&scalar("loss", 0.25))))), SCALAR);
        assert_eq!(hex(&record(&event(2.5, 7, &summary(&image("attention/0", &png()).unwrap())))), IMAGE);
    }

    #[test]
    fn files_of_one_second_stand_side_by_side() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = EventWriter::create(folder.path(), None).unwrap();
        let second = EventWriter::create(folder.path(), Some(20)).unwrap();
        assert_ne!(first.path, second.path);
        first.scalar("loss", 1, 0.5).unwrap();
        let names: Vec<String> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(
            names.len() == 2 && names.iter().all(|name| name.starts_with("events.out.tfevents.") && name.ends_with(".targum"))
        );
    }

    #[test]
    fn only_png_is_taken_for_a_picture() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(folder.path(), None).unwrap();
        writer.image("attention/0", 1, &png()).unwrap();
        let error = writer.image("attention/0", 1, b"<svg/>").unwrap_err();
        assert_eq!(format!("{error:#}"), "the image \"attention/0\" is not PNG: no PNG header");
    }
}
