//! Starts the program under limits, and judges how it ended.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, PipeReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::report::{Fault, Finding};

/// Resident memory that no input of ours justifies, in KiB.
pub const MEMORY: u64 = 2 << 20;
/// Address space of a program, far above what it maps: so that a wild one cannot take the machine with it.
const ADDRESSES: u64 = 24 << 30;
/// Errors are for people: nobody reads more.
const LONGEST_MESSAGE: usize = 100_000;

/// Where an output of the program goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    /// A file, which is read afterwards.
    File,
    /// A pipe that is read to its end.
    Pipe,
    /// Nowhere: the descriptor is closed.
    Closed,
    /// `/dev/full`.
    Full,
    /// A pipe whose reader is gone from the start.
    Gone,
    /// A pipe whose reader goes after so many bytes, as `head` does.
    Head(usize),
}

pub enum Input {
    Nothing,
    Bytes(Vec<u8>),
    /// A pipe that stays open and gives nothing after these.
    Open(Vec<u8>),
    File(PathBuf),
}

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Code(i32),
    Signal(i32),
    /// It was ended for taking too long.
    Hang,
    /// It was ended for taking too much memory.
    Memory,
}

/// What ran, and what came of it.
pub struct Run {
    pub shown: String,
    pub end: End,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// Most memory that was resident, in KiB.
    pub peak: u64,
    pub seconds: f64,
}

pub struct Launch {
    command: Command,
    folder: PathBuf,
    input: Input,
    stdout: Sink,
    stderr: Sink,
    seconds: u64,
    file_limit: Option<u64>,
}

impl Launch {
    /// `program` with these arguments; what it prints goes into files of `folder`. It computes on one thread: cases run side by side.
    pub fn new<I: IntoIterator<Item: AsRef<OsStr>>>(program: &Path, folder: &Path, arguments: I) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder);
        command.env("OMP_NUM_THREADS", "1").env("RAYON_NUM_THREADS", "1").env_remove("RUST_BACKTRACE");
        Self {
            command,
            folder: folder.to_owned(),
            input: Input::Nothing,
            stdout: Sink::File,
            stderr: Sink::File,
            seconds: 60,
            file_limit: None,
        }
    }

    pub fn input(mut self, input: Input) -> Self {
        self.input = input;
        self
    }

    pub fn outputs(mut self, stdout: Sink, stderr: Sink) -> Self {
        (self.stdout, self.stderr) = (stdout, stderr);
        self
    }

    /// It has hung when it is not done by then.
    pub fn seconds(mut self, seconds: u64) -> Self {
        self.seconds = seconds;
        self
    }

    /// No file may be longer.
    pub fn file_limit(mut self, bytes: u64) -> Self {
        self.file_limit = Some(bytes);
        self
    }

    pub fn run(self) -> Run {
        self.start().finish()
    }

    pub fn start(mut self) -> Running {
        let shown = format!("{:?}, output to {:?}, messages to {:?}", self.command, self.stdout, self.stderr);
        let mut readers = Vec::new();
        let mut outputs = [Output::Nothing, Output::Nothing];
        for (descriptor, (sink, output)) in [self.stdout, self.stderr].into_iter().zip(&mut outputs).enumerate() {
            let path = self.folder.join(["stdout", "stderr"][descriptor]);
            let (stdio, reader) = open(sink, &path, output);
            match descriptor {
                0 => self.command.stdout(stdio),
                _ => self.command.stderr(stdio),
            };
            readers.extend(reader.map(|reader| (descriptor, sink, reader)));
        }
        let mut feed = None;
        let stdio = match self.input {
            Input::Nothing => Stdio::null(),
            Input::File(path) => File::open(path).expect("an input").into(),
            Input::Bytes(bytes) => {
                feed = Some((bytes, false));
                Stdio::piped()
            }
            Input::Open(bytes) => {
                feed = Some((bytes, true));
                Stdio::piped()
            }
        };
        self.command.stdin(stdio);
        let closed = [self.stdout, self.stderr].map(|sink| sink == Sink::Closed);
        let file_limit = self.file_limit;
        // SAFETY: between fork and exec these calls are allowed: they set numbers of this process and close its descriptors.
        unsafe {
            self.command.pre_exec(move || {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                // Whoever started us in the background or with `nohup` made us ignore some, and the program would as well.
                for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGTERM, libc::SIGXFSZ] {
                    libc::signal(signal, libc::SIG_DFL);
                }
                let addresses = libc::rlimit { rlim_cur: ADDRESSES, rlim_max: ADDRESSES };
                libc::setrlimit(libc::RLIMIT_AS, &addresses);
                let no_core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
                libc::setrlimit(libc::RLIMIT_CORE, &no_core);
                if let Some(bytes) = file_limit {
                    libc::setrlimit(libc::RLIMIT_FSIZE, &libc::rlimit { rlim_cur: bytes, rlim_max: bytes });
                }
                (1..).zip(closed).filter(|(_, closed)| *closed).for_each(|(descriptor, _)| {
                    libc::close(descriptor);
                });
                Ok(())
            });
        }
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("cannot start {shown}: {error}"));
        // The command holds our ends of the pipes.
        drop(self.command);
        for (descriptor, sink, reader) in readers {
            outputs[descriptor] = Output::Thread(std::thread::spawn(move || read(reader, sink)));
        }
        let mut held = None;
        if let (Some((bytes, open)), Some(mut stdin)) = (feed, child.stdin.take()) {
            if open {
                let _ = stdin.write_all(&bytes);
                held = Some(stdin);
            } else {
                // Where it reads no further, that is its business.
                std::thread::spawn(move || drop(stdin.write_all(&bytes)));
            }
        }
        Running { child, shown, outputs, _held: held, start: Instant::now(), seconds: self.seconds, done: None, peak: 0 }
    }
}

