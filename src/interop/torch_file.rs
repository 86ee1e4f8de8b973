//! `pytorch_model.bin`: a dictionary of tensors as `torch.save` writes it, since version 1.6 in a zip archive and before that as a row of
//! pickles with the numbers behind them. Nothing in it is run: see [`super::pickle`].

use std::collections::{BTreeMap, HashMap};
use std::io::{Cursor, Read};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use tch::{Kind, Tensor};

use super::pickle::{Pickle, Reference, Storage, TensorView, Value};

/// What the old format starts with, as a little-endian number.
const MAGIC: &[u8] = &[0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// All tensors of the file by name.
pub fn read(path: &Path) -> Result<BTreeMap<String, Tensor>> {
    let bytes = std::fs::read(path).with_context(|| format!("{}: cannot read the weights", path.display()))?;
    let tensors = if bytes.starts_with(b"PK") { zipped(&bytes) } else { in_a_row(&bytes) };
    tensors.with_context(|| format!("{}: no dictionary of tensors that can be read", path.display()))
}

fn zipped(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).context("the zip archive is broken or cut off")?;
    let name = archive.file_names().find(|name| name.ends_with("/data.pkl") || *name == "data.pkl").map(str::to_owned);
    let folder = name.context("the zip archive has no data.pkl")?.trim_end_matches("data.pkl").to_owned();
    if let Ok(order) = entry(&mut archive, &format!("{folder}byteorder")) {
        ensure!(order == b"little", "its numbers are big-endian, which is not supported");
    }
    let pickle = entry(&mut archive, &format!("{folder}data.pkl"))?;
    let (pickle, result, _) = Pickle::read(&pickle)?;
    let mut numbers = HashMap::new();
    for (name, view) in &views(&pickle, result)? {
        let storage = &view.storage;
        if !numbers.contains_key(&storage.key) {
            let bytes = entry(&mut archive, &format!("{folder}data/{}", storage.key)).with_context(|| name.clone())?;
            numbers.insert(storage.key.clone(), bytes);
        }
    }
    tensors(views(&pickle, result)?, &numbers)
}

fn entry(archive: &mut zip::ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = archive.by_name(name).with_context(|| format!("{name} in the zip archive cannot be read"))?;
    file.read_to_end(&mut bytes).with_context(|| format!("{name} in the zip archive cannot be read"))?;
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
    let storages: HashMap<&str, &Storage> = views.iter().map(|(_, view)| (view.storage.key.as_str(), &view.storage)).collect();
    let Value::List(keys) = pickle.value(keys) else { bail!("the list of its storages is broken") };
    let mut numbers = HashMap::new();
    for &key in keys {
        let Value::Text(key) = pickle.value(key) else { bail!("the list of its storages is broken") };
        let storage = storages.get(key.as_str()).with_context(|| format!("no tensor uses the storage {key}"))?;
        let length = storage.elements.checked_mul(storage.kind.elt_size_in_bytes()).context("a storage is too large")?;
        let end = at.checked_add(8 + length).filter(|&end| end <= bytes.len()).context("it is cut off")?;
        numbers.insert(key.clone(), bytes[at + 8..end].to_vec());
        at = end;
    }
    tensors(views, &numbers)
}

fn views(pickle: &Pickle, result: Reference) -> Result<Vec<(String, TensorView)>> {
    let Value::Dict(entries) = pickle.value(result) else { bail!("it holds no dictionary") };
    let named = entries.iter().map(|&(name, value)| match (pickle.value(name), pickle.value(value)) {
        (Value::Text(name), Value::Tensor(view)) => Ok((name.clone(), view.clone())),
        (Value::Text(name), _) => bail!("{name} is no tensor"),
        _ => bail!("an entry has no name"),
    });
    named.collect()
}

fn tensors(views: Vec<(String, TensorView)>, numbers: &HashMap<String, Vec<u8>>) -> Result<BTreeMap<String, Tensor>> {
    let mut tensors = BTreeMap::new();
    for (name, view) in views {
        let tensor = tensor(&view, numbers).with_context(|| name.clone())?;
        ensure!(tensors.insert(name.clone(), tensor).is_none(), "{name} is there twice");
    }
    Ok(tensors)
}

fn tensor(view: &TensorView, numbers: &HashMap<String, Vec<u8>>) -> Result<Tensor> {
    let Storage { kind, key, elements } = &view.storage;
    let bytes = numbers.get(key).with_context(|| format!("its storage {key} is missing"))?;
    let expected = elements.checked_mul(kind.elt_size_in_bytes());
    ensure!(expected == Some(bytes.len()), "its storage has {} bytes, expected {elements} numbers of kind {kind:?}", bytes.len());
    ensure!(view.size.len() == view.stride.len(), "its size {:?} and stride {:?} differ in length", view.size, view.stride);
    // The last number a tensor reaches, unless it has none.
    let reached = view.size.iter().zip(&view.stride).try_fold(view.offset, |last, (&size, &stride)| {
        (size >= 0 && stride >= 0).then(|| (size - 1).max(0).checked_mul(stride)?.checked_add(last)).flatten()
    });
    let empty = view.size.contains(&0);
    let inside = view.offset >= 0 && reached.is_some_and(|last| empty || last < *elements as i64);
    ensure!(inside, "its size {:?} and stride {:?} reach outside its storage of {elements} numbers", view.size, view.stride);
    if empty {
        return Ok(Tensor::zeros(&view.size, (*kind, tch::Device::Cpu)));
    }
    let flat = Tensor::f_from_data_size(bytes, &[*elements as i64], *kind)?;
    Ok(flat.f_as_strided(&view.size, &view.stride, view.offset)?.contiguous())
}

/// Whether weights of this kind can be read as single precision.
pub fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16)
}
