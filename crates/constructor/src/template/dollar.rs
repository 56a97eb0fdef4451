//! `${NAME}`, put into the scalars of a document after it was understood.
//!
//! A text such as `{path: ${DIR}/x}` is no YAML before its variables are in, so each `${NAME}` is first covered by as many
//! characters that mean nothing to YAML; places in messages stay right, and a variable in a comment is never asked for.

use std::collections::HashSet;

use super::{Variables, not_set, variables::is_name};
use crate::file::{Form, Kind, Node, Scalar, parse};
use crate::problem::{Position, Problem, Problems};

/// First of the private characters (plane 16) that stand for one digit of an occurrence's number.
const DIGITS: u32 = 0x10_0000;
/// How many there are.
const BASE: usize = 0xfff0;
/// Fills the cover up to the length of what it covers.
const FILL: char = '\u{10fff4}';
/// Where to set a variable of this engine.
const PLACE: &str = "set it in the environment, or write $${NAME} for a literal text";

/// One `${NAME}` of the text.
struct Occurrence {
    place: Position,
    name: String,
    /// Written `$${NAME}`: the text `${NAME}` is meant.
    literal: bool,
}

pub(super) fn documents(
    file: &str,
    text: &str,
    variables: &Variables,
    notices: &mut Vec<Problem>,
) -> Result<Vec<Node>, Problems> {
    if let Some(line) = text.lines().position(|line| line.chars().any(is_cover)) {
        let place = Position { line: line + 1, column: 1 };
        return Err(Problems::one(Problem::at(
            file,
            place,
            "has characters of the last private plane of Unicode, which cannot be used here",
        )));
    }
    let (covered, occurrences) = cover(text);
    let mut documents = parse(file, &covered).map_err(|problems| uncover_messages(problems, &occurrences))?;
    let mut filler =
        Filler { file, occurrences: &occurrences, variables, told: HashSet::new(), problems: Vec::new(), notices };
    for document in &mut documents {
        filler.node(document);
    }
    if filler.problems.is_empty() { Ok(documents) } else { Err(Problems(filler.problems).sorted()) }
}

fn is_cover(letter: char) -> bool {
    u32::from(letter) >= DIGITS
}

/// Replaces each `${NAME}` and `$${NAME}` by a cover of the same length.
fn cover(text: &str) -> (String, Vec<Occurrence>) {
    let mut covered = String::with_capacity(text.len());
    let mut occurrences = Vec::new();
    for (line, content) in text.split_inclusive('\n').enumerate() {
        let (mut rest, mut column) = (content, 1);
        while let Some(dollar) = rest.find('$') {
            let (before, after) = rest.split_at(dollar);
            covered.push_str(before);
            column += before.chars().count();
            let literal = after.starts_with("$${");
            let start = 2 + usize::from(literal);
            let inside = after.get(..start).filter(|mark| mark.ends_with('{')).map(|_| first_word(&after[start..]));
            let Some(name) = inside.filter(|name| is_name(name) && after[start + name.len()..].starts_with('}')) else {
                covered.push('$');
                column += 1;
                rest = &after[1..];
                continue;
            };
            let number = occurrences.len();
            let digit = |value: usize| char::from_u32(DIGITS + value as u32).unwrap_or(FILL);
            covered.extend([digit(number / BASE), digit(number % BASE)]);
            covered.extend(std::iter::repeat_n(FILL, start + name.len() - 1));
            occurrences.push(Occurrence { place: Position { line: line + 1, column }, name: name.to_owned(), literal });
            let length = start + name.len() + 1;
            column += length;
            rest = &after[length..];
        }
        covered.push_str(rest);
    }
    (covered, occurrences)
}

/// The letters, digits and underscores that a text begins with.
fn first_word(text: &str) -> &str {
    let end = text.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    &text[..end.unwrap_or(text.len())]
}

