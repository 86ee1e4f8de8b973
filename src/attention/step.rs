//! Multi-head attention of single queries: what a decoder does at every step of a search.
//!
//! One query a row and a few places to look at are too little work for a matrix product. On a CPU the rows are therefore walked through
//! here, where they lie: nothing is transposed, padded or copied. Other devices gather and multiply.

use multiversion::multiversion;
use tch::{Device, Kind, Tensor};

use crate::nn::{Rows, RowsMut};

/// Where the rows of a step look, W hypotheses of each of B sources side by side.
#[derive(Clone, Copy)]
pub enum Places<'a> {
    /// The first places, as many as the source has tokens [B, 1] (float).
    First(&'a Tensor),
    /// These places of the source, for each row its own [R, t] (int64).
    Listed(&'a Tensor),
}

/// softmax(q·k / √K) over a row's places, for every head (Vaswani et al. 2017, equation 1): queries [R, D] and a memory [B, P, D] of keys
/// and of values to [R, D], and the weights [R, H, P or t] when they are wanted.
pub fn attend_places(
    queries: &Tensor,
    (keys, values): (&Tensor, &Tensor),
    places: Places,
    heads: i64,
    wanted: bool,
) -> (Tensor, Option<Tensor>) {
    if queries.device() != Device::Cpu || keys.kind() != Kind::Float {
        return gather(queries, (keys, values), places, heads, wanted);
    }
    // Half-precision products give half-precision queries.
    walk(&queries.to_kind(Kind::Float), (keys, values), places, heads, wanted)
}

/// By libtorch's operations, on any device.
fn gather(
    queries: &Tensor,
    (keys, values): (&Tensor, &Tensor),
    places: Places,
    heads: i64,
    wanted: bool,
) -> (Tensor, Option<Tensor>) {
    let (rows, size) = queries.size2().expect("queries are rows");
    let (sources, capacity, _) = keys.size3().expect("a memory has three dimensions");
    let (width, integers) = (rows / sources, (Kind::Int64, queries.device()));
    let (places, keep) = match places {
        Places::First(lengths) => {
            let all = Tensor::arange(capacity, integers).unsqueeze(0);
            let keep = all.lt_tensor(&lengths.repeat_interleave_self_int(width, 0, None));
            (all.expand([rows, capacity], false), Some(keep))
        }
        Places::Listed(places) => (places.shallow_clone(), None),
    };
    let first = Tensor::arange(sources, integers).repeat_interleave_self_int(width, 0, None) * capacity;
    let flat = (places + first.unsqueeze(1)).reshape(-1);
    let by_head = |memory: &Tensor| {
        let taken = memory.reshape([sources * capacity, size]).index_select(0, &flat);
        taken.view([rows, -1, heads, size / heads]).transpose(1, 2)
    };
    let queries = queries.reshape([rows, heads, 1, size / heads]) * ((size / heads) as f64).powf(-0.5);
    let mut energy = queries.matmul(&by_head(keys).transpose(2, 3));
    if let Some(keep) = keep {
        energy = energy.masked_fill(&keep.logical_not().unsqueeze(1).unsqueeze(1), f64::NEG_INFINITY);
    }
    let weights = energy.softmax(-1, energy.kind());
    (weights.matmul(&by_head(values)).reshape([rows, size]), wanted.then(|| weights.squeeze_dim(2)))
}

/// By walking through the rows.
fn walk(
    queries: &Tensor,
    (keys, values): (&Tensor, &Tensor),
    places: Places,
    heads: i64,
    wanted: bool,
) -> (Tensor, Option<Tensor>) {
    let (rows, size) = queries.size2().expect("queries are rows");
    let (sources, capacity, _) = keys.size3().expect("a memory has three dimensions");
    let width = (rows / sources) as usize;
    let (lengths, listed, columns) = match places {
        Places::First(lengths) => {
            let lengths: Vec<f32> = Vec::try_from(lengths.reshape(-1)).expect("lengths are a list of numbers");
            (lengths.iter().map(|&length| length as usize).collect(), Vec::new(), capacity)
        }
        Places::Listed(places) => {
            let count = places.size()[1];
            let places: Vec<i64> = Vec::try_from(places.reshape(-1)).expect("places are a list of integers");
            (vec![count as usize; sources as usize], places.iter().map(|&place| place as usize).collect(), count)
        }
    };
    let lists = Lists { lengths, listed, every: (0..capacity as usize).collect(), width };
    let output = Tensor::empty([rows, size], (Kind::Float, Device::Cpu));
    let weights = wanted.then(|| Tensor::zeros([rows, heads, columns], (Kind::Float, Device::Cpu)));
    let by_head = weights.as_ref().map(|weights| weights.view([rows * heads, columns]));
    let memory = [keys, values].map(|memory| memory.view([sources * capacity, size]));
    // SAFETY: nobody else has these tensors yet.
    let (mut mixed, mut shown) = unsafe { (RowsMut::of(&output), by_head.as_ref().map(|weights| RowsMut::of(weights))) };
    attend_rows(
        &Rows::of(queries),
        &[Rows::of(&memory[0]), Rows::of(&memory[1])],
        &lists,
        (rows as usize, capacity as usize, heads as usize),
        &mut mixed,
        shown.as_mut(),
    );
    (output, weights)
}

/// The places of every row, counted from its source's first.
struct Lists {
    /// How many places the rows of each source look at.
    lengths: Vec<usize>,
    /// All of them one after another; empty where every row looks at the first.
    listed: Vec<usize>,
    /// 0, 1, 2 …
    every: Vec<usize>,
    /// Rows of a source.
    width: usize,
}

impl Lists {
    #[inline(always)]
    fn of(&self, row: usize) -> &[usize] {
        let count = self.lengths[row / self.width];
        if self.listed.is_empty() { &self.every[..count] } else { &self.listed[row * count..(row + 1) * count] }
    }
}

/// The shape is R, P and H. Sizes of a head that models have are known when this is compiled, so that a head stays in registers.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn attend_rows(
    queries: &Rows,
    memory: &[Rows; 2],
    lists: &Lists,
    shape: (usize, usize, usize),
    mixed: &mut RowsMut,
    shown: Option<&mut RowsMut>,
) {
    match queries.width() / shape.2 {
        32 => attend_heads::<32>(queries, memory, lists, shape, mixed, shown),
        64 => attend_heads::<64>(queries, memory, lists, shape, mixed, shown),
        128 => attend_heads::<128>(queries, memory, lists, shape, mixed, shown),
        _ => attend_heads::<0>(queries, memory, lists, shape, mixed, shown),
    }
}

