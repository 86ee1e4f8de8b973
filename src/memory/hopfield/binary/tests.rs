use super::*;
use proptest::prelude::*;
use tch::{Device, Kind};

fn symmetric(units: i64, seed: i64) -> Tensor {
    tch::manual_seed(seed);
    let half = Tensor::randn([units, units], (Kind::Double, Device::Cpu)).triu(1);
    &half + half.tr()
}

fn falls(energies: &[f64]) -> bool {
    energies.windows(2).all(|pair| pair[1] <= pair[0])
}

#[test]
fn stored_patterns_are_fixed_points_under_every_rule() {
    let patterns = Patterns::random(5, 100, 1, Kind::Double).unwrap();
    for rule in [LearningRule::Hebb, LearningRule::Storkey, LearningRule::PseudoInverse] {
        let network = BinaryHopfield::learn(&patterns, rule).unwrap();
        for recalled in [network.synchronous(&patterns, 5).unwrap(), network.asynchronous(&patterns, 1, 5).unwrap()] {
            assert!(recalled.states.tensor().equal(patterns.tensor()), "{rule:?}");
            assert!(recalled.settled.iter().all(|&settled| settled) && recalled.energies.iter().all(|trace| trace.len() == 1));
        }
        // A fifth of the signs wrong, and still all come back.
        let cues = patterns.flipped(20, 2).unwrap();
        let recalled = network.asynchronous(&cues, 3, 20).unwrap();
        assert!(recalled.states.tensor().equal(patterns.tensor()), "{rule:?}");
    }
}

#[test]
fn rules_hold_as_many_as_they_promise() {
    let kept = |rule, count| {
        let patterns = Patterns::random(count, 200, 9, Kind::Double).unwrap();
        let recalled = BinaryHopfield::learn(&patterns, rule).unwrap().asynchronous(&patterns, 1, 50).unwrap();
        patterns.overlap(&recalled.states).unwrap().mean(Kind::Double).double_value(&[])
    };
    assert!(kept(LearningRule::Hebb, 16) > 0.98);
    assert!(kept(LearningRule::Hebb, 100) < 0.5);
    assert!(kept(LearningRule::Storkey, 50) > kept(LearningRule::Hebb, 50) + 0.3);
    assert_eq!(kept(LearningRule::PseudoInverse, 190), 1.0);
}

#[test]
fn a_mirrored_pattern_is_as_low_as_the_pattern_until_there_is_a_bias() {
    let patterns = Patterns::random(3, 60, 5, Kind::Double).unwrap();
    let mirrored = patterns.flipped(60, 0).unwrap();
    let network = BinaryHopfield::learn(&patterns, LearningRule::Hebb).unwrap();
    assert!(network.energy(&patterns).unwrap().equal(&network.energy(&mirrored).unwrap()));
    let bias = patterns.tensor().get(0) * 0.01;
    let biased = BinaryHopfield::new(network.weights(), &bias).unwrap();
    let apart = biased.energy(&mirrored).unwrap() - biased.energy(&patterns).unwrap();
    assert!((apart.double_value(&[0]) - 2.0 * 60.0 * 0.01).abs() < 1e-9);
    // Only the bias speaks where nothing is stored.
    let blank = BinaryHopfield::new(&Tensor::zeros([60, 60], (Kind::Double, Device::Cpu)), &bias).unwrap();
    let recalled = blank.synchronous(&mirrored, 3).unwrap();
    assert!(recalled.states.tensor().get(2).equal(&patterns.tensor().get(0)));
}

#[test]
fn two_units_that_disagree_swap_for_ever_when_updated_at_once() {
    let weights = Tensor::from_slice(&[0f64, 1.0, 1.0, 0.0]).reshape([2, 2]);
    let network = BinaryHopfield::new(&weights, &Tensor::zeros([2], (Kind::Double, Device::Cpu))).unwrap();
    let cue = Patterns::new(&Tensor::from_slice(&[1f64, -1.0]).reshape([1, 2])).unwrap();
    let at_once = network.synchronous(&cue, 7).unwrap();
    assert_eq!((at_once.settled[0], at_once.energies[0].len()), (false, 8));
    assert!(at_once.states.tensor().equal(&cue.tensor().neg()));
    let in_turn = network.asynchronous(&cue, 7, 7).unwrap();
    assert_eq!((in_turn.settled[0], in_turn.energies[0].as_slice()), (true, &[1.0, -1.0][..]));
}

