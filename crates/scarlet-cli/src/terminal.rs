//! What a user sees while a command runs: output, warnings, notes, progress.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anstream::ColorChoice;
use clap::builder::styling::{AnsiColor, Style};
use indicatif::{HumanBytes, HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use scarlet::weights;
use scarlet_io::atomic_file;
use scarlet_io::printable::{self, printable};
use tracing_subscriber::EnvFilter;

use crate::error::CliError;
use crate::report::number::thousands;

/// Pause between two lines of progress where no bar can be drawn.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
/// Between two moves of a bar that waits.
const TICK: Duration = Duration::from_millis(100);

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// A warning before anything else is drawn.
pub(crate) fn warn(message: impl Display) {
    let message = printable::message(&message.to_string()).to_string();
    let _ = writeln!(anstream::stderr(), "{WARNING}warning:{WARNING:#} {message}");
}

/// Standard output and standard error, where only one at a time may draw. Whatever names are in a
/// text, it leaves here without anything that a terminal would obey.
#[derive(Clone)]
pub(crate) struct Terminal {
    progress: ProgressForm,
    bars: MultiProgress,
    /// Where reports go.
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Stdout,
    Stderr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProgressForm {
    Silent,
    /// A line now and then: for files, and next to a log.
    Lines,
    Bars,
}

impl Terminal {
    pub(crate) fn new(quiet: bool, verbose: u8) -> Self {
        if verbose > 0 {
            start_log(verbose);
        }
        let progress = if quiet {
            ProgressForm::Silent
        } else if verbose > 0 || !io::stderr().is_terminal() {
            ProgressForm::Lines
        } else {
            ProgressForm::Bars
        };
        Self {
            progress,
            bars: MultiProgress::new(),
            output: Output::Stdout,
        }
    }

    /// The same for a command that writes a file to `path`: where that is standard output, as with
    /// `/dev/stdout`, reports go to standard error.
    pub(crate) fn beside(&self, path: &Path) -> Self {
        let output = match atomic_file::is_standard_output(path) {
            true => Output::Stderr,
            false => self.output,
        };
        Self {
            output,
            ..self.clone()
        }
    }

    /// A line or more of a report, on standard output.
    pub(crate) fn print(&self, text: &str) -> Result<(), CliError> {
        self.write(&printable(text))
    }

    /// A report as JSON.
    pub(crate) fn print_json(&self, json: &str) -> Result<(), CliError> {
        self.write(&printable::json(json))
    }

    fn write(&self, text: &str) -> Result<(), CliError> {
        let text = text.trim_end_matches('\n');
        self.bars.suspend(|| {
            match self.output {
                Output::Stdout => print_line(&mut io::stdout().lock(), text)?,
                Output::Stderr => print_line(&mut io::stderr().lock(), text)?,
            }
            Ok(())
        })
    }

    pub(crate) fn error(&self, error: &CliError) {
        self.say(format_args!("{ERROR}error:{ERROR:#} "), &error.report());
    }

    pub(crate) fn warn(&self, message: impl Display) {
        let message = message.to_string();
        self.say(format_args!("{WARNING}warning:{WARNING:#} "), &message);
    }

    /// Something good to know, unless the user wants quiet.
    pub(crate) fn note(&self, message: impl Display) {
        if self.progress != ProgressForm::Silent {
            self.say("", &message.to_string());
        }
    }

    fn say(&self, kind: impl Display, message: &str) {
        let message = printable::message(message);
        self.bars.suspend(|| {
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(anstream::stderr(), "{kind}{message}");
        });
    }

    /// Progress of `total` items called `unit`.
    pub(crate) fn progress(&self, unit: &'static str, total: usize) -> Progress {
        let bar = self.bar(ITEMS, unit);
        bar.set_length(total as u64);
        let lines = self.progress == ProgressForm::Lines;
        Progress {
            ticker: None,
            bar,
            lines: lines.then(|| Lines::new(unit, total)),
        }
    }

    /// Progress of `total` items called `unit`, to be told with a message.
    pub(crate) fn stage_progress(&self, unit: &'static str, total: u64) -> StageProgress {
        let bar = self.bar(STAGE, "");
        bar.set_length(total);
        StageProgress {
            bar,
            unit,
            total,
            due: (self.progress == ProgressForm::Lines).then(|| Instant::now() + LINE_INTERVAL),
        }
    }

    /// Progress of getting weights, for as long as the first value lives; the second is to be
    /// told about it.
    pub(crate) fn download(&self) -> (Progress, impl FnMut(weights::Progress) + 'static) {
        let bar = self.bar(WAITING, "");
        let shown = Progress {
            ticker: (self.progress == ProgressForm::Bars).then(|| Ticker::start(bar.clone())),
            bar: bar.clone(),
            lines: None,
        };
        let lines = self.progress == ProgressForm::Lines;
        let mut due = Instant::now() + LINE_INTERVAL;
        let report = move |progress: weights::Progress| {
            let received = received(&progress);
            if lines && Instant::now() >= due {
                due = Instant::now() + LINE_INTERVAL;
                let _ = writeln!(io::stderr(), "downloading the weights: {received}");
            }
            if let Some(total) = progress.total {
                bar.set_style(style(BYTES));
                bar.set_length(total);
            }
            bar.set_position(progress.received);
            bar.set_message(received);
        };
        (shown, report)
    }

    /// Complete before it is added, which draws it.
    fn bar(&self, template: &str, message: &'static str) -> ProgressBar {
        if self.progress != ProgressForm::Bars {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::no_length()
            .with_style(style(template))
            .with_message(message);
        self.bars.add(bar)
    }
}

fn print_line(out: &mut dyn Write, text: &str) -> io::Result<()> {
    writeln!(out, "{text}")?;
    out.flush()
}

/// Shows what clap has to say instead of a command: help, the version, or what is wrong with the
/// command line.
pub(crate) fn show_usage(usage: &clap::Error) -> ExitCode {
    if !usage.use_stderr() {
        let printed = usage.print().and_then(|()| io::stdout().flush());
        return match printed.map_err(CliError::Print) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
            Err(error) => {
                Terminal::new(false, 0).error(&error);
                ExitCode::from(error.exit_code())
            }
        };
    }
    // It repeats what was written on the command line, which a shell may have taken from a folder.
    let plain = usage.render().to_string();
    let shown = printable::message(&plain);
    let _ = match shown == plain {
        true => usage.print(),
        false => write!(io::stderr(), "{shown}"),
    };
    ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2))
}

