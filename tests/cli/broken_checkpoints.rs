//! Checkpoints that are cut off, of another program, or of another shape.

use std::fs;
use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};

use super::support::{arguments, checkpoints, copy, shared, targum, with_input};

/// A copy of the shared model.
fn checkpoint(place: &Path) -> PathBuf {
    let folder = place.join("model");
    copy(&shared().run().join("last"), &folder);
    folder
}

/// Every command that takes a model refuses it with all of `parts`, without a trace of libtorch.
#[track_caller]
fn refused(model: &Path, parts: &[&str]) {
    for words in ["inspect {}", "translate --model {}"] {
        let ran = targum(arguments(words, &[model])).failed(1, parts);
        for trace in ["Exception raised from", "frame #", "internal error"] {
            assert!(!ran.stderr.contains(trace), "{}", ran.stderr);
        }
    }
}

#[test]
fn a_file_cut_off_anywhere_is_named() {
    let place = tempfile::tempdir().unwrap();
    let model = checkpoint(place.path());
    for (file, part) in [
        ("model.safetensors", "model.safetensors: broken or cut off"),
        ("config.json", "config.json: not JSON"),
        ("tokenizer.json", "tokenizer.json is no tokenizer of Targum"),
    ] {
        let path = model.join(file);
        let whole = fs::read(&path).unwrap();
        for length in [whole.len() - 3, 5] {
            fs::write(&path, &whole[..length]).unwrap();
            refused(&model, &[part]);
        }
        fs::write(&path, whole).unwrap();
    }
    targum(arguments("inspect {}", &[&model])).good();
    fs::remove_file(model.join("tokenizer.json")).unwrap();
    refused(&model, &["tokenizer.json"]);
}

#[test]
fn what_is_no_checkpoint_of_targum_is_named() {
    let place = tempfile::tempdir().unwrap();
    refused(&place.path().join("nowhere"), &["nowhere: no such folder", "targum train"]);
    refused(place.path(), &["neither a checkpoint (no config.json) nor a run folder"]);
    let foreign = place.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("config.json"), r#"{"architectures": ["MarianMTModel"], "d_model": 512}"#).unwrap();
    fs::write(foreign.join("pytorch_model.bin"), b"PK\x03\x04").unwrap();
    refused(&foreign, &["config.json: no \"format\"; this is not a checkpoint of Targum"]);
    let model = checkpoint(place.path());
    let config = fs::read_to_string(model.join("config.json")).unwrap();
    fs::write(model.join("config.json"), config.replace("\"format\": 1", "\"format\": 99")).unwrap();
    refused(&model, &["config.json: format 99, but this Targum"]);
    fs::write(model.join("config.json"), config.replace("\"lstm\"", "\"tree\"")).unwrap();
    refused(&model, &["config.json: not a valid checkpoint config", "tree"]);
}

#[test]
fn all_differences_of_the_weights_are_named_at_once() {
    let place = tempfile::tempdir().unwrap();
    let model = checkpoint(place.path());
    let path = model.join("model.safetensors");
    let mut tensors = Tensor::read_safetensors(&path).unwrap();
    tensors.retain(|(name, _)| name != "output.bias");
    for (name, tensor) in &mut tensors {
        match name.as_str() {
            "source_embedding.weight" => *tensor = Tensor::zeros([16, 400], (Kind::Float, tch::Device::Cpu)),
            "decoder.combine.weight" => *tensor = tensor.to_kind(Kind::Int64),
            "encoder.weight_hh_l0" => *name = "encoder.layers.0.weight".into(),
            _ => {}
        }
    }
    Tensor::write_safetensors(&tensors, &path).unwrap();
    refused(
        &model,
        &[
            "5 differences",
            "output.bias: missing, expected [400]",
            "source_embedding.weight: shape [16, 400], expected [400, 16]",
            "decoder.combine.weight: kind Int64, expected floating point",
            "encoder.weight_hh_l0: missing, expected [64, 16]",
            "encoder.layers.0.weight: not part of this model",
        ],
    );
    // The same from the other side: weights as they were, but a config of another size.
    let model = checkpoint(&place.path().join("other"));
    let config = fs::read_to_string(model.join("config.json")).unwrap();
    fs::write(model.join("config.json"), config.replace("\"hidden\": 16", "\"hidden\": 17")).unwrap();
    refused(
        &model,
        &[
            "19 differences",
            "output.weight: shape [400, 16], expected [400, 17]",
            "encoder.bias_hh_l0: shape [64], expected [68]",
        ],
    );
}

#[test]
fn a_tokenizer_of_another_model_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let model = checkpoint(place.path());
    fs::copy(shared().words().join("last/target.tokenizer.json"), model.join("tokenizer.json")).unwrap();
    refused(&model, &["tokenizers have", "config.json says 400 and 400"]);
}

#[test]
fn resume_sets_a_broken_checkpoint_aside_and_takes_the_one_before() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    targum(arguments("train {} --out {}", &[&shared().recipe(), &out])).good();
    for file in ["model.safetensors", "training.safetensors", "training.json"] {
        let path = out.join("step-00000006").join(file);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let ran = targum(arguments("train {} --resume", &[&out])).good();
        for part in [file, "that checkpoint is broken", "broken-step-00000006", "step-00000003: update 3"] {
            assert!(ran.stderr.contains(part), "{part:?} is not in:\n{}", ran.stderr);
        }
        assert_eq!(checkpoints(&out), ["step-00000003", "step-00000006"]);
        let same = |file: &str| {
            fs::read(out.join("last").join(file)).unwrap() == fs::read(shared().run().join("last").join(file)).unwrap()
        };
        assert!(same("model.safetensors"), "the run ends as if nothing had been");
    }
    // Where none is whole, all stay where they are.
    for step in checkpoints(&out) {
        fs::write(out.join(step).join("training.json"), "{").unwrap();
    }
    let parts = ["none of its checkpoints can be resumed", "step-00000003", "step-00000006"];
    targum(arguments("train {} --resume", &[&out])).failed(1, &parts);
    assert_eq!(checkpoints(&out), ["step-00000003", "step-00000006"]);
}

#[test]
fn a_model_without_attention_has_none_to_show() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    let words = "train {} --out {} --set training.updates=1 --set model.recurrent.decoder={kind=\"none\"}";
    targum(arguments(words, &[&shared().recipe(), &out])).good();
    assert_eq!(with_input(arguments("translate --model {}", &[&out]), "They sing.\n").good().lines().len(), 1);
    for option in ["--alignment", "--heatmaps pictures", "--replace-unknown", "--coverage-penalty 0.2"] {
        let words = format!("translate --model {{}} {option}");
        targum(arguments(&words, &[&out])).failed(1, &["this model has no attention", option.split(' ').next().unwrap()]);
    }
    let (source, target) = (shared().corpus("test.en"), shared().corpus("test.fr"));
    targum(arguments("align --model {} --source {} --target {}", &[&out, &source, &target])).failed(1, &["has no attention"]);
    assert!(targum(arguments("inspect {}", &[&out])).good().stdout.contains("attention    none"));
}
