use std::path::PathBuf;

use proptest::prelude::*;

use super::super::*;
use super::read;
use crate::runtime::Precision;

fn name() -> impl Strategy<Value = String> {
    // Quotes, backslashes and letters beyond ASCII have to survive TOML.
    "[a-zé語][a-z0-9\"'#é語 -]{0,8}"
}

fn file() -> impl Strategy<Value = PathBuf> {
    "[a-zé/\\\\.\"]{1,12}".prop_map(PathBuf::from)
}

fn corpus() -> impl Strategy<Value = CorpusPath> {
    let text = prop_oneof![
        "[a-z/é]{1,12}".prop_map(CorpusText::Prefix),
        (file(), file()).prop_map(|(source, target)| CorpusText::Files { source, target }),
        file().prop_map(CorpusText::Tsv),
    ];
    (text, proptest::option::of(file()), 0..2_u32).prop_map(|(text, gold, gold_base)| CorpusPath { text, gold, gold_base })
}

fn data() -> impl Strategy<Value = DataRecipe> {
    (corpus(), corpus(), proptest::option::of(corpus()), proptest::option::of(file()), 1..50_usize, 1.0..20.0, any::<bool>())
        .prop_map(|(train, validation, test, alignment, minimum_length, maximum_ratio, remove_duplicates)| DataRecipe {
            source: "cs".to_owned(),
            target: "uk".to_owned(),
            train,
            validation,
            test,
            source_prefix: remove_duplicates.then(|| ">>fra<<".to_owned()),
            alignment,
            maximum_line_bytes: 4096,
            filters: FilterRecipe { minimum_length, maximum_length: 100, maximum_ratio, remove_duplicates },
        })
}

fn tokenizer() -> impl Strategy<Value = TokenizerRecipe> {
    let kind = prop_oneof![
        Just(TokenizerKind::Bpe),
        Just(TokenizerKind::Unigram),
        Just(TokenizerKind::Word),
        Just(TokenizerKind::Character)
    ];
    let sizes = prop_oneof![
        Just((true, None, None)),
        (proptest::option::of(300..9999_usize), proptest::option::of(300..9999_usize))
            .prop_map(|(source, target)| (false, source, target))
    ];
    (kind, 300..100_000_usize, 1..9_u32, any::<bool>(), any::<(bool, bool)>(), sizes).prop_map(
        |(kind, size, minimum_frequency, lowercase, (byte_fallback, sentencepiece), (joint, source_size, target_size))| {
            TokenizerRecipe {
                kind,
                size,
                minimum_frequency,
                lowercase,
                byte_fallback,
                sentencepiece: sentencepiece && matches!(kind, TokenizerKind::Bpe | TokenizerKind::Unigram),
                joint,
                source_size,
                target_size,
            }
        },
    )
}

fn attention() -> impl Strategy<Value = AttentionRecipe> {
    let score =
        prop_oneof![Just(ScoreKind::Additive), Just(ScoreKind::General), Just(ScoreKind::Concat), Just(ScoreKind::Location)];
    let choice = prop_oneof![
        Just((ChoiceKind::Global, None)),
        Just((ChoiceKind::LocalM, None)),
        Just((ChoiceKind::LocalP, None)),
        Just((ChoiceKind::LinearChain, Some(2.0))),
        Just((ChoiceKind::Segments, None)),
    ];
    (score, choice, 1..20_i64, 1..2000_i64, any::<bool>()).prop_map(|(score, (choice, sum), window, size, coverage)| {
        AttentionRecipe {
            score,
            choice,
            window,
            sum,
            size,
            coverage,
            hopfield_steps: if score == ScoreKind::General { window } else { 1 },
            keys_values: if coverage { KeysValues::Projected } else { KeysValues::Shared },
            heads: 1,
            hard: coverage.then(|| HardRecipe { soft: 1.0, entropy: 0.125, ..HardRecipe::default() }),
        }
    })
}

