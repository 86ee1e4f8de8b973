//! Rules that make weights out of patterns.

use anyhow::{Result, bail, ensure};
use tch::{Kind, Tensor};

use super::Patterns;

/// How patterns get into the weights. All three leave the diagonal empty: no unit acts on itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LearningRule {
    /// W += (1/N) Σ x xᵀ (Hopfield 1982, equation 2, over N). Local and incremental; holds about 0.138 N random patterns.
    Hebb,
    /// One pattern after the other: w_ij += (x_i x_j - x_i h_ji - h_ij x_j) / N with h_ij = Σ_{k≠i,j} w_ik x_k (Storkey 1997).
    /// Local and incremental; holds about N / √(2 ln N) without error.
    Storkey,
    /// W = X X⁺, the projection on what the patterns span (Personnaz et al. 1985; empty diagonal: Kanter and Sompolinsky 1987).
    /// Neither local nor incremental; holds any patterns that are linearly independent, so fewer than N.
    PseudoInverse,
}

impl LearningRule {
    /// Weights [N, N] that hold `patterns` beside what the weights `previous` [N, N] already hold.
    pub(super) fn weights(self, patterns: &Patterns, previous: Option<&Tensor>) -> Result<Tensor> {
        let rows = patterns.tensor(); // [P, N]
        let units = patterns.units();
        let start = || match previous {
            Some(previous) => previous.copy(),
            None => Tensor::zeros([units, units], (rows.kind(), rows.device())),
        };
        match self {
            LearningRule::Hebb => Ok(without_diagonal(start() + rows.tr().matmul(rows) / units as f64)),
            LearningRule::Storkey => Ok((0..patterns.count()).fold(start(), |weights, row| storkey(weights, &rows.get(row)))),
            LearningRule::PseudoInverse if previous.is_some() => {
                bail!("the pseudo-inverse rule cannot add to what is stored: learn all patterns at once, or use Storkey's rule")
            }
            LearningRule::PseudoInverse => pseudo_inverse(patterns),
        }
    }
}

/// In place, with x (x - h)ᵀ - h xᵀ as one product of rank two. h without i and j is h_i - w_ij x_j, the diagonal being empty,
/// which puts 2 w_ij / N on top of it.
fn storkey(mut weights: Tensor, pattern: &Tensor) -> Tensor {
    let units = pattern.size()[0] as f64;
    let field = weights.mv(pattern); // [N]
    let left = Tensor::stack(&[pattern, &field], 1); // [N, 2]
    let right = Tensor::stack(&[&(pattern - &field), &pattern.neg()], 0); // [2, N]
    weights *= 1.0 + 2.0 / units;
    weights += left.matmul(&right) / units; // [N, N]
    without_diagonal(weights)
}

/// Xᵀ (X Xᵀ)⁺ X for rows X [P, N], through the small P×P matrix and in double precision, which near N patterns needs.
fn pseudo_inverse(patterns: &Patterns) -> Result<Tensor> {
    let (count, units) = (patterns.count(), patterns.units());
    ensure!(
        count <= units,
        "the pseudo-inverse rule got {count} patterns for {units} units, expected at most {units}, as no more can be independent: \
         store fewer, use more units, or a dense memory"
    );
    let rows = patterns.tensor().to_kind(Kind::Double) / (units as f64).sqrt(); // [P, N]
    let inverse = rows.matmul(&rows.tr()).linalg_pinv(1e-10, true); // [P, P]
    let weights = rows.tr().matmul(&inverse).matmul(&rows); // [N, N]
    Ok(without_diagonal(weights).to_kind(patterns.tensor().kind()))
}

