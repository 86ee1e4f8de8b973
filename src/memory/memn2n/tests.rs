use std::collections::BTreeMap;

use tch::{Device, Kind, Tensor};

use super::*;
use crate::nn::numerical::check_gradients;
use crate::nn::{ForwardContext, Parameters};

const VOCABULARY: i64 = 9;
const SIZE: i64 = 3;

/// Word ids of sentences; `None` is a slot that is not kept.
type Sentences<'a> = &'a [Option<&'a [i64]>];

/// Three stories of different lengths, one with a hole and one with an empty memory.
const STORIES: [Sentences; 3] = [
    &[Some(&[4, 5, 6]), Some(&[7, 8]), Some(&[5]), Some(&[6, 4, 7, 7])],
    &[Some(&[8, 4]), None, Some(&[5, 6, 7]), None],
    &[Some(&[6, 6, 8, 4]), Some(&[]), Some(&[4, 5]), None],
];
const QUESTIONS: [&[i64]; 3] = [&[4, 7], &[8], &[5, 6, 4]];

fn padded(rows: &[&[i64]]) -> Tensor {
    let width = rows.iter().map(|row| row.len()).max().unwrap();
    let ids: Vec<i64> =
        rows.iter().flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(0, width - row.len()))).collect();
    Tensor::from_slice(&ids).reshape([rows.len() as i64, width as i64])
}

fn story(stories: &[Sentences]) -> Story {
    let sentences: Vec<&[i64]> = stories.iter().flat_map(|story| story.iter().map(|sentence| sentence.unwrap_or(&[]))).collect();
    let keep: Vec<bool> = stories.iter().flat_map(|story| story.iter().map(Option::is_some)).collect();
    let (rows, slots) = (stories.len() as i64, stories[0].len() as i64);
    Story { sentences: padded(&sentences).reshape([rows, slots, -1]), keep: Tensor::from_slice(&keep).reshape([rows, slots]) }
}

fn options(tying: TableTying) -> MemN2NOptions {
    MemN2NOptions {
        vocabulary: VOCABULARY,
        size: SIZE,
        hops: 2,
        tying,
        linear_map: true,
        encoding: WordEncoding::Position,
        // Fewer than the longest story has sentences, so that its first two share a vector.
        slots: 3,
        temporal: true,
        rectified: false,
        initialization: Initialization::Normal(0.7),
    }
}

/// Every kind of model, by name.
fn variants() -> Vec<(&'static str, MemN2NOptions, MemoryWeighting)> {
    let (adjacent, layer_wise) = (options(TableTying::Adjacent), options(TableTying::LayerWise));
    vec![
        ("adjacent", adjacent, MemoryWeighting::Softmax),
        ("layer-wise", layer_wise, MemoryWeighting::Softmax),
        ("linear start", MemN2NOptions { hops: 3, ..adjacent }, MemoryWeighting::Linear),
        ("bags of words", MemN2NOptions { encoding: WordEncoding::BagOfWords, ..layer_wise }, MemoryWeighting::Softmax),
        ("no temporal encoding", MemN2NOptions { temporal: false, ..adjacent }, MemoryWeighting::Softmax),
        ("many empty slots", MemN2NOptions { slots: 9, ..adjacent }, MemoryWeighting::Softmax),
        ("no linear map", MemN2NOptions { linear_map: false, ..layer_wise }, MemoryWeighting::Softmax),
        ("rectified", MemN2NOptions { rectified: true, ..adjacent }, MemoryWeighting::Softmax),
        ("one hop", MemN2NOptions { hops: 1, ..layer_wise }, MemoryWeighting::Linear),
    ]
}

