//! Properties of every model: neighbours and padding change nothing, a step is what a full pass does, attention is a choice
//! among the source's own tokens.

use targum::batch::{Source, Target};
use targum::model::{Seq2Seq, Vocabularies, WithAttention, build};
use targum::nn::{ForwardContext, ProjectedLoss};
use targum::recipe::{
    Activation, AttentionRecipe, CellKind, ChoiceKind, DecoderKind, DecoderRecipe, EncoderKind, EncoderRecipe, FixedContext,
    HardRecipe, KeysValues, LayersRecipe, MemoryRecipe, ModelRecipe, NormPlace, Normalization, Positions, RecurrentRecipe,
    ScoreKind, Start, Tied, TransformerRecipe,
};
use targum::runtime::{Precision, with_precision, with_precision_for_inference};
use tch::{Device, IndexOp, Kind, Tensor};

pub const VOCABULARY: i64 = 23;

/// One recipe for every way the parts can be put together that the code treats differently.
pub fn recipes() -> Vec<(String, ModelRecipe)> {
    let recurrent = recurrent().into_iter().map(|(name, recipe)| (name, ModelRecipe::Recurrent(recipe)));
    let transformers = transformers().into_iter().map(|(name, recipe)| (name, ModelRecipe::Transformer(recipe)));
    recurrent.chain(transformers).collect()
}

fn transformers() -> Vec<(String, TransformerRecipe)> {
    let layers = |layers, heads| LayersRecipe { layers, heads, feed_forward: 14 };
    let small = TransformerRecipe {
        dimension: 12,
        encoder: layers(2, 3),
        decoder: layers(2, 2),
        maximum_length: 4,
        ..TransformerRecipe::default()
    };
    let marian = TransformerRecipe {
        norm: NormPlace::Post,
        positions: Positions::SinusoidalHalves,
        activation: Activation::Silu,
        ..small.clone()
    };
    let modern = TransformerRecipe {
        positions: Positions::Rotary,
        normalization: Normalization::Rms,
        gated: true,
        activation: Activation::Gelu,
        tied: Tied::Decoder,
        start: Start::Token,
        encoder: layers(3, 2),
        decoder: layers(1, 3),
        ..small.clone()
    };
    let learned = TransformerRecipe {
        positions: Positions::Learned,
        normalize_embedding: true,
        scale_embeddings: false,
        tied: Tied::None,
        ..small.clone()
    };
    let named = [("transformer", small), ("marian", marian), ("modern", modern), ("learned", learned)];
    named.into_iter().map(|(name, recipe)| (name.to_string(), recipe)).collect()
}

