//! What the command line asks for.

use std::path::PathBuf;
use std::process::exit;

const USAGE: &str = "\
Abuses targum for a given time and counts what did not hold; docs/reliability.md says what should.

  --seconds N     all of the time, shared out among the kinds (300)
  --seed N        what all chance derives from (1)
  --kind NAME     only this kind; again for each further one
  --case N        only this case of the one kind
  --jobs N        cases side by side; as many as cores unless given
  --binary PATH   the program to abuse, where it is not the one that was built with this
  --keep          keep the folders of cases that held as well

What failed is kept in torture/failures/ of CARGO_TARGET_TMPDIR, and the status is 1.";

#[derive(Clone, Debug)]
pub struct Options {
    pub seconds: u64,
    pub seed: u64,
    pub kinds: Vec<String>,
    pub case: Option<u64>,
    pub jobs: usize,
    pub binary: Option<PathBuf>,
    pub keep: bool,
    /// This process is one of those that read hostile input: the folder of what it shares with the one that started it.
    pub reader: Option<PathBuf>,
}

impl Options {
    /// Ends the process where the arguments are wrong.
    pub fn parse(kinds: &[&str]) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut options =
            Self { seconds: 300, seed: 1, kinds: Vec::new(), case: None, jobs: cores, binary: None, keep: false, reader: None };
        let mut arguments = std::env::args().skip(1);
        while let Some(option) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_else(|| wrong(&format!("{option} needs a value")));
            match option.as_str() {
                "--seconds" => options.seconds = number(&option, &value()),
                "--seed" => options.seed = number(&option, &value()),
                "--case" => options.case = Some(number(&option, &value())),
                "--jobs" => options.jobs = number(&option, &value()).clamp(1, 256) as usize,
                "--binary" => options.binary = Some(value().into()),
                "--keep" => options.keep = true,
                "--reader" => options.reader = Some(value().into()),
                "--kind" => {
                    let name = value();
                    if !kinds.contains(&name.as_str()) {
                        wrong(&format!("--kind {name} is none of {}", kinds.join(", ")));
                    }
                    options.kinds.push(name);
                }
                "--help" | "-h" => {
                    println!("{USAGE}\n\nKinds: {}", kinds.join(", "));
                    exit(0)
                }
                other => wrong(&format!("{other} is no option")),
            }
        }
        if options.case.is_some() && options.kinds.len() != 1 {
            wrong("--case needs one --kind");
        }
        options
    }
}

fn number(option: &str, value: &str) -> u64 {
    value.parse().unwrap_or_else(|_| wrong(&format!("{option} is {value}, expected a whole number")))
}

fn wrong(message: &str) -> ! {
    eprintln!("torture: {message}; --help shows the options");
    exit(2)
}
