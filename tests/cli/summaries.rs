//! News to summarise, a model that copies, and ROUGE.

use std::fs;

use tempfile::TempDir;

use super::support::{arguments, targum};

#[test]
fn headlines_are_generated_learned_and_scored() {
    let place = TempDir::new().unwrap();
    let [data, run, own] = ["news", "run", "own"].map(|name| place.path().join(name));
    targum(arguments("data news --out {} --train 60 --validation 6 --test 8", &[&data])).good();
    let read = |name: &str| fs::read_to_string(data.join(name)).unwrap();
    let (articles, headlines) = (read("test.article"), read("test.headline"));
    assert_eq!((articles.lines().count(), headlines.lines().count()), (8, 8));
    // The same once more is the same, and what others wrote stays.
    targum(arguments("data news --out {} --train 60 --validation 6 --test 8", &[&data])).good();
    targum(arguments("data news --out {} --train 61 --validation 6 --test 8", &[&data]))
        .failed(1, &["which are left as they are"]);
    fs::write(&own, "mine").unwrap();
    targum(arguments("data news --out {}", &[&own])).failed(1, &["own"]);

    let parts = ["train", "validation", "test"].map(|part| data.join(part));
    let [train, validation, test] = parts.each_ref().map(|part| part.display());
    let words = format!(
        "train {}/configs/news-headlines.toml --out {{}} --set training.updates=2 --set training.validate_every=2 \
         --set training.pictures=1 --set model.recurrent.embedding=8 --set model.recurrent.hidden=8 --set model.recurrent.decoder.hidden=16 \
         --set tokenizer.minimum_frequency=2 --set data.train={train} --set data.validation={validation} --set data.test={test}",
        env!("CARGO_MANIFEST_DIR")
    );
    targum(arguments(&words, &[&run])).good();
    let score = "evaluate --reference {} --hypothesis {} --metrics rouge1,rouge2,rougel --json";
    let scored = |hypothesis: &std::path::Path| -> Vec<f64> {
        let report: serde_json::Value =
            serde_json::from_str(&targum(arguments(score, &[&data.join("test.headline"), hypothesis])).good().stdout).unwrap();
        report[0]["scores"].as_array().unwrap().iter().map(|score| score["value"].as_f64().unwrap()).collect()
    };
    assert_eq!(scored(&data.join("test.headline")), [100.0; 3]);
    let found = scored(&run.join("test.headline"));
    assert!(found.len() == 3 && found.iter().all(|value| (0.0..100.0).contains(value)), "{found:?}");
    let told = targum(arguments(
        "evaluate --reference {} --hypothesis {} --metrics rougel",
        &[&data.join("test.headline"), &parts[2].with_extension("headline")],
    ));
    assert!(told.good().stdout.starts_with("ROUGE-L|nrefs:1|case:lc|tok:alphanumeric|stem:no|mean:sentences|"));
}
