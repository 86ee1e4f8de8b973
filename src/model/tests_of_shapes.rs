use super::*;
use crate::batch::{Source, Target};
use crate::model::WithAttention;
use crate::nn::ForwardContext;
use crate::recipe::Recipe;
use tch::Tensor;

/// All that tells models apart, one after the other over the defaults of a family.
const RECURRENT: [&str; 23] = [
    "{}",
    "{ cell = \"gru\", encoder = { layers = 2, bidirectional = false }, decoder = { kind = \"luong\", layers = 3, hidden = 7 } }",
    "{ decoder = { kind = \"none\", layers = 2 } }",
    "{ decoder = { kind = \"bahdanau\" } }",
    "{ decoder = { kind = \"bahdanau\", maxout = 5, hidden = 9 }, initialization = \"bahdanau\" }",
    "{ decoder = { kind = \"luong\", input_feeding = true }, memory = { slots = 5, width = 3 } }",
    "{ attention = { score = \"additive\", size = 5, coverage = true } }",
    "{ attention = { score = \"dot\" }, decoder = { kind = \"luong\", hidden = 12 } }",
    "{ attention = { score = \"general\", hopfield_steps = 3 } }",
    "{ attention = { score = \"concat\", choice = \"local-p\", window = 2 } }",
    "{ attention = { score = \"location\", choice = \"local-m\" }, maximum_length = 301 }",
    "{ attention = { score = \"general\", hard = {} } }",
    "{ attention = { score = \"additive\", keys_values = \"halves\" }, copy = true }",
    "{ attention = { score = \"additive\", keys_values = \"projected\" }, decoder = { kind = \"bahdanau\" } }",
    "{ attention = { score = \"concat\", keys_values = \"halves\", heads = 3 }, decoder = { kind = \"bahdanau\" } }",
    "{ copy = true }",
    "{ copy = true, decoder = { kind = \"bahdanau\" } }",
    "{ tied = \"decoder\", embedding = 6 }",
    "{ tied = \"all\", embedding = 6 }",
    "{ initialization = \"xavier\" }",
    "{ decoder = { kind = \"none\", context = \"start\" } }",
    "{ encoder = { kind = \"convolutional\", layers = 3, width = 5 }, decoder = { layers = 2 } }",
    "{ encoder = { self_attention = 2, layers = 2 }, decoder = { kind = \"bahdanau\" } }",
];
const TRANSFORMER: [&str; 8] = [
    "{}",
    "{ encoder = { layers = 3, heads = 4 }, decoder = { heads = 1, feed_forward = 5 } }",
    "{ norm = \"post\", normalization = \"rms\", normalize_embedding = true }",
    "{ gated = true, activation = \"gelu\" }",
    "{ positions = \"learned\", maximum_length = 300 }",
    "{ positions = \"rotary\", tied = \"none\" }",
    "{ positions = \"sinusoidal-halves\", tied = \"decoder\" }",
    "{ start = \"token\", depth_scaled = false }",
];

fn recipe(family: &str, defaults: &str, own: &str) -> ModelRecipe {
    let mut table: toml::Table = defaults.parse().unwrap();
    let own: toml::Table = format!("own = {own}").parse().unwrap();
    merge(&mut table, own["own"].as_table().unwrap());
    toml::Table::from_iter([(family.to_owned(), table.into())]).try_into().unwrap()
}

fn merge(table: &mut toml::Table, other: &toml::Table) {
    for (key, value) in other {
        match (table.get_mut(key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(other)) => merge(below, other),
            _ => drop(table.insert(key.clone(), value.clone())),
        }
    }
}

fn recipes() -> Vec<ModelRecipe> {
    let recurrent = RECURRENT.map(|own| recipe("recurrent", "embedding = 5\nhidden = 6", own));
    let layers = "{ layers = 2, heads = 2, feed_forward = 12 }";
    let defaults = format!("dimension = 8\nencoder = {layers}\ndecoder = {layers}");
    recurrent.into_iter().chain(TRANSFORMER.map(|own| recipe("transformer", &defaults, own))).collect()
}

fn vocabularies(recipe: &ModelRecipe) -> Vocabularies {
    let target = if recipe.tied() == crate::recipe::Tied::All { 23 } else { 19 };
    Vocabularies { source: 23, target, same: recipe.copies().then(|| vec![1; 23]) }
}

#[track_caller]
fn same_as_built(recipe: &ModelRecipe, vocabularies: &Vocabularies) {
    let shapes = parameter_shapes(recipe, vocabularies.clone()).unwrap();
    let built = build(recipe, vocabularies.clone(), 1, Device::Cpu).unwrap();
    let real: Vec<(String, Vec<i64>)> = built.parameters().into_iter().map(|(name, tensor)| (name, tensor.size())).collect();
    assert_eq!(shapes.parameters, real, "{recipe:?}");
    let numbers: usize = built.parameters().iter().map(|(_, tensor)| tensor.numel()).sum();
    assert_eq!(shapes.bytes() - shapes.table_bytes, 4 * numbers as u64, "{recipe:?}");
}

