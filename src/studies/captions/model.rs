//! The captioner: a convolutional encoder, and an LSTM that looks at its annotations before every word (Xu et al. 2015, section 3).

use anyhow::Result;
use tch::{Kind, Tensor};

use super::batch::Batch;
use super::caption::vocabulary_size;
use super::scene::CANVAS;
use crate::attention::hard::{HardAttention, Sampled};
use crate::attention::{Attention, AttentionOptions, Prepared, QuerySteps};
use crate::nn::{
    Cell, CellInitialization, CellState, Convolution, Embedding, ForwardContext, Initialization, Linear, Parameters,
    ReceptiveField, Stepper,
};
use crate::recipe::{AttentionRecipe, CaptionAttention, CaptionsRecipe, CellKind, ScoreKind};
use crate::text::special::{BOS, EOS, PAD};

/// Kernel and stride of each convolution.
const LAYERS: [(i64, i64); 3] = [(3, 2), (3, 2), (3, 1)];
/// Annotations from side to side of the picture: what the strides leave of it.
pub const GRID: i64 = CANVAS / 4;
/// Longest caption that is decoded; those of three objects have 18 words at most.
const MOST_WORDS: usize = 24;

/// A model with its parameters. L = GRID² places, D numbers of an annotation, H cells, E numbers of a word.
pub struct Captioner {
    convolutions: Vec<Convolution>,
    /// Where each place is, from -1 to 1 to the right and down [1, L, 2].
    places: Tensor,
    start_hidden: Linear,
    start_cell: Linear,
    embedding: Embedding,
    attention: Attention,
    hard: Option<HardAttention>,
    gate: Option<Linear>,
    cell: Cell,
    from_hidden: Linear,
    from_context: Linear,
    output: Linear,
}

/// A picture as the decoder sees it, and its state before the first word.
struct Encoded {
    prepared: Prepared,
    state: CellState,
}

/// A word about to be said.
struct Step {
    state: CellState,
    /// ẑ [B, D]
    context: Tensor,
    /// α [B, L]
    weights: Tensor,
    sampled: Option<Sampled>,
}

/// What comes of given captions.
pub struct Decoded {
    /// log p of every word [B, T, V].
    pub logs: Tensor,
    /// α [B, T, L], row by row of the picture.
    pub weights: Tensor,
    /// With hard attention [B, T] each.
    pub sampled: Option<Sampled>,
}

impl Captioner {
    pub fn new(recipe: &CaptionsRecipe, parameters: &Parameters) -> Result<Self> {
        let (scope, channels, hidden) = (parameters.root(), recipe.channels, recipe.hidden);
        let xavier = Initialization::Xavier { gain: 1.0 };
        let rectified = Initialization::Xavier { gain: std::f64::consts::SQRT_2 };
        let widths = [3, channels, 2 * channels, 2 * channels];
        let convolutions = LAYERS.iter().enumerate().map(|(layer, &(kernel, stride))| {
            let scope = scope.sub("encoder").sub(&layer.to_string());
            Convolution::new(scope, widths[layer], widths[layer + 1], kernel, stride, rectified)
        });
        let annotation = 2 * channels + 2;
        let attention = AttentionOptions {
            recipe: AttentionRecipe::of(ScoreKind::Additive, hidden),
            query: hidden,
            keys: annotation,
            maximum_length: GRID * GRID,
            initialization: xavier,
            score_initialization: xavier,
            energy_initialization: Initialization::Uniform(0.1),
        };
        let cell = CellInitialization { input: xavier, recurrent: Initialization::Orthogonal };
        Ok(Captioner {
            convolutions: convolutions.collect(),
            places: places().to_device(parameters.device()),
            start_hidden: Linear::new(scope.sub("start_hidden"), annotation, hidden, xavier),
            start_cell: Linear::new(scope.sub("start_cell"), annotation, hidden, xavier),
            embedding: Embedding::new(scope.sub("embedding"), vocabulary_size(), recipe.embedding, Initialization::Normal(1.0)),
            attention: Attention::new(scope.sub("attention"), &attention)?,
            hard: match recipe.attention {
                CaptionAttention::Soft => None,
                CaptionAttention::Hard(hard) => Some(HardAttention { soft: hard.soft }),
            },
            gate: recipe.gate.then(|| Linear::new(scope.sub("gate"), hidden, 1, xavier)),
            cell: Cell::single(&scope.sub("decoder"), CellKind::Lstm, recipe.embedding + annotation, hidden, cell),
            from_hidden: Linear::without_bias(scope.sub("from_hidden"), hidden, recipe.embedding, xavier),
            from_context: Linear::without_bias(scope.sub("from_context"), annotation, recipe.embedding, xavier),
            output: Linear::new(scope.sub("output"), recipe.embedding, vocabulary_size(), xavier),
        })
    }

