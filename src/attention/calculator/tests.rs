use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

use super::*;
use crate::nn::{Sinusoids, sinusoids};

fn named(what: &str, rows: &[&[f64]]) -> NamedVectors {
    NamedVectors::new(what, rows.iter().map(|row| (format!("{row:?}"), row.to_vec())).collect()).unwrap()
}

fn close(found: &[f64], expected: &[f64]) -> bool {
    found.len() == expected.len() && found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12)
}

/// ∂p/∂e = diag(p) - p pᵀ of p = softmax(e): [.., S] to [.., S, S].
fn jacobian(weights: &Tensor) -> Tensor {
    weights.diag_embed(0, -2, -1) - weights.unsqueeze(-1) * weights.unsqueeze(-2)
}

/// Worked by hand from the formulas.
#[test]
fn every_score_is_its_formula() {
    let (query, keys) = ([0.5, -1.0], [[2.0, 0.0], [-1.0, 1.5], [0.0, 0.0]]);
    let calculator = Calculator::new(named("query", &[&query]), named("key", &[&keys[0], &keys[1], &keys[2]]), None).unwrap();
    let dot = |key: &[f64; 2]| query[0] * key[0] + query[1] * key[1];
    let additive = |key: &[f64; 2]| (query[0] + key[0]).tanh() + (query[1] + key[1]).tanh();
    for (name, score, _) in SCORES {
        let found = calculator.attend(score, &ScoreParameters::Identity).unwrap();
        let expected: Vec<f64> = match score {
            ScoreKind::Dot | ScoreKind::General => keys.iter().map(dot).collect(),
            ScoreKind::ScaledDot => keys.iter().map(|key| dot(key) / 2f64.sqrt()).collect(),
            ScoreKind::Additive | ScoreKind::Concat => keys.iter().map(additive).collect(),
            // The query itself, and nothing for the third position.
            _ => vec![0.5, -1.0, 0.0],
        };
        let attended = &found.queries[0];
        assert!(close(&attended.scores, &expected), "{name}: {attended:?}");
        let sum: f64 = expected.iter().map(|score| score.exp()).sum();
        let weights: Vec<f64> = expected.iter().map(|score| score.exp() / sum).collect();
        assert!(close(&attended.weights, &weights), "{name}");
        let context = [0, 1].map(|number| (0..3).map(|key| weights[key] * keys[key][number]).sum::<f64>());
        assert!(close(&attended.context, &context), "{name}");
        let entropy = -weights.iter().map(|weight| weight * weight.ln()).sum::<f64>();
        assert!((attended.entropy - entropy).abs() < 1e-12, "{name}");
        let heaviest = (0..3).max_by(|one, other| weights[*one].total_cmp(&weights[*other])).unwrap();
        assert_eq!((attended.hard, attended.hard_context.as_slice()), (heaviest, keys[heaviest].as_slice()), "{name}");
        assert_eq!(attended.largest_weight, attended.weights[heaviest]);
        let plain = matches!(score, ScoreKind::Dot | ScoreKind::ScaledDot);
        assert_eq!(found.parameters, if plain { "none" } else { "identity" });
    }
}

#[test]
fn values_of_their_own_are_mixed_and_seeds_give_other_parameters() {
    let keys = || named("key", &[&[1.0, 0.0, 2.0], &[0.0, 1.0, 0.0]]);
    let values = named("value", &[&[10.0], &[20.0]]);
    let calculator = Calculator::new(named("query", &[&[1.0, 2.0], &[0.0, 0.0]]), keys(), Some(values)).unwrap();
    assert!(!calculator.fits(ScoreKind::Dot) && calculator.fits(ScoreKind::General));
    let error = calculator.attend(ScoreKind::ScaledDot, &ScoreParameters::Identity).unwrap_err().to_string();
    assert!(error.contains("found 2 and 3 numbers"), "{error}");
    for (_, score, _) in SCORES.into_iter().filter(|(_, score, _)| calculator.fits(*score)) {
        let attend = |seed| calculator.attend(score, &ScoreParameters::Random { seed }).unwrap();
        let found = attend(1);
        assert_eq!((found.parameters.as_str(), found.queries.len()), ("seed 1", 2));
        let [weights, context] = [&found.queries[0].weights, &found.queries[0].context];
        assert!(close(context, &[weights[0] * 10.0 + weights[1] * 20.0]));
        assert!(found == attend(1) && found.queries[0].scores != attend(2).queries[0].scores, "{score:?}");
    }
    // A query of zeros has no preference by products.
    let found = calculator.attend(ScoreKind::General, &ScoreParameters::Random { seed: 1 }).unwrap();
    assert!(close(&found.queries[1].weights, &[0.5, 0.5]) && found.queries[1].hard == 0);
    let error = Calculator::new(named("query", &[&[1.0]]), keys(), Some(named("value", &[&[1.0]]))).err().unwrap();
    assert!(error.to_string().contains("found 1 values and 2 keys"), "{error}");
}

