//! Segments of bounded length: a semi-Markov chain (Sarawagi and Cohen 2004) whose marginals are attention.

use tch::Tensor;

use super::rows;

/// What [`segment_marginals`] gives.
pub struct SegmentMarginals {
    /// How probable it is that a segment covers a position [.., S].
    pub positions: Tensor,
    /// How probable each segment is, by its first position and its length less one [.., S, L].
    pub segments: Tensor,
}

/// A potential that no path survives, and that has no gradient either: minus infinity would make some of them NaN.
const FORBIDDEN: f64 = -1e30;

/// Marginals over all ways to choose segments that do not overlap, of 1 to L neighbours each:
///
/// p(segments) ∝ exp(Σ_segments (Σ_{i in segment} θ_i + λ_{length})),
///
/// for energies θ [.., S], `lengths` λ [L] and `keep`, broadcastable to the energies. Two segments may touch; none holds a hidden position.
pub fn segment_marginals(energy: &Tensor, lengths: &Tensor, keep: &Tensor) -> SegmentMarginals {
    let (unary, kept) = rows(energy, keep);
    let (count, positions) = unary.size2().expect("rows have two dimensions");
    let longest = lengths.size()[0].min(positions);
    // Rows and mirrored rows run together: what ends at j in one of them begins there in the other.
    let both = |tensor: &Tensor| Tensor::cat(&[tensor, &tensor.flip([1])], 0);
    let ending = ending(&both(&unary), &both(&kept), &lengths.to_kind(unary.kind()), longest);
    let sums = sums(&ending, count, positions, longest);
    let (forward, backward) = (sums.narrow(0, 0, count), sums.narrow(0, count, count).flip([1]));
    let partition = forward.narrow(1, positions, 1);

    let mut covered = unary.zeros_like();
    let mut segments = Vec::new();
    for length in 1..=longest {
        let starts = positions - length + 1;
        let potential = ending.narrow(0, 0, count).select(2, length - 1).narrow(1, length - 1, starts);
        let before_and_behind = forward.narrow(1, 0, starts) + backward.narrow(1, length, starts) - &partition;
        let marginal = (before_and_behind + potential).exp();
        // A position is covered by the segments that start at it and at the positions before it.
        covered += marginal.constant_pad_nd([length - 1, length - 1]).unfold(1, length, 1).sum_dim_intlist(
            [-1i64].as_slice(),
            false,
            unary.kind(),
        );
        segments.push(marginal.constant_pad_nd([0, length - 1]));
    }
    segments.resize_with(lengths.size()[0] as usize, || unary.zeros_like());
    let mut size = energy.size();
    let positions = covered.reshape(size.as_slice());
    size.push(lengths.size()[0]);
    SegmentMarginals { positions, segments: Tensor::stack(&segments, 2).reshape(size.as_slice()) }
}

/// Potentials of segments by their last position and their length less one: rows [N, S] to [N, S, L].
fn ending(unary: &Tensor, kept: &Tensor, lengths: &Tensor, longest: i64) -> Tensor {
    let until = |tensor: &Tensor| tensor.cumsum(1, unary.kind()).constant_pad_nd([1, 0]);
    let (energies, counts, positions) = (until(unary), until(kept), unary.size()[1]);
    let of_length = |length: i64| {
        let within = |sums: &Tensor| sums.narrow(1, length, positions - length + 1) - sums.narrow(1, 0, positions - length + 1);
        let potential = within(&energies) + lengths.get(length - 1);
        let potential = potential.masked_fill(&within(&counts).lt(length as f64 - 0.5), FORBIDDEN);
        let none = Tensor::full([unary.size()[0], length - 1], FORBIDDEN, (unary.kind(), unary.device()));
        Tensor::cat(&[none, potential], 1)
    };
    Tensor::stack(&(1..=longest).map(of_length).collect::<Vec<_>>(), 2)
}

/// log Σ exp over everything that may stand before each position, and behind the last [N, S + 1].
fn sums(ending: &Tensor, count: i64, positions: i64, longest: i64) -> Tensor {
    let mut sums = vec![Tensor::zeros([2 * count, 1], (ending.kind(), ending.device()))];
    for (position, potential) in ending.unbind(1).iter().enumerate() {
        let reach = longest.min(position as i64 + 1);
        let nearest: Vec<&Tensor> = sums.iter().rev().take(reach as usize).collect();
        let chosen = Tensor::cat(&nearest, 1) + potential.narrow(1, 0, reach);
        let ways = Tensor::cat(&[nearest[0], &chosen], 1);
        sums.push(ways.logsumexp([1i64].as_slice(), true));
    }
    debug_assert_eq!(sums.len() as i64, positions + 1);
    Tensor::cat(&sums, 1)
}
