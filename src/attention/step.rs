//! Multi-head attention of single queries: what a decoder does at every step of a search.
//!
//! One query a row and a few places to look at are too little work for a matrix product. On a CPU the rows are therefore walked through
//! here, where they lie: nothing is transposed, padded or copied. Other devices gather and multiply.

use multiversion::multiversion;
use tch::{Device, Kind, Tensor};

use crate::nn::Rows;

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
    let attend = if queries.device() == Device::Cpu && queries.kind() == Kind::Float { walk } else { gather };
    attend(queries, (keys, values), places, heads, wanted)
}

/// By libtorch's operations, on any device.
fn gather(queries: &Tensor, (keys, values): (&Tensor, &Tensor), places: Places, heads: i64, wanted: bool) -> (Tensor, Option<Tensor>) {
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
fn walk(queries: &Tensor, (keys, values): (&Tensor, &Tensor), places: Places, heads: i64, wanted: bool) -> (Tensor, Option<Tensor>) {
    let (rows, size) = queries.size2().expect("queries are rows");
    let (sources, capacity, _) = keys.size3().expect("a memory has three dimensions");
    let width = (rows / sources) as usize;
    let (places, columns) = match places {
        Places::First(lengths) => {
            let lengths: Vec<f32> = Vec::try_from(lengths.reshape(-1)).expect("lengths are a list of numbers");
            let rows = lengths.iter().flat_map(|&length| std::iter::repeat_n((0..length as usize).collect(), width));
            (rows.collect::<Vec<Vec<usize>>>(), capacity)
        }
        Places::Listed(places) => {
            let count = places.size()[1];
            let places: Vec<i64> = Vec::try_from(places.reshape(-1)).expect("places are a list of integers");
            let rows = places.chunks(count as usize).map(|places| places.iter().map(|&place| place as usize).collect());
            (rows.collect(), count)
        }
    };
    let output = Tensor::empty([rows, size], (Kind::Float, Device::Cpu));
    let weights = wanted.then(|| Tensor::zeros([rows, heads, columns], (Kind::Float, Device::Cpu)));
    let by_head = weights.as_ref().map(|weights| weights.view([rows * heads, columns]));
    let memory = [keys, values].map(|memory| memory.view([sources * capacity, size]));
    attend_rows(
        &Rows::of(queries),
        &[Rows::of(&memory[0]), Rows::of(&memory[1])],
        &places,
        (width, capacity as usize, heads as usize),
        &mut Rows::of(&output),
        by_head.as_ref().map(Rows::of).as_mut(),
    );
    (output, weights)
}

/// `places` are those of every row, counted from its source's first; `shape` is W, P and H.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn attend_rows(
    queries: &Rows,
    [keys, values]: &[Rows; 2],
    places: &[Vec<usize>],
    (width, capacity, heads): (usize, usize, usize),
    mixed: &mut Rows,
    mut shown: Option<&mut Rows>,
) {
    let head = queries.width() / heads;
    let scale = (head as f32).powf(-0.5);
    let mut weights = Vec::new();
    for (row, places) in places.iter().enumerate() {
        let first = row / width * capacity;
        let count = places.len();
        let query = queries.row(row);
        weights.clear();
        weights.resize(heads * count, 0f32);
        for (at, place) in places.iter().enumerate() {
            let key = keys.row(first + place);
            for part in 0..heads {
                let range = part * head..(part + 1) * head;
                weights[part * count + at] = dot(&query[range.clone()], &key[range]) * scale;
            }
        }
        for (part, weights) in weights.chunks_mut(count).enumerate() {
            softmax(weights);
            if let Some(shown) = &mut shown {
                shown.row_mut(row * heads + part)[..count].copy_from_slice(weights);
            }
        }
        let mixed = mixed.row_mut(row);
        mixed.fill(0.0);
        for (at, place) in places.iter().enumerate() {
            let value = values.row(first + place);
            for part in 0..heads {
                let (weight, range) = (weights[part * count + at], part * head..(part + 1) * head);
                for (mixed, value) in mixed[range.clone()].iter_mut().zip(&value[range]) {
                    *mixed += weight * value;
                }
            }
        }
    }
}

/// In lanes, because a sum in one order cannot be made wide.
#[inline(always)]
fn dot(one: &[f32], other: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0f32; LANES];
    let (ones, others) = (one.chunks_exact(LANES), other.chunks_exact(LANES));
    let rest: f32 = ones.remainder().iter().zip(others.remainder()).map(|(a, b)| a * b).sum();
    for (one, other) in ones.zip(others) {
        for lane in 0..LANES {
            sums[lane] += one[lane] * other[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[inline(always)]
fn softmax(energies: &mut [f32]) {
    let highest = energies.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0f32;
    for energy in energies.iter_mut() {
        *energy = (*energy - highest).exp();
        sum += *energy;
    }
    energies.iter_mut().for_each(|energy| *energy /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walking_and_gathering_agree() {
        tch::manual_seed(4);
        let options = (Kind::Float, Device::Cpu);
        let (sources, capacity, width) = (2, 7, 3);
        for (heads, size) in [(2, 12), (4, 128), (1, 20)] {
            // Queries are a part of wider rows, as they come.
            let queries = Tensor::randn([sources * width, 3 * size], options).narrow(1, size, size);
            let (keys, values) = (Tensor::randn([sources, capacity, size], options), Tensor::randn([sources, capacity, size], options));
            let lengths = Tensor::from_slice(&[7f32, 4.0]).unsqueeze(1);
            let listed = Tensor::from_slice(&[0i64, 2, 6, 1, 2, 3, 5, 0, 4, 0, 1, 2, 6, 6, 5, 3, 1, 0]).view([sources * width, 3]);
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
