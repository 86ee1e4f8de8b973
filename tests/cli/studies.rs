//! Recipes with `[task]`: trained, examined, gone on with, and what they refuse.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::support::{Ran, arguments, checkpoints, targum, weights};

/// A machine small enough for a test.
const TAPE: &str = "--set task.tape.stretch=1 --set task.tape.problem.copy.length=12 --set task.tape.batch=4 --set task.tape.tested=8 --set task.tape.model.ntm.hidden=8 --set task.tape.model.ntm.slots=12 \
    --set task.tape.model.ntm.width=6 --set training.log_every=1 --set training.validate_every=2";

fn config(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("configs").join(name)
}

fn train(name: &str, options: &str, out: &Path) -> Ran {
    targum(arguments(&format!("train {{}} --out {{}} {options}"), &[&config(name), out]))
}

#[test]
fn a_study_is_trained_examined_and_gone_on_with() {
    let place = TempDir::new().unwrap();
    let (whole, parts) = (place.path().join("whole"), place.path().join("parts"));
    let told = train("ntm-copy.toml", &format!("{TAPE} --set training.updates=4"), &whole).good();
    assert_eq!(checkpoints(&whole), ["step-00000002", "step-00000004"]);
    assert!(told.stderr.contains("an NTM with 12 slots of 6 learns to copy"), "{}", told.stderr);
    let rows: Vec<&str> = told.lines().into_iter().filter(|line| line.starts_with("| ntm-copy |")).collect();
    assert_eq!(rows.len(), 7, "{}", told.stdout);
    assert_eq!(fs::read_to_string(whole.join("test.md")).unwrap(), rows.join("\n") + "\n");
    let findings: Value = serde_json::from_str(&fs::read_to_string(whole.join("test.json")).unwrap()).unwrap();
    assert_eq!(findings[4]["aim"]["at-most"], 10.0);
    assert!(findings[4]["value"].as_f64().unwrap() > 300.0, "an untaught machine knows nothing: {findings}");
    for picture in ["answer.svg", "heads.svg", "heads.png", "heatmaps/step-00000004/heads.svg"] {
        assert!(whole.join(picture).exists(), "{picture}");
    }

    train("ntm-copy.toml", &format!("{TAPE} --set training.updates=2"), &parts).good();
    train("ntm-copy.toml", &format!("{TAPE} --set training.updates=4"), &parts)
        .failed(1, &["has checkpoints up to update 2", "--resume"]);
    targum(arguments("train {} --resume --set training.updates=4", &[&parts])).good();
    assert_eq!(weights(&parts.join("last")), weights(&whole.join("last")), "a run in two parts equals one in one");
}

