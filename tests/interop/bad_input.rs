//! Marian folders that are not whole, not Marian's, or not to be trusted; and models that Marian has no form for.

use std::fs;
use std::path::{Path, PathBuf};

use targum::checksum::Verify;
use targum::interop::{export_huggingface, import};
use tch::{Kind, Tensor};

use super::{fixture, imported, json};

/// A copy of a fixture to break.
fn folder(place: &Path, name: &str) -> PathBuf {
    let folder = place.join("marian");
    fs::create_dir_all(&folder).unwrap();
    for entry in fs::read_dir(fixture(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    folder
}

#[track_caller]
fn refused(folder: &Path, to: Option<&str>, parts: &[&str]) {
    let Err(error) = import(folder, to) else { panic!("imported") };
    let error = format!("{error:#}");
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
}

fn change(folder: &Path, file: &str, change: impl Fn(&mut serde_json::Value)) {
    let mut value = json(&folder.join(file));
    change(&mut value);
    fs::write(folder.join(file), value.to_string()).unwrap();
}

#[test]
fn every_missing_file_is_named_at_once() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path(), "old");
    for file in ["source.spm", "vocab.json", "pytorch_model.bin"] {
        fs::remove_file(folder.join(file)).unwrap();
    }
    refused(&folder, None, &["source.spm is missing", "vocab.json is missing", "model.safetensors is missing"]);
    refused(&place.path().join("nowhere"), None, &["nowhere", "config.json is missing"]);
}

#[test]
fn another_architecture_is_named() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path(), "old");
    change(&folder, "config.json", |config| {
        config["model_type"] = "t5".into();
        config["architectures"] = serde_json::json!(["T5ForConditionalGeneration"]);
    });
    refused(&folder, None, &["model_type is \"t5\"", "T5ForConditionalGeneration", "expected \"marian\""]);
    change(&folder, "config.json", |config| drop(config.as_object_mut().unwrap().remove("model_type")));
    refused(&folder, None, &["model_type is missing"]);
}

#[test]
fn all_that_does_not_fit_is_told_at_once() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path(), "old");
    change(&folder, "config.json", |config| {
        config["vocab_size"] = 300.into();
        config["decoder_layers"] = 2.into();
        config["activation_function"] = "tanh".into();
        config["normalize_before"] = true.into();
        config["encoder_ffn_dim"] = 33.into();
        config["eos_token_id"] = 7.into();
    });
    let sizes = [
        "vocab.json: 260 pieces, but config.json has vocab_size = 300",
        "model.shared.weight: shape [260, 16], expected [300, 16]",
    ];
    refused(&folder, None, &sizes);
    refused(
        &folder,
        None,
        &[
            "activation_function is \"tanh\"",
            "normalize_before is true",
            "model.decoder.layers.1.fc1.weight: missing, expected [32, 16]",
            "model.encoder.layers.0.fc1.weight: shape [32, 16], expected [33, 16]",
            "eos_token_id is 7, which is",
        ],
    );
    let other = folder.join("other");
    fs::create_dir(&other).unwrap();
    fs::copy(fixture("separate").join("target.spm"), folder.join("target.spm")).unwrap();
    fs::copy(fixture("old").join("config.json"), folder.join("config.json")).unwrap();
    refused(&folder, None, &["pieces of target.spm are in it"]);
}

#[test]
fn weights_that_are_not_finite_are_named() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path(), "shared");
    let path = folder.join("model.safetensors");
    let tensors = Tensor::read_safetensors(&path).unwrap();
    let name = "model.encoder.layers.1.fc2.weight";
    let tensor = &tensors.iter().find(|(other, _)| other == name).unwrap().1;
    let _ = tensor.get(0).get(0).fill_(f64::NAN);
    Tensor::write_safetensors(&tensors, &path).unwrap();
    refused(&folder, Some("fra"), &["1 problems", "model.encoder.layers.1.fc2.weight: has weights that are not finite"]);
}

#[test]
fn tensors_that_do_not_belong_are_named() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path(), "shared");
    let path = folder.join("model.safetensors");
    let mut tensors = Tensor::read_safetensors(&path).unwrap();
    let shared = tensors.iter().find(|(name, _)| name == "model.shared.weight").unwrap().1.copy();
    let float = (Kind::Float, tch::Device::Cpu);
    tensors.retain(|(name, _)| name != "model.encoder.layers.0.fc1.bias");
    tensors.push(("lm_head.weight".into(), shared + 1.0));
    tensors.push(("model.encoder.layernorm_embedding.weight".into(), Tensor::ones([32], float)));
    tensors.push(("model.encoder.embed_positions.weight".into(), Tensor::ones([96, 32], float)));
    Tensor::write_safetensors(&tensors, &path).unwrap();
    refused(
        &folder,
        Some("fra"),
        &[
            "4 problems",
            "model.encoder.layers.0.fc1.bias: missing",
            "lm_head.weight: differs from model.shared.weight",
            "model.encoder.layernorm_embedding.weight: not part of a Marian model",
            "model.encoder.embed_positions.weight: not the sinusoids",
        ],
    );
}

