//! The progress line of training.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{FormattedDuration, HumanBytes, HumanCount, ProgressBar, ProgressStyle};

use super::memory::resident_memory;
use crate::runtime::{message, write_message_to};

/// How progress shows on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    /// A line that is drawn over and over.
    Bar,
    /// A plain line now and then, for logs.
    Lines,
    /// Nothing but messages.
    Silent,
}

impl Display {
    /// A bar on a terminal, plain lines elsewhere.
    pub fn detect() -> Self {
        if std::io::stderr().is_terminal() { Self::Bar } else { Self::Lines }
    }
}

/// When training ends at the latest; counted from the start of the run, earlier parts of a resumed one included.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Goal {
    pub updates: Option<u64>,
    pub time: Option<Duration>,
}

/// What the trainer knows at a log interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Negative log-likelihood per target piece, in nats, without label smoothing.
    pub loss: f64,
    pub learning_rate: f64,
}

/// Pace since the report before; validation and saving, told by [`TrainingProgress::pause`], not counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    pub source_tokens_per_second: f64,
    pub target_tokens_per_second: f64,
    pub updates_per_second: f64,
}

/// Shows how training goes. On a terminal it redraws one line; elsewhere each report is a line of its own.
pub struct TrainingProgress {
    goal: Goal,
    update: u64,
    sink: Sink,
    /// Training time of earlier parts of the run.
    before: Duration,
    start: Instant,
    window: Window,
}

enum Sink {
    Bar(ProgressBar),
    Lines(Mutex<Box<dyn Write + Send>>),
    Silent,
}

/// Counts since the last report.
struct Window {
    start: Instant,
    paused: Duration,
    updates: u64,
    source_tokens: u64,
    target_tokens: u64,
}

impl Window {
    fn open() -> Self {
        Self { start: Instant::now(), paused: Duration::ZERO, updates: 0, source_tokens: 0, target_tokens: 0 }
    }

    fn rates(&self, elapsed: Duration) -> Rates {
        // A clock too coarse for the window must not make a rate infinite.
        let seconds = elapsed.saturating_sub(self.paused).as_secs_f64().max(1e-9);
        Rates {
            source_tokens_per_second: self.source_tokens as f64 / seconds,
            target_tokens_per_second: self.target_tokens as f64 / seconds,
            updates_per_second: self.updates as f64 / seconds,
        }
    }
}

impl TrainingProgress {
    /// Goes on after `update` updates that took `before`; both are 0 in a fresh run.
    pub fn new(goal: Goal, update: u64, before: Duration, display: Display) -> Self {
        let sink = match display {
            Display::Bar => Sink::Bar(bar(goal, update)),
            Display::Lines => Sink::Lines(Mutex::new(Box::new(std::io::stderr()))),
            Display::Silent => Sink::Silent,
        };
        Self { goal, update, sink, before, start: Instant::now(), window: Window::open() }
    }

    /// Counts one update and the tokens it learned from, without padding. Cheap: call it at each.
    pub fn advance(&mut self, source_tokens: u64, target_tokens: u64) {
        self.update += 1;
        self.window.updates += 1;
        self.window.source_tokens += source_tokens;
        self.window.target_tokens += target_tokens;
        if let Sink::Bar(bar) = &self.sink {
            bar.set_position(self.update);
        }
    }

    /// Runs what is not training, such as a validation, off the clock of the rates.
    pub fn pause<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.window.paused += start.elapsed();
        result
    }

    /// Shows the figures with the pace since the last report, and returns that pace.
    pub fn report(&mut self, figures: Figures) -> Rates {
        let rates = self.window.rates(self.window.start.elapsed());
        let line = describe(figures, rates, resident_memory());
        match &self.sink {
            Sink::Bar(bar) => bar.set_message(self.with_remaining(line, rates)),
            Sink::Lines(out) => {
                let line = format!("update {}: {line}", HumanCount(self.update));
                write_line(out, &self.with_remaining(line, rates));
            }
            Sink::Silent => {}
        }
        self.window = Window::open();
        rates
    }

    /// Prints a message to stderr without tearing the line.
    pub fn message(&self, message: &str) {
        match &self.sink {
            Sink::Bar(bar) => bar.suspend(|| message!("{message}")),
            Sink::Lines(out) => write_line(out, message),
            Sink::Silent => message!("{message}"),
        }
    }

    /// Takes the line away.
    pub fn finish(self) {
        if let Sink::Bar(bar) = &self.sink {
            bar.finish_and_clear();
        }
    }

    fn with_remaining(&self, mut line: String, rates: Rates) -> String {
        let remaining = self.goal.remaining(self.update, self.before + self.start.elapsed(), rates.updates_per_second);
        if let Some(remaining) = remaining {
            // A whole number of seconds: more would only flicker.
            let _ = write!(line, ", {} left", FormattedDuration(Duration::from_secs(remaining.as_secs())));
        }
        line
    }
}

