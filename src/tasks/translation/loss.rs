//! The loss of decoded targets, whatever their scores are made of.

use tch::{Kind, Tensor, no_grad};

use crate::attention::Copied;
use crate::batch::Target;
use crate::model::{DecoderOutput, Seq2Seq};
use crate::nn::{CrossEntropy, ProjectedLoss};

/// Label-smoothed cross-entropy of what a model decoded, with its gradient.
pub fn loss_of(model: &dyn Seq2Seq, decoded: &DecoderOutput, target: &Target, label_smoothing: f64) -> CrossEntropy {
    let output = model.output();
    ProjectedLoss { weight: output.weight, bias: output.bias, label_smoothing }
        .with_gradient(&decoded.features_at(&target.real), &target.output)
}

/// The same of a model that copies, without smoothing: no word of the vocabulary stands for what is copied. `repeated` [N, S] says which
/// unknown word of the source a target is.
pub fn copying_loss(
    model: &dyn Seq2Seq,
    decoded: &DecoderOutput,
    copied: &Copied,
    target: &Target,
    repeated: &Tensor,
) -> CrossEntropy {
    let logits = model.output().logits(&decoded.features_at(&target.real));
    let picked = copied.of_targets(&logits, &target.real, &target.output, repeated);
    let nll = -picked.detach().sum(Kind::Double).double_value(&[]);
    CrossEntropy { backward: -picked.sum(Kind::Float), loss: nll, nll, log_probabilities: picked.detach() }
}

/// The summed negative log likelihood alone, for validation; all unknown words are one here.
pub fn nll_of(model: &dyn Seq2Seq, decoded: &DecoderOutput, target: &Target) -> f64 {
    if decoded.copied.is_some() {
        let picked = no_grad(|| model.scores(decoded, &target.real).gather(1, &target.output.unsqueeze(1), false));
        return -picked.sum(Kind::Double).double_value(&[]);
    }
    let output = model.output();
    let loss = ProjectedLoss { weight: output.weight, bias: output.bias, label_smoothing: 0.0 };
    loss.sums(&decoded.features_at(&target.real), &target.output).1
}
