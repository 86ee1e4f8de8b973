//! Luong, Pham and Manning 2015: attention after the cell.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::bridge::{Bridge, Dimensions};
use super::cross_attention::{CrossAttention, CrossAttentionOptions, CrossAttentionOutput, sampled_in_turn};
use super::initializers::Initializers;
use super::{Decoder, DecoderStep, EncodedSource, EncoderOutput, RecurrentState, by_hypothesis, mean_of_heads};
use crate::attention::{AttentionOptions, AttentionOutput, QuerySteps};
use crate::memory::machine::step as step_memory;
use crate::memory::{Memory as _, Tape, TapeOptions, Weightings};
use crate::model::{DecoderOutput, WithAttention};
use crate::nn::{ForwardContext, Linear, RecurrentStack, Scope, Stepper};

/// h_t = stacked RNN of y_{t-1} (with input feeding: of [y_{t-1}; h̃_{t-1}], section 3.3); c_t from h_t;
/// features = h̃_t = tanh(W_c [c_t; h_t]) (equation 5).
///
/// Without input feeding nothing flows from attention back into the recurrence, so training runs it over the whole target in one
/// fused call and attends to all steps at once.
///
/// With a tape (Graves et al. 2014) h_t also controls its read and write heads, and what was read joins in: h̃_t = tanh(W_c [c_t; h_t; r_t]).
pub struct LuongDecoder {
    stack: RecurrentStack,
    cross_attention: CrossAttention,
    combine: Linear,
    tape: Option<TapeWithInterface>,
    bridge: Bridge,
    hidden: i64,
    input_feeding: bool,
    dropout: f64,
}

/// Sizes and options of a [`LuongDecoder`].
pub struct LuongOptions {
    pub dimensions: Dimensions,
    pub embedding: i64,
    pub input_feeding: bool,
    pub attention: AttentionOptions,
    pub cross_attention: CrossAttentionOptions,
    /// Only with input feeding.
    pub tape: Option<TapeOptions>,
    pub dropout: f64,
}

/// A tape, and the map from h_t to the interface of its heads.
struct TapeWithInterface {
    tape: Tape,
    interface: Linear,
}

impl LuongDecoder {
    pub fn new(scope: Scope, options: &LuongOptions, initializers: &Initializers) -> Result<Self> {
        let Dimensions { kind, decoder_hidden: hidden, decoder_layers: layers, .. } = options.dimensions;
        let input = options.embedding + if options.input_feeding { hidden } else { 0 };
        let tape = options.tape.map(|sizes| {
            let tape = Tape::new(&scope.sub("tape"), sizes);
            let interface = Linear::new(scope.sub("tape.interface"), hidden, tape.interface(), initializers.other);
            TapeWithInterface { tape, interface }
        });
        let read = tape.as_ref().map_or(0, |tape| tape.tape.read_size());
        Ok(LuongDecoder {
            stack: RecurrentStack::new(scope.sub("rnn"), kind, input, hidden, layers, false, initializers.cell),
            cross_attention: CrossAttention::new(&scope, &options.attention, &options.cross_attention)?,
            combine: Linear::without_bias(
                scope.sub("combine"),
                options.attention.keys + hidden + read,
                hidden,
                initializers.other,
            ),
            tape,
            bridge: Bridge::new(scope.sub("bridge"), &options.dimensions, initializers.other),
            hidden,
            input_feeding: options.input_feeding,
            dropout: options.dropout,
        })
    }

    /// h̃ = tanh(W_c [c; h])
    fn attentional(&self, parts: &[&Tensor]) -> Tensor {
        self.combine.forward(&Tensor::cat(parts, -1)).tanh()
    }

    /// Without input feeding: recurrence over the whole target, then attention.
    fn forward_at_once(
        &self,
        source: &EncodedSource,
        start: RecurrentState,
        embedded: &Tensor,
        pass: &ForwardContext,
    ) -> DecoderOutput {
        let hidden = self.stack.run(embedded, &start.cells, self.dropout, pass).states; // [B, T, H]
        let CrossAttentionOutput { attended, heads, sampled } = match start.coverage {
            None => self.cross_attention.attend(&hidden, source, QuerySteps::From(0), None, pass),
            Some(coverage) => self.attend_in_turn(&hidden, source, coverage.unsqueeze(1), pass),
        };
        let parts = [&attended.context, &hidden, embedded];
        let copied = self.cross_attention.copied(source, parts, &attended.weights);
        let features = self.attentional(&[&attended.context, &hidden]); // [B, T, H]
        DecoderOutput { features, attention: Some(heads.unsqueeze(1)), sampled, copied }
    }

