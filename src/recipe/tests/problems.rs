use std::path::Path;

use super::super::{
    CorpusText, DecoderKind, LengthPenalty, ModelRecipe, OptimizerRecipe, Recipe, RecurrentRecipe, ScheduleRecipe, ScoreKind,
    TextFiles,
};
use super::{LEAST, problems, problems_of, read};
use crate::runtime::files::Shown;

fn recurrent(recipe: Recipe) -> RecurrentRecipe {
    match recipe.model {
        ModelRecipe::Recurrent(model) => model,
        ModelRecipe::Transformer(_) => panic!("a recurrent recipe"),
    }
}

#[test]
fn the_least_recipe_is_complete() {
    let recipe = read(LEAST, &[]).unwrap();
    assert_eq!(recipe.name, "tiny");
    assert_eq!(recipe.seed, 1);
    assert_eq!(recipe.training.updates, Some(10));
}

#[test]
fn everything_wrong_is_told_at_once() {
    let text = r#"
        seed = -3
        sead = 4
        [data]
        train = "x"
        [data.filters]
        maximum_ratio = 0.5
        [model.recurrent]
        hiden = 3
        dropout = 1.5
        cell = "lsmt"
        [model.recurrent.decoder]
        kind = "none"
        [model.recurrent.attention]
        choice = "global"
        [training]
        batch_tokens = "many"
        [search]
        beam = 0
    "#;
    let found = problems_of(text, &[]);
    let expected = [
        "data.validation: is missing and has no default",
        "model.recurrent.cell: unknown choice `lsmt`; did you mean `lstm`? known: `lstm`, `gru`",
        "model.recurrent.attention.score: is missing and has no default",
        "model.recurrent.hiden: unknown key; did you mean `hidden`?",
        "sead: unknown key; did you mean `seed`?",
        "seed: is -3, expected a whole number, 0 or more",
        "training.batch_tokens: is the string \"many\", expected a whole number, 0 or more",
        "data.filters.maximum_ratio: is 0.5, expected 1 or more",
        "model.recurrent.dropout: is 1.5, expected 0 to 1, 1 excluded",
        "training.updates: training has no end: give this, `training.epochs` or `training.minutes`",
        "search.beam: is 0, expected 1 to 1,000",
    ];
    for message in expected {
        assert!(found.iter().any(|line| line == message), "{message:?} is not among {found:#?}");
    }
    // That `none` does not attend goes untold here: the attention table is broken already.
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    let error = read(text, &[]).unwrap_err().to_string();
    assert!(error.starts_with("configs/tiny.toml: 11 problems\n  "), "{error}");
}

#[test]
fn one_problem_takes_one_line() {
    let error = read(LEAST, &["search.beam=0"]).unwrap_err().to_string();
    assert_eq!(error, "configs/tiny.toml: search.beam: is 0, expected 1 to 1,000");
}

#[test]
fn unknown_keys_name_the_right_one() {
    assert_eq!(problems(&["training.batch_token=1"]), ["training.batch_token: unknown key; did you mean `batch_tokens`?"]);
    assert_eq!(
        problems(&["training.warmup=1"]),
        ["training.warmup: unknown key; did you mean `training.schedule.constant.warmup`?"]
    );
    assert_eq!(
        problems(&["batch-tokens=1"]),
        ["batch-tokens: unknown key; did you mean `search.batch_tokens` or `training.batch_tokens`?"]
    );
    assert_eq!(
        problems(&["search.length=1"]),
        ["search.length: unknown key; known here: `beam`, `length_penalty`, `coverage_penalty`, `minimum_length`, \
         `maximum_length_ratio`, `maximum_length_offset`, `early_stopping`, `patience`, `prefix`, `suppress`, `suppress_pieces`, \
         `no_repeat_ngram`, `repetition_penalty`, `diversity_groups`, `diversity_penalty`, `sample`, `temperature`, `top_k`, \
         `top_p`, `seed`, `batch_tokens`"]
    );
    assert_eq!(
        problems(&["data.train={source=\"a\", target=\"b\", golt=\"c\"}"]),
        ["data.train.golt: unknown key; did you mean `gold`?"]
    );
}

