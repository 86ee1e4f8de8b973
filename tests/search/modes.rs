//! What holds in every way of searching.

use std::collections::BTreeSet;

use targum::recipe::{EarlyStopping, LengthLimit, LengthPenalty, SearchRecipe};
use targum::search::{Constraints, Hypothesis, PhraseConstraint, SearchOptions, search_with};

use targum::batch::Source;
use targum::kernels::LogitSummary;
use targum::model::{DecoderOutput, Decoding, NextTokenScores, OutputLayer, Seq2Seq, StepOutput, WithAttention};
use targum::nn::ForwardContext;
use targum::runtime::{Precision, with_precision_for_inference};
use tch::{Device, Kind, Tensor};

use super::{SOURCES, families, forced, found, sharp_of, sources};
use crate::models::recipes;

/// A way of searching, by name. All have a beam of 4 and 4 hypotheses.
fn modes() -> Vec<(&'static str, SearchOptions, Constraints)> {
    let base = SearchOptions {
        n_best: 4,
        attention: true,
        recipe: SearchRecipe { beam: 4, ..SearchRecipe::default() },
        ..SearchOptions::default()
    };

    let of = |name, options| (name, options, Constraints::default());
    let prefix = Constraints { prefix: vec![9, 4, 9], ..Constraints::default() };
    let phrase = |tokens: &[u32]| PhraseConstraint { tokens: tokens.to_vec(), not_before: None };
    let constraints = Constraints { phrases: vec![phrase(&[9, 10]), phrase(&[4])], ..Constraints::default() };
    let both = Constraints { prefix: vec![9, 4], phrases: vec![phrase(&[4, 11, 5])] };
    vec![
        of("beam", base.clone()),
        of("greedy", SearchOptions { n_best: 1, recipe: SearchRecipe { beam: 1, ..base.recipe.clone() }, ..base.clone() }),
        of(
            "sums",
            SearchOptions { recipe: SearchRecipe { length_penalty: LengthPenalty::None, ..base.recipe.clone() }, ..base.clone() },
        ),
        of(
            "wu, never",
            SearchOptions {
                recipe: SearchRecipe {
                    length_penalty: LengthPenalty::Wu { alpha: 1.0 },
                    early_stopping: EarlyStopping::Never,
                    ..base.recipe.clone()
                },
                ..base.clone()
            },
        ),
        of(
            "heuristic, patient",
            SearchOptions {
                recipe: SearchRecipe { early_stopping: EarlyStopping::Heuristic, patience: 1.5, ..base.recipe.clone() },
                ..base.clone()
            },
        ),
        of("coverage", SearchOptions { recipe: SearchRecipe { coverage_penalty: 0.4, ..base.recipe.clone() }, ..base.clone() }),
        of("no repeat", SearchOptions { recipe: SearchRecipe { no_repeat_ngram: 2, ..base.recipe.clone() }, ..base.clone() }),
        of(
            "repetition penalty",
            SearchOptions { recipe: SearchRecipe { repetition_penalty: 1.7, ..base.recipe.clone() }, ..base.clone() },
        ),
        of(
            "suppressed",
            SearchOptions { suppressed: vec![1, 6], suppressed_phrases: vec![vec![9, 9], vec![4, 5, 4]], ..base.clone() },
        ),
        of(
            "lengths",
            SearchOptions {
                length_limit: LengthLimit { ratio: 0.0, offset: 6 },
                recipe: SearchRecipe { minimum_length: 4, ..base.recipe.clone() },
                ..base.clone()
            },
        ),
        of(
            "diverse",
            SearchOptions {
                recipe: SearchRecipe { diversity_groups: 2, diversity_penalty: 2.0, ..base.recipe.clone() },
                ..base.clone()
            },
        ),
        of("samples", SearchOptions { recipe: SearchRecipe { sample: true, seed: 7, ..base.recipe.clone() }, ..base.clone() }),
        of(
            "narrow samples",
            SearchOptions {
                recipe: SearchRecipe {
                    sample: true,
                    seed: 7,
                    temperature: 0.7,
                    top_k: 5,
                    top_p: 0.8,
                    no_repeat_ngram: 3,
                    ..base.recipe.clone()
                },
                ..base.clone()
            },
        ),
        ("prefix", base.clone(), prefix.clone()),
        (
            "prefix, samples",
            SearchOptions { recipe: SearchRecipe { sample: true, seed: 7, top_p: 0.9, ..base.recipe.clone() }, ..base.clone() },
            prefix.clone(),
        ),
        (
            "prefix against the rules",
            SearchOptions {
                suppressed: vec![9],
                recipe: SearchRecipe { no_repeat_ngram: 1, ..base.recipe.clone() },
                ..base.clone()
            },
            prefix,
        ),
        ("constraints", base.clone(), constraints.clone()),
        (
            "constraints, greedy",
            SearchOptions { n_best: 1, recipe: SearchRecipe { beam: 1, ..base.recipe.clone() }, ..base.clone() },
            constraints.clone(),
        ),
        (
            "constraints, diverse",
            SearchOptions { recipe: SearchRecipe { diversity_groups: 2, ..base.recipe.clone() }, ..base.clone() },
            constraints,
        ),
        (
            "prefix and constraints",
            SearchOptions { recipe: SearchRecipe { no_repeat_ngram: 3, repetition_penalty: 1.2, ..base.recipe.clone() }, ..base },
            both,
        ),
    ]
}

