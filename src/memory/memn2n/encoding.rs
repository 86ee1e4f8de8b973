//! A sentence's vector from those of its words.

use tch::Tensor;

use crate::recipe::WordEncoding;

use crate::text::special::PAD;

impl WordEncoding {
    /// Sentences [N, L] (ids, padding behind) by tables that stand side by side [V, X·D], X·D to [N, X·D]. `size` is D.
    pub(super) fn encode(self, ids: &Tensor, table: &Tensor, size: i64) -> Tensor {
        let vectors = Tensor::embedding(table, ids, -1, false, false); // [N, L, X·D]
        let kind = vectors.kind();
        let words = ids.not_equal(i64::from(PAD)).to_kind(kind); // [N, L]
        match self {
            WordEncoding::BagOfWords => words.unsqueeze(1).matmul(&vectors).squeeze_dim(1), // [N, X·D]
            WordEncoding::Position => {
                // l is 2 (1 - j/J) less k/D times 2 (1 - 2j/J): two sums over the words do for all k.
                let options = (kind, ids.device());
                let lengths = words.sum_dim_intlist([1i64].as_slice(), true, kind).clamp_min(1); // [N, 1]
                let share = &words * (Tensor::arange_start(1, ids.size()[1] + 1, options) / lengths); // j/J [N, L]
                let weights = Tensor::stack(&[&words - &share, &words - &share * 2.0], 1) * 2.0; // [N, 2, L]
                let sums = weights.matmul(&vectors); // [N, 2, X·D]
                let ramp = Tensor::arange_start(1, size + 1, options) / size as f64; // k/D [D]
                let tables = table.size()[1] / size;
                sums.select(1, 0) - sums.select(1, 1) * ramp.repeat([tables]) // [N, X·D]
            }
        }
    }
}