fn model() -> impl Strategy<Value = RecurrentRecipe> {
    let kind = prop_oneof![Just(DecoderKind::None), Just(DecoderKind::Bahdanau), Just(DecoderKind::Luong)];
    let cell = prop_oneof![Just(CellKind::Lstm), Just(CellKind::Gru)];
    let initialization = prop_oneof![
        Just(InitializationKind::Uniform),
        Just(InitializationKind::Bahdanau),
        Just(InitializationKind::Xavier),
        Just(InitializationKind::UnitEmbeddings),
    ];
    let decoder = (kind, 1..5_i64, proptest::option::of(1..2000_i64), any::<bool>(), 1..900_i64);
    (cell, decoder, attention(), (1..2000_i64, 1..2000_i64), (1..5_i64, any::<bool>()), 0.0..1.0, initialization).prop_map(
        |(
            cell,
            (kind, layers, hidden, feeds, maxout),
            attention,
            (embedding, width),
            (depth, bidirectional),
            dropout,
            initialization,
        )| {
            let bahdanau = kind == DecoderKind::Bahdanau;
            let decoder = DecoderRecipe {
                kind,
                layers: if bahdanau { 1 } else { layers },
                hidden,
                input_feeding: feeds && kind == DecoderKind::Luong,
                context: if kind == DecoderKind::None && feeds { FixedContext::Start } else { FixedContext::EveryStep },
                maxout: if bahdanau { maxout } else { 0 },
            };
            let mut recipe = RecurrentRecipe {
                embedding,
                hidden: width,
                cell,
                encoder: EncoderRecipe {
                    kind: if feeds { EncoderKind::Convolutional } else { EncoderKind::Recurrent },
                    layers: depth,
                    bidirectional,
                    width: if feeds { 5 } else { 3 },
                    self_attention: 1,
                },
                decoder,
                dropout,
                initialization,
                maximum_length: 150,
                ..RecurrentRecipe::default()
            };
            // A decoder that does not attend has nothing to write down.
            recipe.attention.size = recipe.decoder_hidden();
            if kind != DecoderKind::None {
                recipe.attention = attention;
            }
            recipe.copy = bidirectional && kind != DecoderKind::None;
            recipe.memory = recipe.decoder.input_feeding.then_some(MemoryRecipe { slots: 9, width, shift: 4 });
            recipe
        },
    )
}

fn optimizer() -> impl Strategy<Value = OptimizerRecipe> {
    (1e-9..10.0, 0.01..0.99, 0.01..0.99, 1e-12..1e-3).prop_flat_map(|(learning_rate, beta1, beta2, epsilon)| {
        prop_oneof![
            Just(OptimizerRecipe::Sgd(SgdRecipe { learning_rate, momentum: beta1 })),
            Just(OptimizerRecipe::Adadelta(AdadeltaRecipe { learning_rate, rho: beta1, epsilon })),
            Just(OptimizerRecipe::Adam(AdamRecipe { learning_rate, beta1, beta2, epsilon })),
            Just(OptimizerRecipe::AdamW(AdamWRecipe { learning_rate, beta1, beta2, epsilon, weight_decay: beta1 })),
        ]
    })
}

fn schedule() -> impl Strategy<Value = ScheduleRecipe> {
    (1..9000_u64, 0..9000_u64, 0.01..0.99).prop_flat_map(|(every, start, factor)| {
        prop_oneof![
            Just(ScheduleRecipe::Constant(ConstantRecipe { warmup: start })),
            Just(ScheduleRecipe::InverseSquareRoot(InverseSquareRootRecipe { warmup: every })),
            Just(ScheduleRecipe::LuongHalving(LuongHalvingRecipe { after: start, every, unit: HalvingUnit::Updates })),
            Just(ScheduleRecipe::Plateau(PlateauRecipe { factor, patience: every, minimum: factor / 7.0 })),
            Just(ScheduleRecipe::Step(StepRecipe { factor, every, start })),
        ]
    })
}

fn training() -> impl Strategy<Value = TrainingRecipe> {
    let metric = prop_oneof![
        Just(Metric::Bleu),
        Just(Metric::Chrf),
        Just(Metric::Ter),
        Just(Metric::Loss),
        Just(Metric::Perplexity),
        Just(Metric::Aer)
    ];
    let end = (proptest::option::of(1..9999_u64), proptest::option::of(0.1..99.0), proptest::option::of(1..99_u64));
    (optimizer(), schedule(), end, metric, 0.0..1.0, 0.0..9.0, proptest::collection::vec(name(), 0..3)).prop_map(
        |(optimizer, schedule, (updates, minutes, patience), metric, label_smoothing, clip_norm, freeze)| TrainingRecipe {
            precision: if updates.is_some() { Precision::Bf16 } else { Precision::Fp32 },
            moving_average: label_smoothing,
            freeze,
            optimizer,
            schedule,
            updates,
            minutes,
            patience,
            epochs: Some(7),
            metric,
            label_smoothing,
            clip_norm,
            normalise: Normalise::Sentences,
            ..TrainingRecipe::default()
        },
    )
}