#[test]
fn an_outline_is_that_of_the_model_for_every_option() {
    for recipe in recipes() {
        assert!(recipe.problems().is_empty(), "{:?}", recipe.problems());
        same_as_built(&recipe, &vocabularies(&recipe));
    }
}

#[test]
fn an_outline_is_that_of_the_model_for_every_recipe_that_comes_with_targum() {
    let mut seen = 0;
    for entry in std::fs::read_dir(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("configs")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        if text.parse::<toml::Table>().unwrap().contains_key("task") {
            continue;
        }
        let recipe = Recipe::load(&path, &[]).unwrap();
        same_as_built(&recipe.model, &vocabularies(&recipe.model));
        seen += 1;
    }
    assert!(seen >= 9, "{seen}");
}

#[test]
fn tables_count() {
    let transformer = |positions: &str| recipe("transformer", "dimension = 8", &format!("{{ positions = \"{positions}\" }}"));
    let of = |recipe| parameter_shapes(&recipe, vocabularies(&recipe)).unwrap().table_bytes;
    assert_eq!((of(transformer("sinusoidal")), of(transformer("rotary"))), (2 * 256 * 8 * 4, 0));
}

/// Terabytes, without allocating any of them.
#[test]
fn the_largest_model_is_only_measured() {
    let wide =
        recipe("recurrent", "", "{ embedding = 65536, hidden = 65536, encoder = { layers = 20 }, decoder = { layers = 20 } }");
    let shapes = parameter_shapes(&wide, vocabularies(&wide)).unwrap();
    assert!(shapes.bytes() > 1 << 42, "{}", shapes.bytes());
}

#[test]
fn every_model_shows_all_that_it_attends_to() {
    let mut tapes = 0;
    for recipe in recipes() {
        let model = build(&recipe, vocabularies(&recipe), 1, Device::Cpu).unwrap();
        let source = Source::new(&[vec![7, 8, 9, 10], vec![11]], Device::Cpu);
        let target = Target::new(&[vec![5], vec![6, 7, 8, 9, 10]], Device::Cpu);
        let all = model.all_attention(&source, &target.input);
        let (sources, steps) = (5, 6);
        let whole = |weights: &Tensor, columns: i64| {
            assert_eq!(weights.size()[3..], [steps.min(weights.size()[3]), columns], "{recipe:?}");
            let sums = weights.sum_dim_intlist([-1i64].as_slice(), false, tch::Kind::Float);
            assert!(sums.allclose(&sums.ones_like(), 1e-5, 1e-5, false), "{recipe:?}");
        };
        let forward = model.forward(&source, &target.input, &ForwardContext::evaluation(), WithAttention::Yes).attention;
        match (&all.cross, &forward) {
            (Some(all), Some(forward)) => assert!(all.allclose(forward, 1e-5, 1e-6, false), "{recipe:?}"),
            (all, forward) => assert!(all.is_none() && forward.is_none(), "{recipe:?}"),
        }
        if let ModelRecipe::Transformer(of) = &recipe {
            let (encoder, decoder) = (all.encoder.as_ref().unwrap(), all.decoder.as_ref().unwrap());
            assert_eq!(encoder.size(), [2, of.encoder.layers, of.encoder.heads, sources, sources]);
            assert_eq!(decoder.size(), [2, of.decoder.layers, of.decoder.heads, steps, steps]);
            whole(encoder, sources);
            whole(decoder, steps);
            let padding = encoder.get(1).narrow(-1, 2, 3); // [layers, H, S, 3]
            assert_eq!(padding.abs().max().double_value(&[]), 0.0, "{recipe:?}");
            assert_eq!(decoder.triu(1).abs().max().double_value(&[]), 0.0, "{recipe:?}");
        } else {
            assert!(all.decoder.is_none());
        }
        if let ModelRecipe::Recurrent(of) = &recipe {
            assert_eq!(all.encoder.is_some(), of.encoder.self_attention > 0);
            if let Some(encoder) = &all.encoder {
                assert_eq!(encoder.size(), [2, 1, of.encoder.self_attention, sources, sources]);
                whole(encoder, sources);
            }
        }
        if let Some(tape) = all.tape {
            tapes += 1;
            assert_eq!((tape.read.size(), tape.write.size()), (vec![2, 1, 1, steps, 5], vec![2, 1, 1, steps, 5]));
            whole(&tape.read, 5);
            whole(&tape.write, 5);
        }
    }
    assert_eq!(tapes, 1);
}
