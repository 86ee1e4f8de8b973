//! Checkpoints that are cut off, of another program, or of another shape.

use std::fs;
use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};

use super::support::{arguments, checkpoints, copy, shared, targum, with_input, write_checksums};

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

/// What is refused for what it says, whoever wrote it.
#[track_caller]
fn refused_when_sealed(model: &Path, parts: &[&str]) {
    write_checksums(model);
    refused(model, parts);
}

/// A bit is flipped in the middle of each file in turn.
#[test]
fn every_command_names_a_damaged_file_unless_told_not_to_look() {
    let place = tempfile::tempdir().unwrap();
    let model = checkpoint(place.path());
    let (source, target) = (shared().corpus("test.en"), shared().corpus("test.fr"));
    let pairs =
        |words: &str| arguments(&format!("{words} --model {{}} --source {{}} --target {{}}"), &[&model, &source, &target]);
    let out = place.path().join("out");
    let commands = || {
        [
            arguments("inspect {}", &[&model]),
            arguments("translate --model {}", &[&model]),
            pairs("align"),
            pairs("score"),
            arguments("average {} {} --out {}", &[&model, &model, &out]),
            arguments("train {} --init {} --out {}", &[&shared().recipe(), &model, &out]),
        ]
    };
    for file in ["model.safetensors", "config.json", "tokenizer.json", "checksums.json"] {
        let path = model.join(file);
        let whole = fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        bytes[whole.len() / 2] ^= 1;
        fs::write(&path, bytes).unwrap();
        for command in commands() {
            // In a damaged sum the file that it is of differs.
            let named = if file == "checksums.json" { "broken or cut off" } else { &format!("{file}: broken or cut off") };
            targum(command).failed(1, &[named, "--no-verify"]);
            assert!(!out.join("config.json").exists() && !out.join("best").exists());
        }
        // Which reads no weights of a model that it has no form for, as this one is.
        if ["config.json", "tokenizer.json"].contains(&file) {
            targum(arguments("export --model {} --out {}", &[&model, &out])).failed(1, &[&format!("{file}: broken or cut off")]);
        }
        fs::write(&path, whole).unwrap();
    }
    // Of a training's own files only those commands speak that read them.
    for file in ["training.json", "training.safetensors"] {
        let path = model.join(file);
        let whole = fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        bytes[whole.len() / 2] ^= 1;
        fs::write(&path, bytes).unwrap();
        targum(arguments("inspect {}", &[&model])).failed(1, &[&format!("{file}: broken or cut off")]);
        with_input(arguments("translate --model {}", &[&model]), "They sing.\n").good();
        fs::write(&path, whole).unwrap();
    }
    // The last bits of a weight's fraction: nothing but the sum tells.
    let path = model.join("model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let place = bytes.len() - 4;
    bytes[place] ^= 1;
    fs::write(&path, bytes).unwrap();
    with_input(arguments("translate --model {} --no-verify", &[&model]), "They sing.\n").good();
    targum(arguments("inspect {} --no-verify", &[&model])).good();
    targum(pairs("score")).failed(1, &["model.safetensors: broken or cut off (its SHA-256 is not the one in checksums.json)"]);
    let mut unverified = pairs("score");
    unverified.push("--no-verify".into());
    targum(unverified).good();
}

#[test]
fn a_checkpoint_without_checksums_is_used_with_a_warning() {
    let place = tempfile::tempdir().unwrap();
    let model = checkpoint(place.path());
    fs::write(model.join("notes.txt"), "mine").unwrap();
    let whole = targum(arguments("inspect {}", &[&model])).good();
    assert!(whole.stderr.contains("notes.txt: not part of the checkpoint, and not used"), "{}", whole.stderr);
    fs::remove_file(model.join("checksums.json")).unwrap();
    let ran = targum(arguments("inspect {}", &[&model])).good();
    assert!(ran.stderr.contains("has no checksums.json"), "{}", ran.stderr);
    assert_eq!(ran.stdout, whole.stdout);
}

#[test]
fn weights_that_are_not_finite_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let model = checkpoint(place.path());
    let path = model.join("model.safetensors");
    let tensors = Tensor::read_safetensors(&path).unwrap();
    for (name, tensor) in &tensors {
        if name == "output.bias" {
            let _ = tensor.get(7).fill_(f64::NAN);
        }
    }
    Tensor::write_safetensors(&tensors, &path).unwrap();
    refused_when_sealed(&model, &["model.safetensors: output.bias has weights that are not finite"]);
}

