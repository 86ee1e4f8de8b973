use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::recipe::check::Checks;

/// `[task.hopfield-recall]`: bitmaps are stored, corrupted and restored; what is stored can be asked afterwards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HopfieldRecallRecipe {
    /// Files of bitmaps, all of one size: text with lines of `#` and `.`, blank lines between bitmaps; or PNG images, of which dark dots are
    /// drawn. None: the ten built-in letters. Default none.
    pub patterns: Vec<PathBuf>,
    /// Of the memory that is kept: `hebb`, `storkey`, `pseudo-inverse` or `modern`. Default `pseudo-inverse`.
    pub rule: HopfieldRule,
    /// How that memory moves: `asynchronous` (one unit after the other, in an order by chance), `sequential` (in their order), `synchronous` (all
    /// at once), `glauber` (by chance, at a temperature) or `continuous` (graded units). The modern network has none of these. Default
    /// `asynchronous`.
    pub updates: HopfieldUpdates,
    /// The bias of every unit of that memory: above 0 it prefers dots, below 0 paper. Default 0.
    pub bias: f64,
    /// T of `glauber`, above 0. Default 0.3.
    pub temperature: f64,
    /// γ of `continuous`, above 0. Default 4.
    pub gain: f64,
    /// Share of a bitmap's dots that are flipped, from 0 to below 0.5. Default 0.15.
    pub flipped: f64,
    /// How often each bitmap is corrupted anew, 1 or more. Default 20.
    pub cues: i64,
    /// β of the modern network, above 0; 1/12 is that of attention over 144 dots. Default 0.25.
    pub beta: f64,
}

/// How a memory stores patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HopfieldRule {
    /// Weights by Hebb's rule (Hopfield 1982).
    Hebb,
    /// Weights by Storkey's rule (Storkey 1997).
    Storkey,
    /// Weights that project on what the patterns span (Personnaz et al. 1985).
    PseudoInverse,
    /// The patterns themselves, read by attention (Ramsauer et al. 2021).
    Modern,
}

/// How units with weights between them are updated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HopfieldUpdates {
    /// One after the other, in an order drawn anew for each sweep.
    #[default]
    Asynchronous,
    /// One after the other, from the first to the last.
    Sequential,
    /// All at once.
    Synchronous,
    /// One after the other, each by chance that depends on a temperature.
    Glauber,
    /// Graded units that follow a differential equation (Hopfield 1984).
    Continuous,
}

impl HopfieldRule {
    pub const ALL: [Self; 4] = [Self::Hebb, Self::Storkey, Self::PseudoInverse, Self::Modern];

    /// As recipes have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hebb => "hebb",
            Self::Storkey => "storkey",
            Self::PseudoInverse => "pseudo-inverse",
            Self::Modern => "modern",
        }
    }
}

impl Default for HopfieldRecallRecipe {
    fn default() -> Self {
        Self {
            patterns: Vec::new(),
            rule: HopfieldRule::PseudoInverse,
            updates: HopfieldUpdates::Asynchronous,
            bias: 0.0,
            temperature: 0.3,
            gain: 4.0,
            flipped: 0.15,
            cues: 20,
            beta: 0.25,
        }
    }
}

impl HopfieldRecallRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        let path = |key: &str| format!("task.hopfield-recall.{key}");
        checks.number(&path("flipped"), self.flipped, "0 to below 0.5", |flipped| (0.0..0.5).contains(&flipped));
        checks.value(&path("cues"), self.cues, "1 to 10,000", |cues| (1..=10_000).contains(&cues));
        for (key, value) in [("beta", self.beta), ("temperature", self.temperature), ("gain", self.gain)] {
            checks.number(&path(key), value, "above 0", |value| value > 0.0);
        }
        checks.number(&path("bias"), self.bias, "a number", |_| true);
        let moves = self.updates != HopfieldUpdates::Asynchronous || self.bias != 0.0;
        checks.conflict(&[&path("rule"), &path("updates"), &path("bias")], self.rule == HopfieldRule::Modern && moves, || {
            "is modern, which has neither units to update one by one nor a bias; leave `updates` and `bias` out".to_owned()
        });
    }
}
