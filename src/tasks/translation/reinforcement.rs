//! How a translation model with hard attention learns from what it drew (Xu et al. 2015, section 4.1).

use std::cell::Cell;

use anyhow::{Context, Result};
use serde::Deserialize as _;
use serde_json::Value;
use tch::{Kind, Tensor};

use crate::attention::hard::{Baseline, Reinforce, Sampled};
use crate::recipe::HardRecipe;

/// REINFORCE with its moving average. The reward of a step is the log probability of the right piece after it. Where attention does not
/// come back into the recurrence (a `luong` decoder without input feeding and coverage) a draw has no other consequence, and the estimate is unbiased;
/// elsewhere it does not see what a draw does to later steps, and is far less noisy for that.
pub struct Reinforcement {
    rule: Reinforce,
    /// Changes with every batch, while the task is only looked at.
    baseline: Cell<Baseline>,
}

impl Reinforcement {
    pub fn new(recipe: &HardRecipe) -> Result<Self> {
        let baseline = Cell::new(Baseline::new(recipe.baseline)?);
        Ok(Reinforcement { rule: Reinforce::new(recipe.reward, recipe.entropy)?, baseline })
    }

    /// What is added to the loss of a batch: its choices and log probabilities of targets, [N] each. The rewards enter the moving average
    /// after they were compared with it, the very first before.
    pub fn surrogate(&self, sampled: &Sampled, rewards: &Tensor) -> Tensor {
        let mut baseline = self.baseline.get();
        let mean = rewards.mean(Kind::Double).double_value(&[]);
        let surrogate = self.rule.surrogate(sampled, rewards, baseline.value().unwrap_or(mean), &rewards.ones_like());
        baseline.update(mean);
        self.baseline.set(baseline);
        surrogate
    }

    pub fn extra_state(&self) -> Value {
        serde_json::to_value(self.baseline.get()).expect("a baseline is two numbers")
    }

    /// Null leaves all as it is: the run began without hard attention.
    pub fn restore_extra_state(&self, memory: &Value) -> Result<()> {
        if !memory.is_null() {
            let read = Baseline::deserialize(memory).context("`memory` is no moving average of rewards")?;
            self.baseline.set(read);
        }
        Ok(())
    }
}
