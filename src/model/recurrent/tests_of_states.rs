//! What attention reads and where decoders start, against the reference (`tests/fixtures/reference/recurrent.py`). Logits, weights and
//! gradients are compared in `tests/parity`.

use std::fs;
use std::path::Path;

use safetensors::SafeTensors;
use serde_json::Value;
use tch::{Device, Tensor, no_grad};

use super::RecurrentModel;
use crate::batch::Source;
use crate::model::Vocabularies;
use crate::nn::{ForwardContext, Parameters, parse_weights};
use crate::recipe::RecurrentRecipe;

fn close(found: &Tensor, expected: &Tensor, what: &str) {
    assert!(found.view_as(expected).allclose(expected, 1e-5, 1e-6, false), "{what}: found {found}, expected {expected}");
}

fn compare(path: &Path) {
    let name = path.display();
    let bytes = fs::read(path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let case: Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["case"]).unwrap();
    let fixture = parse_weights(&bytes, path).unwrap();
    let size = |side: &str| case["vocabularies"][side].as_i64().unwrap();
    let vocabularies = Vocabularies { source: size("source"), target: size("target"), same: None };
    let recipe: RecurrentRecipe = serde_json::from_value(case["recipe"].clone()).unwrap();
    let parameters = Parameters::new(1, Device::Cpu);
    let model = RecurrentModel::new(&recipe, vocabularies, &parameters).unwrap();
    for (parameter, mut tensor) in parameters.named() {
        no_grad(|| tensor.copy_(&fixture[&format!("parameter/{parameter}")]));
    }
    let lines: Vec<Vec<u32>> = serde_json::from_value(case["source"].clone()).unwrap();
    let source = Source::new(&lines, Device::Cpu);
    let encoded = no_grad(|| model.encode(&source, &ForwardContext::evaluation()));
    close(&encoded.states.states, &fixture["states"], &format!("{name}: states of the encoder"));
    let (_, start) = no_grad(|| model.decoder.start(&encoded));
    let hidden: Vec<&Tensor> = start.cells.iter().map(|cell| &cell.hidden).collect();
    close(&Tensor::stack(&hidden, 0), &fixture["first/hidden"], &format!("{name}: first hidden states"));
    let cells: Vec<&Tensor> = start.cells.iter().filter_map(|cell| cell.cell.as_ref()).collect();
    assert_eq!(cells.is_empty(), !fixture.contains_key("first/cell"), "{name}");
    if let Some(expected) = fixture.get("first/cell") {
        close(&Tensor::stack(&cells, 0), expected, &format!("{name}: first cells"));
    }
}

#[test]
fn encoder_states_and_first_decoder_states_are_the_references() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/recurrent");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let models: Vec<_> = paths.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("model-")).collect();
    assert!(models.len() >= 15, "{} models", models.len());
    models.iter().for_each(|path| compare(path));
}
