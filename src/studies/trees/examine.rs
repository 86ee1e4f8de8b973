//! How far a model writes a formula without a mistake, by depth.

use anyhow::Result;

use super::formula::Formula;
use super::model::Formulas;
use super::task::TreesTask;
use crate::recipe::SelfAttention;
use crate::studies::Finding;

/// What a model made of some formulas.
pub struct FormulaScores {
    /// Cost of a symbol in nats.
    pub cost: f64,
    /// Mean share of a target that comes before the first failure.
    pub share: f64,
}

pub fn test(task: &TreesTask, drawn: &[Formula]) -> Result<FormulaScores> {
    let (mut cost, mut terms, mut shares) = (0.0, 0, 0.0);
    for batch in drawn.chunks(task.recipe.batch) {
        let formulas = Formulas::new(batch, task.device);
        let transduced = task.model.transduce(&formulas)?;
        cost += transduced.cost(&formulas).double_value(&[]);
        terms += formulas.terms();
        shares += transduced.shares_to_failure(&formulas).iter().sum::<f64>();
    }
    Ok(FormulaScores { cost: cost / terms as f64, share: shares / drawn.len() as f64 })
}

/// Table 1 of Kim et al. 2017: the depths that were trained on, and two beyond.
pub fn examine(task: &TreesTask) -> Result<Vec<Finding>> {
    let paper = match task.recipe.attention {
        SelfAttention::None => ["7.6", "4.1", "2.8", "2.1", "1.5"],
        SelfAttention::Simple => ["87.4", "49.6", "23.3", "15.0", "8.5"],
        SelfAttention::Structured => ["99.2", "87.0", "64.5", "30.8", "18.2"],
    };
    let each = (2..).zip(paper).map(|(depth, paper)| {
        let tested = test(task, &task.tests(depth))?;
        Ok(Finding::new(format!("% of a formula before the first mistake, depth {depth}"), 100.0 * tested.share).paper(paper))
    });
    each.collect()
}
