//! The one place where token ids become tensors.

use tch::{Device, Kind, Tensor};

use crate::text::special::{BOS, EOS, PAD};

/// Sources of a batch, each ended by EOS.
pub struct Source {
    /// Token ids [B, S] (int64).
    pub ids: Tensor,
    /// True lengths, EOS included.
    pub lengths: Vec<i64>,
    /// True where there is a token [B, S].
    pub keep: Tensor,
}

impl Source {
    /// Ids without special tokens; EOS is added here.
    pub fn new<T: AsRef<[u32]>>(sentences: &[T], device: Device) -> Self {
        let lengths: Vec<i64> = sentences.iter().map(|ids| ids.as_ref().len() as i64 + 1).collect();
        let width = lengths.iter().copied().max().unwrap_or(0) as usize;
        let mut ids = vec![i64::from(PAD); sentences.len() * width];
        for (row, sentence) in ids.chunks_mut(width.max(1)).zip(sentences) {
            let sentence = sentence.as_ref();
            fill(row, sentence.iter().copied().chain([EOS]));
        }
        let ids = Tensor::from_slice(&ids).reshape([sentences.len() as i64, width as i64]);
        let keep = keep(&lengths, width as i64);
        Source { ids: ids.to_device(device), lengths, keep: keep.to_device(device) }
    }

    /// B
    pub fn rows(&self) -> i64 {
        self.lengths.len() as i64
    }
}

/// Targets of a batch for teacher forcing.
pub struct Target {
    /// BOS, y_1 … y_n [B, T] (int64).
    pub input: Tensor,
    /// Indices of real positions in the flattened [B·T] (int64): what the loss looks at.
    pub real: Tensor,
    /// y_1 … y_n, EOS at the real positions, in the order of `real` (int64).
    pub output: Tensor,
    /// True lengths, EOS included.
    pub lengths: Vec<i64>,
}

impl Target {
    /// Ids without special tokens; BOS and EOS are added here.
    pub fn new<T: AsRef<[u32]>>(sentences: &[T], device: Device) -> Self {
        let lengths: Vec<i64> = sentences.iter().map(|ids| ids.as_ref().len() as i64 + 1).collect();
        let width = lengths.iter().copied().max().unwrap_or(0) as usize;
        let mut input = vec![i64::from(PAD); sentences.len() * width];
        let mut real = Vec::new();
        let mut output = Vec::new();
        for (index, (row, sentence)) in input.chunks_mut(width.max(1)).zip(sentences).enumerate() {
            let sentence = sentence.as_ref();
            fill(row, [BOS].into_iter().chain(sentence.iter().copied()));
            real.extend((0..=sentence.len()).map(|step| (index * width + step) as i64));
            output.extend(sentence.iter().copied().chain([EOS]).map(i64::from));
        }
        let input = Tensor::from_slice(&input).reshape([sentences.len() as i64, width as i64]);
        Target {
            input: input.to_device(device),
            real: Tensor::from_slice(&real).to_device(device),
            output: Tensor::from_slice(&output).to_device(device),
            lengths,
        }
    }

    /// Number of real positions.
    pub fn tokens(&self) -> i64 {
        self.lengths.iter().sum()
    }
}

fn fill(row: &mut [i64], ids: impl Iterator<Item = u32>) {
    for (place, id) in row.iter_mut().zip(ids) {
        *place = i64::from(id);
    }
}

/// True where a row of this length has a token [B, width].
fn keep(lengths: &[i64], width: i64) -> Tensor {
    let lengths = Tensor::from_slice(lengths).unsqueeze(1);
    Tensor::arange(width, (Kind::Int64, Device::Cpu)).unsqueeze(0).lt_tensor(&lengths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_end_with_eos_and_are_padded_behind_it() {
        let source = Source::new(&[vec![7, 8], vec![], vec![9]], Device::Cpu);
        let rows: Vec<Vec<i64>> = Vec::try_from(source.ids).unwrap();
        assert_eq!(rows, [[7, 8, 3], [3, 0, 0], [9, 3, 0]]);
        assert_eq!(source.lengths, [3, 1, 2]);
        let keep: Vec<Vec<bool>> = Vec::try_from(source.keep).unwrap();
        assert_eq!(keep, [[true, true, true], [true, false, false], [true, true, false]]);
    }

    #[test]
    fn targets_are_shifted_and_real_positions_counted() {
        let target = Target::new(&[vec![7, 8], vec![9]], Device::Cpu);
        let rows: Vec<Vec<i64>> = Vec::try_from(target.input).unwrap();
        assert_eq!(rows, [[2, 7, 8], [2, 9, 0]]);
        assert_eq!(Vec::<i64>::try_from(&target.real).unwrap(), [0, 1, 2, 3, 4]);
        assert_eq!(Vec::<i64>::try_from(&target.output).unwrap(), [7, 8, 3, 9, 3]);
    }
}
