//! Sequences as tensors, and what answers to them cost.

use tch::{Device, Kind, Tensor};

use super::problem::Sequence;

/// Sequences of one size as tensors.
pub struct Sequences {
    /// [B, T, inputs]
    pub inputs: Tensor,
    /// [B, scored steps, outputs]
    pub targets: Tensor,
}

impl Sequences {
    pub fn new(sequences: &[Sequence], device: Device) -> Self {
        let tensor = |part: fn(&Sequence) -> &Vec<Vec<f32>>| {
            let numbers: Vec<f32> = sequences.iter().flat_map(|sequence| part(sequence).iter().flatten().copied()).collect();
            let (steps, width) = (part(&sequences[0]).len(), part(&sequences[0])[0].len());
            Tensor::from_slice(&numbers).view([sequences.len() as i64, steps as i64, width as i64]).to_device(device)
        };
        Sequences { inputs: tensor(|sequence| &sequence.inputs), targets: tensor(|sequence| &sequence.targets) }
    }

    /// The last steps, those that are scored, of answers [B, T, outputs].
    pub fn scored(&self, answers: &Tensor) -> Tensor {
        let (steps, scored) = (answers.size()[1], self.targets.size()[1]);
        answers.narrow(1, steps - scored, scored) // [B, scored steps, outputs]
    }

    /// Cost of answers (logits) [B, T, outputs], summed over all, in nats.
    pub fn cost(&self, answers: &Tensor) -> Tensor {
        self.scored(answers).binary_cross_entropy_with_logits::<Tensor>(&self.targets, None, None, tch::Reduction::Sum)
    }

    /// How many bits of the answers are wrong.
    pub fn wrong(&self, answers: &Tensor) -> f64 {
        self.scored(answers).gt(0.0).ne_tensor(&self.targets.gt(0.5)).sum(Kind::Int64).double_value(&[])
    }
}
