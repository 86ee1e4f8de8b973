//! Hierarchical attention (Yang et al. 2016): words make sentences, sentences make a document, and attention at both levels says which
//! count.

use anyhow::{Result, ensure};
use tch::{Kind, Tensor};

use crate::nn::{CellInitialization, ForwardContext, Initialization, Linear, RecurrentStack, Scope, Weight, masked_softmax};
use crate::recipe::CellKind;
use crate::recipe::PoolingKind;

/// Sizes of a [`Hierarchical`] reader.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HierarchicalOptions {
    /// Size of word vectors, E.
    pub words: i64,
    /// Size of the states of a direction of the word level. 50 in the paper.
    pub word_hidden: i64,
    /// The same of the sentence level. 50 in the paper.
    pub sentence_hidden: i64,
    /// Size of the context vectors. 100 in the paper.
    pub context: i64,
    pub pooling: PoolingKind,
    pub initialization: Initialization,
}

/// The documents of a batch: B documents with N sentences in all, which stand one after another.
pub struct Documents<'a> {
    /// Word vectors of every sentence [N, L, E].
    pub words: &'a Tensor,
    /// How many words each sentence has, N numbers of 1 to L.
    pub lengths: &'a [i64],
    /// How many sentences each document has, B numbers of 1 or more that sum to N.
    pub sentences: &'a [i64],
}

/// What was read of some documents, the longest of which has M sentences.
pub struct HierarchicalOutput {
    /// A vector for each document [B, D], D = 2 · `sentence_hidden`.
    pub vectors: Tensor,
    /// Share of each sentence in its document [B, M]. Rows sum to one.
    pub sentence_weights: Tensor,
    /// Share of each word in its sentence [N, L]. Rows sum to one.
    pub word_weights: Tensor,
}

/// A bidirectional GRU and attention over words, and the same over the sentence vectors that come of it (Yang et al. 2016, equations 1 to 10).
pub struct Hierarchical {
    words: Level,
    sentences: Level,
}

impl Hierarchical {
    /// # Errors
    /// Sizes below 1.
    pub fn new(scope: Scope, options: &HierarchicalOptions) -> Result<Self> {
        let HierarchicalOptions { words, word_hidden, sentence_hidden, context, .. } = *options;
        ensure!(
            [words, word_hidden, sentence_hidden, context].iter().all(|size| *size >= 1),
            "hierarchical attention needs sizes of 1 or more, found words of {words}, word states of {word_hidden}, sentence states of \
             {sentence_hidden} and contexts of {context}"
        );
        Ok(Hierarchical {
            words: Level::new(scope.sub("words"), words, word_hidden, options),
            sentences: Level::new(scope.sub("sentences"), 2 * word_hidden, sentence_hidden, options),
        })
    }

    /// # Errors
    /// Documents without sentences, sentences without words, and counts that do not fit each other.
    pub fn read(&self, documents: &Documents) -> Result<HierarchicalOutput> {
        let Documents { words, lengths, sentences } = *documents;
        let (count, longest) = (words.size()[0], words.size()[1]);
        ensure!(
            lengths.len() as i64 == count && lengths.iter().all(|length| (1..=longest).contains(length)),
            "{count} sentences of at most {longest} words need {count} lengths of 1 to {longest}, found {lengths:?}"
        );
        ensure!(
            sentences.iter().all(|count| *count >= 1) && sentences.iter().sum::<i64>() == count,
            "documents have 1 or more sentences each, {count} in all; found {sentences:?}"
        );
        let Pooled { vectors, weights: word_weights } = self.words.read(words, lengths);
        let Pooled { vectors, weights: sentence_weights } = self.sentences.read(&by_document(&vectors, sentences), sentences);
        Ok(HierarchicalOutput { vectors, sentence_weights, word_weights })
    }
}

/// Sentence vectors [N, D] laid out by document [B, M, D].
fn by_document(vectors: &Tensor, sentences: &[i64]) -> Tensor {
    let longest = sentences.iter().copied().max().unwrap_or(0);
    let mut first = 0;
    let mut rows = Vec::with_capacity(sentences.len() * longest as usize);
    for &count in sentences {
        // Padding shows the document's last sentence again; it is hidden by the length.
        rows.extend((0..longest).map(|sentence| first + sentence.min(count - 1)));
        first += count;
    }
    let rows = Tensor::from_slice(&rows).to_device(vectors.device());
    vectors.index_select(0, &rows).reshape([sentences.len() as i64, longest, vectors.size()[1]])
}

/// One vector made of several.
struct Pooled {
    /// [N, D]
    pub vectors: Tensor,
    /// Share of each position [N, S]. Rows sum to one.
    pub weights: Tensor,
}

