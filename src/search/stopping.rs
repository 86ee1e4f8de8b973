//! When a beam has found enough.

use crate::recipe::{EarlyStopping, LengthPenalty};

/// The best hypothesis that is still going on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Live {
    /// Σ log p.
    pub sum: f64,
    /// Tokens so far.
    pub length: usize,
    /// Tokens it may have, EOS counted.
    pub maximum_length: usize,
}

impl EarlyStopping {
    /// Whether to stop when there are enough finished hypotheses, of the best of which `worst` is the lowest score.
    pub(super) fn stops(self, worst: f64, live: Live, penalty: LengthPenalty) -> bool {
        match self {
            EarlyStopping::First => true,
            EarlyStopping::Heuristic => worst >= penalty.normalise(live.sum, live.length),
            EarlyStopping::Never => worst >= penalty.normalise(live.sum, live.maximum_length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_never_gives_up_could_not_have_won(
            sum in -50.0..0.0_f64,
            worst in -5.0..0.0_f64,
            (length, more, room) in (1..20_usize, 1..20_usize, 0..20_usize),
            further in -20.0..0.0_f64,
            alpha in 0.0..3.0_f64,
        ) {
            let live = Live { sum, length, maximum_length: length + more + room };
            for penalty in [LengthPenalty::None, LengthPenalty::Plain { alpha }, LengthPenalty::Wu { alpha }] {
                if EarlyStopping::Never.stops(worst, live, penalty) {
                    prop_assert!(penalty.normalise(sum + further, length + more) <= worst + 1e-12);
                }
                // Whoever never stops early stops last.
                prop_assert!(EarlyStopping::Heuristic.stops(worst, live, penalty) || !EarlyStopping::Never.stops(worst, live, penalty));
                prop_assert!(EarlyStopping::First.stops(worst, live, penalty));
            }
        }
    }
}
