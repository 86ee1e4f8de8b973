//! The weights of a Marian folder: which there should be, and whether they are as they should.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use super::torch_file;
use crate::nn::read_weights;
use crate::nn::{Sinusoids, sinusoids};
use crate::recipe::{LayersRecipe, Tied, TransformerRecipe};

/// Positions that were computed elsewhere, in single precision too, may differ by this much.
const POSITION_TOLERANCE: f64 = 1e-4;

/// All tensors of `model.safetensors`, or of `pytorch_model.bin` where there is none.
pub fn read(folder: &Path) -> Result<BTreeMap<String, Tensor>> {
    let path = folder.join("model.safetensors");
    if path.exists() { read_weights(&path) } else { torch_file::read(&folder.join("pytorch_model.bin")) }
}

/// Names and shapes of a model's parameters, with Marian's vocabularies.
pub fn names(model: &TransformerRecipe, source: usize, target: usize) -> BTreeMap<String, Vec<i64>> {
    let size = model.dimension;
    let (source, target) = (source as i64, target as i64);
    let mut names = BTreeMap::new();
    let mut add = |name: String, shape: &[i64]| drop(names.insert(name, shape.to_vec()));
    add("final_logits_bias".into(), &[1, target]);
    if model.tied == Tied::All {
        add("model.shared.weight".into(), &[target, size]);
    } else {
        add("model.encoder.embed_tokens.weight".into(), &[source, size]);
        add("model.decoder.embed_tokens.weight".into(), &[target, size]);
    }
    if model.tied == Tied::None {
        add("lm_head.weight".into(), &[target, size]);
    }
    let mut stack = |side: &str, layers: &LayersRecipe, attentions: &[&str]| {
        for index in 0..layers.layers {
            let layer = format!("model.{side}.layers.{index}");
            for attention in attentions {
                for map in ["q", "k", "v", "out"] {
                    add(format!("{layer}.{attention}.{map}_proj.weight"), &[size, size]);
                    add(format!("{layer}.{attention}.{map}_proj.bias"), &[size]);
                }
                add(format!("{layer}.{attention}_layer_norm.weight"), &[size]);
                add(format!("{layer}.{attention}_layer_norm.bias"), &[size]);
            }
            add(format!("{layer}.fc1.weight"), &[layers.feed_forward, size]);
            add(format!("{layer}.fc1.bias"), &[layers.feed_forward]);
            add(format!("{layer}.fc2.weight"), &[size, layers.feed_forward]);
            add(format!("{layer}.fc2.bias"), &[size]);
            add(format!("{layer}.final_layer_norm.weight"), &[size]);
            add(format!("{layer}.final_layer_norm.bias"), &[size]);
        }
    };
    stack("encoder", &model.encoder, &["self_attn"]);
    stack("decoder", &model.decoder, &["self_attn", "encoder_attn"]);
    names
}

/// Compares what there is with what there should be, brings copies of tied tensors together, and leaves single precision.
pub fn check(
    tensors: &mut BTreeMap<String, Tensor>,
    wanted: &mut BTreeMap<String, Vec<i64>>,
    model: &TransformerRecipe,
    problems: &mut Vec<String>,
) {
    for (name, tensor) in tensors.iter_mut() {
        if !torch_file::is_number(tensor.kind()) {
            problems.push(format!("{name}: kind {:?}, expected floating point", tensor.kind()));
        }
        *tensor = single(tensor);
    }
    positions(tensors, model, problems);
    ties(tensors, model, problems);
    // Without one there is nothing to add.
    if let Some(shape) = wanted.get("final_logits_bias")
        && !tensors.contains_key("final_logits_bias")
    {
        tensors.insert("final_logits_bias".into(), Tensor::zeros(shape, (tch::Kind::Float, tch::Device::Cpu)));
    }
    for (name, shape) in wanted.iter() {
        match tensors.get(name) {
            None => problems.push(format!("{name}: missing, expected {shape:?}")),
            Some(tensor) if tensor.size() != *shape => {
                problems.push(format!("{name}: shape {:?}, expected {shape:?}", tensor.size()))
            }
            Some(_) => {}
        }
    }
    for (name, tensor) in tensors.iter() {
        if !wanted.contains_key(name) {
            problems.push(format!("{name}: not part of a Marian model"));
        } else if tensor.isfinite().all().int64_value(&[]) == 0 {
            problems.push(format!("{name}: has weights that are not finite (NaN or infinite)"));
        }
    }
}

/// Positions are computed; a file may hold them all the same.
fn positions(tensors: &mut BTreeMap<String, Tensor>, model: &TransformerRecipe, problems: &mut Vec<String>) {
    for side in ["encoder", "decoder"] {
        let name = format!("model.{side}.embed_positions.weight");
        let Some(found) = tensors.remove(&name) else { continue };
        let expected = [model.maximum_length, model.dimension];
        if found.size() != expected {
            problems.push(format!("{name}: shape {:?}, expected {expected:?}", found.size()));
            continue;
        }
        let formula = sinusoids(model.maximum_length, model.dimension, Sinusoids::Halves);
        // A NaN differs from everything.
        let differs = (found - formula).abs().le(POSITION_TOLERANCE).all().int64_value(&[]) == 0;
        if differs {
            problems.push(format!("{name}: not the sinusoids that a Marian model has (all sines, then all cosines)"));
        }
    }
}

/// Tied tensors may be stored under each of their names: then they have to be equal.
fn ties(tensors: &mut BTreeMap<String, Tensor>, model: &TransformerRecipe, problems: &mut Vec<String>) {
    let (first, copies): (&str, &[&str]) = match model.tied {
        Tied::All => {
            ("model.shared.weight", &["model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight", "lm_head.weight"])
        }
        Tied::Decoder => ("model.decoder.embed_tokens.weight", &["lm_head.weight"]),
        Tied::None => return,
    };
    for &name in copies {
        let Some(copy) = tensors.remove(name) else { continue };
        match tensors.get(first) {
            None => drop(tensors.insert(first.into(), copy)),
            Some(tensor) if tensor.size() != copy.size() || !tensor.equal(&copy) => {
                problems.push(format!("{name}: differs from {first}, but config.json says they are one"));
            }
            Some(_) => {}
        }
    }
}

/// Weights in single precision on the CPU.
pub fn single(tensor: &Tensor) -> Tensor {
    tensor.to_device(Device::Cpu).to_kind(Kind::Float).contiguous()
}