#[test]
fn a_config_that_no_model_can_have_is_refused_before_anything_is_made() {
    let place = tempfile::tempdir().unwrap();
    let model = checkpoint(place.path());
    let path = model.join("config.json");
    let text = fs::read_to_string(&path).unwrap();
    for (was, now, part) in [
        (
            "\"hidden\": 16",
            "\"hidden\": 1099511627776",
            "config.json: model.recurrent.hidden: is 1099511627776, expected 1 to 65,536",
        ),
        ("\"hidden\": 16", "\"hidden\": -1", "config.json: model.recurrent.hidden: is -1"),
        ("\"hidden\": 16", "\"hidden\": 65536", "model.safetensors: these weights are not of the model"),
        ("\"layers\": 1", "\"layers\": 1000000000", "config.json: model.recurrent.encoder.layers: is 1000000000"),
        ("\"maximum_length\": 200", "\"maximum_length\": -1", "config.json: model.recurrent.maximum_length: is -1"),
        ("\"beam\": 3", "\"beam\": 0", "config.json: search.beam: is 0, expected 1 to 1,000"),
    ] {
        assert!(text.contains(was), "{was}");
        fs::write(&path, text.replacen(was, now, 1)).unwrap();
        refused_when_sealed(&model, &[part]);
    }
}

/// Some hundred terabytes.
#[test]
fn a_model_that_no_machine_has_room_for_is_refused_at_once() {
    let place = tempfile::tempdir().unwrap();
    let words = "train {} --out {} --set model.recurrent.hidden=65536 --set model.recurrent.embedding=65536 \
        --set model.recurrent.encoder.layers=100";
    let out = place.path().join("run");
    targum(arguments(words, &[&shared().recipe(), &out]))
        .failed(1, &["training this model", "2 moments of the optimizer", "of memory at least, but this machine has"]);
    assert!(!out.join("tokenizer.json").exists(), "it was refused only after the work had begun");
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
            fs::write(&path, &whole).unwrap();
            write_checksums(&model);
            fs::write(&path, &whole[..length]).unwrap();
            refused(&model, &[file, &format!("broken or cut off ({length} bytes, {} according to checksums.json)", whole.len())]);
            refused_when_sealed(&model, &[part]);
        }
        fs::write(&path, whole).unwrap();
        write_checksums(&model);
    }
    targum(arguments("inspect {}", &[&model])).good();
    fs::remove_file(model.join("tokenizer.json")).unwrap();
    refused(&model, &["tokenizer.json"]);
    refused_when_sealed(&model, &["tokenizer.json"]);
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
    refused_when_sealed(&model, &["config.json: format 99, but this Targum"]);
    fs::write(model.join("config.json"), config.replace("\"lstm\"", "\"tree\"")).unwrap();
    refused_when_sealed(&model, &["config.json: not a valid checkpoint config", "model.recurrent.cell", "tree"]);
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
    refused_when_sealed(
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
    refused_when_sealed(
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
    refused_when_sealed(&model, &["tokenizers have", "config.json says 400 and 400"]);
}

#[test]
fn resume_sets_a_broken_checkpoint_aside_and_takes_the_one_before() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    targum(arguments("train {} --out {}", &[&shared().recipe(), &out])).good();
    let flip = |mut bytes: Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        bytes
    };
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    type Damage = fn(Vec<u8>) -> Vec<u8>;
    let damages: [(&str, Damage); 8] = [
        ("model.safetensors", cut),
        ("model.safetensors", flip),
        ("training.safetensors", cut),
        ("training.safetensors", flip),
        ("training.json", flip),
        ("config.json", flip),
        ("tokenizer.json", flip),
        ("checksums.json", flip),
    ];
    for (file, damage) in damages {
        let path = out.join("step-00000006").join(file);
        fs::write(&path, damage(fs::read(&path).unwrap())).unwrap();
        let ran = targum(arguments("train {} --resume", &[&out])).good();
        let named = if file == "checksums.json" { "broken or cut off" } else { file };
        for part in [named, "that checkpoint is broken", "broken-step-00000006", "step-00000003: update 3"] {
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
fn what_differs_may_be_resumed_all_the_same_and_other_tokenizers_are_not() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    targum(arguments("train {} --out {} --set training.updates=3", &[&shared().recipe(), &out])).good();
    let path = out.join("step-00000003/training.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let parts = ["none of its checkpoints can be resumed", "training.safetensors: broken or cut off"];
    targum(arguments("train {} --resume --set training.updates=4", &[&out])).failed(1, &parts);
    targum(arguments("train {} --resume --no-verify --set training.updates=4", &[&out])).good();
    // A tokenizer that was damaged where the run keeps it is not learned with.
    let path = out.join("tokenizer.json");
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, whole.clone() + " ").unwrap();
    let resumed = || targum(arguments("train {} --resume --set training.updates=5", &[&out]));
    resumed().failed(1, &["its tokenizers are not those in the run folder"]);
    fs::write(&path, whole).unwrap();
    resumed().good();
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