#[test]
fn wrong_types_say_what_was_found() {
    assert_eq!(problems(&["model.recurrent.hidden=2.5"]), ["model.recurrent.hidden: is 2.5, expected a whole number"]);
    assert_eq!(problems(&["tokenizer.joint=yes"]), ["tokenizer.joint: is the string \"yes\", expected true or false"]);
    assert_eq!(problems(&["training=3"]), ["training: is 3, expected a table"]);
    assert_eq!(problems(&["data.source={}"]), ["data.source: is a table, expected a string"]);
    assert_eq!(problems(&["training.clip_norm=[1]"]), ["training.clip_norm: is a list, expected a number"]);
    assert_eq!(
        problems(&["data.train=7"]),
        ["data.train: is 7, expected a prefix in quotes or a table with `source` and `target`, or with `tsv`"]
    );
    assert_eq!(
        problems(&["training.metric=7"]),
        [
            "training.metric: is 7, expected one of `bleu`, `chrf`, `ter`, `loss`, `perplexity`, `aer`, `bits`, `accuracy`, `error`"
        ]
    );
}

#[test]
fn ranges_are_held() {
    for (setting, path) in [
        ("seed=9223372036854775807", None),
        ("training.label_smoothing=1.0", Some("training.label_smoothing: is 1, expected 0 to 1, 1 excluded")),
        ("training.clip_norm=nan", Some("training.clip_norm: is NaN, expected 0 or more")),
        ("training.clip_norm=inf", Some("training.clip_norm: is inf, expected 0 or more")),
        ("training.minutes=0", Some("training.minutes: is 0, expected a number above 0")),
        ("training.keep_best=0", Some("training.keep_best: is 0, expected 1 or more")),
        (
            "training.optimizer={sgd={learning_rate=0}}",
            Some("training.optimizer.sgd.learning_rate: is 0, expected a number above 0"),
        ),
        ("training.optimizer={adam={beta2=1}}", Some("training.optimizer.adam.beta2: is 1, expected 0 to 1, 1 excluded")),
        (
            "training.schedule={plateau={factor=1}}",
            Some("training.schedule.plateau.factor: is 1, expected 0 to 1, both excluded"),
        ),
        ("training.schedule={luong-halving={every=0}}", Some("training.schedule.luong-halving.every: is 0, expected 1 or more")),
        ("search.patience=0", Some("search.patience: is 0, expected more than 0, up to 100")),
        (
            "search.early_stopping=nevr",
            Some("search.early_stopping: unknown choice `nevr`; did you mean `never`? known: `first`, `heuristic`, `never`"),
        ),
        ("search.diversity_groups=2", Some("search.diversity_groups: is 2, expected a divisor of the beam, 5")),
        ("search.diversity_groups=0", Some("search.diversity_groups: is 0, expected a divisor of the beam, 5")),
        ("search.top_p=0", Some("search.top_p: is 0, expected 0 to 1, 0 excluded")),
        ("search.temperature=0", Some("search.temperature: is 0, expected 0.001 to 1,000")),
        ("search.repetition_penalty=0", Some("search.repetition_penalty: is 0, expected 0.01 to 100")),
        ("search.length_penalty={wu={alpha=-1}}", Some("search.length_penalty.wu.alpha: is -1, expected 0 to 5")),
        ("tokenizer.size=200", Some("tokenizer.size: is 200, expected 261 or more: 4 special pieces and 256 bytes come first")),
        (
            "model.recurrent.attention={score=\"location\", window=0}",
            Some("model.recurrent.attention.window: is 0, expected 1 to 65,536"),
        ),
        (
            "model.recurrent.attention={score=\"general\", sum=2}",
            Some(
                "model.recurrent.attention.sum: weights of this choice sum to one or less by themselves: only `linear-chain` and `segments` \
                 are scaled",
            ),
        ),
        (
            "model.recurrent.attention={score=\"general\", choice=\"segments\", sum=0}",
            Some("model.recurrent.attention.sum: is 0, expected more than 0"),
        ),
        (
            "model.recurrent.attention={score={custom=\"unheard-of\"}}",
            Some(
                "model.recurrent.attention.score.custom: is \"unheard-of\", a score that this program does not have (it knows none but those of \
                 the literature); use the program that registers it",
            ),
        ),
        (
            "model.recurrent.attention={score=\"general\", hard={soft=1.5}}",
            Some("model.recurrent.attention.hard.soft: is 1.5, expected 0 to 1"),
        ),
        (
            "model.recurrent.attention={score=\"general\", hard={baseline=1}}",
            Some("model.recurrent.attention.hard.baseline: is 1, expected 0 to 1, 1 excluded"),
        ),
        (
            "model.recurrent.attention={score=\"general\", hard={reward=-1}}",
            Some("model.recurrent.attention.hard.reward: is -1, expected 0 or more"),
        ),
        ("data.source=e/n", Some("data.source: is \"e/n\", expected a language code such as \"en\"")),
        ("name=a/b", Some("name: is \"a/b\", expected the name of a folder")),
    ] {
        match path {
            Some(message) => assert_eq!(problems(&[setting]), [message]),
            None => assert!(read(LEAST, &[setting]).is_ok(), "{setting}"),
        }
    }
}

