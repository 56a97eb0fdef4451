use serde_json::{Map, Value};

use super::expression::{Expression, Variables};

/// A value in which texts may be or contain expressions.
#[derive(Clone, Debug)]
pub(super) enum Template<'a> {
    /// No expression in it.
    Constant(&'a Value),
    /// A text that is one expression: its value, of whatever type.
    Whole(Expression),
    /// A text with expressions in it.
    Text(Vec<Part>),
    /// A list.
    List(Vec<Template<'a>>),
    /// An object.
    Object(Vec<(&'a str, Template<'a>)>),
}

/// A piece of a text.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// As it stands.
    Literal(String),
    /// Its value.
    Expression(Expression),
}

impl<'a> Template<'a> {
    /// Parses all expressions of a value. The error says where in the value, `.resource.access: …`.
    pub(super) fn parse(value: &'a Value) -> Result<Self, String> {
        match value {
            Value::String(text) => parse_text(value, text),
            Value::Array(items) => {
                let at =
                    |(position, item)| Self::parse(item).map_err(|reason| within(&format!("[{position}]"), &reason));
                let items: Vec<_> = items.iter().enumerate().map(at).collect::<Result<_, _>>()?;
                Ok(if items.iter().all(Self::is_constant) { Self::Constant(value) } else { Self::List(items) })
            }
            Value::Object(members) => {
                let at = |(key, member): (&'a String, &'a Value)| match Self::parse(member) {
                    Ok(member) => Ok((key.as_str(), member)),
                    Err(reason) => Err(within(&format!(".{key}"), &reason)),
                };
                let members: Vec<_> = members.iter().map(at).collect::<Result<_, _>>()?;
                let constant = members.iter().all(|(_, member)| member.is_constant());
                Ok(if constant { Self::Constant(value) } else { Self::Object(members) })
            }
            other => Ok(Self::Constant(other)),
        }
    }

    /// Whether there is no expression in it.
    pub(super) fn is_constant(&self) -> bool {
        matches!(self, Self::Constant(_))
    }

    /// Its expressions, in the order in which they stand.
    pub(super) fn expressions(&self) -> Vec<&Expression> {
        let mut found = Vec::new();
        let mut open = vec![self];
        while let Some(template) = open.pop() {
            match template {
                Self::Constant(_) => {}
                Self::Whole(expression) => found.push(expression),
                Self::Text(parts) => found.extend(parts.iter().filter_map(|part| match part {
                    Part::Expression(expression) => Some(expression),
                    Part::Literal(_) => None,
                })),
                Self::List(items) => open.extend(items.iter().rev()),
                Self::Object(members) => open.extend(members.iter().rev().map(|(_, member)| member)),
            }
        }
        found
    }

    /// The value with all expressions evaluated.
    pub(super) fn evaluate(&self, variables: &dyn Variables) -> Result<Value, String> {
        match self {
            Self::Constant(value) => Ok((*value).clone()),
            Self::Whole(expression) => expression.evaluate(variables),
            Self::Text(parts) => {
                let mut text = String::new();
                for part in parts {
                    match part {
                        Part::Literal(literal) => text.push_str(literal),
                        Part::Expression(expression) => text.push_str(&as_text(&expression.evaluate(variables)?)?),
                    }
                }
                Ok(Value::String(text))
            }
            Self::List(items) => items.iter().map(|item| item.evaluate(variables)).collect(),
            Self::Object(members) => {
                let evaluated =
                    members.iter().map(|(key, member)| Ok(((*key).to_owned(), member.evaluate(variables)?)));
                evaluated.collect::<Result<Map<_, _>, String>>().map(Value::Object)
            }
        }
    }
}

fn as_text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::Null => Err("an expression inside of a text gives null".into()),
        Value::Array(_) => Err("an expression inside of a text gives a list".into()),
        Value::Object(_) => Err("an expression inside of a text gives an object".into()),
    }
}

fn within(place: &str, reason: &str) -> String {
    if reason.starts_with(['.', '[']) { format!("{place}{reason}") } else { format!("{place}: {reason}") }
}

fn parse_text<'a>(value: &'a Value, text: &str) -> Result<Template<'a>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once("${") {
        if !before.is_empty() {
            parts.push(Part::Literal(before.to_owned()));
        }
        let end = end_of_expression(from)?;
        parts.push(Part::Expression(Expression::parse(&from[..end])?));
        rest = &from[end + 1..];
    }
    if parts.is_empty() {
        return Ok(Template::Constant(value));
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest.to_owned()));
    }
    match parts.pop() {
        Some(Part::Expression(expression)) if parts.is_empty() => Ok(Template::Whole(expression)),
        last => {
            parts.extend(last);
            Ok(Template::Text(parts))
        }
    }
}

