use super::super::{BinaryHopfield, LearningRule};
use super::*;
use proptest::prelude::*;
use tch::Kind;

const EVERY: [Interaction; 4] = [Interaction::Power(2), Interaction::Power(3), Interaction::Power(6), Interaction::Exponential];

/// E written out for one state.
fn written(patterns: &Patterns, state: &[f64], interaction: Interaction) -> f64 {
    let rows = doubles(patterns.tensor());
    let overlaps = rows.chunks(state.len()).map(|row| row.iter().zip(state).map(|(x, s)| x * s).sum::<f64>());
    match interaction {
        Interaction::Power(order) => -overlaps.map(|overlap| (overlap / state.len() as f64).powi(order)).sum::<f64>(),
        Interaction::Exponential => -overlaps.map(f64::exp).sum::<f64>().ln(),
    }
}

#[test]
fn costs_are_differences_of_energies() {
    let patterns = Patterns::random(7, 10, 1, Kind::Double).unwrap();
    let states = Patterns::random(3, 10, 2, Kind::Double).unwrap();
    for interaction in EVERY {
        let memory = DenseMemory::new(&patterns, interaction).unwrap();
        let (energies, costs) = (memory.energy(&states).unwrap(), memory.costs(states.tensor()));
        let by_unit = doubles(&patterns.tensor().tr());
        for (row, state) in doubles(states.tensor()).chunks(10).enumerate() {
            let energy = written(&patterns, state, interaction);
            assert!((energies.double_value(&[row as i64]) - energy).abs() < 1e-10, "{interaction:?}");
            let mut walk = Overlaps::new(&by_unit, state, interaction);
            for unit in 0..10 {
                let mut flipped = state.to_vec();
                flipped[unit] = -flipped[unit];
                let cost = written(&patterns, &flipped, interaction) - energy;
                assert!((costs.double_value(&[row as i64, unit as i64]) - cost).abs() < 1e-9, "{interaction:?}");
                assert!((walk.cost(unit) - cost).abs() < 1e-9, "{interaction:?}");
                walk.flip(unit);
                assert!((walk.energy() - energy - cost).abs() < 1e-9, "{interaction:?}");
                walk.flip(unit);
            }
        }
    }
}

#[test]
fn order_two_is_hebbs_network() {
    // 64 units, so that fields of zero are zero in both: divisions by 64 are exact.
    let patterns = Patterns::random(9, 64, 1, Kind::Double).unwrap();
    let hebb = BinaryHopfield::learn(&patterns, LearningRule::Hebb).unwrap();
    let dense = DenseMemory::new(&patterns, Interaction::Power(2)).unwrap();
    let cues = Patterns::random(8, 64, 2, Kind::Double).unwrap();
    // Up to the unit of energy and the diagonal, which is P for every state.
    let energies = dense.energy(&cues).unwrap() * 32.0 + 4.5;
    assert!(energies.allclose(&hebb.energy(&cues).unwrap(), 1e-10, 1e-10, false));
    let (of_dense, of_hebb) = (dense.asynchronous(&cues, 4, 50).unwrap(), hebb.asynchronous(&cues, 4, 50).unwrap());
    assert!(of_dense.states.tensor().equal(of_hebb.states.tensor()));
    let (of_dense, of_hebb) = (dense.synchronous(&cues, 1).unwrap(), hebb.synchronous(&cues, 1).unwrap());
    assert!(of_dense.states.tensor().equal(of_hebb.states.tensor()));
}

#[test]
fn higher_orders_hold_more() {
    // As many patterns as units, of which Hebb's network keeps nothing.
    let patterns = Patterns::random(60, 60, 3, Kind::Double).unwrap();
    let overlap = |interaction, patterns: &Patterns| {
        let cues = patterns.flipped(3, 1).unwrap();
        let recalled = DenseMemory::new(patterns, interaction).unwrap().asynchronous(&cues, 1, 50).unwrap();
        patterns.overlap(&recalled.states).unwrap().mean(Kind::Double).double_value(&[])
    };
    assert!(overlap(Interaction::Power(2), &patterns) < 0.5);
    assert!(overlap(Interaction::Power(3), &patterns) > 0.99);
    let many = Patterns::random(3000, 60, 3, Kind::Double).unwrap();
    assert!(overlap(Interaction::Power(3), &many) < 0.5);
    assert!(overlap(Interaction::Exponential, &many) > 0.99);
}

#[test]
fn the_exponential_memory_takes_one_step_and_does_not_overflow() {
    // e^2000 is beyond double precision.
    let patterns = Patterns::random(500, 2000, 1, Kind::Float).unwrap();
    let memory = DenseMemory::new(&patterns, Interaction::Exponential).unwrap();
    let cues = patterns.flipped(700, 2).unwrap();
    let recalled = memory.synchronous(&cues, 1).unwrap();
    assert!(recalled.states.tensor().equal(patterns.tensor()));
    assert!(recalled.energies.iter().flatten().all(|energy| energy.is_finite()));
}

#[test]
fn bad_orders_and_cues_are_named() {
    let patterns = Patterns::random(2, 5, 1, Kind::Float).unwrap();
    let error = DenseMemory::new(&patterns, Interaction::Power(1)).err().unwrap().to_string();
    assert!(error.contains("must be at least 2, found 1"), "{error}");
    let memory = DenseMemory::new(&patterns, Interaction::Exponential).unwrap();
    let cue = Patterns::random(1, 4, 1, Kind::Float).unwrap();
    for found in [memory.energy(&cue).err(), memory.synchronous(&cue, 1).err(), memory.asynchronous(&cue, 1, 1).err()] {
        assert!(found.unwrap().to_string().contains("the network has 5 units, the patterns have 4"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn asynchronous_energy_never_rises(seed in 0u64..1000, units in 2i64..25, count in 1i64..40, which in 0usize..4) {
        let memory = DenseMemory::new(&Patterns::random(count, units, seed, Kind::Double).unwrap(), EVERY[which]).unwrap();
        let cues = Patterns::random(3, units, seed + 1, Kind::Double).unwrap();
        let recalled = memory.asynchronous(&cues, seed, 1000).unwrap();
        let ends = memory.energy(&recalled.states).unwrap();
        for (row, trace) in recalled.energies.iter().enumerate() {
            prop_assert!(trace.windows(2).all(|pair| pair[1] <= pair[0] + 1e-12));
            prop_assert!((trace.last().unwrap() - ends.double_value(&[row as i64])).abs() < 1e-9);
            prop_assert!(recalled.settled[row]);
        }
    }
}
