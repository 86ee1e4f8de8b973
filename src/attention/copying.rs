//! Copying from the source: the pointer-generator of See, Liu and Manning 2017.

use anyhow::{Result, ensure};
use tch::{Kind, Tensor};

use super::full_precision;
use crate::nn::{Initialization, Linear, Scope};
use crate::text::special::UNK;

/// p_gen = σ(w_h·h* + w_s·s + w_x·x + b) (See et al. 2017, equation 8): whether a word comes from the vocabulary, or from the source.
pub struct CopyGate {
    context: Linear,
    state: Linear,
    input: Linear,
}

impl CopyGate {
    /// For a context, a decoder state and a decoder input of these sizes.
    ///
    /// # Errors
    /// Sizes below 1.
    pub fn new(scope: Scope, [context, state, input]: [i64; 3], initialization: Initialization) -> Result<Self> {
        ensure!(
            [context, state, input].iter().all(|size| *size >= 1),
            "a copy gate needs context, state and input of 1 or more numbers, found {context}, {state} and {input}"
        );
        Ok(CopyGate {
            context: Linear::without_bias(scope.sub("context"), context, 1, initialization),
            state: Linear::without_bias(scope.sub("state"), state, 1, initialization),
            input: Linear::new(scope.sub("input"), input, 1, initialization),
        })
    }

    /// p_gen [B, T, 1] of contexts, states and inputs [B, T, ·].
    pub fn generate(&self, context: &Tensor, state: &Tensor, input: &Tensor) -> Tensor {
        full_precision(&(self.context.forward(context) + self.state.forward(state) + self.input.forward(input))).sigmoid()
    }
}

/// What a decoder copies with: at each of T steps, or for each of T hypotheses side by side.
pub struct Copied {
    /// p_gen [B, T, 1].
    pub generate: Tensor,
    /// Attention [B, T, S].
    pub weights: Tensor,
    /// What each source position is in the target's vocabulary [B, S] (int64): the unknown one where that lacks the word.
    pub ids: Tensor,
}

impl Copied {
    /// log P [N, V] of the mixture at rows [N] (int64, counted over [B · T]) whose logits are [N, V]. All unknown words of the source are one word
    /// here, the unknown one; attention says which of them it is.
    pub fn log_probabilities(&self, logits: &Tensor, rows: &Tensor) -> Tensor {
        let [generate, weights, ids] = self.at(rows, logits.kind());
        let (vocabulary, weights, generate) =
            (logits.softmax(-1, logits.kind()).unsqueeze(1), weights.unsqueeze(1), generate.unsqueeze(1));
        let mixed = copy_mixture(&vocabulary, &weights, &generate, &ids, logits.size()[1]).expect("sizes belong together");
        mixed.squeeze_dim(1).clamp_min(TINY).log()
    }

    /// log P of one target [N] (int64) for each of the rows, as [`Copied::log_probabilities`] has it, but that unknown words are words of their
    /// own: one that the source has, where `repeated` [N, S] holds, can be copied from there and not be generated, since the vocabulary's unknown
    /// word is another; one that the source does not have is the vocabulary's unknown word and nothing else.
    pub fn of_targets(&self, logits: &Tensor, rows: &Tensor, targets: &Tensor, repeated: &Tensor) -> Tensor {
        let [generate, weights, ids] = self.at(rows, logits.kind());
        let one = targets.unsqueeze(1);
        let known = one.ne(i64::from(UNK));
        let in_vocabulary = known.logical_or(&repeated.any_dim(1, true).logical_not());
        let generated = logits.log_softmax(-1, logits.kind()).gather(1, &one, false).exp() * in_vocabulary;
        let here = ids.eq_tensor(&one).logical_and(&known.logical_or(repeated));
        let copied = (weights * here).sum_dim_intlist([1i64].as_slice(), true, logits.kind());
        (generated * &generate + copied * (1.0_f64 - &generate)).squeeze_dim(1).clamp_min(TINY).log()
    }

    /// p_gen [N, 1], attention [N, S] and ids [N, S] of rows [N], counted over [B · T].
    fn at(&self, rows: &Tensor, kind: Kind) -> [Tensor; 3] {
        let (steps, positions) = (self.weights.size()[1], self.weights.size()[2]);
        [
            self.generate.reshape([-1, 1]).index_select(0, rows),
            self.weights.reshape([-1, positions]).index_select(0, rows).to_kind(kind),
            self.ids.index_select(0, &rows.floor_divide_scalar(steps)),
        ]
    }
}

