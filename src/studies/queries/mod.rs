//! Several questions asked of one encoded text, each by a learned query vector: text classification with task-specific attention.

mod data;
mod examine;
mod model;
mod notices;
mod pictures;
mod session;
mod study;
mod task;
#[cfg(test)]
mod tests;

pub use task::QueriesTask;
