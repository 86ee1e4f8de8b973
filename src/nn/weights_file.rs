//! `model.safetensors`, read strictly: all names, shapes and kinds are compared before anything is copied.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use tch::{Kind, Tensor, no_grad};

use crate::input::listed;
use crate::runtime::files::Shown;

/// Name of the weights' file in a checkpoint folder.
pub const WEIGHTS_FILE: &str = "model.safetensors";

/// Tensors by name.
pub type Weights = BTreeMap<String, Tensor>;

/// Writes parameters into a folder, on the CPU and as float32.
///
/// # Errors
/// When a weight is not a finite number: nobody could translate with it or train it on.
pub fn save_weights(parameters: &[(String, Tensor)], folder: &Path) -> Result<()> {
    let path = folder.join(WEIGHTS_FILE);
    let broken = |tensor: &Tensor| tensor.isfinite().all().int64_value(&[]) == 0;
    if let Some((name, _)) = parameters.iter().find(|(_, tensor)| broken(tensor)) {
        bail!(
            "{}: {name} has weights that are not finite; lower the optimizer's learning_rate or training.clip_norm, then go on with \
             --resume",
            path.shown()
        );
    }
    let tensors: Vec<(&str, Tensor)> = parameters
        .iter()
        .map(|(name, tensor)| (name.as_str(), tensor.detach().to_device(tch::Device::Cpu).to_kind(Kind::Float).contiguous()))
        .collect();
    Tensor::write_safetensors(&tensors, &path).with_context(|| format!("{}: cannot write the weights", path.shown()))
}

/// Copies the weights of a folder into parameters, without looking at checksums.
///
/// # Errors
/// As [`read_weights`], [`ensure_finite`] and [`copy_weights`].
pub fn load_weights(parameters: &[(String, Tensor)], folder: &Path) -> Result<()> {
    let path = folder.join(WEIGHTS_FILE);
    let weights = read_weights(&path)?;
    ensure_finite(&weights, &path)?;
    copy_weights(parameters, weights, &path)
}

/// Copies weights that were read from `path` into parameters.
///
/// # Errors
/// When anything differs; nothing is copied then, and the error names every difference.
pub fn copy_weights(parameters: &[(String, Tensor)], mut weights: Weights, path: &Path) -> Result<()> {
    compare(parameters.iter().map(|(name, tensor)| (name.as_str(), tensor.size())), &weights, path)?;
    no_grad(|| {
        for (name, tensor) in parameters {
            let mut tensor = tensor.shallow_clone();
            tensor.copy_(&weights.remove(name).expect("names were compared"));
        }
    });
    Ok(())
}

/// Whether weights that were read from `path` are those of parameters of these names and sizes, which need not be there yet.
///
/// # Errors
/// Names every difference.
pub fn compare<'a>(expected: impl Iterator<Item = (&'a str, Vec<i64>)>, weights: &Weights, path: &Path) -> Result<()> {
    let mut problems = Vec::new();
    let mut known = BTreeSet::new();
    for (name, size) in expected {
        match weights.get(name) {
            None => problems.push(format!("{name}: missing, expected {size:?}")),
            Some(other) if other.size() != size => problems.push(format!("{name}: shape {:?}, expected {size:?}", other.size())),
            Some(other) if !other.is_floating_point() => {
                problems.push(format!("{name}: kind {:?}, expected floating point", other.kind()));
            }
            Some(_) => {}
        }
        known.insert(name);
    }
    problems.extend(
        weights.keys().filter(|name| !known.contains(name.as_str())).map(|name| format!("{name}: not part of this model")),
    );
    if !problems.is_empty() {
        bail!(
            "{}: these weights are not of the model that config.json describes, {} differences:{}",
            path.shown(),
            problems.len(),
            listed(&problems)
        );
    }
    Ok(())
}

/// All tensors of a safetensors file, whose header is checked first.
///
/// # Errors
/// As [`parse_weights`].
pub fn read_weights(path: &Path) -> Result<Weights> {
    let bytes = std::fs::read(path).with_context(|| format!("{}: cannot read the weights", path.shown()))?;
    parse_weights(&bytes, path)
}

/// The tensors that `bytes` hold, which were read from `path`.
///
/// # Errors
/// A header whose sizes and offsets do not belong to the bytes; kinds of numbers that libtorch does not know.
pub fn parse_weights(bytes: &[u8], path: &Path) -> Result<Weights> {
    // tch's reader trusts the header; this one checks every offset first.
    let file = SafeTensors::deserialize(bytes)
        .map_err(|error| anyhow!("{}: broken or cut off ({error}); use another checkpoint of the run", path.shown()))?;
    let mut weights = Weights::new();
    for (name, view) in file.iter() {
        let tensor = tensor(&view).with_context(|| format!("{}: {name}", path.shown()))?;
        weights.insert(name.to_owned(), tensor);
    }
    Ok(weights)
}

/// Refuses weights, which were read from `path`, that are no numbers to compute with.
///
/// # Errors
/// Names the first tensor that has one.
pub fn ensure_finite(weights: &Weights, path: &Path) -> Result<()> {
    match weights.iter().find(|(_, tensor)| tensor.isfinite().all().int64_value(&[]) == 0) {
        None => Ok(()),
        Some((name, _)) => bail!(
            "{}: {name} has weights that are not finite, with which nothing can be computed; use another checkpoint of the run",
            path.shown()
        ),
    }
}

