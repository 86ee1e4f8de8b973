//! Recipes of runs that start from a checkpoint.

use std::path::Path;

use super::super::*;
use super::LEAST;

fn origin() -> Origin {
    let model = RecurrentRecipe { hidden: 24, dropout: 0.1, ..RecurrentRecipe::default() };
    Origin {
        name: "old/best".into(),
        model: ModelRecipe::Recurrent(model),
        lowercase: true,
        joint: false,
        vocabularies: (500, 700),
        source_prefix: Some(">>fra<<".into()),
    }
}

fn read(overrides: &[&str]) -> anyhow::Result<Recipe> {
    let overrides: Vec<String> = overrides.iter().map(|&setting| setting.to_owned()).collect();
    load::read::<Recipe>(LEAST, "tiny", Path::new("tiny.toml"), &overrides, Some(&origin()))
}

#[test]
fn what_a_recipe_leaves_out_follows_the_checkpoint() {
    let recipe = read(&[]).unwrap();
    assert_eq!(recipe.model, origin().model);
    assert!(recipe.tokenizer.lowercase && !recipe.tokenizer.joint);
    assert_eq!(recipe.data.source_prefix.as_deref(), Some(">>fra<<"));
    assert_eq!(read(&["data.source_prefix=\">>deu<<\""]).unwrap().data.source_prefix.as_deref(), Some(">>deu<<"));
    let ModelRecipe::Recurrent(model) = read(&["model.recurrent.dropout=0.4", "model.recurrent.hidden=24"]).unwrap().model else {
        panic!("the checkpoint's model is recurrent");
    };
    assert_eq!((model.hidden, model.dropout), (24, 0.4), "dropout is the recipe's");
    let settling = read(&["model.recurrent.attention={score=\"general\", hopfield_steps=3}"]).unwrap().model;
    assert!(
        matches!(settling, ModelRecipe::Recurrent(model) if model.attention.hopfield_steps == 3),
        "and so are retrieval steps"
    );
    let without = LEAST.replace("[model.recurrent]", "");
    let recipe =
        load::read::<Recipe>(&without, "tiny", Path::new("tiny.toml"), &["model=recurrent".into()], Some(&origin())).unwrap();
    assert_eq!(recipe.model, origin().model);
    assert_eq!(load::read::<Recipe>(&without, "tiny", Path::new("tiny.toml"), &[], Some(&origin())).unwrap(), recipe);
}

#[test]
fn all_disagreements_are_told_with_both_sides() {
    let other = LEAST.replace("recurrent", "transformer");
    let error = load::read::<Recipe>(&other, "tiny", Path::new("tiny.toml"), &[], Some(&origin())).unwrap_err().to_string();
    assert!(error.contains("model: is a transformer, but old/best has a recurrent"), "{error}");
    let overrides = [
        "model.recurrent.hidden=32",
        "model.recurrent.decoder.kind=bahdanau",
        "tokenizer.joint=true",
        "tokenizer.size=600",
        "training.clip_norm=-1.0",
    ];
    let error = read(&overrides).unwrap_err().to_string();
    for part in [
        "model.recurrent.hidden: is 32, but old/best has 24; leave it out",
        "model.recurrent.decoder.kind: is \"bahdanau\", but old/best has \"luong\"",
        "tokenizer.joint: is true, but old/best has false",
        "tokenizer.size: is 600, but old/best has 700 pieces",
        "training.clip_norm",
    ] {
        assert!(error.contains(part), "{part:?} is not in {error}");
    }
    read(&["tokenizer.size=700", "tokenizer.lowercase=true"]).unwrap();
}
