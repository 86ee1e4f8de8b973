use std::fmt;
use std::path::PathBuf;

use crate::input::plain;
use crate::runtime::files::Shown;

/// One thing wrong with a recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Dotted path of the key; empty for the recipe as a whole.
    pub path: String,
    pub message: String,
}

/// Everything wrong with a recipe, in the order of its keys.
#[derive(Clone, Debug, thiserror::Error)]
pub struct RecipeError {
    pub file: PathBuf,
    pub problems: Vec<Problem>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "{}: {}", plain(path), self.message),
        }
    }
}

impl fmt::Display for RecipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.shown();
        match self.problems.as_slice() {
            [problem] => write!(f, "{file}: {problem}"),
            problems => {
                write!(f, "{file}: {} problems", problems.len())?;
                problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}
