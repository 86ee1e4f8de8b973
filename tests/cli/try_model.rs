//! `targum try`: every kind of model that can be trained, asked on input of one's own.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::support::{Ran, arguments, shared, targum, with_input};

fn train(config: &str, options: &str, out: &Path) {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs").join(config);
    let few = "--set training.updates=2 --set training.validate_every=2";
    targum(arguments(&format!("train {{}} --out {{}} {few} {options}"), &[&config, out])).good();
}

fn ask(model: &Path, input: &str) -> Ran {
    with_input(arguments("try --model {}", &[model]), input)
}

fn record(model: &Path, input: &str) -> Value {
    with_input(arguments("try --model {} --format jsonl", &[model]), input).good().json_lines().remove(0)
}

/// Stories in which somebody goes from place to place: a network learns them in seconds.
fn stories(count: usize, first: usize) -> String {
    let (people, places) = (["Ada", "Ben", "Cem", "Dora"], ["garden", "kitchen", "office", "hall", "cellar"]);
    (first..first + count)
        .map(|number| {
            let who = |turn: usize| people[(number * 7 + turn * 3) % people.len()];
            let place = |turn: usize| places[(number * 11 + turn * 2 + number / 5) % places.len()];
            let asked = number % 3;
            let told: String = (0..3).map(|turn| format!("{} {} went to the {}.\n", turn + 1, who(turn), place(turn))).collect();
            format!("{told}4 Where is {}?\t{}\t{}\n", who(asked), place(asked), asked + 1)
        })
        .collect()
}

#[test]
fn a_memory_network_answers_questions_about_stories_of_ones_own() {
    let place = TempDir::new().unwrap();
    let (folder, model, pictures) = (place.path().join("stories"), place.path().join("run"), place.path().join("pictures"));
    fs::create_dir(&folder).unwrap();
    for (part, first) in [("train", 0), ("test", 5000)] {
        fs::write(folder.join(format!("qa1_whereabouts_{part}.txt")), stories(600, first)).unwrap();
    }
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/memn2n-babi.toml");
    let options = "--set task.questions.tasks=[1] --set task.questions.memory=5 --set training.epochs=40 \
                   --set training.validate_every=100 --set training.optimizer={adam={learning_rate=0.01}} \
                   --set training.schedule=constant --set training.clip_norm=0 --set training.normalise=sentences";
    let set = format!("task.questions.folder={}", folder.display());
    let train = format!("train {{}} --out {{}} --set {set} {options}");
    targum(arguments(&train, &[&config, &model])).good();

    let story = "Ada went to the cellar.\nDora went to the hall.\nBen went to the office.\n";
    for (who, what) in [("Ada", "cellar"), ("Dora", "hall"), ("Ben", "office")] {
        assert_eq!(ask(&model, &format!("{story}Where is {who}?\n")).good().stdout, format!("{what}\n"), "{who}");
    }
    // The attention of some hop is on the sentence that holds the answer.
    let asked = "{\"story\": [\"Ada went to the cellar.\", \"Ben went to the hall.\"], \"question\": \"Where is Ada?\"}\n";
    let found = record(&model, asked);
    assert_eq!((found["answer"].as_str(), found["unknown"].as_array().map(Vec::len)), (Some("cellar"), Some(0)), "{found}");
    let on_first = found["hops"].as_array().unwrap().iter().map(|hop| hop[0].as_f64().unwrap()).fold(0.0, f64::max);
    assert!(on_first > 0.8, "{found}");

    // A blank line begins another story; words that nobody told it are named, and so is what it has forgotten.
    let told = ask(&model, &format!("{story}\nZorro went to the moon.\nWhere is Zorro?\n")).good();
    assert!(told.stderr.contains("line 6: the network has never seen zorro, moon"), "{}", told.stderr);
    let long = "Ada went to the hall.\n".repeat(7);
    let told = ask(&model, &format!("{long}Where is Ada?\n")).good();
    assert!(told.stderr.contains("holds 5 sentences: the first 2 of 7 are forgotten"), "{}", told.stderr);
    ask(&model, "Where is Ada?\n").failed(1, &["line 1: nothing was told before this question", "a blank line begins another"]);
    ask(&model, "{\"story\": 3}\n").failed(1, &["line 1: not the JSON that was expected"]);

    let drawn = arguments("try --model {} --heatmaps {}", &[&model, &pictures]);
    with_input(drawn, format!("{story}Where is Ada?\n")).good();
    let picture = fs::read_to_string(pictures.join("line-4-hops.svg")).unwrap();
    assert!(picture.contains("Where is Ada? cellar") && pictures.join("line-4-hops.png").exists());

    let told = targum(arguments("inspect {}", &[&model])).good();
    for part in ["study        questions", "takes        sentences", "\"hops\": 3", "parameters", "update"] {
        assert!(told.stdout.contains(part), "{part}: {}", told.stdout);
    }
}