#[test]
fn contradictions_are_told_with_the_way_out() {
    for (settings, path, part) in [
        (
            &["model.recurrent.decoder.kind=none", "model.recurrent.attention.score=dot"][..],
            "model.recurrent.attention",
            "a decoder of kind `none` does not attend",
        ),
        (
            &["model.recurrent.decoder.kind=bahdanau", "model.recurrent.decoder.input_feeding=true"],
            "model.recurrent.decoder.input_feeding",
            "only a decoder of kind `luong`",
        ),
        (&["model.recurrent.decoder.maxout=8"], "model.recurrent.decoder.maxout", "only a decoder of kind `bahdanau`"),
        (
            &["model.recurrent.decoder={kind=\"bahdanau\", layers=2}"],
            "model.recurrent.decoder.layers",
            "a decoder of kind `bahdanau` has 1 layer",
        ),
        (
            &["model.recurrent.memory={slots=4, shift=2}", "model.recurrent.decoder.input_feeding=true"],
            "model.recurrent.memory.shift",
            "moves over 5 slots in a step, more than the 4 there are",
        ),
        (&["model.recurrent.memory={}"], "model.recurrent.memory", "with `input_feeding = true`"),
        (&["model.recurrent.copy=true", "model.recurrent.decoder.kind=none"], "model.recurrent.copy", "no word to copy"),
        (
            &["model.recurrent.copy=true", "training.label_smoothing=0.1"],
            "training.label_smoothing",
            "a copied word is none of them",
        ),
        (
            &["model.recurrent.attention={score=\"general\", hard={}}", "training.guided_alignment={}", "data.alignment=a"],
            "training.guided_alignment",
            "teaches soft weights",
        ),
        (
            &["model.recurrent.attention={score=\"concat\", hopfield_steps=2}"],
            "model.recurrent.attention.hopfield_steps",
            "needs a score that compares queries with keys",
        ),
        (
            &["model.recurrent.attention={score=\"additive\", heads=3}"],
            "model.recurrent.attention.heads",
            "3 heads share a context of 512 numbers",
        ),
        (
            &["model.recurrent.attention={score=\"additive\", heads=2, coverage=true}"],
            "model.recurrent.attention.heads",
            "coverage counts what one head has attended to",
        ),
        (
            &["model.recurrent.attention={score=\"additive\", heads=2, hard={}}"],
            "model.recurrent.attention.heads",
            "one position of one head",
        ),
        (
            &["model.recurrent.attention={score=\"additive\", heads=2, keys_values=\"projected\"}"],
            "model.recurrent.attention.heads",
            "have maps of keys and values already",
        ),
        (
            &[
                "model.recurrent.attention={score=\"additive\", keys_values=\"halves\"}",
                "model.recurrent.hidden=7",
                "model.recurrent.encoder.bidirectional=false",
            ],
            "model.recurrent.attention.keys_values",
            "a state of 7 numbers has no halves",
        ),
        (&["tokenizer.joint=false", "model.recurrent.tied=all"], "model.recurrent.tied", "needs `tokenizer.joint = true`"),
        (&["tokenizer.sentencepiece=true", "tokenizer.kind=word"], "tokenizer.sentencepiece", "to be \"bpe\" or \"unigram\""),
        (&["tokenizer.source_size=300"], "tokenizer.source_size", "set `tokenizer.joint = false`"),
        (&["model.recurrent.tied=decoder", "model.recurrent.embedding=100"], "model.recurrent.tied", "found 256 and 100"),
        (&["model.recurrent.attention.score=dot"], "model.recurrent.attention.score", "found 512 (encoder) and 256 (decoder)"),
        (&["model.recurrent.maximum_length=100"], "data.filters.maximum_length", "`model.recurrent.maximum_length = 100`"),
        (&["data.filters.minimum_length=101"], "data.filters.maximum_length", "100 is below the minimum, 101"),
        (&["data.source=fr"], "data.source", "give `source` and `target` files"),
        (&["search.sample=true", "search.diversity_groups=5"], "search.sample", "choose one of the two"),
        (&["search.maximum_length_ratio=0", "search.maximum_length_offset=0"], "search.maximum_length_ratio", "raise either"),
        (&["data.test={tsv=\"a\", prefix=\"b\"}"], "data.test", "no more than one of these"),
        (&["data.test={source=\"a\"}"], "data.test", "needs either `source` and `target`"),
        (&["data.test={tsv=\"a\", gold=\"b\", gold_base=2}"], "data.test", "gold_base 2, expected 0 or 1"),
        (&["training.optimizer.adam={}", "training.optimizer.sgd={}"], "training.optimizer", "has both `adam` and `sgd`"),
    ] {
        let found = problems(settings);
        assert_eq!(found.len(), 1, "{settings:?}: {found:#?}");
        assert!(found[0].starts_with(&format!("{path}: ")) && found[0].contains(part), "{settings:?}: {found:#?}");
    }
}

