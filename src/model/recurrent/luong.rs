//! Luong, Pham and Manning 2015: attention after the cell.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::bridge::{Bridge, Sides};
use super::build::Starts;
use super::look::{Look, LookOptions, Looked, in_a_row};
use super::state::{flatten, unflatten};
use super::{Decoder, Read, Stepped, Steps};
use crate::attention::{Attended, AttentionOptions, Prepared, Step};
use crate::memory::machine::step as step_memory;
use crate::memory::{Memory as _, MemoryState, Tape, TapeOptions};
use crate::model::{DecoderState, Encoded, WithAttention};
use crate::nn::{CellKind, CellState, Linear, Pass, RecurrentStack, Scope, Stepper};

/// h_t = stacked RNN of y_{t-1} (with input feeding: of [y_{t-1}; h̃_{t-1}], section 3.3); c_t from h_t;
/// features = h̃_t = tanh(W_c [c_t; h_t]) (equation 5).
///
/// Without input feeding nothing flows from attention back into the recurrence, so training runs it over the whole target in one
/// fused call and attends to all steps at once.
///
/// With a tape (Graves et al. 2014) h_t also works its heads, and what was read joins in: h̃_t = tanh(W_c [c_t; h_t; r_t]).
pub struct LuongDecoder {
    stack: RecurrentStack,
    look: Look,
    combine: Linear,
    tape: Option<WorkedTape>,
    bridge: Bridge,
    kind: CellKind,
    hidden: i64,
    input_feeding: bool,
    dropout: f64,
}

/// Sizes and options of a [`LuongDecoder`].
pub struct LuongOptions {
    pub sides: Sides,
    pub embedding: i64,
    pub input_feeding: bool,
    pub attention: AttentionOptions,
    pub look: LookOptions,
    /// Only with input feeding.
    pub tape: Option<TapeOptions>,
    pub dropout: f64,
}

/// A tape, and the map from h_t to what its heads are told.
struct WorkedTape {
    tape: Tape,
    interface: Linear,
}

impl LuongDecoder {
    pub fn new(scope: Scope, options: &LuongOptions, starts: &Starts) -> Result<Self> {
        let (kind, hidden, layers) = (options.sides.kind, options.sides.decoder_hidden, options.sides.decoder_layers);
        let input = options.embedding + if options.input_feeding { hidden } else { 0 };
        let tape = options.tape.map(|sizes| {
            let tape = Tape::new(&scope.sub("tape"), sizes);
            let interface = Linear::new(scope.sub("tape.interface"), hidden, tape.interface(), starts.other);
            WorkedTape { tape, interface }
        });
        let read = tape.as_ref().map_or(0, |worked| worked.tape.read_size());
        Ok(LuongDecoder {
            stack: RecurrentStack::new(scope.sub("rnn"), kind, input, hidden, layers, false, starts.cell),
            look: Look::new(&scope, &options.attention, &options.look)?,
            combine: Linear::without_bias(scope.sub("combine"), options.attention.keys + hidden + read, hidden, starts.other),
            tape,
            bridge: Bridge::new(scope.sub("bridge"), &options.sides, starts.other),
            kind,
            hidden,
            input_feeding: options.input_feeding,
            dropout: options.dropout,
        })
    }

    fn unpack(&self, tensors: &[Tensor]) -> Memory {
        let (states, rest) = unflatten(tensors, self.kind, self.stack.layers.len());
        let mut rest = rest.iter().map(Tensor::shallow_clone);
        let feed = if self.input_feeding { rest.next() } else { None };
        let covered = if self.look.attention.wants_coverage() { rest.next() } else { None };
        let tape = self.tape.as_ref().map(|_| MemoryState(rest.collect()));
        Memory { states, feed, covered, tape }
    }

    /// h̃ = tanh(W_c [c; h])
    fn combined(&self, parts: &[&Tensor]) -> Tensor {
        self.combine.forward(&Tensor::cat(parts, -1)).tanh()
    }

    /// Recurrence over the whole target, then attention.
    fn decode_at_once(&self, encoded: &Encoded, embedded: &Tensor, pass: &Pass) -> Steps {
        let prepared = Look::prepared(encoded);
        let Memory { states, covered, .. } = self.unpack(&encoded.initial.tensors);
        let hidden = self.stack.run(embedded, &states, self.dropout, pass).states;
        let Looked { attended, drawn } = match covered {
            None => self.look.attend(&hidden, &prepared, Step::From(0), None, pass),
            Some(covered) => self.attend_in_turn(&hidden, &prepared, covered.unsqueeze(1), pass),
        };
        let copied = self.look.copied(encoded, [&attended.context, &hidden, embedded], &attended.weights);
        Steps { features: self.combined(&[&attended.context, &hidden]), weights: Some(attended.weights), drawn, copied }
    }

