use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::optimizer::OptimizerRecipe;
use super::schedule::ScheduleRecipe;
use crate::runtime::Precision;

/// The training run: `[training]`. It ends at the first of `updates`, `epochs`, `minutes` and `patience`; one of the first three is required.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingRecipe {
    pub optimizer: OptimizerRecipe,
    pub schedule: ScheduleRecipe,
    /// Padded pieces of a batch, source and target together. Default 4096.
    pub batch_tokens: usize,
    /// Batches whose gradients make one update, 1 or more. Default 1.
    pub accumulate: usize,
    /// Most updates.
    pub updates: Option<u64>,
    /// Most passes over the training corpus.
    pub epochs: Option<u64>,
    /// Most minutes by the clock, over all resumed parts.
    pub minutes: Option<f64>,
    /// Updates between validations, 1 or more. Default 500.
    pub validate_every: u64,
    /// Validations take the first so many sentences; default all.
    pub validation_sentences: Option<usize>,
    /// Validations without a better `metric` before training stops, 1 or more; default never.
    pub patience: Option<u64>,
    /// What makes a checkpoint the best. Default `bleu`.
    pub metric: Metric,
    /// Share of the target distribution spread over the vocabulary; 0 to 1, 1 excluded (Szegedy et al. 2016). Default 0.
    pub label_smoothing: f64,
    /// Largest L2 norm of all gradients together, 0 or more; 0 is off. Default 1 (Bahdanau et al. 2015; Luong et al. use 5).
    pub clip_norm: f64,
    /// Checkpoints kept for their `metric`, 1 or more. Default 1.
    pub keep_best: usize,
    /// Checkpoints kept for being new, 1 or more. Default 2.
    pub keep_last: usize,
    /// Updates between log entries, 1 or more. Default 50.
    pub log_every: u64,
    /// What matrix products are computed in: `fp32`, `bf16` or `fp16`. Default `fp32`.
    pub precision: Precision,
    /// Decay of the moving average of the weights that validations and checkpoints take; 0 to 1, 1 excluded; 0 is off. Default 0.
    pub moving_average: f64,
    /// Prefixes of the names of parameters that are not trained. Default none.
    pub freeze: Vec<String>,
    /// What a batch's summed loss is divided by. Default `tokens`; Luong et al. divide by `sentences`, Sukhbaatar et al. by nothing (`sum`).
    pub normalise: Normalise,
    /// Validation sentences whose attention is drawn at each validation. Default 4.
    pub pictures: usize,
    /// Teaches attention the links of `data.alignment` (Chen et al. 2016; Garg et al. 2019): `[training.guided_alignment]`. Default off.
    pub guided_alignment: Option<GuidedAlignmentRecipe>,
}

/// A second loss, the cross-entropy between given links and attention.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuidedAlignmentRecipe {
    /// What the loss counts beside that of translation, 0 or more; 0 is off. Default 0.05 (Garg et al. 2019).
    pub weight: f64,
    /// The layer that is taught, counted from 0; default the mean over all.
    pub layer: Option<usize>,
    /// The head that is taught, counted from 0; default the mean over all.
    pub head: Option<usize>,
}

impl Default for GuidedAlignmentRecipe {
    fn default() -> Self {
        Self { weight: 0.05, layer: None, head: None }
    }
}

/// Judge of a checkpoint, measured on the validation corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    Bleu,
    Chrf,
    Ter,
    /// Negative log-likelihood per target piece.
    Loss,
    /// e to the loss.
    Perplexity,
    /// Alignment error rate; needs gold alignments.
    Aer,
    /// Bits a sequence, of a study.
    Bits,
    /// Share that is right, of a study.
    Accuracy,
    /// What is wrong, of a study.
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalise {
    /// Target pieces, padding not counted.
    Tokens,
    Sentences,
    /// Nothing: gradients are those of the sum.
    Sum,
}

impl Metric {
    pub fn higher_is_better(self) -> bool {
        match self {
            Self::Bleu | Self::Chrf | Self::Accuracy => true,
            Self::Ter | Self::Loss | Self::Perplexity | Self::Aer | Self::Bits | Self::Error => false,
        }
    }

    /// Whether translations have it.
    pub fn is_of_translation(self) -> bool {
        !matches!(self, Self::Bits | Self::Accuracy | Self::Error)
    }

    /// The name it has in recipes and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bleu => "bleu",
            Self::Chrf => "chrf",
            Self::Ter => "ter",
            Self::Loss => "loss",
            Self::Perplexity => "perplexity",
            Self::Aer => "aer",
            Self::Bits => "bits",
            Self::Accuracy => "accuracy",
            Self::Error => "error",
        }
    }
}

impl Default for TrainingRecipe {
    fn default() -> Self {
        Self {
            optimizer: OptimizerRecipe::default(),
            schedule: ScheduleRecipe::default(),
            batch_tokens: 4096,
            accumulate: 1,
            updates: None,
            epochs: None,
            minutes: None,
            validate_every: 500,
            validation_sentences: None,
            patience: None,
            metric: Metric::Bleu,
            label_smoothing: 0.0,
            clip_norm: 1.0,
            keep_best: 1,
            keep_last: 2,
            log_every: 50,
            precision: Precision::Fp32,
            moving_average: 0.0,
            freeze: Vec::new(),
            normalise: Normalise::Tokens,
            pictures: 4,
            guided_alignment: None,
        }
    }
}

impl TrainingRecipe {
    pub(super) fn check(&self, checks: &mut Checks) {
        self.optimizer.check(checks);
        self.schedule.check(checks);
        let counts = [
            ("batch_tokens", Some(self.batch_tokens as u64)),
            ("updates", self.updates),
            ("epochs", self.epochs),
            ("validate_every", Some(self.validate_every)),
            ("validation_sentences", self.validation_sentences.map(|count| count as u64)),
            ("patience", self.patience),
            ("keep_best", Some(self.keep_best as u64)),
            ("keep_last", Some(self.keep_last as u64)),
            ("log_every", Some(self.log_every)),
        ];
        checks.value("training.accumulate", self.accumulate, "1 to 65,536", |count| (1..=65_536).contains(&count));
        for (key, count) in counts {
            if let Some(count) = count {
                checks.value(&format!("training.{key}"), count, "1 or more", |count| count >= 1);
            }
        }
        if let Some(minutes) = self.minutes {
            checks.number("training.minutes", minutes, "a number above 0", |minutes| minutes > 0.0);
        }
        checks
            .number("training.label_smoothing", self.label_smoothing, "0 to 1, 1 excluded", |share| (0.0..1.0).contains(&share));
        checks.number("training.clip_norm", self.clip_norm, "0 or more", |norm| norm >= 0.0);
        checks.number("training.moving_average", self.moving_average, "0 to 1, 1 excluded", |decay| (0.0..1.0).contains(&decay));
        for prefix in &self.freeze {
            let good = !prefix.is_empty() && !prefix.ends_with('.');
            checks.ensure("training.freeze", good, || format!("has {prefix:?}, expected prefixes such as \"encoder\""));
        }
        if let Some(guided) = &self.guided_alignment {
            checks.number("training.guided_alignment.weight", guided.weight, "0 or more", |weight| weight >= 0.0);
        }
        let endless = self.updates.is_none() && self.epochs.is_none() && self.minutes.is_none();
        checks.conflict(&["training.updates", "training.epochs", "training.minutes"], endless, || {
            "training has no end: give this, `training.epochs` or `training.minutes`".to_owned()
        });
    }
}
