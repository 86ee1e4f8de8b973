//! Marginals against enumeration of every structure, and gradients against differences.

use tch::{Device, Kind, Tensor};

use super::*;
use crate::nn::numerical::{check_gradients, leaf};
use crate::nn::{Initialization, Parameters};

const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

fn numbers(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.contiguous().view(-1)).unwrap()
}

/// Rows of three batches, with nothing hidden, a hole and padding, and all hidden but one.
fn keep() -> Tensor {
    let rows = [[true; 5], [true, false, true, true, false], [false, false, false, true, false]];
    Tensor::from_slice(rows.as_flattened()).reshape([3, 5])
}

fn kept(row: i64) -> Vec<usize> {
    (0..5).filter(|&position| keep().int64_value(&[row, position as i64]) == 1).collect()
}

/// Weighs every item of `all` by the exponential of its score, and adds up the weights of what each holds.
fn enumerate<T>(all: &[T], score: impl Fn(&T) -> f64, holds: impl Fn(&T) -> Vec<usize>, size: usize) -> Vec<f64> {
    let weights: Vec<f64> = all.iter().map(|item| score(item).exp()).collect();
    let total: f64 = weights.iter().sum();
    let mut marginals = vec![0.0; size];
    for (item, weight) in all.iter().zip(weights) {
        holds(item).into_iter().for_each(|place| marginals[place] += weight / total);
    }
    marginals
}

fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    let close = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-9);
    assert!(close, "{found:?}, by enumeration {expected:?}");
}

#[test]
fn chains_are_those_of_enumeration() {
    tch::manual_seed(1);
    // Two queries each.
    let energy = Tensor::randn([3, 2, 5], DOUBLE) * 2.0;
    let pairwise = Tensor::randn([2, 2], DOUBLE);
    let marginals = chain_marginals(&energy, &pairwise, &keep().unsqueeze(1));
    assert_eq!(marginals.size(), [3, 2, 5]);
    for (row, query) in (0..3).flat_map(|row| (0..2).map(move |query| (row, query))) {
        let places = kept(row);
        let all: Vec<u32> = (0..1 << places.len()).collect();
        let is_chosen = |states: &u32, index: usize| states >> index & 1 == 1;
        let score = |states: &u32| {
            let unary = (0..places.len()).filter(|&index| is_chosen(states, index));
            let unary: f64 = unary.map(|index| energy.double_value(&[row, query, places[index] as i64])).sum();
            let state = |index| i64::from(is_chosen(states, index));
            let pairs = (1..places.len()).map(|index| pairwise.double_value(&[state(index - 1), state(index)]));
            unary + pairs.sum::<f64>()
        };
        let holds =
            |states: &u32| (0..places.len()).filter(|&index| is_chosen(states, index)).map(|index| places[index]).collect();
        assert_close(&numbers(&marginals.get(row).get(query)), &enumerate(&all, score, holds, 5));
    }
}

/// All sets of segments (first position, length) of at most `longest` kept positions that do not overlap.
fn segmentations(row: i64, first: usize, longest: usize) -> Vec<Vec<(usize, usize)>> {
    if first == 5 {
        return vec![Vec::new()];
    }
    let mut all = segmentations(row, first + 1, longest);
    let places = kept(row);
    for length in 1..=longest.min(5 - first) {
        if (first..first + length).all(|position| places.contains(&position)) {
            let rest = segmentations(row, first + length, longest).into_iter();
            all.extend(rest.map(|rest| [vec![(first, length)], rest].concat()));
        }
    }
    all
}