    /// With coverage each step's attention needs those before it, though the recurrence does not.
    fn attend_in_turn(&self, hidden: &Tensor, prepared: &Prepared, mut covered: Tensor, pass: &Pass) -> Looked {
        let (mut contexts, mut weights, mut drawn) = (Vec::new(), Vec::new(), Vec::new());
        for (step, query) in hidden.split(1, 1).iter().enumerate() {
            let looked = self.look.attend(query, prepared, Step::Same(step as i64), Some(&covered), pass);
            covered = &covered + &looked.attended.weights;
            contexts.push(looked.attended.context);
            weights.push(looked.attended.weights);
            drawn.extend(looked.drawn);
        }
        let attended = Attended { context: Tensor::cat(&contexts, 1), weights: Tensor::cat(&weights, 1) };
        Looked { attended, drawn: in_a_row(drawn) }
    }

    /// Input feeding: step by step.
    fn decode_in_turn(&self, encoded: &Encoded, embedded: &Tensor, pass: &Pass, attention: WithAttention) -> Steps {
        let prepared = Look::prepared(encoded);
        let mut memory = self.unpack(&encoded.initial.tensors);
        let (rows, steps) = (embedded.size()[0], embedded.size()[1]);
        let steppers = self.steppers();
        // Time first, so that each step's gates lie together.
        let gates = self.stack.layers[0].forward.input_gates(&embedded.transpose(0, 1).contiguous()).unbind(0);
        let between = (self.stack.layers.len() > 1)
            .then(|| {
                let size = [steps, self.stack.layers.len() as i64 - 1, rows, self.hidden];
                pass.mask(&size, self.dropout, Kind::Float, embedded.device())
            })
            .flatten();
        let (mut features, mut weights, mut drawn) = (Vec::new(), Vec::new(), Vec::new());
        let (mut contexts, mut hidden) = (Vec::new(), Vec::new());
        for (step, gates) in gates.iter().enumerate() {
            let masks = between.as_ref().map(|masks| masks.get(step as i64));
            let side = Side { step: step as i64, beside: 1, pass };
            let looked = self.advance(&steppers, gates, masks.as_ref(), &prepared, &mut memory, side);
            features.push(memory.feed.as_ref().expect("input feeding keeps its features").shallow_clone());
            weights.push(looked.attended.weights);
            drawn.extend(looked.drawn);
            if self.look.copies() {
                contexts.push(looked.attended.context);
                hidden.push(memory.top().unsqueeze(1));
            }
        }
        let wanted = attention == WithAttention::Yes || self.look.copies();
        let weights = wanted.then(|| Tensor::cat(&weights, 1));
        let copied = weights.as_ref().filter(|_| self.look.copies()).and_then(|weights| {
            self.look.copied(encoded, [&Tensor::cat(&contexts, 1), &Tensor::cat(&hidden, 1), embedded], weights)
        });
        Steps { features: Tensor::stack(&features, 1), weights, drawn: in_a_row(drawn), copied }
    }

