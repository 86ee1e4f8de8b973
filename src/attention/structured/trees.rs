//! Trees of dependencies: how probable it is that one position is the parent of another.

use anyhow::{Result, ensure};
use tch::{Tensor, with_grad};

use super::super::full_precision;

/// p(head of m is h) over all projective dependency trees whose root is position 0 (Kim et al. 2017, section 3.2),
///
/// p(tree) ∝ exp(Σ_{(h, m) in tree} θ_mh),
///
/// for `arcs` θ [B, S, S], rows the modifiers and columns the heads, of which the first `lengths` positions count. [B, S, S]: each row but
/// that of the root sums to one; rows and columns of padding are zero.
///
/// The inside algorithm of Eisner (1996) gives log Z, in log space, spans of one width of all sentences at once. The marginals are its
/// gradient, since ∂ log Z / ∂θ is what the outside algorithm works out (Eisner 2016), and have gradients themselves.
///
/// # Errors
/// Arcs that are not [B, S, S], and lengths that are not B or not within 1 to S.
pub fn parent_marginals(arcs: &Tensor, lengths: &[i64]) -> Result<Tensor> {
    let size = arcs.size();
    ensure!(size.len() == 3 && size[1] == size[2], "arcs go from every position to every position, [B, S, S]; found {size:?}");
    let (rows, positions) = (size[0], size[2]);
    ensure!(
        lengths.len() as i64 == rows && lengths.iter().all(|length| (1..=positions).contains(length)),
        "{rows} sentences of at most {positions} positions need {rows} lengths of 1 to {positions}, found {lengths:?}"
    );
    let wanted = arcs.requires_grad();
    let arcs = full_precision(arcs);
    Ok(with_grad(|| {
        let arcs = if wanted { arcs } else { arcs.detach().set_requires_grad(true) };
        let partition = log_partition(&arcs, lengths);
        if !partition.requires_grad() {
            return arcs.zeros_like();
        }
        Tensor::run_backward(&[partition], &[&arcs], wanted, wanted).remove(0)
    }))
}

/// Σ_b log Z_b.
fn log_partition(arcs: &Tensor, lengths: &[i64]) -> Tensor {
    let (rows, positions) = (arcs.size()[0], arcs.size()[1]);
    let none = Tensor::zeros([rows, positions, 1], (arcs.kind(), arcs.device()));
    // Spans [B, spans, widths]. `from` are those that start where a row says, narrow ones first; `to` those that end there, wide ones first:
    // so laid out, the two halves of a wider span lie side by side. A complete span has all of its head's modifiers on that side, an
    // incomplete one is an arc and what lies under it.
    let [mut complete_right_from, mut complete_right_to] = [none.shallow_clone(), none.shallow_clone()];
    let [mut complete_left_from, mut complete_left_to] = [none.shallow_clone(), none.shallow_clone()];
    let (mut right_from, mut left_to): (Option<Tensor>, Option<Tensor>) = (None, None);
    // Complete spans that start at the root: whole sentences.
    let mut sentences = vec![none.select(1, 0)];
    for width in 1..positions {
        let spans = positions - width;
        let [starts, ends] = [0, 1].map(|first| move |table: &Tensor| table.narrow(1, first, spans));
        complete_right_from = starts(&complete_right_from);
        complete_left_from = starts(&complete_left_from);
        complete_right_to = ends(&complete_right_to);
        complete_left_to = ends(&complete_left_to);

        let under = log_sum(&(&complete_right_from + &complete_left_to));
        let right = &under + arcs.diagonal(-width, 1, 2).unsqueeze(2);
        let left = &under + arcs.diagonal(width, 1, 2).unsqueeze(2);
        let grown_right = grow(right_from.as_ref().map(&starts), &right, Grow::Behind);
        let grown_left = grow(left_to.as_ref().map(&ends), &left, Grow::Before);
        let complete_right = log_sum(&(&grown_right + &complete_right_to));
        let complete_left = log_sum(&(&complete_left_from + &grown_left));

        sentences.push(complete_right.select(1, 0));
        complete_right_from = Tensor::cat(&[&complete_right_from, &complete_right], 2);
        complete_right_to = Tensor::cat(&[&complete_right, &complete_right_to], 2);
        complete_left_from = Tensor::cat(&[&complete_left_from, &complete_left], 2);
        complete_left_to = Tensor::cat(&[&complete_left, &complete_left_to], 2);
        (right_from, left_to) = (Some(grown_right), Some(grown_left));
    }
    let last: Vec<i64> = lengths.iter().map(|length| length - 1).collect();
    let last = Tensor::from_slice(&last).to_device(arcs.device()).unsqueeze(1);
    Tensor::cat(&sentences, 1).gather(1, &last, false).sum(arcs.kind())
}

enum Grow {
    Before,
    Behind,
}

fn grow(table: Option<Tensor>, column: &Tensor, place: Grow) -> Tensor {
    match (table, place) {
        (None, _) => column.shallow_clone(),
        (Some(table), Grow::Before) => Tensor::cat(&[column, &table], 2),
        (Some(table), Grow::Behind) => Tensor::cat(&[&table, column], 2),
    }
}

fn log_sum(ways: &Tensor) -> Tensor {
    ways.logsumexp([2i64].as_slice(), true)
}
