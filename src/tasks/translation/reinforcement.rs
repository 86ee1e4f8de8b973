//! How a model with hard attention, of translation or of captions, learns from what it drew (Xu et al. 2015, section 4.1).

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
    baseline: Baseline,
}

impl Reinforcement {
    pub fn new(recipe: &HardRecipe) -> Result<Self> {
        Ok(Reinforcement { rule: Reinforce::new(recipe.reward, recipe.entropy)?, baseline: Baseline::new(recipe.baseline)? })
    }

    /// What is added to the loss of a batch: its choices and log probabilities of targets, [N] each. The rewards enter the moving average
    /// after they were compared with it, the very first before.
    pub fn surrogate(&mut self, sampled: &Sampled, rewards: &Tensor) -> Tensor {
        let mean = rewards.mean(Kind::Double).double_value(&[]);
        let surrogate = self.rule.surrogate(sampled, rewards, self.baseline.value().unwrap_or(mean), &rewards.ones_like());
        self.baseline.update(mean);
        surrogate
    }

    pub fn extra_state(&self) -> Value {
        serde_json::to_value(self.baseline).expect("a baseline is two numbers")
    }

    /// Null leaves all as it is: the run began without hard attention.
    pub fn restore_extra_state(&mut self, memory: &Value) -> Result<()> {
        if !memory.is_null() {
            self.baseline = Baseline::deserialize(memory).context("`memory` is no moving average of rewards")?;
        }
        Ok(())
    }
}
