//! When a beam has found enough.

use super::length_penalty::LengthPenalty;

/// What happens once enough hypotheses are finished (as many as the beam is wide, times patience). A beam also ends where its length
/// limit is reached, or nothing is left to go on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EarlyStopping {
    /// The beam ends: first come, first served. As many poor ends as the beam is wide stop it while something better is on its way.
    First,
    /// It ends when the best live hypothesis, normalised by its length so far, is no better than the worst of the best finished ones. A
    /// longer one may be missed where normalisation favours length. Without normalisation sums only fall, and it is as good as the next.
    #[default]
    Heuristic,
    /// It ends when no live hypothesis can get better than the worst of the best finished ones: log probabilities only fall, so the best
    /// that can become of a hypothesis is its sum so far, normalised by the length limit.
    Never,
}

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
