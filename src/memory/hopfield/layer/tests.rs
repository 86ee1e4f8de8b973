use super::super::ModernHopfield;
use super::*;
use crate::nn::Parameters;
use crate::nn::numerical::{check_gradients, leaf};
use tch::{Device, Kind};

const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

fn options() -> HopfieldOptions {
    HopfieldOptions {
        state: 6,
        stored: 5,
        output: 4,
        heads: 2,
        head_size: 3,
        updates: 1,
        beta: None,
        learned_beta: false,
        dropout: 0.0,
        initialization: Initialization::Xavier { gain: 1.0 },
    }
}

fn layer(options: HopfieldOptions) -> (Parameters, HopfieldLayer) {
    let store = Parameters::double(3);
    let layer = HopfieldLayer::new(store.root(), &options).unwrap();
    (store, layer)
}

#[test]
fn one_update_is_multi_head_attention() {
    tch::manual_seed(1);
    let (_, layer) = layer(options());
    let (states, patterns) = (Tensor::randn([2, 7, 6], DOUBLE), Tensor::randn([2, 4, 5], DOUBLE));
    let keep = Tensor::from_slice(&[true, true, true, false, true, true, true, true]).reshape([2, 4]);
    let stored = layer.store(&patterns);
    for keep in [None, Some(&keep)] {
        let found = layer.associate(&states, &stored, keep, &ForwardContext::evaluation());
        let queries = layer.split(&layer.query.forward(&states));
        let mask = keep.map(|keep| keep.unsqueeze(1).unsqueeze(1));
        let (keys, values) = (&stored.keys, &stored.values);
        let mixed = Tensor::scaled_dot_product_attention(&queries, keys, values, mask, 0.0, false, None::<f64>, false);
        let expected = layer.output.forward(&mixed.transpose(1, 2).reshape([2, 7, 6]));
        assert!(found.answer.allclose(&expected, 1e-10, 1e-12, false));
        assert_eq!(found.weights.size(), [2, 2, 7, 4]);
    }
}

#[test]
fn further_updates_are_the_modern_networks() {
    tch::manual_seed(2);
    let (_, layer) = layer(HopfieldOptions { updates: 4, heads: 1, beta: Some(0.9), ..options() });
    let (states, patterns) = (Tensor::randn([1, 7, 6], DOUBLE), Tensor::randn([1, 4, 5], DOUBLE));
    let network = ModernHopfield::new(&layer.key.forward(&patterns).squeeze(), 0.9).unwrap();
    let start = layer.query.forward(&states).squeeze();
    let settled = (0..3).fold(start, |state, _| network.update(&state));
    let found = layer.associate(&states, &layer.store(&patterns), None, &ForwardContext::evaluation());
    assert!(found.weights.squeeze().allclose(&network.weights(&settled), 1e-10, 1e-12, false));
}

#[test]
fn what_is_not_kept_counts_for_nothing() {
    tch::manual_seed(3);
    let (_, layer) = layer(HopfieldOptions { updates: 3, ..options() });
    let (states, patterns) = (Tensor::randn([2, 3, 6], DOUBLE), Tensor::randn([2, 4, 5], DOUBLE));
    let keep = Tensor::from_slice(&[true, true, false, false, false, false, false, false]).reshape([2, 4]);
    let found = layer.associate(&states, &layer.store(&patterns), Some(&keep), &ForwardContext::evaluation());
    let fewer = layer.store(&patterns.narrow(1, 0, 2));
    let expected = layer.associate(&states, &fewer, None, &ForwardContext::evaluation());
    assert!(found.answer.get(0).allclose(&expected.answer.get(0), 1e-10, 1e-12, false));
    // Nothing to attend to: the output's bias and no NaN.
    assert_eq!(found.weights.get(1).abs().sum(Kind::Double).double_value(&[]), 0.0);
    let bias = layer.output.bias.as_ref().unwrap();
    assert!(found.answer.get(1).allclose(&bias.expand([3, 4], false), 0.0, 1e-12, false));
}

