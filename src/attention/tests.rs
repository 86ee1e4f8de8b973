//! Scores and choices in all combinations, those of one's own, keys and values apart, and several heads.

use tch::{Device, Kind, Tensor};

use super::*;
use crate::nn::numerical::{check_gradients, leaf};
use crate::nn::{ForwardContext, Parameters};
use crate::recipe::{ChoiceKind, ScoreKind};

const SCORES: [ScoreKind; 6] =
    [ScoreKind::Additive, ScoreKind::Dot, ScoreKind::ScaledDot, ScoreKind::General, ScoreKind::Concat, ScoreKind::Location];
/// A choice with its window and what it is scaled to.
type ChoiceSetting = (ChoiceKind, i64, Option<f64>);

const GLOBAL: ChoiceSetting = (ChoiceKind::Global, 1, None);

const CHOICES: [ChoiceSetting; 5] = [
    GLOBAL,
    (ChoiceKind::LocalM, 1, None),
    (ChoiceKind::LocalP, 2, None),
    (ChoiceKind::LinearChain, 1, None),
    (ChoiceKind::Segments, 2, Some(2.0)),
];

fn options(score: ScoreKind, (choice, window, sum): ChoiceSetting) -> AttentionOptions {
    let start = Initialization::Uniform(0.8);
    AttentionOptions {
        recipe: AttentionRecipe { choice, window, sum, ..AttentionRecipe::of(score, 2) },
        query: 3,
        keys: 3,
        maximum_length: 4,
        initialization: start,
        score_initialization: start,
        energy_initialization: start,
    }
}

fn with(mut options: AttentionOptions, change: impl Fn(&mut AttentionRecipe)) -> AttentionOptions {
    change(&mut options.recipe);
    options
}

/// Steps of retrieval are those of the modern Hopfield network: each has the state that the one before left.
#[test]
fn a_query_settles_as_a_hopfield_network_does() {
    tch::manual_seed(8);
    let keep = Tensor::ones([1, 4], (Kind::Bool, Device::Cpu));
    let lengths = Tensor::from_slice(&[4f64]).unsqueeze(1);
    let of = |size: &[i64]| Tensor::randn(size, (Kind::Double, Device::Cpu));
    let (query, keys, values) = (of(&[1, 2, 3]), of(&[1, 4, 3]), of(&[1, 4, 2]));
    for (score, beta) in [(ScoreKind::Dot, 1.0), (ScoreKind::ScaledDot, 3f64.powf(-0.5))] {
        let attend = |hopfield_steps| {
            let store = Parameters::double(1);
            let options = with(options(score, GLOBAL), |recipe| recipe.hopfield_steps = hopfield_steps);
            let attention = Attention::new(store.root(), &options).unwrap();
            let prepared = attention.prepare_apart(&keys, &values, &keep, &lengths).unwrap();
            attention.attend(&query, &prepared, QuerySteps::From(0), None).context
        };
        let mut state = query.shallow_clone();
        for steps in 1..4 {
            let weights = (state.matmul(&keys.transpose(1, 2)) * beta).softmax(-1, Kind::Double);
            assert!(attend(steps).allclose(&weights.matmul(&values), 1e-9, 1e-9, false), "{score:?}, {steps} steps");
            state = weights.matmul(&keys);
        }
    }
    let store = Parameters::double(1);
    let refused = |score, hopfield_steps| {
        let options = with(options(score, GLOBAL), |recipe| recipe.hopfield_steps = hopfield_steps);
        Attention::new(store.root(), &options).err().unwrap().to_string()
    };
    assert!(refused(ScoreKind::Additive, 2).contains("lets no query settle"));
    assert!(refused(ScoreKind::Dot, 0).contains("0 retrieval steps: expected 1"));
}

/// Two sources of four and three positions.
fn extent(kind: Kind) -> (Tensor, Tensor) {
    let keep = Tensor::from_slice(&[true, true, true, true, true, true, true, false]).reshape([2, 4]);
    (keep, Tensor::from_slice(&[4f64, 3.0]).unsqueeze(1).to_kind(kind))
}

