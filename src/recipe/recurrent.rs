mod table;

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::score_name::ScoreName;
use table::RecurrentTable;

/// A recurrent encoder and decoder: `[model.recurrent]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "RecurrentTable", into = "RecurrentTable")]
pub struct RecurrentRecipe {
    /// Width of source and target embeddings. Default 256.
    pub embedding: i64,
    /// Width of a layer's state; in a bidirectional encoder, of each direction. Default 256.
    pub hidden: i64,
    /// The recurrent unit of encoder and decoder. Default `lstm`.
    pub cell: CellKind,
    pub encoder: EncoderRecipe,
    pub decoder: DecoderRecipe,
    /// Only with a decoder that attends. Default: the score of the decoder's paper, additive for `bahdanau` and general for `luong`, with a
    /// global choice.
    pub attention: AttentionRecipe,
    /// Whether words of the source may be copied: a pointer-generator (See et al. 2017); with a decoder that attends. Default false.
    pub copy: bool,
    /// A memory beside attention; default none.
    pub memory: Option<MemoryRecipe>,
    /// Dropout of embeddings, between layers and before the output layer; 0 to 1, 1 excluded. Default 0.2 (Luong et al. 2015).
    pub dropout: f64,
    /// Which embeddings the output layer shares (Press and Wolf 2017); needs as many features before the output layer as `embedding`.
    /// Default `none`.
    pub tied: Tied,
    /// How parameters start. Default `uniform-0.1`.
    pub initialization: InitializationKind,
    /// Longest sentence in pieces, end of sentence included, on either side; the positions that location scores know. Default 200.
    pub maximum_length: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellKind {
    /// Hochreiter and Schmidhuber 1997, with forget gates.
    Lstm,
    /// Cho et al. 2014; the reset gate is applied after the recurrent product, as cuDNN and PyTorch do.
    Gru,
}

/// `[model.recurrent.encoder]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncoderRecipe {
    /// What reads the source. Default `recurrent`.
    pub kind: EncoderKind,
    /// Stacked layers. Default 1.
    pub layers: i64,
    /// `recurrent`: whether each layer also reads from the end. Default true.
    pub bidirectional: bool,
    /// `convolutional`: positions that a layer's kernel covers, an odd number from 1 to 99. Default 3.
    pub width: i64,
    /// Heads of self-attention over the encoder's states; 0 is none. Default 0.
    pub self_attention: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncoderKind {
    /// Layers of the recurrent unit.
    Recurrent,
    /// Gated convolutions over words and positions (Gehring et al. 2017).
    Convolutional,
}

/// `[model.recurrent.decoder]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecoderRecipe {
    /// The family. Default `luong`.
    pub kind: DecoderKind,
    /// Stacked layers; `bahdanau` has 1. Default 1.
    pub layers: i64,
    /// Width of its layers' states where it differs from the encoder's `hidden`.
    pub hidden: Option<i64>,
    /// `luong` only: whether the attentional state enters the next step's input (Luong et al. 2015, section 3.3). Default false.
    pub input_feeding: bool,
    /// `none` only: where the decoder sees the source. Default `every-step`.
    pub context: FixedContext,
    /// `bahdanau` only: features after maxout, l in the paper. Default half of the state's width; 0 for the other kinds.
    pub maxout: i64,
}

/// What a decoder without attention does with the one vector that the source has become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FixedContext {
    /// It starts from it and reads it at every step (Cho et al. 2014).
    #[default]
    EveryStep,
    /// It only starts from it (Sutskever et al. 2014).
    Start,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecoderKind {
    /// No attention: the encoder's final state is all the decoder sees (Sutskever et al. 2014; Cho et al. 2014).
    None,
    /// Attention from the state before, its context into the cell (Bahdanau et al. 2015).
    Bahdanau,
    /// Attention after the cell, joined with it (Luong et al. 2015).
    Luong,
}

