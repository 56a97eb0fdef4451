//! What the program says while a verb works: a bar on a terminal, one log line per item elsewhere.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use ocm::{Item, Observer, Outcome};

use crate::print::escape;

/// Bytes, rate and time left of everything under way, under the names of what is done.
pub(crate) struct Bars {
    bars: MultiProgress,
    all: Option<ProgressBar>,
}

impl Bars {
    /// Bars that are drawn only if the standard error is a terminal.
    pub(crate) fn new(bars: MultiProgress) -> Self {
        let all = std::io::stderr().is_terminal().then(|| {
            let bar = bars.add(ProgressBar::new(0));
            let form = "{spinner} {wide_msg} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
            bar.set_style(ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bars, all }
    }
}

impl Observer for Bars {
    fn started(&self, item: &Item) {
        if let Some(bar) = &self.all {
            bar.inc_length(item.bytes.unwrap_or_default());
            bar.set_message(escape::terminal(&format!("{} {}", item.action, item.name)));
        }
    }

    fn moved(&self, bytes: u64) {
        if let Some(bar) = &self.all {
            bar.inc(bytes);
            // Not every size is known beforehand; a bar beyond its end helps nobody.
            if bar.length().is_some_and(|length| length < bar.position()) {
                bar.set_length(bar.position());
            }
        }
    }

    fn ended(&self, item: &Item, outcome: Outcome) {
        let (mark, word) = match outcome {
            Outcome::Completed => ("✓", "completed"),
            Outcome::Present => ("=", "already present"),
            Outcome::Failed => ("✗", "failed"),
        };
        if self.all.is_some() {
            let _ = self.bars.println(escape::terminal(&format!("{mark} {} {}", item.action, item.name)));
        } else {
            tracing::info!(target: "ocm", item = item.name, "{}: item {word}", item.action);
        }
    }

    fn warned(&self, message: &str) {
        tracing::warn!(target: "ocm", "{message}");
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        if let Some(bar) = &self.all {
            bar.finish_and_clear();
        }
    }
}
