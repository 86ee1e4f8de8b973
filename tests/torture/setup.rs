//! What all cases start from: a corpus, recipes, and models that the program itself trained.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::process::Launch;

/// Updates of a whole training.
pub const UPDATES: u64 = 12;
/// Updates after which the halves stopped: the checkpoints of updates 6 and 8 are there.
const HALF: u64 = 8;

/// A recipe, and what comes of it when nothing disturbs the program.
pub struct Model {
    pub name: &'static str,
    pub recipe: PathBuf,
    /// A run to the end.
    pub run: PathBuf,
    /// A run that stopped on the way.
    pub half: PathBuf,
    /// How long the whole run took.
    pub seconds: f64,
    /// Weights at its end.
    pub weights: Vec<u8>,
    /// What `translate` prints for [`Setup::lines`], with [`SCORES`].
    pub translations: Vec<u8>,
    /// What `inspect` prints, with `MODEL` for the folder.
    pub inspected: String,
}

pub struct Setup {
    pub program: PathBuf,
    /// Of everything below, and of the cases.
    pub place: PathBuf,
    pub corpus: PathBuf,
    pub models: Vec<Model>,
    /// A file of lines to translate.
    pub lines: PathBuf,
}

/// With all numbers: a translation may stay the same by luck.
pub const SCORES: &str = "--format=jsonl";

/// What tells the models apart.
const MODELS: [(&str, &str); 3] = [
    ("bahdanau", "[model.recurrent]\nembedding = 8\nhidden = 8\ndropout = 0.1\ndecoder = { kind = \"bahdanau\" }\n"),
    (
        "luong",
        "[model.recurrent]\nembedding = 8\nhidden = 8\ndropout = 0.1\ndecoder = { kind = \"luong\", input_feeding = true }\n",
    ),
    (
        "transformer",
        "[model.transformer]\ndimension = 16\nencoder = { layers = 2, heads = 2, feed_forward = 32 }\n\
         decoder = { layers = 1, heads = 2, feed_forward = 32 }\ndropout = 0.1\n",
    ),
];

impl Setup {
    pub fn new(program: &Path, place: &Path, jobs: usize) -> Self {
        let corpus = place.join("corpus");
        fs::create_dir_all(place).expect("a folder to work in");
        let words = ["data", "synth", "--train", "120", "--validation", "8", "--test", "6", "--out"];
        let made = Launch::new(program, place, words.map(Into::into).into_iter().chain([corpus.clone().into_os_string()])).run();
        assert!(made.good(), "{}", made.story());
        let test = fs::read_to_string(corpus.join("test.en")).expect("the corpus");
        let text: String = test.lines().take(3).map(|line| format!("{line}\n")).collect();
        let lines = place.join("lines.en");
        fs::write(&lines, text).expect("lines to translate");
        let mut setup = Self { program: program.to_owned(), place: place.to_owned(), corpus, models: Vec::new(), lines };
        let models = std::thread::scope(|scope| {
            let mut done = Vec::new();
            for chunk in MODELS.chunks(jobs.max(1)) {
                let setup = &setup;
                let threads: Vec<_> = chunk.iter().map(|&(name, model)| scope.spawn(move || setup.model(name, model))).collect();
                done.extend(threads.into_iter().map(|thread| thread.join().expect("a model")));
            }
            done
        });
        setup.models = models;
        setup.records();
        setup
    }

    /// Links with their weights, as `align` prints them.
    fn records(&self) {
        let arguments = ["align", "--format=jsonl", "--device=cpu", "--threads=1", "--model"].map(Into::into).into_iter();
        let paths = [self.models[1].run.clone().into(), "--source".into(), self.corpus.join("test.en").into(), "--target".into()];
        let arguments: Vec<std::ffi::OsString> = arguments.chain(paths).chain([self.corpus.join("test.fr").into()]).collect();
        let aligned = Launch::new(&self.program, &self.place, arguments).run();
        assert!(aligned.good(), "{}", aligned.story());
        fs::write(self.place.join("records.jsonl"), aligned.stdout).expect("links");
    }

