//! How translations are looked for: one set of settings for recipes, the command line and the search itself.

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::problem::Problem;

/// How translations are looked for: `[search]`, and the options of the command line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Args)]
#[serde(default, deny_unknown_fields)]
pub struct SearchRecipe {
    /// Hypotheses kept side by side for each sentence; 1 is greedy. Default 5.
    #[arg(long)]
    pub beam: usize,
    /// How hypotheses of different lengths are compared. Default `{ plain = { alpha = 1.0 } }`.
    #[arg(skip)]
    pub length_penalty: LengthPenalty,
    /// Weight β of the coverage penalty β Σ_j log min(Σ_i a_ij, 1), 0 to 1,000 (Wu et al. 2016, equation 14); 0 is off. Default 0.
    #[arg(long)]
    pub coverage_penalty: f64,
    /// Fewest pieces of a translation, end of sentence not counted. Default 0.
    #[arg(long)]
    pub minimum_length: usize,
    /// A translation has at most ratio × source pieces + offset pieces, its end counted. Default what the training pairs need.
    #[arg(long)]
    pub maximum_length_ratio: Option<f64>,
    /// The offset beside the ratio of the most pieces.
    #[arg(long)]
    pub maximum_length_offset: Option<usize>,
    /// When a beam that has found enough ends. Default `heuristic`.
    #[arg(long, value_enum)]
    pub early_stopping: EarlyStopping,
    /// A beam has enough when patience × beam hypotheses are finished, more than 0 (Kasai et al. 2022). Default 1.
    #[arg(long)]
    pub patience: f64,
    /// Text that every translation starts with. Default none.
    #[arg(long)]
    pub prefix: String,
    /// Words or phrases never produced, as text. Default none.
    #[arg(skip)]
    pub suppress: Vec<String>,
    /// Pieces of the vocabulary never produced, such as `<unk>`. Default none.
    #[arg(skip)]
    pub suppress_pieces: Vec<String>,
    /// No sequence of this many pieces twice; 0 is off. Default 0.
    #[arg(long, value_name = "N")]
    pub no_repeat_ngram: usize,
    /// Logits of pieces that were produced before are divided by it where positive, else multiplied; more than 0, 1 is off (Keskar et
    /// al. 2019). Default 1.
    #[arg(long)]
    pub repetition_penalty: f64,
    /// Groups of the beam that shun each other's choices, for n-best lists that differ; a divisor of the beam, 1 is off (Vijayakumar et
    /// al. 2016). Default 1.
    #[arg(long, value_name = "GROUPS")]
    pub diversity_groups: usize,
    /// λ: what it costs a piece that an earlier group chose it at the same step, 0 or more. Default 0.5.
    #[arg(long)]
    pub diversity_penalty: f64,
    /// Draw translations by chance instead of searching. Default false.
    #[arg(skip)]
    pub sample: bool,
    /// Log probabilities are divided by it when sampling, more than 0: below 1 likely pieces get likelier. Default 1.
    #[arg(long)]
    pub temperature: f64,
    /// Sample from this many of the likeliest pieces (Fan et al. 2018); 0 is all. Default 0.
    #[arg(long)]
    pub top_k: usize,
    /// Sample from the likeliest pieces that together have this probability, up to 1 (Holtzman et al. 2020). Default 1.
    #[arg(long)]
    pub top_p: f64,
    /// What samples derive from, with the source's pieces and the sample's number; below 2⁶³. Default 1.
    #[arg(long)]
    pub seed: u64,
    /// Padded source pieces of a batch, before the beam multiplies them. Default 4096.
    #[arg(long)]
    pub batch_tokens: usize,
}

/// What happens once enough hypotheses are finished (as many as the beam is wide, times patience). A beam also ends where its length limit is
/// reached, or nothing is left to go on with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum EarlyStopping {
    /// It ends then: as many poor ends as the beam is wide stop it while something better is on its way.
    First,
    /// It goes on while the best live hypothesis, normalised by its length so far, is better than the worst of the best finished ones. A longer one may be
    /// missed where normalisation favours length.
    #[default]
    Heuristic,
    /// It goes on while a live hypothesis can get better than the worst of the best finished ones: log probabilities only fall, so the best that can
    /// become of one is its sum so far, normalised by the length limit.
    Never,
}

/// How long a translation may become: at most ratio × source pieces + offset pieces, its end of sentence counted and the source's not.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LengthLimit {
    pub ratio: f64,
    pub offset: usize,
}

impl Default for LengthLimit {
    /// Twice as long and ten more, where nothing is known of the language.
    fn default() -> Self {
        LengthLimit { ratio: 2.0, offset: 10 }
    }
}

impl LengthLimit {
    /// The most pieces that a source of this many may become.
    pub fn of(self, source: usize) -> usize {
        ((self.ratio * source as f64) as usize).saturating_add(self.offset)
    }

    /// The smallest limit that is below neither.
    #[must_use]
    pub fn widest(self, other: Self) -> Self {
        LengthLimit { ratio: self.ratio.max(other.ratio), offset: self.offset.max(other.offset) }
    }
}

