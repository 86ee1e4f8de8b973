//! `pytorch_model.bin`: a dictionary of tensors as `torch.save` writes it, since version 1.6 in a zip archive and before that as a row of
//! pickles with the numbers behind them. Nothing in it is run: see [`super::pickle`].

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{Cursor, Read};
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context, Result, bail, ensure};
use tch::{Kind, Tensor};

use super::pickle::{Pickle, Reference, Storage, TensorView, Value};
use crate::input::{plain, quoted};
use crate::runtime::files::Shown;

/// What the old format starts with, as a little-endian number.
const MAGIC: &[u8] = &[0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Names that one storage may be whole under: tied embeddings have four.
const MOST_NAMES: u128 = 8;

/// All tensors of the file by name.
pub fn read(path: &Path) -> Result<BTreeMap<String, Tensor>> {
    let bytes = std::fs::read(path).with_context(|| format!("{}: cannot read the weights", path.shown()))?;
    let tensors = if bytes.starts_with(b"PK") { zipped(&bytes) } else { in_a_row(&bytes) };
    tensors.with_context(|| format!("{}: no dictionary of tensors that can be read", path.shown()))
}

fn zipped(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).context("the zip archive is broken or cut off")?;
    check_entries(&mut archive)?;
    let is_pickle = |name: &Cow<str>| name.ends_with("/data.pkl") || name == "data.pkl";
    let name = archive.file_names().filter_map(Result::ok).find(is_pickle).map(Cow::into_owned);
    let folder = name.context("the zip archive has no data.pkl")?.trim_end_matches("data.pkl").to_owned();
    if let Ok(order) = entry(&mut archive, &format!("{folder}byteorder")) {
        ensure!(order == b"little", "its numbers are big-endian, which is not supported");
    }
    let pickle = entry(&mut archive, &format!("{folder}data.pkl"))?;
    let (pickle, result, _) = Pickle::read(&pickle)?;
    let views = views(&pickle, result)?;
    let mut numbers = HashMap::new();
    for (name, view) in &views {
        let storage = &view.storage;
        if !numbers.contains_key(&storage.key) {
            let bytes = entry(&mut archive, &format!("{folder}data/{}", storage.key)).with_context(|| plain(name))?;
            numbers.insert(storage.key.clone(), flat(storage, &bytes).with_context(|| plain(name))?);
        }
    }
    tensors(&views, &numbers)
}

/// An archive of `torch.save` is not compressed, and no two of its entries share bytes: it is not larger unpacked than packed.
fn check_entries(archive: &mut zip::ZipArchive<Cursor<&[u8]>>) -> Result<()> {
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).context("the zip archive is broken or cut off")?;
        let stored = entry.compression() == zip::CompressionMethod::Stored && entry.size() == entry.compressed_size();
        let name = String::from_utf8_lossy(entry.name_raw());
        ensure!(stored, "{} in the zip archive is compressed, as torch.save never does it; refused", quoted(&name));
    }
    let overlap = archive.has_overlapping_files().context("the zip archive is broken or cut off")?;
    ensure!(!overlap, "entries of the zip archive overlap, as torch.save never writes them; refused");
    Ok(())
}

fn entry(archive: &mut zip::ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let unreadable = || format!("{} in the zip archive cannot be read", plain(name));
    let mut file = archive.by_name(name).with_context(unreadable)?;
    file.read_to_end(&mut bytes).with_context(unreadable)?;
    Ok(bytes)
}