enum Output {
    Nothing,
    File(PathBuf),
    Thread(JoinHandle<Vec<u8>>),
}

fn open(sink: Sink, path: &Path, output: &mut Output) -> (Stdio, Option<PipeReader>) {
    match sink {
        Sink::File => {
            *output = Output::File(path.to_owned());
            (File::create(path).expect("a file for what is printed").into(), None)
        }
        Sink::Closed => (Stdio::null(), None),
        Sink::Full => (File::options().write(true).open("/dev/full").expect("/dev/full").into(), None),
        Sink::Pipe | Sink::Head(_) | Sink::Gone => {
            let (reader, writer) = io::pipe().expect("a pipe");
            (writer.into(), (sink != Sink::Gone).then_some(reader))
        }
    }
}

fn read(mut reader: PipeReader, sink: Sink) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = match sink {
        Sink::Head(most) => reader.take(most as u64).read_to_end(&mut bytes),
        _ => reader.read_to_end(&mut bytes),
    };
    bytes
}

/// A program at work.
pub struct Running {
    child: Child,
    shown: String,
    outputs: [Output; 2],
    _held: Option<std::process::ChildStdin>,
    start: Instant,
    seconds: u64,
    done: Option<End>,
    peak: u64,
}

impl Running {
    pub fn id(&self) -> i32 {
        self.child.id() as i32
    }

    /// Sends a signal; nothing where it has ended.
    pub fn signal(&mut self, signal: i32) {
        if self.poll().is_none() {
            // SAFETY: the process has not been waited for, so the number is still its own.
            unsafe { libc::kill(self.id(), signal) };
        }
    }

