//! Beam search: against greedy search by hand, and against looking at everything.

use targum::recipe::{EarlyStopping, LengthLimit, LengthPenalty, SearchRecipe};
use targum::search::{Constraints, Hypothesis, SearchOptions, search};

use super::{FEW, SOURCES, all_but, families, forced, found, producible, sequences, sources, sum};

#[test]
fn a_beam_of_one_is_greedy() {
    for (name, model) in families() {
        let options = SearchOptions { attention: true, ..SearchOptions::greedy() };
        for (found, source) in search(model.as_ref(), &sources(&SOURCES), &options).iter().zip(SOURCES) {
            // Greedy by hand: the likeliest token after each forced prefix.
            let producible = producible();
            let mut tokens: Vec<u32> = Vec::new();
            while tokens.len() < options.maximum_length(source.len()) {
                let longer: Vec<Vec<u32>> =
                    producible.iter().map(|&token| tokens.iter().copied().chain([token]).collect()).collect();
                let scored = forced(model.as_ref(), source, &longer);
                let whole = forced(model.as_ref(), source, &[&tokens]);
                let end = (3, *whole[0].log_probabilities.last().unwrap());
                let next = producible.iter().zip(&scored).map(|(&token, scored)| (token, scored.log_probabilities[tokens.len()]));
                let (best, _) = next.chain([end]).max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
                if best == 3 {
                    break;
                }
                tokens.push(best);
            }
            assert_eq!(found[0].tokens, tokens, "{name}");
        }
    }
}

#[test]
fn a_wide_beam_over_short_outputs_is_exhaustive() {
    // Three tokens at most of five, and the end, and no pruning: every sequence is looked at.
    let all = sequences(&FEW, 3);
    let source = &[7u32, 8];
    for (name, model) in families() {
        let scored = forced(model.as_ref(), source, &all);
        for length_penalty in [LengthPenalty::None, LengthPenalty::Plain { alpha: 1.0 }, LengthPenalty::Wu { alpha: 0.6 }] {
            let options = SearchOptions {
                n_best: all.len(),
                suppressed: all_but(&FEW),
                length_limit: LengthLimit { ratio: 0.0, offset: 4 },
                recipe: SearchRecipe {
                    beam: 800,
                    length_penalty,
                    early_stopping: EarlyStopping::Never,
                    ..SearchRecipe::default()
                },
                ..SearchOptions::default()
            };
            let found = search(model.as_ref(), &sources(&[source]), &options).remove(0);
            let mut scores: Vec<f64> =
                scored.iter().map(|s| length_penalty.normalise(sum(s), s.log_probabilities.len())).collect();
            scores.sort_by(|a, b| b.total_cmp(a));
            assert_eq!(found.len(), all.len(), "{name}");
            for (place, (hypothesis, score)) in found.iter().zip(&scores).enumerate() {
                assert!(hypothesis.finished, "{name}");
                assert!(
                    (hypothesis.score - score).abs() < 1e-4,
                    "{name}, {length_penalty:?}, {place}: {} {score}",
                    hypothesis.score
                );
            }
        }
    }
}

#[test]
fn lengths_n_best_and_forbidden_tokens_are_kept_to() {
    for (name, model) in families() {
        let options = SearchOptions {
            n_best: 4,
            suppressed: vec![1, 6],
            length_limit: LengthLimit { ratio: 0.0, offset: 5 },
            recipe: SearchRecipe { beam: 4, minimum_length: 3, ..SearchRecipe::default() },
            ..SearchOptions::default()
        };
        for hypotheses in search(model.as_ref(), &sources(&SOURCES), &options) {
            assert_eq!(hypotheses.len(), 4, "{name}");
            let distinct: std::collections::BTreeSet<_> = hypotheses.iter().map(|h| (&h.tokens, h.finished)).collect();
            assert_eq!(distinct.len(), 4, "{name}: n-best has no doubles");
            let finished: Vec<_> = hypotheses.iter().filter(|h| h.finished).collect();
            assert!(finished.is_sorted_by(|a, b| a.score >= b.score), "{name}: best first");
            for hypothesis in &hypotheses {
                assert!((3..=5).contains(&hypothesis.tokens.len()), "{name}: {:?}", hypothesis.tokens);
                assert!(
                    hypothesis.tokens.iter().all(|token| ![0, 1, 2, 3, 6].contains(token)),
                    "{name}: {:?}",
                    hypothesis.tokens
                );
            }
        }
        // The 1-best does not depend on how many are asked for.
        let one = search(model.as_ref(), &sources(&SOURCES), &SearchOptions { n_best: 1, ..options.clone() });
        let four = search(model.as_ref(), &sources(&SOURCES), &options);
        assert!(one.iter().zip(&four).all(|(one, four)| one[0].tokens == four[0].tokens), "{name}");
    }
}

