//! What a plugin says on its standard error: one JSON object per line, which becomes a line of this program's log.

use serde_json::{Map, Value};
use tracing::Level;

use crate::redact::Confidences;

/// A line of a plugin's log.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    level: Level,
    message: String,
    /// Everything else, as `key=value`.
    details: String,
}

impl Line {
    /// Reads a line; one that is no JSON is a remark for whoever looks for a fault.
    fn read(line: &str) -> Self {
        let members: Option<Map<String, Value>> = serde_json::from_str(line).ok();
        let text = |key: &str| members.as_ref()?.get(key)?.as_str();
        let (Some(message), Some(level)) = (text("msg"), text("level")) else {
            return Self { level: Level::DEBUG, message: line.to_owned(), details: String::new() };
        };
        let level = match level.to_ascii_uppercase().as_str() {
            "ERROR" => Level::ERROR,
            "WARN" | "WARNING" => Level::WARN,
            "INFO" => Level::INFO,
            _ => Level::DEBUG,
        };
        let others = members.iter().flatten().filter(|(key, _)| !["msg", "level", "time"].contains(&key.as_str()));
        let mut details: Vec<String> = others
            .map(|(key, value)| value.as_str().map_or_else(|| format!("{key}={value}"), |text| format!("{key}={text}")))
            .collect();
        details.sort();
        Self { level, message: message.to_owned(), details: details.join(" ") }
    }
}

/// Says a line again, in this program's log. While a plugin is asked what it offers, its own good news is nobody's.
pub(crate) fn say_again(plugin: &str, line: &str, known: &Confidences, is_asking: bool) {
    if line.trim().is_empty() {
        return;
    }
    let Line { level, message, details } = Line::read(line);
    let (message, details) = (known.clean(&message), known.clean(&details));
    let details = (!details.is_empty()).then_some(details);
    match level {
        Level::ERROR => tracing::error!(target: "ocm", plugin, details, "{message}"),
        Level::WARN => tracing::warn!(target: "ocm", plugin, details, "{message}"),
        Level::INFO if !is_asking => tracing::info!(target: "ocm", plugin, details, "{message}"),
        _ => tracing::debug!(target: "ocm", plugin, details, "{message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_level_and_members() {
        let line = Line::read(r#"{"time":"t","level":"WARN","msg":"slow","b":1,"a":"x"}"#);
        assert_eq!(line, Line { level: Level::WARN, message: "slow".into(), details: "a=x b=1".into() });
        assert_eq!(Line::read("panic: oh").level, Level::DEBUG);
    }
}
