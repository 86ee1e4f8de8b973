//! A memory organised as a set: slots without an order, found by content alone, read and written by the same attention.
//!
//! The plainest external memory: α = softmax(s(m, q)), r = Σ α m, m ← m ∘ (1 - α e) + α a, with any score s of the house.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::machine::{Accessed, Memory, MemoryState, Weightings};
use crate::attention::{Attention, AttentionOptions, QuerySteps};
use crate::nn::{Initialization, Scope, Weight};
use crate::recipe::{AttentionRecipe, ScoreKind};

/// Slots that are found by what is in them.
pub struct Set {
    attention: Attention,
    /// What the slots hold at first [Z, M], learned: slots that were all alike would stay alike.
    first: Weight,
}

impl Set {
    /// `slots` of `width` numbers, of which queries are scored by `score`.
    ///
    /// # Errors
    /// As [`Attention::new`], for sizes that cannot work.
    pub fn new(scope: &Scope, slots: i64, width: i64, score: ScoreKind) -> Result<Self> {
        let xavier = Initialization::Xavier { gain: 1.0 };
        let options = AttentionOptions {
            recipe: AttentionRecipe::of(score, width),
            query: width,
            keys: width,
            maximum_length: slots,
            initialization: xavier,
            score_initialization: xavier,
            energy_initialization: Initialization::Normal(1.0),
        };
        Ok(Set {
            attention: Attention::new(scope.sub("attention"), &options)?,
            first: scope.tensor("first", &[slots, width], Initialization::Normal(1.0)),
        })
    }

    fn width(&self) -> i64 {
        self.first.size()[1]
    }
}

impl Memory for Set {
    /// Query, erase vector and add vector.
    fn interface(&self) -> i64 {
        3 * self.width()
    }

    fn read_size(&self) -> i64 {
        self.width()
    }

    /// Memory [B, Z, M].
    fn start(&self, rows: i64) -> MemoryState {
        MemoryState(vec![self.first.unsqueeze(0).expand([rows, -1, -1], false)])
    }

    fn access(&self, interface: &Tensor, state: &MemoryState) -> Accessed {
        let memory = &state.0[0]; // [B, Z, M]
        let parts = interface.unsqueeze(1).chunk(3, -1); // [B, 1, M] each
        let (query, erase, add) = (&parts[0], &parts[1], &parts[2]);
        let (rows, slots) = (memory.size()[0], memory.size()[1]);
        let keep = Tensor::ones([rows, slots], (Kind::Bool, memory.device()));
        let lengths = Tensor::full([rows, 1], slots, (memory.kind(), memory.device()));
        let prepared = self.attention.prepare(memory, &keep, &lengths);
        let attended = self.attention.attend(query, &prepared, QuerySteps::Same(0), None); // [B, 1, M], [B, 1, Z]
        let by_slot = attended.weights.transpose(1, 2); // [B, Z, 1]
        let kept = by_slot.bmm(&erase.sigmoid()) * -1.0 + 1.0; // [B, Z, M]
        let memory = memory * kept + by_slot.bmm(&add.tanh()); // [B, Z, M]
        let weightings = Weightings { read: attended.weights.shallow_clone(), write: attended.weights };
        let read = attended.context.squeeze_dim(1); // [B, M]
        Accessed { read, state: MemoryState(vec![memory]), weightings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MachineOptions, MemoryMachine};
    use crate::nn::Parameters;
    use crate::nn::numerical::check_gradients;
    use crate::recipe::ControllerKind;
    use tch::Device;

    #[test]
    fn what_is_asked_for_is_read_then_replaced() {
        let store = Parameters::double(1);
        let set = Set::new(&store.root(), 3, 2, ScoreKind::Dot).unwrap();
        let held = Tensor::from_slice(&[10.0, 0.0, 0.0, 10.0, -10.0, 0.0]).view([1, 3, 2]);
        let sure = 50.0;
        // Query (0, 10), erase all, add (tanh 1, 0).
        let interface = Tensor::from_slice(&[0.0, 10.0, sure, sure, 1.0, 0.0]).view([1, 6]);
        let accessed = set.access(&interface, &MemoryState(vec![held.shallow_clone()]));
        let read = Tensor::from_slice(&[0.0, 10.0]).view([1, 2]);
        assert!(accessed.read.allclose(&read, 1e-9, 1e-9, false));
        let after = Tensor::from_slice(&[10.0, 0.0, 1f64.tanh(), 0.0, -10.0, 0.0]).view([1, 3, 2]);
        assert!(accessed.state.0[0].allclose(&after, 1e-9, 1e-9, false));
    }

    #[test]
    fn the_order_of_slots_does_not_matter() {
        tch::manual_seed(2);
        let store = Parameters::double(2);
        let set = Set::new(&store.root(), 4, 3, ScoreKind::Additive).unwrap();
        let (memory, interface) =
            (Tensor::randn([2, 4, 3], (Kind::Double, Device::Cpu)), Tensor::randn([2, 9], (Kind::Double, Device::Cpu)));
        let order = Tensor::from_slice(&[2i64, 0, 3, 1]);
        let one = set.access(&interface, &MemoryState(vec![memory.shallow_clone()]));
        let other = set.access(&interface, &MemoryState(vec![memory.index_select(1, &order)]));
        assert!(one.read.allclose(&other.read, 1e-9, 1e-9, false));
        assert!(one.state.0[0].index_select(1, &order).allclose(&other.state.0[0], 1e-9, 1e-9, false));
    }

    #[test]
    fn gradients_are_right() {
        for score in [ScoreKind::Additive, ScoreKind::General, ScoreKind::ScaledDot] {
            tch::manual_seed(3);
            let store = Parameters::double(3);
            let set = Set::new(&store.root().sub("set"), 3, 2, score).unwrap();
            let options = MachineOptions { input: 2, controller: ControllerKind::Lstm, hidden: 3, output: 2 };
            let machine = MemoryMachine::new(&store.root(), &options, Box::new(set));
            let inputs = Tensor::randn([2, 3, 2], (Kind::Double, Device::Cpu));
            check_gradients(&store.named(), || machine.run(&inputs).0.square().sum(Kind::Double));
        }
    }
}
