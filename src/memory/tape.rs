//! The Neural Turing Machine's memory: a tape of slots, found by content and by moving along (Graves et al. 2014, section 3).
//!
//! With the settings of Collier and Beel 2018, which make it learn from every start: all slots begin alike, unless they are to learn what they
//! begin with, heads begin where they learn to, k and a pass through tanh, e and g through the sigmoid, β through softplus, γ through
//! 1 + softplus, the shift through softmax.

use tch::{Kind, Tensor};

use super::machine::{Accessed, Memory, MemoryState, Weightings};
use crate::nn::{Initialization, Scope, Weight};

/// Sizes of a tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TapeOptions {
    /// Z
    pub slots: i64,
    /// Numbers in a slot, M.
    pub width: i64,
    pub read_heads: i64,
    pub write_heads: i64,
    /// Furthest a head moves in a step, in slots.
    pub shift: i64,
    /// Whether slots begin with what they learn, and not all alike: content then tells them apart before anything is written.
    pub learned_start: bool,
}

/// A tape with its heads.
pub struct Tape {
    options: TapeOptions,
    /// Weighting of each head before the first step, before the softmax [heads, Z].
    first_weights: Weight,
    /// What the slots hold at first [Z, M], where that is learned.
    first_memory: Option<Weight>,
}

/// What every slot begins with where that is not learned: not zero, whose length has no gradient.
const EMPTY: f64 = 1e-6;

impl Tape {
    pub fn new(scope: &Scope, options: TapeOptions) -> Self {
        let heads = options.read_heads + options.write_heads;
        let first_memory = || scope.tensor("first_memory", &[options.slots, options.width], Initialization::Normal(0.5));
        Tape {
            options,
            first_weights: scope.tensor("first_weights", &[heads, options.slots], Initialization::Normal(1.0)),
            first_memory: options.learned_start.then(first_memory),
        }
    }

    fn heads(&self) -> i64 {
        self.options.read_heads + self.options.write_heads
    }

    /// Shifts that a head can make, that of 0 included.
    fn moves(&self) -> i64 {
        2 * self.options.shift + 1
    }

    /// How many numbers each part of the interface has.
    /// Where the heads were in the step that left this state.
    pub fn weightings(&self, state: &MemoryState) -> Weightings {
        let TapeOptions { read_heads, write_heads, .. } = self.options;
        let heads = &state.0[1]; // [B, heads, Z]
        Weightings { read: heads.narrow(1, 0, read_heads), write: heads.narrow(1, read_heads, write_heads) }
    }

    fn parts(&self) -> [i64; 7] {
        let TapeOptions { width, write_heads, .. } = self.options;
        let heads = self.heads();
        [heads * width, heads, heads, heads * self.moves(), heads, write_heads * width, write_heads * width]
    }
}

/// Head parameters of a step (section 3.3); a head a row.
struct HeadParameters {
    /// Key k [B, heads, M]
    key: Tensor,
    /// Key strength β [B, heads, 1]
    strength: Tensor,
    /// Interpolation gate g [B, heads, 1]
    gate: Tensor,
    /// Shift weighting s [B, heads, moves]
    shift: Tensor,
    /// Sharpening γ [B, heads, 1]
    sharpness: Tensor,
}

impl Memory for Tape {
    fn interface(&self) -> i64 {
        self.parts().iter().sum()
    }

    fn read_size(&self) -> i64 {
        self.options.read_heads * self.options.width
    }

    /// Memory [B, Z, M] and weightings of the heads [B, heads, Z].
    fn start(&self, rows: i64) -> MemoryState {
        let options = (self.first_weights.kind(), self.first_weights.device());
        let memory = match &self.first_memory {
            None => Tensor::full([rows, self.options.slots, self.options.width], EMPTY, options),
            Some(first) => first.unsqueeze(0).expand([rows, -1, -1], false),
        }; // [B, Z, M]
        let weights = self.first_weights.softmax(-1, self.first_weights.kind()); // [heads, Z]
        let weights = weights.unsqueeze(0).expand([rows, -1, -1], false); // [B, heads, Z]
        MemoryState(vec![memory, weights])
    }

