use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::TrainingRecipe;
use super::check::Checks;
use super::load::{RecipeFile, RecipeText, check_name_and_seed};
use super::tasks::TaskRecipe;

/// A run on anything but translation: what makes a recipe one is its table `[task]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyRecipe {
    /// Name of the run and of its folder. Default the recipe's file name without its extension.
    pub name: String,
    /// What all chance in the run derives from; below 2⁶³. Default 1.
    #[serde(default = "super::one")]
    pub seed: u64,
    pub task: TaskRecipe,
    /// For tasks that are trained.
    #[serde(default)]
    pub training: TrainingRecipe,
}

impl Default for StudyRecipe {
    fn default() -> Self {
        Self { name: "study".to_owned(), seed: super::one(), task: TaskRecipe::default(), training: TrainingRecipe::default() }
    }
}

impl RecipeFile for StudyRecipe {
    fn check(&self, checks: &mut Checks) {
        check_name_and_seed(&self.name, self.seed, checks);
        self.task.check(checks);
        let family = self.task.family();
        let (training, default) = (&self.training, TrainingRecipe::default());
        if !self.task.is_trained() {
            checks.ensure("training", *training == default, || format!("`task.{family}` is not trained; leave this out"));
            return;
        }
        training.check(checks);
        // Of sentences and pieces.
        let keys = [
            ("batch_tokens", training.batch_tokens == default.batch_tokens),
            ("validation_sentences", training.validation_sentences == default.validation_sentences),
            ("label_smoothing", training.label_smoothing == default.label_smoothing),
            ("guided_alignment", training.guided_alignment == default.guided_alignment),
        ];
        for (key, left_out) in keys {
            checks.ensure(&format!("training.{key}"), left_out, || {
                format!("is about sentences of a corpus and means nothing to `task.{family}`; leave it out")
            });
        }
        let (metric, known) = (self.training.metric, self.task.metrics());
        checks.ensure("training.metric", known.contains(&metric), || {
            let names: Vec<&str> = known.iter().map(|metric| metric.name()).collect();
            format!("is {}, but `task.{family}` is scored by {}", metric.name(), names.join(" and "))
        });
    }
}

impl StudyRecipe {
    /// As [`Recipe::load`](super::Recipe::load).
    ///
    /// # Errors
    /// As [`Recipe::load`](super::Recipe::load).
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self> {
        Self::of_text(&RecipeText::read(path)?, overrides)
    }

    /// As [`Recipe::of_text`](super::Recipe::of_text).
    ///
    /// # Errors
    /// As [`Recipe::of_text`](super::Recipe::of_text).
    pub fn of_text(text: &RecipeText, overrides: &[String]) -> Result<Self> {
        text.recipe(overrides, None)
    }

    /// As [`Recipe::to_toml`](super::Recipe::to_toml).
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string_pretty(self).context("cannot write the recipe as TOML")
    }
}