/// Magic number, version, system, dictionary, keys; then for each key the number of its elements and they themselves.
fn in_a_row(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>> {
    let (pickle, magic, mut at) = Pickle::read(bytes)?;
    ensure!(*pickle.value(magic) == Value::Bytes(MAGIC.to_vec()), "it starts neither as a zip archive nor as an old torch file");
    for _ in 0..2 {
        at += Pickle::read(&bytes[at..])?.2;
    }
    let (dictionary, result, length) = Pickle::read(&bytes[at..])?;
    at += length;
    let (pickle, keys, length) = Pickle::read(&bytes[at..])?;
    at += length;
    let views = views(&dictionary, result)?;
    let storages: HashMap<&str, &Storage> = views.values().map(|view| (&*view.storage.key, &*view.storage)).collect();
    let Value::List(keys) = pickle.value(keys) else { bail!("the list of its storages is broken") };
    let mut numbers = HashMap::new();
    for &key in keys {
        let Value::Text(key) = pickle.value(key) else { bail!("the list of its storages is broken") };
        let storage = storages.get(&**key).with_context(|| format!("no tensor uses the storage {}", quoted(key)))?;
        let length = storage.elements.checked_mul(storage.kind.elt_size_in_bytes()).context("a storage is too large")?;
        // A count of eight bytes stands before the numbers.
        let start = at + 8;
        let end = start.checked_add(length).filter(|&end| end <= bytes.len()).context("it is cut off")?;
        ensure!(!numbers.contains_key(key), "the storage {} is listed twice", quoted(key));
        numbers.insert(key.clone(), flat(storage, &bytes[start..end])?);
        at = end;
    }
    tensors(&views, &numbers)
}

fn views(pickle: &Pickle, result: Reference) -> Result<BTreeMap<String, Rc<TensorView>>> {
    let Value::Dict(entries) = pickle.value(result) else { bail!("it holds no dictionary") };
    let mut views = BTreeMap::new();
    for &(name, value) in entries {
        let Value::Text(name) = pickle.value(name) else { bail!("an entry has no name") };
        let Value::Tensor(view) = pickle.value(value) else { bail!("{} is no tensor", quoted(name)) };
        ensure!(!views.contains_key(&**name), "{} is there twice", quoted(name));
        views.insert(name.to_string(), view.clone());
    }
    Ok(views)
}

/// All numbers of a storage.
fn flat(storage: &Storage, bytes: &[u8]) -> Result<Tensor> {
    let Storage { kind, elements, .. } = storage;
    let expected = elements.checked_mul(kind.elt_size_in_bytes());
    ensure!(expected == Some(bytes.len()), "its storage has {} bytes, expected {elements} numbers of kind {kind:?}", bytes.len());
    Ok(Tensor::f_from_data_size(bytes, &[*elements as i64], *kind)?)
}

fn tensors(views: &BTreeMap<String, Rc<TensorView>>, numbers: &HashMap<Rc<str>, Tensor>) -> Result<BTreeMap<String, Tensor>> {
    let mut tensors = BTreeMap::new();
    let mut used: HashMap<&str, (&Storage, u128)> = HashMap::new();
    for (name, view) in views {
        let storage = &*view.storage;
        let (first, times) = used.entry(&storage.key).or_insert((storage, 0));
        ensure!(*first == storage, "{}: its storage is described in two ways", plain(name));
        let (tensor, size) = tensor(view, numbers).with_context(|| plain(name))?;
        *times += size;
        ensure!(
            *times <= MOST_NAMES * storage.elements as u128,
            "{}: more than {MOST_NAMES} tensors share all of its storage; refused",
            plain(name)
        );
        tensors.insert(name.clone(), tensor);
    }
    Ok(tensors)
}

/// A tensor and the number of its elements, which are no more than those of its storage: `torch.save` keeps a weight's numbers once each.
fn tensor(view: &TensorView, numbers: &HashMap<Rc<str>, Tensor>) -> Result<(Tensor, u128)> {
    let Storage { kind, key, elements } = &*view.storage;
    let flat = numbers.get(key).with_context(|| format!("its storage {} is missing", quoted(key)))?;
    ensure!(view.size.len() == view.stride.len(), "its size {:?} and stride {:?} differ in length", view.size, view.stride);
    let outside =
        || format!("its size {:?} and stride {:?} reach outside its storage of {elements} numbers", view.size, view.stride);
    ensure!(view.offset >= 0 && view.size.iter().chain(&view.stride).all(|&number| number >= 0), outside());
    if view.size.contains(&0) {
        // The other sizes may be anything; they are what comes of nothing.
        return Ok((Tensor::f_zeros(&view.size, (*kind, tch::Device::Cpu)).with_context(outside)?, 0));
    }
    let count = view.size.iter().try_fold(1u128, |count, &size| count.checked_mul(size as u128));
    let count = count
        .filter(|&count| count <= *elements as u128)
        .with_context(|| format!("its size {:?} has more numbers than its storage, which has {elements}; refused", view.size))?;
    // The last number that the tensor reaches.
    let reached = view
        .size
        .iter()
        .zip(&view.stride)
        .try_fold(view.offset, |last, (&size, &stride)| (size - 1).checked_mul(stride)?.checked_add(last));
    ensure!(reached.is_some_and(|last| (last as u128) < *elements as u128), outside());
    let tensor = flat.f_as_strided(&view.size, &view.stride, view.offset)?.f_contiguous()?;
    Ok((tensor, count))
}

/// Whether weights of this kind can be read as single precision.
pub fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16)
}

#[cfg(test)]
mod tests;
