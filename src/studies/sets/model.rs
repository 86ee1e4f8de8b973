//! Instances to a set, and a set to its class.

use anyhow::Result;
use tch::{Kind, Tensor};

use crate::memory::hopfield::{HopfieldLayer, HopfieldMemory, HopfieldOptions};
use crate::nn::{ForwardContext, Initialization, Linear, Parameters, Weight};
use crate::recipe::{SetPooling, SetsRecipe};

pub struct SetClassifier {
    pooling: Pooling,
    output: Linear,
}

enum Pooling {
    /// A state [1, 1, D] that looks among the instances.
    Hopfield {
        state: Weight,
        layer: HopfieldLayer,
    },
    /// Instances look among learned patterns.
    Lookup(HopfieldMemory),
    Average(Linear),
}

/// What a model makes of sets.
pub struct Classified {
    /// [B, classes]
    pub logits: Tensor,
    /// Of each instance in each head [B, H, T], where instances compete.
    pub weights: Option<Tensor>,
}

impl SetClassifier {
    pub fn new(recipe: &SetsRecipe, store: &Parameters) -> Result<Self> {
        let (root, width, hidden) = (store.root(), recipe.width as i64, recipe.heads * recipe.head_size);
        let initialization = Initialization::Xavier { gain: 1.0 };
        let options = HopfieldOptions {
            state: width,
            stored: width,
            output: hidden,
            heads: recipe.heads,
            head_size: recipe.head_size,
            updates: 1,
            beta: None,
            learned_beta: true,
            dropout: 0.0,
            initialization,
        };
        let pooling = match recipe.pooling {
            SetPooling::Hopfield => Pooling::Hopfield {
                state: root.tensor("state", &[1, 1, width], Initialization::Normal(1.0)),
                layer: HopfieldLayer::new(root.sub("layer"), &options)?,
            },
            SetPooling::Lookup => Pooling::Lookup(HopfieldMemory::new(root.sub("memory"), &options, hidden)?),
            SetPooling::Average => Pooling::Average(Linear::new(root.sub("instance"), width, hidden, initialization)),
        };
        Ok(SetClassifier { pooling, output: Linear::new(root.sub("output"), hidden, recipe.needles as i64 + 1, initialization) })
    }

    /// Sets of one size [B, T, D].
    pub fn classify(&self, instances: &Tensor, pass: &ForwardContext) -> Classified {
        let (pooled, weights) = match &self.pooling {
            Pooling::Hopfield { state, layer } => {
                let states = state.expand([instances.size()[0], 1, -1], false); // [B, 1, D]
                let found = layer.associate(&states, &layer.store(instances), None, pass);
                (found.answer.squeeze_dim(1), Some(found.weights.squeeze_dim(2))) // [B, hidden], [B, H, T]
            }
            Pooling::Lookup(memory) => {
                let found = memory.associate(instances, &memory.stored(), pass).answer; // [B, T, hidden]
                (found.amax([1i64].as_slice(), false), None) // [B, hidden]
            }
            Pooling::Average(map) => (map.forward(instances).relu().mean_dim([1i64].as_slice(), false, Kind::Float), None),
        };
        Classified { logits: self.output.forward(&pooled), weights }
    }
}