fn recurrent() -> Vec<(String, RecurrentRecipe)> {
    let attention = |score, choice, coverage| AttentionRecipe { choice, window: 2, coverage, ..AttentionRecipe::of(score, 5) };
    let small = RecurrentRecipe {
        embedding: 6,
        hidden: 8,
        attention: attention(ScoreKind::Additive, ChoiceKind::Global, false),
        ..RecurrentRecipe::default()
    };
    let mut recipes = Vec::new();
    for cell in [CellKind::Lstm, CellKind::Gru] {
        let base = RecurrentRecipe { cell, ..small.clone() };
        let encoder = |layers, bidirectional| EncoderRecipe { layers, bidirectional, ..EncoderRecipe::default() };
        let decoder = |kind| DecoderRecipe {
            kind,
            layers: 1,
            hidden: None,
            input_feeding: false,
            context: FixedContext::default(),
            maxout: 6,
        };
        recipes.push(("none".to_string(), RecurrentRecipe { decoder: decoder(DecoderKind::None), ..base.clone() }));
        let start = DecoderRecipe { context: FixedContext::Start, ..decoder(DecoderKind::None) };
        recipes.push(("none, start".into(), RecurrentRecipe { decoder: start, ..base.clone() }));
        let convolutional = EncoderRecipe { kind: EncoderKind::Convolutional, layers: 2, width: 5, ..EncoderRecipe::default() };
        recipes.push((
            "convolutional".into(),
            RecurrentRecipe { decoder: decoder(DecoderKind::Luong), encoder: convolutional, ..base.clone() },
        ));
        recipes.push((
            "self-attention over states".into(),
            RecurrentRecipe {
                decoder: decoder(DecoderKind::Bahdanau),
                encoder: EncoderRecipe { self_attention: 4, ..encoder(1, true) },
                ..base.clone()
            },
        ));
        recipes.push((
            "bahdanau".into(),
            RecurrentRecipe { decoder: decoder(DecoderKind::Bahdanau), encoder: encoder(2, true), ..base.clone() },
        ));
        recipes.push((
            "bahdanau coverage tied".into(),
            RecurrentRecipe {
                decoder: decoder(DecoderKind::Bahdanau),
                attention: attention(ScoreKind::Additive, ChoiceKind::Global, true),
                tied: Tied::All,
                ..base.clone()
            },
        ));
        for score in [
            ScoreKind::Additive,
            ScoreKind::Dot,
            ScoreKind::ScaledDot,
            ScoreKind::General,
            ScoreKind::Concat,
            ScoreKind::Location,
        ] {
            for choice in [ChoiceKind::Global, ChoiceKind::LocalM, ChoiceKind::LocalP] {
                for input_feeding in [false, true] {
                    let layers = if input_feeding { 2 } else { 1 };
                    let coverage = score == ScoreKind::Concat || (score == ScoreKind::Location && input_feeding);
                    recipes.push((
                        format!("luong {score:?} {choice:?} feeding {input_feeding}"),
                        RecurrentRecipe {
                            encoder: encoder(layers, false),
                            decoder: DecoderRecipe { layers, input_feeding, ..decoder(DecoderKind::Luong) },
                            attention: attention(score, choice, coverage),
                            maximum_length: 4,
                            ..base.clone()
                        },
                    ));
                }
            }
        }
        let feeding = DecoderRecipe { input_feeding: true, ..decoder(DecoderKind::Luong) };
        let settling = AttentionRecipe { hopfield_steps: 3, ..attention(ScoreKind::General, ChoiceKind::Global, true) };
        let hard = |coverage| AttentionRecipe {
            hard: Some(HardRecipe::default()),
            ..attention(ScoreKind::General, ChoiceKind::Global, coverage)
        };
        for (name, kind, coverage) in [("luong", DecoderKind::Luong, false), ("bahdanau", DecoderKind::Bahdanau, true)] {
            let decoder = DecoderRecipe { maxout: 4, ..decoder(kind) };
            recipes.push((format!("{name} hard"), RecurrentRecipe { decoder, attention: hard(coverage), ..base.clone() }));
        }
        for (name, kind) in [("luong", DecoderKind::Luong), ("bahdanau", DecoderKind::Bahdanau)] {
            let decoder = DecoderRecipe { maxout: 4, ..decoder(kind) };
            recipes.push((format!("{name} copy"), RecurrentRecipe { decoder, copy: true, ..base.clone() }));
        }
        recipes.push((
            "luong tape".into(),
            RecurrentRecipe {
                decoder: feeding.clone(),
                memory: Some(MemoryRecipe { slots: 5, width: 3, shift: 1 }),
                attention: attention(ScoreKind::General, ChoiceKind::Global, true),
                ..base.clone()
            },
        ));
        for choice in [ChoiceKind::LinearChain, ChoiceKind::Segments] {
            // Scaled, weights sum to one as those of other choices do.
            let structured = AttentionRecipe { sum: Some(1.0), ..attention(ScoreKind::General, choice, false) };
            for input_feeding in [false, true] {
                let decoder = DecoderRecipe { input_feeding, ..decoder(DecoderKind::Luong) };
                let recipe = RecurrentRecipe { attention: structured, decoder, ..base.clone() };
                recipes.push((format!("luong {choice:?} feeding {input_feeding}"), recipe));
            }
        }
        // Keys and values apart, and several heads, with scores and choices of every kind.
        for (keys_values, heads, score, choice) in [
            (KeysValues::Halves, 1, ScoreKind::Dot, ChoiceKind::Global),
            (KeysValues::Projected, 1, ScoreKind::Additive, ChoiceKind::LocalM),
            (KeysValues::Shared, 4, ScoreKind::Additive, ChoiceKind::Global),
            (KeysValues::Halves, 2, ScoreKind::ScaledDot, ChoiceKind::LocalP),
            (KeysValues::Shared, 2, ScoreKind::Concat, ChoiceKind::Global),
        ] {
            let apart = AttentionRecipe { keys_values, heads, ..attention(score, choice, false) };
            for (name, kind, input_feeding, copy) in [
                ("luong", DecoderKind::Luong, false, false),
                ("luong feeding", DecoderKind::Luong, true, true),
                ("bahdanau", DecoderKind::Bahdanau, false, heads == 4),
            ] {
                let decoder = DecoderRecipe { input_feeding, maxout: 4, ..decoder(kind) };
                let recipe = RecurrentRecipe { attention: apart, decoder, copy, ..base.clone() };
                recipes.push((format!("{name} {keys_values:?} {heads} {score:?} {choice:?}"), recipe));
            }
        }
        recipes.push(("luong hopfield".into(), RecurrentRecipe { attention: settling, ..base.clone() }));
        recipes
            .push(("luong hopfield feeding".into(), RecurrentRecipe { attention: settling, decoder: feeding, ..base.clone() }));
        let wide = DecoderRecipe { hidden: Some(6), layers: 2, ..decoder(DecoderKind::Luong) };
        recipes.push(("luong bidirectional tied".into(), RecurrentRecipe { tied: Tied::Decoder, decoder: wide, ..base.clone() }));
    }
    recipes
}

