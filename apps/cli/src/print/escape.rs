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

/// Text without what stands before an `@` in the hosts of its addresses: whoever wrote a password into an address meets it in
/// messages, and those end up in the logs of pipelines.
pub(crate) fn without_users(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, address)) = rest.split_once("://") {
        let end = address.find(|letter: char| letter.is_whitespace() || "/?#\"'`<>".contains(letter));
        let host = &address[..end.unwrap_or(address.len())];
        shown.push_str(before);
        shown.push_str("://");
        if let Some((user, _)) = host.rsplit_once('@') {
            shown.push_str("***");
            rest = &address[user.len()..];
        } else {
            rest = address;
        }
    }
    shown + rest
}

/// Whether a terminal acts on the character instead of showing it.
pub(crate) fn is_unsafe(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_not_repeated() {
        for (text, shown) in [
            ("http://u:secret@h:1/a: x", "http://***@h:1/a: x"),
            (r#"argument "https://secret@h" and oci://u:s@t@h/b"#, r#"argument "https://***@h" and oci://***@h/b"#),
            ("http://h/a@sha256:1 mails a@b", "http://h/a@sha256:1 mails a@b"),
            ("http://h 'u@v'", "http://h 'u@v'"),
            ("://", "://"),
        ] {
            assert_eq!(without_users(text), shown);
        }
    }

    #[test]
    fn a_name_cannot_drive_the_terminal() {
        assert_eq!(terminal("a\u{1b}[2Jb\rc\u{9b}m"), "a\\u{1b}[2Jb\\u{d}c\\u{9b}m");
        assert_eq!(terminal("moc.live\u{202e}"), "moc.live\\u{202e}");
        assert_eq!(message("one\ntwo\tü"), "one\ntwo\\u{9}ü");
    }
}
