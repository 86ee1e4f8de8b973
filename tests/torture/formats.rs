//! Hostile changes inside of files: what is packed is unpacked, changed and packed again, so that the change reaches who reads it.

use std::io::{Cursor, Read, Write};
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::chance::Chance;
use crate::mutate;

/// A file of weights: its header as JSON, its numbers, or all as bytes.
pub fn safetensors(chance: &mut Chance, data: &mut Vec<u8>, other: &[u8]) {
    let header = data.get(..8).map(|length| u64::from_le_bytes(length.try_into().expect("8 bytes")) as usize);
    let split = header.and_then(|length| length.checked_add(8)).filter(|&end| end <= data.len());
    match (chance.below(5), split) {
        (0..3, Some(end)) => {
            let mut header = data[8..end].to_vec();
            mutate::json_bytes(chance, &mut header, b"{}");
            let mut whole = (header.len() as u64).to_le_bytes().to_vec();
            whole.extend(header);
            whole.extend(&data[end..]);
            *data = whole;
        }
        (3, Some(end)) => {
            // NaN, infinity, huge and tiny numbers.
            for _ in 0..=chance.below(8) {
                let at = end + chance.below((data.len() - end) / 4) * 4;
                let number: f32 = *chance.pick(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 1e30, 1e-40, -0.0]);
                data.iter_mut().skip(at).take(4).zip(number.to_le_bytes()).for_each(|(byte, new)| *byte = new);
            }
        }
        _ => mutate::bytes(chance, data, other),
    }
}

/// A zip file as of PyTorch: one of its members, or all as bytes.
pub fn zip(chance: &mut Chance, data: &mut Vec<u8>, other: &[u8]) {
    if chance.one_in(4) {
        return mutate::bytes(chance, data, other);
    }
    let Some(mut members) = unzip(data) else { return mutate::bytes(chance, data, other) };
    if members.is_empty() {
        return;
    }
    let pickle = members.iter().position(|(name, _)| name.ends_with("data.pkl")).filter(|_| chance.below(3) > 0);
    let at = pickle.unwrap_or_else(|| chance.below(members.len()));
    match chance.below(12) {
        0 => drop(members.remove(at)),
        1 => members.push(members[at].clone()),
        2 => members[at].0.push_str("../x"),
        _ if members[at].0.ends_with("data.pkl") => self::pickle(chance, &mut members[at].1),
        _ => mutate::bytes(chance, &mut members[at].1, other),
    }
    if let Some(packed) = rezip(&members) {
        *data = packed;
    }
}

fn unzip(data: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(data)).ok()?;
    (0..archive.len())
        .map(|number| {
            let mut member = archive.by_index(number).ok()?;
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes).ok()?;
            let name = member.name().ok()?.into_owned();
            Some((name, bytes))
        })
        .collect()
}

fn rezip(members: &[(String, Vec<u8>)]) -> Option<Vec<u8>> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut twice = None;
    for (at, (name, bytes)) in members.iter().enumerate() {
        // The writer refuses a second file of one name, which it gets afterwards.
        let again = members[..at].iter().any(|earlier| earlier.0 == *name);
        let other = if again { Some(format!("\u{1}{}", name.get(1..)?)) } else { None };
        writer.start_file(other.as_deref().unwrap_or(name), options).ok()?;
        writer.write_all(bytes).ok()?;
        twice = other.map(|other| (other, name)).or(twice);
    }
    let mut data = writer.finish().ok()?.into_inner();
    if let Some((other, name)) = twice {
        for at in 0..data.len().saturating_sub(other.len()) {
            if data[at..].starts_with(other.as_bytes()) {
                data[at..at + other.len()].copy_from_slice(name.as_bytes());
            }
        }
    }
    Some(data)
}

/// A pickle: the numbers that its codes carry, its codes, or all as bytes.
fn pickle(chance: &mut Chance, data: &mut Vec<u8>) {
    // BININT, BININT1, BININT2, LONG1, BINGET and LONG_BINGET with the bytes of their numbers.
    const CARRIERS: [(u8, usize); 6] = [(b'J', 4), (b'K', 1), (b'M', 2), (0x8a, 0), (b'h', 1), (b'j', 4)];
    let places: Vec<(usize, usize)> = (0..data.len())
        .filter_map(|at| CARRIERS.iter().find(|(code, _)| *code == data[at]).map(|&(_, width)| (at, width)))
        .collect();
    if places.is_empty() || chance.one_in(4) {
        return mutate::bytes(chance, data, b"\x80\x02}q\x00.");
    }
    let (at, width) = *chance.pick(&places);
    if chance.one_in(2) {
        // Any number as LONG1, whose length is free.
        let number: i64 =
            *chance.pick(&[0, -1, 1, 2, i64::MAX, i64::MIN, 1 << 31, 1 << 40, 1 << 61, 1 << 62, -(1 << 40), 65_536, 100_000_000]);
        let old = if width == 0 { 2 + data.get(at + 1).map_or(0, |&length| length as usize) } else { 1 + width };
        let new = [&[0x8a, 8][..], &number.to_le_bytes()].concat();
        data.splice(at..(at + old).min(data.len()), new);
    } else {
        let new = chance.bytes(width.max(1));
        data.iter_mut().skip(at + 1).take(width.max(1)).zip(new).for_each(|(byte, new)| *byte = new);
    }
}