/// `SIZE` is K, or 0 where it is only known now.
#[inline(always)]
fn attend_heads<const SIZE: usize>(
    queries: &Rows,
    [keys, values]: &[Rows; 2],
    lists: &Lists,
    (rows, capacity, heads): (usize, usize, usize),
    mixed: &mut RowsMut,
    mut shown: Option<&mut RowsMut>,
) {
    let head = if SIZE == 0 { queries.width() / heads } else { SIZE };
    let scale = (head as f32).powf(-0.5);
    let mut weights = Vec::new();
    for row in 0..rows {
        let (first, places) = (row / lists.width * capacity, lists.of(row));
        let (query, mixed) = (queries.row(row), mixed.row(row));
        weights.resize(places.len(), 0f32);
        for part in 0..heads {
            let range = part * head..part * head + head;
            let query = known::<SIZE>(&query[range.clone()]);
            for (weight, place) in weights.iter_mut().zip(places) {
                *weight = dot(query, known::<SIZE>(&keys.row(first + place)[range.clone()])) * scale;
            }
            softmax(&mut weights);
            if let Some(shown) = &mut shown {
                shown.row(row * heads + part)[..places.len()].copy_from_slice(&weights);
            }
            let mixed = &mut mixed[range.clone()];
            if SIZE == 0 {
                mixed.fill(0.0);
                for (weight, place) in weights.iter().zip(places) {
                    add(mixed, *weight, &values.row(first + place)[range.clone()]);
                }
            } else {
                let mut sums = [0f32; SIZE];
                for (weight, place) in weights.iter().zip(places) {
                    add(&mut sums, *weight, known::<SIZE>(&values.row(first + place)[range.clone()]));
                }
                mixed.copy_from_slice(&sums);
            }
        }
    }
}

