//! A sentence's vector from those of its words.

use tch::Tensor;

use crate::text::special::PAD;

/// How word vectors are summed (section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentenceEncoding {
    /// Σ_j A x_j: the order of words is lost.
    BagOfWords,
    /// Σ_j l_j ∘ A x_j with l_kj = 2 ((1 - j/J) - (k/D) (1 - 2j/J)), where J is the sentence's length and j and k count from 1.
    /// The paper's equation lacks the 2, its authors' program has it: the weights are then about 1 on average, as in a bag of
    /// words.
    Position,
}

impl SentenceEncoding {
    /// Sentences [N, L] (ids, padding behind) by tables that stand side by side [V, X·D], X·D to [N, X·D]. `size` is D.
    pub(super) fn encode(self, ids: &Tensor, table: &Tensor, size: i64) -> Tensor {
        let vectors = Tensor::embedding(table, ids, -1, false, false);
        let kind = vectors.kind();
        let words = ids.not_equal(i64::from(PAD)).to_kind(kind);
        match self {
            SentenceEncoding::BagOfWords => words.unsqueeze(1).matmul(&vectors).squeeze_dim(1),
            SentenceEncoding::Position => {
                // l is 2 (1 - j/J) less k/D times 2 (1 - 2j/J): two sums over the words do for all k.
                let options = (kind, ids.device());
                let lengths = words.sum_dim_intlist([1i64].as_slice(), true, kind).clamp_min(1);
                let share = &words * (Tensor::arange_start(1, ids.size()[1] + 1, options) / lengths);
                let weights = Tensor::stack(&[&words - &share, &words - &share * 2.0], 1) * 2.0;
                let sums = weights.matmul(&vectors);
                let ramp = Tensor::arange_start(1, size + 1, options) / size as f64;
                let tables = table.size()[1] / size;
                sums.select(1, 0) - sums.select(1, 1) * ramp.repeat([tables])
            }
        }
    }
}