    /// What an annotation sees of the picture.
    pub fn receptive_field() -> ReceptiveField {
        LAYERS.iter().fold(ReceptiveField::PIXEL, |field, &(kernel, stride)| field.after(kernel, stride))
    }

    /// Annotations of pictures [B, 3, Y, X], each with its place: [B, L, D].
    fn annotations(&self, pictures: &Tensor) -> Tensor {
        let features =
            self.convolutions.iter().fold(pictures.shallow_clone(), |data, convolution| convolution.forward(&data).relu());
        let features = features.flatten(2, 3).transpose(1, 2); // [B, L, D - 2]
        let places = self.places.to_kind(features.kind()).expand([features.size()[0], -1, -1], false);
        Tensor::cat(&[&features, &places], 2) // [B, L, D]
    }

    fn encode(&self, pictures: &Tensor) -> Encoded {
        let annotations = self.annotations(pictures); // [B, L, D]
        let keep = Tensor::ones(&annotations.size()[..2], (Kind::Bool, annotations.device())); // [B, L]
        let lengths = keep.sum_dim_intlist([1i64].as_slice(), true, annotations.kind()); // [B, 1]
        let mean = annotations.mean_dim([1i64].as_slice(), false, annotations.kind()); // [B, D]
        let state =
            CellState { hidden: self.start_hidden.forward(&mean).tanh(), cell: Some(self.start_cell.forward(&mean).tanh()) };
        Encoded { prepared: self.attention.prepare(&annotations, &keep, &lengths), state }
    }

    /// Looks at the picture, and goes on from the word before, of which `gates` [B, 4 H] tell.
    fn step(&self, stepper: &Stepper, gates: &Tensor, state: &CellState, prepared: &Prepared, pass: &ForwardContext) -> Step {
        let soft = self.attention.attend(&state.hidden.unsqueeze(1), prepared, QuerySteps::Same(0), None); // [B, 1, ·]
        let (attended, sampled) = match &self.hard {
            Some(hard) => {
                let (attended, sampled) = hard.harden(soft, &prepared.values, pass);
                (attended, Some(sampled))
            }
            None => (soft, None),
        };
        let context = attended.context.squeeze_dim(1); // [B, D]
        let context = match &self.gate {
            Some(gate) => context * gate.forward(&state.hidden).sigmoid(),
            None => context,
        };
        let state = stepper.step(gates, Some(&context), state);
        Step { state, context, weights: attended.weights.squeeze_dim(1), sampled }
    }

    /// log p of the next words [.., V], p ∝ exp(L_o (E y + L_h h + L_z ẑ)) (equation 7).
    fn words(&self, embedded: &Tensor, hidden: &Tensor, context: &Tensor) -> Tensor {
        let deep = embedded + self.from_hidden.forward(hidden) + self.from_context.forward(context); // [.., E]
        self.output.forward(&deep).log_softmax(-1, None::<Kind>)
    }

    /// What it makes of given words [B, T] after each of which it is asked for the next.
    pub fn decode(&self, pictures: &Tensor, inputs: &Tensor, pass: &ForwardContext) -> Decoded {
        let Encoded { prepared, mut state } = self.encode(pictures);
        let embedded = self.embedding.forward(inputs); // [B, T, E]
        let gates = self.cell.input_gates(&embedded); // [B, T, 4 H]
        let stepper = self.cell.stepper(self.from_context.weight.size()[1]);
        let [mut hidden, mut contexts, mut weights, mut logs, mut entropies] = [(); 5].map(|()| Vec::new());
        for step in 0..inputs.size()[1] {
            let step = self.step(&stepper, &gates.select(1, step), &state, &prepared, pass);
            hidden.push(step.state.hidden.shallow_clone());
            contexts.push(step.context);
            weights.push(step.weights);
            if let Some(Sampled { log_probability, entropy }) = step.sampled {
                logs.push(log_probability);
                entropies.push(entropy);
            }
            state = step.state;
        }
        let sampled = self.hard.map(|_| Sampled { log_probability: Tensor::cat(&logs, 1), entropy: Tensor::cat(&entropies, 1) }); // [B, T] each
        let logs = self.words(&embedded, &Tensor::stack(&hidden, 1), &Tensor::stack(&contexts, 1)); // [B, T, V]
        Decoded { logs, weights: Tensor::stack(&weights, 1), sampled }
    }