    fn steppers(&self) -> Vec<Stepper<'_>> {
        let fed = if self.input_feeding { self.hidden } else { 0 };
        // Upper layers read nothing but the layer below.
        self.stack.layers.iter().enumerate().map(|(layer, l)| l.forward.stepper(if layer == 0 { fed } else { 0 })).collect()
    }

    /// One step of every layer and the attention; leaves the new state (and h̃ as `feed`) in `memory`.
    fn advance(
        &self,
        steppers: &[Stepper],
        gates: &Tensor,
        masks: Option<&Tensor>,
        prepared: &Prepared,
        memory: &mut Memory,
        side: Side,
    ) -> Looked {
        let fed = if self.input_feeding { memory.feed.as_ref() } else { None };
        memory.states[0] = steppers[0].step(gates, fed, &memory.states[0]);
        for (layer, stepper) in steppers.iter().enumerate().skip(1) {
            let below = &memory.states[layer - 1].hidden;
            let input = match masks {
                Some(masks) => below * masks.get(layer as i64 - 1),
                None => below.shallow_clone(),
            };
            let gates = self.stack.layers[layer].forward.input_gates(&input);
            memory.states[layer] = stepper.step(&gates, None, &memory.states[layer]);
        }
        let hidden = memory.top().shallow_clone();
        let side_by_side = |tensor: &Tensor| tensor.reshape([tensor.size()[0] / side.beside, side.beside, -1]);
        let covered = memory.covered.as_ref().map(side_by_side);
        let looked = self.look.attend(&side_by_side(&hidden), prepared, Step::Same(side.step), covered.as_ref(), side.pass);
        let context = looked.attended.context.reshape([hidden.size()[0], -1]);
        memory.feed = Some(match (&self.tape, &memory.tape) {
            (Some(worked), Some(state)) => {
                let accessed = step_memory(&worked.tape, &worked.interface.forward(&hidden), state);
                memory.tape = Some(accessed.state);
                self.combined(&[&context, &hidden, &accessed.read])
            }
            _ => self.combined(&[&context, &hidden]),
        });
        if let Some(covered) = covered {
            memory.covered = Some((covered + &looked.attended.weights).reshape([hidden.size()[0], -1]));
        }
        looked
    }
}

/// The decoder's state with its parts named.
struct Memory {
    states: Vec<CellState>,
    /// h̃ of the step before.
    feed: Option<Tensor>,
    /// Sum of earlier weights [R, S].
    covered: Option<Tensor>,
    tape: Option<MemoryState>,
}

impl Memory {
    /// The highest layer's.
    fn top(&self) -> &Tensor {
        &self.states.last().expect("a decoder has a layer").hidden
    }
}

/// Where a step stands: its number, and how many hypotheses of a source are side by side.
struct Side<'a> {
    step: i64,
    beside: i64,
    /// Whether what is looked at is drawn.
    pass: &'a Pass,
}

impl Decoder for LuongDecoder {
    fn prepare(&self, read: &Read) -> Encoded {
        let prepared = self.look.attention.prepare(&read.output.states, &read.keep, &read.lengths);
        let mut tensors = flatten(self.bridge.cross(&read.output));
        if self.input_feeding {
            tensors.push(tensors[0].zeros_like());
        }
        if self.look.attention.wants_coverage() {
            tensors.push(read.keep.zeros_like().to_kind(Kind::Float));
        }
        if let Some(worked) = &self.tape {
            tensors.extend(worked.tape.start(read.keep.size()[0]).0);
        }
        Encoded::new(
            prepared.keep.shallow_clone(),
            prepared.lengths.shallow_clone(),
            Look::memory(prepared, read.same.as_ref()),
            DecoderState { step: 0, tensors, ..DecoderState::default() },
        )
    }

    fn decode(&self, encoded: &Encoded, embedded: &Tensor, pass: &Pass, attention: WithAttention) -> Steps {
        let steps = if self.input_feeding {
            self.decode_in_turn(encoded, embedded, pass, attention)
        } else {
            self.decode_at_once(encoded, embedded, pass)
        };
        Steps { features: pass.dropout(&steps.features, self.dropout), ..steps }
    }

    fn step(&self, encoded: &Encoded, state: &DecoderState, embedded: &Tensor) -> Stepped {
        let rows = embedded.size()[0];
        let mut memory = self.unpack(&state.tensors);
        let gates = self.stack.layers[0].forward.input_gates(embedded);
        let pass = Pass::evaluation();
        let side = Side { step: state.step, beside: rows / encoded.rows(), pass: &pass };
        let prepared = Look::prepared(encoded);
        let looked = self.advance(&self.steppers(), &gates, None, &prepared, &mut memory, side);
        let beside = |tensor: &Tensor| tensor.reshape([encoded.rows(), rows / encoded.rows(), -1]);
        let parts = [&looked.attended.context, &beside(memory.top()), &beside(embedded)];
        let copied = self.look.copied(encoded, parts, &looked.attended.weights);
        let features = memory.feed.expect("a step leaves its features");
        let mut tensors = flatten(memory.states);
        if self.input_feeding {
            tensors.push(features.shallow_clone());
        }
        tensors.extend(memory.covered);
        tensors.extend(memory.tape.into_iter().flat_map(|state| state.0));
        Stepped {
            features,
            weights: Some(looked.attended.weights.reshape([rows, -1])),
            copied,
            state: DecoderState { step: state.step + 1, tensors, ..DecoderState::default() },
        }
    }

    fn attends(&self) -> bool {
        true
    }
}
