//! What the program says while a verb works: a bar on a terminal, one log line per item elsewhere.

use std::io::IsTerminal as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use ocm::{Item, Observer, Outcome};

use crate::print::escape;

/// Bytes, rate and time left of everything under way, under the name of what was begun last.
pub(crate) struct Bars {
    screen: MultiProgress,
    is_terminal: bool,
    work: Mutex<Work>,
}

/// What is under way. The bar is there only while something is, so that it never stands in the way of what is printed.
#[derive(Default)]
struct Work {
    bar: Option<ProgressBar>,
    open: usize,
    bytes: u64,
    moved: u64,
}

impl Bars {
    /// Bars that are drawn only if the standard error is a terminal.
    pub(crate) fn new(screen: MultiProgress) -> Self {
        Self { screen, is_terminal: std::io::stderr().is_terminal(), work: Mutex::default() }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bar(&self) -> ProgressBar {
        let bar = self.screen.add(ProgressBar::new(0));
        let form = "{spinner} {wide_msg} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        bar.set_style(ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }
}

impl Work {
    /// Not every size is known beforehand; a bar beyond its end helps nobody.
    fn show(&mut self) {
        self.bytes = self.bytes.max(self.moved);
        if let Some(bar) = &self.bar {
            bar.set_length(self.bytes);
            bar.set_position(self.moved);
        }
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Bars {
    fn started(&self, item: &Item) {
        if !self.is_terminal {
            return;
        }
        let mut work = self.work();
        work.open += 1;
        work.bytes += item.bytes.unwrap_or_default();
        let bar = work.bar.get_or_insert_with(|| self.bar());
        bar.set_message(escape::terminal(&format!("{} {}{}", item.action, item.name, destination(item))));
        work.show();
    }

    fn moved(&self, bytes: u64) {
        if self.is_terminal {
            let mut work = self.work();
            work.moved += bytes;
            work.show();
        }
    }

    fn ended(&self, item: &Item, outcome: Outcome) {
        let (mark, ending) = match outcome {
            Outcome::Completed => ("✓", "completed"),
            Outcome::Present => ("=", "already present"),
            Outcome::Failed => ("✗", "failed"),
        };
        if self.is_terminal {
            let mut work = self.work();
            work.open = work.open.saturating_sub(1);
            if work.open == 0 {
                work.clear();
            }
            let line = format!("{mark} {} {}{}", item.action, item.name, destination(item));
            let _ = self.screen.println(escape::terminal(&line));
        } else if item.action != "download" {
            // What was downloaded is said by the command itself, with the file it went to.
            let target = item.target.as_deref();
            tracing::info!(target: "ocm", item = item.name, target_repository = target, "{}: item {ending}", item.action);
        }
    }

    fn warned(&self, message: &str) {
        tracing::warn!(target: "ocm", "{message}");
    }
}

/// Where an item goes, where that is not clear from the command line.
fn destination(item: &Item) -> String {
    item.target.as_ref().map(|target| format!(" to {target}")).unwrap_or_default()
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.work().clear();
    }
}
