//! Hostile changes to bytes, text and JSON.

use serde_json::Value;

use crate::chance::Chance;

/// Where programs are weak: around powers of two, at nothing, and beyond all bounds.
pub const NUMBERS: [&str; 27] = [
    "0",
    "-1",
    "1",
    "2",
    "7",
    "31",
    "0.5",
    "-0.0",
    "255",
    "256",
    "65536",
    "1000000000",
    "2147483647",
    "2147483648",
    "-2147483648",
    "4294967296",
    "1099511627776",
    "4611686018427387904",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e12",
    "1e308",
    "-1e308",
    "1e-320",
    "1e999",
];

const WORDS: [&str; 22] = [
    "",
    " ",
    "\0",
    "\u{1b}[2J\u{1b}[31mred",
    "\r",
    "\u{85}\u{2028}",
    "\u{202e}",
    "\u{feff}",
    "e\u{301}\u{301}\u{301}",
    "ﷺ",
    "👩‍👩‍👧",
    "../../etc/passwd",
    "/dev/zero",
    "null",
    "NaN",
    "inf",
    "true",
    "<unk>",
    "</s>",
    "▁",
    "\\u0000",
    "%n%s{}",
];

/// What is not UTF-8, or hardly.
const NOT_TEXT: [&[u8]; 6] = [b"\xff", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\0"];

/// A long run of one thing.
fn long(chance: &mut Chance) -> Vec<u8> {
    let unit = *chance.pick(&["a", "a ", "[", "{", "é", "0", "\t", "a\n", "▁", "-", "[[x]]=", "0-0 "]);
    // Rarely very long: time grows with the text, and rightly.
    let most = if chance.one_in(16) { 14 } else { 9 };
    let count = 1 << (4 + chance.below(most));
    unit.repeat(count).into_bytes()
}

/// One to five changes of bytes, whatever they mean; `other` is spliced in.
pub fn bytes(chance: &mut Chance, data: &mut Vec<u8>, other: &[u8]) {
    loop {
        one(chance, data, other);
        if chance.one_in(2) || data.len() > 32 << 20 {
            return;
        }
    }
}

fn one(chance: &mut Chance, data: &mut Vec<u8>, other: &[u8]) {
    let length = data.len();
    let place = chance.below(length + 1);
    let end = (place + 1 + chance.below(64)).min(length);
    match chance.below(14) {
        0..3 if length > 0 => data[place.min(length - 1)] ^= 1 << chance.below(8),
        3 if length > 0 => data[place.min(length - 1)] = chance.number() as u8,
        4 => data.truncate(place),
        5 => drop(data.drain(place.min(end)..end)),
        6 => {
            // A part again, up to a thousand times.
            let part = data[place.min(end)..end].to_vec();
            let most = if chance.one_in(4) { 1000 } else { 3 };
            let again = part.repeat(1 + chance.below(most));
            data.splice(place..place, again);
        }
        7 => {
            // The beginning of this, the end of another.
            data.truncate(place);
            data.extend(&other[chance.below(other.len() + 1)..]);
        }
        8 => {
            let number = *chance.pick(&[
                0,
                1,
                0x7f,
                0x80,
                0xff,
                0x7fff_ffff,
                0x8000_0000,
                0xffff_ffff,
                1 << 40,
                1 << 62,
                u64::MAX,
                i64::MAX as u64,
            ]);
            let number = number.to_le_bytes();
            let width = *chance.pick(&[1, 2, 4, 8]);
            data.iter_mut().skip(place).take(width).zip(number).for_each(|(byte, new)| *byte = new);
        }
        9 => drop(data.splice(place..place, chance.pick(&NOT_TEXT).iter().copied())),
        10 => drop(data.splice(place..place, long(chance))),
        11 => {
            let count = chance.below(32);
            data.splice(place..place, chance.bytes(count));
        }
        12 => drop(data.splice(place..place, chance.pick(&WORDS).bytes())),
        _ => number(chance, data),
    }
}

/// Puts a hostile number in the place of one that is written in digits.
fn number(chance: &mut Chance, data: &mut Vec<u8>) {
    let is_part = |byte: &u8| byte.is_ascii_digit();
    let starts: Vec<usize> = (0..data.len()).filter(|&at| is_part(&data[at]) && (at == 0 || !is_part(&data[at - 1]))).collect();
    if starts.is_empty() {
        return;
    }
    let start = *chance.pick(&starts);
    let end = data[start..].iter().position(|byte| !is_part(byte)).map_or(data.len(), |count| start + count);
    data.splice(start..end, chance.pick(&NUMBERS).bytes());
}

/// The same for text of lines: whole lines change too.
pub fn text(chance: &mut Chance, data: &mut Vec<u8>, other: &[u8]) {
    match chance.below(5) {
        0 => {
            let mut lines: Vec<Vec<u8>> = data.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
            if lines.is_empty() {
                return;
            }
            let (one, two) = (chance.below(lines.len()), chance.below(lines.len()));
            match chance.below(4) {
                0 => lines.swap(one, two),
                1 => drop(lines.remove(one)),
                2 => lines.insert(one, lines[two].clone()),
                _ => lines[one] = chance.pick(&WORDS).bytes().chain(*b"\n").collect(),
            }
            *data = lines.concat();
        }
        1 => number(chance, data),
        _ => bytes(chance, data, other),
    }
}

/// A hostile value in the place of one of JSON, or a key or an item more, less or elsewhere. Half of the time it is a number that changes: sizes and
/// counts are numbers.
pub fn json(chance: &mut Chance, value: &mut Value) {
    loop {
        let counts = [false, true].map(|numbers| count(value, numbers));
        let numbers = counts[1] > 0 && chance.one_in(2);
        let mut target = chance.below(counts[usize::from(numbers)]);
        if let Some(place) = find(value, numbers, &mut target) {
            if numbers {
                *place = hostile_number(chance);
            } else {
                replace(chance, place);
            }
        }
        if chance.one_in(2) {
            return;
        }
    }
}

/// Values in it, itself included; or numbers alone.
fn count(value: &Value, numbers: bool) -> usize {
    let inside: usize = match value {
        Value::Array(items) => items.iter().map(|item| count(item, numbers)).sum(),
        Value::Object(fields) => fields.values().map(|field| count(field, numbers)).sum(),
        _ => 0,
    };
    inside + usize::from(!numbers || value.is_number())
}

/// The value at this place of them.
fn find<'a>(value: &'a mut Value, numbers: bool, target: &mut usize) -> Option<&'a mut Value> {
    if !numbers || value.is_number() {
        if *target == 0 {
            return Some(value);
        }
        *target -= 1;
    }
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| find(item, numbers, target)),
        Value::Object(fields) => fields.values_mut().find_map(|field| find(field, numbers, target)),
        _ => None,
    }
}