#[test]
fn segments_are_those_of_enumeration() {
    tch::manual_seed(2);
    let energy = Tensor::randn([3, 5], DOUBLE);
    // 7 is more than there are positions.
    for longest in [1, 2, 3, 7] {
        let lengths = Tensor::randn([longest], DOUBLE);
        let marginals = segment_marginals(&energy, &lengths, &keep());
        assert_eq!((marginals.positions.size(), marginals.segments.size()), (vec![3, 5], vec![3, 5, longest]));
        for row in 0..3 {
            let all = segmentations(row, 0, longest as usize);
            let score = |segments: &Vec<(usize, usize)>| {
                let each = segments.iter().map(|&(first, length)| {
                    let covered = (first..first + length).map(|position| energy.double_value(&[row, position as i64]));
                    covered.sum::<f64>() + lengths.double_value(&[length as i64 - 1])
                });
                each.sum()
            };
            let covered =
                |segments: &Vec<(usize, usize)>| segments.iter().flat_map(|&(first, length)| first..first + length).collect();
            assert_close(&numbers(&marginals.positions.get(row)), &enumerate(&all, score, covered, 5));
            let width = longest as usize;
            let which =
                |segments: &Vec<(usize, usize)>| segments.iter().map(|&(first, length)| first * width + length - 1).collect();
            assert_close(&numbers(&marginals.segments.get(row)), &enumerate(&all, score, which, 5 * width));
        }
    }
}

/// The heads of positions 1, 2 … of all projective trees whose root is position 0.
fn trees(positions: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for _ in 1..positions {
        all = all
            .into_iter()
            .flat_map(|heads: Vec<usize>| (0..positions).map(move |head| [heads.clone(), vec![head]].concat()))
            .collect();
    }
    let head = |heads: &[usize], position: usize| heads[position - 1];
    let reaches = |heads: &[usize], from: usize, to: usize| {
        let mut at = from;
        for _ in 0..positions {
            if at == to {
                return true;
            }
            if at > 0 {
                at = head(heads, at);
            }
        }
        at == to
    };
    all.retain(|heads| {
        (1..positions).all(|modifier| {
            let above = head(heads, modifier);
            let between = modifier.min(above) + 1..modifier.max(above);
            above != modifier && reaches(heads, modifier, 0) && between.clone().all(|position| reaches(heads, position, above))
        })
    });
    all
}

#[test]
fn parents_are_those_of_enumeration() {
    // The number of projective trees over n words under a root: 1, 3, 12, 55 … (OEIS A001764).
    assert_eq!([2, 3, 4, 5].map(|positions| trees(positions).len()), [1, 3, 12, 55]);
    tch::manual_seed(3);
    let arcs = Tensor::randn([4, 5, 5], DOUBLE) * 1.5;
    let lengths = [5, 3, 1, 4];
    let marginals = parent_marginals(&arcs, &lengths).unwrap();
    for (row, &length) in lengths.iter().enumerate() {
        let row = row as i64;
        let all = trees(length as usize);
        let score = |heads: &Vec<usize>| {
            let arcs = heads.iter().enumerate().map(|(index, &head)| arcs.double_value(&[row, index as i64 + 1, head as i64]));
            arcs.sum()
        };
        let holds = |heads: &Vec<usize>| heads.iter().enumerate().map(|(index, &head)| 5 * (index + 1) + head).collect();
        assert_close(&numbers(&marginals.get(row)), &enumerate(&all, score, holds, 25));
    }
}

#[test]
fn gradients_are_those_of_differences() {
    tch::manual_seed(4);
    let probe = Tensor::randn([3, 5], DOUBLE);
    let chain = [leaf("energy", &[3, 5]), leaf("pairwise", &[2, 2])];
    check_gradients(&chain, || (chain_marginals(&chain[0].1, &chain[1].1, &keep()) * &probe).sum(Kind::Double));
    let segments = [leaf("energy", &[3, 5]), leaf("lengths", &[3])];
    check_gradients(&segments, || {
        let marginals = segment_marginals(&segments[0].1, &segments[1].1, &keep());
        (with_sum(&marginals.positions, 2.0) * &probe).sum(Kind::Double) + marginals.segments.square().sum(Kind::Double)
    });
    let store = Parameters::double(6);
    let layer = Syntactic::new(store.root(), 3, 4, Initialization::Uniform(0.9)).unwrap();
    let mut inputs = vec![leaf("states", &[2, 5, 3])];
    inputs.extend(store.named());
    let (states, probe) = (inputs[0].1.shallow_clone(), Tensor::randn([2, 5, 5], DOUBLE));
    for parents in [Parents::Tree, Parents::Softmax] {
        check_gradients(&inputs, || (layer.weights(&states, &[5, 3], parents).unwrap() * &probe).sum(Kind::Double));
    }
}

