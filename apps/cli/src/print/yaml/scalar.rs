use std::cmp::Ordering;

use super::text;

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the document.
    Top,
    /// Behind a key.
    Value,
    /// Behind the dash of a list.
    Item,
}

/// A key; never folded, never on several lines.
pub(super) fn key(key: &str) -> String {
    let needs_quotes = key.contains('\n') || resolves_to_something_else(key);
    match text::allowed(key) {
        text::Allowed::Plain if !needs_quotes => key.to_owned(),
        text::Allowed::Plain | text::Allowed::Single if !needs_quotes => format!("'{}'", key.replace('\'', "''")),
        _ => text::double_quoted(key, 0, usize::MAX),
    }
}

/// A text in the lightest style that reads back unchanged. `column` is where it begins, `indent` where its other lines go.
pub(super) fn text(content: &str, indent: usize, column: usize, place: Place) -> String {
    let indent = if place == Place::Top { 2 } else { indent.max(2) };
    let allowed = text::allowed(content);
    if content.contains('\n') && text::may_be_literal(content) {
        return text::literal(content, indent);
    }
    match allowed {
        _ if content.contains('\n') || resolves_to_something_else(content) => text::double_quoted(content, indent, column),
        text::Allowed::Plain => text::folded(content, "", indent, column),
        text::Allowed::Single => text::folded(&content.replace('\'', "''"), "'", indent, column),
        text::Allowed::Double => text::double_quoted(content, indent, column),
    }
}

/// Whether a reader would take the bare text for a number, a boolean, null or a date, by the rules of YAML 1.1 or 1.2.
fn resolves_to_something_else(text: &str) -> bool {
    const WORDS: [&str; 36] = [
        "", "~", "null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE", "y", "Y", "yes", "Yes", "YES", "n", "N",
        "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "<<", ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", "=", "+.inf",
    ];
    WORDS.contains(&text) || text.strip_prefix(['-', '+']).is_some_and(|rest| rest.eq_ignore_ascii_case(".inf")) || is_number(text) || is_date(text)
}

/// Integers and floats in any notation, also the base-60 ones of YAML 1.1 (`12:30`).
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') || !digits.contains(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let plain = digits.replace('_', "");
    let based = |prefix: &str, radix: u32| {
        plain.get(..2).is_some_and(|head| head.eq_ignore_ascii_case(prefix)) && plain.len() > 2 && plain[2..].chars().all(|c| c.is_digit(radix))
    };
    let decimal = || {
        let (mantissa, exponent) = plain.split_once(['e', 'E']).unwrap_or((plain.as_str(), "0"));
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        let all_digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        all_digits(whole) && all_digits(fraction) && !exponent.is_empty() && all_digits(exponent)
    };
    let sexagesimal = || {
        let mut parts = plain.split(':');
        let first = parts.next().is_some_and(|first| !first.is_empty() && first.chars().all(|c| c.is_ascii_digit()));
        let mut rest = parts.peekable();
        first && rest.peek().is_some() && rest.all(|part| {
            let part = part.split('.').next().unwrap_or_default();
            (1..=2).contains(&part.len()) && part.chars().all(|c| c.is_ascii_digit())
        })
    };
    based("0x", 16) || based("0o", 8) || based("0b", 2) || decimal() || sexagesimal()
}

/// `2024-05-06`, with or without a time behind it.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let digits = |part: Option<&str>, lengths: std::ops::RangeInclusive<usize>| {
        part.is_some_and(|part| lengths.contains(&part.len()) && part.chars().all(|c| c.is_ascii_digit()))
    };
    if !digits(parts.next(), 4..=4) || !digits(parts.next(), 1..=2) {
        return false;
    }
    let rest = parts.next().unwrap_or_default();
    let (day, time) = rest.split_once(['T', 't', ' ']).unwrap_or((rest, ""));
    let is_time = time.is_empty() || (time.starts_with(|c: char| c.is_ascii_digit()) && time.contains(':'));
    digits(Some(day), 1..=2) && is_time
}