/// The model of the paper in plain numbers, one story at a time: logits, and weights of each hop.
fn by_hand(
    parameters: &BTreeMap<String, Vec<Vec<f64>>>,
    options: &MemN2NOptions,
    reading: MemoryWeighting,
    story: Sentences,
    question: &[i64],
) -> (Vec<f64>, Vec<Vec<f64>>) {
    let width = SIZE as usize;
    let sum = |ids: &[i64], table: &str| -> Vec<f64> {
        let length = ids.len() as f64;
        let share = |j: usize, k: usize| match options.encoding {
            WordEncoding::BagOfWords => 1.0,
            WordEncoding::Position => {
                let (j, k) = (j as f64 + 1.0, k as f64 + 1.0);
                2.0 * ((1.0 - j / length) - (k / width as f64) * (1.0 - 2.0 * j / length))
            }
        };
        let word = |j: usize, k: usize| share(j, k) * parameters[table][ids[j] as usize][k];
        (0..width).map(|k| (0..ids.len()).map(|j| word(j, k)).sum()).collect()
    };
    let memory = |slot: usize, table: &str| -> Option<Vec<f64>> {
        let mut vector = sum(story[slot]?, &format!("{table}.words"));
        if options.temporal {
            let distance = story[slot + 1..].iter().flatten().count().min(options.slots as usize - 1);
            vector.iter_mut().zip(&parameters[&format!("{table}.distances")][distance]).for_each(|(sum, time)| *sum += time);
        }
        Some(vector)
    };
    let dot = |one: &[f64], other: &[f64]| one.iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
    let names = |hop: i64| match options.tying {
        TableTying::Adjacent => [format!("table.{hop}"), format!("table.{}", hop + 1)],
        TableTying::LayerWise => ["input", "output"].map(str::to_owned),
    };
    let (asks, answers) = match options.tying {
        TableTying::Adjacent => ("table.0.words".to_owned(), format!("table.{}.words", options.hops)),
        TableTying::LayerWise => ("question".to_owned(), "answer".to_owned()),
    };
    let mut state = sum(question, &asks);
    let mut shares = Vec::new();
    for hop in 0..options.hops {
        let [input, output] = names(hop);
        let energies: Vec<Option<f64>> =
            (0..story.len()).map(|slot| memory(slot, &input).map(|vector| dot(&vector, &state))).collect();
        let empty = (options.slots as usize).saturating_sub(energies.iter().flatten().count());
        let total = energies.iter().flatten().map(|energy| energy.exp()).sum::<f64>() + empty as f64;
        let share = |energy: &Option<f64>| match (energy, reading) {
            (None, _) => 0.0,
            (Some(energy), MemoryWeighting::Linear) => *energy,
            (Some(energy), MemoryWeighting::Softmax) => energy.exp() / total,
        };
        let weights: Vec<f64> = energies.iter().map(share).collect();
        let mut next = match options.tying {
            TableTying::LayerWise if !options.linear_map => state.clone(),
            TableTying::Adjacent => state.clone(),
            TableTying::LayerWise => parameters["between.weight"].iter().map(|row| dot(row, &state)).collect(),
        };
        for (slot, weight) in weights.iter().enumerate() {
            for (sum, part) in next.iter_mut().zip(memory(slot, &output).unwrap_or_default()) {
                *sum += weight * part;
            }
        }
        state = if options.rectified { next.iter().map(|value| value.max(0.0)).collect() } else { next };
        shares.push(weights);
    }
    (parameters[&answers].iter().map(|row| dot(row, &state)).collect(), shares)
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).detach().reshape(-1)).unwrap()
}

fn named(store: &Parameters) -> BTreeMap<String, Vec<Vec<f64>>> {
    let rows = |tensor: &Tensor| numbers(tensor).chunks(SIZE as usize).map(<[f64]>::to_vec).collect();
    store.named().iter().map(|(name, tensor)| (name.clone(), rows(tensor))).collect()
}

fn assert_near(found: &Tensor, expected: &[f64], what: &str) {
    let found = numbers(found);
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{what}: {found}, expected {expected}");
    }
}

#[test]
fn the_model_is_that_of_the_paper() {
    for (name, options, reading) in variants() {
        let store = Parameters::double(3);
        let model = MemN2N::new(store.root(), &options);
        let read = model.read(&story(&STORIES), &padded(&QUESTIONS), reading);
        let logits = model.answer(&read.state);
        let parameters = named(&store);
        for (row, (sentences, question)) in STORIES.iter().zip(QUESTIONS).enumerate() {
            let (answer, shares) = by_hand(&parameters, &options, reading, sentences, question);
            assert_near(&logits.get(row as i64), &answer, name);
            assert_eq!(shares.len(), read.weights.len(), "{name}");
            for (weights, shares) in read.weights.iter().zip(&shares) {
                assert_near(&weights.get(row as i64), shares, name);
            }
        }
    }
}

#[test]
fn gradients_are_those_of_differences() {
    for (name, options, reading) in variants() {
        eprintln!("{name}");
        let store = Parameters::double(5);
        let model = MemN2N::new(store.root(), &options);
        let targets = Tensor::from_slice(&[5i64, 8, 4]);
        check_gradients(&store.named(), || {
            let read = model.read(&story(&STORIES), &padded(&QUESTIONS), reading);
            model.answer(&read.state).cross_entropy_loss::<Tensor>(&targets, None, tch::Reduction::Sum, -100, 0.1)
        });
    }
}

