//! From the encoder's last states to the decoder's first ones.

use tch::Tensor;

use crate::nn::{CellState, Initialization, Linear, Scope, StackOutput};
use crate::recipe::CellKind;

/// Sizes on both sides of a [`Bridge`].
pub struct Dimensions {
    pub kind: CellKind,
    pub encoder_layers: i64,
    pub encoder_hidden: i64,
    pub bidirectional: bool,
    pub decoder_layers: i64,
    pub decoder_hidden: i64,
}

impl Dimensions {
    /// Width of the encoder's states.
    pub fn memory(&self) -> i64 {
        self.encoder_hidden * if self.bidirectional { 2 } else { 1 }
    }
}

/// How the decoder's first states come about.
pub enum Bridge {
    /// Layer by layer the encoder's last ones, where both dimensions have one shape (Sutskever et al. 2014; Luong et al. 2015).
    Copy,
    /// For each decoder layer the maps from a pair of encoder directions: tanh(W [→h; ←h]) for hidden states, and without tanh,
    /// since a cell is unbounded, for cells.
    Dense(Vec<Projection>),
}

pub struct Projection {
    hidden: Linear,
    cell: Option<Linear>,
}

impl Bridge {
    pub fn new(scope: Scope, dimensions: &Dimensions, initialization: Initialization) -> Self {
        let same = dimensions.encoder_layers == dimensions.decoder_layers && dimensions.memory() == dimensions.decoder_hidden;
        if same && !dimensions.bidirectional {
            return Bridge::Copy;
        }
        let input = dimensions.memory();
        let linear = |name: &str| Linear::new(scope.sub(name), input, dimensions.decoder_hidden, initialization);
        Bridge::Dense(
            (0..dimensions.decoder_layers)
                .map(|layer| Projection {
                    hidden: linear(&format!("hidden_l{layer}")),
                    cell: (dimensions.kind == CellKind::Lstm).then(|| linear(&format!("cell_l{layer}"))),
                })
                .collect(),
        )
    }

    /// One state a decoder layer. A decoder deeper than the encoder starts its upper layers from the encoder's top.
    pub fn cross(&self, read: &StackOutput) -> Vec<CellState> {
        match self {
            Bridge::Copy => read.finals.iter().map(|directions| directions[0].shallow_clone()).collect(),
            Bridge::Dense(layers) => layers
                .iter()
                .enumerate()
                .map(|(layer, project)| {
                    let directions = &read.finals[layer.min(read.finals.len() - 1)];
                    let hidden: Vec<&Tensor> = directions.iter().map(|state| &state.hidden).collect(); // [B, H] each
                    let cells: Vec<&Tensor> = directions.iter().filter_map(|state| state.cell.as_ref()).collect();
                    CellState {
                        // [B, directions · H] to [B, H']
                        hidden: project.hidden.forward(&Tensor::cat(&hidden, 1)).tanh(),
                        cell: project.cell.as_ref().map(|linear| linear.forward(&Tensor::cat(&cells, 1))),
                    }
                })
                .collect(),
        }
    }
}
