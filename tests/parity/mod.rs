//! Recurrent models against the independent PyTorch implementation in `fixtures/reference/recurrent.py`, and their two ways of decoding
//! against each other.

mod attend;
mod compare;
mod fixture;
mod models;
mod recurrence;
mod stepping;
mod training;