/// Protocol buffers, as SentencePiece models are: a field changed, gone, twice or elsewhere, with lengths that fit.
pub fn protocol(chance: &mut Chance, data: &mut Vec<u8>, other: &[u8]) {
    let fields = fields(data);
    if fields.is_empty() || chance.one_in(4) {
        return mutate::bytes(chance, data, other);
    }
    // Pieces come first and are many: what is behind them matters as much.
    let at = if chance.one_in(2) { chance.below(fields.len()) } else { fields.len() - 1 - chance.below(fields.len().min(4)) };
    let (tag, payload) = &fields[at];
    let mut new: Vec<(u64, Payload)> = fields.clone();
    match chance.below(8) {
        0 => drop(new.remove(at)),
        1 => new.insert(at, new[at].clone()),
        2 => {
            let other = chance.below(fields.len());
            new.swap(at, other);
        }
        3 => new[at].0 = chance.number() >> chance.below(64),
        _ => {
            let payload = match payload {
                Payload::Number(_) => {
                    Payload::Number(*chance.pick(&[0, 1, 2, 3, 4, 255, u64::MAX, i64::MAX as u64, 1 << 31, 1 << 32]))
                }
                Payload::Fixed(bytes) => Payload::Fixed(chance.bytes(bytes.len())),
                Payload::Bytes(bytes) => {
                    let mut bytes = bytes.clone();
                    if chance.one_in(2) && !self::fields(&bytes).is_empty() {
                        protocol(chance, &mut bytes, other);
                    } else {
                        mutate::bytes(chance, &mut bytes, other);
                    }
                    Payload::Bytes(bytes)
                }
            };
            new[at] = (*tag, payload);
        }
    }
    *data = new.iter().flat_map(|(tag, payload)| encoded(*tag, payload)).collect();
}

#[derive(Clone)]
enum Payload {
    Number(u64),
    /// 4 or 8 bytes.
    Fixed(Vec<u8>),
    Bytes(Vec<u8>),
}

/// Tags with what they stand before; empty where it is no such message.
fn fields(data: &[u8]) -> Vec<(u64, Payload)> {
    let mut fields = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let Some(tag) = varint(data, &mut at) else { return Vec::new() };
        let payload = match tag & 7 {
            0 => varint(data, &mut at).map(Payload::Number),
            1 => take(data, &mut at, 8).map(Payload::Fixed),
            2 => varint(data, &mut at).and_then(|length| take(data, &mut at, length as usize)).map(Payload::Bytes),
            5 => take(data, &mut at, 4).map(Payload::Fixed),
            _ => None,
        };
        let Some(payload) = payload else { return Vec::new() };
        fields.push((tag, payload));
    }
    fields
}

fn take(data: &[u8], at: &mut usize, count: usize) -> Option<Vec<u8>> {
    let bytes = data.get(*at..at.checked_add(count)?)?.to_vec();
    *at += count;
    Some(bytes)
}

fn varint(data: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *data.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 127) << shift;
        if byte < 128 {
            return Some(value);
        }
    }
    None
}

fn encoded(tag: u64, payload: &Payload) -> Vec<u8> {
    let mut bytes = Vec::new();
    let number = |mut value: u64, bytes: &mut Vec<u8>| {
        while value > 127 {
            bytes.push(value as u8 | 128);
            value >>= 7;
        }
        bytes.push(value as u8);
    };
    number(tag, &mut bytes);
    match payload {
        Payload::Number(value) => number(*value, &mut bytes),
        Payload::Fixed(fixed) => bytes.extend(fixed),
        Payload::Bytes(inner) => {
            number(inner.len() as u64, &mut bytes);
            bytes.extend(inner);
        }
    }
    bytes
}

pub fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).and_then(|()| encoder.finish()).expect("memory takes it")
}

pub fn zstandard(data: &[u8]) -> Vec<u8> {
    zstd::encode_all(data, 1).expect("memory takes it")
}

/// 4 GiB of zeros in little: as many members as frames of 16 MiB.
pub fn bomb(zstd: bool) -> Vec<u8> {
    let part = vec![0; 16 << 20];
    if zstd { zstandard(&part) } else { gzip(&part) }.repeat(256)
}

/// Makes the checksums of a checkpoint fit its files, so that whoever reads on meets what was changed.
pub fn write_checksums(folder: &Path) {
    let path = folder.join("checksums.json");
    let Some(mut value) = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok()) else {
        return;
    };
    reseal(folder, None, &mut value);
    let _ = std::fs::write(&path, serde_json::to_string_pretty(&value).expect("JSON") + "\n");
}

fn reseal(folder: &Path, file: Option<&[u8]>, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields.iter_mut() {
                let bytes = std::fs::read(folder.join(key)).ok();
                reseal(folder, bytes.as_deref().or(file), field);
            }
        }
        Value::String(text) => {
            if let (64, Some(file)) = (text.len(), file) {
                *text = Sha256::digest(file).iter().map(|byte| format!("{byte:02x}")).collect();
            }
        }
        Value::Number(_) => {
            if let Some(file) = file {
                *value = file.len().into();
            }
        }
        _ => {}
    }
}