    /// Reading and writing heads are addressed by the memory before the step; what was read does not yet have what is written.
    fn access(&self, interface: &Tensor, state: &MemoryState) -> Accessed {
        let TapeOptions { width, read_heads, write_heads, .. } = self.options;
        let (memory, before) = (&state.0[0], &state.0[1]); // [B, Z, M], [B, heads, Z]
        let parts = interface.split_with_sizes(self.parts(), 1); // [B, ·] each
        let by_head = |part: &Tensor, numbers: i64| part.view([-1, part.size()[1] / numbers, numbers]);
        let head = HeadParameters {
            key: by_head(&parts[0].tanh(), width),                                // [B, heads, M]
            strength: parts[1].softplus().unsqueeze(-1),                          // [B, heads, 1]
            gate: parts[2].sigmoid().unsqueeze(-1),                               // [B, heads, 1]
            shift: by_head(&parts[3], self.moves()).softmax(-1, parts[3].kind()), // [B, heads, moves]
            sharpness: (parts[4].softplus() + 1.0).unsqueeze(-1),                 // [B, heads, 1]
        };
        let weights = address(memory, before, &head);
        let reading = weights.narrow(1, 0, read_heads); // [B, read heads, Z]
        let writing = weights.narrow(1, read_heads, write_heads); // [B, write heads, Z]
        let read = reading.bmm(memory).flatten(1, 2); // [B, read heads · M] = [B, R]
        let erase = by_head(&parts[5].sigmoid(), width); // [B, write heads, M]
        let add = by_head(&parts[6].tanh(), width); // [B, write heads, M]
        let memory = write(memory, &writing, &erase, &add);
        let state = MemoryState(vec![memory, weights]);
        Accessed { read, weightings: self.weightings(&state), state }
    }
}

/// Weightings of the heads [B, heads, Z] after those of the step `before`: content addressing, interpolation, convolutional shift and
/// sharpening (equations 5 to 9).
fn address(memory: &Tensor, before: &Tensor, head: &HeadParameters) -> Tensor {
    let content = (similarity(&head.key, memory) * &head.strength).softmax(-1, memory.kind()); // [B, heads, Z]
    let gated = before.lerp_tensor(&content, &head.gate);
    sharpen(&shift(&gated, &head.shift), &head.sharpness)
}

/// Cosine similarity of keys [B, heads, M] and slots [B, Z, M] (equation 6): [B, heads, Z].
fn similarity(keys: &Tensor, memory: &Tensor) -> Tensor {
    const TINY: f64 = 1e-8;
    let norm = |vectors: &Tensor| vectors.norm_scalaropt_dim(2.0, [-1], true);
    let products = keys.bmm(&memory.transpose(1, 2)); // [B, heads, Z]
    let norms = norm(keys) * norm(memory).transpose(1, 2); // [B, heads, 1] · [B, 1, Z] = [B, heads, Z]
    products / (norms + TINY)
}

/// Circular convolution of weights [B, heads, Z] with the shift weighting s [B, heads, moves] (equation 8): [B, heads, Z]. Entry j of the
/// 2n + 1 in s is the share that moves by j - n slots.
fn shift(weights: &Tensor, shift_weighting: &Tensor) -> Tensor {
    let (slots, moves) = (weights.size()[2], shift_weighting.size()[2]);
    let furthest = moves / 2;
    if furthest == 0 {
        return weights.shallow_clone();
    }
    let ends = [weights.narrow(2, slots - furthest, furthest), weights.shallow_clone(), weights.narrow(2, 0, furthest)];
    let padded = Tensor::cat(&ends, 2); // [B, heads, n + Z + n]
    // Slot i has i - n … i + n, and what comes from i - d has moved by d.
    let neighbours = padded.unfold(2, moves, 1); // [B, heads, Z, moves]
    let kernel = shift_weighting.flip([2]).unsqueeze(2); // [B, heads, 1, moves]
    (neighbours * kernel).sum_dim_intlist(-1, false, None::<Kind>) // [B, heads, Z]
}

/// w^γ, made to sum to one (equation 9): by logarithms, because the powers of many small weights may all be zero in single precision.
fn sharpen(weights: &Tensor, sharpness: &Tensor) -> Tensor {
    // Above zero, because zero has no logarithm.
    ((weights + 1e-16).log() * sharpness).softmax(-1, weights.kind())
}

