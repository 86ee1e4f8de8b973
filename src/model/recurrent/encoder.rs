//! The source side of a recurrent model: recurrent layers or gated convolutions, and self-attention over what they give.

use tch::{Kind, Tensor};

use crate::attention::{Allowed, MultiHead};
use crate::batch::Source;
use crate::nn::{CellState, ForwardContext, Initialization, Linear, RecurrentStack, Scope, StackOutput, Weight};
use crate::recipe::CellKind;

/// Reads embedded sources.
pub struct Encoder {
    pub layers: EncoderLayers,
    /// States attend to each other, and what they find is added to them.
    pub self_attention: Option<MultiHead>,
}

pub enum EncoderLayers {
    Recurrent(RecurrentStack),
    Convolutional(Convolutions),
}

/// What an encoder gives.
pub struct Encoded {
    pub states: StackOutput,
    /// Weights of self-attention [B, H, S, S], where there is one and they are wanted.
    pub self_attention: Option<Tensor>,
}

impl Encoder {
    /// Sources in embedded form [B, S, E] to states [B, S, D], zero at padding.
    pub fn read(&self, embedded: &Tensor, source: &Source, dropout: f64, with_attention: bool, pass: &ForwardContext) -> Encoded {
        let mut states = match &self.layers {
            EncoderLayers::Recurrent(stack) => stack.read(embedded, &source.lengths, dropout, pass),
            EncoderLayers::Convolutional(layers) => layers.read(embedded, &source.keep, dropout, pass),
        };
        let Some(attention) = &self.self_attention else { return Encoded { states, self_attention: None } };
        let queries = attention.queries(&states.states); // [B, S, D]
        let (keys, values) = attention.keys_and_values(&states.states); // [B, S, D] each
        let (attended, weights) = attention.attend(&queries, (&keys, &values), Allowed::Kept(&source.keep), with_attention, pass);
        states.states = (states.states + attended) * source.keep.unsqueeze(-1); // [B, S, D]
        Encoded { states, self_attention: weights }
    }
}

/// Convolutions with gated linear units (Gehring et al. 2017, sections 3.1 to 3.3): z = (GLU(conv(z)) + z) √½, layer upon layer. A
/// position sees `width` / 2 positions to either side for every layer.
pub struct Convolutions {
    /// A vector for each position [maximum_length, E].
    positions: Weight,
    input: Linear,
    layers: Vec<Convolution>,
    /// What the decoder's first state is made for.
    cell: CellKind,
}

struct Convolution {
    /// [2D, D, width]
    kernel: Weight,
    /// [2D]
    bias: Weight,
}

/// Sizes of [`Convolutions`].
pub struct ConvolutionOptions {
    pub embedding: i64,
    /// D
    pub hidden: i64,
    pub layers: i64,
    /// Positions that a kernel covers, odd.
    pub width: i64,
    pub maximum_length: i64,
    pub dropout: f64,
    pub cell: CellKind,
}

impl Convolutions {
    /// Kernels start from N(0, 4(1 - dropout)/n), n being what feeds an output (Gehring et al. 2017, section 3.5).
    pub fn new(scope: &Scope, options: &ConvolutionOptions, initialization: Initialization) -> Self {
        let ConvolutionOptions { embedding, hidden, layers, width, maximum_length, dropout, cell } = *options;
        let deviation = (4.0 * (1.0 - dropout) / (hidden * width) as f64).sqrt();
        let layer = |number: i64| {
            let scope = scope.sub(&format!("l{number}"));
            Convolution {
                kernel: scope.tensor("kernel", &[2 * hidden, hidden, width], Initialization::Normal(deviation)),
                bias: scope.tensor("bias", &[2 * hidden], Initialization::Constant(0.0)),
            }
        };
        Convolutions {
            positions: scope.tensor("positions", &[maximum_length, embedding], Initialization::Normal(0.1)),
            input: Linear::new(scope.sub("input"), embedding, hidden, initialization),
            layers: (0..layers).map(layer).collect(),
            cell,
        }
    }