/// Smallest probability that is told from zero: its logarithm is finite.
const TINY: f64 = 1e-30;

/// P(w) = p_gen P_vocab(w) + (1 - p_gen) Σ_{j: w_j = w} a_j (See et al. 2017, equation 9): [B, T, X].
///
/// `vocabulary` P_vocab [B, T, V], `attention` a [B, T, S], `generate` p_gen [B, T, 1]. `ids` [B, S] are those of the source's words in the
/// extended vocabulary of X ≥ V words: words that the vocabulary lacks have ids from V on, each word of a source its own. Padding has no
/// attention, so that its ids count for nothing.
///
/// # Errors
/// An extended vocabulary smaller than the vocabulary, and sizes that do not belong together.
pub fn copy_mixture(vocabulary: &Tensor, attention: &Tensor, generate: &Tensor, ids: &Tensor, extended: i64) -> Result<Tensor> {
    let (words, positions) = (vocabulary.size(), attention.size());
    ensure!(
        words.len() == 3 && positions.len() == 3 && words[..2] == positions[..2] && ids.size() == [positions[0], positions[2]],
        "copying needs P_vocab [B, T, V], attention [B, T, S] and ids [B, S], found {words:?}, {positions:?} and {:?}",
        ids.size()
    );
    ensure!(extended >= words[2], "the extended vocabulary holds the {} words of the vocabulary too, found {extended}", words[2]);
    let generated = (vocabulary * generate).constant_pad_nd([0, extended - words[2]]);
    let copied = attention * (1.0 - generate);
    Ok(generated.scatter_add(2, &ids.unsqueeze(1).expand_as(&copied), &copied.to_kind(generated.kind())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Parameters;
    use crate::nn::numerical::{check_gradients, leaf};

    #[test]
    fn a_word_gets_what_its_places_have() {
        // V 3, X 5; the source says word 1, an unknown word 3, word 1 again, another unknown word 4.
        let vocabulary = Tensor::from_slice(&[0.2f64, 0.5, 0.3]).reshape([1, 1, 3]);
        let attention = Tensor::from_slice(&[0.1f64, 0.4, 0.3, 0.2]).reshape([1, 1, 4]);
        let generate = Tensor::from_slice(&[0.75f64]).reshape([1, 1, 1]);
        let ids = Tensor::from_slice(&[1i64, 3, 1, 4]).unsqueeze(0);
        let mixed = copy_mixture(&vocabulary, &attention, &generate, &ids, 5).unwrap();
        let expected = Tensor::from_slice(&[0.15, 0.375 + 0.25 * 0.4, 0.225, 0.1, 0.05]).reshape([1, 1, 5]);
        assert!(mixed.allclose(&expected, 1e-12, 1e-12, false));
        assert!((mixed.sum(Kind::Double).double_value(&[]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn one_target_is_one_entry_of_the_mixture_and_an_unknown_one_is_copied_or_generated() {
        tch::manual_seed(4);
        let options = (Kind::Double, tch::Device::Cpu);
        // B 2, T 3, S 4, V 5; word 1 is the unknown one.
        let copied = Copied {
            generate: Tensor::rand([2, 3, 1], options),
            weights: Tensor::randn([2, 3, 4], options).softmax(-1, Kind::Double),
            ids: Tensor::from_slice(&[1i64, 4, 1, 3, 2, 2, 0, 1]).reshape([2, 4]),
        };
        let (rows, targets) = (Tensor::from_slice(&[0i64, 2, 4, 5]), Tensor::from_slice(&[1i64, 3, 2, 1]));
        let logits = Tensor::randn([4, 5], options);
        let all = copied.log_probabilities(&logits, &rows);
        assert!(all.exp().sum_dim_intlist([1i64].as_slice(), false, Kind::Double).allclose(
            &Tensor::ones([4], options),
            1e-9,
            1e-9,
            false
        ));
        // Both targets that are unknown, with nothing, one and two places of the source that spell them.
        let expected = all.gather(1, &targets.unsqueeze(1), false).squeeze_dim(1);
        let words = logits.softmax(-1, Kind::Double);
        for places in [[false; 4], [false, false, true, false], [true, false, true, false]] {
            let repeated = Tensor::from_slice(&places).expand([4, 4], false);
            let found = copied.of_targets(&logits, &rows, &targets, &repeated);
            let generate = copied.generate.double_value(&[0, 0, 0]);
            let share: f64 = (0..4).filter(|&j| places[j as usize]).map(|j| copied.weights.double_value(&[0, 0, j])).sum();
            let by_hand = if share > 0.0 { (1.0 - generate) * share } else { generate * words.double_value(&[0, 1]) };
            assert!((found.double_value(&[0]) - by_hand.ln()).abs() < 1e-9, "{places:?}");
            assert!(found.narrow(0, 1, 2).allclose(&expected.narrow(0, 1, 2), 1e-9, 1e-9, false), "known words are as they were");
        }
    }

    #[test]
    fn what_is_copied_teaches_the_vocabulary_nothing_but_to_stand_back() {
        tch::manual_seed(6);
        let store = Parameters::double(2);
        let gate = CopyGate::new(store.root(), [2, 3, 4], Initialization::Uniform(0.7)).unwrap();
        let mut inputs = vec![leaf("context", &[1, 3, 2]), leaf("state", &[1, 3, 3]), leaf("input", &[1, 3, 4])];
        inputs.extend([leaf("logits", &[3, 4]), leaf("energies", &[1, 3, 3])]);
        let [context, state, input, logits, energies] = [0, 1, 2, 3, 4].map(|index| inputs[index].1.shallow_clone());
        inputs.extend(store.named());
        // An unknown word that the source has at its last place, one that it has not, and word 3, which both have.
        let (rows, targets) = (Tensor::from_slice(&[0i64, 1, 2]), Tensor::from_slice(&[1i64, 1, 3]));
        let repeated = Tensor::from_slice(&[false, false, true, false, false, false, false, false, false]).reshape([3, 3]);
        let loss = || {
            let copied = Copied {
                generate: gate.generate(&context, &state, &input),
                weights: energies.softmax(-1, Kind::Double),
                ids: Tensor::from_slice(&[1i64, 3, 1]).unsqueeze(0),
            };
            copied.of_targets(&logits, &rows, &targets, &repeated).neg().sum(Kind::Double)
        };
        check_gradients(&inputs, loss);
        let gradients = Tensor::run_backward(&[loss()], &[&logits, &energies], false, false);
        let none = |gradient: &Tensor, row| gradient.get(row).abs().max().double_value(&[]) == 0.0;
        assert!(none(&gradients[0], 0), "the vocabulary has no share in a name: {:?}", gradients[0]);
        assert!(none(&gradients[1].get(0), 1), "attention has no share in what the source has not: {:?}", gradients[1]);
        assert!(gradients[1].get(0).get(0).double_value(&[2]) < 0.0, "attention is drawn to the place that has the name");
    }

    #[test]
    fn gradients_are_those_of_differences() {
        tch::manual_seed(3);
        let store = Parameters::double(5);
        let gate = CopyGate::new(store.root(), [2, 3, 4], Initialization::Uniform(0.7)).unwrap();
        let mut inputs = vec![leaf("context", &[2, 2, 2]), leaf("state", &[2, 2, 3]), leaf("input", &[2, 2, 4])];
        inputs.extend([leaf("logits", &[2, 2, 3]), leaf("energies", &[2, 2, 3])]);
        let [context, state, input, logits, energies] = [0, 1, 2, 3, 4].map(|index| inputs[index].1.shallow_clone());
        inputs.extend(store.named());
        let ids = Tensor::from_slice(&[0i64, 3, 3, 1, 4, 3]).reshape([2, 3]);
        let probe = Tensor::randn([2, 2, 5], (Kind::Double, tch::Device::Cpu));
        check_gradients(&inputs, || {
            let generate = gate.generate(&context, &state, &input);
            let (words, places) = (logits.softmax(-1, Kind::Double), energies.softmax(-1, Kind::Double));
            (copy_mixture(&words, &places, &generate, &ids, 5).unwrap().square() * &probe).sum(Kind::Double)
        });
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let ones = |size: &[i64]| Tensor::ones(size, (Kind::Float, tch::Device::Cpu));
        let ids = Tensor::from_slice(&[0i64, 1, 2, 0]).unsqueeze(0);
        let mix = |attention: &Tensor, extended| copy_mixture(&ones(&[1, 2, 3]), attention, &ones(&[1, 2, 1]), &ids, extended);
        assert!(mix(&ones(&[1, 2, 4]), 2).unwrap_err().to_string().contains("found 2"));
        assert!(mix(&ones(&[1, 2, 5]), 3).unwrap_err().to_string().contains("[1, 2, 5]"));
        assert!(CopyGate::new(Parameters::double(1).root(), [4, 0, 2], Initialization::Constant(0.0)).is_err());
    }
}
