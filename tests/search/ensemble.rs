//! Several models as one.

use targum::batch::{Source, Target};
use targum::model::{Seq2Seq, WithAttention};
use targum::recipe::SearchRecipe;
use targum::search::{Constraints, Ensemble, SearchOptions, search_with};
use tch::Device;

use super::{SOURCES, families, forced, found, sharp, sources};
use crate::models::recipes;

fn bahdanau(seed: u64) -> Box<dyn Seq2Seq> {
    let (_, recipe) = recipes().into_iter().find(|(name, _)| name == "bahdanau").unwrap();
    sharp(&recipe, seed)
}

#[test]
fn a_model_with_itself_is_itself() {
    for (name, model) in families() {
        let options = SearchOptions {
            n_best: 3,
            attention: true,
            recipe: SearchRecipe { beam: 3, ..SearchRecipe::default() },
            ..SearchOptions::default()
        };
        let twice = Ensemble::new(model.as_ref(), [model.as_ref()]);
        let together = search_with(&twice, &sources(&SOURCES), &options, &vec![Constraints::default(); SOURCES.len()]);
        for (one, two) in found(model.as_ref(), &options, &Constraints::default()).iter().flatten().zip(together.iter().flatten())
        {
            assert_eq!(one.tokens, two.tokens, "{name}");
            assert!((one.score - two.score).abs() < 1e-4, "{name}");
            assert_eq!(one.attention.is_some(), two.attention.is_some(), "{name}");
            if let (Some(one), Some(two)) = (&one.attention, &two.attention) {
                assert!(one.weights.iter().zip(&two.weights).all(|(a, b)| (a - b).abs() < 1e-5), "{name}");
            }
        }
    }
}

#[test]
fn probabilities_and_attention_are_means() {
    let models = [bahdanau(3), bahdanau(4), bahdanau(5)];
    let ensemble = Ensemble::new(models[0].as_ref(), models[1..].iter().map(|model| model.as_ref()));
    let options = SearchOptions {
        n_best: 4,
        attention: true,
        recipe: SearchRecipe { beam: 4, ..SearchRecipe::default() },
        ..SearchOptions::default()
    };
    let together = search_with(&ensemble, &sources(&SOURCES), &options, &vec![Constraints::default(); SOURCES.len()]);
    for (source, hypotheses) in SOURCES.iter().zip(together) {
        for hypothesis in hypotheses {
            let apart: Vec<_> =
                models.iter().map(|model| forced(model.as_ref(), source, &[&hypothesis.tokens]).remove(0)).collect();
            for (place, found) in hypothesis.log_probabilities.iter().enumerate() {
                let mean: f64 = apart.iter().map(|scored| f64::from(scored.log_probabilities[place]).exp()).sum::<f64>() / 3.0;
                assert!((f64::from(*found) - mean.ln()).abs() < 1e-3, "{found} {}", mean.ln());
            }
            let found = hypothesis.attention.as_ref().unwrap();
            for (place, weight) in found.weights.iter().enumerate() {
                let mean: f32 = apart.iter().map(|scored| scored.attention.as_ref().unwrap().weights[place]).sum::<f32>() / 3.0;
                assert!((weight - mean).abs() < 1e-4);
            }
        }
    }
}

#[test]
fn who_does_not_attend_leaves_attention_to_the_others() {
    let families = families();
    let plain = &families.iter().find(|(name, _)| name == "none").unwrap().1;
    let attends = bahdanau(3);
    let ensemble = Ensemble::new(plain.as_ref(), [attends.as_ref()]);
    assert!(ensemble.attends());
    let target: [&[u32]; 1] = [&[5, 6]];
    let (source, target) = (Source::new(&SOURCES[..1], Device::Cpu), Target::new(&target, Device::Cpu));
    let scored = ensemble.score(&source, &target, WithAttention::Yes).remove(0);
    let alone = forced(attends.as_ref(), SOURCES[0], &[[5u32, 6]]).remove(0);
    assert_eq!(scored.attention, alone.attention);
    assert!(ensemble.score(&source, &target, WithAttention::No)[0].attention.is_none());
}