pub fn vocabularies() -> Vocabularies {
    let same = Some((0..VOCABULARY).map(|id| if id < 9 { id } else { 0 }).collect());
    Vocabularies { source: VOCABULARY, target: VOCABULARY, same }
}

pub fn model(recipe: &ModelRecipe) -> Box<dyn Seq2Seq> {
    build(recipe, vocabularies(), 3, Device::Cpu).unwrap()
}

pub const SOURCES: [&[u32]; 3] = [&[5, 6, 7], &[8, 9, 10, 11, 12, 13], &[14]];
pub const TARGETS: [&[u32]; 3] = [&[5, 6, 7, 8], &[9], &[10, 11]];

fn close(a: &Tensor, b: &Tensor) -> bool {
    a.size() == b.size() && a.allclose(b, 1e-4, 1e-5, false)
}

#[test]
fn neighbours_and_padding_change_nothing() {
    let _guard = tch::no_grad_guard();
    let pass = ForwardContext::evaluation();
    for (name, recipe) in recipes() {
        let model = model(&recipe);
        let forced = |sources: &[&[u32]], targets: &[&[u32]]| {
            let source = Source::new(sources, Device::Cpu);
            let target = Target::new(targets, Device::Cpu);
            model.forward(&source, &target.input, &pass, WithAttention::Yes)
        };
        let together = forced(&SOURCES, &TARGETS);
        for row in 0..SOURCES.len() {
            let alone = forced(&SOURCES[row..=row], &TARGETS[row..=row]);
            let (steps, columns) = (TARGETS[row].len() as i64 + 1, SOURCES[row].len() as i64 + 1);
            let part = together.features.i((row as i64..row as i64 + 1, ..steps));
            assert!(close(&part, &alone.features), "{name}: row {row}");
            if let Some(attention) = &together.attention {
                let part = attention.i((row as i64..row as i64 + 1, .., .., ..steps, ..columns));
                assert!(close(&part, alone.attention.as_ref().unwrap()), "{name}: attention of row {row}");
                let outside = attention.i((row as i64, .., .., ..steps, columns..));
                assert_eq!(outside.abs().sum(Kind::Float).double_value(&[]), 0.0, "{name}: attention to padding");
            }
        }
    }
}

/// Token ids [R] as a decoding session takes them.
pub fn tokens(ids: &Tensor) -> Vec<u32> {
    Vec::<i64>::try_from(ids.to_device(Device::Cpu)).unwrap().into_iter().map(|id| id as u32).collect()
}