/// What a hypothesis' log-probability is divided by, to make it comparable between lengths: the length penalty. Lengths count the end of
/// sentence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum LengthPenalty {
    /// 1: short translations win.
    None,
    /// length^α; with α = 1, the default, scores are mean log-probabilities.
    Plain {
        #[serde(default = "one")]
        alpha: f64,
    },
    /// ((5 + length) / 6)^α (Wu et al. 2016, equation 14); α is 0.6 by default (Vaswani et al. 2017).
    Wu {
        #[serde(default = "wu")]
        alpha: f64,
    },
}

impl Default for LengthPenalty {
    fn default() -> Self {
        LengthPenalty::Plain { alpha: one() }
    }
}

impl Default for SearchRecipe {
    fn default() -> Self {
        Self {
            beam: 5,
            length_penalty: LengthPenalty::default(),
            coverage_penalty: 0.0,
            minimum_length: 0,
            maximum_length_ratio: None,
            maximum_length_offset: None,
            early_stopping: EarlyStopping::default(),
            patience: 1.0,
            prefix: String::new(),
            suppress: Vec::new(),
            suppress_pieces: Vec::new(),
            no_repeat_ngram: 0,
            repetition_penalty: 1.0,
            diversity_groups: 1,
            diversity_penalty: 0.5,
            sample: false,
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            seed: 1,
            batch_tokens: 4096,
        }
    }
}

impl SearchRecipe {
    /// The limit that it asks for; `learned` for what it leaves open.
    pub fn length_limit(&self, learned: LengthLimit) -> LengthLimit {
        LengthLimit {
            ratio: self.maximum_length_ratio.unwrap_or(learned.ratio),
            offset: self.maximum_length_offset.unwrap_or(learned.offset),
        }
    }

    /// What is wrong with its values, each problem under `search.key`.
    pub fn problems(&self) -> Vec<Problem> {
        let nothing = toml::Table::new();
        let mut checks = Checks::new(&nothing, Vec::new());
        self.check(&mut checks);
        checks.into_problems()
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        checks.value("search.beam", self.beam, "1 to 1,000", |beam| (1..=1000).contains(&beam));
        match self.length_penalty {
            LengthPenalty::None => {}
            LengthPenalty::Plain { alpha } => {
                checks.number("search.length_penalty.plain.alpha", alpha, "0 to 5", |alpha| (0.0..=5.0).contains(&alpha));
            }
            LengthPenalty::Wu { alpha } => {
                checks.number("search.length_penalty.wu.alpha", alpha, "0 to 5", |alpha| (0.0..=5.0).contains(&alpha));
            }
        }
        checks.number("search.coverage_penalty", self.coverage_penalty, "0 to 1,000", |beta| (0.0..=1e3).contains(&beta));
        checks.value("search.minimum_length", self.minimum_length, "at most 10,000: no search would end before", |length| {
            length <= 10_000
        });
        let limit = self.length_limit(LengthLimit::default());
        checks.number("search.maximum_length_ratio", limit.ratio, "0 to 100", |ratio| (0.0..=100.0).contains(&ratio));
        checks.value(
            "search.maximum_length_offset",
            limit.offset,
            "at most 100,000 pieces: a search that finds no end goes on so long",
            |offset| offset <= 100_000,
        );
        checks.number("search.patience", self.patience, "more than 0, up to 100", |patience| patience > 0.0 && patience <= 100.0);
        checks.number("search.repetition_penalty", self.repetition_penalty, "0.01 to 100", |factor| {
            (0.01..=100.0).contains(&factor)
        });
        checks.ensure(
            "search.diversity_groups",
            self.diversity_groups > 0 && self.beam.is_multiple_of(self.diversity_groups),
            || format!("is {}, expected a divisor of the beam, {}", self.diversity_groups, self.beam),
        );
        checks.number("search.diversity_penalty", self.diversity_penalty, "0 to 1,000", |penalty| (0.0..=1e3).contains(&penalty));
        checks.number("search.temperature", self.temperature, "0.001 to 1,000", |heat| (1e-3..=1e3).contains(&heat));
        checks.number("search.top_p", self.top_p, "0 to 1, 0 excluded", |probability| probability > 0.0 && probability <= 1.0);
        checks.value("search.seed", self.seed, "less than 2^63", |seed| i64::try_from(seed).is_ok());
        checks.conflict(&["search.sample", "search.diversity_groups"], self.sample && self.diversity_groups > 1, || {
            "samples are drawn one by one and have no groups; choose one of the two".to_owned()
        });
        checks.value("search.batch_tokens", self.batch_tokens, "1 to 2^24", |tokens| (1..=1 << 24).contains(&tokens));
        checks.conflict(
            &["search.maximum_length_ratio", "search.maximum_length_offset"],
            self.maximum_length_ratio == Some(0.0) && self.maximum_length_offset == Some(0),
            || "with both 0 no translation can have any piece; raise either".to_owned(),
        );
    }
}

fn one() -> f64 {
    1.0
}

fn wu() -> f64 {
    0.6
}