    /// Whether the program itself answers a signal by now. Libraries are loaded before its first instruction, and until then a signal ends any process
    /// in the signal's own way.
    pub fn answers(&self, signal: i32) -> bool {
        for _ in 0..100 {
            let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
            let has = |mask: &str, signal: i32| {
                let found = status.lines().find_map(|line| line.strip_prefix(mask)).unwrap_or_default();
                u64::from_str_radix(found.trim(), 16).unwrap_or(0) >> (signal - 1) & 1 == 1
            };
            // The first thing that a program in Rust does is to ignore SIGPIPE.
            if !has("SigIgn:", libc::SIGPIPE) {
                return false;
            }
            if has("SigBlk:", signal) || has("SigCgt:", signal) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// How it ended, where it has; ends it where it breaks a limit.
    pub fn poll(&mut self) -> Option<End> {
        if self.done.is_some() {
            return self.done;
        }
        let limit = if resident(self.id()) > MEMORY {
            Some(End::Memory)
        } else if self.start.elapsed() > Duration::from_secs(self.seconds) {
            Some(End::Hang)
        } else {
            None
        };
        if limit.is_some() {
            // SAFETY: as above.
            unsafe { libc::kill(self.id(), libc::SIGKILL) };
        }
        let (mut status, mut usage) = (0, std::mem::MaybeUninit::zeroed());
        let flags = if limit.is_some() { 0 } else { libc::WNOHANG };
        // SAFETY: both places are ours, and zeros are an `rusage`.
        let (waited, usage) = unsafe {
            let waited = libc::wait4(self.id(), &mut status, flags, usage.as_mut_ptr());
            (waited, usage.assume_init())
        };
        if waited != self.id() {
            return None;
        }
        self.peak = usage.ru_maxrss as u64;
        let ended =
            if libc::WIFSIGNALED(status) { End::Signal(libc::WTERMSIG(status)) } else { End::Code(libc::WEXITSTATUS(status)) };
        self.done = Some(limit.unwrap_or(ended));
        self.done
    }

    /// Waits until it ended or so long.
    pub fn wait(&mut self, time: Duration) -> Option<End> {
        let start = Instant::now();
        while self.poll().is_none() && start.elapsed() < time {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.done
    }

    pub fn finish(mut self) -> Run {
        while self.poll().is_none() {
            std::thread::sleep(Duration::from_millis(3));
        }
        let [stdout, stderr] = self.outputs.map(|output| match output {
            Output::Nothing => Vec::new(),
            Output::File(path) => fs::read(path).unwrap_or_default(),
            Output::Thread(thread) => thread.join().unwrap_or_default(),
        });
        let end = self.done.expect("it ended");
        Run { shown: self.shown, end, stdout, stderr, peak: self.peak, seconds: self.start.elapsed().as_secs_f64() }
    }
}

/// Resident memory of a process in KiB; 0 where it is gone.
pub fn resident(process: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    let pages: u64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4
}

impl Run {
    pub fn code(&self) -> Option<i32> {
        if let End::Code(code) = self.end { Some(code) } else { None }
    }

    pub fn good(&self) -> bool {
        self.end == End::Code(0)
    }

    pub fn messages(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// What it was and what it said, for a note.
    pub fn story(&self) -> String {
        let said: String = self.messages().chars().take(4000).collect();
        format!(
            "{}\nended: {:?} after {:.2} s, {} MiB at most, and said:\n{said}",
            self.shown,
            self.end,
            self.seconds,
            self.peak >> 10
        )
    }

    pub fn finding(&self, fault: Fault, what: &str) -> Finding {
        Finding { fault, text: format!("{what}\n{}", self.story()) }
    }

    /// What holds whatever the input: one of these statuses, no panic, no trace, no mess on the terminal, time and memory kept.
    pub fn judge(&self, codes: &[i32]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut found = |fault, what: &str| findings.push(self.finding(fault, what));
        match self.end {
            End::Signal(signal) => found(Fault::Abort(signal), &format!("ended by signal {signal}")),
            End::Hang => found(Fault::Hang, "not done in time"),
            End::Memory => found(Fault::Memory, "more than 2 GiB resident"),
            End::Code(134) => found(Fault::Abort(libc::SIGABRT), "status 134"),
            End::Code(code) if !codes.contains(&code) => {
                found(Fault::Other, &format!("status {code}, expected one of {codes:?}"))
            }
            End::Code(_) if self.peak > MEMORY => found(Fault::Memory, "more than 2 GiB resident"),
            End::Code(_) => {}
        }
        let said = self.messages();
        if let Some(line) = said.lines().find(|line| line.contains("panicked") || line.contains("internal error")) {
            found(Fault::Panic, line);
        }
        if said.contains("frame #") || said.contains("Exception raised from") {
            found(Fault::Other, "a trace of C++ in a message");
        }
        if let Some(control) = said.chars().find(|&character| character.is_control() && !"\n\t".contains(character)) {
            found(Fault::Other, &format!("the control character {control:?} in a message"));
        }
        if std::str::from_utf8(&self.stderr).is_err() {
            found(Fault::Other, "a message that is not UTF-8");
        }
        if said.len() > LONGEST_MESSAGE {
            found(Fault::Other, &format!("a message of {} bytes", said.len()));
        }
        findings
    }
}