/// The order of keys: letters after other characters, runs of digits by their number (`a2` before `a10`).
pub(super) fn key_order(one: &str, other: &str) -> Ordering {
    let (one_letters, other_letters): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let Some(at) = one_letters.iter().zip(&other_letters).position(|(a, b)| a != b) else {
        return one_letters.len().cmp(&other_letters.len());
    };
    let (a, b) = (one_letters[at], other_letters[at]);
    let after_digits = at > 0 && one_letters[at - 1].is_numeric();
    match (a.is_alphabetic(), b.is_alphabetic()) {
        (true, true) => return a.cmp(&b),
        (true, false) => return if after_digits { Ordering::Less } else { Ordering::Greater },
        (false, true) => return if after_digits { Ordering::Greater } else { Ordering::Less },
        (false, false) => {}
    }
    let number = |letters: &[char]| letters[at..].iter().take_while(|letter| letter.is_ascii_digit()).collect::<String>();
    let (a_digits, b_digits) = (number(&one_letters), number(&other_letters));
    let trimmed = |digits: &str| digits.trim_start_matches('0').to_owned();
    let by_number = |a: &str, b: &str| a.len().cmp(&b.len()).then_with(|| a.cmp(b));
    by_number(&trimmed(&a_digits), &trimmed(&b_digits)).then(a_digits.len().cmp(&b_digits.len())).then(a.cmp(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(content: &str) -> String {
        text(content, 2, 10, Place::Value)
    }

    #[test]
    fn a_text_that_looks_like_something_else_is_quoted() {
        for content in ["", "1.0", "00", "1e5", "0x1F", "0o7", "12:30:45", "y", "No", "on", "null", "~", ".inf", "2024-05-06T07:08:09Z", "2024-5-6", "1_000"] {
            assert_eq!(plain(content), format!("\"{content}\""));
        }
        for content in ["1.0.0", "v1", "sha256:00", "acme.org/a", "0.9.0-rc.1", "e5", "10.0.0.1:5000", "text/plain; charset=utf-8"] {
            assert_eq!(plain(content), content);
        }
    }

    #[test]
    fn indicators_are_quoted_singly_and_controls_doubly() {
        assert_eq!(plain(r#"{"name":"acme.org"}"#), r#"'{"name":"acme.org"}'"#);
        assert_eq!(plain("it's: so"), "'it''s: so'");
        assert_eq!(plain(" x"), "' x'");
        assert_eq!(plain("a\tb"), "\"a\\tb\"");
        assert_eq!(plain("\u{1b}[2J"), "\"\\e[2J\"");
    }

    #[test]
    fn several_lines_are_a_literal_block() {
        assert_eq!(plain("a\nb"), "|-\n  a\n  b");
        assert_eq!(plain("a\n\nb\n"), "|\n  a\n\n  b");
        assert_eq!(plain("a\n\n"), "|+\n  a\n");
        assert_eq!(plain(" a\nb"), "|2-\n   a\n  b");
        assert_eq!(plain("a \n"), "|\n  a ");
    }

    #[test]
    fn long_texts_are_folded_at_a_blank_after_column_80() {
        let long = format!("{} end", "x".repeat(75));
        assert_eq!(plain(&long), format!("{}\n  end", "x".repeat(75)));
        assert_eq!(plain(&long[10..]), &long[10..]);
    }

    #[test]
    fn keys_are_ordered_by_letters_and_numbers() {
        let mut keys = ["b", "a10", "a2", "A", "a", "_x", "aB"];
        keys.sort_by(|one, other| key_order(one, other));
        assert_eq!(keys, ["_x", "A", "a", "a2", "a10", "aB", "b"]);
        assert_eq!(key("y"), "\"y\"");
        assert_eq!(key("a: b"), "'a: b'");
    }
}