#[test]
fn machines_transducers_and_pointers_take_input_of_ones_own() {
    let place = TempDir::new().unwrap();
    let run = |name: &str| place.path().join(name);
    let tape = "--set task.tape.batch=2 --set task.tape.tested=2 --set task.tape.model.ntm.hidden=8";
    let transduction = "--set task.transduction.batch=2 --set task.transduction.tested=3 --set task.transduction.longest=8";
    let pointing = "--set task.pointing.batch=2 --set task.pointing.tested=4 --set task.pointing.hidden=8";
    train("ntm-copy.toml", tape, &run("copy"));
    train("ntm-repeat-copy.toml", tape, &run("repeat"));
    train("stack-reverse.toml", transduction, &run("reverse"));
    train("pointer-sort.toml", pointing, &run("sort"));
    train("pointer-hull.toml", pointing, &run("hull"));
    train("pointer-hull.toml", &format!("{pointing} --set task.pointing.model=attention"), &run("attention"));

    let found = record(&run("copy"), "10110010 01100101\n");
    assert_eq!(found["expected"], serde_json::json!(["10110010", "01100101"]));
    assert_eq!((found["answer"].as_array().unwrap().len(), found["memory"].as_array().unwrap().len()), (2, 5), "{found}");
    ask(&run("copy"), "1011\n").failed(1, &["\"1011\" is no vector here: expected 8 bits", "this model takes vectors of 8 bits"]);
    assert!(
        ask(&run("repeat"), "10110010 x3\n")
            .good()
            .stderr
            .contains("the right answer is 101100100 101100100 101100100 000000001")
    );

    let found = record(&run("reverse"), "3 14 15 9\n");
    assert_eq!(found["expected"], serde_json::json!([9, 15, 14, 3]));
    assert_eq!(found["right"], found["answer"] == found["expected"]);
    assert!(found["memory"][3]["strengths"].as_array().unwrap().len() == 4, "a value for each step: {found}");
    ask(&run("reverse"), "3 999\n").failed(1, &["there is no symbol 999: this model has 0 to"]);
    assert!(run("reverse").join("memory.svg").exists());

    let found = record(&run("sort"), "20 5 10\n");
    assert_eq!(found["expected"], serde_json::json!([2, 3, 1]));
    assert_eq!(found["attention"][0].as_array().unwrap().len(), 4, "three inputs and the end");
    let found = record(&run("hull"), "0,0 1,0 0.5,0.4 0,1\n");
    assert_eq!(found["expected"], serde_json::json!([1, 2, 4]));
    ask(&run("hull"), "0,0 1,1\n").failed(1, &["found 2 points, expected 3 to 1000"]);
    ask(&run("hull"), "0,0 1,1 3\n").failed(1, &["input 3 has 1 numbers, expected 2"]);
    ask(&run("sort"), "1 two 3\n").failed(1, &["\"two\" is no number"]);
    ask(&run("sort"), "1 nan 3\n").failed(1, &["input 2: NaN is no number to compute with"]);
    assert!(ask(&run("sort"), &"1 2 ".repeat(101)).good().stderr.contains("no picture of 202 steps"));
    let many = "0,0 ".repeat(11);
    ask(&run("attention"), &many).failed(1, &["this model has words for 10 positions and no more"]);
}