fn search() -> impl Strategy<Value = SearchRecipe> {
    let penalty = (0.0..5.0).prop_flat_map(|alpha| {
        prop_oneof![Just(LengthPenalty::None), Just(LengthPenalty::Plain { alpha }), Just(LengthPenalty::Wu { alpha })]
    });
    let stopping = prop_oneof![Just(EarlyStopping::First), Just(EarlyStopping::Heuristic), Just(EarlyStopping::Never)];
    let words = || proptest::collection::vec(".{0,9}", 0..3);
    let lengths = (1..50_usize, penalty, 0.0..2.0, 0..9_usize, proptest::option::of(0.1..9.0));
    let rules = (stopping, 0.1..9.0, ".{0,9}", words(), words(), 0..9_usize, 0.1..9.0);
    let chance = (any::<bool>(), 0.1..9.0, 0..99_usize, 0.01..1.0, 0..=i64::MAX as u64);
    (lengths, rules, chance, 0.0..9.0).prop_map(|(lengths, rules, chance, diversity_penalty)| {
        let (beam, length_penalty, coverage_penalty, minimum_length, maximum_length_ratio) = lengths;
        let (early_stopping, patience, prefix, suppress, suppress_pieces, no_repeat_ngram, repetition_penalty) = rules;
        let (sample, temperature, top_k, top_p, seed) = chance;
        SearchRecipe {
            beam,
            length_penalty,
            coverage_penalty,
            minimum_length,
            maximum_length_ratio,
            early_stopping,
            patience,
            prefix,
            suppress,
            suppress_pieces,
            no_repeat_ngram,
            repetition_penalty,
            diversity_groups: if sample { 1 } else { beam },
            diversity_penalty,
            sample,
            temperature,
            top_k,
            top_p,
            seed,
            ..SearchRecipe::default()
        }
    })
}

#[test]
fn models_and_searches_read_back_from_json() {
    for setting in ["decoder.kind=none", "decoder.kind=bahdanau", "attention.score=location"] {
        let recipe = read(super::LEAST, &[&format!("model.recurrent.{setting}"), "search.length_penalty=none"]).unwrap();
        let json = serde_json::to_string(&(&recipe.model, &recipe.search)).unwrap();
        let again: (ModelRecipe, SearchRecipe) = serde_json::from_str(&json).unwrap();
        assert_eq!(again, (recipe.model, recipe.search), "{json}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_written_reads_back(
        name in name(),
        seed in 0..=i64::MAX as u64,
        parts in (data(), tokenizer(), model(), training(), search()),
    ) {
        let (data, tokenizer, mut model, mut training, search) = parts;
        // Each is an error without the other.
        let guided = GuidedAlignmentRecipe { weight: training.label_smoothing, layer: None, head: Some(2) };
        training.guided_alignment = data.alignment.is_some().then_some(guided);
        // And these together.
        model.copy &= training.label_smoothing == 0.0;
        model.attention.hard = model.attention.hard.filter(|_| data.alignment.is_none());
        let init = data.alignment.clone();
        let recipe = Recipe { name, seed, init, data, tokenizer, model: ModelRecipe::Recurrent(model), training, search };
        let text = recipe.to_toml().unwrap();
        let again = read(&text, &[]).map_err(|error| TestCaseError::fail(format!("{error:#}\n{text}")))?;
        prop_assert_eq!(&again, &recipe);
    }

    #[test]
    fn no_text_makes_the_reader_panic(key in "[a-z_.]{1,12}", value in "[ -~]{0,12}") {
        // Right or wrong, it has to answer.
        let _ = read(super::LEAST, &[&format!("{key}={value}")]).map_err(|error| error.to_string());
    }
}
