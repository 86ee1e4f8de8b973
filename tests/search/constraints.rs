//! Forced phrases: against looking at everything, and where they cannot be met.

use std::collections::HashSet;
use std::sync::Arc;

use targum::recipe::{EarlyStopping, LengthLimit, SearchRecipe};
use targum::search::{Constraints, PhraseConstraint, SearchOptions, search_with};

use super::{FEW, all_but, families, forced, found, producible, sequences, sources, sum};

fn constraints(phrases: &[&[u32]]) -> Constraints {
    let constraints = phrases.iter().map(|tokens| PhraseConstraint { tokens: tokens.to_vec(), not_before: None });
    Constraints { prefix: Vec::new(), phrases: constraints.collect() }
}

#[test]
fn a_wide_beam_finds_the_best_that_holds_the_phrase() {
    let mut all = sequences(&FEW, 3);
    all.retain(|tokens| tokens.windows(2).any(|part| part == [9, 10]));
    let source = &[7u32, 8];
    for (name, model) in families() {
        // Three banks share the beam, and each has room for all that is possible.
        let options = SearchOptions {
            n_best: all.len(),
            suppressed: all_but(&FEW),
            length_limit: LengthLimit { ratio: 0.0, offset: 4 },
            recipe: SearchRecipe { beam: 2400, early_stopping: EarlyStopping::First, ..SearchRecipe::default() },
            ..SearchOptions::default()
        };
        let constraints = constraints(&[&[9, 10]]);
        let found = search_with(&model.as_ref().into(), &sources(&[source]), &options, &[constraints]).remove(0);
        let scored = forced(model.as_ref(), source, &all);
        let mut scores: Vec<f64> = scored.iter().map(|s| sum(s) / s.log_probabilities.len() as f64).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        assert_eq!(found.len(), all.len(), "{name}");
        for (hypothesis, score) in found.iter().zip(scores) {
            assert!(hypothesis.finished && (hypothesis.score - score).abs() < 1e-4, "{name}: {:?}", hypothesis.tokens);
        }
    }
}

#[test]
fn many_phrases_fit_into_any_beam() {
    for (name, model) in families() {
        let phrases: [&[u32]; 4] = [&[9, 10], &[4], &[5, 5, 6], &[10, 9]];
        for beam in [1, 2, 5, 12] {
            let options = SearchOptions {
                length_limit: LengthLimit { offset: 20, ..LengthLimit::default() },
                recipe: SearchRecipe { beam, ..SearchRecipe::default() },
                ..SearchOptions::default()
            };
            for hypotheses in found(model.as_ref(), &options, &constraints(&phrases)) {
                assert_eq!(hypotheses[0].unmet, [0usize; 0], "{name}, {beam}: {:?}", hypotheses[0].tokens);
                assert!(phrases.iter().all(|phrase| hypotheses[0].tokens.windows(phrase.len()).any(|part| part == *phrase)));
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_named() {
    for (name, model) in families() {
        let options = SearchOptions { length_limit: LengthLimit { ratio: 0.0, offset: 3 }, ..SearchOptions::default() };
        for hypotheses in found(model.as_ref(), &options, &constraints(&[&[9], &[4, 5, 6, 7]])) {
            assert!(!hypotheses[0].finished, "{name}");
            assert!(hypotheses[0].unmet.contains(&1), "{name}: {:?}", hypotheses[0].tokens);
        }
        // A phrase that another rule forbids is lacking, and nothing else goes wrong.
        let options = SearchOptions { suppressed: vec![9], ..SearchOptions::default() };
        for hypotheses in found(model.as_ref(), &options, &constraints(&[&[9], &[4]])) {
            assert_eq!(hypotheses[0].unmet, [0], "{name}");
        }
    }
}

#[test]
fn a_word_that_goes_on_does_not_count() {
    let not_before: HashSet<u32> = producible().into_iter().filter(|&token| token > 11).collect();
    for (name, model) in families() {
        let constraint = PhraseConstraint { tokens: vec![9, 10], not_before: Some(Arc::new(not_before.clone())) };
        let constraints = Constraints { prefix: Vec::new(), phrases: vec![constraint] };
        for hypotheses in found(model.as_ref(), &SearchOptions::default(), &constraints) {
            let tokens = &hypotheses[0].tokens;
            let ends = (0..tokens.len().saturating_sub(1)).filter(|&at| tokens[at..].starts_with(&[9, 10])).map(|at| at + 2);
            let whole = ends.clone().any(|end| tokens.get(end).is_none_or(|next| !not_before.contains(next)));
            assert!(whole && hypotheses[0].unmet.is_empty(), "{name}: {tokens:?}");
        }
    }
}
