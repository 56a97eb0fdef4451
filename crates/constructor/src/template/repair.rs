//! `{ { .X } }`: formatters take an unquoted `{{ .X }}` for nested YAML mappings and print it back with spaces.

use std::borrow::Cow;

use crate::problem::{Position, Problem};

/// Whether a text has split placeholders.
pub(super) fn is_split(text: &str) -> bool {
    text.lines().any(|line| find(line).is_some())
}

/// Puts split placeholders together again, and says so.
pub(super) fn join_split<'t>(file: &str, text: &'t str, notices: &mut Vec<Problem>) -> Cow<'t, str> {
    if !is_split(text) {
        return Cow::Borrowed(text);
    }
    let mut joined = String::with_capacity(text.len());
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let mut rest = line;
        while let Some((start, end, inside)) = find(rest) {
            let column = line[..line.len() - rest.len() + start].chars().count() + 1;
            let place = Position { line: number + 1, column };
            let message = format!(
                "a formatter has split \"{{{{ {inside} }}}}\"; it is used as a template: put it in quotes to protect it"
            );
            notices.push(Problem::at(file, place, message));
            joined.push_str(&rest[..start]);
            joined.extend(["{{ ", inside, " }}"]);
            rest = &rest[end..];
        }
        joined.push_str(rest);
    }
    Cow::Owned(joined)
}

/// The first `{ { .NAME } }` of a line: where it begins and ends, and what is inside.
fn find(line: &str) -> Option<(usize, usize, &str)> {
    let mut from = 0;
    while let Some(start) = line[from..].find('{').map(|found| from + found) {
        from = start + 1;
        let outer = line[start + 1..].trim_start();
        let Some(inner) = outer.strip_prefix('{').map(str::trim_start) else { continue };
        // `{{ .X }}` is whole already, and `{ {a: b} }` is YAML.
        if line[start + 1..].starts_with('{') || !inner.starts_with('.') {
            continue;
        }
        let Some((inside, rest)) = inner.split_once('}') else { continue };
        let Some(after) = rest.trim_start().strip_prefix('}') else { continue };
        return Some((start, line.len() - after.len(), inside.trim()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_what_a_formatter_split() {
        let mut notices = Vec::new();
        let text = "version: { { .VERSION } }\nwhole: \"{{ .X }}\" {  {.Y} }\nyaml: { {a: b}: c }\n";
        let joined = join_split("f", text, &mut notices);
        assert_eq!(joined, "version: {{ .VERSION }}\nwhole: \"{{ .X }}\" {{ .Y }}\nyaml: { {a: b}: c }\n");
        assert_eq!(
            notices.iter().map(|notice| notice.position.unwrap_or_default().to_string()).collect::<Vec<_>>(),
            ["1:10", "2:19"]
        );
        assert!(notices[0].message.contains("\"{{ .VERSION }}\""));
    }
}