#[test]
fn a_pickle_that_runs_code_is_refused_by_the_name_it_asks_for() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path(), "old");
    let path = folder.join("pytorch_model.bin");
    let witness = place.path().join("witness");
    let command = format!("touch {}", witness.display());
    let mut code = b"\x80\x02cposix\nsystem\nX".to_vec();
    code.extend((command.len() as u32).to_le_bytes());
    code.extend(command.as_bytes());
    code.extend(b"\x85R.");
    fs::write(&path, &code).unwrap();
    refused(&folder, None, &["pytorch_model.bin", "asks for posix.system", "could run code; refused"]);
    // The same inside a zip archive, and behind the magic number of the old format.
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    archive
        .start_file(
            "archive/data.pkl",
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored),
        )
        .unwrap();
    std::io::Write::write_all(&mut archive, &code).unwrap();
    archive.finish().unwrap();
    refused(&folder, None, &["asks for posix.system"]);
    let mut old = fs::read(fixture("old").join("pytorch_model.bin")).unwrap();
    let at = old
        .windows(24)
        .position(|part| part == b"torch._utils\n_rebuild_ten")
        .unwrap_or_else(|| old.windows(12).position(|part| part == b"torch._utils").expect("a tensor is rebuilt"));
    old[at..at + 5].copy_from_slice(b"evil_");
    fs::write(&path, old).unwrap();
    refused(&folder, None, &["asks for evil_._utils._rebuild_tensor_v2"]);
    assert!(!witness.exists());
}

#[test]
fn weights_that_are_cut_off_are_named() {
    let place = tempfile::tempdir().unwrap();
    for name in ["old", "separate"] {
        let folder = folder(place.path(), name);
        let path = folder.join("pytorch_model.bin");
        let whole = fs::read(&path).unwrap();
        for length in [0, 1, 100, whole.len() / 2, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            refused(&folder, None, &["pytorch_model.bin: no dictionary of tensors that can be read"]);
        }
    }
}

#[test]
fn unknown_languages_are_told_the_known_ones() {
    refused(&fixture("shared"), Some("deu"), &["--to deu: this model has no such language; it has fra, ita"]);
    refused(&fixture("shared"), None, &["several languages; name one with --to: fra, ita"]);
    refused(&fixture("old"), Some("fra"), &["one target language", "leave --to out"]);
}

#[test]
fn what_is_there_is_not_overwritten() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("model");
    imported("old", None, &out);
    let error = import(&fixture("old"), None).unwrap().save(&out).unwrap_err().to_string();
    assert!(error.contains("model: already there; name another folder with --out"), "{error}");
    let error = export_huggingface(&out, &out, Verify::Yes).unwrap_err().to_string();
    assert!(error.contains("already there"), "{error}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "a partial folder stayed behind");
}

#[test]
fn a_model_that_marian_has_no_form_for_is_refused_with_all_reasons() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("model");
    imported("old", None, &out);
    change(&out, "config.json", |config| {
        let model = &mut config["model"]["transformer"];
        model["norm"] = "pre".into();
        model["positions"] = "rotary".into();
        model["normalization"] = "rms".into();
        model["gated"] = true.into();
    });
    let exported = place.path().join("exported");
    let error = export_huggingface(&out, &exported, Verify::Yes).unwrap_err().to_string();
    assert!(error.contains("config.json: broken or cut off"), "{error}");
    let error = export_huggingface(&out, &exported, Verify::No).unwrap_err().to_string();
    for part in [
        "4 reasons",
        "norm is \"pre\", Marian has \"post\"",
        "positions is \"rotary\"",
        "normalization is \"rms\"",
        "gated is true",
    ] {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
    assert!(!place.path().join("exported").exists());
}

#[test]
fn a_message_about_thousands_of_names_is_short_and_plain() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path(), "shared");
    let path = folder.join("model.safetensors");
    let mut tensors = Tensor::read_safetensors(&path).unwrap();
    let one = Tensor::ones([1], (Kind::Float, tch::Device::Cpu));
    tensors.extend((0..5000).map(|number| (format!("{number}\u{1b}[31m{}", "x".repeat(800)), one.shallow_clone())));
    Tensor::write_safetensors(&tensors, &path).unwrap();
    let Err(error) = import(&folder, Some("fra")) else { panic!("imported") };
    let error = format!("{error:#}");
    assert!(error.contains("5000 problems") && error.ends_with("and 4950 more"), "{error}");
    assert!(error.len() < 25_000 && !error.contains('\u{1b}'), "{} bytes", error.len());
}

#[test]
fn a_config_with_more_layers_than_a_model_has_is_refused_before_their_names_are_made() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path(), "old");
    change(&folder, "config.json", |config| config["encoder_layers"] = 65_536.into());
    refused(&folder, None, &["encoder_layers is 65536, expected 1 to 1024"]);
}