/// Every family in every mode it can be searched in.
fn each(check: impl Fn(&str, &dyn targum::model::Seq2Seq, &SearchOptions, &Constraints)) {
    for (family, model) in families() {
        for (mode, mut options, constraints) in modes() {
            if !model.attends() {
                options.recipe.coverage_penalty = 0.0;
            }
            check(&format!("{family}, {mode}"), model.as_ref(), &options, &constraints);
        }
    }
}

fn repeats(tokens: &[u32], size: usize) -> bool {
    let mut seen = BTreeSet::new();
    tokens.windows(size).any(|window| !seen.insert(window))
}

fn holds(tokens: &[u32], phrase: &[u32]) -> bool {
    tokens.windows(phrase.len()).any(|window| window == phrase)
}

#[test]
fn a_source_gets_the_same_translation_whatever_its_neighbours() {
    each(|name, model, options, constraints| {
        let together = found(model, options, constraints);
        for (row, source) in SOURCES.iter().enumerate() {
            let alone = &search_with(&model.into(), &sources(&[source]), options, std::slice::from_ref(constraints))[0];
            assert_eq!(together[row].len(), alone.len(), "{name}");
            for (one, other) in together[row].iter().zip(alone) {
                assert_eq!(one.tokens, other.tokens, "{name}");
                assert!((one.score - other.score).abs() < 1e-4, "{name}");
            }
        }
    });
}

/// A model that gives logits with the plain summary, or log probabilities, where the other gives logits with a summary made on the way.
struct Bare<'a> {
    model: &'a dyn Seq2Seq,
    log_probabilities: bool,
}

struct BareDecoding<'a> {
    session: Box<dyn Decoding + 'a>,
    log_probabilities: bool,
}

impl Decoding for BareDecoding<'_> {
    fn step(&mut self, previous: &[u32], attention: WithAttention) -> StepOutput {
        let step = self.session.step(previous, attention);
        let logits = step.scores.tensor().shallow_clone();
        let scores = if self.log_probabilities {
            NextTokenScores::LogProbabilities(logits.log_softmax(-1, Kind::Float))
        } else {
            NextTokenScores::Logits { summary: LogitSummary::of(&logits), logits }
        };
        StepOutput { scores, ..step }
    }

    fn reorder(&mut self, hypotheses: &[usize]) {
        self.session.reorder(hypotheses);
    }

    fn retain(&mut self, sources: &[usize]) {
        self.session.retain(sources);
    }
}

impl Seq2Seq for Bare<'_> {
    fn start(&self, source: &Source) -> Box<dyn Decoding + '_> {
        Box::new(BareDecoding { session: self.model.start(source), log_probabilities: self.log_probabilities })
    }

    fn forward(&self, source: &Source, input: &Tensor, pass: &ForwardContext, attention: WithAttention) -> DecoderOutput {
        self.model.forward(source, input, pass, attention)
    }

    fn output(&self) -> OutputLayer<'_> {
        self.model.output()
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        self.model.parameters()
    }

    fn attends(&self) -> bool {
        self.model.attends()
    }
}

#[test]
fn half_precision_searches_nearly_the_same_model() {
    let forced_scores = |model: &dyn Seq2Seq, source: &[u32], hypothesis: &Hypothesis| -> f64 {
        let scored = &forced(model, source, &[hypothesis.tokens.as_slice()])[0];
        scored.log_probabilities.iter().take(hypothesis.log_probabilities.len()).map(|&p| f64::from(p)).sum()
    };
    for (family, model) in families() {
        for (mode, options, constraints) in modes().into_iter().filter(|(mode, ..)| ["beam", "greedy", "prefix"].contains(mode)) {
            let search = || found(model.as_ref(), &options, &constraints);
            let hypotheses = with_precision_for_inference(Precision::Bf16, Device::Cpu, search);
            // Sources end at different steps, and rows of those that are done are no one's.
            for (source, hypotheses) in SOURCES.iter().zip(hypotheses) {
                for hypothesis in hypotheses {
                    let sum: f64 = hypothesis.log_probabilities.iter().map(|&p| f64::from(p)).sum();
                    let exact = forced_scores(model.as_ref(), source, &hypothesis);
                    let off = (sum - exact).abs() / hypothesis.log_probabilities.len() as f64;
                    assert!(off < 0.1, "{family}, {mode}: {sum} and {exact}");
                }
            }
        }
    }
}