fn tensor(view: &TensorView) -> Result<Tensor> {
    let kind = match view.dtype() {
        Dtype::BOOL => Kind::Bool,
        Dtype::U8 => Kind::Uint8,
        Dtype::I8 => Kind::Int8,
        Dtype::I16 => Kind::Int16,
        Dtype::I32 => Kind::Int,
        Dtype::I64 => Kind::Int64,
        Dtype::F16 => Kind::Half,
        Dtype::BF16 => Kind::BFloat16,
        Dtype::F32 => Kind::Float,
        Dtype::F64 => Kind::Double,
        other => bail!("kind {other:?}, expected floating point"),
    };
    let size = view.shape().iter().map(|&length| i64::try_from(length)).collect::<Result<Vec<i64>, _>>()?;
    Ok(Tensor::f_from_data_size(view.data(), &size, kind)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    fn parameters() -> Vec<(String, Tensor)> {
        let tensor = |size: &[i64]| Tensor::rand(size, (Kind::Float, Device::Cpu));
        vec![("a.weight".into(), tensor(&[2, 3])), ("a.bias".into(), tensor(&[2])), ("b".into(), tensor(&[1, 4]))]
    }

    #[test]
    fn weights_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (parameters(), parameters());
        save_weights(&one, folder.path()).unwrap();
        load_weights(&two, folder.path()).unwrap();
        assert!(one.iter().zip(&two).all(|(one, two)| one.1.equal(&two.1)));
    }

    #[test]
    fn weights_that_are_not_finite_are_not_written() {
        let folder = tempfile::tempdir().unwrap();
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let parameters = parameters();
            let _ = parameters[1].1.get(1).fill_(value);
            let error = save_weights(&parameters, folder.path()).unwrap_err().to_string();
            assert!(error.contains("a.bias has weights that are not finite"), "{error}");
            assert!(!folder.path().join(WEIGHTS_FILE).exists());
        }
    }

    #[test]
    fn every_difference_is_named_and_nothing_is_copied() {
        let folder = tempfile::tempdir().unwrap();
        save_weights(&parameters(), folder.path()).unwrap();
        let mut other = parameters();
        other[0].1 = Tensor::zeros([3, 2], (Kind::Float, Device::Cpu));
        other[1].0 = "a.other".into();
        let before = other[2].1.copy();
        let error = load_weights(&other, folder.path()).unwrap_err().to_string();
        for part in
            ["3 differences", "a.weight: shape [2, 3], expected [3, 2]", "a.other: missing", "a.bias: not part of this model"]
        {
            assert!(error.contains(part), "{error}");
        }
        assert!(other[2].1.equal(&before));
        // What would broadcast is refused as well.
        let mut broadcast = parameters();
        broadcast[2].1 = Tensor::zeros([3, 4], (Kind::Float, Device::Cpu));
        assert!(load_weights(&broadcast, folder.path()).is_err());
    }

    #[test]
    fn broken_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        save_weights(&parameters(), folder.path()).unwrap();
        let path = folder.path().join(WEIGHTS_FILE);
        let whole = std::fs::read(&path).unwrap();
        for bytes in [&whole[..whole.len() - 3], &whole[..20], b"not a checkpoint at all", b""] {
            std::fs::write(&path, bytes).unwrap();
            let error = load_weights(&parameters(), folder.path()).unwrap_err().to_string();
            assert!(error.contains("model.safetensors: broken or cut off"), "{error}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(load_weights(&parameters(), folder.path()).unwrap_err().to_string().contains("cannot read"));
    }

    #[test]
    fn weights_that_are_not_finite_are_not_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(WEIGHTS_FILE);
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for kind in [Kind::Float, Kind::Half, Kind::BFloat16, Kind::Double] {
                let mut broken = parameters();
                broken[2].1 = broken[2].1.to_kind(kind);
                let _ = broken[2].1.get(0).get(3).fill_(value);
                Tensor::write_safetensors(&broken, &path).unwrap();
                let error = load_weights(&parameters(), folder.path()).unwrap_err().to_string();
                assert!(error.contains("model.safetensors: b has weights that are not finite"), "{error}");
            }
        }
    }

    /// tch's own reader beside ours.
    #[test]
    fn all_kinds_are_read_as_they_were_written() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let kinds = [
            Kind::Bool,
            Kind::Uint8,
            Kind::Int8,
            Kind::Int16,
            Kind::Int,
            Kind::Int64,
            Kind::Half,
            Kind::BFloat16,
            Kind::Float,
            Kind::Double,
        ];
        let tensor = Tensor::from_slice(&[0i64, 1, 0, 1, 1, 1]).reshape([2, 3]);
        let mut tensors: Vec<(String, Tensor)> = kinds.map(|kind| (format!("{kind:?}"), tensor.to_kind(kind))).into();
        tensors.push(("none".into(), Tensor::zeros([0, 3], (Kind::Float, Device::Cpu))));
        tensors.push(("scalar".into(), Tensor::from(1.5f32)));
        Tensor::write_safetensors(&tensors, file.path()).unwrap();
        let found = read_weights(file.path()).unwrap();
        assert_eq!(found.len(), tensors.len());
        for (name, tensor) in Tensor::read_safetensors(file.path()).unwrap() {
            assert_eq!((found[&name].kind(), found[&name].size()), (tensor.kind(), tensor.size()), "{name}");
            assert!(found[&name].equal(&tensor), "{name}");
        }
    }
}
