//! What a layer costs against the length of its sequence: recurrent, convolutional and self-attention layers of one width, run and measured.
//! The orders beside it are those of table 1 of Vaswani et al. 2017.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::attention::{Allowed, MultiHead};
use crate::nn::{CellInitialization, ForwardContext, Initialization, Parameters, RecurrentStack, Weight};
use crate::picture::Drawing;
use crate::recipe::CellKind;
use crate::report::{Chart, peak_memory, resident_memory};
use crate::runtime::processor_time;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// One layer of an LSTM that reads forward.
    Recurrent,
    /// A convolution along the sequence, as long as its input.
    Convolution,
    /// Multi-head attention whose weights [H, n, n] are made: what the papers wrote, and what shows its weights.
    SelfAttention,
    /// The same by libtorch's fused kernel, which makes them a block at a time and keeps none.
    FusedSelfAttention,
}

/// What every layer has in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Widths {
    /// d: numbers of a position, in and out.
    pub width: i64,
    /// Heads of self-attention; they divide the width.
    pub heads: i64,
    /// k: positions that a convolution sees; an odd number.
    pub kernel: i64,
}

/// Of one layer and one length.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    pub layer: Layer,
    /// n
    pub length: i64,
    /// Seconds of processor time of the layer alone, all threads together: the fastest of some runs.
    pub forward: f64,
    /// The same with the gradients of input and parameters.
    pub training: f64,
    /// Bytes by which one training pass raised the most that the process ever had in memory; nothing where it raised nothing or the kernel
    /// does not tell.
    pub memory: Option<u64>,
}

impl Layer {
    pub const ALL: [Layer; 4] = [Layer::Recurrent, Layer::Convolution, Layer::SelfAttention, Layer::FusedSelfAttention];

    pub fn name(self) -> &'static str {
        match self {
            Layer::Recurrent => "recurrent (LSTM)",
            Layer::Convolution => "convolution",
            Layer::SelfAttention => "self-attention",
            Layer::FusedSelfAttention => "self-attention, fused",
        }
    }

    /// Operations of a layer, operations that wait for each other, and the longest path between two positions.
    pub fn orders(self) -> [&'static str; 3] {
        match self {
            Layer::Recurrent => ["O(n d²)", "O(n)", "O(n)"],
            Layer::Convolution => ["O(k n d²)", "O(1)", "O(n/k), dilated O(log_k n)"],
            Layer::SelfAttention | Layer::FusedSelfAttention => ["O(n² d)", "O(1)", "O(1)"],
        }
    }

    /// Multiplications of a pass forward over n positions. Self-attention has four maps of d × d beside its two products of n × n × d.
    pub fn multiplications(self, length: i64, widths: &Widths) -> f64 {
        let (n, d, k) = (length as f64, widths.width as f64, widths.kernel as f64);
        match self {
            Layer::Recurrent => 8.0 * n * d * d,
            Layer::Convolution => k * n * d * d,
            Layer::SelfAttention | Layer::FusedSelfAttention => 4.0 * n * d * d + 2.0 * n * n * d,
        }
    }

    /// Steps of the calculation that wait for the one before.
    pub fn sequential(self, length: i64) -> i64 {
        if self == Layer::Recurrent { length } else { 1 }
    }

    /// Layers, or steps, that a signal passes from the first position to the last.
    pub fn path(self, length: i64, widths: &Widths) -> i64 {
        match self {
            Layer::Recurrent => (length - 1).max(1),
            // A stack of m layers reaches m (k - 1) / 2 positions to either side.
            Layer::Convolution => {
                let reach = ((widths.kernel - 1) / 2).max(1);
                ((length - 1).max(1) + reach - 1) / reach
            }
            Layer::SelfAttention | Layer::FusedSelfAttention => 1,
        }
    }
}

impl Widths {
    /// # Errors
    /// Widths that are not 1 to 8192, heads that do not divide the width, and a kernel that is even or below 3.
    pub fn check(&self) -> Result<()> {
        let Widths { width, heads, kernel } = *self;
        ensure!((1..=8192).contains(&width), "found a width of {width}: give 1 to 8192");
        ensure!(heads >= 1 && width % heads == 0, "{heads} heads do not divide a width of {width}: give a number that does");
        ensure!(
            (3..=255).contains(&kernel) && kernel % 2 == 1,
            "found a kernel of {kernel}: give an odd number from 3 to 255, so that the output is as long as the input"
        );
        Ok(())
    }

    /// Bytes that training with the weights of self-attention takes at least: energies, weights, and the gradients of both.
    pub fn bytes_of_weights(&self, length: i64) -> u64 {
        4u64.saturating_mul(self.heads as u64).saturating_mul((length as u64).saturating_pow(2)).saturating_mul(4)
    }
}

/// A layer from [1, n, d] to [1, n, d].
enum Built {
    Recurrent(RecurrentStack),
    Convolution { weight: Weight, bias: Weight, kernel: i64 },
    SelfAttention { attention: MultiHead, weights: bool },
}