    /// With coverage [B, 1, S] each step's attention needs those before it, though the recurrence does not.
    fn attend_in_turn(
        &self,
        hidden: &Tensor,
        source: &EncodedSource,
        mut coverage: Tensor,
        pass: &ForwardContext,
    ) -> CrossAttentionOutput {
        let (mut contexts, mut weights, mut sampled) = (Vec::new(), Vec::new(), Vec::new());
        for (step, query) in hidden.split(1, 1).iter().enumerate() {
            let found = self.cross_attention.attend(query, source, QuerySteps::Same(step as i64), Some(&coverage), pass);
            coverage = &coverage + &found.attended.weights;
            contexts.push(found.attended.context); // [B, 1, D]
            weights.push(found.attended.weights); // [B, 1, S]
            sampled.extend(found.sampled);
        }
        let attended = AttentionOutput { context: Tensor::cat(&contexts, 1), weights: Tensor::cat(&weights, 1) }; // [B, T, D], [B, T, S]
        let heads = attended.weights.unsqueeze(1); // [B, 1, T, S]: several heads know no coverage
        CrossAttentionOutput { attended, heads, sampled: sampled_in_turn(sampled) }
    }

    /// With input feeding: step by step.
    fn forward_in_turn(
        &self,
        source: &EncodedSource,
        mut state: RecurrentState,
        embedded: &Tensor,
        pass: &ForwardContext,
        attention: WithAttention,
    ) -> DecoderOutput {
        let (rows, steps) = (embedded.size()[0], embedded.size()[1]);
        let steppers = self.steppers();
        // Time first, so that each step's gates lie together.
        let gates = self.stack.layers[0].forward.input_gates(&embedded.transpose(0, 1).contiguous()).unbind(0); // T times [B, G·H]
        let between = (self.stack.layers.len() > 1)
            .then(|| {
                let size = [steps, self.stack.layers.len() as i64 - 1, rows, self.hidden];
                pass.mask(&size, self.dropout, Kind::Float, embedded.device())
            })
            .flatten();
        let copies = self.cross_attention.copies();
        let (mut features, mut weights, mut sampled) = (Vec::new(), Vec::new(), Vec::new());
        let (mut contexts, mut hidden) = (Vec::new(), Vec::new());
        for (position, gates) in gates.iter().enumerate() {
            let masks = between.as_ref().map(|masks| masks.get(position as i64)); // [layers - 1, B, H]
            let step = StepInput { steppers: &steppers, gates, masks: masks.as_ref(), position: position as i64, pass };
            let (attentional, found) = self.advance(&step, source, &mut state);
            features.push(attentional);
            weights.push(found.heads); // [B, H, 1, S]
            sampled.extend(found.sampled);
            if copies {
                contexts.push(found.attended.context); // [B, 1, D]
                hidden.push(state.top().unsqueeze(1)); // [B, 1, H]
            }
        }
        let wanted = attention == WithAttention::Yes || copies;
        let weights = wanted.then(|| Tensor::cat(&weights, 2)); // [B, H, T, S]
        let copied = weights.as_ref().filter(|_| copies).and_then(|weights| {
            let parts = [&Tensor::cat(&contexts, 1), &Tensor::cat(&hidden, 1), embedded];
            self.cross_attention.copied(source, parts, &mean_of_heads(weights))
        });
        let features = Tensor::stack(&features, 1); // [B, T, H]
        let attention = weights.map(|weights| weights.unsqueeze(1)); // [B, 1, H, T, S]
        DecoderOutput { features, attention, sampled: sampled_in_turn(sampled), copied }
    }

