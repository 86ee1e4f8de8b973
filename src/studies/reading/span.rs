//! The best answer under the probabilities of its two ends.

/// Words of a passage that answer a question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    pub start: usize,
    /// Included.
    pub end: usize,
    /// p(start) · p(end).
    pub probability: f64,
}

/// The span with the highest product of both probabilities that ends where it starts or at most `beyond` words behind it; the first of
/// equal ones. Nothing where there is no word.
pub fn best_span(starts: &[f64], ends: &[f64], beyond: usize) -> Option<Span> {
    let mut best: Option<Span> = None;
    for (start, first) in starts.iter().enumerate() {
        for (end, last) in ends.iter().enumerate().skip(start).take(beyond.saturating_add(1)) {
            let probability = first * last;
            if best.is_none_or(|best| probability > best.probability) {
                best = Some(Span { start, end, probability });
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_allowed_pair_is_better(
            pairs in proptest::collection::vec((0f64..1.0, 0f64..1.0), 1..12),
            beyond in 0usize..14,
        ) {
            let (starts, ends): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let found = best_span(&starts, &ends, beyond).unwrap();
            prop_assert!(found.start <= found.end && found.end <= found.start + beyond);
            prop_assert_eq!(found.probability, starts[found.start] * ends[found.end]);
            for (start, of_start) in starts.iter().enumerate() {
                for (end, of_end) in ends.iter().enumerate() {
                    if start <= end && end <= start + beyond {
                        prop_assert!(of_start * of_end <= found.probability);
                    }
                }
            }
        }
    }

    #[test]
    fn an_end_before_its_start_is_no_answer() {
        let found = best_span(&[0.1, 0.0, 0.9], &[0.9, 0.04, 0.06], 5).unwrap();
        assert_eq!((found.start, found.end), (0, 0), "0.9 · 0.06 is less than 0.1 · 0.9");
        assert!(best_span(&[], &[], 3).is_none());
    }
}
