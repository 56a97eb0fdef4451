use std::fmt::Write as _;

/// Text that is safe on a terminal: what a registry wrote must not move the cursor, clear the screen or turn the line round.
///
/// Control characters (C0, DEL, C1) and the bidirectional controls become `\u{…}` escapes; everything else stays.
pub(crate) fn terminal(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, letter| {
        if is_unsafe(letter) {
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(letter));
        } else {
            safe.push(letter);
        }
        safe
    })
}

/// As [`terminal`], but line breaks stay: for messages of several lines.
pub(crate) fn message(text: &str) -> String {
    text.split('\n').map(terminal).collect::<Vec<_>>().join("\n")
}

/// Whether a terminal acts on the character instead of showing it.
pub(crate) fn is_unsafe(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_drive_the_terminal() {
        assert_eq!(terminal("a\u{1b}[2Jb\rc\u{9b}m"), "a\\u{1b}[2Jb\\u{d}c\\u{9b}m");
        assert_eq!(terminal("moc.live\u{202e}"), "moc.live\\u{202e}");
        assert_eq!(message("one\ntwo\tü"), "one\ntwo\\u{9}ü");
    }
}
