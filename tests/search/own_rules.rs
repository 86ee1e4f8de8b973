//! Rules of one's own on the scores of the next token.

use std::sync::Arc;

use targum::recipe::SearchRecipe;
use targum::search::{Constraints, Hypothesis, Prefixes, Processor, Processors, SearchOptions};
use tch::Tensor;

use super::{SOURCES, families, forced, found};

/// Likes one token more than the model does.
struct Likes(i64);

impl Processor for Likes {
    fn apply(&self, scores: &mut Tensor, _: &Prefixes) {
        let mut column = scores.select(1, self.0);
        column += 20.0;
    }
}

#[test]
fn a_rule_that_changes_scores_ranks_and_leaves_what_the_model_says() {
    let count = |all: &[Vec<Hypothesis>]| -> usize {
        all.iter().flatten().flat_map(|hypothesis| &hypothesis.tokens).filter(|&&token| token == 9).count()
    };
    for (name, model) in families() {
        for (what, recipe) in [
            ("greedy", SearchRecipe { beam: 1, ..SearchRecipe::default() }),
            ("beam", SearchRecipe { beam: 3, ..SearchRecipe::default() }),
            ("diverse", SearchRecipe { beam: 4, diversity_groups: 2, ..SearchRecipe::default() }),
            ("samples", SearchRecipe { sample: true, ..SearchRecipe::default() }),
        ] {
            let plain = SearchOptions::of(recipe);
            let liking = SearchOptions { processors: Processors(vec![Arc::new(Likes(9))]), ..plain.clone() };
            let [without, with] = [plain, liking].map(|options| found(model.as_ref(), &options, &Constraints::default()));
            assert!(count(&with) > count(&without), "{name}, {what}");
            for (source, hypotheses) in SOURCES.iter().zip(&with) {
                for hypothesis in hypotheses {
                    let said = &forced(model.as_ref(), source, &[hypothesis.tokens.as_slice()])[0];
                    for (found, said) in hypothesis.log_probabilities.iter().zip(&said.log_probabilities) {
                        assert!((found - said).abs() < 1e-3, "{name}, {what}: {found}, the model says {said}");
                    }
                }
            }
        }
    }
}
