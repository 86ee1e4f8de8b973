//! A recurrent decoder's attention to the source: soft or hard, and with or without copying.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::{EncodedSource, EncoderOutput, mean_of_heads};
use crate::attention::hard::{HardAttention, Sampled};
use crate::attention::{Attention, AttentionOptions, AttentionOutput, Copied, CopyGate, Heads, HeadsOptions, QuerySteps};
use crate::nn::{ForwardContext, Initialization, Linear, Scope};
use crate::recipe::KeysValues;

/// Attention to the source: what of a state is its key and its value, how many heads there are, whether it is hard, and whether what it
/// attends to may be copied.
pub struct CrossAttention {
    keys_values: KeysValues,
    /// W_K and W_V, where keys and values are projected.
    maps: Option<[Linear; 2]>,
    heads: OneOrSeveral,
    hard: Option<HardAttention>,
    copy: Option<CopyGate>,
}

enum OneOrSeveral {
    /// Without maps of its own.
    One(Attention),
    Several(Heads),
}

/// What a [`CrossAttention`] does beside attending.
pub struct CrossAttentionOptions {
    /// Width of the encoder's states.
    pub memory: i64,
    /// The widths of a decoder state and of an embedded input, where the model copies.
    pub copy: Option<[i64; 2]>,
    pub initialization: Initialization,
}

/// What queries found.
pub struct CrossAttentionOutput {
    /// The context [B, Q, D], and the mean of the heads' weights [B, Q, S].
    pub attended: AttentionOutput,
    /// Weights of each head [B, H, Q, S].
    pub heads: Tensor,
    /// Where attention is hard.
    pub sampled: Option<Sampled>,
}

impl CrossAttention {
    pub fn new(scope: &Scope, attention: &AttentionOptions, options: &CrossAttentionOptions) -> Result<Self> {
        let copy = options
            .copy
            .map(|[state, input]| CopyGate::new(scope.sub("copy"), [attention.keys, state, input], options.initialization));
        let recipe = &attention.recipe;
        let map = |name: &str| Linear::without_bias(scope.sub(name), options.memory, attention.keys, options.initialization);
        let own = scope.sub("attention");
        let heads = if recipe.heads > 1 {
            let several =
                HeadsOptions { heads: recipe.heads, size: attention.keys, values: attention.keys, attention: *attention };
            OneOrSeveral::Several(Heads::new(own, &several)?)
        } else {
            OneOrSeveral::One(Attention::new(own, attention)?)
        };
        Ok(CrossAttention {
            keys_values: recipe.keys_values,
            maps: (recipe.keys_values == KeysValues::Projected).then(|| ["keys", "values"].map(map)),
            heads,
            hard: attention.recipe.hard.map(|hard| HardAttention { soft: hard.soft }),
            copy: copy.transpose()?,
        })
    }

    /// Whether the model copies.
    pub fn copies(&self) -> bool {
        self.copy.is_some()
    }

    /// What may be copied after contexts, states and embedded inputs [B, T, ·] with these weights [B, T, S].
    pub fn copied(&self, source: &EncodedSource, [context, state, input]: [&Tensor; 3], weights: &Tensor) -> Option<Copied> {
        self.copy.as_ref().zip(source.target_ids.as_ref()).map(|(gate, ids)| Copied {
            generate: gate.generate(context, state, input),
            weights: weights.shallow_clone(),
            ids: ids.shallow_clone(),
        })
    }

    /// As [`Attention::attend`].
    pub fn attend(
        &self,
        query: &Tensor,
        source: &EncodedSource,
        step: QuerySteps,
        coverage: Option<&Tensor>,
        pass: &ForwardContext,
    ) -> CrossAttentionOutput {
        let attention = match &self.heads {
            OneOrSeveral::One(attention) => attention,
            OneOrSeveral::Several(several) => {
                // Recipes give several heads neither coverage nor hard choices.
                let AttentionOutput { context, weights } = several.attend(query, &source.memory, step, None);
                let attended = AttentionOutput { context, weights: mean_of_heads(&weights) };
                return CrossAttentionOutput { attended, heads: weights, sampled: None };
            }
        };
        let soft = attention.attend(query, &source.memory[0], step, coverage);
        let (attended, sampled) = match &self.hard {
            None => (soft, None),
            Some(hard) => {
                let (attended, sampled) = hard.harden(soft, &source.memory[0].values, pass);
                (attended, Some(sampled))
            }
        };
        let heads = attended.weights.unsqueeze(1); // [B, 1, Q, S]
        CrossAttentionOutput { attended, heads, sampled }
    }