#[test]
fn what_models_find_out_about_their_scores_changes_nothing() {
    // More tokens than fit into a few blocks, so that the best are looked for block by block.
    const MANY: i64 = 1500;
    for (name, recipe) in recipes().into_iter().filter(|(name, _)| name == "bahdanau" || name == "transformer") {
        let model = sharp_of(&recipe, 3, MANY);
        let once = Source::new(&SOURCES[..1], Device::Cpu);
        let first = model.start(&once).step(&[2], WithAttention::No);
        let NextTokenScores::Logits { summary, .. } = first.scores else { panic!("{name}: no logits") };
        let in_blocks = summary.block_maxima.is_some();
        assert!(in_blocks || cfg!(not(all(target_os = "linux", target_arch = "x86_64"))), "{name}");
        let both =
            [true, false].into_iter().flat_map(|log_probabilities| modes().into_iter().zip(std::iter::repeat(log_probabilities)));
        // The repetition penalty is a rule on logits.
        for ((mode, options, constraints), log_probabilities) in
            both.filter(|((_, options, _), no)| !no || options.recipe.repetition_penalty == 1.0)
        {
            let bare = Bare { model: model.as_ref(), log_probabilities };
            let [with, without] = [model.as_ref(), &bare].map(|model| found(model, &options, &constraints));
            for (with, without) in with.iter().zip(&without) {
                assert_eq!(with.len(), without.len(), "{name}, {mode}");
                for (one, other) in with.iter().zip(without) {
                    assert_eq!(one.tokens, other.tokens, "{name}, {mode}");
                    assert!((one.score - other.score).abs() < 1e-4, "{name}, {mode}");
                    for (one, other) in one.log_probabilities.iter().zip(&other.log_probabilities) {
                        assert!((one - other).abs() < 1e-4, "{name}, {mode}: {one} {other}");
                    }
                }
            }
        }
    }
}

#[test]
fn neighbours_may_ask_for_different_things() {
    for (name, model) in families() {
        let options =
            SearchOptions { n_best: 2, recipe: SearchRecipe { beam: 4, ..SearchRecipe::default() }, ..SearchOptions::default() };
        let phrase = |tokens: &[u32]| PhraseConstraint { tokens: tokens.to_vec(), not_before: None };
        let constraints = [
            Constraints { prefix: vec![4, 5, 6], ..Constraints::default() },
            Constraints { phrases: vec![phrase(&[7, 8]), phrase(&[5])], ..Constraints::default() },
            Constraints::default(),
            Constraints { prefix: vec![9], phrases: vec![phrase(&[4])] },
        ];
        let together = search_with(&model.as_ref().into(), &sources(&SOURCES), &options, &constraints);
        for ((source, constraints), together) in SOURCES.iter().zip(constraints).zip(together) {
            let alone = &search_with(&model.as_ref().into(), &sources(&[source]), &options, &[constraints])[0];
            let tokens = |all: &[Hypothesis]| -> Vec<Vec<u32>> { all.iter().map(|h| h.tokens.clone()).collect() };
            assert_eq!(tokens(&together), tokens(alone), "{name}");
        }
    }
}