#[test]
fn a_trained_score_is_computed_with_its_own_parameters() {
    let recipe = crate::recipe::AttentionRecipe::of(ScoreKind::General, 2);
    let weight = Tensor::from_slice(&[0f32, 1.0, 1.0, 0.0]).reshape([2, 2]);
    let trained = TrainedScore { recipe, maximum_length: 9, weights: vec![("general.weight".to_owned(), weight)] };
    assert_eq!(trained.sizes(), [Some(2), Some(2)]);
    let parameters = ScoreParameters::Trained(trained);
    let of = |query: &[f64]| Calculator::new(named("query", &[query]), named("key", &[&[5.0, 7.0]]), None).unwrap();
    let found = of(&[1.0, 0.0]).attend(ScoreKind::General, &parameters).unwrap();
    assert_eq!((found.parameters.as_str(), found.queries[0].scores.as_slice()), ("the model's", [7.0].as_slice()));
    let error = of(&[1.0]).attend(ScoreKind::General, &parameters).unwrap_err().to_string();
    assert!(error.contains("general.weight of the model's score is [2, 2], these queries and keys need [1, 2]"), "{error}");
}

#[test]
fn vectors_that_cannot_be_computed_with_are_named() {
    let refused = |rows: &[&[f64]]| {
        let rows = rows.iter().map(|row| ("x".to_owned(), row.to_vec())).collect();
        NamedVectors::new("key", rows).unwrap_err().to_string()
    };
    assert!(refused(&[]).contains("there is no key"));
    assert!(refused(&[&[1.0, 2.0], &[1.0]]).contains("key 2 (x) has 1 numbers, key 1 has 2"));
    assert!(refused(&[&[1.0, f64::NAN]]).contains("key 1: number 2 is NaN"));
    let huge = Calculator::new(named("query", &[&[1e300]]), named("key", &[&[1e300]]), None).unwrap();
    let error = huge.attend(ScoreKind::Dot, &ScoreParameters::Identity).unwrap_err().to_string();
    assert!(error.contains("the score of query 1 and key 1 is inf"), "{error}");
}

/// ∂p/∂e by libtorch's autograd, a row for each weight.
fn jacobian_by_autograd(scores: &[f64]) -> Tensor {
    let scores = Tensor::from_slice(scores).set_requires_grad(true);
    let weights = scores.softmax(-1, Kind::Double);
    let rows: Vec<Tensor> =
        (0..weights.size()[0]).map(|row| Tensor::run_backward(&[weights.get(row)], &[&scores], true, false).remove(0)).collect();
    Tensor::stack(&rows, 0)
}

proptest! {
    #[test]
    fn the_jacobian_of_the_softmax_is_that_of_autograd(scores in proptest::collection::vec(-6f64..6.0, 2..9)) {
        let weights = Tensor::from_slice(&scores).softmax(-1, Kind::Double);
        let expected = jacobian_by_autograd(&scores);
        prop_assert!(jacobian(&weights).allclose(&expected, 1e-9, 1e-12, false));
        let norm = expected.square().sum(Kind::Double).sqrt().double_value(&[]);
        prop_assert!((jacobian_norm(&weights).double_value(&[]) - norm).abs() < 1e-9);
    }

    /// PE(t)·PE(t') is a function of t - t', and PE(t + k) is PE(t) turned by a matrix that knows k alone (Vaswani et al. 2017, section 3.5).
    #[test]
    fn products_of_sinusoids_depend_on_the_distance_alone(half in 1i64..40, length in 2i64..60, halves in any::<bool>()) {
        let layout = if halves { Sinusoids::Halves } else { Sinusoids::Interleaved };
        let table = sinusoids(length, 2 * half, layout).to_kind(Kind::Double);
        let found = positions::by_distance(&positions::products(&table));
        prop_assert_eq!(found.len() as i64, length);
        for at in found {
            let frequency = |pair: i64| 10_000f64.powf(-2.0 * pair as f64 / (2 * half) as f64);
            let expected: f64 = (0..half).map(|pair| (frequency(pair) * at.distance as f64).cos()).sum();
            prop_assert!((at.smallest - expected).abs() < 1e-4 * half as f64 && (at.largest - expected).abs() < 1e-4 * half as f64);
        }
    }
}

