//! What `scripts/gpu-check.sh` runs where there is a GPU: every model does there what it does on the CPU. Elsewhere the same runs on the CPU, which
//! must then equal itself. `TARGUM_TEST_DEVICE` names the device; `--nocapture` shows the table.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use targum::batch::{Source, Target};
use targum::model::{Seq2Seq, WithAttention, build};
use targum::nn::ForwardContext;
use targum::recipe::{AdamRecipe, ModelRecipe, OptimizerRecipe};
use targum::runtime::{DeviceChoice, Precision, libtorch, with_precision};
use targum::train::{FlatParameters, Optimizer, Parameter, clip};
use tch::{Device, Tensor};

use super::models::{SOURCES, TARGETS, difference, model, recipes, summed_loss, tokens, vocabularies};

/// What may differ at most. cuDNN's recurrent layers compute with TF32, whose products have ten bits.
const LOGITS: f64 = 5e-3;
const GRADIENTS: f64 = 2e-2;
const LOSS: f64 = 1e-2;
const HALF: f64 = 0.1;

fn device() -> Device {
    libtorch();
    let name = std::env::var("TARGUM_TEST_DEVICE").unwrap_or_else(|_| "cpu".into());
    name.parse::<DeviceChoice>().unwrap().resolve().unwrap().device
}

/// The model on another device, with the same weights.
fn moved(model: &dyn Seq2Seq, recipe: &ModelRecipe, device: Device) -> Box<dyn Seq2Seq> {
    let copy = build(recipe, vocabularies(), 3, device).unwrap();
    tch::no_grad(|| {
        for ((name, mut parameter), (other, value)) in copy.parameters().into_iter().zip(model.parameters()) {
            assert_eq!(name, other);
            parameter.copy_(&value);
        }
    });
    copy
}

/// What a model computes, on the CPU's memory.
struct Computed {
    /// Logits of a full pass [B·T, V], and of the second step [B, V].
    logits: Tensor,
    stepped: Tensor,
    /// Attention of a full pass [B, L, H, T, S].
    attention: Option<Tensor>,
}

fn compute(model: &dyn Seq2Seq, device: Device, precision: Precision) -> Computed {
    let (pass, target) = (ForwardContext::evaluation(), Target::new(&TARGETS, device));
    with_precision(precision, device, || {
        tch::no_grad(|| {
            let source = Source::new(&SOURCES, device);
            let decoded = model.forward(&source, &target.input, &pass, WithAttention::Yes);
            let every = Tensor::arange(decoded.features.size()[..2].iter().product::<i64>(), (tch::Kind::Int64, device));
            let mut decoding = model.start(&source);
            decoding.step(&tokens(&target.input.select(1, 0)), WithAttention::Yes);
            let second = decoding.step(&tokens(&target.input.select(1, 1)), WithAttention::Yes);
            Computed {
                logits: model.scores(&decoded, &every).to_device(Device::Cpu),
                stepped: second.scores.tensor().to_device(Device::Cpu),
                attention: decoded.attention.map(|attention| attention.to_device(Device::Cpu)),
            }
        })
    })
}

/// Gradients after one batch, flat, and the losses of ten updates by Adam.
fn train(model: &dyn Seq2Seq, device: Device, precision: Precision) -> (Tensor, Vec<f64>) {
    let parameters = Parameter::all(model.parameters());
    let flat = FlatParameters::new(parameters).unwrap();
    let recipe = AdamRecipe { learning_rate: 0.01, ..AdamRecipe::default() };
    let mut optimizer = Optimizer::new(OptimizerRecipe::Adam(recipe), &flat);
    let tokens = Target::new(&TARGETS, device).tokens() as f64;
    let (mut first, mut losses) = (None, Vec::new());
    for update in 1..=10 {
        let _ = flat.gradients().zero_();
        let (backward, sum) = with_precision(precision, device, || summed_loss(model, device, &ForwardContext::evaluation()));
        backward.backward();
        losses.push(sum);
        first.get_or_insert_with(|| flat.gradients().to_device(Device::Cpu).copy());
        let clipped = clip(&flat.gradients(), tokens, 1.0);
        optimizer.step(&flat, clipped.scale, 0.01, update);
    }
    (first.unwrap(), losses)
}

#[test]
fn every_model_does_on_the_device_what_it_does_on_the_cpu() {
    let device = device();
    // By family the largest difference of each column.
    let mut rows: BTreeMap<String, (usize, [f64; 6])> = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, recipe) in recipes() {
        let model = model(&recipe);
        let (here, there) = (model.as_ref(), moved(model.as_ref(), &recipe, device));
        let (one, other) = (compute(here, Device::Cpu, Precision::Fp32), compute(there.as_ref(), device, Precision::Fp32));
        let half = compute(there.as_ref(), device, Precision::Bf16);
        let attention = one.attention.as_ref().zip(other.attention.as_ref()).map_or(0.0, |(one, other)| difference(one, other));
        let (forced, stepped) = (difference(&one.logits, &other.logits), difference(&one.stepped, &other.stepped));
        let in_half = difference(&one.logits, &half.logits);
        let ((gradients, losses), (found, found_losses)) =
            (train(here, Device::Cpu, Precision::Fp32), train(there.as_ref(), device, Precision::Fp32));
        let gradient = ((&gradients - &found).norm() / gradients.norm()).double_value(&[]);
        let loss = losses.iter().zip(&found_losses).map(|(one, other)| (one / other - 1.0).abs()).fold(0.0, f64::max);
        assert!(losses[9] < losses[0], "{name} learns nothing: {losses:?}");
        let columns = [forced, stepped, attention, gradient, loss, in_half];
        let most = [LOGITS, LOGITS, LOGITS, GRADIENTS, LOSS, HALF];
        // At the edge of a window whose centre is predicted a position may come or go.
        let edge = name.contains("LocalP");
        if !columns.iter().zip(most).all(|(found, most)| *found <= if edge { 10.0 * most } else { most }) {
            problems.push(format!("{name}: {columns:?}, at most {most:?}"));
        }
        let family = name.split(' ').next().unwrap().to_owned();
        let row = rows.entry(family).or_default();
        row.0 += 1;
        row.1.iter_mut().zip(columns).for_each(|(most, found)| *most = most.max(found));
    }
    println!(
        "\n| model ({device:?} against the CPU) | variants | logits | of a step | attention | gradients | ten losses | logits in bf16 |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for (family, (count, columns)) in rows {
        let shown: Vec<String> = columns.iter().map(|column| format!("{column:.1e}")).collect();
        println!("| {family} | {count} | {} |", shown.join(" | "));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// All of the script but what needs a GPU.
#[test]
fn the_check_of_a_gpu_can_be_rehearsed_without_one() {
    let place = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/gpu-check.sh");
    let mut command = Command::new("bash");
    command.arg(script).arg("--rehearse").arg(place.path().join("report.md"));
    command.env("TARGUM", env!("CARGO_BIN_EXE_targum")).env("TARGUM_TESTS", std::env::current_exe().unwrap());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report = std::fs::read_to_string(place.path().join("report.md")).unwrap();
    for part in [
        "| luong |",
        "| transformer |",
        "| training in fp32 |",
        "| resumed after a kill |",
        "| translations equal to the CPU's |",
    ] {
        assert!(report.contains(part), "{part:?} is not in\n{report}\n{said}");
    }
    assert!(!report.contains("FAILED"), "{report}");
}