/// Tells the compiler how long a slice is.
#[inline(always)]
fn known<const SIZE: usize>(slice: &[f32]) -> &[f32] {
    if SIZE == 0 { slice } else { &slice[..SIZE] }
}

#[inline(always)]
fn add(sums: &mut [f32], weight: f32, value: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(value) {
        *sum += weight * value;
    }
}

/// In lanes, because a sum in one order cannot be made wide.
#[inline(always)]
fn dot(one: &[f32], other: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut sums = [0f32; LANES];
    let (ones, others) = (one.chunks_exact(LANES), other.chunks_exact(LANES));
    let rest: f32 = ones.remainder().iter().zip(others.remainder()).map(|(a, b)| a * b).sum();
    for (one, other) in ones.zip(others) {
        for lane in 0..LANES {
            sums[lane] += one[lane] * other[lane];
        }
    }
    for half in [4, 2, 1] {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
    }
    sums[0] + rest
}

#[inline(always)]
fn softmax(energies: &mut [f32]) {
    let highest =
        energies.iter().copied().fold(f32::NEG_INFINITY, |highest, energy| if energy > highest { energy } else { highest });
    energies.iter_mut().for_each(|energy| *energy = exp(*energy - highest));
    let scale = 1.0 / energies.iter().sum::<f32>();
    energies.iter_mut().for_each(|energy| *energy *= scale);
}

/// eˣ for x of 0 or less, where the library's function could not be made wide: 2ⁿ eʳ with |r| ≤ ln 2 / 2 and a polynomial for eʳ (the
/// coefficients of Cephes' `expf`). Good to two units in the last place; what is below 10⁻³⁸ counts as that.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Adding this rounds to a whole number, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = if x > -87.0 { x } else { -87.0 };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4f32;
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = p * r + coefficient;
    }
    (p * r * r + r + 1.0) * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_e_are_those_of_the_library() {
        for step in 0..=8700 {
            let x = -(step as f32) / 100.0;
            let (found, expected) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((found / expected - 1.0).abs() < 3e-7, "e^{x}: {found} {expected}");
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn walking_and_gathering_agree() {
        tch::manual_seed(4);
        let options = (Kind::Float, Device::Cpu);
        let (sources, capacity, width) = (2, 7, 3);
        for (heads, size) in [(2, 12), (4, 128), (1, 20)] {
            // Queries are a part of wider rows, as they come.
            let queries = Tensor::randn([sources * width, 3 * size], options).narrow(1, size, size);
            let (keys, values) =
                (Tensor::randn([sources, capacity, size], options), Tensor::randn([sources, capacity, size], options));
            let lengths = Tensor::from_slice(&[7f32, 4.0]).unsqueeze(1);
            let listed =
                Tensor::from_slice(&[0i64, 2, 6, 1, 2, 3, 5, 0, 4, 0, 1, 2, 6, 6, 5, 3, 1, 0]).view([sources * width, 3]);
            for places in [Places::First(&lengths), Places::Listed(&listed)] {
                let (expected, expected_weights) = gather(&queries, (&keys, &values), places, heads, true);
                let (found, weights) = walk(&queries, (&keys, &values), places, heads, true);
                assert!(found.allclose(&expected, 1e-5, 1e-6, false));
                assert!(weights.unwrap().allclose(&expected_weights.unwrap(), 1e-5, 1e-6, false));
                assert!(walk(&queries, (&keys, &values), places, heads, false).1.is_none());
            }
        }
    }
}