impl Goal {
    /// Time until the first of the ends, as far as there is one.
    fn remaining(self, update: u64, elapsed: Duration, updates_per_second: f64) -> Option<Duration> {
        let by_updates = self
            .updates
            .and_then(|updates| Duration::try_from_secs_f64(updates.saturating_sub(update) as f64 / updates_per_second).ok());
        let by_time = self.time.map(|time| time.saturating_sub(elapsed));
        by_updates.into_iter().chain(by_time).min()
    }
}

fn describe(figures: Figures, rates: Rates, memory: Option<u64>) -> String {
    let Figures { loss, learning_rate } = figures;
    let mut line = format!(
        "loss {loss:.3}, perplexity {}, rate {learning_rate:.2e}, {} + {} tokens/s",
        short(loss.exp()),
        HumanCount(rates.source_tokens_per_second as u64),
        HumanCount(rates.target_tokens_per_second as u64)
    );
    if let Some(memory) = memory {
        let _ = write!(line, ", {}", HumanBytes(memory));
    }
    line
}

/// Two decimals where they mean something.
fn short(value: f64) -> String {
    if value < 1000.0 {
        format!("{value:.2}")
    } else if value < 1e15 {
        HumanCount(value as u64).to_string()
    } else {
        format!("{value:.1e}")
    }
}

fn write_line(out: &Mutex<Box<dyn Write + Send>>, line: &str) {
    write_message_to(&mut *out.lock().unwrap_or_else(|broken| broken.into_inner()), line);
}

fn bar(goal: Goal, update: u64) -> ProgressBar {
    let (bar, template) = match goal.updates {
        Some(updates) => (ProgressBar::new(updates), "{bar:20} {human_pos}/{human_len} {wide_msg}"),
        None => (ProgressBar::new_spinner(), "{spinner} update {human_pos} {wide_msg}"),
    };
    bar.set_style(ProgressStyle::with_template(template).expect("the templates above are well-formed"));
    bar.set_position(update);
    bar
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Output that a test can look at.
    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Captured {
        fn lines(&self) -> Vec<String> {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap().lines().map(str::to_owned).collect()
        }
    }

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn rates_leave_pauses_out() {
        let window = Window { start: Instant::now(), paused: 3 * SECOND, updates: 10, source_tokens: 800, target_tokens: 1000 };
        let rates = window.rates(5 * SECOND);
        assert_eq!(rates, Rates { source_tokens_per_second: 400.0, target_tokens_per_second: 500.0, updates_per_second: 5.0 });
    }

    #[test]
    fn what_is_left_is_the_first_end() {
        let updates = Goal { updates: Some(100), time: None };
        assert_eq!(updates.remaining(60, SECOND, 4.0), Some(10 * SECOND));
        assert_eq!(updates.remaining(60, SECOND, 0.0), None);
        let both = Goal { updates: Some(100), time: Some(8 * SECOND) };
        assert_eq!(both.remaining(60, SECOND, 4.0), Some(7 * SECOND));
        assert_eq!(both.remaining(99, SECOND, 0.5), Some(2 * SECOND));
        assert_eq!(both.remaining(120, 9 * SECOND, 0.5), Some(Duration::ZERO));
        assert_eq!(Goal::default().remaining(1, SECOND, 1.0), None);
    }

    #[test]
    fn a_line_says_it_all() {
        let figures = Figures { loss: 2.0, learning_rate: 0.0005 };
        let rates = Rates { source_tokens_per_second: 12_345.6, target_tokens_per_second: 999.0, updates_per_second: 2.0 };
        assert_eq!(
            describe(figures, rates, Some(3 << 29)),
            "loss 2.000, perplexity 7.39, rate 5.00e-4, 12,345 + 999 tokens/s, 1.50 GiB"
        );
        assert_eq!(short(8_000.4), "8,000");
        assert_eq!(short(f64::INFINITY), "inf");
        assert_eq!(short(f64::NAN), "NaN");
    }

    #[test]
    fn each_report_is_a_line_and_opens_a_new_window() {
        let captured = Captured::default();
        let goal = Goal { updates: Some(1010), time: None };
        let mut progress = TrainingProgress::new(goal, 1000, Duration::ZERO, Display::Silent);
        progress.sink = Sink::Lines(Mutex::new(Box::new(captured.clone())));
        progress.advance(30, 40);
        assert_eq!(progress.pause(|| 7), 7);
        let figures = Figures { loss: 1.0, learning_rate: 1.0 };
        assert!(progress.report(figures).target_tokens_per_second > 0.0);
        progress.message("saved");
        assert_eq!(progress.report(figures).target_tokens_per_second, 0.0);
        progress.finish();
        let lines = captured.lines();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].starts_with("update 1,001: loss 1.000, perplexity 2.72") && lines[0].ends_with(" left"), "{lines:?}");
        assert_eq!(lines[1], "saved");
        assert!(lines[2].contains(", 0 + 0 tokens/s"), "{lines:?}");
    }

    #[test]
    fn every_kind_of_bar_has_a_sound_template() {
        for updates in [None, Some(3)] {
            bar(Goal { updates, time: None }, 1).set_message("loss");
        }
    }
}
