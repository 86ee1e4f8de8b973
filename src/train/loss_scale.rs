//! The scale of the loss in float16 (Micikevicius et al. 2018, section 3.2): gradients of a scaled loss stay above the smallest number that
//! float16 has, and the optimizer takes the scale away again.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

/// Where it begins. Losses are sums over a batch, so that this is much for one word already.
const START: f64 = 1024.0;
const LARGEST: f64 = 65536.0;
/// Where the numbers that matter would vanish.
const SMALLEST: f64 = 1.0 / 1024.0;
/// Good updates in a row before a larger scale is tried.
const PATIENCE: u64 = 2000;

/// A scale that halves when gradients overflow and doubles when they have not for long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LossScale {
    /// What the loss is multiplied with; a power of two, so that it rounds nothing.
    pub scale: f64,
    /// Good updates since it changed.
    good: u64,
    /// Updates that were given up, over the whole run.
    pub overflows: u64,
}

impl LossScale {
    pub fn new() -> Self {
        LossScale { scale: START, good: 0, overflows: 0 }
    }

    /// The gradients were finite.
    pub fn advance(&mut self) {
        self.good += 1;
        if self.good == PATIENCE {
            (self.scale, self.good) = ((self.scale * 2.0).min(LARGEST), 0);
        }
    }

    /// The gradients were not: the update is given up.
    ///
    /// # Errors
    /// When the gradients overflow whatever the scale.
    pub fn overflow(&mut self) -> Result<()> {
        if self.scale <= SMALLEST {
            bail!(
                "the gradients overflow float16 even with a loss scale of {SMALLEST}; train with training.precision = \"bf16\" or \"fp32\", or with a \
                 lower learning_rate, then go on with --resume --set key=value"
            );
        }
        (self.scale, self.good) = (self.scale / 2.0, 0);
        self.overflows += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_falls_at_once_and_rises_after_long() {
        let mut scale = LossScale::new();
        (0..PATIENCE - 1).for_each(|_| scale.advance());
        scale.overflow().unwrap();
        assert_eq!((scale.scale, scale.overflows), (START / 2.0, 1));
        (0..PATIENCE - 1).for_each(|_| scale.advance());
        assert_eq!(scale.scale, START / 2.0, "an overflow starts the count anew");
        scale.advance();
        assert_eq!(scale.scale, START);
        (0..100 * PATIENCE).for_each(|_| scale.advance());
        assert_eq!(scale.scale, LARGEST);
    }

    #[test]
    fn a_scale_that_collapses_is_an_error_that_says_what_helps() {
        let mut scale = LossScale::new();
        let halvings = (0..1000).take_while(|_| scale.overflow().is_ok()).count();
        assert_eq!(halvings, 20, "from 2 to the 10 down to 2 to the -10");
        assert!(scale.overflow().unwrap_err().to_string().contains("bf16"));
    }
}