fn without_diagonal(mut weights: Tensor) -> Tensor {
    weights.fill_diagonal_(0.0, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    const DOUBLE: Kind = Kind::Double;

    fn close(a: &Tensor, b: &Tensor) -> bool {
        a.allclose(b, 1e-10, 1e-12, false)
    }

    #[test]
    fn hebb_counts_agreements() {
        let rows = Tensor::from_slice(&[1f64, 1.0, -1.0, 1.0, -1.0, -1.0]).reshape([2, 3]);
        let weights = LearningRule::Hebb.weights(&Patterns::new(&rows).unwrap(), None).unwrap();
        let expected = Tensor::from_slice(&[0f64, 0.0, -2.0, 0.0, 0.0, 0.0, -2.0, 0.0, 0.0]).reshape([3, 3]) / 3.0;
        assert!(close(&weights, &expected));
    }

    #[test]
    fn storkey_is_the_papers_sum() {
        let patterns = Patterns::random(4, 6, 3, DOUBLE).unwrap();
        let weights = LearningRule::Storkey.weights(&patterns, None).unwrap();
        let mut expected = [[0f64; 6]; 6];
        for row in super::super::patterns::doubles(patterns.tensor()).chunks(6) {
            let before = expected;
            let field = |i: usize, j: usize| (0..6).filter(|&k| k != i && k != j).map(|k| before[i][k] * row[k]).sum::<f64>();
            for i in 0..6 {
                for j in (0..6).filter(|&j| j != i) {
                    expected[i][j] += (row[i] * row[j] - row[i] * field(j, i) - field(i, j) * row[j]) / 6.0;
                }
            }
        }
        assert!(close(&weights, &Tensor::from_slice2(&expected)));
    }

    #[test]
    fn the_first_storkey_pattern_is_stored_as_by_hebb() {
        let one = Patterns::random(1, 20, 3, DOUBLE).unwrap();
        let [hebb, storkey] = [LearningRule::Hebb, LearningRule::Storkey].map(|rule| rule.weights(&one, None).unwrap());
        assert!(close(&hebb, &storkey));
    }

    #[test]
    fn incremental_rules_can_stop_and_go_on() {
        let all = Patterns::random(5, 30, 4, DOUBLE).unwrap();
        let (first, rest) = (all.select(0..2).unwrap(), all.select(2..5).unwrap());
        for rule in [LearningRule::Hebb, LearningRule::Storkey] {
            let half = rule.weights(&first, None).unwrap();
            let copy = half.copy();
            let both = rule.weights(&rest, Some(&half)).unwrap();
            assert!(close(&both, &rule.weights(&all, None).unwrap()), "{rule:?}");
            assert!(half.equal(&copy), "previous weights are left as they were");
        }
        let previous = Tensor::zeros([30, 30], (DOUBLE, Device::Cpu));
        let error = LearningRule::PseudoInverse.weights(&all, Some(&previous)).unwrap_err().to_string();
        assert!(error.contains("learn all patterns at once"), "{error}");
    }

    #[test]
    fn the_pseudo_inverse_projects_on_the_patterns() {
        let patterns = Patterns::random(7, 12, 5, DOUBLE).unwrap();
        // One pattern twice: dependent, and no trouble.
        let twice = patterns.select((0..7).chain([0])).unwrap();
        let weights = LearningRule::PseudoInverse.weights(&twice, None).unwrap();
        let columns = patterns.tensor().tr();
        let projection = columns.matmul(&columns.linalg_pinv(1e-12, false));
        assert!(close(&weights, &without_diagonal(projection.copy())));
        // Each pattern reads itself, but for what the diagonal would have added.
        let left = &columns - projection.diagonal(0, 0, 1).unsqueeze(1) * &columns;
        assert!(close(&weights.matmul(&columns), &left));
    }

    #[test]
    fn more_patterns_than_units_are_refused() {
        let error =
            LearningRule::PseudoInverse.weights(&Patterns::random(9, 8, 1, DOUBLE).unwrap(), None).unwrap_err().to_string();
        assert!(error.contains("9 patterns for 8 units, expected at most 8"), "{error}");
    }
}