#[test]
fn scores_and_attention_are_those_of_forced_decoding() {
    each(|name, model, options, constraints| {
        for (row, hypotheses) in found(model, options, constraints).into_iter().enumerate() {
            for hypothesis in hypotheses {
                let forced = forced(model, SOURCES[row], &[&hypothesis.tokens]).remove(0);
                let count = hypothesis.log_probabilities.len();
                assert_eq!(count, hypothesis.tokens.len() + usize::from(hypothesis.finished), "{name}");
                for (found, forced) in hypothesis.log_probabilities.iter().zip(&forced.log_probabilities) {
                    assert!((found - forced).abs() < 1e-3, "{name}: {found} {forced}");
                }
                let sum: f64 = hypothesis.log_probabilities.iter().map(|&p| f64::from(p)).sum();
                if options.recipe.coverage_penalty == 0.0 && options.recipe.repetition_penalty == 1.0 {
                    let expected = options.recipe.length_penalty.normalise(sum, count);
                    assert!((hypothesis.score - expected).abs() < 1e-5, "{name}: {} {expected}", hypothesis.score);
                }
                assert_eq!(hypothesis.attention.is_some(), model.attends(), "{name}");
                if let (Some(found), Some(forced)) = (&hypothesis.attention, &forced.attention) {
                    assert_eq!((found.rows, found.columns), (count, SOURCES[row].len() + 1), "{name}");
                    assert_eq!((found.layers, found.heads), (forced.layers, forced.heads), "{name}");
                    for (layer, head) in (0..found.layers).flat_map(|layer| (0..found.heads).map(move |head| (layer, head))) {
                        for (a, b) in found.head(layer, head).iter().zip(forced.head(layer, head)) {
                            assert!((a - b).abs() < 1e-4, "{name}");
                        }
                        for row in found.head(layer, head).chunks(found.columns) {
                            let sum: f32 = row.iter().sum();
                            // Local-p's Gaussian takes some away.
                            let whole = name.contains("LocalP") || sum > 0.999;
                            assert!(whole && sum < 1.001, "{name}: {sum}");
                        }
                    }
                }
            }
        }
    });
}

#[test]
fn what_was_asked_for_holds() {
    each(|name, model, options, constraints| {
        for (source, hypotheses) in SOURCES.iter().zip(found(model, options, constraints)) {
            // Groups may find the same, and a phrase may leave few ways.
            let all = options.recipe.diversity_groups == 1 && constraints.phrases.is_empty();
            assert!(hypotheses.len() == options.n_best || (!all && !hypotheses.is_empty()), "{name}: {}", hypotheses.len());
            let limit = options.maximum_length(source.len());
            for Hypothesis { tokens, finished, unmet, .. } in &hypotheses {
                let length = tokens.len() + usize::from(*finished);
                assert!(tokens.len() >= options.recipe.minimum_length && length <= limit, "{name}: {tokens:?}");
                assert!(*finished || length == limit, "{name}: {tokens:?}");
                assert!(tokens.iter().all(|token| ![0, 2, 3].contains(token)), "{name}: {tokens:?}");
                assert!(tokens.starts_with(&constraints.prefix), "{name}: {tokens:?}");
                let own = &tokens[constraints.prefix.len()..];
                assert!(!own.iter().any(|token| options.suppressed.contains(token)), "{name}: {tokens:?}");
                assert!(!options.suppressed_phrases.iter().any(|phrase| holds(tokens, phrase)), "{name}: {tokens:?}");
                assert!(
                    options.recipe.no_repeat_ngram == 0 || !repeats(own, options.recipe.no_repeat_ngram),
                    "{name}: {tokens:?}"
                );
                let lacking: Vec<usize> =
                    (0..constraints.phrases.len()).filter(|&index| !holds(tokens, &constraints.phrases[index].tokens)).collect();
                assert_eq!(unmet, &lacking, "{name}: {tokens:?}");
                assert!(!finished || unmet.is_empty(), "{name}: {tokens:?}");
            }
            if !options.recipe.sample {
                let distinct: BTreeSet<_> = hypotheses.iter().map(|h| (&h.tokens, h.finished)).collect();
                assert_eq!(distinct.len(), hypotheses.len(), "{name}: n-best has no doubles");
                let finished: Vec<_> = hypotheses.iter().filter(|h| h.finished).collect();
                assert!(finished.is_sorted_by(|a, b| a.score >= b.score), "{name}: best first");
            }
        }
    });
}

#[test]
fn the_first_does_not_depend_on_how_many_are_asked_for() {
    each(|name, model, options, constraints| {
        let one = found(model, &SearchOptions { n_best: 1, ..options.clone() }, constraints);
        let several = found(model, options, constraints);
        assert!(one.iter().zip(&several).all(|(one, several)| one[0].tokens == several[0].tokens), "{name}");
    });
}

#[test]
fn the_repetition_penalty_makes_fewer_repetitions() {
    let repetitions = |repetition_penalty| -> usize {
        let options = SearchOptions::of(SearchRecipe { repetition_penalty, ..SearchRecipe::default() });
        let of_family = |model: &dyn targum::model::Seq2Seq| -> usize {
            let found = found(model, &options, &Constraints::default());
            found.iter().map(|all| all[0].tokens.len() - all[0].tokens.iter().collect::<BTreeSet<_>>().len()).sum()
        };
        families().iter().map(|(_, model)| of_family(model.as_ref())).sum()
    };
    let (free, light, heavy) = (repetitions(1.0), repetitions(1.2), repetitions(5.0));
    assert!(free > light && light > heavy, "{free} {light} {heavy}");
}