#[test]
fn a_beam_wider_than_the_vocabulary_is_no_trouble() {
    for (_, model) in families() {
        let options =
            SearchOptions { n_best: 5, recipe: SearchRecipe { beam: 60, ..SearchRecipe::default() }, ..SearchOptions::default() };
        let found = search(model.as_ref(), &sources(&SOURCES), &options);
        assert!(found.iter().all(|hypotheses| hypotheses.len() == 5));
    }
}

#[test]
fn the_coverage_penalty_prefers_sources_read_to_the_end() {
    let families = families();
    let (_, model) = families.iter().find(|(name, _)| name == "bahdanau").unwrap();
    let coverage = |weight: f64| {
        let options = SearchOptions {
            attention: true,
            recipe: SearchRecipe { beam: 4, coverage_penalty: weight, ..SearchRecipe::default() },
            ..SearchOptions::default()
        };
        let found = search(model.as_ref(), &sources(&SOURCES), &options);
        let covered = |hypothesis: &Hypothesis| {
            let attention = hypothesis.attention.as_ref().unwrap();
            let mean = attention.mean();
            (0..attention.columns)
                .map(|column| {
                    (0..attention.rows).map(|row| mean[row * attention.columns + column]).sum::<f32>().clamp(1e-6, 1.0).ln()
                })
                .sum::<f32>()
        };
        found.iter().map(|hypotheses| covered(&hypotheses[0])).sum::<f32>()
    };
    assert!(coverage(10.0) >= coverage(0.0));
}

#[test]
fn who_waits_longer_finds_no_worse() {
    for (name, model) in families() {
        let best = |early_stopping, patience| -> Vec<(f64, bool)> {
            let options = SearchOptions::of(SearchRecipe { beam: 3, early_stopping, patience, ..SearchRecipe::default() });
            let found = found(model.as_ref(), &options, &Constraints::default());
            found.iter().map(|hypotheses| (hypotheses[0].score, hypotheses[0].finished)).collect()
        };
        let order = [
            best(EarlyStopping::First, 1.0),
            best(EarlyStopping::Heuristic, 1.0),
            best(EarlyStopping::Never, 1.0),
            best(EarlyStopping::Never, 4.0),
        ];
        let patient = [best(EarlyStopping::First, 1.0), best(EarlyStopping::First, 1.5), best(EarlyStopping::First, 4.0)];
        for pair in order.windows(2).chain(patient.windows(2)) {
            for (&(less, less_finished), &(more, more_finished)) in pair[0].iter().zip(&pair[1]) {
                assert!(!less_finished || (more_finished && more >= less - 1e-5), "{name}: {less} {more}");
            }
        }
    }
}

#[test]
fn waiting_to_the_end_finds_what_was_missed() {
    // Where the mean counts, somewhere a longer hypothesis beats those that ended first; else the policies would be one.
    let means = |early_stopping| -> f64 {
        let families = families();
        let of_family = |model: &dyn targum::model::Seq2Seq| -> f64 {
            let options = SearchOptions::of(SearchRecipe { beam: 2, early_stopping, ..SearchRecipe::default() });
            found(model, &options, &Constraints::default()).iter().map(|hypotheses| hypotheses[0].score).sum()
        };
        families.iter().map(|(_, model)| of_family(model.as_ref())).sum()
    };
    assert!(means(EarlyStopping::Never) > means(EarlyStopping::First) + 1e-3);
}

#[test]
fn groups_without_a_penalty_are_narrow_beams_and_with_one_they_part() {
    for (name, model) in families() {
        let options = SearchOptions {
            n_best: 6,
            recipe: SearchRecipe { beam: 6, diversity_groups: 3, ..SearchRecipe::default() },
            ..SearchOptions::default()
        };
        let free = found(
            model.as_ref(),
            &SearchOptions { recipe: SearchRecipe { diversity_penalty: 0.0, ..options.recipe.clone() }, ..options.clone() },
            &Constraints::default(),
        );
        let narrow =
            SearchOptions { n_best: 2, recipe: SearchRecipe { beam: 2, ..SearchRecipe::default() }, ..SearchOptions::default() };
        for (free, narrow) in free.iter().zip(found(model.as_ref(), &narrow, &Constraints::default())) {
            let tokens = |all: &[Hypothesis]| -> Vec<Vec<u32>> { all.iter().map(|h| h.tokens.clone()).collect() };
            assert_eq!(tokens(&free[..2]), tokens(&narrow), "{name}");
        }
        let apart = SearchOptions {
            n_best: 4,
            recipe: SearchRecipe { beam: 4, diversity_groups: 4, diversity_penalty: 1e6, ..SearchRecipe::default() },
            ..SearchOptions::default()
        };
        for hypotheses in found(model.as_ref(), &apart, &Constraints::default()) {
            let first: std::collections::BTreeSet<Option<&u32>> = hypotheses.iter().map(|h| h.tokens.first()).collect();
            assert_eq!(first.len(), 4, "{name}: each group begins in its own way");
        }
    }
}
