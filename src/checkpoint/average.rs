//! One checkpoint from several: the arithmetic mean of their weights (Junczys-Dowmunt et al. 2016; Vaswani et al. 2017, section 6.1).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tch::{Kind, Tensor};

use super::config::{Config, TOKENIZERS};
use super::folder::Checkpoint;
use crate::checksum::{Verify, write_checksums};
use crate::nn::save_weights;
use crate::runtime::files::{Shown, is_free, new_folder};

/// Averages the weights of checkpoint folders, summed in float64, into the new checkpoint `out`. All else is taken from the first, but the
/// length limit, which is the widest.
///
/// # Errors
/// When the models, the tokenizers, the names or the shapes of weights differ: every difference of every checkpoint is named. When a file is not
/// as it was written.
pub fn average(checkpoints: &[PathBuf], out: &Path, verify: Verify) -> Result<()> {
    let (first, others) = checkpoints.split_first().context("no checkpoint to average")?;
    // Before the work; and again after it.
    ensure!(is_free(out), "{}: is there already and not an empty folder; name another one with --out", out.shown());
    let one = Checkpoint::open(first, verify)?;
    let (mut config, tokenizers) = (one.config()?, tokenizer_files(&one)?);
    let mut sums: BTreeMap<String, Tensor> =
        one.weights()?.into_iter().map(|(name, tensor)| (name, tensor.to_kind(Kind::Double))).collect();
    let mut problems = Vec::new();
    for folder in others {
        let other = Checkpoint::open(folder, verify)?;
        let other_config = other.config()?;
        let mut found = differences(&config, &other_config)?;
        config.widen_length_limit(&other_config);
        found.extend(different_files(&tokenizers, &tokenizer_files(&other)?));
        let weights = other.weights()?;
        found.extend(different_shapes(&sums, &weights));
        problems.extend(found.into_iter().map(|problem| format!("{}: {problem}", folder.shown())));
        if problems.is_empty() {
            for (name, sum) in &mut sums {
                *sum += weights[name].to_kind(Kind::Double);
            }
        }
    }
    if !problems.is_empty() {
        bail!(
            "only checkpoints of one model can be averaged; compared with {}, {} differences:\n  {}",
            first.shown(),
            problems.len(),
            problems.join("\n  ")
        );
    }
    let count = checkpoints.len() as f64;
    let means: Vec<(String, Tensor)> = sums.into_iter().map(|(name, sum)| (name, sum / count)).collect();
    write(&config, &tokenizers, &means, out)
}

/// The bytes of the tokenizers, which have to be the same in every checkpoint.
fn tokenizer_files(checkpoint: &Checkpoint) -> Result<BTreeMap<String, Vec<u8>>> {
    let present = TOKENIZERS.into_iter().filter(|name| checkpoint.folder().join(name).exists());
    present.map(|name| Ok((name.to_owned(), checkpoint.file(name)?))).collect()
}

/// What differs between two models; rates of dropout may, as they mean nothing to a trained model.
fn differences(first: &Config, other: &Config) -> Result<Vec<String>> {
    let [first, other] = [leaves_of(first)?, leaves_of(other)?];
    let keys: BTreeSet<&String> = first.keys().chain(other.keys()).filter(|key| !key.ends_with("dropout")).collect();
    let shown = |value: Option<&Value>| value.map_or("missing".to_string(), Value::to_string);
    let different = keys.into_iter().filter(|key| first.get(*key) != other.get(*key));
    Ok(different
        .map(|key| format!("config.json: {key} is {}, expected {}", shown(other.get(key)), shown(first.get(key))))
        .collect())
}

fn leaves_of(config: &Config) -> Result<BTreeMap<String, Value>> {
    let mut leaves = BTreeMap::new();
    collect_leaves("model", &serde_json::to_value(&config.model)?, &mut leaves);
    leaves.insert("source".into(), config.source.clone().into());
    leaves.insert("target".into(), config.target.clone().into());
    leaves.insert("source_vocabulary".into(), config.source_vocabulary.into());
    leaves.insert("target_vocabulary".into(), config.target_vocabulary.into());
    leaves.insert("lowercase".into(), config.lowercase.into());
    Ok(leaves)
}

/// The values of a table and of the tables in it, each with its path.
pub fn collect_leaves(path: &str, value: &Value, leaves: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(table) => table.iter().for_each(|(key, value)| collect_leaves(&format!("{path}.{key}"), value, leaves)),
        leaf => {
            leaves.insert(path.to_string(), leaf.clone());
        }
    }
}

fn different_files(first: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let names: BTreeSet<&String> = first.keys().chain(other.keys()).collect();
    let verdict = |name: &String| match (first.get(name), other.get(name)) {
        (Some(one), Some(two)) => (one != two).then(|| format!("{name}: is another one")),
        (Some(_), None) => Some(format!("{name}: missing")),
        (None, _) => Some(format!("{name}: not part of the first")),
    };
    names.into_iter().filter_map(verdict).collect()
}