#[test]
fn the_order_is_the_seeds_and_company_does_not_matter() {
    let patterns = Patterns::random(20, 80, 2, Kind::Double).unwrap();
    let network = BinaryHopfield::learn(&patterns, LearningRule::Hebb).unwrap();
    let cues = Patterns::random(6, 80, 3, Kind::Double).unwrap();
    let together = network.asynchronous(&cues, 1, 50).unwrap();
    assert!(network.asynchronous(&cues, 1, 50).unwrap().states.tensor().equal(together.states.tensor()));
    assert!(!network.asynchronous(&cues, 2, 50).unwrap().states.tensor().equal(together.states.tensor()));
    let last = cues.select([5]).unwrap();
    let alone = network.asynchronous(&last, 1, 50).unwrap();
    assert!(alone.states.tensor().get(0).equal(&together.states.tensor().get(5)));
    assert_eq!(alone.energies[0], together.energies[5]);
}

#[test]
fn a_limit_of_sweeps_is_reported() {
    let network = BinaryHopfield::new(&symmetric(40, 1), &Tensor::zeros([40], (Kind::Double, Device::Cpu))).unwrap();
    let cues = Patterns::random(8, 40, 3, Kind::Double).unwrap();
    let short = network.asynchronous(&cues, 1, 1).unwrap();
    assert!(short.settled.iter().any(|&settled| !settled));
    let none = network.asynchronous(&cues, 1, 0).unwrap();
    assert!(none.states.tensor().equal(cues.tensor()));
}

