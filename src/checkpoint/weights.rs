//! `model.safetensors`, read strictly: all names, shapes and kinds are compared before anything is copied.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use tch::{Kind, Tensor, no_grad};

use crate::input::listed;

/// Name of the weights' file in a checkpoint folder.
pub(super) const FILE: &str = "model.safetensors";

/// Writes parameters into a folder, on the CPU and as float32.
///
/// # Errors
/// When a weight is not a finite number: nobody could translate with it or train it on.
pub fn save_weights(parameters: &[(String, Tensor)], folder: &Path) -> Result<()> {
    let path = folder.join(FILE);
    let broken = |tensor: &Tensor| tensor.isfinite().all().int64_value(&[]) == 0;
    if let Some((name, _)) = parameters.iter().find(|(_, tensor)| broken(tensor)) {
        bail!(
            "{}: {name} has weights that are not finite; lower the optimizer's learning_rate or training.clip_norm, then go on with \
             --resume",
            path.display()
        );
    }
    let tensors: Vec<(&str, Tensor)> = parameters
        .iter()
        .map(|(name, tensor)| (name.as_str(), tensor.detach().to_device(tch::Device::Cpu).to_kind(Kind::Float).contiguous()))
        .collect();
    Tensor::write_safetensors(&tensors, &path).with_context(|| format!("{}: cannot write the weights", path.display()))
}

/// Copies the weights of a folder into parameters. When anything differs nothing is copied, and the error names every difference.
pub fn load_weights(parameters: &[(String, Tensor)], folder: &Path) -> Result<()> {
    let path = folder.join(FILE);
    let mut found = read_weights(&path)?;
    let mut problems = Vec::new();
    for (name, tensor) in parameters {
        match found.get(name) {
            None => problems.push(format!("{name}: missing, expected {:?}", tensor.size())),
            Some(other) if other.size() != tensor.size() => {
                problems.push(format!("{name}: shape {:?}, expected {:?}", other.size(), tensor.size()));
            }
            Some(other) if !other.is_floating_point() => {
                problems.push(format!("{name}: kind {:?}, expected floating point", other.kind()));
            }
            Some(_) => {}
        }
    }
    let known: std::collections::BTreeSet<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
    problems
        .extend(found.keys().filter(|name| !known.contains(name.as_str())).map(|name| format!("{name}: not part of this model")));
    if !problems.is_empty() {
        bail!(
            "{}: these weights are not of the model that config.json describes, {} differences:{}",
            path.display(),
            problems.len(),
            listed(&problems)
        );
    }
    no_grad(|| {
        for (name, tensor) in parameters {
            let mut tensor = tensor.shallow_clone();
            tensor.copy_(&found.remove(name).expect("names were compared"));
        }
    });
    Ok(())
}

/// All tensors of a safetensors file, whose header is checked first.
pub fn read_weights(path: &Path) -> Result<BTreeMap<String, Tensor>> {
    let bytes = std::fs::read(path).with_context(|| format!("{}: cannot read the weights", path.display()))?;
    // libtorch's reader trusts the header; this one checks every offset first.
    safetensors::SafeTensors::deserialize(&bytes)
        .map_err(|error| anyhow!("{}: broken or cut off ({error}); use another checkpoint of the run", path.display()))?;
    let tensors = Tensor::read_safetensors(path).with_context(|| format!("{}: cannot read the weights", path.display()))?;
    Ok(tensors.into_iter().collect())
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
            assert!(!folder.path().join(FILE).exists());
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
        let path = folder.path().join(FILE);
        let whole = std::fs::read(&path).unwrap();
        for bytes in [&whole[..whole.len() - 3], &whole[..20], b"not a checkpoint at all", b""] {
            std::fs::write(&path, bytes).unwrap();
            let error = load_weights(&parameters(), folder.path()).unwrap_err().to_string();
            assert!(error.contains("model.safetensors: broken or cut off"), "{error}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(load_weights(&parameters(), folder.path()).unwrap_err().to_string().contains("cannot read"));
    }
}