/// One level: states of a bidirectional GRU, and what pools them.
struct Level {
    recurrence: RecurrentStack,
    pooling: Pooling,
}

/// What makes one vector of the states h of a level. Attention asks with a context vector, from above; the maximum and gates let pass what stands out
/// by itself, from below.
enum Pooling {
    Attention(ContextAttention),
    Average,
    Max,
    /// σ(W h + b)
    Gated(Linear),
}

/// α_t = softmax(u_t · u) with u_t = tanh(W h_t + b) and a learned context vector u (Yang et al. 2016, equations 5 and 6).
struct ContextAttention {
    hidden: Linear,
    context: Weight,
}

impl Level {
    fn new(scope: Scope, input: i64, hidden: i64, options: &HierarchicalOptions) -> Self {
        let start = options.initialization;
        let recurrent = CellInitialization { input: start, recurrent: start };
        Level {
            recurrence: RecurrentStack::new(scope.sub("rnn"), CellKind::Gru, input, hidden, 1, true, recurrent),
            pooling: match options.pooling {
                PoolingKind::Attention => Pooling::Attention(ContextAttention {
                    hidden: Linear::new(scope.sub("hidden"), 2 * hidden, options.context, start),
                    context: scope.tensor("context", &[options.context], start),
                }),
                PoolingKind::Average => Pooling::Average,
                PoolingKind::Max => Pooling::Max,
                PoolingKind::Gated => Pooling::Gated(Linear::new(scope.sub("gate"), 2 * hidden, 2 * hidden, start)),
            },
        }
    }

    /// Sequences [N, S, ·] with these true lengths, each pooled into one vector.
    fn read(&self, input: &Tensor, lengths: &[i64]) -> Pooled {
        let states = self.recurrence.read(input, lengths, 0.0, &ForwardContext::evaluation()).states;
        let positions = Tensor::arange(input.size()[1], (Kind::Int64, input.device()));
        let keep = positions.unsqueeze(0).lt_tensor(&Tensor::from_slice(lengths).to_device(input.device()).unsqueeze(1));
        self.pooling.pool(&states, &keep)
    }
}