    /// A source as steps attend to it.
    pub fn prepare(&self, encoded: &EncoderOutput) -> EncodedSource {
        let states = &encoded.states.states; // [B, S, D]
        let [keys, values] = match (self.keys_values, &self.maps) {
            (KeysValues::Halves, _) => {
                let halves = states.chunk(2, -1); // [B, S, D/2]
                [0, 1].map(|half| halves[half].shallow_clone())
            }
            (_, Some(maps)) => [0, 1].map(|map| maps[map].forward(states)),
            (_, None) => [states.shallow_clone(), states.shallow_clone()],
        };
        let (keep, lengths) = (&encoded.keep, &encoded.lengths);
        let memory = match &self.heads {
            OneOrSeveral::One(attention) => attention.prepare_apart(&keys, &values, keep, lengths).map(|memory| vec![memory]),
            OneOrSeveral::Several(several) => several.prepare(&keys, &values, keep, lengths),
        };
        EncodedSource {
            memory: memory.expect("keys and values are of the same states"),
            target_ids: encoded.target_ids.as_ref().map(Tensor::shallow_clone),
        }
    }

    /// No position has been attended to yet [B, S], where the score wants to know.
    pub fn no_coverage(&self, source: &EncodedSource) -> Option<Tensor> {
        let wanted = matches!(&self.heads, OneOrSeveral::One(attention) if attention.wants_coverage());
        wanted.then(|| source.memory[0].keep.zeros_like().to_kind(Kind::Float))
    }
}