fn replace(chance: &mut Chance, value: &mut Value) {
    match (chance.below(8), &mut *value) {
        (0..3, Value::Array(items)) if !items.is_empty() => {
            let at = chance.below(items.len());
            match chance.below(3) {
                0 => drop(items.remove(at)),
                1 => items.insert(at, items[at].clone()),
                _ => {
                    let other = chance.below(items.len());
                    items.swap(at, other);
                }
            }
        }
        (0..3, Value::Object(fields)) if !fields.is_empty() => {
            let key = fields.keys().nth(chance.below(fields.len())).expect("one of them").clone();
            let old = fields.remove(&key).expect("it is there");
            match chance.below(3) {
                0 => drop(fields.insert((*chance.pick(&WORDS)).into(), old)),
                1 => drop(fields.insert(format!("{key}{key}"), old)),
                _ => {}
            }
        }
        _ => *value = hostile(chance),
    }
}

/// Null where JSON has no such number.
fn hostile_number(chance: &mut Chance) -> Value {
    serde_json::from_str(NUMBERS[chance.below(NUMBERS.len())]).unwrap_or(Value::Null)
}

fn hostile(chance: &mut Chance) -> Value {
    match chance.below(9) {
        0..4 => hostile_number(chance),
        4 => Value::Null,
        5 => chance.one_in(2).into(),
        6 => (*chance.pick(&WORDS)).into(),
        7 => String::from_utf8(long(chance)).unwrap_or_default().into(),
        _ => {
            let mut value = Value::Array(Vec::new());
            for _ in 0..chance.below(200) {
                value = if chance.one_in(2) { Value::Array(vec![value]) } else { serde_json::json!({ "a": value }) };
            }
            value
        }
    }
}

/// Bytes of JSON, changed as JSON or as bytes.
pub fn json_bytes(chance: &mut Chance, data: &mut Vec<u8>, other: &[u8]) {
    match serde_json::from_slice::<Value>(data) {
        Ok(mut value) if chance.below(4) > 0 => {
            json(chance, &mut value);
            *data = value.to_string().into_bytes();
        }
        _ => bytes(chance, data, other),
    }
}