#[test]
fn gradients_are_right_through_every_update() {
    tch::manual_seed(4);
    let (store, layer) = layer(HopfieldOptions { updates: 3, beta: Some(1.5), learned_beta: true, ..options() });
    let keep = Tensor::from_slice(&[true, true, true, false, true, true, true, true]).reshape([2, 4]);
    let mut inputs = store.named();
    inputs.extend([leaf("states", &[2, 3, 6]), leaf("patterns", &[2, 4, 5])]);
    let [states, patterns] = [1, 0].map(|back| inputs[inputs.len() - 1 - back].1.shallow_clone());
    check_gradients(&inputs, || {
        let found = layer.associate(&states, &layer.store(&patterns), Some(&keep), &ForwardContext::evaluation());
        found.answer.tanh().sum(Kind::Double) + found.weights.square().sum(Kind::Double)
    });
}

#[test]
fn learned_patterns_serve_every_row_and_have_gradients() {
    tch::manual_seed(5);
    let store = Parameters::double(3);
    let memory = HopfieldMemory::new(store.root(), &HopfieldOptions { updates: 2, ..options() }, 4).unwrap();
    let states = Tensor::randn([2, 3, 6], DOUBLE);
    let found = memory.associate(&states, &memory.stored(), &ForwardContext::evaluation());
    let given = memory.layer.store(&memory.patterns.unsqueeze(0).expand([2, 4, 5], false));
    let expected = memory.layer.associate(&states, &given, None, &ForwardContext::evaluation());
    assert!(found.answer.allclose(&expected.answer, 1e-10, 1e-12, false));
    assert_eq!(store.named()[0].0, "patterns");
    check_gradients(&store.named(), || {
        memory.associate(&states, &memory.stored(), &ForwardContext::evaluation()).answer.tanh().sum(Kind::Double)
    });
}

#[test]
fn a_learned_beta_starts_at_the_given_one_and_dropout_falls_on_the_answer() {
    tch::manual_seed(6);
    let (_, given) = layer(HopfieldOptions { beta: Some(2.5), ..options() });
    let (store, learned) = layer(HopfieldOptions { beta: Some(2.5), learned_beta: true, dropout: 0.5, ..options() });
    let (states, patterns) = (Tensor::randn([2, 3, 6], DOUBLE), Tensor::randn([2, 4, 5], DOUBLE));
    let answer = |layer: &HopfieldLayer, pass| layer.associate(&states, &layer.store(&patterns), None, &pass);
    let (one, other) = (answer(&given, ForwardContext::evaluation()), answer(&learned, ForwardContext::evaluation()));
    assert!(one.answer.allclose(&other.answer, 1e-6, 1e-8, false));
    assert!(store.named().iter().any(|(name, tensor)| name == "log_beta" && tensor.size() == [2]));
    let dropped = answer(&learned, ForwardContext::training(1, 1, 0));
    assert!(!dropped.answer.allclose(&other.answer, 1e-6, 1e-8, false) && dropped.weights.equal(&other.weights));
}

#[test]
fn options_that_cannot_work_are_named() {
    let error = |options: HopfieldOptions| HopfieldLayer::new(Parameters::double(1).root(), &options).err().unwrap().to_string();
    assert_eq!(error(HopfieldOptions { heads: 0, ..options() }), "a Hopfield layer needs heads of at least 1, found 0");
    assert_eq!(error(HopfieldOptions { updates: -1, ..options() }), "a Hopfield layer needs updates of at least 1, found -1");
    assert!(error(HopfieldOptions { beta: Some(0.0), ..options() }).contains("beta above 0, found 0"));
    let error = HopfieldMemory::new(Parameters::double(1).root(), &options(), 0).err().unwrap().to_string();
    assert_eq!(error, "a Hopfield memory needs at least 1 slot, found 0");
}