impl Built {
    fn new(layer: Layer, widths: &Widths, store: &Parameters) -> Self {
        let Widths { width, heads, kernel } = *widths;
        let scope = store.root();
        let xavier = Initialization::Xavier { gain: 1.0 };
        match layer {
            Layer::Recurrent => {
                let cell = CellInitialization { input: xavier, recurrent: xavier };
                Built::Recurrent(RecurrentStack::new(scope, CellKind::Lstm, width, width, 1, false, cell))
            }
            Layer::Convolution => Built::Convolution {
                weight: scope.tensor("weight", &[width, width, kernel], xavier),
                bias: scope.tensor("bias", &[width], Initialization::Constant(0.0)),
                kernel,
            },
            Layer::SelfAttention | Layer::FusedSelfAttention => Built::SelfAttention {
                attention: MultiHead::new(scope, width, heads, 0.0, 1.0),
                weights: layer == Layer::SelfAttention,
            },
        }
    }

    fn forward(&self, input: &Tensor) -> Tensor {
        let pass = ForwardContext::evaluation();
        match self {
            Built::Recurrent(stack) => stack.run(input, &stack.zero_states(1), 0.0, &pass).states,
            Built::Convolution { weight, bias, kernel } => {
                let padding = (kernel - 1) / 2;
                input.transpose(1, 2).conv1d(weight, Some(&**bias), 1, padding, 1, 1).transpose(1, 2)
            }
            Built::SelfAttention { attention, weights } => {
                let [queries, keys, values] = attention.project_query_key_value(input, &attention.fused_projection());
                attention.attend(&queries, (&keys, &values), Allowed::All, *weights, &pass).0
            }
        }
    }
}

/// Shortest sequence that is run first, so that what libraries set up once is set up.
const WARM_UP: i64 = 16;
/// Runs of each kind.
const FEWEST: usize = 3;
const MOST: usize = 50;

/// Runs one layer over one random sequence of n positions for about so long, at least three times forward and three times with gradients.
/// Its memory is told well only by a process that did nothing else before.
///
/// # Errors
/// What [`Widths::check`] says, and lengths below 1.
pub fn measure(layer: Layer, length: i64, widths: &Widths, about: Duration) -> Result<Cost> {
    widths.check()?;
    ensure!(length >= 1, "found a sequence of {length} positions: give 1 or more");
    let store = Parameters::new(1, Device::Cpu);
    let built = Built::new(layer, widths, &store);
    let input = |length: i64| {
        Parameters::new(2, Device::Cpu).root().tensor("input", &[1, length, widths.width], Initialization::Normal(1.0))
    };
    let train = |input: &Tensor| built.forward(input).sum(Kind::Float).backward();
    train(&input(WARM_UP.min(length)));
    let input = input(length);
    let before = resident_memory();
    let peak_before = peak_memory();
    train(&input);
    let peak = peak_memory();
    let raised = peak.zip(peak_before).is_some_and(|(after, before)| after > before);
    let memory = peak.zip(before).filter(|_| raised).map(|(peak, before)| peak.saturating_sub(before));
    let forward = fastest(about, || {
        let _output = tch::no_grad(|| built.forward(&input));
    });
    let training = fastest(about, || train(&input));
    Ok(Cost { layer, length, forward, training, memory })
}

/// Seconds of processor time of the fastest run, of as many as there are in about so long.
fn fastest(about: Duration, mut run: impl FnMut()) -> f64 {
    let (start, mut seconds) = (Instant::now(), Vec::new());
    while seconds.len() < FEWEST || (start.elapsed() < about && seconds.len() < MOST) {
        let start = processor_time();
        run();
        seconds.push((processor_time() - start).as_secs_f64());
    }
    seconds.into_iter().fold(f64::INFINITY, f64::min)
}

/// Milliseconds, and megabytes, against the length.
///
/// # Errors
/// Where nothing was measured.
pub fn pictures(costs: &[Cost], title: &str) -> Result<[Option<Drawing>; 2]> {
    type Point = fn(&Cost) -> Option<f64>;
    let time: Point = |cost| Some(cost.training * 1e3);
    let memory: Point = |cost| cost.memory.map(|bytes| bytes as f64 / 1e6);
    let draw = |what: &str, unit: &str, of: Point| {
        let chart =
            Chart::new(&format!("{what} of a training pass, {title}"), "positions n", unit).logarithmic_x().logarithmic_y();
        let curves = Layer::ALL.into_iter().map(|layer| {
            let of_layer = costs.iter().filter(|cost| cost.layer == layer);
            (layer, of_layer.filter_map(|cost| Some((cost.length as f64, of(cost)?))).collect::<Vec<_>>())
        });
        let curves: Vec<_> = curves.filter(|(_, points)| !points.is_empty()).collect();
        let any = !curves.is_empty();
        let chart = curves.iter().fold(chart, |chart, (layer, points)| chart.curve(layer.name(), points));
        any.then(|| chart.drawing()).transpose()
    };
    Ok([draw("Processor time", "milliseconds", time)?, draw("Memory", "megabytes", memory)?])
}