#[test]
fn gradients_of_every_score_under_every_choice_are_those_of_differences() {
    tch::manual_seed(1);
    let (keep, lengths) = extent(Kind::Double);
    for (score, choice) in SCORES.into_iter().flat_map(|score| CHOICES.map(|choice| (score, choice))) {
        // The edge of a predicted window is no function with a gradient: this one holds every position.
        let choice = if choice.0 == ChoiceKind::LocalP { (ChoiceKind::LocalP, 9, None) } else { choice };
        for coverage in [false, true] {
            let store = Parameters::double(2);
            let attention =
                Attention::new(store.root(), &with(options(score, choice), |recipe| recipe.coverage = coverage)).unwrap();
            let mut inputs = vec![leaf("query", &[2, 2, 3]), leaf("keys", &[2, 4, 3]), leaf("values", &[2, 4, 2])];
            inputs.push(leaf("covered", &[2, 2, 4]));
            let [query, keys, values, covered] = [0, 1, 2, 3].map(|index: usize| inputs[index].1.shallow_clone());
            if score == ScoreKind::Location {
                let _ = inputs.remove(1);
            }
            inputs.retain(|(name, _)| coverage || name != "covered");
            inputs.extend(store.named());
            let probe = Tensor::randn([2, 2, 2], (Kind::Double, Device::Cpu));
            check_gradients(&inputs, || {
                let prepared = attention.prepare_apart(&keys, &values, &keep, &lengths).unwrap();
                let attended = attention.attend(&query, &prepared, QuerySteps::From(1), coverage.then_some(&covered));
                (attended.context * &probe).sum(Kind::Double)
            });
        }
    }
}

#[test]
fn keys_are_compared_and_values_are_mixed() {
    tch::manual_seed(2);
    let options_of = (Kind::Float, Device::Cpu);
    let attention = Attention::new(Parameters::new(1, Device::Cpu).root(), &options(ScoreKind::Dot, GLOBAL)).unwrap();
    let (keep, lengths) = extent(Kind::Float);
    let (keys, values, query) =
        (Tensor::randn([2, 4, 3], options_of), Tensor::randn([2, 4, 5], options_of), Tensor::randn([2, 1, 3], options_of));
    let attend = |values: &Tensor| {
        let prepared = attention.prepare_apart(&keys, values, &keep, &lengths).unwrap();
        attention.attend(&query, &prepared, QuerySteps::Same(0), None)
    };
    let (one, other) = (attend(&values), attend(&(&values * 2.0)));
    assert!(one.weights.equal(&other.weights) && other.context.allclose(&(&one.context * 2.0), 1e-6, 1e-6, false));
    let together = attention.attend(&query, &attention.prepare(&keys, &keep, &lengths), QuerySteps::Same(0), None);
    assert!(together.weights.equal(&one.weights));
    let error = attention.prepare_apart(&keys, &values.narrow(1, 0, 3), &keep, &lengths).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("[2, 4, 3]") && error.contains("[2, 3, 5]"), "{error}");
}

#[test]
fn a_score_of_ones_own_stands_where_any_does() {
    tch::manual_seed(3);
    let options_of = (Kind::Float, Device::Cpu);
    let (keep, lengths) = extent(Kind::Float);
    let (memory, query) = (Tensor::randn([2, 4, 3], options_of), Tensor::randn([2, 2, 3], options_of));
    let attend = |attention: &Attention| {
        attention.attend(&query, &attention.prepare(&memory, &keep, &lengths), QuerySteps::From(0), None).context
    };
    let built_in = |choice| Attention::new(Parameters::new(1, Device::Cpu).root(), &options(ScoreKind::Dot, choice)).unwrap();
    let dot = || Score::custom(|query: &Tensor, keys: &Tensor| query.matmul(&keys.transpose(1, 2)));
    let local = Attention::of(dot(), Choice::LocalMonotonic { window: 1 });
    assert!(attend(&local).allclose(&attend(&built_in((ChoiceKind::LocalM, 1, None))), 1e-6, 1e-6, false));
    let softmax = Choice::custom(|energy: &Tensor, keep: &Tensor| crate::nn::masked_softmax(energy, keep));
    assert!(attend(&Attention::of(dot(), softmax)).allclose(&attend(&built_in(GLOBAL)), 1e-6, 1e-6, false));

    /// -|q - k|², of which the keys' part is worked out once.
    struct Distance;
    impl CustomScore for Distance {
        fn energy(&self, query: &Tensor, keys: &Tensor) -> Tensor {
            let (vectors, norms) = (keys.narrow(2, 0, 3), keys.narrow(2, 3, 1));
            query.matmul(&vectors.transpose(1, 2)) * 2.0 - norms.transpose(1, 2)
        }

        fn prepare(&self, keys: &Tensor) -> Tensor {
            Tensor::cat(&[keys, &keys.square().sum_dim_intlist([2i64].as_slice(), true, keys.kind())], 2)
        }
    }
    // What asks for a key itself finds it.
    let attention = Attention::of(Score::custom(Distance), Choice::Global);
    let found = attention.attend(&(&memory * 1.0), &attention.prepare(&memory, &keep, &lengths), QuerySteps::From(0), None);
    assert!(found.weights.get(0).argmax(-1, false).equal(&Tensor::from_slice(&[0i64, 1, 2, 3])));
}

