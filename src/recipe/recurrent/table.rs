//! `[model.recurrent]` as it is written. Some defaults rest on other keys; [`RecurrentRecipe`] has them worked out.

use serde::{Deserialize, Serialize};

use super::{
    AttentionRecipe, CellKind, ChoiceKind, DecoderKind, DecoderRecipe, EncoderRecipe, FixedContext, HardRecipe,
    InitializationKind, KeysValues, MemoryRecipe, RecurrentRecipe, ScoreKind, Tied,
};

#[derive(Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecurrentTable {
    embedding: i64,
    hidden: i64,
    cell: CellKind,
    dropout: f64,
    tied: Tied,
    initialization: InitializationKind,
    maximum_length: i64,
    encoder: EncoderRecipe,
    copy: bool,
    decoder: DecoderTable,
    #[serde(skip_serializing_if = "Option::is_none")]
    attention: Option<AttentionTable>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<MemoryRecipe>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct DecoderTable {
    kind: DecoderKind,
    layers: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden: Option<i64>,
    input_feeding: bool,
    context: FixedContext,
    #[serde(skip_serializing_if = "Option::is_none")]
    maxout: Option<i64>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AttentionTable {
    score: ScoreKind,
    #[serde(default = "global")]
    choice: ChoiceKind,
    #[serde(default = "ten")]
    window: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sum: Option<f64>,
    size: Option<i64>,
    #[serde(default)]
    coverage: bool,
    #[serde(default = "one")]
    hopfield_steps: i64,
    #[serde(default = "shared")]
    keys_values: KeysValues,
    #[serde(default = "one")]
    heads: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hard: Option<HardRecipe>,
}

impl Default for RecurrentTable {
    fn default() -> Self {
        Self {
            embedding: 256,
            hidden: 256,
            cell: CellKind::Lstm,
            dropout: 0.2,
            tied: Tied::None,
            initialization: InitializationKind::Uniform,
            maximum_length: 200,
            encoder: EncoderRecipe::default(),
            copy: false,
            decoder: DecoderTable::default(),
            attention: None,
            memory: None,
        }
    }
}

impl Default for DecoderTable {
    fn default() -> Self {
        Self {
            kind: DecoderKind::Luong,
            layers: 1,
            hidden: None,
            input_feeding: false,
            context: FixedContext::default(),
            maxout: None,
        }
    }
}

impl From<RecurrentTable> for RecurrentRecipe {
    fn from(table: RecurrentTable) -> Self {
        let DecoderTable { kind, layers, hidden, input_feeding, context, maxout } = table.decoder;
        let width = hidden.unwrap_or(table.hidden);
        let papers = match kind {
            DecoderKind::Bahdanau => ScoreKind::Additive,
            DecoderKind::None | DecoderKind::Luong => ScoreKind::General,
        };
        let attention = table.attention.unwrap_or(AttentionTable {
            score: papers,
            choice: global(),
            window: ten(),
            sum: None,
            size: None,
            coverage: false,
            hopfield_steps: one(),
            keys_values: shared(),
            heads: one(),
            hard: None,
        });
        Self {
            embedding: table.embedding,
            hidden: table.hidden,
            cell: table.cell,
            encoder: table.encoder,
            decoder: DecoderRecipe {
                kind,
                layers,
                hidden,
                input_feeding,
                context,
                maxout: if kind == DecoderKind::Bahdanau { maxout.unwrap_or((width / 2).max(1)) } else { 0 },
            },
            attention: AttentionRecipe {
                score: attention.score,
                choice: attention.choice,
                window: attention.window,
                sum: attention.sum,
                size: attention.size.unwrap_or(width),
                coverage: attention.coverage,
                hopfield_steps: attention.hopfield_steps,
                keys_values: attention.keys_values,
                heads: attention.heads,
                hard: attention.hard,
            },
            copy: table.copy,
            memory: table.memory,
            dropout: table.dropout,
            tied: table.tied,
            initialization: table.initialization,
            maximum_length: table.maximum_length,
        }
    }
}

/// Leaves out what has no meaning for the decoder's kind.
impl From<RecurrentRecipe> for RecurrentTable {
    fn from(recipe: RecurrentRecipe) -> Self {
        let DecoderRecipe { kind, layers, hidden, input_feeding, context, maxout } = recipe.decoder;
        let AttentionRecipe { score, choice, window, sum, size, coverage, hopfield_steps, keys_values, heads, hard } =
            recipe.attention;
        let size = Some(size);
        let attention = AttentionTable { score, choice, window, sum, size, coverage, hopfield_steps, keys_values, heads, hard };
        Self {
            embedding: recipe.embedding,
            hidden: recipe.hidden,
            cell: recipe.cell,
            dropout: recipe.dropout,
            tied: recipe.tied,
            initialization: recipe.initialization,
            maximum_length: recipe.maximum_length,
            encoder: recipe.encoder,
            copy: recipe.copy,
            decoder: DecoderTable {
                kind,
                layers,
                hidden,
                input_feeding,
                context,
                maxout: (kind == DecoderKind::Bahdanau).then_some(maxout),
            },
            attention: (kind != DecoderKind::None).then_some(attention),
            memory: recipe.memory,
        }
    }
}

fn global() -> ChoiceKind {
    ChoiceKind::Global
}

fn shared() -> KeysValues {
    KeysValues::Shared
}

fn one() -> i64 {
    1
}

fn ten() -> i64 {
    10
}
