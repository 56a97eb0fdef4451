//! `${NAME}` with the operators of a shell, as the older program's default engine (drone/envsubst) knows them.

use ocm_blob::Pattern;

use super::{Variables, not_set};
use crate::problem::{Position, Problem, Problems};

/// Where to set a variable of this engine.
const PLACE: &str = "give it as NAME=value, in a settings file, or as ${NAME:-default}";

/// Variables inside of defaults inside of defaults; more is no template but an attack on the stack.
const DEEPEST: usize = 32;

/// Replaces all variables of a text. A bare `$NAME` stays, `$${NAME}` gives `${NAME}`.
///
/// # Errors
/// All variables that are not set and have no default (unless that is allowed), and all that cannot be read. Lines that are
/// nothing but a comment are not asked for variables.
pub(super) fn render(file: &str, text: &str, variables: &Variables, allow_unset: bool) -> Result<String, Problems> {
    let mut problems = Vec::new();
    let mut rendered = String::with_capacity(text.len());
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if line.trim_start().starts_with('#') {
            rendered.push_str(line);
            continue;
        }
        let mut scan =
            Scan { file, variables, allow_unset, line, number: number + 1, at: 0, depth: 0, problems: &mut problems };
        rendered.push_str(&scan.until(None));
    }
    if problems.is_empty() { Ok(rendered) } else { Err(Problems(problems)) }
}

struct Scan<'a> {
    file: &'a str,
    variables: &'a Variables,
    allow_unset: bool,
    line: &'a str,
    number: usize,
    at: usize,
    depth: usize,
    problems: &'a mut Vec<Problem>,
}

impl Scan<'_> {
    fn rest(&self) -> &str {
        &self.line[self.at..]
    }

    fn problem(&mut self, at: usize, message: String) {
        let place = Position { line: self.number, column: self.line[..at].chars().count() + 1 };
        self.problems.push(Problem::at(self.file, place, message));
    }

    /// Text with its variables replaced, up to the end of the line or to one of the characters of `end`.
    fn until(&mut self, end: Option<&str>) -> String {
        let mut text = String::new();
        while let Some(next) = self.rest().chars().next() {
            if end.is_some_and(|end| end.contains(next)) {
                break;
            }
            if self.rest().starts_with("$${") {
                let length = self.rest().find('}').map_or(self.rest().len(), |found| found + 1);
                text.push_str(&self.rest()[1..length]);
                self.at += length;
            } else if self.rest().starts_with("${") {
                text.push_str(&self.variable());
            } else {
                text.push(next);
                self.at += next.len_utf8();
            }
        }
        text
    }

    fn take(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.at += prefix.len();
        }
        found
    }

    fn variable(&mut self) -> String {
        let start = self.at;
        self.depth += 1;
        if self.depth > DEEPEST {
            self.problem(start, format!("variables are nested deeper than {DEEPEST} levels"));
            self.at = self.line.len();
            return String::new();
        }
        self.at += 2;
        let length = self.take("#");
        let name_end = self
            .rest()
            .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
            .unwrap_or(self.rest().len());
        let name = self.rest()[..name_end].to_owned();
        self.at += name_end;
        let value = self.variables.text(&name);
        let result = if length {
            self.known(start, &name, value).map(|value| value.chars().count().to_string())
        } else {
            self.operator(start, &name, value)
        };
        if !self.take("}") {
            let message = format!(
                "\"${{{name}\" is not closed or has an operator that does not exist; write \"$${{\" for a literal text"
            );
            self.problem(start, message);
            self.at = self.line.len();
        } else if name.is_empty() {
            self.problem(start, "\"${}\" names no variable; write \"$${\" for a literal text".into());
        }
        self.depth -= 1;
        result.unwrap_or_default()
    }

    /// The value of a variable that has no default.
    fn known(&mut self, start: usize, name: &str, value: Option<String>) -> Option<String> {
        if value.is_none() && !self.allow_unset && !name.is_empty() {
            let message = not_set(name, self.variables, PLACE);
            self.problem(start, message);
        }
        value
    }

    fn operator(&mut self, start: usize, name: &str, value: Option<String>) -> Option<String> {
        for default in [":=", ":-", "=", "-"] {
            if self.take(default) {
                let default = self.until(Some("}"));
                return Some(value.filter(|value| !value.is_empty()).unwrap_or(default));
            }
        }
        let value = self.known(start, name, value).unwrap_or_default();
        let change_first = |upper: bool| {
            let mut letters = value.chars();
            let first = letters.next().map_or_else(String::new, |first| {
                if upper { first.to_uppercase().to_string() } else { first.to_lowercase().to_string() }
            });
            first + letters.as_str()
        };
        if self.take("^^") {
            return Some(value.to_uppercase());
        }
        if self.take("^") {
            return Some(change_first(true));
        }
        if self.take(",,") {
            return Some(value.to_lowercase());
        }
        if self.take(",") {
            return Some(change_first(false));
        }
        if self.take(":") {
            let numbers = self.until(Some("}"));
            let mut numbers = numbers.split(':').map(|number| number.trim().parse::<usize>());
            let (from, length) = (numbers.next(), numbers.next());
            let (Some(Ok(from)), None | Some(Ok(_))) = (&from, &length) else {
                self.problem(
                    start,
                    format!("\"${{{name}:…}}\" takes a position and a length, for instance ${{{name}:0:8}}"),
                );
                return None;
            };
            let length = length.and_then(Result::ok).unwrap_or(usize::MAX);
            return Some(value.chars().skip(*from).take(length).collect());
        }
        for (operator, trim) in
            [("##", Trim::LongestStart), ("#", Trim::ShortestStart), ("%%", Trim::LongestEnd), ("%", Trim::ShortestEnd)]
        {
            if self.take(operator) {
                let pattern = self.until(Some("}"));
                return Some(trim.apply(&value, &pattern));
            }
        }
        if self.take("//") {
            let (from, to) = self.replacement();
            return Some(if from.is_empty() { value } else { value.replace(&from, &to) });
        }
        if self.take("/#") {
            let (from, to) = self.replacement();
            return Some(value.strip_prefix(&from).map_or_else(|| value.clone(), |rest| format!("{to}{rest}")));
        }
        if self.take("/%") {
            let (from, to) = self.replacement();
            return Some(value.strip_suffix(&from).map_or_else(|| value.clone(), |rest| format!("{rest}{to}")));
        }
        if self.take("/") {
            let (from, to) = self.replacement();
            return Some(if from.is_empty() { value } else { value.replacen(&from, &to, 1) });
        }
        Some(value)
    }

    fn replacement(&mut self) -> (String, String) {
        let from = self.until(Some("/}"));
        let to = if self.take("/") { self.until(Some("}")) } else { String::new() };
        (from, to)
    }
}

