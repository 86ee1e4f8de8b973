//! Properties of search, for every family of model.

use targum::batch::{Source, Target};
use targum::model::Seq2Seq;
use targum::search::{LengthPenalty, SearchOptions, score_pairs, search};
use tch::Device;

use crate::models::{VOCABULARY, model, recipes};

/// One of each family.
fn families() -> Vec<(String, Box<dyn Seq2Seq>)> {
    let wanted = [
        "none",
        "bahdanau",
        "bahdanau coverage tied",
        "luong General Global feeding true",
        "luong Dot LocalP feeding false",
        "transformer",
        "modern",
    ];
    let mut families: Vec<(String, Box<dyn Seq2Seq>)> = Vec::new();
    for (name, recipe) in recipes() {
        if wanted.contains(&name.as_str()) && !families.iter().any(|(taken, _)| *taken == name) {
            families.push((name, model(&recipe)));
        }
    }
    assert_eq!(families.len(), wanted.len());
    // Starting weights make nearly even distributions; wider ones give search something to choose.
    for (_, model) in &families {
        for (_, mut tensor) in model.parameters() {
            tch::no_grad(|| tensor *= 6.0);
        }
    }
    families
}

const SOURCES: [&[u32]; 4] = [&[5, 6, 7], &[8, 9, 10, 11, 12, 13], &[14], &[22, 21, 20, 19, 18]];

fn sources(rows: &[&[u32]]) -> Source {
    Source::new(rows, Device::Cpu)
}

#[test]
fn a_beam_of_one_is_greedy() {
    for (name, model) in families() {
        let options = SearchOptions { attention: true, ..SearchOptions::greedy() };
        for (found, source) in search(model.as_ref(), &sources(&SOURCES), &options).iter().zip(SOURCES) {
            // Greedy by hand: the likeliest token after each forced prefix.
            let producible: Vec<u32> = (1..VOCABULARY as u32).filter(|&token| token != 2 && token != 3).collect();
            let mut tokens: Vec<u32> = Vec::new();
            while tokens.len() < options.maximum_length(source.len()) {
                let longer: Vec<Vec<u32>> =
                    producible.iter().map(|&token| tokens.iter().copied().chain([token]).collect()).collect();
                let rows = vec![source; longer.len()];
                let scored = score_pairs(model.as_ref(), &sources(&rows), &Target::new(&longer, Device::Cpu));
                let whole = score_pairs(model.as_ref(), &sources(&[source]), &Target::new(&[&tokens], Device::Cpu));
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
fn a_source_gets_the_same_translation_whatever_its_neighbours() {
    for (name, model) in families() {
        for beam in [1, 4] {
            let options = SearchOptions { beam, n_best: beam, attention: true, ..SearchOptions::default() };
            let together = search(model.as_ref(), &sources(&SOURCES), &options);
            for (row, source) in SOURCES.iter().enumerate() {
                let alone = &search(model.as_ref(), &sources(&[source]), &options)[0];
                assert_eq!(together[row].len(), alone.len(), "{name}");
                for (one, other) in together[row].iter().zip(alone) {
                    assert_eq!(one.tokens, other.tokens, "{name}, beam {beam}");
                    assert!((one.score - other.score).abs() < 1e-4, "{name}, beam {beam}");
                }
            }
        }
    }
}

#[test]
fn scores_and_attention_are_those_of_forced_decoding() {
    for (name, model) in families() {
        let options = SearchOptions { beam: 3, n_best: 3, attention: true, maximum_length_offset: 4, ..SearchOptions::default() };
        for (row, hypotheses) in search(model.as_ref(), &sources(&SOURCES), &options).into_iter().enumerate() {
            for hypothesis in hypotheses {
                let target = Target::new(&[&hypothesis.tokens], Device::Cpu);
                let forced = score_pairs(model.as_ref(), &sources(&[SOURCES[row]]), &target).remove(0);
                let count = hypothesis.log_probabilities.len();
                assert_eq!(count, hypothesis.tokens.len() + usize::from(hypothesis.finished), "{name}");
                for (found, forced) in hypothesis.log_probabilities.iter().zip(&forced.log_probabilities) {
                    assert!((found - forced).abs() < 1e-3, "{name}: {found} {forced}");
                }
                let sum: f64 = hypothesis.log_probabilities.iter().map(|&p| f64::from(p)).sum();
                assert!((hypothesis.score - sum / count as f64).abs() < 1e-6, "{name}");
                assert_eq!(hypothesis.attention.is_some(), model.attends(), "{name}");
                if let (Some(found), Some(forced)) = (&hypothesis.attention, &forced.attention) {
                    assert_eq!((found.rows, found.columns), (count, SOURCES[row].len() + 1), "{name}");
                    for (a, b) in found.head(0, 0).iter().zip(forced.head(0, 0)) {
                        assert!((a - b).abs() < 1e-4, "{name}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_wide_beam_over_short_outputs_is_exhaustive() {
    // Two tokens at most, of nineteen that may be produced, and no pruning: every sequence is looked at.
    for (name, model) in families() {
        let options = SearchOptions {
            beam: 500,
            n_best: 1,
            maximum_length_ratio: 0.0,
            maximum_length_offset: 2,
            length_penalty: LengthPenalty::None,
            ..SearchOptions::default()
        };
        let source = &[7u32, 8];
        let found = search(model.as_ref(), &sources(&[source]), &options).remove(0).remove(0);
        assert!(found.finished, "{name}");
        let producible: Vec<u32> = (1..VOCABULARY as u32).filter(|&token| token != 2 && token != 3).collect();
        // A hypothesis that ends has at most one token before its end: the limit counts the end too.
        let all: Vec<Vec<u32>> = [vec![]].into_iter().chain(producible.iter().map(|&token| vec![token])).collect();
        let rows: Vec<&[u32]> = vec![source; all.len()];
        let scored = score_pairs(model.as_ref(), &sources(&rows), &Target::new(&all, Device::Cpu));
        let best = scored.iter().map(|s| s.log_probabilities.iter().map(|&p| f64::from(p)).sum::<f64>()).fold(f64::MIN, f64::max);
        assert!((found.score - best).abs() < 1e-4, "{name}: {} {best}", found.score);
    }
}

#[test]
fn lengths_n_best_and_forbidden_tokens_are_kept_to() {
    for (name, model) in families() {
        let options = SearchOptions {
            beam: 4,
            n_best: 4,
            minimum_length: 3,
            maximum_length_ratio: 0.0,
            maximum_length_offset: 5,
            suppressed: vec![1, 6],
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
        let options = SearchOptions { beam: 60, n_best: 5, ..SearchOptions::default() };
        let found = search(model.as_ref(), &sources(&SOURCES), &options);
        assert!(found.iter().all(|hypotheses| hypotheses.len() == 5));
    }
}

#[test]
fn the_coverage_penalty_prefers_sources_read_to_the_end() {
    let families = families();
    let (_, model) = families.iter().find(|(name, _)| name == "bahdanau").unwrap();
    let coverage = |weight: f64| {
        let options = SearchOptions { beam: 4, attention: true, coverage_penalty: weight, ..SearchOptions::default() };
        let found = search(model.as_ref(), &sources(&SOURCES), &options);
        let covered = |hypothesis: &targum::search::Hypothesis| {
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
