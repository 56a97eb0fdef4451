//! Durations as Go programs write them: `1h30m`, `200ms`, `-1s`, or a number of nanoseconds.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{Entry, Notice};

/// Members of entries that are durations.
const MEMBERS: [&str; 9] = [
    "timeout",
    "tcpDialTimeout",
    "tcpKeepAlive",
    "tlsHandshakeTimeout",
    "responseHeaderTimeout",
    "idleConnTimeout",
    "minWait",
    "maxWait",
    "idleTimeout",
];

/// Nanoseconds below which a number without a unit was meant otherwise: a millisecond, which no network beats.
const LIKELY: u64 = 1_000_000;

/// A length of time with a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) is_negative: bool,
    pub(crate) length: Duration,
}

/// Reads a duration; `None` if it is none, or too long.
pub(crate) fn read(value: &Value) -> Option<Signed> {
    match value {
        Value::Number(number) => {
            let nanoseconds = number.as_i64()?;
            let length = Duration::from_nanos(nanoseconds.unsigned_abs());
            Some(Signed { is_negative: nanoseconds < 0, length })
        }
        Value::String(text) => {
            let (is_negative, text) = match text.strip_prefix('-') {
                Some(rest) => (true, rest),
                None => (false, text.strip_prefix('+').unwrap_or(text)),
            };
            Some(Signed { is_negative, length: parts(text)? })
        }
        _ => None,
    }
}

/// Durations of an entry, in whatever part of it, that are numbers without a unit and that nobody can mean: `timeout: 5` is five
/// nanoseconds to the Go program and here.
pub(crate) fn doubtful(entry: &Entry) -> Vec<Notice> {
    fn search(entry: &Entry, at: &str, members: &Map<String, Value>, notices: &mut Vec<Notice>) {
        for (key, value) in members {
            let pointer = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
            match value {
                Value::Object(members) => search(entry, &pointer, members, notices),
                Value::Number(number) if MEMBERS.contains(&key.as_str()) => {
                    let length = number.as_i64().map(i64::unsigned_abs).filter(|length| (1..LIKELY).contains(length));
                    notices.extend(length.map(|_| Notice::Doubtful {
                        place: entry.place_of(&pointer).clone(),
                        reason: format!(
                            "{key}: {number} is {number} ns: a number without a unit is nanoseconds; write {number}s for seconds"
                        ),
                    }));
                }
                _ => {}
            }
        }
    }
    let mut notices = Vec::new();
    search(entry, "", &entry.members, &mut notices);
    notices
}

/// Numbers with units, one after the other: `1h30m`, `1.5s`. A lone `0` needs no unit.
fn parts(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, after) = rest.split_at(digits);
        let end = after.find(|character: char| character.is_ascii_digit() || character == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        let number: f64 = number.parse().ok()?;
        sum = sum.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
        rest = next;
    }
    (!text.is_empty()).then_some(sum)
}

/// The duration as Go programs write it: `1m0s`, `1.5s`, `200ms`.
pub(crate) fn text(length: Duration) -> String {
    if length < Duration::from_secs(1) {
        let (unit, one) = match length.as_nanos() {
            0 => return "0s".to_owned(),
            1..1_000 => ("ns", 1),
            1_000..1_000_000 => ("µs", 1_000),
            _ => ("ms", 1_000_000),
        };
        return format!("{}{unit}", decimal(u128::from(length.subsec_nanos()), one));
    }
    let (hours, minutes) = (length.as_secs() / 3600, length.as_secs() / 60 % 60);
    let below = u128::from(length.as_secs() % 60) * 1_000_000_000 + u128::from(length.subsec_nanos());
    let seconds = decimal(below, 1_000_000_000);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// A number of parts as a number of wholes, without zeros at its end.
fn decimal(parts: u128, whole: u128) -> String {
    let digits = whole.to_string().len() - 1;
    let text = format!("{}.{:0digits$}", parts / whole, parts % whole);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for text in ["0s", "1ns", "1.5µs", "200ms", "1s", "1.5s", "1m0s", "2m3.25s", "1h0m0s", "25h1m2s"] {
            assert_eq!(read(&text.into()).map(|read| super::text(read.length)).as_deref(), Some(text));
        }
    }

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let plain = |value: Value| read(&value).filter(|signed| !signed.is_negative).map(|signed| signed.length);
        assert_eq!(plain("30s".into()), Some(Duration::from_secs(30)));
        assert_eq!(plain("1h30m".into()), Some(Duration::from_mins(90)));
        assert_eq!(plain("1.5s".into()), Some(Duration::from_millis(1500)));
        assert_eq!(plain("200ms".into()), Some(Duration::from_millis(200)));
        assert_eq!(plain("0".into()), Some(Duration::ZERO));
        assert_eq!(plain(1_000_000_000.into()), Some(Duration::from_secs(1)));
        assert_eq!(read(&"-1s".into()), Some(Signed { is_negative: true, length: Duration::from_secs(1) }));
        for wrong in ["", "5", "s", "1x", "1..5s", "1 s", "99999999999999999999h"] {
            assert_eq!(read(&wrong.into()), None, "{wrong}");
        }
        assert_eq!(read(&true.into()), None);
    }
}