#[test]
fn a_step_is_what_a_full_pass_does() {
    let _guard = tch::no_grad_guard();
    let pass = ForwardContext::evaluation();
    for (name, recipe) in recipes() {
        let model = model(&recipe);
        let source = Source::new(&SOURCES, Device::Cpu);
        let target = Target::new(&TARGETS, Device::Cpu);
        let full = model.forward(&source, &target.input, &pass, WithAttention::Yes);
        let every = Tensor::arange(full.features.size()[..2].iter().product::<i64>(), (Kind::Int64, Device::Cpu));
        let logits = model.scores(&full, &every).unflatten(0, [full.features.size()[0], -1]);
        // Two hypotheses beside each other, the same ones, must each do what one does.
        for beside in [1, 2] {
            let rows: Vec<usize> = (0..SOURCES.len()).flat_map(|row| vec![row; beside]).collect();
            let mut decoding = model.start(&source);
            decoding.reorder(&rows);
            let rows = Tensor::from_slice(&rows.iter().map(|&row| row as i64).collect::<Vec<_>>());
            for step in 0..target.input.size()[1] {
                let previous = tokens(&target.input.select(1, step).index_select(0, &rows));
                let found = decoding.step(&previous, WithAttention::Yes);
                let scores = found.scores.tensor();
                assert!(close(scores, &logits.select(1, step).index_select(0, &rows)), "{name}: step {step} of {beside}");
                if let (Some(one), Some(all)) = (&found.attention, &full.attention) {
                    assert!(close(one, &all.select(3, step).index_select(0, &rows)), "{name}: attention of step {step}");
                }
            }
        }
    }
}

#[test]
fn weights_are_a_choice_among_the_sources_own_tokens() {
    let _guard = tch::no_grad_guard();
    let pass = ForwardContext::evaluation();
    for (name, recipe) in recipes() {
        let model = model(&recipe);
        let input = Target::new(&TARGETS, Device::Cpu).input;
        let decoded = model.forward(&Source::new(&SOURCES, Device::Cpu), &input, &pass, WithAttention::Yes);
        assert_eq!(decoded.attention.is_some(), model.attends(), "{name}");
        let Some(attention) = decoded.attention else { continue };
        let (layers, heads) = match &recipe {
            ModelRecipe::Recurrent(recipe) => (1, recipe.attention.heads),
            ModelRecipe::Transformer(recipe) => (recipe.decoder.layers, recipe.decoder.heads),
        };
        assert_eq!(attention.size(), [3, layers, heads, 5, 7], "{name}");
        assert!(attention.min().double_value(&[]) >= 0.0, "{name}");
        let sums = attention.sum_dim_intlist([-1i64].as_slice(), false, Kind::Float);
        let gaussian = matches!(&recipe, ModelRecipe::Recurrent(recipe) if recipe.attention.choice == ChoiceKind::LocalP);
        assert!(sums.max().double_value(&[]) <= 1.0 + 1e-5, "{name}");
        assert!(gaussian || sums.min().double_value(&[]) >= 1.0 - 1e-5, "{name}");
    }
}

#[test]
fn names_are_unique_and_the_same_seed_gives_the_same_model() {
    for (name, recipe) in recipes() {
        let (one, two) = (model(&recipe).parameters(), model(&recipe).parameters());
        assert!(one.iter().zip(&two).all(|(one, two)| one.0 == two.0 && one.1.equal(&two.1)), "{name}");
        let names: std::collections::BTreeSet<_> = one.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), one.len(), "{name}");
    }
}

/// The largest difference of two tensors of one size.
pub fn difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a - b).abs().max().double_value(&[])
}

