//! Pairs that are longer than the model is made for: what stands before the first of them is done, then it is named.

use std::path::Path;

use anyhow::{Error, Result};

use crate::runtime::files::Shown;
use crate::translator::{EncodedPair, LongPair};

/// The results of `work` on pairs, as far as the first one that is too long, and that one.
pub fn up_to<R>(pairs: &[EncodedPair], work: impl Fn(&[EncodedPair]) -> Result<Vec<R>>) -> Result<(Vec<R>, Option<LongPair>)> {
    let (mut pairs, mut found) = (pairs, None);
    // A second model may find another one before it.
    loop {
        match work(pairs) {
            Ok(results) => return Ok((results, found)),
            Err(error) => {
                let long: LongPair = error.downcast()?;
                pairs = &pairs[..long.pair];
                found = Some(long);
            }
        }
    }
}

/// The error that names it. `before` counts the pairs before those that were given.
pub fn error(long: LongPair, before: usize, source: &Path, target: &Path) -> Error {
    let path = if long.side == "source" { source } else { target };
    anyhow::anyhow!("{}:{}: {long}", path.shown(), before + long.pair + 1)
}
