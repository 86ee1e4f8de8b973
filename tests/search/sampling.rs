//! Sampling: what is drawn is what the model's distribution says.

use std::collections::BTreeMap;

use targum::recipe::{LengthLimit, SearchRecipe};
use targum::search::{Constraints, SearchOptions, search};

use super::{SOURCES, families, forced, found, producible, sources};

fn sampling(temperature: f64, top_k: usize, top_p: f64) -> SearchRecipe {
    SearchRecipe { sample: true, temperature, top_k, top_p, seed: 1, ..SearchRecipe::default() }
}

#[test]
fn the_likeliest_token_alone_is_greedy_search() {
    for (name, model) in families() {
        let greedy = found(model.as_ref(), &SearchOptions::greedy(), &Constraints::default());
        let narrow = SearchOptions { n_best: 2, recipe: sampling(1.0, 1, 1.0), ..SearchOptions::default() };
        let nucleus = SearchOptions { n_best: 2, recipe: sampling(1.0, 0, 1e-9), ..SearchOptions::default() };
        let cold = SearchOptions { n_best: 2, recipe: sampling(1e-6, 0, 1.0), ..SearchOptions::default() };
        for options in [narrow, nucleus, cold] {
            for (greedy, drawn) in greedy.iter().zip(found(model.as_ref(), &options, &Constraints::default())) {
                assert!(drawn.iter().all(|drawn| drawn.tokens == greedy[0].tokens), "{name}, {:?}", options.recipe);
            }
        }
    }
}

#[test]
fn tokens_are_as_frequent_as_they_are_probable() {
    let (count, source) = (4000, SOURCES[0]);
    for (name, model) in families().into_iter().take(2) {
        // Of each first token, the end among them.
        let mut probabilities: BTreeMap<Option<u32>, f64> = BTreeMap::new();
        let firsts: Vec<Vec<u32>> = producible().into_iter().map(|token| vec![token]).collect();
        for (first, scored) in firsts.iter().zip(forced(model.as_ref(), source, &firsts)) {
            probabilities.insert(Some(first[0]), f64::from(scored.log_probabilities[0]).exp());
        }
        let end = forced(model.as_ref(), source, &[&[][..]])[0].log_probabilities[0];
        probabilities.insert(None, f64::from(end).exp());
        let mut falling: Vec<f64> = probabilities.values().copied().collect();
        falling.sort_by(|a, b| b.total_cmp(a));
        // PAD and BOS are never produced: the nucleus is one of what is left.
        for (temperature, top_k, top_p) in [(1.0, 0, 1.0), (0.5, 0, 1.0), (1.5, 6, 1.0), (1.0, 0, 0.6)] {
            let tempered: Vec<f64> = falling.iter().map(|p| p.powf(1.0 / temperature)).collect();
            let whole: f64 = tempered.iter().sum();
            let mut reached = 0.0;
            let nucleus = tempered.iter().take_while(|p| {
                let inside = reached < top_p * whole;
                reached += **p;
                inside
            });
            let kept = nucleus.count().min(if top_k == 0 { usize::MAX } else { top_k });
            let least = falling[kept - 1];
            let weight = |p: f64| if p >= least { p.powf(1.0 / temperature) } else { 0.0 };
            let all: f64 = falling.iter().map(|&p| weight(p)).sum();
            let options = SearchOptions {
                n_best: count,
                length_limit: LengthLimit { ratio: 0.0, offset: 1 },
                recipe: sampling(temperature, top_k, top_p),
                ..SearchOptions::default()
            };
            let mut drawn: BTreeMap<Option<u32>, usize> = BTreeMap::new();
            for hypothesis in search(model.as_ref(), &sources(&[source]), &options).remove(0) {
                *drawn.entry(hypothesis.tokens.first().copied()).or_default() += 1;
            }
            for (token, &probability) in &probabilities {
                let expected = weight(probability) / all;
                let frequency = drawn.get(token).copied().unwrap_or(0) as f64 / count as f64;
                // Five standard deviations.
                let room = 5.0 * (expected * (1.0 - expected) / count as f64).sqrt();
                assert!((frequency - expected).abs() <= room, "{name}, {:?}, {token:?}: {frequency} {expected}", options.recipe);
            }
        }
    }
}

#[test]
fn a_seed_says_it_all() {
    let (_, model) = families().remove(1);
    let drawn = |seed, n_best| -> Vec<Vec<Vec<u32>>> {
        let options =
            SearchOptions { n_best, recipe: SearchRecipe { seed, ..sampling(1.0, 0, 1.0) }, ..SearchOptions::default() };
        let all = found(model.as_ref(), &options, &Constraints::default());
        all.into_iter().map(|hypotheses| hypotheses.into_iter().map(|h| h.tokens).collect()).collect()
    };
    assert_eq!(drawn(1, 3), drawn(1, 3));
    assert_ne!(drawn(1, 3), drawn(2, 3));
    for (three, five) in drawn(1, 3).iter().zip(drawn(1, 5)) {
        assert_eq!(three[..], five[..3], "a sample does not depend on how many there are");
        assert!(five.iter().any(|other| *other != five[0]), "samples differ");
    }
}
