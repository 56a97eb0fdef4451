use std::fmt::Write as _;

use super::super::escape;

/// The lightest style a text of one line may be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// As it is.
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes, with escapes.
    Double,
}

/// Column after which a text is folded at the next blank.
const WIDTH: usize = 80;

/// Decides by the characters of the text; what it would resolve to is the caller's business.
pub(super) fn allowed(text: &str) -> Allowed {
    if text.chars().any(|letter| escape::is_unsafe(letter) || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}')) {
        return Allowed::Double;
    }
    let starts_special = text.starts_with([
        '#', ',', '[', ']', '{', '}', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`',
    ]);
    let starts_indicator = ["-", "?", ":"].iter().any(|mark| text == *mark || text.starts_with(&format!("{mark} ")));
    let is_marker = text.starts_with("---") || text.starts_with("...");
    let holds_indicator = text.contains(": ") || text.ends_with(':') || text.contains(" #");
    let has_outer_blank = text.starts_with(' ') || text.ends_with(' ') || text.is_empty();
    if starts_special || starts_indicator || is_marker || holds_indicator || has_outer_blank { Allowed::Single } else { Allowed::Plain }
}

/// Whether a text of several lines survives in a literal block: nothing to escape, no blanks at its very end.
pub(super) fn may_be_literal(text: &str) -> bool {
    let is_printable = |letter: char| letter == '\n' || !(escape::is_unsafe(letter) || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}'));
    text.chars().all(is_printable) && !text.ends_with(' ')
}

/// A literal block: the lines as they are.
pub(super) fn literal(text: &str, indent: usize) -> String {
    let hint = if text.starts_with([' ', '\n']) { "2" } else { "" };
    let body = text.trim_end_matches('\n');
    let breaks = text.len() - body.len();
    let chomping = match breaks {
        0 => "-",
        1 if !body.is_empty() => "",
        _ => "+",
    };
    let mut block = format!("|{hint}{chomping}");
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        block.push('\n');
        if !line.is_empty() {
            block.push_str(&" ".repeat(indent));
            block.push_str(line);
        }
    }
    block
}

/// A plain or quoted text, broken at single blanks beyond [`WIDTH`].
pub(super) fn folded(text: &str, quote: &str, indent: usize, column: usize) -> String {
    let mut folded = String::from(quote);
    let mut column = column + quote.len();
    let letters: Vec<char> = text.chars().collect();
    for (position, letter) in letters.iter().enumerate() {
        let is_inner = position > 0 && position + 1 < letters.len();
        let is_single = is_inner && letters[position - 1] != ' ' && letters[position + 1] != ' ';
        if *letter == ' ' && is_single && column > WIDTH {
            folded.push('\n');
            folded.push_str(&" ".repeat(indent));
            column = indent;
        } else {
            folded.push(*letter);
            column += 1;
        }
    }
    folded + quote
}

/// A text in double quotes; `column` of `usize::MAX` means that it must stay on one line.
pub(super) fn double_quoted(text: &str, indent: usize, column: usize) -> String {
    let mut quoted = String::from("\"");
    let mut column = column.saturating_add(1);
    let may_fold = column != usize::MAX;
    let letters: Vec<char> = text.chars().collect();
    for (position, letter) in letters.iter().enumerate() {
        let is_inner = position > 0 && position + 1 < letters.len();
        let before = quoted.len();
        match letter {
            ' ' if may_fold && is_inner && column > WIDTH && letters[position - 1] != ' ' => {
                quoted.push('\n');
                quoted.push_str(&" ".repeat(indent));
                // Blanks at the start of a line would be taken for its indentation.
                if letters[position + 1] == ' ' {
                    quoted.push('\\');
                }
                column = indent;
                continue;
            }
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            '\u{1b}' => quoted.push_str("\\e"),
            '\0' => quoted.push_str("\\0"),
            '\u{85}' => quoted.push_str("\\N"),
            '\u{2028}' => quoted.push_str("\\L"),
            '\u{2029}' => quoted.push_str("\\P"),
            letter if escape::is_unsafe(*letter) || *letter == '\u{feff}' => {
                let code = u32::from(*letter);
                let _ = if code < 0x100 { write!(quoted, "\\x{code:02X}") } else { write!(quoted, "\\u{code:04X}") };
            }
            letter => quoted.push(*letter),
        }
        column = column.saturating_add(quoted[before..].chars().count());
    }
    quoted + "\""
}