/// What was drawn at one step after the other [B, 1] each, side by side [B, T].
pub fn sampled_in_turn(sampled: Vec<Sampled>) -> Option<Sampled> {
    if sampled.is_empty() {
        return None;
    }
    let (log_probabilities, entropies): (Vec<_>, Vec<_>) =
        sampled.into_iter().map(|sampled| (sampled.log_probability, sampled.entropy)).unzip();
    Some(Sampled { log_probability: Tensor::cat(&log_probabilities, 1), entropy: Tensor::cat(&entropies, 1) })
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::nn::{CellState, Parameters, StackOutput};
    use crate::recipe::{AttentionRecipe, ScoreKind};

    const MEMORY: i64 = 6;

    fn encoded(states: &Tensor) -> EncoderOutput {
        let (rows, length) = (states.size()[0], states.size()[1]);
        EncoderOutput {
            states: StackOutput { states: states.shallow_clone(), finals: Vec::<Vec<CellState>>::new() },
            keep: Tensor::ones([rows, length], (Kind::Bool, Device::Cpu)),
            lengths: Tensor::full([rows, 1], length as f64, (Kind::Double, Device::Cpu)),
            target_ids: None,
        }
    }

    /// A cross-attention whose keys, queries and contexts have `width` numbers each, with its parameters.
    fn made(recipe: AttentionRecipe, width: i64) -> (CrossAttention, Parameters) {
        let store = Parameters::double(4);
        let initialization = Initialization::Uniform(0.7);
        let attention = AttentionOptions {
            recipe,
            query: width,
            keys: width,
            maximum_length: 9,
            initialization,
            score_initialization: initialization,
            energy_initialization: initialization,
        };
        let options = CrossAttentionOptions { memory: MEMORY, copy: None, initialization };
        (CrossAttention::new(&store.root(), &attention, &options).unwrap(), store)
    }

    fn random(size: &[i64]) -> Tensor {
        Tensor::randn(size, (Kind::Double, Device::Cpu))
    }

    /// softmax(q kᵀ) v
    fn dot_attention(query: &Tensor, keys: &Tensor, values: &Tensor) -> Tensor {
        query.matmul(&keys.transpose(1, 2)).softmax(-1, Kind::Double).matmul(values)
    }

    #[test]
    fn keys_and_values_are_the_states_their_halves_or_maps_of_them() {
        tch::manual_seed(1);
        let states = random(&[2, 4, MEMORY]);
        for keys_values in [KeysValues::Shared, KeysValues::Halves, KeysValues::Projected] {
            let width = if keys_values == KeysValues::Halves { MEMORY / 2 } else { MEMORY };
            let (attention, store) = made(AttentionRecipe { keys_values, ..AttentionRecipe::of(ScoreKind::Dot, 5) }, width);
            let source = attention.prepare(&encoded(&states));
            let query = random(&[2, 3, width]);
            let found = attention.attend(&query, &source, QuerySteps::From(0), None, &ForwardContext::evaluation());
            let weight = |name: &str| store.named().iter().find(|(found, _)| found == name).unwrap().1.tr();
            let expected = match keys_values {
                KeysValues::Shared => dot_attention(&query, &states, &states),
                KeysValues::Halves => dot_attention(&query, &states.narrow(2, 0, 3), &states.narrow(2, 3, 3)),
                KeysValues::Projected => {
                    dot_attention(&query, &states.matmul(&weight("keys.weight")), &states.matmul(&weight("values.weight")))
                }
            };
            assert!(found.attended.context.allclose(&expected, 1e-9, 1e-12, false), "{keys_values:?}");
            assert_eq!(found.heads.size(), [2, 1, 3, 4]);
            assert!(found.heads.squeeze_dim(1).equal(&found.attended.weights));
        }
    }

    /// Each head by hand: its maps, its scores, and all contexts mapped once more (Vaswani et al. 2017, section 3.2.2).
    #[test]
    fn several_heads_are_attentions_side_by_side() {
        tch::manual_seed(1);
        let recipe = AttentionRecipe { heads: 3, ..AttentionRecipe::of(ScoreKind::Additive, 5) };
        let (attention, store) = made(recipe, MEMORY);
        let (states, query) = (random(&[2, 4, MEMORY]).set_requires_grad(true), random(&[2, 3, MEMORY]));
        let source = attention.prepare(&encoded(&states));
        let found = attention.attend(&query, &source, QuerySteps::From(0), None, &ForwardContext::evaluation());
        let of =
            |name: &str| store.named().iter().find(|(found, _)| *found == format!("attention.{name}")).unwrap().1.shallow_clone();
        let map = |name: &str, input: &Tensor| input.linear(&of(&format!("{name}.weight")), Some(&of(&format!("{name}.bias"))));
        let [queries, keys, values] =
            [("query", &query), ("key", &states), ("value", &states)].map(|(name, input)| map(name, input));
        let head = |number: i64| {
            let part = |tensor: &Tensor| tensor.narrow(2, number * 2, 2);
            let own = |name: &str| of(&format!("head{number}.{name}"));
            let hidden = part(&queries).linear(&own("query.weight"), None::<&Tensor>).unsqueeze(2)
                + part(&keys).linear(&own("key.weight"), Some(&own("key.bias"))).unsqueeze(1); // [B, Q, S, A]
            let weights = hidden.tanh().matmul(&own("energy")).softmax(-1, Kind::Double); // [B, Q, S]
            (weights.matmul(&part(&values)), weights)
        };
        let (contexts, weights): (Vec<_>, Vec<_>) = (0..3).map(head).unzip();
        assert!(found.heads.allclose(&Tensor::stack(&weights, 1), 1e-9, 1e-12, false));
        assert!(found.attended.context.allclose(&map("output", &Tensor::cat(&contexts, -1)), 1e-9, 1e-12, false));
        let mean = (&weights[0] + &weights[1] + &weights[2]) / 3.0;
        assert!(found.attended.weights.allclose(&mean, 1e-9, 1e-12, false));
        // Every parameter learns.
        found.attended.context.square().sum(Kind::Double).backward();
        for (name, tensor) in store.named() {
            assert!(tensor.grad().abs().max().double_value(&[]) > 0.0, "{name}");
        }
        assert!(states.grad().abs().max().double_value(&[]) > 0.0);
    }
}
