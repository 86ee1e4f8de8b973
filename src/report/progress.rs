//! Progress of work on data, and where progress goes.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{FormattedDuration, HumanBytes, HumanCount, ProgressBar, ProgressStyle};

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

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Items,
    Bytes,
}

impl Unit {
    fn show(self, amount: u64) -> String {
        match self {
            Self::Items => HumanCount(amount).to_string(),
            Self::Bytes => HumanBytes(amount).to_string(),
        }
    }
}

/// Progress of one piece of work, which threads may share.
pub struct Progress {
    label: String,
    unit: Unit,
    total: Option<u64>,
    done: AtomicU64,
    start: Instant,
    sink: Sink,
}

enum Sink {
    Bar(ProgressBar),
    /// A line whenever `every` has passed since `last`.
    Lines {
        every: Duration,
        last: Mutex<Instant>,
        out: Mutex<Box<dyn Write + Send>>,
    },
    Silent,
}

impl Progress {
    /// Starts to show work of `total` units, or of unknown size.
    pub fn new(label: &str, unit: Unit, total: Option<u64>, display: Display) -> Self {
        let sink = match display {
            Display::Bar => Sink::Bar(bar(label, unit, total)),
            Display::Lines => Sink::lines(Duration::from_secs(30), Box::new(std::io::stderr())),
            Display::Silent => Sink::Silent,
        };
        Self::with_sink(label, unit, total, sink)
    }

    fn with_sink(label: &str, unit: Unit, total: Option<u64>, sink: Sink) -> Self {
        Self { label: label.to_owned(), unit, total, done: AtomicU64::new(0), start: Instant::now(), sink }
    }

    /// Counts `amount` more units.
    pub fn advance(&self, amount: u64) {
        let done = self.done.fetch_add(amount, Ordering::Relaxed) + amount;
        match &self.sink {
            Sink::Bar(bar) => bar.inc(amount),
            Sink::Lines { every, last, out } => {
                let mut last = last.lock().unwrap_or_else(|broken| broken.into_inner());
                if last.elapsed() >= *every {
                    *last = Instant::now();
                    write_line(out, &self.line(done));
                }
            }
            Sink::Silent => {}
        }
    }

    /// Prints a message to stderr without tearing the bar.
    pub fn message(&self, message: &str) {
        match &self.sink {
            Sink::Bar(bar) => bar.suspend(|| message!("{message}")),
            Sink::Lines { out, .. } => write_line(out, message),
            Sink::Silent => message!("{message}"),
        }
    }

    /// Ends with a line that stays.
    pub fn finish(self) {
        let line = format!("{} in {}", self.line(self.done.load(Ordering::Relaxed)), FormattedDuration(self.start.elapsed()));
        match &self.sink {
            Sink::Bar(bar) => {
                bar.finish_and_clear();
                message!("{line}");
            }
            Sink::Lines { out, .. } => write_line(out, &line),
            Sink::Silent => {}
        }
    }

    fn line(&self, done: u64) -> String {
        let Self { label, unit, .. } = self;
        match self.total {
            Some(total) if total != done => format!("{label}: {} of {}", unit.show(done), unit.show(total)),
            _ => format!("{label}: {}", unit.show(done)),
        }
    }
}

impl Sink {
    fn lines(every: Duration, out: Box<dyn Write + Send>) -> Self {
        Self::Lines { every, last: Mutex::new(Instant::now()), out: Mutex::new(out) }
    }
}

pub(super) fn write_line(out: &Mutex<Box<dyn Write + Send>>, line: &str) {
    write_message_to(&mut *out.lock().unwrap_or_else(|broken| broken.into_inner()), line);
}

fn bar(label: &str, unit: Unit, total: Option<u64>) -> ProgressBar {
    let template = match (unit, total) {
        (Unit::Items, Some(_)) => "{msg} {wide_bar} {human_pos} of {human_len}, {eta} left",
        (Unit::Bytes, Some(_)) => "{msg} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
        (Unit::Items, None) => "{msg} {spinner} {human_pos}",
        (Unit::Bytes, None) => "{msg} {spinner} {bytes}, {bytes_per_sec}",
    };
    let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    bar.set_style(ProgressStyle::with_template(template).expect("the templates above are well-formed"));
    bar.set_message(label.to_owned());
    bar
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, MutexGuard};

    use super::*;

    /// Output that a test can look at.
    #[derive(Clone, Default)]
    pub(in crate::report) struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Captured {
        fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
            self.0.lock().unwrap()
        }

        pub(in crate::report) fn lines(&self) -> Vec<String> {
            String::from_utf8(self.bytes().clone()).unwrap().lines().map(str::to_owned).collect()
        }
    }

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.bytes().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn progress(unit: Unit, total: Option<u64>, every: Duration) -> (Progress, Captured) {
        let captured = Captured::default();
        (Progress::with_sink("reading", unit, total, Sink::lines(every, Box::new(captured.clone()))), captured)
    }

    #[test]
    fn lines_come_at_intervals_and_at_the_end() {
        let (progress, captured) = progress(Unit::Items, Some(20_000), Duration::ZERO);
        progress.advance(1500);
        progress.message("a line of 2,000 words was left out");
        progress.advance(18_500);
        progress.finish();
        let lines = captured.lines();
        assert_eq!(lines[..3], ["reading: 1,500 of 20,000", "a line of 2,000 words was left out", "reading: 20,000"]);
        assert_eq!(lines[3], "reading: 20,000 in 00:00:00");
    }

    #[test]
    fn short_work_has_one_line() {
        let (progress, captured) = progress(Unit::Bytes, None, Duration::from_secs(30));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..512).for_each(|_| progress.advance(1024)));
            }
        });
        progress.finish();
        assert_eq!(captured.lines(), ["reading: 2.00 MiB in 00:00:00"]);
    }

    #[test]
    fn every_kind_of_bar_has_a_sound_template() {
        for unit in [Unit::Items, Unit::Bytes] {
            for total in [None, Some(3)] {
                bar("reading", unit, total).inc(1);
            }
        }
    }
}