#[test]
fn parsers_classifiers_and_translators_take_input_of_ones_own() {
    let place = TempDir::new().unwrap();
    let (trees, documents, pictures) =
        (place.path().join("trees"), place.path().join("documents"), place.path().join("pictures"));
    let small = "--set task.trees.formulas=2 --set task.trees.batch=2 --set task.trees.tested=2 --set task.trees.hidden=8 --set task.trees.parser=4";
    train("structured-transduce.toml", small, &trees);
    let small = "--set task.documents.documents=4 --set task.documents.batch=2 --set task.documents.tested=4 --set task.documents.hidden=4";
    train("hierarchical-classify.toml", small, &documents);

    let found = record(&trees, "( * ( + 15 7 ) 1 8 )\n");
    assert_eq!(found["expected"].as_array().unwrap().len(), 9, "{found}");
    assert_eq!(found["parents"].as_array().unwrap().len(), 11, "a row for each symbol and the root");
    ask(&trees, "( + 1 )\n").failed(1, &["symbol 1: 1 operands, expected 2 to 4"]);

    let document = "We found the hotel splendid. It rained on Monday, frabjously.\n";
    let found = record(&documents, document);
    assert_eq!(found["sentences"].as_array().unwrap().len(), 2, "{found}");
    let sum: f64 = found["sentences"].as_array().unwrap().iter().map(|sentence| sentence["weight"].as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{found}");
    assert_eq!(found["unknown"], serde_json::json!(["frabjously"]));
    ask(&documents, "Bla.\n").failed(1, &["none of its words is one of the"]);
    with_input(arguments("try --model {} --heatmaps {}", &[&documents, &pictures]), document).good();
    let picture = fs::read_to_string(pictures.join("line-1-document.svg")).unwrap();
    assert!(picture.contains(found["answer"].as_str().unwrap()) && pictures.join("line-1-document.png").exists());

    let model = &shared().run();
    let translated = record(model, "the dog sees the cat .\n");
    let plain = with_input(arguments("translate --model {}", &[model]), "the dog sees the cat .\n").good();
    assert_eq!(translated["answer"], plain.lines()[0]);
    assert!(translated["alignment"]["weights"].is_array(), "{translated}");
}

#[test]
fn a_reader_answers_questions_about_passages_of_ones_own() {
    let place = TempDir::new().unwrap();
    let (model, pictures) = (place.path().join("run"), place.path().join("pictures"));
    let small =
        "--set task.reading.passages=30 --set task.reading.tested=4 --set task.reading.hidden=8 --set task.reading.embedding=8";
    train("reading.toml", small, &model);
    for picture in ["passage.svg", "passage.png", "attention.svg", "attention.png"] {
        assert!(model.join(picture).exists(), "{picture}");
    }

    let passage = "Anna Holm went to the old mill on Monday morning. Clara Berg gave the red lamp to Anna Holm.";
    let asked = format!("{passage}\tWhere did Anna Holm go?\n");
    let found = record(&model, &asked);
    let numbers = |name: &str| found[name].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect::<Vec<f64>>();
    let words: Vec<&str> = found["passage"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(words.len(), 21, "19 words and two ends of sentences: {words:?}");
    let [start, end] = ["start", "end"].map(|end| found[end].as_u64().unwrap() as usize);
    let answer: Vec<&str> = words[start..=end].iter().copied().filter(|word| *word != ".").collect();
    assert_eq!(found["answer"].as_str().unwrap(), if answer.is_empty() { ".".to_owned() } else { answer.join(" ") });
    for name in ["starts", "ends"] {
        assert!(numbers(name).len() == 21 && (numbers(name).iter().sum::<f64>() - 1.0).abs() < 1e-5, "{found}");
    }
    let product = numbers("starts")[start] * numbers("ends")[end];
    assert!((found["probability"].as_f64().unwrap() - product).abs() < 1e-9, "{found}");
    for direction in ["forward", "backward"] {
        let rows = found["attention"][direction].as_array().unwrap();
        assert!(rows.len() == 21 && rows.iter().all(|row| row.as_array().unwrap().len() == 5), "{found}");
    }
    let json = serde_json::json!({ "passage": passage, "question": "Where did Anna Holm go?" });
    assert_eq!(record(&model, &format!("{json}\n")), found);

    // Words that it has never seen; a passage that does not hold the answer: it points somewhere, and says how little it believes it.
    let told = ask(&model, &format!("{passage}\tWhere did Zorro hide?\n")).good();
    assert!(
        told.stderr.contains("line 1: the reader has never seen these words of the question: Zorro, hide"),
        "{}",
        told.stderr
    );
    let told = ask(&model, "Quokkas nibble. Clara Berg went to the mill.\tQuo vadis?\n").good();
    for part in
        ["never seen these words of the passage: Quokkas, nibble", "it knows no word of the question: the answer says nothing"]
    {
        assert!(told.stderr.contains(part), "{}", told.stderr);
    }
    let told = ask(&model, "It rained at the old mill.\tWho bought the red lamp?\n").good();
    assert!(told.stderr.contains("the passage may not hold the answer; a pointer always points somewhere"), "{}", told.stderr);
    for (line, part) in [
        (passage.to_owned(), "expected a passage, a tab and a question; found no tab"),
        (" \t ".to_owned(), "expected an input, found a blank line"),
        (format!("{passage}\t"), "there is no question behind the passage"),
        (format!("{passage}\t?!"), "there is no question behind the passage"),
        ("\tWhere is Anna?".to_owned(), "there is no passage: the answer is looked for in its words"),
        (String::new(), "expected an input, found a blank line"),
        ("{\"passage\": \"Anna went.\"}".to_owned(), "not the JSON that was expected"),
        (format!("{}\tWhere?", "word ".repeat(2001)), "a passage of 2002 words: at most 2000 are read"),
    ] {
        ask(&model, &format!("{line}\n")).failed(1, &["line 1: ", part, "this model takes a passage, a tab and a question"]);
    }
    assert!(ask(&model, &format!("{}\tWhere?\n", "word ".repeat(201))).good().stderr.contains("no picture of 202 steps"));

    with_input(arguments("try --model {} --heatmaps {}", &[&model, &pictures]), asked).good();
    let picture = fs::read_to_string(pictures.join("line-1-passage.svg")).unwrap();
    assert!(picture.contains("Where did Anna Holm go?") && picture.contains("begins here"));
    for picture in ["line-1-passage.png", "line-1-attention.svg", "line-1-attention.png"] {
        assert!(pictures.join(picture).exists(), "{picture}");
    }
    let told = targum(arguments("inspect {}", &[&model])).good();
    assert!(told.stdout.contains("study        reading") && told.stdout.contains("takes        a passage"), "{}", told.stdout);
}

#[test]
fn every_question_is_asked_of_a_document_of_ones_own() {
    let place = TempDir::new().unwrap();
    let (model, own, pictures) = (place.path().join("run"), place.path().join("own"), place.path().join("pictures"));
    train("queries.toml", "--set task.queries.documents=100 --set task.queries.tested=4 --set task.queries.hidden=4", &model);
    assert!(model.join("queries.svg").exists() && model.join("queries.png").exists());
    let notice = "Anna invites everybody to the concert. We meet in the garden, quokkas! It begins on Sunday.\n";
    let found = record(&model, notice);
    let answers = found["answers"].as_array().unwrap();
    let names: Vec<&str> = answers.iter().map(|answer| answer["query"].as_str().unwrap()).collect();
    assert_eq!(names, ["who", "where", "when"]);
    for answer in answers {
        let sum = |list: &Value, number: &dyn Fn(&Value) -> f64| list.as_array().unwrap().iter().map(number).sum::<f64>();
        assert!((sum(&answer["weights"], &|weight| weight.as_f64().unwrap()) - 1.0).abs() < 1e-5, "{answer}");
        assert!((sum(&answer["classes"], &|class| class["probability"].as_f64().unwrap()) - 1.0).abs() < 1e-5, "{answer}");
        assert_eq!(answer["weights"].as_array().unwrap().len(), found["words"].as_array().unwrap().len());
    }
    assert_eq!(found["unknown"], serde_json::json!(["quokkas"]));
    assert_eq!(record(&model, &format!("{}\n", serde_json::json!({ "text": notice.trim() }))), found);
    let told = with_input(arguments("try --model {} --heatmaps {}", &[&model, &pictures]), notice).good();
    assert!(told.stdout.starts_with("who: ") && told.stderr.contains("the model has never seen quokkas"), "{}", told.stderr);
    assert!(pictures.join("line-1-queries.svg").exists() && pictures.join("line-1-queries.png").exists());
    ask(&model, "Quokkas!\n")
        .failed(1, &["line 1: none of its words is one of those", "this model takes a document on one line"]);
    ask(&model, "\n").failed(1, &["line 1: expected an input, found a blank line"]);

    // Documents of one's own: one label each, and the answer is the label alone.
    let file = place.path().join("own.tsv");
    fs::write(&file, "good\tThe soup was fine.\nbad\tThe soup was cold.\n".repeat(10)).unwrap();
    train("queries.toml", &format!("--set task.queries.file={} --set task.queries.hidden=4", file.display()), &own);
    let told = ask(&own, "The bread was fine.\n").good();
    assert!(["good\n", "bad\n"].contains(&told.stdout.as_str()) && told.stderr.contains("never seen bread"), "{}", told.stderr);
}