impl Pooling {
    /// States [N, S, D] of which `keep` [N, S] says which are there.
    fn pool(&self, states: &Tensor, keep: &Tensor) -> Pooled {
        let by_energies = |energies: Tensor| {
            let weights = masked_softmax(&energies, keep); // [N, S]
            Pooled { vectors: weights.unsqueeze(1).matmul(states).squeeze_dim(1), weights }
        };
        let absent = keep.logical_not().unsqueeze(-1); // [N, S, 1]
        match self {
            Pooling::Attention(attention) => by_energies(attention.hidden.forward(states).tanh().matmul(&attention.context)),
            // Equal energies are a mean.
            Pooling::Average => by_energies(keep.zeros_like().to_kind(states.kind())),
            Pooling::Max => {
                let (vectors, places) = states.masked_fill(&absent, f64::NEG_INFINITY).max_dim(1, false); // [N, D] each
                // For how many of its units a position is the largest.
                let weights =
                    places.one_hot(states.size()[1]).to_kind(states.kind()).mean_dim([1i64].as_slice(), false, None::<Kind>); // [N, S]
                Pooled { vectors, weights }
            }
            Pooling::Gated(gate) => {
                let open = gate.forward(states).sigmoid().masked_fill(&absent, 0.0); // [N, S, D]
                let lengths = keep.sum_dim_intlist([1i64].as_slice(), true, states.kind()); // [N, 1]
                let vectors = (&open * states).sum_dim_intlist([1i64].as_slice(), false, None::<Kind>) / lengths; // [N, D]
                let weights = open.mean_dim([-1i64].as_slice(), false, None::<Kind>); // [N, S]
                Pooled { vectors, weights: &weights / weights.sum_dim_intlist([1i64].as_slice(), true, None::<Kind>) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Parameters;
    use crate::nn::numerical::{check_gradients, leaf};
    use tch::Device;

    fn options(pooling: PoolingKind) -> HierarchicalOptions {
        let initialization = Initialization::Uniform(0.6);
        HierarchicalOptions { words: 3, word_hidden: 2, sentence_hidden: 2, context: 3, pooling, initialization }
    }

    const EVERY: [PoolingKind; 4] = [PoolingKind::Attention, PoolingKind::Average, PoolingKind::Max, PoolingKind::Gated];

    #[test]
    fn weights_are_shares_and_neighbours_change_nothing() {
        tch::manual_seed(1);
        for pooling in EVERY {
            let reader = Hierarchical::new(Parameters::double(2).root(), &options(pooling)).unwrap();
            let words = Tensor::randn([5, 4, 3], (Kind::Double, Device::Cpu));
            let (lengths, sentences) = ([4, 2, 1, 3, 2], [3, 2]);
            let read = reader.read(&Documents { words: &words, lengths: &lengths, sentences: &sentences }).unwrap();
            for weights in [&read.word_weights, &read.sentence_weights] {
                let sums = weights.sum_dim_intlist([-1i64].as_slice(), false, Kind::Double);
                assert!(sums.allclose(&sums.ones_like(), 1e-9, 1e-9, false));
            }
            assert_eq!(read.sentence_weights.double_value(&[1, 2]), 0.0);
            assert_eq!(read.word_weights.get(2).narrow(0, 1, 3).abs().max().double_value(&[]), 0.0);
            // The second document alone, without the padding that the first brought about.
            let alone = words.narrow(0, 3, 2).narrow(1, 0, 3);
            let alone = reader.read(&Documents { words: &alone, lengths: &lengths[3..], sentences: &sentences[1..] }).unwrap();
            assert!(alone.vectors.allclose(&read.vectors.narrow(0, 1, 1), 1e-9, 1e-12, false));
            assert!(alone.sentence_weights.allclose(&read.sentence_weights.narrow(0, 1, 1).narrow(1, 0, 2), 1e-9, 1e-12, false));
            let even = alone.sentence_weights.allclose(&alone.sentence_weights.full_like(0.5), 1e-9, 1e-9, false);
            // Both sentences may be the largest in as many units.
            assert!(pooling == PoolingKind::Max || even == (pooling == PoolingKind::Average));
        }
    }

    #[test]
    fn gradients_are_those_of_differences() {
        for pooling in EVERY {
            tch::manual_seed(2);
            let store = Parameters::double(3);
            let reader = Hierarchical::new(store.root(), &options(pooling)).unwrap();
            let mut inputs = vec![leaf("words", &[3, 2, 3])];
            inputs.extend(store.named());
            let words = inputs[0].1.shallow_clone();
            let probe = Tensor::randn([2, 4], (Kind::Double, Device::Cpu));
            check_gradients(&inputs, || {
                let read = reader.read(&Documents { words: &words, lengths: &[2, 1, 2], sentences: &[2, 1] }).unwrap();
                let mut sum = (read.vectors * &probe).sum(Kind::Double);
                // Of a maximum the shares are counts.
                if pooling != PoolingKind::Max {
                    sum += read.sentence_weights.square().sum(Kind::Double);
                }
                sum
            });
        }
    }

    #[test]
    fn the_maximum_and_gates_are_those_of_each_unit() {
        let states = Tensor::from_slice(&[1.0f64, -2.0, 3.0, -5.0, 9.0, 9.0]).view([1, 3, 2]);
        let keep = Tensor::from_slice(&[true, true, false]).view([1, 3]);
        let of = |pooled: &Pooled| {
            (Vec::<f64>::try_from(pooled.vectors.view(-1)).unwrap(), Vec::<f64>::try_from(pooled.weights.view(-1)).unwrap())
        };
        assert_eq!(of(&Pooling::Max.pool(&states, &keep)), (vec![3.0, -2.0], vec![0.5, 0.5, 0.0]));
        let store = Parameters::double(1);
        let gate = Linear::new(store.root(), 2, 2, Initialization::Constant(0.0));
        // Gates that say nothing are half open.
        let (vectors, weights) = of(&Pooling::Gated(gate).pool(&states, &keep));
        assert!((vectors[0] - 1.0).abs() < 1e-9 && (vectors[1] + 1.75).abs() < 1e-9, "{vectors:?}");
        assert!((weights[0] - 0.5).abs() < 1e-9 && weights[2] == 0.0, "{weights:?}");
    }

    #[test]
    fn counts_that_do_not_fit_are_refused() {
        let reader = Hierarchical::new(Parameters::double(2).root(), &options(PoolingKind::Attention)).unwrap();
        let words = Tensor::zeros([2, 3, 3], (Kind::Double, Device::Cpu));
        let error = |lengths: &[i64], sentences: &[i64]| {
            reader.read(&Documents { words: &words, lengths, sentences }).map(|_| ()).unwrap_err().to_string()
        };
        assert!(error(&[3, 4], &[2]).contains("lengths of 1 to 3"));
        assert!(error(&[3], &[1]).contains("2 lengths"));
        assert!(error(&[3, 0], &[2]).contains("[3, 0]"));
        assert!(error(&[3, 1], &[2, 0]).contains("1 or more sentences"));
        let none = HierarchicalOptions { context: 0, ..options(PoolingKind::Attention) };
        assert!(
            Hierarchical::new(Parameters::double(2).root(), &none).map(|_| ()).unwrap_err().to_string().contains("contexts of 0")
        );
    }
}