#[test]
fn weights_of_a_softmax_sum_to_one_with_those_of_empty_slots() {
    let model = MemN2N::new(Parameters::double(1).root(), &options(TableTying::Adjacent));
    let story = story(&STORIES);
    for weights in model.read(&story, &padded(&QUESTIONS), MemoryWeighting::Softmax).weights {
        let [full, one_empty, also_full] =
            <[f64; 3]>::try_from(numbers(&weights.sum_dim_intlist([1i64].as_slice(), false, Kind::Double))).unwrap();
        assert!(
            (full - 1.0).abs() < 1e-12 && (also_full - 1.0).abs() < 1e-12 && one_empty < 1.0 - 1e-4,
            "{full} {one_empty} {also_full}"
        );
        assert_eq!(numbers(&(weights * story.keep.logical_not())).iter().sum::<f64>(), 0.0);
    }
}

#[test]
fn a_story_of_nothing_leaves_the_question() {
    let model = MemN2N::new(Parameters::new(1, Device::Cpu).root(), &options(TableTying::Adjacent));
    let nothing = Story {
        sentences: Tensor::zeros([3, 2, 4], (Kind::Int64, Device::Cpu)),
        keep: Tensor::zeros([3, 2], (Kind::Bool, Device::Cpu)),
    };
    let read = model.read(&nothing, &padded(&QUESTIONS), MemoryWeighting::Softmax);
    let question = WordEncoding::Position.encode(&padded(&QUESTIONS), &model.question, SIZE);
    assert!(read.state.equal(&question));
}

#[test]
fn word_order_counts_for_positions_alone_and_sentence_order_for_distances_alone() {
    let original: Sentences = &[Some(&[4, 5, 6]), Some(&[7, 8])];
    let words_swapped: Sentences = &[Some(&[5, 4, 6]), Some(&[7, 8])];
    let sentences_swapped: Sentences = &[Some(&[7, 8]), Some(&[4, 5, 6])];
    for (encoding, temporal) in [
        (WordEncoding::BagOfWords, false),
        (WordEncoding::BagOfWords, true),
        (WordEncoding::Position, false),
        (WordEncoding::Position, true),
    ] {
        let options = MemN2NOptions { encoding, temporal, ..options(TableTying::Adjacent) };
        let model = MemN2N::new(Parameters::double(1).root(), &options);
        let state = |sentences| model.read(&story(&[sentences]), &padded(&[&[4, 7]]), MemoryWeighting::Softmax).state;
        let same = |other| state(original).allclose(&state(other), 1e-9, 1e-9, false);
        assert_eq!(same(words_swapped), encoding == WordEncoding::BagOfWords);
        assert_eq!(same(sentences_swapped), !temporal);
    }
}

#[test]
fn empty_memories_keep_sentences_in_order_and_stay_within_the_slots() {
    let long: Sentences = &[Some(&[4, 5]), Some(&[6]), Some(&[7, 8]), Some(&[5]), None];
    let short: Sentences = &[Some(&[8]), None, None, None, None];
    let story = story(&[long, short]);
    let (mut grown, mut distances) = (0, [0usize; 8]);
    for step in 0..400 {
        let pass = ForwardContext::training(7, step, 0);
        let noisy = story.with_empty_memories(0.25, 6, &pass);
        let again = story.with_empty_memories(0.25, 6, &ForwardContext::training(7, step, 0));
        assert!(noisy.sentences.equal(&again.sentences) && noisy.keep.equal(&again.keep), "a function of seed and step");
        for (row, expected) in [(0, &[vec![4, 5], vec![6, 0], vec![7, 8], vec![5, 0]][..]), (1, &[vec![8, 0]])] {
            let kept = numbers(&noisy.keep.get(row));
            let rows: Vec<Vec<i64>> =
                Vec::<i64>::try_from(noisy.sentences.get(row).reshape(-1)).unwrap().chunks(2).map(<[i64]>::to_vec).collect();
            let sentences: Vec<Vec<i64>> = rows.iter().filter(|ids| ids[0] != 0).cloned().collect();
            assert_eq!(sentences, expected);
            let slots = kept.iter().sum::<f64>() as usize;
            assert!(slots <= 6 && rows.iter().zip(&kept).all(|(ids, kept)| *kept == 1.0 || ids[0] == 0), "{kept:?}");
            if row == 0 {
                grown += slots - 4;
                let first = rows.iter().position(|ids| ids[0] != 0).unwrap() as i64;
                distances[noisy.distances().int64_value(&[0, first]) as usize] += 1;
            }
        }
    }
    // Of four sentences each is followed by one with probability a quarter, but no more than two fit: 0.96 on average.
    assert!((grown as f64 / 400.0 - 0.96).abs() < 0.12, "{grown}");
    assert!(distances[3..6].iter().all(|&count| count > 50) && distances.iter().sum::<usize>() == 400, "{distances:?}");
    assert!(story.with_empty_memories(0.25, 6, &ForwardContext::evaluation()).sentences.equal(&story.sentences));
}
