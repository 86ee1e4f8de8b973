use serde::{Deserialize, Serialize};

use crate::recipe::HardRecipe;
use crate::recipe::check::Checks;

/// `[task.captions]`: what is on a picture, said in a sentence (Xu et al. 2015); scenes of shapes, generated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaptionsRecipe {
    /// How the decoder looks at the picture. Default `soft`.
    pub attention: CaptionAttention,
    /// Whether a learned gate β says at every step how much of the picture enters (Xu et al. 2015, section 4.2.1). Default false.
    pub gate: bool,
    /// λ of doubly stochastic attention (Xu et al. 2015, equation 14), which wants every place to be looked at once; 0 or more; 0 is off. Default 0.
    pub doubly_stochastic: f64,
    /// Channels of the first convolution, 1 or more; the others have twice as many. Default 16.
    pub channels: i64,
    /// Size of a word's vector, 1 or more. Default 64.
    pub embedding: i64,
    /// Cells of the decoder, and units of the score, 1 or more. Default 128.
    pub hidden: i64,
    /// Scenes of a batch, 1 or more. Default 32.
    pub batch: usize,
    /// Scenes of a validation and of each test, 1 or more. Default 500.
    pub tested: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaptionAttention {
    /// A mixture of all places of the picture.
    Soft,
    /// `[task.captions.attention.hard]`: one place, drawn in training and learned by REINFORCE.
    Hard(HardRecipe),
}

impl Default for CaptionsRecipe {
    fn default() -> Self {
        Self {
            attention: CaptionAttention::Soft,
            gate: false,
            doubly_stochastic: 0.0,
            channels: 16,
            embedding: 64,
            hidden: 128,
            batch: 32,
            tested: 500,
        }
    }
}

impl CaptionsRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        let sizes = [("channels", self.channels), ("embedding", self.embedding), ("hidden", self.hidden)];
        for (key, value) in sizes {
            checks.value(&format!("task.captions.{key}"), value, "1 or more", |value| value >= 1);
        }
        for (key, value) in [("batch", self.batch), ("tested", self.tested)] {
            checks.value(&format!("task.captions.{key}"), value, "1 or more", |value| value >= 1);
        }
        checks.number("task.captions.doubly_stochastic", self.doubly_stochastic, "0 or more", |weight| weight >= 0.0);
        if let CaptionAttention::Hard(hard) = self.attention {
            hard.check("task.captions.attention.hard", checks);
        }
    }
}
