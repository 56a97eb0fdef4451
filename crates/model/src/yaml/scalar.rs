//! Which texts may stand in YAML without quotes, and how the others are quoted.

/// The form a text takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    /// `|`, lines as they are.
    Literal,
}

/// Chooses the form the Go programs choose; where they would write a text that some reader of YAML 1.1 or 1.2 takes for
/// something else, the text is quoted.
pub(super) fn style(text: &str, is_key: bool) -> Style {
    if text.chars().any(is_special) {
        return Style::Double;
    }
    if text.contains('\n') {
        return if is_key || !can_be_literal(text) { Style::Double } else { Style::Literal };
    }
    if is_read_as_other_type(text) {
        return Style::Double;
    }
    if has_indicator(text) || text.starts_with(' ') || text.ends_with(' ') { Style::Single } else { Style::Plain }
}

/// Characters that only an escape carries safely: controls, what some readers take for a line break, what the Go
/// programs call unprintable.
fn is_special(character: char) -> bool {
    match character {
        '\n' => false,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => true,
        other => u32::from(other) > 0xffff,
    }
}

/// Leading blanks would need an indentation hint, blanks at the end of lines are lost in editors.
fn can_be_literal(text: &str) -> bool {
    !text.starts_with([' ', '\n']) && !text.contains(" \n") && !text.ends_with(' ')
}

fn has_indicator(text: &str) -> bool {
    if text.starts_with("---") || text.starts_with("...") {
        return true;
    }
    let mut previous = ' ';
    let mut characters = text.chars().peekable();
    let mut is_first = true;
    while let Some(character) = characters.next() {
        let before_blank = characters.peek().is_none_or(|next| *next == ' ');
        let hit = match character {
            '#' => is_first || previous == ' ',
            ':' => before_blank,
            '?' | '-' => is_first && before_blank,
            ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => is_first,
            _ => false,
        };
        if hit {
            return true;
        }
        previous = character;
        is_first = false;
    }
    false
}

/// Whether a reader of YAML 1.1 or 1.2 may see null, a boolean, a number, a time or a merge key.
fn is_read_as_other_type(text: &str) -> bool {
    match text {
        "" | "~" | "<<" | "=" => return true,
        _ => {}
    }
    let is_word = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word));
    if is_word {
        return true;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if [".inf", ".nan"].iter().any(|word| unsigned.eq_ignore_ascii_case(word)) {
        return true;
    }
    match unsigned.as_bytes().first() {
        Some(b'0'..=b'9' | b'.' | b'_') => is_number(unsigned) || is_sexagesimal(unsigned) || is_time(text),
        _ => false,
    }
}

fn is_number(unsigned: &str) -> bool {
    let digits: String = unsigned.chars().filter(|character| *character != '_').collect();
    let lower = digits.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(rest) = lower.strip_prefix(prefix) {
            let rest = rest.strip_prefix(['+', '-']).unwrap_or(rest);
            return rest.chars().all(|character| character.is_digit(radix));
        }
    }
    let (mantissa, exponent) = lower.split_once('e').map_or((lower.as_str(), None), |(m, e)| (m, Some(e)));
    let is_exponent = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        exponent.bytes().all(|byte| byte.is_ascii_digit())
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    is_exponent && [whole, fraction].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Numbers to the base of sixty: `1:30` is ninety in YAML 1.1.
fn is_sexagesimal(unsigned: &str) -> bool {
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let Some((first, rest)) = whole.split_once(':') else { return false };
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    are_digits(first)
        && are_digits(fraction)
        && rest.split(':').all(|part| matches!(part.len(), 1 | 2) && are_digits(part))
}

/// Dates, alone or with a time behind them.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 8
        && bytes[4] == b'-'
        && bytes[..4].iter().all(u8::is_ascii_digit)
        && bytes[5].is_ascii_digit()
        && bytes[5..].iter().position(|byte| *byte == b'-').is_some_and(|length| length == 1 || length == 2)
        && bytes[bytes.len() - 1..].iter().all(u8::is_ascii_alphanumeric)
        && bytes[5..].iter().all(|byte| {
            byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'.' | b'+' | b'T' | b't' | b'Z' | b'z' | b' ')
        })
}

pub(super) fn write_single(text: &str, out: &mut String) {
    out.push('\'');
    out.push_str(&text.replace('\'', "''"));
    out.push('\'');
}

pub(super) fn write_double(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{85}' => out.push_str("\\N"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            other if is_special(other) => {
                let code = u32::from(other);
                let (mark, digits) = match code {
                    0..=0xff => ('x', 2),
                    0x100..=0xffff => ('u', 4),
                    _ => ('U', 8),
                };
                out.extend(['\\', mark]);
                let code = format!("{code:0digits$X}");
                out.push_str(&code);
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_where_no_reader_errs() {
        for text in [
            "v2",
            "1.0.0",
            "v1",
            "sha256:abc",
            "text/plain; charset=utf-8",
            "a b",
            "LocalBlob/v1",
            "http://x/y?z#a",
            "-a",
            "a-",
            "1.0.0+build",
            "ünï",
            "12ab",
            "ghcr.io/x:1.0@sha256:9",
            "a,b",
            "e3",
            "C:\\x",
            "1.2.3.4:5000",
        ] {
            assert_eq!(style(text, false), Style::Plain, "{text}");
        }
    }

    #[test]
    fn quoted_where_one_would() {
        for text in [
            "",
            "yes",
            "No",
            "on",
            "y",
            "N",
            "null",
            "~",
            "1",
            "1.0",
            "1_000",
            "0x1f",
            "0b1",
            "010",
            "1e3",
            "1e+3",
            ".5",
            "5.",
            "-1",
            "+1",
            ".inf",
            "-.INF",
            ".nan",
            "2024-01-02",
            "2024-01-02T03:04:05Z",
            "1:30",
            "190:20:30",
            "<<",
            "=",
            "1234567890123",
            "123e45",
            "0o17",
            "_1",
            "\t",
            "a\tb",
            "\u{85}",
            "\u{1f600}",
        ] {
            assert_eq!(style(text, false), Style::Double, "{text}");
        }
        for text in [
            " a",
            "a ",
            "#a",
            "a #b",
            "a: b",
            "a:",
            "- a",
            "-",
            "? a",
            "{a}",
            "[a",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "'a",
            "\"a",
            "---",
            "|",
            ">x",
            "{\"name\":\"acme\"}",
        ] {
            assert_eq!(style(text, false), Style::Single, "{text}");
        }
        assert_eq!(style("a\nb\n", false), Style::Literal);
        assert_eq!(style("a\nb\n", true), Style::Double);
        assert_eq!(style(" a\nb", false), Style::Double);
    }
}
