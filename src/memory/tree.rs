//! A memory organised as a tree of summaries, descended by attention (after Andrychowicz and Kurach 2016).
//!
//! Leaves hold values; every inner node holds a summary of its two children. A query descends from the root: at each node there is a
//! probability of going right, and the attention weight of a leaf is the product of the probabilities on the way to it. Leaves are read and
//! written with the same weights. Their paper samples the way; here the weights are soft, so that everything is learned by gradients.

use anyhow::{Result, ensure};
use tch::Tensor;

use super::machine::{Accessed, Memory, MemoryState, Weightings};
use crate::nn::{Initialization, Linear, Scope, Weight};

/// 2ⁿ leaves of M numbers and the summaries above them.
pub struct Tree {
    width: i64,
    /// Two children to their summary [M, 2 M].
    join: Linear,
    /// A node's two children and the query to a hidden layer [M, 3 M], and that to the energy of going right.
    search: Linear,
    right: Linear,
    /// What the leaves hold at first [Z, M], learned: leaves that were all alike would stay alike.
    first: Weight,
}

impl Tree {
    /// # Errors
    /// Where `leaves` is no power of two from 2 on.
    pub fn new(scope: &Scope, leaves: i64, width: i64) -> Result<Self> {
        let power = leaves >= 2 && leaves & (leaves - 1) == 0;
        ensure!(
            power,
            "a tree of {leaves} leaves: expected 2, 4, 8 or another power of two, so that every node has two children"
        );
        let xavier = Initialization::Xavier { gain: 1.0 };
        Ok(Tree {
            width,
            join: Linear::new(scope.sub("join"), 2 * width, width, xavier),
            search: Linear::new(scope.sub("search"), 3 * width, width, xavier),
            right: Linear::new(scope.sub("right"), width, 1, xavier),
            first: scope.tensor("first", &[leaves, width], Initialization::Normal(1.0)),
        })
    }

    /// Pairs of siblings of every level, the root's children first: [B, nodes, 2 M].
    fn children(&self, leaves: &Tensor) -> Vec<Tensor> {
        let mut level = leaves.shallow_clone(); // [B, Z, M]
        let mut pairs = Vec::new();
        while level.size()[1] > 1 {
            let siblings = level.reshape([-1, level.size()[1] / 2, 2 * self.width]); // [B, nodes, 2 M]
            level = self.join.forward(&siblings).tanh(); // [B, nodes, M]
            pairs.push(siblings);
        }
        pairs.reverse();
        pairs
    }

    /// Attention weights of the leaves [B, Z] for queries [B, M].
    fn descend(&self, leaves: &Tensor, query: &Tensor) -> Tensor {
        let mut weights = Tensor::ones([query.size()[0], 1], (query.kind(), query.device())); // [B, 1], the root's
        for siblings in self.children(leaves) {
            let query = query.unsqueeze(1).expand([-1, siblings.size()[1], -1], false); // [B, nodes, M]
            let hidden = self.search.forward(&Tensor::cat(&[&siblings, &query], -1)).relu(); // [B, nodes, M]
            let right = self.right.forward(&hidden).squeeze_dim(-1).sigmoid(); // [B, nodes]
            let both = Tensor::stack(&[&weights * (&right * -1.0 + 1.0), &weights * &right], -1); // [B, nodes, 2]
            weights = both.flatten(1, 2); // [B, 2 · nodes]
        }
        weights
    }
}

impl Memory for Tree {
    /// Query, erase vector and add vector.
    fn interface(&self) -> i64 {
        3 * self.width
    }

    fn read_size(&self) -> i64 {
        self.width
    }

    /// Leaves [B, Z, M].
    fn start(&self, rows: i64) -> MemoryState {
        MemoryState(vec![self.first.unsqueeze(0).expand([rows, -1, -1], false)])
    }

    fn access(&self, interface: &Tensor, state: &MemoryState) -> Accessed {
        let leaves = &state.0[0]; // [B, Z, M]
        let parts = interface.chunk(3, 1); // [B, M] each
        let (query, erase, add) = (&parts[0], &parts[1], &parts[2]);
        let weights = self.descend(leaves, query).unsqueeze(1); // [B, 1, Z]
        let read = weights.bmm(leaves).squeeze_dim(1); // [B, M]
        let by_leaf = weights.transpose(1, 2); // [B, Z, 1]
        let kept = by_leaf.bmm(&erase.sigmoid().unsqueeze(1)) * -1.0 + 1.0; // [B, Z, M]
        let leaves = leaves * kept + by_leaf.bmm(&add.tanh().unsqueeze(1)); // [B, Z, M]
        Accessed {
            read,
            state: MemoryState(vec![leaves]),
            weightings: Weightings { read: weights.shallow_clone(), write: weights },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MachineOptions, MemoryMachine};
    use crate::nn::Parameters;
    use crate::nn::numerical::check_gradients;
    use crate::recipe::ControllerKind;
    use tch::{Device, Kind};

    #[test]
    fn weights_sum_to_one_and_follow_the_decisions() {
        tch::manual_seed(1);
        let store = Parameters::double(1);
        let tree = Tree::new(&store.root(), 8, 3).unwrap();
        let leaves = Tensor::randn([2, 8, 3], (Kind::Double, Device::Cpu));
        let weights = tree.descend(&leaves, &Tensor::randn([2, 3], (Kind::Double, Device::Cpu)));
        assert_eq!(weights.size(), [2, 8]);
        let sums = Vec::<f64>::try_from(weights.sum_dim_intlist(1, false, None::<Kind>)).unwrap();
        assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-12), "{sums:?}");
        // Always going right leads to the last leaf.
        let _ = tch::no_grad(|| tree.right.bias.as_ref().unwrap().shallow_clone().fill_(100.0));
        let last = tree.descend(&leaves, &Tensor::zeros([2, 3], (Kind::Double, Device::Cpu))).select(1, 7);
        assert!(last.allclose(&Tensor::ones([2], (Kind::Double, Device::Cpu)), 1e-9, 1e-9, false));
    }

    #[test]
    fn only_powers_of_two_are_trees() {
        let store = Parameters::double(1);
        for leaves in [0, 1, 3, 12] {
            let error = Tree::new(&store.root().sub(&leaves.to_string()), leaves, 2).err().unwrap().to_string();
            assert!(error.contains(&format!("a tree of {leaves} leaves: expected 2, 4, 8")), "{error}");
        }
    }

    #[test]
    fn gradients_are_right() {
        tch::manual_seed(3);
        let store = Parameters::double(3);
        let tree = Tree::new(&store.root().sub("tree"), 4, 2).unwrap();
        let options = MachineOptions { input: 2, controller: ControllerKind::FeedForward, hidden: 3, output: 2 };
        let machine = MemoryMachine::new(&store.root(), &options, Box::new(tree));
        let inputs = Tensor::randn([2, 3, 2], (Kind::Double, Device::Cpu));
        check_gradients(&store.named(), || machine.run(&inputs).0.square().sum(Kind::Double));
    }
}