#[test]
fn every_problem_and_every_memory_runs() {
    let place = TempDir::new().unwrap();
    let tape = "--set task.tape.batch=2 --set task.tape.tested=2 --set training.updates=2 --set training.validate_every=2";
    let transduction = "--set task.transduction.batch=2 --set task.transduction.tested=3 --set task.transduction.longest=8 \
        --set training.updates=2 --set training.validate_every=2";
    let memories = "--set task.tape.batch=2 --set task.tape.tested=2 --set training.updates=2 --set training.schedule.step.start=1 --set training.validate_every=2";
    let navigation = "--set task.tape.problem={tree-navigation={depth=1}}";
    let retrieval =
        "--set task.retrieval.batch=2 --set task.retrieval.tested=4 --set training.updates=2 --set training.validate_every=2";
    let pointing = "--set task.pointing.batch=2 --set task.pointing.tested=4 --set task.pointing.hidden=8 \
        --set training.updates=2 --set training.validate_every=2";
    let attention = &format!("{pointing} --set task.pointing.model=attention");
    let trees = "--set task.trees.formulas=2 --set task.trees.batch=2 --set task.trees.tested=2 --set task.trees.hidden=8 \
        --set task.trees.parser=4 --set training.updates=2 --set training.validate_every=2";
    let documents = "--set task.documents.documents=4 --set task.documents.batch=2 --set task.documents.tested=4 \
        --set task.documents.hidden=4 --set training.updates=2 --set training.validate_every=2";
    let sets = "--set task.sets.most=20 --set task.sets.batch=4 --set task.sets.tested=10 --set training.updates=2 --set training.validate_every=2";
    let captions = "--set task.captions.channels=2 --set task.captions.hidden=4 --set task.captions.batch=2 --set task.captions.tested=2 \
        --set training.updates=2 --set training.validate_every=2";
    let reading = "--set task.reading.passages=4 --set task.reading.batch=2 --set task.reading.tested=4 --set task.reading.hidden=4 \
        --set training.updates=2 --set training.validate_every=2";
    let queries = "--set task.queries.documents=4 --set task.queries.batch=2 --set task.queries.tested=4 --set task.queries.hidden=4 \
        --set training.updates=2 --set training.validate_every=2";
    let runs = [
        ("captions-soft.toml", &*format!("{captions} --set task.captions.gate=true --set task.captions.doubly_stochastic=1.0")),
        ("captions-hard.toml", captions),
        ("queries.toml", queries),
        ("queries.toml", &format!("{queries} --set task.queries.shared=true")),
        ("reading.toml", reading),
        ("reading.toml", &format!("{reading} --set task.reading.bidirectional=true --set task.reading.dropout=0.2")),
        ("ntm-repeat-copy.toml", tape),
        ("ntm-associative-recall.toml", tape),
        ("ntm-dynamic-ngrams.toml", tape),
        ("ntm-priority-sort.toml", tape),
        ("lstm-copy.toml", tape),
        ("ntm-copy.toml", &format!("{tape} --set task.tape.model=set --set task.tape.stretch=1")),
        (
            "ntm-repeat-copy.toml",
            &format!("{tape} --set task.tape.stretch=1 --set task.tape.model=tree --set task.tape.model.tree.leaves=16"),
        ),
        ("stack-reverse.toml", transduction),
        ("queue-copy.toml", transduction),
        ("deque-flip.toml", transduction),
        ("queue-copy.toml", &format!("{transduction} --set task.transduction.model=set")),
        ("memories.toml", memories),
        ("memories.toml", &format!("{memories} --set task.tape.problem=reverse --set task.tape.model.stack-queue.kind=deque")),
        ("memories.toml", &format!("{memories} {navigation} --set task.tape.model=fast-weights")),
        ("fast-weights-retrieval.toml", retrieval),
        ("pointer-sort.toml", pointing),
        ("pointer-hull.toml", pointing),
        ("pointer-hull.toml", attention),
        ("structured-transduce.toml", trees),
        ("hierarchical-classify.toml", documents),
        ("needle-sets.toml", sets),
        ("needle-sets.toml", &format!("{sets} --set task.sets.pooling=lookup")),
        ("needle-sets.toml", &format!("{sets} --set task.sets.pooling=average")),
    ];
    for (number, (config, options)) in runs.into_iter().enumerate() {
        let out = place.path().join(number.to_string());
        let told = train(config, options, &out).good();
        assert!(told.lines().len() > 2, "{}", told.stdout);
        assert!(out.join("test.json").exists());
    }
}

#[test]
fn questions_are_answered_from_a_folder_of_stories() {
    let place = TempDir::new().unwrap();
    let (stories, out) = (place.path().join("stories"), place.path().join("run"));
    fs::create_dir(&stories).unwrap();
    let options = format!(
        "--set task.questions.folder={} --set task.questions.tasks=[7] --set task.questions.memory=2 --set training.epochs=2 \
         --set training.validate_every=1",
        stories.display()
    );
    let train = |options: &str| train("memn2n-babi.toml", options, &out);
    train(&options).failed(1, &["no file qa7_*_train.txt; unpack task 7 there"]);
    let story = "1 Ada slept.\n2 Ben ran.\n3 Cem sang.\n4 Who sang?\tCem\t3\n";
    for part in ["train", "test"] {
        fs::write(stories.join(format!("qa7_own-stories_{part}.txt")), story.repeat(20)).unwrap();
    }
    let told = train(&options).good();
    for part in ["holds the 2 sentences told last", "of 18 training questions 18 have a longer story, the longest of 3"] {
        assert!(told.stderr.contains(part), "{}", told.stderr);
    }
    assert!(told.stdout.contains("| memn2n-babi | error on task 7, own stories, % |"), "{}", told.stdout);
    fs::write(stories.join("qa7_own-stories_test.txt"), "1 Ada slept.\n2 Who slept?\tAda\n").unwrap();
    fs::remove_dir_all(&out).unwrap();
    train(&options).failed(1, &["qa7_own-stories_test.txt:2", "divided by two tabs; found 1 tabs"]);
    train(&format!("{options} --set task.questions.tasks=[0,3,3]"))
        .failed(1, &["task.questions.tasks: is [0, 3, 3], expected numbers of tasks from 1 to 20, each once"]);
}

