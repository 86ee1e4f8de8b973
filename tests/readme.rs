//! The documentation says what is so: the README's commands run, paths, anchors, options and make targets exist, and recipes have the keys and
//! the defaults that docs/recipes.md lists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use targum::recipe::{Recipe, RecipeText, StudyRecipe};
use tempfile::TempDir;
use toml::{Table, Value};

pub(crate) const TARGUM: &str = env!("CARGO_BIN_EXE_targum");

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Files of a folder with this extension, sorted.
pub(crate) fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    assert!(!paths.is_empty(), "{folder} has no .{extension}");
    paths
}

/// Every page that people read first.
fn pages() -> Vec<PathBuf> {
    let mut pages = files("docs", "md");
    pages.extend(files("docs/chapter/src", "md"));
    pages.extend(["README.md", "data/README.md", "checkpoints/README.md"].map(|page| root().join(page)));
    pages
}

/// Blocks fenced as this language.
pub(crate) fn fenced(text: &str, language: &str) -> Vec<String> {
    let block = Regex::new(&format!(r"(?ms)^```{language}\n(.*?)^```$")).unwrap();
    block.captures_iter(text).map(|found| found[1].to_owned()).collect()
}

/// Inline code, and the lines of shell blocks.
fn code(text: &str) -> Vec<String> {
    let outside = Regex::new(r"(?ms)^```.*?^```$").unwrap().replace_all(text, "");
    let span = Regex::new(r"`([^`]+)`").unwrap();
    let spans = span.captures_iter(&outside).map(|found| found[1].split_whitespace().collect::<Vec<_>>().join(" "));
    let lines = fenced(text, "sh").into_iter().flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>());
    spans.chain(lines).collect()
}

/// What makes a training short enough for a test.
const TINY: &str = " --device cpu --set training.updates=2 --set training.validate_every=2 --set training.validation_sentences=2 \
    --set training.pictures=1 --set training.batch_tokens=512 --set model.recurrent.embedding=8 --set model.recurrent.hidden=8 \
    --set model.recurrent.decoder.hidden=16 --set search.maximum_length_ratio=1.0";

/// A folder that looks like the repository after a build, with little data.
struct Checkout(TempDir);

impl Checkout {
    fn new(recipe: &str) -> Self {
        let checkout = Checkout(TempDir::new().unwrap());
        fs::create_dir_all(checkout.path("target/release")).unwrap();
        std::os::unix::fs::symlink(TARGUM, checkout.path("target/release/targum")).unwrap();
        std::os::unix::fs::symlink(root().join("configs"), checkout.path("configs")).unwrap();
        fs::write(checkout.path("mine.toml"), recipe).unwrap();
        let pretrained = checkout.path("opus-mt-en-de");
        fs::create_dir(&pretrained).unwrap();
        for entry in fs::read_dir(root().join("tests/fixtures/marian/separate")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), pretrained.join(entry.file_name())).unwrap();
        }
        checkout.shell("targum data synth --train 2000 --validation 6 --test 6");
        fs::create_dir(checkout.path("data/mine")).unwrap();
        for (own, built_in) in [("train", "train"), ("dev", "validation"), ("test", "test")] {
            for side in ["en", "fr"] {
                let text = read(&checkout.path(&format!("data/synth/{built_in}.{side}")));
                let some: String = text.split_inclusive('\n').take(300).collect();
                fs::write(checkout.path(&format!("data/mine/{own}.{side}")), some).unwrap();
            }
        }
        checkout
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn shell(&self, line: &str) {
        self.told(line);
    }

    /// What a line prints.
    fn told(&self, line: &str) -> String {
        let path = format!("{}:{}", self.path("target/release").display(), std::env::var("PATH").unwrap());
        let run =
            Command::new("bash").args(["-euo", "pipefail", "-c", line]).current_dir(self.0.path()).env("PATH", path).output();
        let output = run.unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}\n{error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a line of the README, what is long or needs the net or a GPU in a way that does not.
    fn follow(&self, line: &str) {
        let long = Regex::new(r"^targum train configs/(multi30k[a-z0-9-]+)\.toml").unwrap();
        let study = Regex::new(r"^targum train configs/(?:ntm|hopfield)-[a-z-]+\.toml$").unwrap();
        if line == "make train" {
            self.shell(&format!("targum train configs/demo.toml{TINY}"));
        } else if line.starts_with("make ") {
            // `make_targets_exist` looks at these.
        } else if line.starts_with("targum data multi30k") {
            self.shell(&format!("{line} --help"));
        } else if let Some(found) = long.captures(line) {
            self.shell(&format!("{line} --print-recipe"));
            let link = self.path("checkpoints").join(&found[1]);
            if !link.exists() {
                std::os::unix::fs::symlink("demo", link).unwrap();
            }
        } else if study.is_match(line) {
            // The tests of the studies run them.
            self.shell(&format!("{line} --print-recipe"));
        } else if line.starts_with("targum train ") {
            self.shell(&format!("{line}{TINY}"));
        } else {
            self.shell(line);
        }
    }

    fn lines(&self, path: &str) -> usize {
        read(&self.path(path)).lines().count()
    }
}