/// `[model.recurrent.attention]`: how keys are scored and how scores become a choice; any score works with any choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionRecipe {
    /// Required where the table is given.
    pub score: ScoreKind,
    /// Default `global`.
    pub choice: ChoiceKind,
    /// `local-m` and `local-p`: D, positions on either side of the centre; the Gaussian's σ is D/2. `segments`: the longest segment, L. 1 or more.
    /// Default 10 (Luong et al. 2015).
    pub window: i64,
    /// `linear-chain` and `segments`: what weights are scaled to sum to, more than 0 (λ in Kim et al. 2017, 2 in its translation); not scaled
    /// where it is left out.
    pub sum: Option<f64>,
    /// `additive` and `concat`: width of the hidden layer, n' in Bahdanau et al. Default the width of the decoder's state.
    pub size: i64,
    /// Whether a score also sees the attention its key had so far (Tu et al. 2016). Default false.
    pub coverage: bool,
    /// `dot`, `scaled-dot` and `general`: retrieval steps of a Hopfield layer, 1 being attention (Ramsauer et al. 2021). Default 1.
    pub hopfield_steps: i64,
    /// What is compared and what is mixed. Default `shared`.
    pub keys_values: KeysValues,
    /// H: attentions side by side, each with maps of queries, keys and values of its own, and with this score and choice (Vaswani et al. 2017,
    /// section 3.2.2); 1 has no maps. They divide the width of the context. Default 1.
    pub heads: i64,
    /// Looks at one position at a time. Default off.
    pub hard: Option<HardRecipe>,
}

/// Where keys and values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeysValues {
    /// The encoder's states are both (Bahdanau et al. 2015).
    Shared,
    /// The first half of a state is its key, the second its value (Daniluk et al. 2017, section 2.2): the context is half as wide.
    Halves,
    /// Two trained maps of a state: K = W_K h and V = W_V h (Miller et al. 2016, section 3.2, for a memory of text).
    Projected,
}

/// `[model.recurrent.attention.hard]`: one position instead of a mixture, drawn in training and learned by REINFORCE (Xu et al. 2015).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HardRecipe {
    /// How probable it is in training that a step mixes all positions after all; 0 to 1. Default 0.5.
    pub soft: f64,
    /// λ_r: what rewards count, the log probability of the right piece being the reward of a step; 0 or more. Default 1.
    pub reward: f64,
    /// λ_e: what the entropy of the weights counts; 0 or more. Default 0.01.
    pub entropy: f64,
    /// Share of what was in the moving average of rewards, which is what a reward is compared with; 0 to 1, 1 excluded. Default 0.9.
    pub baseline: f64,
}

impl Default for HardRecipe {
    fn default() -> Self {
        Self { soft: 0.5, reward: 1.0, entropy: 0.01, baseline: 0.9 }
    }
}

impl HardRecipe {
    /// Its keys stand under `table`.
    pub(super) fn check(&self, table: &str, checks: &mut Checks) {
        let of = |key: &str| format!("{table}.{key}");
        checks.number(&of("soft"), self.soft, "0 to 1", |share| (0.0..=1.0).contains(&share));
        for (key, weight) in [("reward", self.reward), ("entropy", self.entropy)] {
            checks.number(&of(key), weight, "0 or more", |weight| weight >= 0.0);
        }
        checks.number(&of("baseline"), self.baseline, "0 to 1, 1 excluded", |decay| (0.0..1.0).contains(&decay));
    }
}

/// `[model.recurrent.memory]`: a tape that the decoder reads and writes beside its attention (Graves et al. 2014).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemoryRecipe {
    /// Slots. Default 16.
    pub slots: i64,
    /// Numbers in a slot. Default 32.
    pub width: i64,
    /// Furthest a head moves in a step, in slots; 2 × `shift` + 1 is at most `slots`. Default 1.
    pub shift: i64,
}