#[test]
fn hidden_positions_have_no_weight_and_harm_no_gradient() {
    let keep = Tensor::from_slice(&[true, true, false, false, false, false]).reshape([2, 3]);
    let (pairwise, lengths) = (Tensor::zeros([2, 2], DOUBLE), Tensor::zeros([2], DOUBLE));
    type Choose<'a> = &'a dyn Fn(&Tensor) -> Tensor;
    let chain: Choose = &|energy| chain_marginals(energy, &pairwise, &keep);
    let segments: Choose = &|energy| segment_marginals(energy, &lengths, &keep).positions;
    for choose in [chain, segments] {
        let energy = Tensor::from_slice(&[700.0, -700.0, f64::NAN, f64::INFINITY, 1e300, f64::NAN])
            .reshape([2, 3])
            .set_requires_grad(true);
        let weights = with_sum(&choose(&energy), 2.0);
        let found = numbers(&weights);
        assert!((found[0] - 2.0).abs() < 1e-9 && found[1..].iter().all(|weight| weight.abs() < 1e-9), "{found:?}");
        (weights * Tensor::from_slice(&[1.0, 2.0, 3.0])).sum(Kind::Double).backward();
        assert!(numbers(&energy.grad()).iter().all(|gradient| gradient.is_finite()));
        assert_eq!(numbers(&energy.grad())[2..], [0.0; 4]);
    }
}

#[test]
fn float32_keeps_up_with_long_sequences() {
    tch::manual_seed(5);
    let options = (Kind::Float, Device::Cpu);
    let energy = Tensor::randn([2, 300], options) * 8.0;
    let keep = Tensor::ones([2, 300], (Kind::Bool, Device::Cpu));
    let (pairwise, lengths) = (Tensor::randn([2, 2], options) * 4.0, Tensor::randn([4], options) * 4.0);
    let double = |tensor: &Tensor| tensor.to_kind(Kind::Double);
    let chains = (chain_marginals(&energy, &pairwise, &keep), chain_marginals(&double(&energy), &double(&pairwise), &keep));
    let segments = (
        segment_marginals(&energy, &lengths, &keep).positions,
        segment_marginals(&double(&energy), &double(&lengths), &keep).positions,
    );
    for (single, double) in [chains, segments] {
        assert_eq!(single.kind(), Kind::Float);
        let off = (single - double).abs().max().double_value(&[]);
        assert!(off < 2e-3, "{off}");
    }
}

#[test]
fn trees_need_no_gradients_where_none_are_wanted() {
    tch::manual_seed(6);
    let arcs = Tensor::randn([1, 4, 4], DOUBLE);
    let wanted = parent_marginals(&arcs.copy().set_requires_grad(true), &[4]).unwrap();
    let found = tch::no_grad(|| parent_marginals(&arcs, &[4]).unwrap());
    assert!(wanted.requires_grad() && !found.requires_grad());
    assert!(found.allclose(&wanted, 1e-12, 1e-12, false));
}

#[test]
fn sizes_that_cannot_work_are_refused() {
    let arcs = Tensor::zeros([2, 3, 3], DOUBLE);
    let error = |arcs: &Tensor, lengths: &[i64]| parent_marginals(arcs, lengths).unwrap_err().to_string();
    assert!(error(&arcs, &[3, 4]).contains("lengths of 1 to 3"));
    assert!(error(&arcs, &[3, 0]).contains("[3, 0]"));
    assert!(error(&arcs, &[3]).contains("2 lengths"));
    assert!(error(&arcs.narrow(1, 0, 2), &[2, 2]).contains("[2, 2, 3]"));
    assert!(Syntactic::new(Parameters::double(1).root(), 0, 4, Initialization::Constant(0.0)).is_err());
}
