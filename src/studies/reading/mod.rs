//! Reading comprehension: a passage and a question to the words of the passage that answer it (Wang and Jiang 2017).

mod answer;
mod data;
mod examine;
mod model;
mod passages;
mod pictures;
mod session;
mod span;
mod study;
mod task;
#[cfg(test)]
mod tests;

pub use task::ReadingTask;