impl Default for MemoryRecipe {
    fn default() -> Self {
        Self { slots: 16, width: 32, shift: 1 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScoreKind {
    /// v·tanh(W q + U k) (Bahdanau et al. 2015, section A.1.2).
    Additive,
    /// q·k (Luong et al. 2015, equation 8).
    Dot,
    /// q·k / √D (Vaswani et al. 2017, equation 1).
    ScaledDot,
    /// q·W k (Luong et al. 2015, equation 8).
    General,
    /// v·tanh(W [q; k]) with all of W trained (Luong et al. 2015, equation 8; their experiments fixed a part of it).
    Concat,
    /// W q: a row of energies from the query alone, one for each position (Luong et al. 2015, equation 8).
    Location,
    /// A score of one's own, `{ custom = "name" }`, in a program that registers it (`attention::register_score`).
    Custom(ScoreName),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChoiceKind {
    /// Softmax over every source position.
    Global,
    /// Softmax over the window [p - D, p + D] around the position of the same number, p = t (monotonic; Luong et al. 2015, section 3.2). Behind
    /// the end of the source the window stays at its last position, so that it is never empty.
    LocalM,
    /// Softmax over the window [p - D, p + D] around a predicted position p = S · sigmoid(v·tanh(W q)), S the sentence's own length, times a
    /// Gaussian around p with σ = D / 2 (Luong et al. 2015, equations 9 and 10).
    LocalP,
    /// Each position is chosen or not, neighbours having a say in it: marginals of a chain of two states (Kim et al. 2017, section 3.1).
    LinearChain,
    /// Segments of at most `window` positions are chosen: how probable it is that one covers a position (Kim et al. 2017, section 3.1).
    Segments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tied {
    None,
    /// Target embedding and output layer.
    Decoder,
    /// Source embedding, target embedding and output layer; needs a joint tokenizer.
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InitializationKind {
    /// Everything from U(-0.1, 0.1) but biases, which start at 0 (Luong et al. 2015).
    #[serde(rename = "uniform-0.1")]
    Uniform,
    /// Recurrent matrices orthogonal, W_a and U_a from N(0, 0.001²), v_a and biases 0, the rest from N(0, 0.01²) (Bahdanau et al. 2015,
    /// appendix B.1).
    Bahdanau,
    /// Matrices from U(±√(6 / (inputs + outputs))) (Glorot and Bengio 2010), recurrent ones orthogonal (Saxe et al. 2014), embeddings from
    /// U(-0.1, 0.1), biases 0.
    Xavier,
    /// The same, with embeddings from N(0, 1): states are large from the start, and so is what attention has to tell them apart by.
    UnitEmbeddings,
}

impl Default for RecurrentRecipe {
    fn default() -> Self {
        RecurrentTable::default().into()
    }
}

impl Default for EncoderRecipe {
    fn default() -> Self {
        Self { kind: EncoderKind::Recurrent, layers: 1, bidirectional: true, width: 3, self_attention: 0 }
    }
}

impl ScoreKind {
    /// Whether queries and keys are vectors of one space, which a query can settle in.
    pub fn compares(self) -> bool {
        matches!(self, ScoreKind::Dot | ScoreKind::ScaledDot | ScoreKind::General)
    }

    /// Whether it has a hidden layer, whose width is `size`.
    pub fn has_hidden_layer(self) -> bool {
        matches!(self, ScoreKind::Additive | ScoreKind::Concat)
    }
}

impl AttentionRecipe {
    /// Soft attention by a score whose hidden layer, where it has one, is of this width; everything else as by default.
    pub fn of(score: ScoreKind, size: i64) -> Self {
        AttentionRecipe {
            score,
            choice: ChoiceKind::Global,
            window: 10,
            sum: None,
            size,
            coverage: false,
            hopfield_steps: 1,
            keys_values: KeysValues::Shared,
            heads: 1,
            hard: None,
        }
    }
}

impl RecurrentRecipe {
    /// Width of the decoder's states.
    pub fn decoder_hidden(&self) -> i64 {
        self.decoder.hidden.unwrap_or(self.hidden)
    }

    /// Width of the encoder's states as the decoder sees them.
    pub fn memory(&self) -> i64 {
        let both = self.encoder.kind == EncoderKind::Recurrent && self.encoder.bidirectional;
        if both { self.hidden.saturating_mul(2) } else { self.hidden }
    }

    /// Width of a context, which is that of values, and of the keys that queries are compared with.
    pub fn context(&self) -> i64 {
        if self.attention.keys_values == KeysValues::Halves { self.memory() / 2 } else { self.memory() }
    }

    /// Features that enter the output layer.
    pub fn features(&self) -> i64 {
        match self.decoder.kind {
            DecoderKind::Bahdanau => self.decoder.maxout,
            DecoderKind::None | DecoderKind::Luong => self.decoder_hidden(),
        }
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        let (decoder, attention) = (&self.decoder, &self.attention);
        let mut counts = vec![
            ("embedding", self.embedding),
            ("hidden", self.hidden),
            ("maximum_length", self.maximum_length),
            ("decoder.hidden", decoder.hidden.unwrap_or(1)),
        ];
        if decoder.kind == DecoderKind::Bahdanau {
            counts.push(("decoder.maxout", decoder.maxout));
        }
        if decoder.kind != DecoderKind::None {
            counts.extend([("attention.window", attention.window), ("attention.size", attention.size)]);
        }
        for (key, count) in counts {
            checks.value(&path(key), count, "1 to 65,536", |count| (1..=65_536).contains(&count));
        }
        for (key, layers) in [("encoder.layers", self.encoder.layers), ("decoder.layers", decoder.layers)] {
            checks.value(&path(key), layers, "1 to 1,000", |layers| (1..=1000).contains(&layers));
        }
        self.check_encoder(checks);
        checks.number(&path("dropout"), self.dropout, "0 to 1, 1 excluded", |rate| (0.0..1.0).contains(&rate));
        let steps = attention.hopfield_steps;
        checks.value(&path("attention.hopfield_steps"), steps, "1 to 100", |steps| (1..=100).contains(&steps));
        checks.conflict(
            &[&path("attention.hopfield_steps"), &path("attention.score")],
            steps != 1 && !attention.score.compares(),
            || "needs a score that compares queries with keys: `dot`, `scaled-dot` or `general`".to_owned(),
        );
        if decoder.kind != DecoderKind::None {
            self.check_heads(checks);
        }
        if let Some(sum) = attention.sum {
            checks.number(&path("attention.sum"), sum, "more than 0", |sum| sum > 0.0);
            let structured = matches!(attention.choice, ChoiceKind::LinearChain | ChoiceKind::Segments);
            checks.conflict(&[&path("attention.sum"), &path("attention.choice")], !structured, || {
                "weights of this choice sum to one or less by themselves: only `linear-chain` and `segments` are scaled"
                    .to_owned()
            });
        }
        if let Some(hard) = &attention.hard {
            hard.check(&path("attention.hard"), checks);
        }
        if let Some(memory) = &self.memory {
            self.check_memory(memory, checks);
        }
        self.check_kind(checks);
        self.check_widths(checks);
    }

    fn check_encoder(&self, checks: &mut Checks) {
        let EncoderRecipe { kind, width, self_attention, .. } = self.encoder;
        checks.value(&path("encoder.width"), width, "an odd number from 1 to 99", |width| {
            (1..=99).contains(&width) && width % 2 == 1
        });
        let keys = [path("encoder.width"), path("encoder.kind")];
        checks.conflict(&[&keys[0], &keys[1]], kind == EncoderKind::Recurrent && width != 3, || {
            "is that of a kernel; an encoder of kind `recurrent` has none".to_owned()
        });
        checks.value(&path("encoder.self_attention"), self_attention, "0 to 1,000 heads", |heads| (0..=1000).contains(&heads));
        let states = self.memory();
        let keys = [path("encoder.self_attention"), path("hidden")];
        checks.conflict(&[&keys[0], &keys[1]], self_attention > 0 && states % self_attention != 0, || {
            format!("{self_attention} heads do not divide the encoder's states of {states}")
        });
    }

    fn check_heads(&self, checks: &mut Checks) {
        let attention = &self.attention;
        checks.value(&path("attention.heads"), attention.heads, "1 to 1,000", |heads| (1..=1000).contains(&heads));
        checks.conflict(
            &[&path("attention.keys_values"), &path("hidden"), &path("encoder")],
            attention.keys_values == KeysValues::Halves && self.memory() % 2 != 0,
            || format!("a state of {} numbers has no halves: set an even `model.recurrent.hidden`", self.memory()),
        );
        let several = attention.heads > 1;
        let context = self.context();
        checks.conflict(
            &[&path("attention.heads"), &path("hidden"), &path("encoder")],
            several && context % attention.heads != 0,
            || format!("{} heads share a context of {context} numbers, which they have to divide", attention.heads),
        );
        for (key, conflicting, message) in [
            ("attention.coverage", attention.coverage, "coverage counts what one head has attended to: set `heads = 1`"),
            ("attention.hard", attention.hard.is_some(), "hard attention looks at one position of one head: set `heads = 1`"),
            (
                "attention.keys_values",
                attention.keys_values == KeysValues::Projected,
                "several heads have maps of keys and values already: leave `keys_values` out, or take `halves`",
            ),
        ] {
            checks.conflict(&[&path("attention.heads"), &path(key)], several && conflicting, || message.to_owned());
        }
    }

    fn check_memory(&self, memory: &MemoryRecipe, checks: &mut Checks) {
        for (key, value) in [("memory.slots", memory.slots), ("memory.width", memory.width)] {
            checks.value(&path(key), value, "1 to 65,536", |value| (1..=65_536).contains(&value));
        }
        checks.value(&path("memory.shift"), memory.shift, "0 or more", |shift| shift >= 0);
        let moves = memory.shift.saturating_mul(2).saturating_add(1);
        checks.conflict(&[&path("memory.shift"), &path("memory.slots")], memory.shift >= 0 && moves > memory.slots, || {
            format!("moves over {moves} slots in a step, more than the {} there are", memory.slots)
        });
        checks.conflict(&[&path("memory"), &path("decoder")], !self.decoder.input_feeding, || {
            "is read and written step by step: it needs a decoder of kind `luong` with `input_feeding = true`".to_owned()
        });
    }

    fn check_kind(&self, checks: &mut Checks) {
        let kind = self.decoder.kind;
        let conflicts = [
            (
                "copy",
                kind == DecoderKind::None && self.copy,
                "a decoder of kind `none` does not attend, and knows no word to copy: choose `bahdanau` or `luong`",
            ),
            (
                "attention",
                kind == DecoderKind::None && checks.given("model.recurrent.attention"),
                "a decoder of kind `none` does not attend: remove the table, or choose `bahdanau` or `luong`",
            ),
            (
                "decoder.input_feeding",
                kind != DecoderKind::Luong && self.decoder.input_feeding,
                "only a decoder of kind `luong` feeds its attentional state back (`bahdanau` has the context in its cell already)",
            ),
            (
                "decoder.context",
                kind != DecoderKind::None && self.decoder.context != FixedContext::EveryStep,
                "a decoder that attends sees the source at every step; only one of kind `none` may start from it alone",
            ),
            (
                "decoder.maxout",
                kind != DecoderKind::Bahdanau && checks.given("model.recurrent.decoder.maxout"),
                "only a decoder of kind `bahdanau` has a maxout layer",
            ),
            (
                "decoder.layers",
                kind == DecoderKind::Bahdanau && self.decoder.layers != 1,
                "a decoder of kind `bahdanau` has 1 layer (`luong` stacks)",
            ),
        ];
        for (key, conflicting, message) in conflicts {
            checks.conflict(&[&path(key), "model.recurrent.decoder.kind"], conflicting, || message.to_owned());
        }
    }

    fn check_widths(&self, checks: &mut Checks) {
        let (keys, queries) = (self.context(), self.decoder_hidden());
        // Inside of several heads queries and keys have one width.
        let compares = matches!(self.attention.score, ScoreKind::Dot | ScoreKind::ScaledDot) && self.attention.heads == 1;
        checks.conflict(
            &[&path("attention.score"), &path("hidden"), &path("encoder"), &path("decoder")],
            compares && self.decoder.kind != DecoderKind::None && keys != queries,
            || {
                format!(
                    "a dot product needs keys and queries of one width, found {keys} (encoder) and {queries} (decoder): \
                     set `model.recurrent.decoder.hidden = {keys}`, or use `general`"
                )
            },
        );
        let features = self.features();
        checks.conflict(
            &[&path("tied"), &path("embedding"), &path("hidden"), &path("decoder")],
            self.tied != Tied::None && features != self.embedding,
            || {
                let key = if self.decoder.kind == DecoderKind::Bahdanau { "decoder.maxout" } else { "decoder.hidden" };
                format!(
                    "a tied output layer needs as many features as the embedding is wide, found {features} and {0}: \
                     set `model.recurrent.{key} = {0}`",
                    self.embedding
                )
            },
        );
    }
}

fn path(key: &str) -> String {
    format!("model.recurrent.{key}")
}
