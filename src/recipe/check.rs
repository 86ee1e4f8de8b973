use std::fmt::Display;

use toml::Table;

use super::problem::Problem;

/// Collects what is wrong with the values of a recipe. A check that rests on a key already known to be broken is skipped: its value is
/// a stand-in.
pub(super) struct Checks<'a> {
    written: &'a Table,
    broken: Vec<String>,
    problems: Vec<Problem>,
}

impl<'a> Checks<'a> {
    /// Adds to the problems `found` in the recipe as `written`.
    pub fn new(written: &'a Table, found: Vec<Problem>) -> Self {
        Self { written, broken: found.iter().map(|problem| problem.path.clone()).collect(), problems: found }
    }

    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Whether the recipe itself says something under `path`, rather than leaving it to the default.
    pub fn given(&self, path: &str) -> bool {
        let (above, key) = path.rsplit_once('.').unwrap_or(("", path));
        let mut tables = above.split('.').filter(|key| !key.is_empty());
        tables.try_fold(self.written, |table, key| table.get(key)?.as_table()).is_some_and(|table| table.contains_key(key))
    }

    /// The value under `path` must be `good`.
    pub fn value<T: Copy + Display>(&mut self, path: &str, value: T, expected: &str, good: impl FnOnce(T) -> bool) {
        self.ensure(path, good(value), || format!("is {value}, expected {expected}"));
    }

    /// The number under `path` must be finite and `good`.
    pub fn number(&mut self, path: &str, value: f64, expected: &str, good: impl FnOnce(f64) -> bool) {
        self.value(path, value, expected, |value| value.is_finite() && good(value));
    }

    /// As [`Self::ensure`], where nothing else was said of this key.
    pub fn limit(&mut self, path: &str, good: bool, message: impl FnOnce() -> String) {
        if !self.problems.iter().any(|problem| problem.path == path) {
            self.ensure(path, good, message);
        }
    }

    pub fn ensure(&mut self, path: &str, good: bool, message: impl FnOnce() -> String) {
        self.conflict(&[path], !good, message);
    }

    /// The values under `paths` must not contradict each other; the problem is told under the first.
    pub fn conflict(&mut self, paths: &[&str], conflicting: bool, message: impl FnOnce() -> String) {
        if conflicting && !paths.iter().any(|path| self.is_broken(path)) {
            self.problems.push(Problem { path: paths[0].to_owned(), message: message() });
        }
    }

    fn is_broken(&self, path: &str) -> bool {
        self.broken.iter().any(|broken| broken == path || is_under(path, broken) || is_under(broken, path))
    }
}

/// Whether `path` lies in the table `above`.
fn is_under(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.starts_with('.'))
}