#[test]
fn half_precision_does_nearly_the_same_in_every_model() {
    let (pass, cpu) = (ForwardContext::evaluation(), Device::Cpu);
    let target = Target::new(&TARGETS, cpu);
    for (name, recipe) in recipes() {
        let model = model(&recipe);
        let forced = || {
            let decoded = model.forward(&Source::new(&SOURCES, cpu), &target.input, &pass, WithAttention::Yes);
            let every = Tensor::arange(decoded.features.size()[..2].iter().product::<i64>(), (Kind::Int64, cpu));
            (model.scores(&decoded, &every).unflatten(0, [decoded.features.size()[0], -1]), decoded.attention)
        };
        let stepped = || {
            let mut decoding = model.start(&Source::new(&SOURCES, cpu));
            decoding.step(&tokens(&target.input.select(1, 0)), WithAttention::Yes);
            decoding.step(&tokens(&target.input.select(1, 1)), WithAttention::Yes).scores.tensor().shallow_clone()
        };
        let (logits, attention) = tch::no_grad(forced);
        for precision in [Precision::Bf16, Precision::Fp16] {
            let compare = |(half, half_attention): (Tensor, Option<Tensor>), what: &str| {
                assert_eq!(half.kind(), Kind::Float, "{name} in {precision:?}, {what}: what search reads");
                let off = difference(&half, &logits);
                assert!(off < 0.05, "{name} in {precision:?}, {what}: logits differ by {off}");
                assert!(off > 0.0 || precision == Precision::Fp16, "{name} in {precision:?}, {what}: nothing was rounded");
                if let (Some(half), Some(full)) = (half_attention, &attention) {
                    let off = difference(&half.to_kind(Kind::Float), full);
                    // At the edge of a window whose centre is predicted a position may come or go.
                    let most = if name.contains("LocalP") { 0.2 } else { 0.05 };
                    assert!(off < most, "{name} in {precision:?}, {what}: attention differs by {off}");
                }
            };
            // Twice, because a product that wrote into a weight would show the second time alone.
            for what in ["the first time", "again"] {
                compare(tch::no_grad(|| with_precision_for_inference(precision, cpu, forced)), what);
            }
            compare(with_precision(precision, cpu, forced), "for training");
            let off = difference(&tch::no_grad(|| with_precision_for_inference(precision, cpu, stepped)), &logits.select(1, 1));
            assert!(off < 0.05, "{name} in {precision:?}: logits of a step differ by {off}");
        }
        assert!(tch::no_grad(forced).0.equal(&logits), "{name}: half precision leaves nothing behind");
    }
}

/// The loss of the batch to go backward from, with label smoothing where nothing is copied, and its sum over the target tokens.
pub fn summed_loss(model: &dyn Seq2Seq, device: Device, pass: &ForwardContext) -> (Tensor, f64) {
    let (source, target) = (Source::new(&SOURCES, device), Target::new(&TARGETS, device));
    let decoded = model.forward(&source, &target.input, pass, WithAttention::No);
    if decoded.copied.is_some() {
        let picked = model.scores(&decoded, &target.real).gather(1, &target.output.unsqueeze(1), false);
        let loss = -picked.sum(Kind::Float);
        return (loss.shallow_clone(), loss.double_value(&[]));
    }
    let output = model.output();
    let loss = ProjectedLoss { weight: output.weight, bias: output.bias, label_smoothing: 0.1 }
        .with_gradient(&decoded.features_at(&target.real), &target.output);
    (loss.backward, loss.loss)
}

#[test]
fn gradients_in_half_precision_point_the_same_way_in_every_model() {
    let cpu = Device::Cpu;
    for (name, recipe) in recipes() {
        let gradients = |precision| {
            let model = model(&recipe);
            let (backward, sum) =
                with_precision(precision, cpu, || summed_loss(model.as_ref(), cpu, &ForwardContext::training(1, 1, 0)));
            backward.backward();
            let flat: Vec<Tensor> = model
                .parameters()
                .iter()
                .filter(|(_, tensor)| tensor.grad().defined())
                .map(|(_, tensor)| tensor.grad().reshape(-1))
                .collect();
            assert!(
                flat.iter().all(|gradient| gradient.kind() == Kind::Float),
                "{name}: weights are float32, and so are their gradients"
            );
            (Tensor::cat(&flat, 0), sum)
        };
        let (full, loss) = gradients(Precision::Fp32);
        for precision in [Precision::Bf16, Precision::Fp16] {
            let (half, half_loss) = gradients(precision);
            let cosine = (full.dot(&half) / (full.norm() * half.norm())).double_value(&[]);
            assert!(cosine > 0.99, "{name} in {precision:?}: cosine {cosine}");
            assert!((half_loss / loss - 1.0).abs() < 0.01, "{name} in {precision:?}: loss {half_loss}, in fp32 {loss}");
        }
    }
}