/// What `#`, `##`, `%` and `%%` cut off.
#[derive(Clone, Copy)]
enum Trim {
    ShortestStart,
    LongestStart,
    ShortestEnd,
    LongestEnd,
}

impl Trim {
    fn apply(self, value: &str, pattern: &str) -> String {
        let cuts: Vec<usize> = value.char_indices().map(|(at, _)| at).chain([value.len()]).collect();
        let Ok(pattern) = Pattern::parse(pattern) else { return value.to_owned() };
        let start = |at: &&usize| pattern.matches(&value[..**at]);
        let end = |at: &&usize| pattern.matches(&value[**at..]);
        match self {
            Self::ShortestStart => cuts.iter().find(start).map(|at| &value[*at..]),
            Self::LongestStart => cuts.iter().rev().find(start).map(|at| &value[*at..]),
            Self::ShortestEnd => cuts.iter().rev().find(end).map(|at| &value[..*at]),
            Self::LongestEnd => cuts.iter().find(end).map(|at| &value[..*at]),
        }
        .unwrap_or(value)
        .to_owned()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        Variables::new()
            .with_texts([("TEXT", "from settings"), ("V", "1.2.3"), ("EMPTY", "")])
            .with_settings("s", "MAP: {a: b}\nLIST: [1, 2]\n")
            .unwrap()
    }

    #[test]
    fn operators_of_the_recorded_runs() {
        for (text, expected) in [
            ("${TEXT} $TEXT $${TEXT} ${TEXT^^}", "from settings $TEXT ${TEXT} FROM SETTINGS"),
            ("${MAP}", "{\"a\":\"b\"}"),
            ("${LIST}", "[1 2]"),
            ("${X:-def} ${X:=def} ${X=def} ${EMPTY:-def}", "def def def def"),
            ("${X:-${V}}", "1.2.3"),
            ("${TEXT:5:3} ${TEXT:5} ${#TEXT}", "set settings 13"),
            (
                "${TEXT/from/to} ${TEXT//s/S} ${TEXT/#from/to} ${TEXT/%settings/x}",
                "to settings from SettingS to settings from x",
            ),
            ("${TEXT%gs} ${TEXT#fr} ${TEXT,,} ${TEXT^}", "from settin om settings from settings From settings"),
            ("${V%.*} ${V%%.*} ${V#*.} ${V##*.}", "1.2 1 2.3 3"),
            ("# ${UNSET}\n", "# ${UNSET}\n"),
        ] {
            assert_eq!(render("f", text, &variables(), false).unwrap(), expected, "{text}");
        }
        assert_eq!(render("f", "a${X}b", &variables(), true).unwrap(), "ab");
    }

    #[test]
    fn everything_unset_is_told() {
        let error = render("f", "a: ${X}\nb: ${TEXD} ${V?}\n", &variables(), false).unwrap_err().to_string();
        assert!(error.contains("f:1:4: the variable X is not set"), "{error}");
        assert!(
            error.contains("f:2:4: the variable TEXD is not set") && error.contains("did you mean TEXT?"),
            "{error}"
        );
        assert!(error.contains("f:2:12: \"${V\" is not closed"), "{error}");
        assert!(
            render("f", &"${A:-".repeat(9000), &variables(), false).unwrap_err().to_string().contains("nested deeper")
        );
    }
}
