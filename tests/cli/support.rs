//! A corpus, a recipe and two trained models that all tests share, and what starts the program.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::OnceLock;

use assert_cmd::Command;
use serde_json::Value;
use tch::Tensor;

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    #[track_caller]
    pub fn good(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// Failed with this status, saying all of `parts`, on standard error alone.
    #[track_caller]
    pub fn failed(self, code: i32, parts: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "");
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is not in:\n{}", self.stderr);
        }
        self
    }

    pub fn lines(&self) -> Vec<&str> {
        self.stdout.strip_suffix('\n').map_or_else(Vec::new, |text| text.split('\n').collect())
    }

    pub fn json_lines(&self) -> Vec<Value> {
        self.lines()
            .into_iter()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }
}

/// Runs `targum` with these arguments.
pub fn targum<I: IntoIterator<Item: AsRef<OsStr>>>(arguments: I) -> Ran {
    with_input(arguments, "")
}

/// The same with a text on standard input.
pub fn with_input<I: IntoIterator<Item: AsRef<OsStr>>>(arguments: I, input: impl Into<Vec<u8>>) -> Ran {
    let output = Command::from_std(command(arguments)).write_stdin(input).output().unwrap();
    ran(output)
}

pub fn ran(output: process::Output) -> Ran {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// `targum` with these arguments, to be started. It computes on one thread: the tests run side by side.
pub fn command<I: IntoIterator<Item: AsRef<OsStr>>>(arguments: I) -> process::Command {
    let mut command = process::Command::new(env!("CARGO_BIN_EXE_targum"));
    let arguments: Vec<_> = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
    let computes =
        arguments.first().is_some_and(|name| ["train", "translate", "align", "score", "try"].iter().any(|other| name == other));
    command.args(&arguments);
    if computes {
        command.args(["--threads", "1"]);
        if !arguments.iter().any(|argument| argument == "--device") {
            command.args(["--device", "cpu"]);
        }
    }
    command.env("OMP_NUM_THREADS", "1").env("RAYON_NUM_THREADS", "1").env("RUST_BACKTRACE", "0");
    // Tests that were started in the background, or by nohup, ignore signals, and so would what they start.
    let listen = || {
        for signal in [libc::SIGINT, libc::SIGHUP, libc::SIGTERM] {
            // SAFETY: sets the process's own table of signals.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
        Ok(())
    };
    // SAFETY: between fork and exec it does nothing but that.
    unsafe { command.pre_exec(listen) };
    command
}

/// The arguments in one list: words of `words`, with `{}` for the paths in turn.
pub fn arguments(words: &str, paths: &[&Path]) -> Vec<std::ffi::OsString> {
    let mut paths = paths.iter();
    let arguments = words
        .split_whitespace()
        .map(|word| if word == "{}" { paths.next().expect("a path for each {}").as_os_str().to_owned() } else { word.into() })
        .collect();
    assert!(paths.next().is_none(), "a {{}} for each path");
    arguments
}

/// The folder that all tests read and none writes.
pub struct Shared {
    folder: PathBuf,
    /// What training [`Shared::run`] said.
    pub trained: Ran,
    /// What training [`Shared::words`] said.
    pub words_trained: Ran,
}

impl Shared {
    /// A recipe of six updates with two validations.
    pub fn recipe(&self) -> PathBuf {
        self.folder.join("tiny.toml")
    }

    /// The run of that recipe: pieces, one tokenizer for both sides, Luong's model.
    pub fn run(&self) -> PathBuf {
        self.folder.join("run")
    }

    /// A run with words instead of pieces, more of them asked for than there are, and Bahdanau's model.
    pub fn words(&self) -> PathBuf {
        self.folder.join("words")
    }

    /// A file of the built-in corpus, such as `test.en`.
    pub fn corpus(&self, name: &str) -> PathBuf {
        self.folder.join("corpus").join(name)
    }
}

/// Made by whoever asks first.
pub fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let folder = folder();
        targum(arguments("data synth --train 300 --validation 20 --test 20 --out {}", &[&folder.join("corpus")])).good();
        fs::write(folder.join("tiny.toml"), recipe(&folder.join("corpus"))).unwrap();
        let train = |options: &str, name: &str| {
            let words = format!("train {{}} --out {{}} {options}");
            targum(arguments(&words, &[&folder.join("tiny.toml"), &folder.join(name)])).good()
        };
        Shared {
            trained: train("", "run"),
            words_trained: train(
                "--set training.updates=2 --set tokenizer.kind=word --set tokenizer.joint=false --set tokenizer.size=50000 \
                 --set model.recurrent.decoder={kind=\"bahdanau\"}",
                "words",
            ),
            folder,
        }
    })
}

/// A fresh folder that goes when this process ends.
fn folder() -> PathBuf {
    fn path() -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{}", process::id()))
    }
    extern "C" fn remove() {
        // What stays is in the target folder and does no harm.
        let _ = fs::remove_dir_all(path());
    }
    fs::create_dir_all(path()).unwrap();
    // SAFETY: the function takes nothing and does not unwind.
    unsafe { libc::atexit(remove) };
    path()
}

fn recipe(corpus: &Path) -> String {
    let corpus = corpus.display();
    format!(
        r#"
        [data]
        train = "{corpus}/train"
        validation = "{corpus}/validation"
        test = "{corpus}/test"

        [tokenizer]
        size = 400

        [model.recurrent]
        embedding = 16
        hidden = 16
        dropout = 0.1
        decoder = {{ kind = "luong", input_feeding = true }}

        [training]
        optimizer = {{ adam = {{ learning_rate = 0.01 }} }}
        batch_tokens = 600
        updates = 6
        validate_every = 3
        validation_sentences = 8
        pictures = 2
        log_every = 1

        [search]
        beam = 3
        "#
    )
}

/// The run's checkpoints by name, oldest first.
pub fn checkpoints(run: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(run)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("step-"))
        .collect();
    names.sort();
    names
}

/// The weights of a checkpoint, byte for byte.
pub fn weights(checkpoint: &Path) -> Vec<u8> {
    fs::read(checkpoint.join("model.safetensors")).unwrap()
}

/// Copies a checkpoint to a folder of its own.
pub fn copy(checkpoint: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(checkpoint).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Writes the checksums of a checkpoint anew, as if its files had been so from the first.
pub fn write_checksums(checkpoint: &Path) {
    targum::checksum::write_checksums(checkpoint).unwrap();
}

/// Makes a checkpoint produce the target piece `id` whenever it may.
pub fn make_it_say(checkpoint: &Path, id: i64) {
    let path = checkpoint.join("model.safetensors");
    let mut tensors: BTreeMap<String, Tensor> = Tensor::read_safetensors(&path).unwrap().into_iter().collect();
    let bias = tensors.iter_mut().find(|(name, _)| ["output.bias", "final_logits_bias"].contains(&name.as_str()));
    let (_, bias) = bias.expect("the output layer has a bias");
    let _ = bias.get(id).fill_(1000.0);
    let tensors: Vec<(&String, &Tensor)> = tensors.iter().collect();
    Tensor::write_safetensors(&tensors, &path).unwrap();
    write_checksums(checkpoint);
}