/// The position of the `}` that ends an expression: not one of a map or inside of a quoted text.
fn end_of_expression(text: &str) -> Result<usize, String> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut bytes = text.bytes().enumerate();
    while let Some((position, byte)) = bytes.next() {
        match (quote, byte) {
            (Some(_), b'\\') => {
                bytes.next();
            }
            (Some(open), byte) if open == byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'$') if text[position..].starts_with("${") => {
                return Err("an expression stands inside of another one: take its `${` and `}` away".into());
            }
            (None, b'{') => depth += 1,
            (None, b'}') if depth == 0 => return Ok(position),
            (None, b'}') => depth -= 1,
            (Some(_) | None, _) => {}
        }
    }
    Err("an expression has no end: `${` without `}`".into())
}

/// Writes a value so that [`Template::parse`] gives it back, whatever its texts contain.
///
/// Descriptors come from other people: a label with `${…}` in it must not become an expression of this document.
pub(super) fn quoted(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(quoted_text(&text)),
        Value::Array(items) => items.into_iter().map(quoted).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(key, member)| (key, quoted(member))).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

/// The same for a text.
pub(super) fn quoted_text(text: &str) -> String {
    if text.contains("${") { format!("${{{}}}", literal(text)) } else { text.to_owned() }
}

/// A text as it is written inside of an expression. The escapes of JSON are a part of those of CEL.
pub(super) fn literal(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::*;

    fn variables() -> HashMap<String, Value> {
        HashMap::from([
            (
                "a".to_owned(),
                json!({"spec": {"n": 7, "z": null}, "output": {"resource": {"name": "r", "y": {"b": 1, "a": 2.0}}, "list": [1, 2]}}),
            ),
            ("environment".to_owned(), json!({"x": {"weird key": ["p", "q"]}})),
        ])
    }

    #[track_caller]
    fn gives(text: &str, expected: Value) {
        assert_eq!(Template::parse(&json!(text)).unwrap().evaluate(&variables()), Ok(expected), "{text}");
    }

    #[test]
    fn expressions_keep_their_type_alone_and_become_text_among_text() {
        gives("${a.spec.n}", json!(7));
        gives("n is ${a.spec.n}!", json!("n is 7!"));
        gives("${a.output.resource}", json!({"name": "r", "y": {"b": 1, "a": 2.0}}));
        gives(r#"${environment.x["weird key"][1]}"#, json!("q"));
        gives("${has(a.output.resource.labels) ? a.output.resource.labels  : []}", json!([]));
        gives("${has(a.output.resource.y)\n ? a.output.resource.y : {}}", json!({"a": 2.0, "b": 1}));
        gives("${a.spec.?absent}", Value::Null);
        gives("${a.spec.?absent.orValue('none')}", json!("none"));
        gives("${optional.of(a.spec.n).orValue(1)}", json!(7));
        gives("${optional.none()}", Value::Null);
        gives("${a.output.list.map(i, i * 2)}", json!([2, 4]));
        gives("${'}' + \"${x}\"}", json!("}${x}"));
        gives("$a {} }${a.spec.n}${a.spec.n}", json!("$a {} }77"));
    }

    #[test]
    fn errors_say_where() {
        let parse = |value: Value| Template::parse(&value).unwrap_err();
        assert!(
            parse(json!({"resource": {"labels": ["${a.", 1]}}))
                .starts_with(".resource.labels[0]: an expression has no end")
        );
        assert!(parse(json!("${a + ${b}}")).contains("inside of another one"));
        assert!(parse(json!("${a b}")).starts_with("expression ${a b}: "));
        assert!(parse(json!("${}")).contains("is empty"));
        assert!(parse(json!(format!("${{a{}}}", ".a".repeat(100_000)))).contains("longer than"));
        assert!(parse(json!(format!("${{{}1{}}}", "(".repeat(5000), ")".repeat(5000)))).contains("operators"));
        assert!(parse(json!("${a.map(x, a.map(y, a.map(z, z)))}")).contains("nested"));
        let absent = Template::parse(&json!("${a.output.nothing.x}")).unwrap().evaluate(&variables()).unwrap_err();
        assert_eq!(absent, "expression ${a.output.nothing.x}: a.output.nothing does not exist");
        assert!(
            Template::parse(&json!("x${a.spec}")).unwrap().evaluate(&variables()).unwrap_err().contains("an object")
        );
    }

    #[test]
    fn quoted_values_survive_whatever_they_contain() {
        for text in ["plain", "${HOME}", "a ${x} \" ' \\ } \n \u{7f} ${", "$", "}", "${\"", "ü${🦀}"] {
            let value = json!({"label": [text, {"n": 1}]});
            let quoted = quoted(value.clone());
            let template = Template::parse(&quoted).unwrap();
            assert_eq!(template.evaluate(&variables()), Ok(value));
        }
    }
}