const ITEMS: &str = "{wide_bar} {human_pos} of {human_len} {msg}, {per_sec}, {eta} left";
const STAGE: &str = "  {wide_bar} {human_pos} of {human_len}: {msg}";
const WAITING: &str = "{spinner} getting the weights {msg}";
const BYTES: &str = "downloading the weights {wide_bar} {msg}, {eta} left";

fn style(template: &str) -> ProgressStyle {
    // A test parses every template.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn received(progress: &weights::Progress) -> String {
    let received = HumanBytes(progress.received);
    match progress.total {
        Some(total) => format!("{received} of {}", HumanBytes(total)),
        None => received.to_string(),
    }
}

fn start_log(verbose: u8) {
    let level = if verbose == 1 { "info" } else { "debug" };
    let colours = anstream::stderr().current_choice() != ColorChoice::Never;
    // A second subscriber would be a mistake of this program, and no reason not to continue.
    let _ = tracing_subscriber::fmt()
        // It would tell standard error that standard error is closed, and panic over it.
        .log_internal_errors(false)
        .with_env_filter(EnvFilter::new(level))
        .with_writer(|| LogWriter)
        .with_ansi(colours)
        .try_init();
}

/// Standard error for the log, which writes out the escape sequences in names itself, but not
/// everything that a terminal obeys.
struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        // What is left of escape sequences are the log's own colours.
        let parts: Vec<_> = text.split('\u{1b}').map(printable).collect();
        io::stderr().write_all(parts.join("\u{1b}").as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// How far a command is.
pub(crate) struct Progress {
    /// Stopped before the bar is cleared.
    ticker: Option<Ticker>,
    bar: ProgressBar,
    lines: Option<Lines>,
}

impl Progress {
    pub(crate) fn advance(&mut self, items: usize) {
        self.bar.inc(items as u64);
        if let Some(lines) = &mut self.lines {
            lines.advance(items);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.ticker = None;
        self.bar.finish_and_clear();
    }
}

/// Keeps a bar moving while nothing is known of what it waits for. That takes a thread, whose refusal
/// indicatif's own ticker panics over; here the bar then moves with what it is told.
struct Ticker(Option<(Sender<()>, JoinHandle<()>)>);

impl Ticker {
    fn start(bar: ProgressBar) -> Self {
        let (stop, stopped) = channel();
        let tick = move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                bar.tick();
            }
        };
        let thread = thread::Builder::new().spawn(tick);
        Self(thread.ok().map(|thread| (stop, thread)))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.0.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

/// How far a stage of a run is.
pub(crate) struct StageProgress {
    bar: ProgressBar,
    unit: &'static str,
    total: u64,
    /// When the next line is, where lines are printed.
    due: Option<Instant>,
}

impl StageProgress {
    pub(crate) fn set(&mut self, done: u64, message: impl Display) {
        let message = printable::message(&message.to_string());
        self.bar.set_message(message.clone());
        self.bar.set_position(done);
        let now = Instant::now();
        if self.due.is_some_and(|due| now >= due) {
            self.due = Some(now + LINE_INTERVAL);
            let (done, total) = (thousands(done), thousands(self.total));
            let _ = writeln!(io::stderr(), "  {done} of {total} {}: {message}", self.unit);
        }
    }
}

impl Drop for StageProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

struct Lines {
    unit: &'static str,
    total: usize,
    done: usize,
    started: Instant,
    due: Instant,
}

impl Lines {
    fn new(unit: &'static str, total: usize) -> Self {
        let started = Instant::now();
        Self {
            unit,
            total,
            done: 0,
            started,
            due: started + LINE_INTERVAL,
        }
    }

    fn advance(&mut self, items: usize) {
        self.done += items;
        let now = Instant::now();
        if now >= self.due && self.done < self.total {
            self.due = now + LINE_INTERVAL;
            let _ = writeln!(io::stderr(), "{}", self.line(now - self.started));
        }
    }

    fn line(&self, elapsed: Duration) -> String {
        let rate = self.done as f64 / elapsed.as_secs_f64();
        let left = (self.total - self.done) as f64 / rate;
        let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX);
        format!(
            "{} of {} {unit}, {rate:.1} {unit}/s, about {} left",
            thousands(self.done as u64),
            thousands(self.total as u64),
            HumanDuration(left),
            unit = self.unit,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_parse() {
        for template in [ITEMS, STAGE, WAITING, BYTES] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_line_of_progress_estimates_what_is_left() {
        let mut lines = Lines::new("images", 50_000);
        lines.done = 2_500;
        assert_eq!(
            lines.line(Duration::from_secs(20)),
            "2,500 of 50,000 images, 125.0 images/s, about 6 minutes left"
        );
        lines.done = 0;
        assert!(lines.line(Duration::ZERO).starts_with("0 of 50,000"));
    }
}