/// Some twenty processes, each of which loads libtorch: about ten seconds.
#[test]
fn the_commands_of_the_readme_run() {
    let text = read(&root().join("README.md"));
    let recipes = fenced(&text, "toml");
    assert!(recipes.len() == 1 && recipes[0].starts_with("# mine.toml\n"), "the README has one recipe, mine.toml");
    let checkout = Checkout::new(&recipes[0]);
    let blocks = fenced(&text, "sh");
    assert!(blocks.len() > 4);
    for line in blocks.iter().flat_map(|block| block.lines()) {
        checkout.follow(line);
    }
    let sentences = checkout.lines("data/mine/test.en");
    assert!(sentences > 0);
    for written in ["test.fr", "test.alignment", "test.jsonl", "test.de", "test.de.alignment"] {
        assert_eq!(checkout.lines(written), sentences, "{written}");
    }
    for picture in [
        "heatmaps/line-1.svg",
        "heatmaps/line-1.png",
        "heatmaps-test/line-1.svg",
        "checkpoints/demo/heatmaps",
        "opus-mt-en-de-again/vocab.json",
    ] {
        assert!(checkout.path(picture).exists(), "{picture}");
    }
}

/// The calculator's chapter: its commands run, and where what they print is shown below them, that is what they print.
#[test]
fn the_commands_of_the_calculators_chapter_run_and_print_what_it_shows() {
    let text = read(&root().join("docs/attention-calculator.md"));
    let checkout = Checkout::new("");
    checkout.follow("make train");
    let lines = fenced(&text, "sh").iter().flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>()).count();
    assert!(lines > 5, "{lines} commands");
    let block = Regex::new(r"(?ms)^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?").unwrap();
    let mut shown = 0;
    for found in block.captures_iter(&text) {
        for line in found[1].lines() {
            // What is measured is another thing on every machine, and takes its time.
            let long = line.starts_with("targum attend lengths");
            let told = if long {
                checkout.told(&format!("{line} --lengths 8,16 --width 8 --heads 2 --milliseconds 1"))
            } else {
                checkout.told(line)
            };
            // Random numbers go through a logarithm, whose last digit is the processor's.
            let exact = !long && !line.starts_with("targum attend saturation");
            if let Some(expected) = found.get(2).filter(|_| exact) {
                assert_eq!(told, expected.as_str(), "{line}");
                shown += 1;
            }
        }
    }
    assert!(shown > 2, "{shown} outputs");
    for picture in ["weights.svg", "words.png", "saturation.svg", "lengths-time.svg", "positions.png", "positions-products.svg"] {
        assert!(checkout.path(picture).exists(), "{picture}");
    }
}