    /// [B, S, E] to [B, S, D]. The last state is the mean over the source, since no position has read it all.
    fn read(&self, embedded: &Tensor, keep: &Tensor, dropout: f64, pass: &ForwardContext) -> StackOutput {
        let keep = keep.unsqueeze(-1).to_kind(embedded.kind()); // [B, S, 1]
        let placed = embedded + self.positions.narrow(0, 0, embedded.size()[1]); // [B, S, E]
        let mut states = self.input.forward(&placed); // [B, S, D]
        for layer in &self.layers {
            // Of padding a neighbour sees nothing.
            let input = (pass.dropout(&states, dropout) * &keep).transpose(1, 2); // [B, D, S]
            let half = layer.kernel.size()[2] / 2;
            let found = input.conv1d(&layer.kernel, Some(&*layer.bias), 1, half, 1, 1); // [B, 2D, S]
            states = (found.transpose(1, 2).glu(-1) + states) * std::f64::consts::FRAC_1_SQRT_2; // [B, S, D]
        }
        let states = states * &keep;
        let mean = states.sum_dim_intlist([1i64].as_slice(), false, None::<Kind>)
            / keep.sum_dim_intlist([1i64].as_slice(), false, None::<Kind>); // [B, D]
        let cell = (self.cell == CellKind::Lstm).then(|| mean.shallow_clone());
        StackOutput { states, finals: vec![vec![CellState { hidden: mean, cell }]] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Parameters;
    use tch::Device;

    fn convolutions(store: &Parameters) -> Convolutions {
        let options = ConvolutionOptions {
            embedding: 3,
            hidden: 4,
            layers: 2,
            width: 3,
            maximum_length: 10,
            dropout: 0.0,
            cell: CellKind::Gru,
        };
        Convolutions::new(&store.root(), &options, Initialization::Xavier { gain: 1.0 })
    }

    fn read(encoder: &Encoder, ids: &[u32], rest: &[u32]) -> Tensor {
        let source = Source::new(&[ids, rest], Device::Cpu);
        let embedded = Tensor::stack(&[&source.ids, &(&source.ids * 2), &(&source.ids * source.ids.remainder(3))], 2)
            .to_kind(Kind::Float)
            / 10.0;
        tch::no_grad(|| encoder.read(&embedded, &source, 0.0, false, &ForwardContext::evaluation()).states.states)
    }

    /// Two layers of width 3 see two positions to either side; and what pads a sentence changes nothing of it.
    #[test]
    fn a_position_sees_as_far_as_its_layers_reach_and_no_padding() {
        let store = Parameters::new(1, Device::Cpu);
        let layers = EncoderLayers::Convolutional(convolutions(&store));
        let mut encoder = Encoder { layers, self_attention: None };
        let one = read(&encoder, &[5, 6, 7, 8, 9], &[4]);
        let other = read(&encoder, &[5, 6, 7, 8, 17], &[4]);
        let changed: Vec<bool> = Vec::try_from((one - other).get(0).abs().amax([-1], false).gt(1e-7)).unwrap();
        assert_eq!(changed, [false, false, true, true, true, true]);
        for attends in [false, true] {
            encoder.self_attention = attends.then(|| MultiHead::new(store.root().sub("self_attention"), 4, 2, 0.0, 1.0));
            let padded = read(&encoder, &[5, 6], &[7, 8, 9, 10, 11]).get(0);
            let alone = read(&encoder, &[5, 6], &[7, 8]).get(0);
            assert!(padded.narrow(0, 0, 3).allclose(&alone, 1e-5, 1e-6, false));
            assert_eq!(padded.narrow(0, 3, 3).abs().max().double_value(&[]), 0.0);
        }
    }

    /// Gehring et al. 2017, section 3.3: half of a convolution gates the other half.
    #[test]
    fn a_layer_is_a_gated_convolution_by_hand() {
        let store = Parameters::new(1, Device::Cpu);
        let options = ConvolutionOptions {
            embedding: 1,
            hidden: 1,
            layers: 1,
            width: 3,
            maximum_length: 4,
            dropout: 0.0,
            cell: CellKind::Lstm,
        };
        let layers = Convolutions::new(&store.root(), &options, Initialization::Constant(1.0));
        tch::no_grad(|| {
            let _ = layers.positions.shallow_clone().fill_(0.0);
            let kernel = Tensor::from_slice(&[1f32, 2.0, 3.0, 0.0, 1.0, 0.0]).view([2, 1, 3]);
            layers.layers[0].kernel.shallow_clone().copy_(&kernel);
        });
        let (input, keep) =
            (Tensor::from_slice(&[1f32, -1.0, 2.0]).view([1, 3, 1]), Tensor::ones([1, 3], (Kind::Bool, Device::Cpu)));
        let output = tch::no_grad(|| layers.read(&input, &keep, 0.0, &ForwardContext::evaluation()));
        let bias = tch::no_grad(|| layers.input.forward(&Tensor::zeros([1], (Kind::Float, Device::Cpu)))).double_value(&[0]);
        let z = [1.0 + bias, -1.0 + bias, 2.0 + bias];
        let at = |place: i64| if (0..3).contains(&place) { z[place as usize] } else { 0.0 };
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let mut sum = 0.0;
        for place in 0..3 {
            let convolved = at(place - 1) + 2.0 * at(place) + 3.0 * at(place + 1);
            let expected = (convolved * sigmoid(at(place)) + at(place)) * 0.5f64.sqrt();
            assert!((output.states.double_value(&[0, place, 0]) - expected).abs() < 1e-5);
            sum += expected;
        }
        assert!((output.finals[0][0].hidden.double_value(&[0, 0]) - sum / 3.0).abs() < 1e-5);
        assert!(output.finals[0][0].cell.is_some());
    }
}
