//! Signals that ask the process to end: SIGINT (Ctrl-C), SIGTERM (a cluster, a container) and SIGHUP (a closed terminal).
//!
//! One thread waits for them, and they interrupt none that computes. A handler's frame would be laid on the stack of the thread that it
//! interrupts, and half of all trainings that were interrupted in a product of libtorch's LSTM went on with a corrupted heap.
//!
//! Unless somebody listens, a signal ends the process at once, with 128 and the signal's number as exit status. Where work would be lost,
//! an [`Interrupt`] listens: the first signal raises it, and the work ends as soon as it is safe; the second one ends the process.

use std::fmt::{self, Display, Formatter};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::console::message;

/// A signal that asks the process to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    HangUp,
    Interrupt,
    Terminate,
}

impl Signal {
    const ALL: [Signal; 3] = [Signal::HangUp, Signal::Interrupt, Signal::Terminate];

    fn number(self) -> i32 {
        match self {
            Signal::HangUp => libc::SIGHUP,
            Signal::Interrupt => libc::SIGINT,
            Signal::Terminate => libc::SIGTERM,
        }
    }

    fn of(number: i32) -> Option<Self> {
        Signal::ALL.into_iter().find(|signal| signal.number() == number)
    }

    /// The exit status of a process that this signal ended, as shells count it.
    pub fn exit_status(self) -> u8 {
        128 + self.number() as u8
    }
}

impl Display for Signal {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Signal::HangUp => "SIGHUP",
            Signal::Interrupt => "SIGINT",
            Signal::Terminate => "SIGTERM",
        })
    }
}

/// Work that a signal ended early, by intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("ended by {0}")]
pub struct Interrupted(pub Signal);

/// Whether work is asked to end; clones are one and the same.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    /// The signal's number; 0 before there is one.
    raised: Arc<AtomicI32>,
}

impl Interrupt {
    /// One that no signal raises before it [listens](Interrupt::listen).
    pub fn new() -> Self {
        Interrupt::default()
    }

    pub fn raise(&self, signal: Signal) {
        self.raised.store(signal.number(), Ordering::SeqCst);
    }

    /// The signal that raised it.
    pub fn signal(&self) -> Option<Signal> {
        Signal::of(self.raised.load(Ordering::SeqCst))
    }

    /// # Errors
    /// [`Interrupted`], when it was raised.
    pub fn check(&self) -> Result<(), Interrupted> {
        self.signal().map_or(Ok(()), |signal| Err(Interrupted(signal)))
    }

    /// Does a piece of work to its end, whatever signal comes meanwhile.
    ///
    /// # Errors
    /// Those of the work; [`Interrupted`] when a signal came.
    pub fn after<R>(&self, promise: &'static str, work: impl FnOnce() -> anyhow::Result<R>) -> anyhow::Result<R> {
        let listening = self.listen(promise);
        let result = work()?;
        drop(listening);
        self.check()?;
        Ok(result)
    }

    /// From now on and until what is returned is dropped, the first signal raises this, and says `promise` to people; the second one ends the
    /// process.
    pub fn listen(&self, promise: &'static str) -> Reacting {
        Reacting::new(Reaction::Raise(self.clone(), promise))
    }
}

/// From now on and until what is returned is dropped, a signal ends the process at once, and `consolation` tells people what that means.
pub fn end_on_signal(consolation: &'static str) -> Reacting {
    Reacting::new(Reaction::End(consolation))
}

/// Signals that come so soon after one that asked work to end are the same one.
const ONE_WISH: Duration = Duration::from_millis(500);

enum Reaction {
    End(&'static str),
    Raise(Interrupt, &'static str),
}

static REACTION: Mutex<Reaction> = Mutex::new(Reaction::End(""));

fn reaction() -> MutexGuard<'static, Reaction> {
    REACTION.lock().unwrap_or_else(|broken| broken.into_inner())
}

/// How the process reacts to signals while this lives; afterwards it is as it was before.
#[must_use = "signals are reacted to in this way only while it lives"]
pub struct Reacting {
    before: Option<Reaction>,
}

impl Reacting {
    fn new(now: Reaction) -> Self {
        Reacting { before: Some(std::mem::replace(&mut reaction(), now)) }
    }
}

impl Drop for Reacting {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            *reaction() = before;
        }
    }
}

/// Begins to wait for signals. Those that the process was started to ignore, as `nohup` does with SIGHUP, it goes on ignoring. A file that
/// grows over the limit of `ulimit -f` is an error of writing from now on, and no longer the end of the process.
///
/// Call it before there are other threads: they are like the one that starts them.
pub fn watch_signals() {
    // SAFETY: to ignore a signal touches nothing but the process's table of signals.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let mut signals = MaybeUninit::uninit();
    // SAFETY: the set is made empty before it is used, and no former mask is asked for.
    let signals = unsafe {
        libc::sigemptyset(signals.as_mut_ptr());
        for signal in Signal::ALL.into_iter().filter(|signal| !is_ignored(signal.number())) {
            libc::sigaddset(signals.as_mut_ptr(), signal.number());
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, signals.as_ptr(), ptr::null_mut());
        signals.assume_init()
    };
    let waiting = std::thread::Builder::new().spawn(move || {
        let mut raised = None;
        loop {
            let mut number = 0;
            // SAFETY: both are alive, and the signals of the set are blocked in every thread.
            unsafe { libc::sigwait(&raw const signals, &raw mut number) };
            if let Some(signal) = Signal::of(number) {
                react(signal, &mut raised);
            }
        }
    });
    if waiting.is_err() {
        // With nobody to wait for them, they end the process as they do any other.
        // SAFETY: the set is alive, and no former mask is asked for.
        unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const signals, ptr::null_mut()) };
    }
}

fn is_ignored(number: i32) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: only asks; the call writes the struct, of which zeros are a value.
    unsafe {
        libc::sigaction(number, ptr::null(), action.as_mut_ptr());
        action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// Does what is to be done about a signal; `raised` is when the last one was that asked work to end.
fn react(signal: Signal, raised: &mut Option<Instant>) {
    let (text, ends) = match &*reaction() {
        // `timeout` and terminals signal a process and its group: that is one wish.
        Reaction::Raise(..) if raised.is_some_and(|raised| raised.elapsed() < ONE_WISH) => (String::new(), false),
        Reaction::Raise(interrupt, promise) if interrupt.signal().is_none() => {
            *raised = Some(Instant::now());
            interrupt.raise(signal);
            (format!("{signal}: {promise}; a second signal ends at once"), false)
        }
        Reaction::Raise(..) | Reaction::End("") => (String::new(), true),
        Reaction::End(consolation) => (format!("ended by {signal}: {consolation}"), true),
    };
    if !text.is_empty() {
        // By a thread of its own: where standard error is a pipe that nobody empties, a message waits, and must not keep the process alive.
        // Where no thread can be made, nothing is said.
        if let Ok(said) = std::thread::Builder::new().spawn(move || message!("{text}")) {
            for _ in 0..20 {
                if said.is_finished() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
    if ends {
        // Not `exit`: libtorch's threads may be at work, and its destructors would wait for them or crash. And not the signal's own way: it
        // does not end the first process of a container.
        // SAFETY: `_exit` only ends the process.
        unsafe { libc::_exit(i32::from(signal.exit_status())) }
    }
}
