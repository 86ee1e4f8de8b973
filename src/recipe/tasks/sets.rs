use serde::{Deserialize, Serialize};

use crate::recipe::check::Checks;

/// `[task.sets]`: classes of sets of which one instance decides, a needle among a thousand (multiple instance learning; Ramsauer et al. 2021, section
/// 4), generated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SetsRecipe {
    /// How instances become a set. Default `hopfield`.
    pub pooling: SetPooling,
    /// Bits of an instance, 8 to 1,024. Default 32.
    pub width: usize,
    /// Kinds of needles, 1 to 100; sets without one are a class of their own. Default 4.
    pub needles: usize,
    /// Bits of a needle that are flipped, 0 or more, less than half. Default 2.
    pub flipped: usize,
    /// Fewest instances trained on, 1 or more. Default 10.
    pub fewest: usize,
    /// Most instances trained on, `fewest` to 100,000. Default 1000.
    pub most: usize,
    /// Heads of the layer, 1 or more. Default 4.
    pub heads: i64,
    /// Size of the space of a head, 1 or more. Default 32.
    pub head_size: i64,
    /// Sets of a batch, all of one size, 1 or more. Default 32.
    pub batch: usize,
    /// Sets of a validation and of each size tested, 1 or more. Default 500.
    pub tested: usize,
}

/// How instances become a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetPooling {
    /// Hopfield pooling: a learned state associates with the instances as stored patterns.
    Hopfield,
    /// Hopfield lookup: every instance associates with learned patterns, and the largest of what comes out counts.
    Lookup,
    /// Their mean, each instance mapped alike.
    Average,
}

impl Default for SetsRecipe {
    fn default() -> Self {
        Self {
            pooling: SetPooling::Hopfield,
            width: 32,
            needles: 4,
            flipped: 2,
            fewest: 10,
            most: 1000,
            heads: 4,
            head_size: 32,
            batch: 32,
            tested: 500,
        }
    }
}

impl SetsRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        let path = |key: &str| format!("task.sets.{key}");
        checks.value(&path("width"), self.width, "8 to 1,024", |width| (8..=1024).contains(&width));
        checks.value(&path("needles"), self.needles, "1 to 100", |needles| (1..=100).contains(&needles));
        let (flipped, width) = (self.flipped, self.width);
        checks.conflict(&[&path("flipped"), &path("width")], flipped * 2 >= width, || {
            format!("is {flipped}, expected less than half of the {width} bits")
        });
        checks.value(&path("fewest"), self.fewest, "1 or more", |fewest| fewest >= 1);
        let (fewest, most) = (self.fewest, self.most);
        checks.conflict(&[&path("most"), &path("fewest")], !(fewest..=100_000).contains(&most), || {
            format!("is {most}, expected the fewest instances, {fewest}, to 100,000")
        });
        checks.value(&path("heads"), self.heads, "1 to 64", |heads| (1..=64).contains(&heads));
        checks.value(&path("head_size"), self.head_size, "1 to 1,024", |size| (1..=1024).contains(&size));
        for (key, value) in [("batch", self.batch), ("tested", self.tested)] {
            checks.value(&path(key), value, "1 or more", |value| value >= 1);
        }
    }
}
