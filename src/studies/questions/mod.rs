//! The bAbI tasks: questions about stories, answered by an end-to-end memory network.

mod data;
mod examine;
mod linear_start;
mod pictures;
mod session;
mod study;
mod task;
#[cfg(test)]
mod tests;

pub use task::QuestionsTask;
