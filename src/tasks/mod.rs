//! What a run trains: translation. Studies of memory and attention are in `studies`.

pub mod translation;