#[test]
fn heads_of_scaled_dots_are_multi_head_attention() {
    tch::manual_seed(4);
    let options_of = (Kind::Float, Device::Cpu);
    let (one, other) = (Parameters::new(1, Device::Cpu), Parameters::new(2, Device::Cpu));
    let start = Initialization::Uniform(0.5);
    let attention = AttentionOptions { query: 6, keys: 6, initialization: start, ..options(ScoreKind::ScaledDot, GLOBAL) };
    let heads = Heads::new(one.root(), &HeadsOptions { heads: 3, size: 6, values: 6, attention }).unwrap();
    let usual = MultiHead::new(other.root(), 6, 3, 0.0, 1.0);
    let (ours, theirs) = (one.named(), other.named());
    tch::no_grad(|| {
        for (mine, name) in [("query", "q_proj"), ("key", "k_proj"), ("value", "v_proj"), ("output", "out_proj")] {
            for part in ["weight", "bias"] {
                let find = |named: &[(String, Tensor)], name: &str| {
                    named.iter().find(|(known, _)| *known == format!("{name}.{part}")).unwrap().1.shallow_clone()
                };
                find(&ours, mine).copy_(&find(&theirs, name));
            }
        }
    });
    let (keep, lengths) = extent(Kind::Float);
    let (query, memory) = (Tensor::randn([2, 5, 6], options_of), Tensor::randn([2, 4, 6], options_of));
    let attended = heads.attend(&query, &heads.prepare(&memory, &memory, &keep, &lengths).unwrap(), QuerySteps::From(0), None);
    let (keys, values) = usual.keys_and_values(&memory);
    let queries = usual.queries(&query);
    let (context, weights) = usual.attend(&queries, (&keys, &values), Allowed::Kept(&keep), true, &ForwardContext::evaluation());
    assert!(attended.context.allclose(&context, 1e-5, 1e-6, false));
    assert!(attended.weights.allclose(&weights.unwrap(), 1e-5, 1e-6, false));
}

#[test]
fn heads_take_any_score_and_any_choice() {
    tch::manual_seed(5);
    let (keep, lengths) = extent(Kind::Double);
    for (score, choice) in SCORES.into_iter().zip(CHOICES.into_iter().cycle()) {
        let store = Parameters::double(7);
        let attention = AttentionOptions { query: 5, keys: 3, ..with(options(score, choice), |recipe| recipe.coverage = true) };
        let heads = Heads::new(store.root(), &HeadsOptions { heads: 2, size: 4, values: 2, attention }).unwrap();
        let random = |size: &[i64]| Tensor::randn(size, (Kind::Double, Device::Cpu));
        let (query, covered) = (random(&[2, 3, 5]), random(&[2, 2, 3, 4]));
        let prepared = heads.prepare(&random(&[2, 4, 3]), &random(&[2, 4, 2]), &keep, &lengths).unwrap();
        let attended = heads.attend(&query, &prepared, QuerySteps::From(0), Some(&covered));
        assert_eq!((attended.context.size(), attended.weights.size()), (vec![2, 3, 4], vec![2, 2, 3, 4]));
        assert_eq!(attended.weights.get(1).narrow(2, 3, 1).abs().max().double_value(&[]), 0.0, "padding");
        assert!(!attended.weights.select(1, 0).allclose(&attended.weights.select(1, 1), 1e-3, 1e-3, false), "heads differ");
    }
}

#[test]
fn sizes_and_windows_that_cannot_work_are_refused() {
    let store = Parameters::new(1, Device::Cpu);
    let error = |options: AttentionOptions| Attention::new(store.root(), &options).map(|_| ()).unwrap_err().to_string();
    let of = options;
    assert!(error(of(ScoreKind::Dot, (ChoiceKind::LocalM, 0, None))).contains("1 or more positions to either side, found 0"));
    assert!(error(of(ScoreKind::Dot, (ChoiceKind::LocalP, -1, None))).contains("found -1"));
    assert!(error(of(ScoreKind::Dot, (ChoiceKind::Segments, 0, None))).contains("found 0"));
    assert!(error(of(ScoreKind::Dot, (ChoiceKind::LinearChain, 1, Some(0.0)))).contains("a sum above 0"));
    let dot = of(ScoreKind::Dot, GLOBAL);
    assert!(error(AttentionOptions { keys: 4, ..dot }).contains("found 3 and 4"));
    assert!(error(AttentionOptions { query: 0, ..dot }).contains("found 0 and 3"));
    assert!(error(with(of(ScoreKind::Additive, GLOBAL), |recipe| recipe.size = 0)).contains("1 or more units"));
    assert!(error(AttentionOptions { maximum_length: 0, ..of(ScoreKind::Location, GLOBAL) }).contains("positions"));

    let heads = |heads, size, values| {
        Heads::new(store.root(), &HeadsOptions { heads, size, values, attention: dot }).map(|_| ()).unwrap_err().to_string()
    };
    assert!(heads(3, 8, 3).contains("3 heads and a size of 8"));
    assert!(heads(0, 8, 3).contains("0 heads"));
    assert!(heads(2, 8, 0).contains("3, 3 and 0"));
}