    /// The text of a recipe with this model.
    pub fn recipe(&self, model: &str) -> String {
        let corpus = self.corpus.display();
        format!(
            "[data]\ntrain = \"{corpus}/train\"\nvalidation = \"{corpus}/validation\"\ntest = \"{corpus}/test\"\n\n\
             [tokenizer]\nsize = 400\n\n{model}\n\
             [training]\noptimizer = {{ adam = {{ learning_rate = 0.01 }} }}\nbatch_tokens = 300\nupdates = {UPDATES}\n\
             validate_every = 2\nvalidation_sentences = 2\npictures = 0\nlog_every = 1\n\n[search]\nbeam = 2\n"
        )
    }

    fn model(&self, name: &'static str, model: &str) -> Model {
        let folder = self.place.join(name);
        fs::create_dir_all(&folder).expect("a folder for a model");
        let recipe = folder.join("recipe.toml");
        fs::write(&recipe, self.recipe(model)).expect("a recipe");
        let (run, half) = (folder.join("run"), folder.join("half"));
        let start = Instant::now();
        let trained = Launch::new(&self.program, &folder, train(&recipe, &run, &[])).run();
        let seconds = start.elapsed().as_secs_f64();
        assert!(trained.good(), "{}", trained.story());
        let halved =
            Launch::new(&self.program, &folder, train(&recipe, &half, &[&format!("--set=training.updates={HALF}")])).run();
        assert!(halved.good(), "{}", halved.story());
        let weights = weights(&run.join("last"));
        let translated = Launch::new(&self.program, &folder, translate(&run.join("last"), &[&self.lines, SCORES.as_ref()])).run();
        assert!(translated.good(), "{}", translated.story());
        let checkpoint = run.join(newest(&run).expect("a checkpoint"));
        let told = Launch::new(&self.program, &folder, ["inspect".into(), checkpoint.clone().into_os_string()]).run();
        assert!(told.good(), "{}", told.story());
        let inspected = inspected(&told.stdout, &checkpoint);
        Model { name, recipe, run, half, seconds, weights, translations: translated.stdout, inspected }
    }
}

/// What `inspect` printed, whatever the folder's name.
pub fn inspected(stdout: &[u8], checkpoint: &Path) -> String {
    String::from_utf8_lossy(stdout).replace(&checkpoint.display().to_string(), "MODEL")
}

/// Arguments of a training.
pub fn train(recipe: &Path, out: &Path, more: &[&str]) -> Vec<std::ffi::OsString> {
    let mut arguments: Vec<std::ffi::OsString> = vec!["train".into(), recipe.into(), "--out".into(), out.into()];
    arguments.extend(["--threads", "1", "--device", "cpu"].map(Into::into));
    arguments.extend(more.iter().map(Into::into));
    arguments
}

/// Arguments of a translation.
pub fn translate(model: &Path, files: &[&Path]) -> Vec<std::ffi::OsString> {
    let mut arguments: Vec<std::ffi::OsString> = vec!["translate".into(), "--model".into(), model.into()];
    arguments.extend(["--threads", "1", "--device", "cpu"].map(Into::into));
    arguments.extend(files.iter().map(Into::into));
    arguments
}

/// The weights of a checkpoint, byte for byte; nothing where there are none.
pub fn weights(checkpoint: &Path) -> Vec<u8> {
    fs::read(checkpoint.join("model.safetensors")).unwrap_or_default()
}

/// Names of the checkpoints of a run, oldest first.
pub fn checkpoints(run: &Path) -> Vec<String> {
    let entries = fs::read_dir(run).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| update_of(name).is_some()).collect();
    names.sort();
    names
}

pub fn newest(run: &Path) -> Option<String> {
    checkpoints(run).pop()
}

/// The updates of a checkpoint's name.
pub fn update_of(name: &str) -> Option<u64> {
    name.strip_prefix("step-")?.parse().ok()
}

/// Files that a training is to have cleared away, under a run folder.
pub fn leftovers(run: &Path) -> Vec<String> {
    let entries = fs::read_dir(run).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with('.') && name != ".lock").collect()
}