/// A sum of D products of independent numbers, each of mean 0 and variance 1, has the variance D.
#[test]
fn the_variance_of_dot_products_is_their_dimension() {
    let dimensions = [1, 4, 64, 512];
    let measured = saturation::measure(&dimensions, &saturation::Sample { queries: 1000, keys: 8, seed: 3 }).unwrap();
    for (pair, dimension) in measured.chunks(2).zip(dimensions) {
        let [plain, scaled] = pair else { unreachable!("two for each dimension") };
        assert_eq!((plain.dimension, plain.scaled, scaled.scaled), (dimension, false, true));
        assert!((plain.variance / dimension as f64 - 1.0).abs() < 0.15, "{plain:?}");
        assert!((scaled.variance - plain.variance / dimension as f64).abs() < 1e-9);
    }
    // A softmax of large scores gives one key nearly all, and hardly anything flows back; scaled ones stay as they are.
    let [first, last] = [&measured[0], &measured[6]];
    assert!(last.largest_weight > 0.95 && first.largest_weight < 0.5, "{measured:?}");
    assert!(last.jacobian_norm < 0.3 * first.jacobian_norm && last.entropy < 0.1);
    assert!((measured[7].largest_weight - measured[3].largest_weight).abs() < 0.05, "{measured:?}");
    assert!((measured[7].jacobian_norm - measured[3].jacobian_norm).abs() < 0.05);
    let svg = saturation::picture(&measured).unwrap().svg();
    assert!(roxmltree::Document::parse(&svg).is_ok() && svg.contains("q·k / √D: largest weight"));
    let refused = |dimensions: &[i64], queries, keys| {
        saturation::measure(dimensions, &saturation::Sample { queries, keys, seed: 1 }).unwrap_err().to_string()
    };
    assert!(refused(&[1], 10, 1).contains("1 keys: give 2 or more"));
    assert!(refused(&[0], 10, 2).contains("a dimension of 0"));
    assert!(refused(&[1 << 40], 1 << 30, 2).contains("too many"));
}

#[test]
fn every_layer_runs_and_attention_with_and_without_its_weights_is_one_layer() {
    let widths = lengths::Widths { width: 8, heads: 2, kernel: 3 };
    let measure = |layer, length| lengths::measure(layer, length, &widths, std::time::Duration::ZERO).unwrap();
    let costs: Vec<_> = lengths::Layer::ALL.into_iter().flat_map(|layer| [1, 20].map(|length| measure(layer, length))).collect();
    assert!(costs.iter().all(|cost| cost.forward > 0.0 && cost.training > 0.0), "{costs:?}");
    let [time, _] = lengths::pictures(&costs, "width 8").unwrap();
    assert!(time.unwrap().svg().contains("self-attention, fused"));
    // Twice the length: twice the work of all but attention, whose share of n² grows.
    let factor = |layer: lengths::Layer| layer.multiplications(2000, &widths) / layer.multiplications(1000, &widths);
    assert_eq!(factor(lengths::Layer::Recurrent), 2.0);
    assert_eq!(factor(lengths::Layer::Convolution), 2.0);
    assert!(factor(lengths::Layer::SelfAttention) > 3.9);
    let path = |layer: lengths::Layer, length| layer.path(length, &widths);
    assert_eq!([path(lengths::Layer::Recurrent, 9), path(lengths::Layer::Convolution, 9)], [8, 8]);
    assert_eq!(lengths::Layer::Convolution.path(9, &lengths::Widths { kernel: 5, ..widths }), 4);
    assert_eq!(path(lengths::Layer::SelfAttention, 9), 1);
    let refused = |widths: lengths::Widths| widths.check().unwrap_err().to_string();
    assert!(refused(lengths::Widths { heads: 3, ..widths }).contains("3 heads do not divide a width of 8"));
    assert!(refused(lengths::Widths { kernel: 4, ..widths }).contains("a kernel of 4"));
}

#[test]
fn tables_of_positions_are_drawn() {
    let table = sinusoids(10, 6, Sinusoids::Interleaved);
    let svg = positions::picture("positions", "dimension", "position", &table).unwrap().svg();
    assert!(roxmltree::Document::parse(&svg).is_ok());
    let empty = Tensor::zeros([0, 4], (Kind::Float, Device::Cpu));
    assert!(positions::picture("", "", "", &empty).unwrap_err().to_string().contains("nothing to draw of 0 × 4"));
}