#[test]
fn what_a_study_cannot_do_is_refused() {
    let place = TempDir::new().unwrap();
    let out = place.path().join("run");
    let refused = |name: &str, options: &str, parts: &[&str]| drop(train(name, options, &out).failed(1, parts));
    refused("ntm-copy.toml", "--init elsewhere", &["--init", "is a study, which starts from nothing"]);
    refused(
        "ntm-copy.toml",
        "--set task.tape.model.ntm.shift=70 --set training.batch_tokens=9 --set training.metric=bleu --set task.tape.bach=3",
        &[
            "4 problems",
            "task.tape.model.ntm.shift: moves over 141 slots in a step, more than the 128 there are",
            "training.batch_tokens: is about sentences of a corpus",
            "training.metric: is bleu, but `task.tape` is scored by bits and error",
            "task.tape.bach: unknown key; did you mean `batch`?",
        ],
    );
    refused("ntm-copy.toml", "--set task.tape.model.ntm.read_heads=0", &["read_heads: is 0, expected 1 or more"]);
    refused(
        "ntm-copy.toml",
        "--set task.tape.problem.copy.length=30 --set task.tape.stretch=5",
        &["task.tape.problem.copy.length: sequences of 150 are longer than the memory of 128 slots"],
    );
    refused(
        "ntm-repeat-copy.toml",
        "--set task.tape.model.ntm.slots=9",
        &["sequences of 20 are longer than the memory of 9 slots: shorten them, or let it have more"],
    );
    refused(
        "ntm-priority-sort.toml",
        "--set task.tape.problem.priority-sort.sorted=21",
        &["sorted: is 21, expected 1 to the length of 20"],
    );
    refused(
        "ntm-associative-recall.toml",
        "--set task.tape.problem.associative-recall.items=1",
        &["items: is 1, expected 2 or more"],
    );
    refused(
        "queue-copy.toml",
        "--set task.transduction.problem=bigram-flip --set task.transduction.longest=9",
        &["longest: is 9, expected an even number, as bigrams are flipped"],
    );
    refused(
        "ntm-copy.toml",
        "--set task.tape.model=tree --set task.tape.model.tree.leaves=12",
        &["task.tape.model.tree.leaves: is 12, expected a power of two from 2 on"],
    );
    refused(
        "ntm-copy.toml",
        "--set task.tape.model=set --set task.tape.model.set.score=location",
        &["task.tape.model.set.score: is location, which looks at places"],
    );
    refused(
        "fast-weights-retrieval.toml",
        "--set task.retrieval.pairs=27 --set task.retrieval.model.fast-weights.decay=1.0 --set task.retrieval.model.fast-weights.rate=0.0",
        &[
            "task.retrieval.pairs: is 27, expected 1 to 26",
            "task.retrieval.model.fast-weights.decay: is 1, expected a number between 0 and 1",
            "fast-weights.rate: is 0, expected a number above 0",
        ],
    );
    refused("memories.toml", "--set task.tape.problem={tree-navigation={depth=7}}", &["depth: is 7, expected 1 to 6"]);
    refused("queue-copy.toml", "--set task.transduction.shortest=90", &["shortest: is 90, more than the longest of 64"]);
    refused("pointer-hull.toml", "--set task.pointing.most=4", &["most: is 4, less than the fewest inputs, 5"]);
    refused(
        "ntm-associative-recall.toml",
        "--set task.tape.model=tree --set task.tape.model.tree.leaves=4",
        &["associative-recall.items: sequences of 6 are longer than the memory of 4 slots"],
    );
    refused(
        "ntm-priority-sort.toml",
        "--set task.tape.model.ntm.slots=16 --set task.tape.stretch=9",
        &["priority-sort.length: sequences of 20 are longer than the memory of 16 slots"],
    );
    refused(
        "ntm-copy.toml",
        "--set task.tape.model.ntm.shift=9223372036854775807",
        &["shift: moves over 9223372036854775807 slots in a step, more than the 128 there are"],
    );
    refused(
        "ntm-associative-recall.toml",
        "--set task.tape.model=set --set task.tape.model.set.slots=0 --set task.tape.model.set.hidden=0 --set task.tape.model.set.width=0",
        &["set.hidden: is 0, expected 1 or more", "set.slots: is 0, expected", "set.width: is 0, expected"],
    );
    refused(
        "lstm-copy.toml",
        "--set task.tape.model.lstm.hidden=0 --set task.tape.model.lstm.layers=-1",
        &["lstm.hidden: is 0, expected 1 or more", "lstm.layers: is -1, expected 1 to 1,000"],
    );
    refused(
        "queue-copy.toml",
        "--set task.transduction.symbols=1 --set task.transduction.model.stack-queue.width=0",
        &["symbols: is 1, expected 2 or more", "width: is 0, expected 1 or more"],
    );
    refused(
        "memn2n-babi.toml",
        "--set task.questions.memory=0 --set task.questions.hops=0 --set task.questions.held_out=1.0 --set task.questions.noise=1.0 \
         --set task.questions.deviation=0.0 --set task.questions.linear_rate=0.0 --set task.questions.tasks=[21]",
        &[
            "memory: is 0, expected 1 or more",
            "hops: is 0, expected 1 to 1,000",
            "held_out: is 1, expected 0 to 1, both excluded",
            "noise: is 1, expected 0 to 1, 1 excluded",
            "deviation: is 0, expected a number above 0",
            "linear_rate: is 0, expected a number above 0",
            "tasks: is [21], expected numbers of tasks from 1 to 20",
        ],
    );
    refused("pointer-sort.toml", "--set task.pointing.hidden=129", &["hidden: is 129, expected an even number, 2 or more"]);
    refused("pointer-sort.toml", "--set task.pointing.fewest=2", &["fewest: is 2, expected 3 or more"]);
    refused("queries.toml", "--set task.queries.held_out=0.5", &["held_out: is 0.5, expected 0 to 0.5, both excluded"]);
    refused("reading.toml", "--set task.reading.most=16", &["task.reading.most: is 16, expected 15 at most"]);
    refused("reading.toml", "--set task.reading.most=2", &["most: is 2, less than the fewest sentences, 3"]);
    refused("hierarchical-classify.toml", "--set task.documents.most=3", &["most: is 3, less than the fewest sentences, 8"]);
    refused(
        "needle-sets.toml",
        "--set task.sets.most=3 --set task.sets.flipped=16 --set task.sets.needles=0",
        &[
            "most: is 3, expected the fewest instances, 10, to 100,000",
            "flipped: is 16, expected less than half of the 32 bits",
            "needles: is 0",
        ],
    );
    refused(
        "captions-hard.toml",
        "--set task.captions.attention.hard.soft=2.0 --set task.captions.doubly_stochastic=-1.0 --set task.captions.hidden=0",
        &[
            "attention.hard.soft: is 2, expected 0 to 1",
            "stochastic: is -1, expected 0 or more",
            "hidden: is 0, expected 1 or more",
        ],
    );
    refused("structured-transduce.toml", "--set task.trees.hidden=0", &["hidden: is 0, expected 1 or more"]);
    refused("demo.toml", "--set training.metric=bits", &["training.metric: is bits, by which studies alone are scored"]);
    assert!(!out.exists(), "nothing was begun");
    // Data is read when the run folder is there.
    let [queries, reading] = ["queries", "reading"].map(|name| place.path().join(name));
    train("queries.toml", "--set task.queries.file=/nowhere", &queries).failed(1, &["/nowhere: cannot open this file"]);
    let told = train("reading.toml", "--set task.reading.folder=/nowhere", &reading);
    told.failed(1, &["/nowhere: cannot read this folder, expected the bAbI tasks"]);
}

#[test]
fn a_study_translates_nothing() {
    let place = TempDir::new().unwrap();
    train("ntm-copy.toml", &format!("{TAPE} --set training.updates=1"), place.path()).good();
    let told = targum(arguments("translate --model {}", &[place.path()]));
    told.failed(1, &["a checkpoint of a study (task.tape), which translates nothing", "targum try"]);
}
