//! Files that `torch.save` never writes: none costs more memory than it has bytes, and none panics.

use std::io::Write;

use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use super::*;

/// A tensor of a pickle: name, storage, number of the storage's elements, size, stride.
type Entry<'a> = (&'a str, &'a str, i64, &'a [i64], &'a [i64]);

fn integer(number: i64, out: &mut Vec<u8>) {
    out.extend([0x8a, 8]);
    out.extend(number.to_le_bytes());
}

fn text(text: &str, out: &mut Vec<u8>) {
    out.push(b'X');
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

fn tuple(numbers: &[i64], out: &mut Vec<u8>) {
    out.push(b'(');
    numbers.iter().for_each(|&number| integer(number, out));
    out.push(b't');
}

fn tensor_of(&(_, key, elements, size, stride): &Entry, kind: &str, out: &mut Vec<u8>) {
    out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
    text("storage", out);
    out.extend(format!("ctorch\n{kind}\n").as_bytes());
    text(key, out);
    text("cpu", out);
    integer(elements, out);
    out.extend(b"tQ");
    integer(0, out);
    tuple(size, out);
    tuple(stride, out);
    out.extend(b"tR");
}

fn pickled(entries: &[Entry], kind: &str) -> Vec<u8> {
    let mut out = b"\x80\x02}(".to_vec();
    for entry in entries {
        text(entry.0, &mut out);
        tensor_of(entry, kind, &mut out);
    }
    out.extend(b"u.");
    out
}

fn archive(pickle: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    archive.start_file("archive/data.pkl", options).unwrap();
    archive.write_all(pickle).unwrap();
    for (key, bytes) in storages {
        archive.start_file(format!("archive/data/{key}"), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn stored(entries: &[Entry], storages: &[(&str, &[u8])]) -> Result<BTreeMap<String, Tensor>> {
    zipped(&archive(&pickled(entries, "FloatStorage"), storages))
}

#[track_caller]
fn refused(found: Result<BTreeMap<String, Tensor>>, part: &str) {
    let error = format!("{:#}", found.map(|tensors| tensors.len()).unwrap_err());
    assert!(error.contains(part), "{part:?} is not in: {error}");
    assert!(error.len() < 2000, "a message of {} bytes", error.len());
}

#[test]
fn what_torch_writes_is_read_without_a_copy_for_every_name() {
    let bytes: Vec<u8> = (0..6).flat_map(|number| (number as f32).to_le_bytes()).collect();
    let names = ["a", "b", "c", "d"];
    let mut entries: Vec<Entry> = names.iter().map(|name| (*name, "0", 6, &[2, 3][..], &[3, 1][..])).collect();
    entries.push(("turned", "0", 6, &[3, 2], &[1, 3]));
    entries.push(("nothing", "0", 6, &[0, 3], &[3, 1]));
    let tensors = stored(&entries, &[("0", &bytes)]).unwrap();
    assert_eq!(Vec::<f32>::try_from(tensors["turned"].reshape([-1])).unwrap(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    assert_eq!(tensors["nothing"].size(), [0, 3]);
    assert!(names.iter().all(|name| tensors[*name].data_ptr() == tensors["a"].data_ptr()));
    assert!(!tensors["a"].requires_grad());
}

#[test]
fn no_tensor_is_larger_than_its_storage() {
    let one = 1f32.to_le_bytes();
    refused(stored(&[("a", "0", 1, &[40_000, 40_000], &[0, 0])], &[("0", &one)]), "more numbers than its storage, which has 1");
    for size in [&[1 << 62, 4][..], &[i64::MAX, i64::MAX], &[-1, 1], &[1 << 62]] {
        for stride in [&[0, 0][..], &[1, 1], &[i64::MAX, i64::MAX], &[-1, 1]] {
            let stride = &stride[..size.len()];
            refused(stored(&[("a", "0", 1, size, stride)], &[("0", &one)]), "its size [");
        }
    }
    refused(stored(&[("a", "0", 1, &[2], &[1])], &[("0", &one)]), "more numbers");
    refused(stored(&[("a", "0", 1, &[1; 65], &[1; 65])], &[("0", &one)]), "65 dimensions");
    refused(stored(&[("a", "0", 1 << 61, &[1], &[1])], &[("0", &one)]), "its storage has 4 bytes");
    // What is empty has sizes that nothing bounds.
    let _ = stored(&[("a", "0", 1, &[0, i64::MAX, i64::MAX], &[1, 1, 1])], &[("0", &one)]);
    let _ = stored(&[("a", "0", 1, &[1 << 62, 0], &[1 << 62, i64::MAX])], &[("0", &one)]);
}

#[test]
fn one_storage_under_thousands_of_names_is_refused() {
    let bytes = vec![0; 4 << 20];
    let names: Vec<String> = (0..8000).map(|number| format!("weight{number}")).collect();
    // Each of them turned, so that each would be copied: 32 GB.
    let entries: Vec<Entry> = names.iter().map(|name| (name.as_str(), "0", 1 << 20, &[1024, 1024][..], &[1, 1024][..])).collect();
    refused(stored(&entries, &[("0", &bytes)]), "more than 8 tensors share all of its storage");
    refused(stored(&[("a", "0", 1, &[1], &[1]), ("a", "0", 1, &[1], &[1])], &[("0", &[0; 4])]), "\"a\" is there twice");
    refused(stored(&[("a", "0", 1, &[1], &[1]), ("b", "0", 2, &[1], &[1])], &[("0", &[0; 4])]), "described in two ways");
}

#[test]
fn few_bytes_do_not_become_many_values() {
    let nothing = [b"\x80\x02".to_vec(), vec![b'N'; 5 << 20], b".".to_vec()].concat();
    refused(zipped(&archive(&nothing, &[])), "more than 4194304 values");
    // A name of a megabyte that is recalled again and again.
    let mut names = b"\x80\x02}(".to_vec();
    text(&"x".repeat(1 << 20), &mut names);
    names.extend(b"q\x00N");
    (0..10_000).for_each(|_| names.extend(b"h\x00N"));
    names.extend(b"u.");
    refused(zipped(&archive(&names, &[])), "is no tensor");
    refused(stored(&[("\u{1b}[31m", "0", 9, &[1], &[1])], &[("0", &[0; 4])]), r"\u{1b}[31m");
}

#[test]
fn old_files_are_bounded_by_their_bytes() {
    let mut long = vec![0x8a, 10];
    long.extend(MAGIC);
    let head = [b"\x80\x02".to_vec(), long, b".".to_vec(), b"\x80\x02M\xe9\x03.".to_vec(), b"\x80\x02}.".to_vec()].concat();
    let old = |entries: &[Entry], keys: &[&str], numbers: &[u8]| {
        let mut list = b"\x80\x02](".to_vec();
        keys.iter().for_each(|key| text(key, &mut list));
        list.extend(b"e.");
        in_a_row(&[&head[..], &pickled(entries, "DoubleStorage"), &list, numbers].concat())
    };
    let numbers = [2u64.to_le_bytes(), 1f64.to_le_bytes(), 2f64.to_le_bytes()].concat();
    let read = old(&[("a", "0", 2, &[2], &[1])], &["0"], &numbers).unwrap();
    assert_eq!(Vec::<f64>::try_from(&read["a"]).unwrap(), [1.0, 2.0]);
    for elements in [3, 1 << 60, 1 << 61, (1 << 61) - 1, i64::MAX] {
        let found = old(&[("a", "0", elements, &[2], &[1])], &["0"], &numbers);
        let error = format!("{:#}", found.unwrap_err());
        assert!(error.contains("cut off") || error.contains("too large"), "{error}");
    }
    refused(old(&[("a", "0", -1, &[2], &[1])], &["0"], &numbers), "negative size");
    refused(old(&[("a", "0", 0, &[0], &[1])], &["0", "0"], &[0; 16]), "listed twice");
}

/// Where the entries of an archive are listed, as [`zip::ZipWriter`] would not: `file` holds their local headers and what they hold.
fn listed(mut file: Vec<u8>, entries: &[Vec<u8>]) -> Vec<u8> {
    let start = file.len() as u32;
    entries.iter().for_each(|entry| file.extend(entry));
    let length = file.len() as u32 - start;
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend([(entries.len() as u16).to_le_bytes(); 2].concat());
    file.extend([length.to_le_bytes(), start.to_le_bytes()].concat());
    file.extend([0, 0]);
    file
}

/// The header of an entry at the start of the file: before its content, or in the list.
fn header(name: &str, method: u16, packed: usize, unpacked: usize, in_list: bool) -> Vec<u8> {
    let mut out = if in_list { b"PK\x01\x02\x14\x00".to_vec() } else { b"PK\x03\x04".to_vec() };
    out.extend([20, 0, 0, 0]);
    out.extend(method.to_le_bytes());
    // No time, date and checksum.
    out.extend([0; 8]);
    out.extend([(packed as u32).to_le_bytes(), (unpacked as u32).to_le_bytes()].concat());
    out.extend((name.len() as u16).to_le_bytes());
    out.extend([0, 0]);
    if in_list {
        out.extend([0; 14]);
    }
    out.extend(name.as_bytes());
    out
}

#[test]
fn a_zip_archive_is_no_larger_inside_than_outside() {
    let size = 64 << 20;
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(&vec![0; size]).unwrap();
    let packed = packer.finish().unwrap();
    let [local, entry] = [false, true].map(|in_list| header("archive/data/0", 8, packed.len(), size, in_list));
    let bomb = listed([local, packed].concat(), &[entry]);
    assert!(bomb.len() < 1 << 20);
    refused(zipped(&bomb), "\"archive/data/0\" in the zip archive is compressed, as torch.save never does it");

    // A hundred entries that all are the one file behind the first header.
    let payload = vec![0; 100_000];
    let stored = |name: &str, in_list| header(name, 0, payload.len(), payload.len(), in_list);
    let entries: Vec<Vec<u8>> = (0..100).map(|number| stored(&format!("archive/data/{number}"), true)).collect();
    refused(
        zipped(&listed([stored("archive/data/0", false), payload.clone()].concat(), &entries)),
        "entries of the zip archive overlap",
    );
}