#[test]
fn overrides_need_no_quotes_and_reach_any_depth() {
    let recipe = read(
        LEAST,
        &[
            "name=other",
            "data.train=corpora/news.2020/train",
            "training.optimizer=sgd",
            "training.optimizer.sgd.learning_rate=0.5",
            "training.schedule=inverse-square-root",
            "search.length_penalty=wu",
            "model.recurrent.attention.score=scaled-dot",
            "model.recurrent.decoder.hidden = 512",
        ],
    )
    .unwrap();
    assert_eq!(recipe.name, "other");
    assert_eq!(recipe.data.train.text, CorpusText::Prefix("corpora/news.2020/train".to_owned()));
    assert_eq!(recipe.training.optimizer.learning_rate(), 0.5);
    assert!(matches!(recipe.training.optimizer, OptimizerRecipe::Sgd(_)));
    assert!(matches!(recipe.training.schedule, ScheduleRecipe::InverseSquareRoot(schedule) if schedule.warmup == 4000));
    assert_eq!(recipe.search.length_penalty, LengthPenalty::Wu { alpha: 0.6 });
    let model = recurrent(recipe);
    assert_eq!(model.attention.score, ScoreKind::ScaledDot);
    assert_eq!(model.decoder_hidden(), 512);
}

#[test]
fn broken_overrides_are_told_whole() {
    assert_eq!(problems(&["search.beam"]), ["--set search.beam: expected key.path=value, such as training.batch_tokens=2048"]);
    assert_eq!(problems(&["search..beam=1"]), ["search..beam: has an empty key (in --set search..beam=1)"]);
    assert_eq!(problems(&["search={"]), ["search: { is not a TOML value (in --set search={)"]);
    assert_eq!(problems(&["seed=2", "seed.y=1"]), ["seed.y: `seed` is 2 and has no settings below it (in --set seed.y=1)"]);
}