    fn steppers(&self) -> Vec<Stepper<'_>> {
        let fed = if self.input_feeding { self.hidden } else { 0 };
        // Upper layers read nothing but the layer below.
        self.stack.layers.iter().enumerate().map(|(layer, l)| l.forward.stepper(if layer == 0 { fed } else { 0 })).collect()
    }

    /// One step of every layer and the attention for R rows, W beside each other for each source: h̃ [R, H], and what attention found.
    fn advance(&self, step: &StepInput, source: &EncodedSource, state: &mut RecurrentState) -> (Tensor, CrossAttentionOutput) {
        let StepInput { steppers, gates, masks, position, pass } = *step;
        let fed = state.attentional.as_ref();
        state.cells[0] = steppers[0].step(gates, fed, &state.cells[0]);
        for (layer, stepper) in steppers.iter().enumerate().skip(1) {
            let below = &state.cells[layer - 1].hidden; // [R, H]
            let input = match masks {
                Some(masks) => below * masks.get(layer as i64 - 1),
                None => below.shallow_clone(),
            };
            let gates = self.stack.layers[layer].forward.input_gates(&input); // [R, G·H]
            state.cells[layer] = stepper.step(&gates, None, &state.cells[layer]);
        }
        let hidden = state.top().shallow_clone(); // [R, H]
        let coverage = state.coverage.as_ref().map(|coverage| source.side_by_side(coverage)); // [B, W, S]
        let query = source.side_by_side(&hidden); // [B, W, H]
        let found = self.cross_attention.attend(&query, source, QuerySteps::Same(position), coverage.as_ref(), pass);
        let context = found.attended.context.reshape([hidden.size()[0], -1]); // [R, D]
        let attentional = match (&self.tape, &state.tape) {
            (Some(TapeWithInterface { tape, interface }), Some(state_of_tape)) => {
                let accessed = step_memory(tape, &interface.forward(&hidden), state_of_tape);
                state.tape = Some(accessed.state);
                self.attentional(&[&context, &hidden, &accessed.read])
            }
            _ => self.attentional(&[&context, &hidden]),
        };
        state.attentional = self.input_feeding.then(|| attentional.shallow_clone());
        state.coverage = coverage.map(|coverage| (coverage + &found.attended.weights).reshape([hidden.size()[0], -1])); // [R, S]
        (attentional, found)
    }
}

/// What a step of the recurrence reads beside the state.
struct StepInput<'a> {
    /// One for each layer.
    steppers: &'a [Stepper<'a>],
    /// What the embedded input gives to the lowest layer's gates [R, G·H].
    gates: &'a Tensor,
    /// Dropout between layers [layers - 1, R, H].
    masks: Option<&'a Tensor>,
    /// Tokens before this one.
    position: i64,
    /// Whether what is attended to is sampled.
    pass: &'a ForwardContext,
}

impl Decoder for LuongDecoder {
    fn start(&self, encoded: &EncoderOutput) -> (EncodedSource, RecurrentState) {
        let source = self.cross_attention.prepare(encoded);
        let cells = self.bridge.cross(&encoded.states);
        let state = RecurrentState {
            attentional: self.input_feeding.then(|| cells[0].hidden.zeros_like()),
            coverage: self.cross_attention.no_coverage(&source),
            tape: self.tape.as_ref().map(|tape| tape.tape.start(encoded.keep.size()[0])),
            cells,
        };
        (source, state)
    }

    fn forward(
        &self,
        source: &EncodedSource,
        start: RecurrentState,
        embedded: &Tensor,
        pass: &ForwardContext,
        attention: WithAttention,
    ) -> DecoderOutput {
        if self.input_feeding {
            self.forward_in_turn(source, start, embedded, pass, attention)
        } else {
            self.forward_at_once(source, start, embedded, pass)
        }
    }

    fn step(&self, source: &EncodedSource, state: &mut RecurrentState, embedded: &Tensor, position: i64) -> DecoderStep {
        let gates = self.stack.layers[0].forward.input_gates(embedded); // [R, G·H]
        let pass = ForwardContext::evaluation();
        let step = StepInput { steppers: &self.steppers(), gates: &gates, masks: None, position, pass: &pass };
        let (features, found) = self.advance(&step, source, state);
        let attended = &found.attended;
        let parts = [&attended.context, &source.side_by_side(state.top()), &source.side_by_side(embedded)];
        let copied = self.cross_attention.copied(source, parts, &attended.weights);
        DecoderStep { features, weights: Some(by_hypothesis(&found.heads)), copied }
    }

    fn attends(&self) -> bool {
        true
    }

    fn tape_weightings(&self, state: &RecurrentState) -> Option<Weightings> {
        Some(self.tape.as_ref()?.tape.weightings(state.tape.as_ref()?))
    }
}
