//! Tests: sets classified right, by their size; and where the layer looks.

use std::path::Path;

use anyhow::Result;
use tch::{Kind, Tensor, no_grad};

use super::problem::Sets;
use super::task::SetsTask;
use crate::nn::ForwardContext;
use crate::recipe::SetPooling;
use crate::report::Chart;
use crate::studies::{Aim, Finding};

/// Instances of sets at once, so that they fit in memory.
const MOST_INSTANCES: usize = 20_000;

/// Share of sets classified right, the mean cost of one, and the mean weight of needles in the head that sees them best.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tested {
    pub right: f64,
    pub cost: f64,
    pub on_needle: Option<f64>,
}

/// Classifies sets of one size, some at a time.
pub fn test(task: &SetsTask, sets: &Sets) -> Tested {
    let (count, size) = (sets.places.len(), sets.instances.size()[1] as usize);
    let (mut right, mut cost, mut weight, mut needles) = (0.0, 0.0, 0.0, 0);
    for start in (0..count).step_by((MOST_INSTANCES / size).max(1)) {
        let length = (MOST_INSTANCES / size).max(1).min(count - start);
        let part = |tensor: &Tensor| tensor.narrow(0, start as i64, length as i64);
        let found = no_grad(|| task.model.classify(&part(&sets.instances), &ForwardContext::evaluation()));
        let classes = part(&sets.classes);
        right += found.logits.argmax(-1, false).eq_tensor(&classes).sum(Kind::Double).double_value(&[]);
        cost += found.logits.cross_entropy_loss::<Tensor>(&classes, None, tch::Reduction::Sum, -100, 0.0).double_value(&[]);
        let Some(weights) = found.weights else { continue };
        let best = weights.amax([1i64].as_slice(), false); // [B, T]
        for (row, place) in sets.places[start..start + length].iter().enumerate() {
            if let Some(place) = place {
                weight += best.double_value(&[row as i64, *place as i64]);
                needles += 1;
            }
        }
    }
    let count = count as f64;
    Tested { right: right / count, cost: cost / count, on_needle: (needles > 0).then(|| weight / f64::from(needles)) }
}

/// Accuracy at sizes up to four times those trained on, as a chart `sizes` in `folder`.
pub fn examine(task: &SetsTask, folder: &Path) -> Result<Vec<Finding>> {
    let most = task.recipe.most;
    let mut sizes: Vec<usize> = [1, 10, 100].iter().map(|part| most / part).filter(|&size| size >= 1).collect();
    sizes.reverse();
    sizes.push(4 * most);
    let is_hopfield = task.recipe.pooling == SetPooling::Hopfield;
    let (mut findings, mut points) = (Vec::new(), Vec::new());
    for size in sizes {
        let tested = test(task, &task.tests(size, task.recipe.tested));
        points.push((size as f64, tested.right));
        let finding = Finding::new(format!("% of sets of {size} classified right"), 100.0 * tested.right);
        findings.push(if is_hopfield && size == most { finding.aim(Aim::AtLeast(95.0)) } else { finding });
        if let Some(weight) = tested.on_needle {
            findings.push(Finding::new(format!("weight on the needle among {size}, in its best head"), weight));
        }
    }
    let chart =
        Chart::new("Sets of which one instance decides", "instances of a set", "share of sets classified right").logarithmic_x();
    let chart = chart.y_range(0.0, 1.0).curve("right", &points).reference(most as f64, "most trained on");
    chart.drawing()?.save(&folder.join("sizes"))?;
    Ok(findings)
}