/// The number of the occurrence whose cover begins here.
fn number(cover: &mut std::iter::Peekable<std::str::Chars<'_>>, first: char) -> usize {
    let second = cover.next().map_or(0, |second| (u32::from(second) - DIGITS) as usize);
    while cover.next_if_eq(&FILL).is_some() {}
    (u32::from(first) - DIGITS) as usize * BASE + second
}

/// Replaces covers with what `replace` says.
fn uncover(text: &str, mut replace: impl FnMut(usize) -> String) -> String {
    let mut uncovered = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if is_cover(letter) {
            uncovered.push_str(&replace(number(&mut letters, letter)));
        } else {
            uncovered.push(letter);
        }
    }
    uncovered
}

fn uncover_messages(mut problems: Problems, occurrences: &[Occurrence]) -> Problems {
    for problem in &mut problems.0 {
        problem.message = uncover(&problem.message, |number| {
            occurrences.get(number).map_or_else(String::new, |one| format!("${{{}}}", one.name))
        });
    }
    problems
}

struct Filler<'a> {
    file: &'a str,
    occurrences: &'a [Occurrence],
    variables: &'a Variables,
    /// Numbers of the occurrences that a problem was told of.
    told: HashSet<usize>,
    problems: Vec<Problem>,
    notices: &'a mut Vec<Problem>,
}

