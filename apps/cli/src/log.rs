//! Log lines in the form of Go's `slog`, which scripts around the older programs filter for.

use std::fmt;
use std::io::{self, Write};

use indicatif::MultiProgress;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, reload};

use crate::args::{Global, LogFormat, LogLevel, LogOutput};
use crate::print::{escape, json};

/// Sets how much is said after logging was started: the configuration is read with words, too.
pub(crate) struct Levels(reload::Handle<Targets, Registry>);

impl Levels {
    pub(crate) fn set(&self, level: LogLevel) {
        // It fails only when logging is gone.
        let _ = self.0.reload(targets(level));
    }
}

fn targets(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    // The libraries below have much to say that nobody asked for, addresses and headers among it.
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("ocm", level)
}

/// Starts logging as the flags want it. Lines are written above the progress bars.
pub(crate) fn start(global: &Global, bars: &MultiProgress) -> Levels {
    let (targets, levels) = reload::Layer::new(targets(global.loglevel.unwrap_or(LogLevel::Info)));
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Slog { form: global.logformat })
        .with_writer(Lines { bars: bars.clone(), output: global.logoutput });
    // A second subscriber exists only in tests of this program's parts.
    let _ = tracing_subscriber::registry().with(targets).with(lines).try_init();
    Levels(levels)
}

struct Slog {
    form: LogFormat,
}

impl<S, N> FormatEvent<S, N> for Slog
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
        let line = match self.form {
            LogFormat::Text => text_line(&time, level(*event.metadata().level()), &fields),
            LogFormat::Json => json_line(time, level(*event.metadata().level()), fields)?,
        };
        writeln!(writer, "{line}")
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARN",
        Level::INFO => "INFO",
        _ => "DEBUG",
    }
}

/// What an event says: its message, and named values in their order.
#[derive(Default)]
struct Fields {
    message: String,
    values: Vec<(&'static str, Value)>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), &value) {
            ("message", Value::String(message)) => self.message.clone_from(message),
            _ => self.values.push((field.name(), value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }
}

fn text_line(time: &str, level: &str, fields: &Fields) -> String {
    let mut line = format!("time={time} level={level} msg={}", quoted_if_needed(&fields.message));
    for (name, value) in &fields.values {
        let value = value.as_str().map_or_else(|| value.to_string(), quoted_if_needed);
        let _ = fmt::Write::write_fmt(&mut line, format_args!(" {name}={value}"));
    }
    line
}

fn json_line(time: String, level: &str, fields: Fields) -> Result<String, fmt::Error> {
    let head = [("time", time.into()), ("level", level.into()), ("msg", fields.message.into())];
    let object: Map<String, Value> =
        head.into_iter().chain(fields.values).map(|(name, value)| (name.to_owned(), value)).collect();
    json::compact(&object).map_err(|_| fmt::Error)
}

fn quoted_if_needed(text: &str) -> String {
    let is_plain = |letter: char| !matches!(letter, ' ' | '"' | '=') && !escape::is_unsafe(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    let quoted =
        text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t").replace('\r', "\\r");
    let quoted: String = quoted
        .chars()
        .map(
            |letter| {
                if escape::is_unsafe(letter) { format!("\\u{:04x}", u32::from(letter)) } else { letter.to_string() }
            },
        )
        .collect();
    format!("\"{quoted}\"")
}

/// Writes whole lines to a stream while the bars stand aside.
#[derive(Clone)]
struct Lines {
    bars: MultiProgress,
    output: LogOutput,
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.bars.suspend(|| match self.output {
            LogOutput::Stderr => io::stderr().write_all(line),
            LogOutput::Stdout => io::stdout().write_all(line),
        })?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        Fields {
            message: "it is done".into(),
            values: vec![("output", "a b=\"\u{1b}\"".into()), ("bytes", 3.into()), ("name", "x".into())],
        }
    }

    #[test]
    fn text_lines_quote_what_needs_quotes() {
        assert_eq!(
            text_line("T", "INFO", &fields()),
            r#"time=T level=INFO msg="it is done" output="a b=\"\u001b\"" bytes=3 name=x"#
        );
    }

    #[test]
    fn json_lines_begin_with_time_level_and_message() {
        assert_eq!(
            json_line("T".into(), "WARN", fields()).unwrap(),
            r#"{"time":"T","level":"WARN","msg":"it is done","output":"a b=\"\u001b\"","bytes":3,"name":"x"}"#
        );
    }
}