fn different_shapes(first: &BTreeMap<String, Tensor>, other: &BTreeMap<String, Tensor>) -> Vec<String> {
    let names: BTreeSet<&String> = first.keys().chain(other.keys()).collect();
    let verdict = |name: &String| match (first.get(name), other.get(name)) {
        (Some(one), Some(two)) if one.size() == two.size() => None,
        (Some(one), Some(two)) => Some(format!("{name}: shape {:?}, expected {:?}", two.size(), one.size())),
        (Some(one), None) => Some(format!("{name}: missing, expected {:?}", one.size())),
        (None, two) => Some(format!("{name}: not part of the first, shape {:?}", two.map(Tensor::size).unwrap_or_default())),
    };
    names.into_iter().filter_map(verdict).collect()
}

fn write(config: &Config, tokenizers: &BTreeMap<String, Vec<u8>>, weights: &[(String, Tensor)], out: &Path) -> Result<()> {
    new_folder(out, |folder| {
        config.save(folder)?;
        for (name, bytes) in tokenizers {
            fs::write(folder.join(name), bytes).with_context(|| format!("{}: cannot write", folder.join(name).shown()))?;
        }
        save_weights(weights, folder)?;
        write_checksums(folder)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::Checksums;
    use crate::nn::WEIGHTS_FILE;
    use crate::nn::read_weights;
    use tch::Device;

    fn checkpoint(place: &Path, name: &str, weights: &[(&str, Tensor)], hidden: u32) -> PathBuf {
        let folder = place.join(name);
        fs::create_dir(&folder).unwrap();
        let model = serde_json::json!({ "recurrent": { "hidden": hidden, "dropout": f64::from(hidden) / 1e4 } });
        let config = serde_json::json!({
            "format": 1, "targum": "0", "source": "en", "target": "fr", "source_vocabulary": 9, "target_vocabulary": 9,
            "lowercase": false, "model": model, "search": {},
        });
        fs::write(folder.join("config.json"), config.to_string()).unwrap();
        fs::write(folder.join("tokenizer.json"), "pieces").unwrap();
        fs::write(folder.join("training.json"), name).unwrap();
        Tensor::write_safetensors(weights, folder.join("model.safetensors")).unwrap();
        folder
    }

    fn filled(size: &[i64], value: f64) -> Tensor {
        Tensor::full(size, value, (Kind::Float, Device::Cpu))
    }

    #[test]
    fn the_mean_is_summed_in_double_precision() {
        let place = tempfile::tempdir().unwrap();
        // In float32, 2^24 + 1 is 2^24: summing there would lose every one of the ones.
        let values = [16_777_216.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
        let folders: Vec<PathBuf> = (0..values.len())
            .map(|n| checkpoint(place.path(), &n.to_string(), &[("w", filled(&[2], values[n])), ("b", filled(&[1], 3.0))], 8))
            .collect();
        let out = place.path().join("out");
        fs::create_dir(&out).unwrap();
        average(&folders, &out, Verify::Yes).unwrap();
        let found = read_weights(&out.join(WEIGHTS_FILE)).unwrap();
        let expected = values.iter().sum::<f64>() / values.len() as f64;
        assert_eq!(found["w"].double_value(&[1]), f64::from(expected as f32));
        assert!(Checksums::read(&out).unwrap().unwrap().check_all().unwrap().is_empty());
        assert_eq!((found["b"].double_value(&[0]), found["w"].kind()), (3.0, Kind::Float));
        assert_eq!(fs::read_to_string(out.join("tokenizer.json")).unwrap(), "pieces");
        assert!(!out.join("training.json").exists(), "an average is nothing to resume from");
        let error = average(&folders, &out, Verify::Yes).unwrap_err().to_string();
        assert!(error.contains("out: is there already"), "{error}");
    }

    #[test]
    fn every_difference_of_every_checkpoint_is_named() {
        let place = tempfile::tempdir().unwrap();
        let one = checkpoint(place.path(), "one", &[("w", filled(&[2], 1.0)), ("b", filled(&[1], 1.0))], 8);
        let two = checkpoint(place.path(), "two", &[("w", filled(&[3], 1.0)), ("c", filled(&[1], 1.0))], 16);
        let three = checkpoint(place.path(), "three", &[("w", filled(&[2], 1.0))], 8);
        fs::write(three.join("tokenizer.json"), "other pieces").unwrap();
        let out = place.path().join("out");
        let error = average(&[one, two, three], &out, Verify::Yes).unwrap_err().to_string();
        for part in [
            "7 differences",
            "two: config.json: model.recurrent.hidden is 16, expected 8",
            "two: w: shape [3], expected [2]",
            "two: b: missing, expected [1]",
            "two: c: not part of the first, shape [1]",
            "three: b: missing",
            "three: tokenizer.json: is another one",
        ] {
            assert!(error.contains(part), "{part:?} is not in {error}");
        }
        assert!(!error.contains("dropout") && !out.exists(), "{error}");
    }
}
