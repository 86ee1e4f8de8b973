//! Starting from a checkpoint, freezing, averaging on the way, and guided alignment.

use std::collections::BTreeMap;
use std::fs;

use super::support::{arguments, shared, targum, weights};
use tch::Tensor;

#[test]
fn a_run_starts_from_another_ones_weights_tokenizers_and_model() {
    let shared = shared();
    let place = tempfile::tempdir().unwrap();
    let (out, recipe) = (place.path().join("run"), place.path().join("tuned.toml"));
    // No word of the model, and another corpus: the checkpoint says what there is to say.
    let corpus = shared.corpus("validation");
    let text = format!(
        "data = {{ train = {corpus:?}, validation = {corpus:?} }}\n[training]\nupdates = 2\nvalidate_every = 1\nkeep_last = 2\n\
         validation_sentences = 2\nbatch_tokens = 600\nfreeze = [\"encoder\", \"source_embedding\"]\n"
    );
    fs::write(&recipe, text).unwrap();
    let parts = ["is missing and has no default"];
    targum(arguments("train {} --out {}", &[&recipe, &out])).failed(1, &parts);
    let told = targum(arguments("train {} --out {} --init {}", &[&recipe, &out, &shared.run()])).good().stderr;
    assert!(told.contains("weights, tokenizers and model from") && told.contains("are frozen"), "{told}");
    for file in ["tokenizer.json", "config.json"] {
        let read = |run: &std::path::Path| fs::read_to_string(run.join("best").join(file)).unwrap();
        let model = |text: String| text.split("\"search\"").next().unwrap().to_string();
        assert_eq!(model(read(&out)), model(read(&shared.run())), "{file}");
    }
    let named = |run: &std::path::Path| -> BTreeMap<String, Tensor> {
        Tensor::read_safetensors(run.join("best/model.safetensors")).unwrap().into_iter().collect()
    };
    for ((name, tuned), (_, before)) in named(&out).into_iter().zip(named(&shared.run())) {
        let frozen = name.starts_with("encoder.") || name.starts_with("source_embedding.");
        assert_eq!(tuned.equal(&before), frozen, "{name}");
    }
    // Resuming needs the other run no more, nor the option.
    targum(arguments("train {} --resume --set init=gone --set training.updates=3", &[&out])).good();
}

#[test]
fn a_run_that_does_not_fit_its_origin_is_refused_with_all_differences() {
    let shared = shared();
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    let parts = [
        "model.recurrent.hidden: is 32, but",
        "has 16; leave it out",
        "tokenizer.size: is 300, but",
        "model.recurrent.decoder.kind",
    ];
    let words = "train {} --out {} --init {} --set model.recurrent.hidden=32 --set tokenizer.size=300 \
                 --set model.recurrent.decoder.kind=bahdanau";
    targum(arguments(words, &[&shared.recipe(), &out, &shared.run()])).failed(1, &parts);
    let nowhere = place.path().join("nowhere");
    targum(arguments("train {} --out {} --init {}", &[&shared.recipe(), &out, &nowhere])).failed(1, &["nowhere: no such folder"]);
    let words = "train {} --out {} --set training.freeze=[\"encodr\"]";
    targum(arguments(words, &[&shared.recipe(), &out])).failed(1, &["`encodr` (did you mean `encoder`?)", "output"]);
}

#[test]
fn a_finished_run_with_a_moving_average_goes_on_as_if_it_had_not_finished() {
    let shared = shared();
    let place = tempfile::tempdir().unwrap();
    let (whole, parted) = (place.path().join("whole"), place.path().join("parted"));
    let train = |out: &std::path::Path, options: &str| {
        let words = format!("train {{}} --out {{}} --set training.moving_average=0.9 {options}");
        targum(arguments(&words, &[&shared.recipe(), out])).good()
    };
    let told = train(&whole, "").stderr;
    assert!(told.contains("trying the largest batch first: "), "{told}");
    train(&parted, "--set training.updates=3");
    let on = targum(arguments("train {} --resume --set training.updates=6", &[&parted])).good();
    assert!(weights(&whole.join("last")) == weights(&parted.join("last")));
    assert!(weights(&whole.join("last")) != weights(&shared.run().join("last")), "the average, not the weights");
    assert!(!on.stderr.contains("moving average"), "nothing to tell: {}", on.stderr);
}

#[test]
fn guided_alignment_names_what_is_wrong_with_its_links() {
    let shared = shared();
    let place = tempfile::tempdir().unwrap();
    let (out, file) = (place.path().join("run"), place.path().join("links"));
    let gold = fs::read_to_string(shared.corpus("train.gold")).unwrap();
    let train = |links: &str, options: &str| {
        fs::write(&file, links).unwrap();
        let links = format!("--set training.guided_alignment={{}} --set data.alignment={}", file.display());
        targum(arguments(&format!("train {{}} --out {{}} {links} {options}"), &[&shared.recipe(), &out]))
    };
    let line = |number: usize, text: &str| {
        gold.lines()
            .enumerate()
            .map(|(n, line)| if n + 1 == number { format!("{text}\n") } else { format!("{line}\n") })
            .collect::<String>()
    };
    train(&line(7, "0-0 99-0"), "").failed(1, &["links:7", "the link 99-0 points outside the pair of"]);
    train(&line(3, "0-0 x"), "").failed(1, &["links:3", "\"x\" is no gold link"]);
    train("0-0\n", "").failed(1, &["links: 1 lines of links for 300 sentence pairs"]);
    train(&gold, "--set training.guided_alignment.layer=1")
        .failed(1, &["training.guided_alignment.layer is 1, but this model has 1"]);
    let kind = "--set model.recurrent.decoder={kind=\"none\"}";
    train(&gold, kind).failed(1, &["training.guided_alignment: this model has no attention to teach"]);
    let alone = arguments("train {} --out {} --set training.guided_alignment.weight=1.0", &[&shared.recipe(), &out]);
    targum(alone).failed(1, &["training.guided_alignment: needs word links", "data.alignment"]);
    fs::remove_dir_all(&out).unwrap();
    train(&gold, "").good();
    assert!(weights(&out.join("last")) != weights(&shared.run().join("last")), "the links teach something");
}

#[test]
fn taught_attention_aligns_sooner() {
    let shared = shared();
    let place = tempfile::tempdir().unwrap();
    let error_rate = |weight: &str| -> f64 {
        let out = place.path().join(weight);
        let words = format!(
            "train {{}} --out {{}} --set data.alignment={} --set training.guided_alignment.weight={weight} --set training.updates=40 \
             --set training.validate_every=40 --set search.beam=1",
            shared.corpus("train.gold").display()
        );
        targum(arguments(&words, &[&shared.recipe(), &out])).good();
        let log = fs::read_to_string(out.join("log.jsonl")).unwrap();
        assert_eq!(log.contains("\"auxiliary_loss\":"), weight != "0");
        let mut entries = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        entries.rfind(|entry| entry["kind"] == "validation").unwrap()["aer"].as_f64().unwrap()
    };
    let (free, taught) = (error_rate("0"), error_rate("1.0"));
    assert!(taught < free - 0.1, "{taught} with links, {free} without");
}