    /// log p of the targets [B, T], 0 at padding.
    pub fn log_likelihoods(&self, decoded: &Decoded, batch: &Batch) -> Tensor {
        decoded.logs.gather(2, &batch.targets.unsqueeze(2), false).squeeze_dim(2) * &batch.real
    }

    /// The likeliest word at each step until all captions have ended: words [B] of each, and α [B, T, L], T being one more than the longest has,
    /// for what was looked at before the end.
    pub fn caption(&self, pictures: &Tensor) -> Result<(Vec<Vec<i64>>, Tensor)> {
        let pass = ForwardContext::evaluation();
        let Encoded { prepared, mut state } = self.encode(pictures);
        let stepper = self.cell.stepper(self.from_context.weight.size()[1]);
        let count = pictures.size()[0];
        let mut last = Tensor::full([count], i64::from(BOS), (Kind::Int64, pictures.device()));
        let mut captions = vec![Vec::new(); count as usize];
        let (mut ended, mut weights) = (vec![false; count as usize], Vec::new());
        for _ in 0..=MOST_WORDS {
            let embedded = self.embedding.forward(&last); // [B, E]
            let step = self.step(&stepper, &self.cell.input_gates(&embedded), &state, &prepared, &pass);
            let logs = self.words(&embedded, &step.state.hidden, &step.context); // [B, V]
            last = allowed(&logs).argmax(-1, false); // [B]
            weights.push(step.weights);
            state = step.state;
            for ((caption, ended), word) in captions.iter_mut().zip(&mut ended).zip(Vec::<i64>::try_from(&last)?) {
                *ended |= word == i64::from(EOS) || caption.len() == MOST_WORDS;
                if !*ended {
                    caption.push(word);
                }
            }
            if ended.iter().all(|&ended| ended) {
                break;
            }
        }
        Ok((captions, Tensor::stack(&weights, 1))) // [B, T, L]
    }

    /// Σ_i (1 - Σ_t α_ti)², summed over captions (equation 14).
    pub fn doubly_stochastic(weights: &Tensor, real: &Tensor) -> Tensor {
        let looked = (weights * real.unsqueeze(2)).sum_dim_intlist([1i64].as_slice(), false, weights.kind()); // [B, L]
        (-looked + 1.0).square().sum(weights.kind())
    }
}

/// Scores of the next word without those that no caption has.
fn allowed(logs: &Tensor) -> Tensor {
    let never = Tensor::from_slice(&[i64::from(PAD), i64::from(BOS)]).to_device(logs.device());
    logs.index_fill(-1, &never, f64::NEG_INFINITY)
}