#[test]
fn defaults_follow_the_decoder() {
    let with = |kind: &str| recurrent(read(LEAST, &[&format!("model.recurrent.decoder.kind={kind}")]).unwrap());
    let bahdanau = with("bahdanau");
    assert_eq!((bahdanau.attention.score, bahdanau.decoder.maxout, bahdanau.features()), (ScoreKind::Additive, 128, 128));
    assert_eq!((bahdanau.memory(), bahdanau.attention.size), (512, 256));
    let luong = with("luong");
    assert_eq!((luong.attention.score, luong.decoder.maxout, luong.features()), (ScoreKind::General, 0, 256));
    let written = Recipe { model: ModelRecipe::Recurrent(with("none")), ..Recipe::default() }.to_toml().unwrap();
    assert!(!written.contains("recurrent.attention") && !written.contains("maxout"), "{written}");
    assert_eq!(with("none").decoder.kind, DecoderKind::None);
}

#[test]
fn files_that_are_no_recipe_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.toml");
    let error = Recipe::load(&file, &[]).unwrap_err();
    assert!(format!("{error:#}").contains("broken.toml: cannot read the recipe: No such file"), "{error:#}");
    std::fs::write(&file, "seed = 1\nname = \n").unwrap();
    let error = format!("{:#}", Recipe::load(&file, &[]).unwrap_err());
    assert!(error.contains("broken.toml: not TOML") && error.contains("line 2"), "{error}");
    std::fs::write(&file, LEAST).unwrap();
    assert_eq!(Recipe::load(&file, &[]).unwrap().name, "broken");
}

#[test]
fn missing_files_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).shown();
    for name in ["train.en", "train.fr.gz", "train.gold", "validation.tsv.zst"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let train = format!("data.train={}", at("train"));
    let validation = format!("data.validation={{tsv='{}'}}", at("validation.tsv"));
    let recipe = read(LEAST, &[&train, &validation]).unwrap();
    recipe.check_paths(Path::new("r.toml")).unwrap();
    let files = recipe.data.train.text_files("en", "fr").unwrap();
    assert_eq!(files, TextFiles::Pair { source: at("train.en").into(), target: at("train.fr.gz").into() });
    assert_eq!(recipe.data.train.gold_file(), Some((at("train.gold").into(), 0)));
    assert_eq!(recipe.data.validation.text_files("en", "fr").unwrap(), TextFiles::Tsv(at("validation.tsv.zst").into()));

    let test = format!("data.test={{source='{}', target='{}', gold='{}'}}", at("a"), at("b"), at("c"));
    let recipe = read(LEAST, &[&train, &validation, &test, "data.target=de", "training.metric=aer"]).unwrap();
    let error = recipe.check_paths(Path::new("r.toml")).unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    let missing = |key: &str, name: &str| format!("  {key}: no file {0} (nor {0}.gz or {0}.zst)", at(name));
    assert_eq!(lines[0], "r.toml: 5 problems");
    assert_eq!(
        lines[1..5],
        [
            missing("data.train", "train.de"),
            missing("data.test", "a"),
            missing("data.test", "b"),
            format!("  data.test: no file {}", at("c"))
        ]
    );
    assert!(lines[5].starts_with("  training.metric: aer needs gold alignments"), "{error}");
}