#[test]
fn paths_and_anchors_exist() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let of_repository =
        Regex::new(r"^(?:(?:src|docs|configs|tests|scripts|benches|examples|\.ci)/[\w./-]*|(?:data|checkpoints)/README\.md)$")
            .unwrap();
    let mut problems = Vec::new();
    for page in pages() {
        let text = read(&page);
        for target in link.captures_iter(&text).map(|found| found[1].to_owned()).filter(|target| !target.contains("://")) {
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let path = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            let found = path.exists() && (anchor.is_empty() || anchors(&read(&path)).contains(anchor));
            if !found {
                problems.push(format!("{}: nothing at {target}", page.display()));
            }
        }
        for path in code(&text).iter().filter(|path| of_repository.is_match(path)) {
            if !root().join(path).exists() {
                problems.push(format!("{}: no {path}", page.display()));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Headings as they are named in links.
fn anchors(text: &str) -> BTreeSet<String> {
    let heading = Regex::new(r"(?m)^#+ (.+)$").unwrap();
    let slug = |title: &str| {
        let kept = title.to_lowercase().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>();
        kept.replace(' ', "-")
    };
    heading.captures_iter(text).map(|found| slug(&found[1])).collect()
}

#[test]
fn make_targets_exist() {
    let makefile = read(&root().join("Makefile"));
    let targets: BTreeSet<String> =
        Regex::new(r"(?m)^([a-z]+):").unwrap().captures_iter(&makefile).map(|found| found[1].to_owned()).collect();
    let used = Regex::new(r"^make ([a-z]+)").unwrap();
    let mut seen = BTreeSet::new();
    for page in pages() {
        for line in code(&read(&page)) {
            if let Some(found) = used.captures(&line) {
                assert!(targets.contains(&found[1]), "{}: no `make {}`", page.display(), &found[1]);
                seen.insert(found[1].to_owned());
            }
        }
    }
    assert!(seen.len() > 3, "{seen:?}");
}

#[test]
fn options_exist() {
    let call = Regex::new(
        r"(?:^|\| |/)targum ([a-z]+(?: (?:synth|news|scenes|multi30k|check|scores|saturation|lengths|positions))?)\b([^|>]*)",
    )
    .unwrap();
    let option = Regex::new(r"(?:^|\s)(--[a-z][a-z-]*)").unwrap();
    let mut helps: BTreeMap<String, String> = BTreeMap::new();
    let mut help_of = |command: &str| {
        let ask = || {
            let output = Command::new(TARGUM).args(command.split(' ')).arg("--help").output().unwrap();
            assert!(output.status.success(), "there is no `targum {command}`");
            String::from_utf8(output.stdout).unwrap()
        };
        helps.entry(command.to_owned()).or_insert_with(ask).clone()
    };
    let has = |help: &str, option: &str| Regex::new(&format!(r"{option}(?:[^a-z-]|$)")).unwrap().is_match(help);
    let everything: String =
        ["train", "translate", "average", "align", "score", "evaluate", "data multi30k", "attend scores", "turing"]
            .map(&mut help_of)
            .concat();
    let mut seen = 0;
    for page in pages() {
        for line in code(&read(&page)) {
            let called: Vec<(String, String)> =
                call.captures_iter(&line).map(|found| (help_of(&found[1]), found[2].to_owned())).collect();
            let alone = line.starts_with("--").then(|| (everything.clone(), line.clone()));
            for (help, options) in called.into_iter().chain(alone) {
                for found in option.captures_iter(&options) {
                    seen += 1;
                    assert!(has(&help, &found[1]), "{}: no option {} in `{line}`", page.display(), &found[1]);
                }
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn every_recipe_and_every_example_of_one_loads() {
    for path in files("configs", "toml") {
        let name = if RecipeText::read(&path).unwrap().is_of_study() {
            StudyRecipe::load(&path, &[]).map(|recipe| recipe.name)
        } else {
            Recipe::load(&path, &[]).map(|recipe| recipe.name)
        };
        let name = name.unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(path.file_stem().unwrap().to_str(), Some(name.as_str()), "{}", path.display());
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("example.toml");
    for page in pages() {
        for example in fenced(&read(&page), "toml") {
            fs::write(&path, &example).unwrap();
            // Examples may show one table of a recipe; these complete it.
            let data = if example.contains("[data]") { &[][..] } else { &["data.train=t", "data.validation=v"] };
            let rest: Vec<String> =
                ["training.updates=1", "model.recurrent.embedding=8"].iter().chain(data).map(|&rest| rest.to_owned()).collect();
            Recipe::load(&path, &rest).unwrap_or_else(|error| panic!("{}: {error:#}", page.display()));
        }
    }
}

/// The keys and tables of recipes that together use everything, with the values they have in the first that has them.
fn keys() -> BTreeMap<String, Value> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("recipe.toml");
    fs::write(&path, "data.train = \"t\"\ndata.validation = \"v\"\nmodel.recurrent = {}\ntraining.updates = 1\n").unwrap();
    let variants = [
        "data.test=t data.source_prefix=p init=i",
        "data.alignment=a training.guided_alignment={layer=0,head=0}",
        "training.epochs=1 training.minutes=1.0 training.validation_sentences=1 training.patience=1",
        "tokenizer.joint=false tokenizer.source_size=300 tokenizer.target_size=300",
        "model.recurrent.decoder.hidden=8",
        "model.recurrent.decoder.kind=bahdanau",
        "model.recurrent.decoder={input_feeding=true} model.recurrent.memory={}",
        "model.recurrent.attention={score=\"general\",hard={}}",
        "model.recurrent.attention={score=\"general\",choice=\"segments\",sum=2.0}",
        "search.length_penalty={wu={}} search.maximum_length_ratio=2.0 search.maximum_length_offset=10",
        "training.optimizer=sgd training.schedule=inverse-square-root",
        "training.optimizer=adadelta training.schedule=luong-halving",
        "training.optimizer=adamw training.schedule=plateau",
        "training.schedule=step",
        "model={transformer={}}",
    ];
    let mut keys = BTreeMap::new();
    for variant in std::iter::once("").chain(variants) {
        let overrides: Vec<String> = variant.split_whitespace().map(str::to_owned).collect();
        let recipe = Recipe::load(&path, &overrides).unwrap_or_else(|error| panic!("{error:#}"));
        collect(&recipe.to_toml().unwrap().parse().unwrap(), "", &mut keys);
    }
    keys
}

fn collect(table: &Table, above: &str, keys: &mut BTreeMap<String, Value>) {
    for (key, value) in table {
        let path = format!("{above}{key}");
        if let Value::Table(table) = value {
            collect(table, &format!("{path}."), keys);
        }
        keys.entry(path).or_insert_with(|| value.clone());
    }
}

/// The same for the tables under `[task]`.
fn study_keys() -> BTreeMap<String, Value> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("study.toml");
    fs::write(&path, "task.tape = {}\n").unwrap();
    let tape = "training.updates=1 training.metric=bits";
    let transduction = "training.updates=1 training.metric=loss";
    let variants = [
        format!("{tape} task.tape.problem=repeat-copy task.tape.model=lstm"),
        format!("{tape} task.tape.problem=associative-recall task.tape.model=set"),
        format!("{tape} task.tape.problem=dynamic-ngrams task.tape.model=tree"),
        format!("{tape} task.tape.problem=priority-sort"),
        format!("{tape} task.tape.problem=reverse task.tape.model=stack-queue"),
        format!("{tape} task.tape.problem=tree-navigation task.tape.model=fast-weights"),
        format!("{transduction} task={{retrieval={{}}}}"),
        format!("{transduction} task={{transduction={{}}}}"),
        format!("{transduction} task={{transduction={{model=\"lstm\"}}}}"),
        format!("{transduction} task={{pointing={{}}}}"),
        format!("{transduction} task={{documents={{}}}}"),
        format!("{transduction} task={{captions={{}}}}"),
        format!("{transduction} task={{captions={{attention=\"hard\"}}}}"),
        format!("{transduction} task={{queries={{file=\"own.tsv\"}}}}"),
        format!("{transduction} task={{questions={{}}}}"),
        format!("{transduction} task={{reading={{folder=\"data/babi\"}}}}"),
        format!("{transduction} task={{trees={{}}}}"),
        format!("{transduction} task={{sets={{}}}}"),
        "task={hopfield-capacity={}}".into(),
        "task={hopfield-dynamics={}}".into(),
        "task={hopfield-pairs={}}".into(),
        "task={hopfield-recall={}}".into(),
    ];
    let mut keys = BTreeMap::new();
    for variant in std::iter::once(tape.to_owned()).chain(variants) {
        let overrides: Vec<String> = variant.split_whitespace().map(str::to_owned).collect();
        let recipe = StudyRecipe::load(&path, &overrides).unwrap_or_else(|error| panic!("{error:#}"));
        collect(&recipe.to_toml().unwrap().parse().unwrap(), "", &mut keys);
    }
    keys.retain(|key, _| key.starts_with("task."));
    // Models of sequences are the same under every task that has them, and are told of once.
    let shared = Regex::new(r"^task\.(?:tape|transduction|retrieval)\.model\b").unwrap();
    keys.into_iter().map(|(key, value)| (shared.replace(&key, "model").into_owned(), value)).collect()
}

#[test]
fn the_chapters_on_recipes_and_studies_have_every_key_and_its_default() {
    let row = Regex::new(r"(?m)^\| `([^`]+)` \| ([^|]+) \|").unwrap();
    for (page, keys, least) in [("docs/recipes.md", keys(), 50), ("docs/studies.md", study_keys(), 25)] {
        let text = read(&root().join(page));
        // A table of recipes has no keys in its first column.
        let rows = row.captures_iter(&text).filter(|found| !found[1].contains('/'));
        let documented: BTreeMap<String, String> = rows.map(|found| (found[1].to_owned(), found[2].to_owned())).collect();
        for (key, value) in &keys {
            assert!(value.is_table() || documented.contains_key(key), "{page} lacks `{key}`");
        }
        let mut defaults = 0;
        for (key, default) in &documented {
            let value = keys.get(key).unwrap_or_else(|| panic!("{page} has `{key}`, which recipes have not"));
            if let Some(default) = default.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
                let told: Table = format!("value = {default}").parse().unwrap();
                assert_eq!(&told["value"], value, "the default of {key}");
                defaults += 1;
            }
        }
        assert!(defaults >= least, "{page}: {defaults}");
    }
}