/// M ∘ Π(1 - w eᵀ) + Σ w aᵀ over heads (equations 3 and 4): weights [B, heads, Z], erase and add [B, heads, M].
fn write(memory: &Tensor, weights: &Tensor, erase: &Tensor, add: &Tensor) -> Tensor {
    // w eᵀ of a head [B, Z, M]
    let outer = |head: i64| weights.narrow(1, head, 1).transpose(1, 2).bmm(&erase.narrow(1, head, 1));
    let kept = (0..weights.size()[1]).fold(memory.shallow_clone(), |kept, head| kept.addcmul(&kept, &(outer(head) * -1.0)));
    kept.baddbmm(&weights.transpose(1, 2), add, 1.0, 1.0) // [B, Z, heads] · [B, heads, M] = [B, Z, M]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MachineOptions, MemoryMachine};
    use crate::nn::Parameters;
    use crate::nn::numerical::check_gradients;
    use crate::recipe::ControllerKind;
    use tch::Device;

    const SMALL: TapeOptions = TapeOptions { slots: 5, width: 3, read_heads: 2, write_heads: 2, shift: 1, learned_start: false };

    fn numbers(tensor: &Tensor) -> Vec<f64> {
        Vec::try_from(tensor.reshape(-1).to_kind(Kind::Double)).unwrap()
    }

    fn close(tensor: &Tensor, expected: &[f64]) {
        let found = numbers(tensor);
        assert!(found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
    }

    #[test]
    fn a_shift_moves_a_head_around_the_tape() {
        let at = |slot: i64| Tensor::one_hot(&Tensor::from_slice(&[slot]), 5).to_kind(Kind::Double).unsqueeze(0);
        for (slot, by, expected) in [(0, 1, 1), (4, 1, 0), (0, -1, 4), (2, 0, 2), (3, 2, 0), (1, -2, 4)] {
            let weighting = Tensor::one_hot(&Tensor::from_slice(&[by + 2i64]), 5).to_kind(Kind::Double).unsqueeze(0);
            close(&shift(&at(slot), &weighting), &numbers(&at(expected)));
        }
        let spread = Tensor::from_slice(&[0.1, 0.8, 0.1]).view([1, 1, 3]);
        close(&shift(&at(0), &spread), &[0.8, 0.1, 0.0, 0.0, 0.1]);
    }

    #[test]
    fn sharpening_keeps_the_sum_and_raises_the_highest() {
        let weights = Tensor::from_slice(&[0.5, 0.3, 0.2]).view([1, 1, 3]);
        let one = Tensor::from_slice(&[1.0]).view([1, 1, 1]);
        close(&sharpen(&weights, &one), &[0.5, 0.3, 0.2]);
        close(&sharpen(&weights, &(&one * 2.0)), &[0.25 / 0.38, 0.09 / 0.38, 0.04 / 0.38]);
    }

    #[test]
    fn sharpening_what_is_even_over_many_slots_stays_finite() {
        // (1/128)²¹ is zero in single precision.
        let weights = Tensor::full([1, 1, 128], 1.0 / 128.0, (Kind::Float, Device::Cpu));
        let sharpness = Tensor::from_slice(&[21.0f32]).view([1, 1, 1]);
        close(&sharpen(&weights, &sharpness), &[1.0 / 128.0; 128]);
    }

    #[test]
    fn content_is_found_by_its_direction() {
        let memory = Tensor::from_slice(&[1.0, 0.0, 0.0, 2.0, 1.0, 1.0]).view([1, 3, 2]);
        let keys = Tensor::from_slice(&[0.0, 5.0]).view([1, 1, 2]);
        close(&similarity(&keys, &memory), &[0.0, 1.0, 0.5f64.sqrt()]);
    }

    #[test]
    fn writing_erases_then_adds() {
        let memory = Tensor::ones([1, 2, 2], (Kind::Double, Device::Cpu));
        let weights = Tensor::from_slice(&[1.0, 0.0, 0.5, 0.5]).view([1, 2, 2]);
        let erase = Tensor::from_slice(&[1.0, 0.5, 1.0, 0.0]).view([1, 2, 2]);
        let add = Tensor::from_slice(&[3.0, 0.0, 0.0, 4.0]).view([1, 2, 2]);
        // Slot 0: (0, 0.5) is left by the first head, (0, 0.5) by the second; slot 1: all, then (0.5, 1).
        close(&write(&memory, &weights, &erase, &add), &[3.0, 2.5, 0.5, 3.0]);
    }

    #[test]
    fn weights_are_shares_at_every_step() {
        tch::manual_seed(3);
        let store = Parameters::new(3, Device::Cpu);
        let tape = Tape::new(&store.root(), SMALL);
        let mut state = tape.start(2);
        for _ in 0..4 {
            let interface = Tensor::randn([2, tape.interface()], (Kind::Float, Device::Cpu)) * 5.0;
            let accessed = tape.access(&interface, &state);
            assert_eq!(accessed.read.size(), [2, tape.read_size()]);
            for weights in [&accessed.weightings.read, &accessed.weightings.write] {
                assert_eq!(weights.size(), [2, 2, 5]);
                assert!(weights.min().double_value(&[]) >= 0.0);
                close(&weights.sum_dim_intlist(-1, false, None::<Kind>), &[1.0; 4]);
            }
            state = accessed.state;
        }
    }

    #[test]
    fn gradients_are_right() {
        for (controller, learned_start) in [(ControllerKind::FeedForward, true), (ControllerKind::Lstm, false)] {
            tch::manual_seed(4);
            let store = Parameters::double(4);
            let tape = Tape::new(&store.root().sub("tape"), TapeOptions { learned_start, ..SMALL });
            let options = MachineOptions { input: 2, controller, hidden: 3, output: 2 };
            let machine = MemoryMachine::new(&store.root(), &options, Box::new(tape));
            let inputs = Tensor::randn([2, 3, 2], (Kind::Double, Device::Cpu));
            check_gradients(&store.named(), || machine.run(&inputs).0.square().sum(Kind::Double));
        }
    }
}
