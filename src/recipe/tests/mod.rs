mod hopfield;
mod hostile;
mod init;
mod problems;
mod round_trip;

use std::path::Path;

use super::{Recipe, RecipeError, load};

/// The least a recipe has to say.
const LEAST: &str = r#"
training.updates = 10
[data]
train = "data/tiny/train"
validation = "data/tiny/validation"
[model.recurrent]
"#;

fn read(text: &str, overrides: &[&str]) -> anyhow::Result<Recipe> {
    let overrides: Vec<String> = overrides.iter().map(|&setting| setting.to_owned()).collect();
    load::read::<Recipe>(text, "tiny", Path::new("configs/tiny.toml"), &overrides, None)
}

/// All problems of the least recipe under these overrides, one a line.
fn problems(overrides: &[&str]) -> Vec<String> {
    problems_of(LEAST, overrides)
}

fn problems_of(text: &str, overrides: &[&str]) -> Vec<String> {
    let error = read(text, overrides).expect_err("the recipe is wrong");
    let error = error.downcast::<RecipeError>().expect("all that is wrong is in one error");
    error.problems.iter().map(ToString::to_string).collect()
}