#[test]
fn bad_weights_and_cues_are_named() {
    let zeros = |size: &[i64]| Tensor::zeros(size, (Kind::Float, Device::Cpu));
    let error = |weights: &Tensor, bias: &Tensor| BinaryHopfield::new(weights, bias).err().unwrap().to_string();
    assert!(error(&zeros(&[3, 4]), &zeros(&[3])).contains("found [3, 4]"));
    assert!(error(&zeros(&[3, 3]), &zeros(&[4])).contains("needs the shape [3], found [4]"));
    let lopsided = Tensor::from_slice(&[0f32, 1.0, 0.5, 0.0]).reshape([2, 2]);
    assert!(error(&lopsided, &zeros(&[2])).contains("must be symmetric"));
    let selfish = Tensor::from_slice(&[0f32, 1.0, 1.0, 0.25]).reshape([2, 2]);
    assert!(error(&selfish, &zeros(&[2])).contains("unit 1 acts on itself with weight 0.25"));
    assert!(error(&(zeros(&[2, 2]) + f64::NAN), &zeros(&[2])).contains("must be finite"));
    let network = BinaryHopfield::new(&zeros(&[3, 3]), &zeros(&[3])).unwrap();
    let cue = Patterns::random(1, 4, 1, Kind::Float).unwrap();
    for found in [
        network.energy(&cue).err(),
        network.synchronous(&cue, 1).err(),
        network.asynchronous(&cue, 1, 1).err(),
        network.learn_more(&cue, LearningRule::Hebb).err(),
    ] {
        assert!(found.unwrap().to_string().contains("the network has 3 units, the patterns have 4"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn asynchronous_energy_never_rises_and_is_what_it_says(seed in 0i64..1000, units in 2i64..30) {
        let weights = symmetric(units, seed);
        let bias = Tensor::randn([units], (Kind::Double, Device::Cpu));
        let network = BinaryHopfield::new(&weights, &bias).unwrap();
        let cues = Patterns::random(4, units, seed as u64, Kind::Double).unwrap();
        let recalled = network.asynchronous(&cues, seed as u64, 1000).unwrap();
        let ends = network.energy(&recalled.states).unwrap();
        for (row, trace) in recalled.energies.iter().enumerate() {
            prop_assert!(falls(trace));
            prop_assert!((trace.last().unwrap() - ends.double_value(&[row as i64])).abs() < 1e-9);
            prop_assert!(recalled.settled[row]);
            // Written out: -½ Σ w s s - Σ b s.
            let state = cues.tensor().get(row as i64);
            let written = -0.5 * state.dot(&weights.mv(&state)).double_value(&[]) - bias.dot(&state).double_value(&[]);
            prop_assert!((trace[0] - written).abs() < 1e-9);
        }
        // A fixed point of one kind of update is one of the other.
        let again = network.synchronous(&recalled.states, 1).unwrap();
        prop_assert!(again.states.tensor().equal(recalled.states.tensor()));
    }
}

#[test]
fn the_heat_bath_draws_states_by_their_energy() {
    // Three units, so that all eight states can be counted.
    let (weights, bias) = (symmetric(3, 7) * 0.6, Tensor::from_slice(&[0.3, -0.2, 0.1]));
    let network = BinaryHopfield::new(&weights, &bias).unwrap();
    let (temperature, sweeps) = (1.3, 40_000);
    let sampled = network.glauber(&Patterns::random(1, 3, 1, Kind::Double).unwrap(), temperature, 5, sweeps).unwrap();
    let signs: Vec<f64> = (0..24).map(|place| if (place / 3) >> (place % 3) & 1 == 1 { 1.0 } else { -1.0 }).collect();
    let states = Patterns::new(&Tensor::from_slice(&signs).reshape([8, 3])).unwrap();
    let expected = (network.energy(&states).unwrap() / -temperature).softmax(0, Kind::Double);
    let visited = sampled.states.squeeze_dim(0).unsqueeze(1).eq_tensor(states.tensor()).all_dim(-1, false); // [sweeps + 1, 8]
    let share = visited.to_kind(Kind::Double).mean_dim([0i64].as_slice(), false, Kind::Double); // [8]
    assert!((&share - &expected).abs().max().double_value(&[]) < 0.01, "{share:?} {expected:?}");
    let told = sampled.energies.get(0).get(sweeps as i64).double_value(&[]);
    let last = Patterns::new(&sampled.states.get(0).get(sweeps as i64).unsqueeze(0)).unwrap();
    assert!((network.energy(&last).unwrap().double_value(&[0]) - told).abs() < 1e-9);
    assert!(network.glauber(&last, -1.0, 1, 1).is_err());
}

#[test]
fn single_precision_does_not_flip_on_its_last_bits() {
    // Weights whose sums cancel but for rounding in float32, in whatever order: 0.1 + 0.6 - 0.7.
    let single = |numbers: &[f32], size: &[i64]| Tensor::from_slice(numbers).reshape(size);
    let weights = single(&[0.0, 0.1, 0.6, 0.7, 0.1, 0.0, 0.0, 0.0, 0.6, 0.0, 0.0, 0.0, 0.7, 0.0, 0.0, 0.0], &[4, 4]);
    let network = BinaryHopfield::new(&weights, &Tensor::zeros([4], (Kind::Float, Device::Cpu))).unwrap();
    for first in [1f32, -1.0] {
        let cue = single(&[first, 1.0, 1.0, -1.0], &[1, 4]);
        let field = network.field(&cue).double_value(&[0, 0]);
        assert!(field != 0.0 && field.abs() < 1e-6, "{field}");
        let recalled = network.synchronous(&Patterns::new(&cue).unwrap(), 1).unwrap();
        assert_eq!(recalled.states.tensor().double_value(&[0, 0]), f64::from(first), "a unit without a field keeps its sign");
    }
}

#[test]
fn all_at_once_may_take_turns_and_one_by_one_in_order_does_not() {
    // Two units that want to agree.
    let weights = Tensor::from_slice(&[0f64, 1.0, 1.0, 0.0]).reshape([2, 2]);
    let network = BinaryHopfield::new(&weights, &Tensor::zeros([2], (Kind::Double, Device::Cpu))).unwrap();
    let cue = Patterns::new(&Tensor::from_slice(&[1f64, -1.0]).reshape([1, 2])).unwrap();
    let turns = network.synchronous(&cue, 5).unwrap();
    assert_eq!((turns.path(0).len(), turns.settled[0]), (6, false));
    assert!((0..4).all(|step| turns.path(0)[step] == turns.path(0)[step + 2] && turns.path(0)[step] != turns.path(0)[step + 1]));
    let rests = network.sequential(&cue, 5).unwrap();
    assert_eq!((rests.path(0), rests.settled[0]), (vec![vec![1.0, -1.0], vec![-1.0, -1.0]], true));
}
