//! When a beam stops: what the default policy never loses, on models that are nothing but a table.

use targum::recipe::{EarlyStopping, LengthLimit, LengthPenalty, SearchRecipe};
use targum::search::{Hypothesis, SearchOptions, search};
use tch::{Kind, Tensor};

use super::reference::Table;
use super::sources;

const EOS: usize = 3;

/// Logits [V, V] of the next token after each token, for the source of one token, 4.
fn table(after: Tensor) -> Table {
    let vocabulary = after.size()[1];
    let of_source = Tensor::zeros([1, vocabulary], (Kind::Float, tch::Device::Cpu));
    Table { after: after.into(), of_source: of_source.into(), first_source: 4, hurry: 0.0 }
}

fn best(model: &Table, options: &SearchOptions) -> Hypothesis {
    search(model, &sources(&[&[4]]), options).remove(0).remove(0)
}

/// 2 → 5 → 6 → the end, each all but certain, and an early end a thousand times less so.
fn nearly_certain() -> Table {
    let mut rows = vec![[-50f32; 8]; 8];
    for (from, to) in [(2, 5), (5, 6), (6, EOS)] {
        (rows[from][to], rows[from][EOS]) = (0.0, if to == EOS { 0.0 } else { -7.0 });
    }
    table(Tensor::from_slice2(&rows))
}

#[test]
fn poor_ends_do_not_stop_what_is_nearly_certain() {
    let model = nearly_certain();
    let greedy = best(&model, &SearchOptions::greedy());
    assert_eq!(greedy.tokens, [5, 6]);
    for beam in [2, 3, 5] {
        let options = SearchOptions::of(SearchRecipe { beam, ..SearchRecipe::default() });
        let found = best(&model, &options);
        assert_eq!(found.tokens, greedy.tokens, "beam {beam}");
        assert!(found.score >= greedy.score - 1e-6, "beam {beam}: {} {}", found.score, greedy.score);
    }
    // What used to be the default.
    let hasty = best(
        &model,
        &SearchOptions::of(SearchRecipe { beam: 2, early_stopping: EarlyStopping::First, ..SearchRecipe::default() }),
    );
    assert_eq!(hasty.tokens, [5], "the last token is dropped");
    assert!(hasty.score < greedy.score - 1.0, "{} {}", hasty.score, greedy.score);
}

/// Without a length penalty, the default stops where nothing that is live can win: waiting to the length limit finds nothing better. So its
/// result is no worse than greedy search's, unless the beam has dropped the greedy hypothesis, which no policy brings back.
#[test]
fn without_a_length_penalty_the_default_loses_nothing() {
    tch::manual_seed(11);
    let (mut worse_than_greedy, mut cases) = (0, 0);
    for _ in 0..60 {
        let model = table(Tensor::randn([9, 9], (Kind::Float, tch::Device::Cpu)) * 3.0);
        let base = SearchOptions {
            length_limit: LengthLimit { ratio: 0.0, offset: 12 },
            recipe: SearchRecipe { length_penalty: LengthPenalty::None, ..SearchRecipe::default() },
            ..SearchOptions::default()
        };
        let greedy = best(&model, &SearchOptions { recipe: SearchRecipe { beam: 1, ..base.recipe.clone() }, ..base.clone() });
        for beam in [2, 3, 5] {
            let of = |early_stopping, patience| {
                best(
                    &model,
                    &SearchOptions {
                        recipe: SearchRecipe { beam, early_stopping, patience, ..base.recipe.clone() },
                        ..base.clone()
                    },
                )
            };
            let found = of(SearchRecipe::default().early_stopping, 1.0);
            // Patience that no number of finished hypotheses exhausts.
            let last = of(EarlyStopping::Never, 1e4);
            assert_eq!(found.finished, last.finished, "beam {beam}");
            assert!((found.score - last.score).abs() < 1e-9, "beam {beam}: {} {}", found.score, last.score);
            if greedy.finished {
                let below = |found: &Hypothesis| !found.finished || found.score < greedy.score - 1e-6;
                assert!(!below(&found) || below(&last), "beam {beam}: {} {}", found.score, greedy.score);
                worse_than_greedy += usize::from(below(&found));
                cases += 1;
            }
        }
    }
    assert!(cases > 60 && worse_than_greedy * 50 < cases, "{worse_than_greedy} of {cases} dropped the greedy hypothesis");
}

#[test]
fn the_least_length_leaves_room_for_the_end() {
    let model = nearly_certain();
    let options = SearchOptions {
        length_limit: LengthLimit { ratio: 0.0, offset: 1 },
        recipe: SearchRecipe { minimum_length: 2, ..SearchRecipe::default() },
        ..SearchOptions::default()
    };
    let found = best(&model, &options);
    assert_eq!((found.tokens, found.finished), (vec![5, 6], true), "two tokens and the end");
    // No more than the model has positions for, the end counted.
    let cut = best(&model, &SearchOptions { positions: Some(2), ..options });
    assert_eq!((cut.tokens, cut.finished, cut.cut_short), (vec![5, 6], false, true));
    // A poor end is not passed off for what the limit cut off.
    let poor = best(
        &model,
        &SearchOptions {
            length_limit: LengthLimit { ratio: 0.0, offset: 2 },
            recipe: SearchRecipe { beam: 2, ..SearchRecipe::default() },
            ..SearchOptions::default()
        },
    );
    assert_eq!((poor.tokens, poor.finished, poor.cut_short), (vec![5], true, true));
    assert!(!best(&model, &SearchOptions::of(SearchRecipe { beam: 2, ..SearchRecipe::default() })).cut_short);
}