impl Filler<'_> {
    fn node(&mut self, node: &mut Node) {
        match &mut node.kind {
            Kind::Scalar(scalar) => self.scalar(scalar, node.position),
            Kind::Sequence(items) => items.iter_mut().for_each(|item| self.node(item)),
            Kind::Mapping(entries) => {
                for (key, value) in entries.iter_mut() {
                    key.text = self.text(&key.text, key.position);
                    self.node(value);
                }
                let mut seen = HashSet::with_capacity(entries.len());
                for (key, _) in entries.iter() {
                    if !seen.insert(key.text.as_str()) {
                        self.problems.push(Problem::at(
                            self.file,
                            key.position,
                            format!("the key {:?} appears twice once its variable is in", key.text),
                        ));
                    }
                }
            }
        }
    }

    fn scalar(&mut self, scalar: &mut Scalar, place: Position) {
        if scalar.form == Form::Plain
            && let Some(name) = scalar.text.strip_prefix('$').filter(|name| is_name(name))
        {
            match self.variables.text(name) {
                Some(value) => *scalar = Scalar { text: value, form: Form::Filled },
                None => self.problems.push(Problem::at(self.file, place, not_set(name, self.variables, PLACE))),
            }
            return;
        }
        let has_variable = scalar.text.contains(is_cover);
        scalar.text = self.text(&scalar.text, place);
        if has_variable {
            scalar.form = Form::Filled;
        }
    }

    fn text(&mut self, text: &str, place: Position) -> String {
        self.check_rest(text, place);
        uncover(&text.replace("$${", "${"), |number| {
            let Some(occurrence) = self.occurrences.get(number) else { return String::new() };
            if occurrence.literal {
                return format!("${{{}}}", occurrence.name);
            }
            self.variables.text(&occurrence.name).unwrap_or_else(|| {
                let problem =
                    Problem::at(self.file, occurrence.place, not_set(&occurrence.name, self.variables, PLACE));
                // An anchor may bring the same occurrence here many times.
                if self.told.insert(number) {
                    self.problems.push(problem);
                }
                String::new()
            })
        })
    }

    /// Looks at the dollars that are no variables; one problem and one notice for each text are enough.
    fn check_rest(&mut self, text: &str, place: Position) {
        let mut noticed = false;
        for (start, _) in text.match_indices('$') {
            let rest = &text[start + 1..];
            if rest.starts_with('{') && text[..start].ends_with('$') {
                continue;
            }
            if let Some(inside) = rest.strip_prefix('{') {
                let message = match inside.split_once('}') {
                    None => {
                        "\"${\" without an end: close it with \"}\", or write \"$${\" for a literal text".to_owned()
                    }
                    Some((name, _)) => format!(
                        "\"${{{name}}}\" is not a variable: letters, digits and '_' are allowed; write \"$${{{name}}}\" for a literal text"
                    ),
                };
                self.problems.push(Problem::at(self.file, place, message));
                return;
            }
            let name = first_word(rest);
            if !noticed && is_name(name) && self.variables.get(name).is_some() {
                let message =
                    format!("\"${name}\" inside of a text stays as it is: write ${{{name}}} if the variable is meant");
                self.notices.push(Problem::at(self.file, place, message));
                noticed = true;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn fill(text: &str) -> Result<Value, String> {
        let variables = Variables::new().with_texts([
            ("NAME", "acme.org/x"),
            ("V", "1.10"),
            ("LINES", "1.0.0\nlabels: [x]"),
            ("DIR", "/tmp"),
        ]);
        let documents = documents("f", text, &variables, &mut Vec::new()).map_err(|problems| problems.to_string())?;
        Ok(documents[0].to_json())
    }

    #[test]
    fn a_value_is_one_text_wherever_it_stands() {
        assert_eq!(fill("name: ${NAME}").unwrap(), json!({"name": "acme.org/x"}));
        assert_eq!(fill("version: ${V}").unwrap(), json!({"version": "1.10"}));
        assert_eq!(fill("version: $V").unwrap(), json!({"version": "1.10"}));
        assert_eq!(fill("version: ${LINES}").unwrap(), json!({"version": "1.0.0\nlabels: [x]"}));
        assert_eq!(
            fill("{path: ${DIR}/a.txt, mediaType: text/plain}").unwrap(),
            json!({"path": "/tmp/a.txt", "mediaType": "text/plain"})
        );
        assert_eq!(fill("a: |\n  x ${V}\n  y\n").unwrap(), json!({"a": "x 1.10\ny\n"}));
        assert_eq!(fill("${V}: 1").unwrap(), json!({"1.10": 1}));
    }

    #[test]
    fn other_dollars_are_dollars() {
        assert_eq!(fill("a: \"$$ $1 ^a$ pa$word $NAME\"").unwrap(), json!({"a": "$$ $1 ^a$ pa$word $NAME"}));
        assert_eq!(fill("a: \"$${NAME} $$${V}\"").unwrap(), json!({"a": "${NAME} $${V}"}));
        assert_eq!(fill("a: \"$${x:-1} {}\"").unwrap(), json!({"a": "${x:-1} {}"}));
        assert_eq!(fill("# ${UNSET} $schema\na: 1").unwrap(), json!({"a": 1}));
    }

    #[test]
    fn all_unset_names_are_told_with_their_places() {
        let error = fill("a: ${NAMF}\nb: {c: x ${UNSET}}\nd: $GONE\n").unwrap_err();
        let lines: Vec<_> = error.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(
            lines[0].starts_with("f:1:4: the variable NAMF is not set") && lines[0].ends_with("did you mean NAME?"),
            "{error}"
        );
        assert!(lines[1].starts_with("f:2:10: the variable UNSET is not set"), "{error}");
        assert!(lines[2].starts_with("f:3:4: the variable GONE is not set"), "{error}");
    }

    #[test]
    fn half_variables_are_refused() {
        assert!(fill("a: \"a${b\"").unwrap_err().starts_with("f:1:4: \"${\" without an end"));
        assert!(fill("a: \"${b:-c}\"").unwrap_err().contains("is not a variable"));
        assert!(fill("a: \"$NAME ${b:-c}\"").unwrap_err().contains("is not a variable"), "behind a notice");
    }

    #[test]
    fn a_dollar_that_may_have_been_meant_is_noticed() {
        let mut notices = Vec::new();
        documents("f", "a: x $NAME y", &Variables::new().with_texts([("NAME", "x")]), &mut notices).unwrap();
        assert!(notices[0].message.contains("write ${NAME}"));
    }
}
