//! How far a model writes a formula without a mistake, by depth.

use anyhow::Result;
use tch::Device;

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
    let mut findings = each.collect::<Result<Vec<_>>>()?;
    findings.extend(parents_of_numbers(task)?);
    Ok(findings)
}

/// Where numbers have their parents, at depth 3: on the symbol before them, or on their operator, which the notation means. Nobody teaches the
/// model which. Numbers that follow their operator say nothing of it and are left out. Nothing where the encoder does not attend.
fn parents_of_numbers(task: &TreesTask) -> Result<Vec<Finding>> {
    let (mut before, mut operator, mut count) = (0.0, 0.0, 0);
    for batch in task.tests(3).chunks(task.recipe.batch) {
        let Some(parents) = task.model.transduce(&Formulas::new(batch, task.device))?.parents else { return Ok(Vec::new()) };
        let parents = parents.to_device(Device::Cpu); // [B, S, S]
        for (row, formula) in batch.iter().enumerate() {
            let apart = formula.operators_of_numbers().into_iter().filter(|&(number, operator)| operator + 1 != number);
            for (number, of_number) in apart {
                let mass = |parent: usize| parents.double_value(&[row as i64, number as i64, parent as i64]);
                before += mass(number - 1);
                operator += mass(of_number);
                count += 1;
            }
        }
    }
    let share =
        |what: &str, mass: f64| Finding::new(format!("% of a number's parent that is {what}"), 100.0 * mass / f64::from(count));
    Ok(vec![share("the symbol before it", before), share("its operator", operator)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_know_their_operators() {
        // $ ( * ( + 15 7 ) 1 8 )
        let formula = Formula::parse("( * ( + 15 7 ) 1 8 )").unwrap();
        assert_eq!(formula.operators_of_numbers(), [(5, 4), (6, 4), (8, 2), (9, 2)]);
        assert!(Formula::parse("7").unwrap().operators_of_numbers().is_empty());
    }
}
