//! Models against the independent PyTorch implementations in `fixtures/reference/{recurrent,transformer}.py`, and their two ways of decoding
//! against each other.

mod attend;
mod compare;
mod fixture;
mod models;
mod recurrence;
mod stepping;
mod training;
