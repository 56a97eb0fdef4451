use std::fmt::Write as _;

use serde::Serialize;

use super::escape;

/// Indented by two, with a line break at the end.
pub(crate) fn indented(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(escaped(&serde_json::to_string_pretty(value)?) + "\n")
}

/// On one line, without a line break.
pub(crate) fn compact(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(escaped(&serde_json::to_string(value)?))
}

/// Escapes what Go's encoder escapes (`<`, `>`, `&`, the two line separators), and whatever a terminal would act on.
///
/// All of these occur only inside of JSON strings, so the text can be rewritten as a whole.
fn escaped(json: &str) -> String {
    json.chars().fold(String::with_capacity(json.len()), |mut text, letter| {
        let layout = matches!(letter, '\n');
        let escaped =
            matches!(letter, '<' | '>' | '&' | '\u{2028}' | '\u{2029}') || (escape::is_unsafe(letter) && !layout);
        if escaped {
            let _ = write!(text, "\\u{:04x}", u32::from(letter));
        } else {
            text.push(letter);
        }
        text
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strings_are_escaped_as_the_go_encoder_does() {
        let value = json!({"a": "<b> & \u{2028}\n\t\"", "c": "\u{7f}\u{9b}"});
        let text = compact(&value).unwrap();
        assert_eq!(text, r#"{"a":"\u003cb\u003e \u0026 \u2028\n\t\"","c":"\u007f\u009b"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn empty_lists_and_nulls_keep_their_form() {
        assert_eq!(
            indented(&json!([{"a": null, "b": []}])).unwrap(),
            "[\n  {\n    \"a\": null,\n    \"b\": []\n  }\n]\n"
        );
    }
}