/// Middles of the places, row by row [1, L, 2].
fn places() -> Tensor {
    let at = |place: i64| ((place as f32 + 0.5) / GRID as f32) * 2.0 - 1.0;
    let flat: Vec<f32> = (0..GRID).flat_map(|y| (0..GRID).flat_map(move |x| [at(x), at(y)])).collect();
    Tensor::from_slice(&flat).view([1, GRID * GRID, 2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::numerical::check_gradients;
    use crate::studies::captions::batch::Example;
    use crate::studies::captions::split::SceneSet;
    use crate::studies::random::RandomGenerator;
    use tch::{Device, no_grad};

    fn small() -> CaptionsRecipe {
        CaptionsRecipe { channels: 2, embedding: 3, hidden: 4, ..CaptionsRecipe::default() }
    }

    fn examples(count: usize) -> Vec<Example> {
        let mut random = RandomGenerator::new(1, 1);
        (0..count).map(|_| Example::draw(SceneSet::Train, &mut random)).collect()
    }

    #[test]
    fn gradients_are_those_of_differences() {
        let batch = Batch::new(&examples(1), Device::Cpu);
        for gate in [false, true] {
            let store = Parameters::double(1);
            let model = Captioner::new(&CaptionsRecipe { gate, ..small() }, &store).unwrap();
            let pictures = batch.pictures.to_kind(Kind::Double);
            // A few words suffice. Those of the convolutions are checked by themselves, and ReLU has none at its corner.
            let inputs = batch.inputs.narrow(1, 0, 3);
            let parameters = store.named().into_iter().filter(|(name, _)| !name.starts_with("encoder")).collect::<Vec<_>>();
            check_gradients(&parameters, || {
                let decoded = model.decode(&pictures, &inputs, &ForwardContext::evaluation());
                let regular = Captioner::doubly_stochastic(&decoded.weights, &batch.real.narrow(1, 0, 3));
                decoded.logs.select(2, 5).sum(Kind::Double) * 0.1 + regular * 0.01
            });
        }
    }

    #[test]
    fn greedy_words_are_the_likeliest_under_teacher_forcing() {
        for attention in [CaptionAttention::Soft, CaptionAttention::Hard(Default::default())] {
            let model = Captioner::new(&CaptionsRecipe { attention, ..small() }, &Parameters::new(3, Device::Cpu)).unwrap();
            let mut examples = examples(3);
            let pictures = Batch::new(&examples, Device::Cpu).pictures;
            let (captions, weights) = no_grad(|| model.caption(&pictures)).unwrap();
            for (row, (caption, example)) in (0..).zip(captions.iter().zip(&mut examples)) {
                let said: Vec<i64> = std::iter::once(i64::from(BOS)).chain(caption.iter().copied()).collect();
                let inputs = Tensor::from_slice(&said).unsqueeze(0);
                let decoded = no_grad(|| model.decode(&pictures.narrow(0, row, 1), &inputs, &ForwardContext::evaluation()));
                let likeliest: Vec<i64> = Vec::try_from(allowed(&decoded.logs).argmax(-1, false).squeeze_dim(0)).unwrap();
                assert_eq!(likeliest[..caption.len()], caption[..], "{example:?}");
                let steps = said.len() as i64;
                let of_row = weights.get(row).narrow(0, 0, steps);
                assert!(of_row.allclose(&decoded.weights.squeeze_dim(0), 1e-4, 1e-5, false));
                let sums = of_row.sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
                assert!(sums.allclose(&sums.ones_like(), 1e-4, 1e-5, false));
            }
        }
    }

    #[test]
    fn a_place_is_where_the_picture_has_it() {
        let model = Captioner::new(&small(), &Parameters::new(3, Device::Cpu)).unwrap();
        assert_eq!(Captioner::receptive_field(), ReceptiveField { side: 15, stride: CANVAS / GRID });
        let blank = Tensor::zeros([1, 3, CANVAS, CANVAS], (Kind::Float, Device::Cpu));
        let dotted = blank.copy();
        // A dot in the middle of place (x 2, y 7), that is, number 7 · 12 + 2.
        let _ = dotted.narrow(2, 29, 2).narrow(3, 9, 2).fill_(5.0);
        let change = no_grad(|| (model.annotations(&dotted) - model.annotations(&blank)).abs());
        let change = change.sum_dim_intlist([2i64].as_slice(), false, Kind::Float).squeeze_dim(0); // [L]
        let changed: Vec<i64> = Vec::try_from(change.gt(0.0).nonzero().squeeze_dim(1)).unwrap();
        let near = |place: i64| (place % GRID - 2).abs() <= 2 && (place / GRID - 7).abs() <= 2;
        assert!(!changed.is_empty() && changed.iter().all(|&place| near(place)), "{changed:?}");
        assert_eq!(model.places.size(), [1, GRID * GRID, 2]);
        assert!(model.places.double_value(&[0, 7 * GRID + 2, 0]) < 0.0 && model.places.double_value(&[0, 7 * GRID + 2, 1]) > 0.0);
    }

    #[test]
    fn every_place_looked_at_once_costs_nothing() {
        let uniform = Tensor::full([1, 4, 8], 0.25, (Kind::Float, Device::Cpu));
        let real = Tensor::ones([1, 4], (Kind::Bool, Device::Cpu));
        assert_eq!(Captioner::doubly_stochastic(&uniform, &real).double_value(&[]), 0.0);
        // A step that is padding does not look.
        let shorter = Tensor::from_slice(&[true, true, false, false]).unsqueeze(0);
        assert_eq!(Captioner::doubly_stochastic(&uniform, &shorter).double_value(&[]), 8.0 * 0.25);
    }
}
