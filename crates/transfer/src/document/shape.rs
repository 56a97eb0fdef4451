//! What the members of a specification have to be, so that a value of another type is named with its place: before anybody is
//! contacted where it stands in the document or follows from it, and as soon as it is evaluated otherwise.

use serde_json::{Map, Value};

use super::expression::Expression;
use super::graph::{ENVIRONMENT, Node};
use super::path::{Path, To};
use super::template::Template;

/// What a value has to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Anything.
    Any,
    /// A text.
    Text,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A number.
    Number,
    /// A list.
    List(&'static Shape),
    /// An object whose members are all of one shape.
    Each(&'static Shape),
    /// An object with these members, as far as they are there, and any others.
    Object(&'static [(&'static str, Shape)]),
}

const REPOSITORY: Shape = Shape::Object(&[
    ("type", Shape::Text),
    ("baseUrl", Shape::Text),
    ("subPath", Shape::Text),
    ("filePath", Shape::Text),
    ("accessMode", Shape::Text),
]);

const ELEMENT: Shape = Shape::Object(&[
    ("name", Shape::Text),
    ("version", Shape::Text),
    ("type", Shape::Text),
    ("relation", Shape::Text),
    ("extraIdentity", Shape::Each(&Shape::Text)),
    ("labels", Shape::List(&Shape::Object(&[("name", Shape::Text)]))),
    ("access", Shape::Object(&[("type", Shape::Text)])),
    (
        "digest",
        Shape::Object(&[
            ("hashAlgorithm", Shape::Text),
            ("normalisationAlgorithm", Shape::Text),
            ("value", Shape::Text),
        ]),
    ),
]);

const DESCRIPTOR: Shape = Shape::Object(&[
    ("meta", Shape::Object(&[("schemaVersion", Shape::Text)])),
    (
        "component",
        Shape::Object(&[
            ("name", Shape::Text),
            ("version", Shape::Text),
            ("repositoryContexts", Shape::List(&Shape::Object(&[]))),
            ("resources", Shape::List(&ELEMENT)),
            ("sources", Shape::List(&ELEMENT)),
            ("componentReferences", Shape::List(&Shape::Object(&[("name", Shape::Text), ("version", Shape::Text)]))),
            ("labels", Shape::List(&Shape::Object(&[("name", Shape::Text)]))),
        ]),
    ),
    ("signatures", Shape::List(&Shape::Object(&[("name", Shape::Text)]))),
]);

const FILE: Shape = Shape::Object(&[("uri", Shape::Text), ("mediaType", Shape::Text)]);

impl Shape {
    /// The shape of a member of a specification; the same name means the same in every type of node.
    pub(super) fn of_field(name: &str) -> Self {
        match name {
            "repository" => REPOSITORY,
            "component" | "version" | "outputPath" | "globalAccessPolicy" => Self::Text,
            "accessStyle" => Self::OneOf(&["absolute", "relative"]),
            "resourceIdentity" | "sourceIdentity" => Self::Each(&Self::Text),
            "resource" | "source" | "targetResource" => ELEMENT,
            "descriptor" => DESCRIPTOR,
            "file" | "chartFile" | "provFile" => FILE,
            "files" => Self::List(&Self::Any),
            _ => Self::Any,
        }
    }

    /// The shape of a member of an output.
    fn of_output(name: &str) -> Self {
        match name {
            "cleanedFiles" => Self::Number,
            name => Self::of_field(name),
        }
    }

    fn noun(self) -> String {
        match self {
            Self::Any => "a value".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::OneOf(texts) => texts.join(" or "),
            Self::Number => "a number".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Each(_) | Self::Object(_) => "an object".to_owned(),
        }
    }

    /// What a member of an object with this shape has to be.
    fn member(self, name: &str) -> Self {
        match self {
            Self::Each(shape) => *shape,
            Self::Object(members) => {
                members.iter().find(|(known, _)| *known == name).map_or(Self::Any, |(_, shape)| *shape)
            }
            _ => Self::Any,
        }
    }

    fn item(self) -> Self {
        if let Self::List(shape) = self { *shape } else { Self::Any }
    }

    /// Compares a value. What is missing may be missing: `null` stands for it. The error is a place in the value and a reason,
    /// `.access.type: is a number, and has to be a text`.
    pub(super) fn check(self, value: &Value) -> Result<(), String> {
        match (self, value) {
            (Self::Any, _) | (_, Value::Null) | (Self::Text, Value::String(_)) | (Self::Number, Value::Number(_)) => {
                Ok(())
            }
            (Self::OneOf(texts), Value::String(text)) if texts.contains(&text.as_str()) => Ok(()),
            (Self::OneOf(_), Value::String(text)) => Err(format!(": is {text:?}, and has to be {}", self.noun())),
            (Self::List(shape), Value::Array(items)) => {
                let mut items = items.iter().enumerate();
                items.try_for_each(|(position, item)| shape.check(item).map_err(|at| format!("[{position}]{at}")))
            }
            (Self::Each(_) | Self::Object(_), Value::Object(members)) => {
                let mut members = members.iter();
                members
                    .try_for_each(|(name, value)| self.member(name).check(value).map_err(|at| format!(".{name}{at}")))
            }
            (_, value) => Err(format!(": is {}, and has to be {}", noun(value), self.noun())),
        }
    }

    /// Whether a value of another shape may be one of this shape.
    fn fits(self, other: Self) -> bool {
        let is_object = |shape| matches!(shape, Self::Each(_) | Self::Object(_));
        let is_text = |shape| matches!(shape, Self::Text | Self::OneOf(_));
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) | (Self::Number, Self::Number) | (Self::List(_), Self::List(_)) => true,
            (one, other) => is_object(one) && is_object(other) || is_text(one) && is_text(other),
        }
    }

    /// Compares what a template will give, as far as that is known before anything is carried out.
    pub(super) fn foresee(self, template: &Template<'_>, seen: &dyn Seen) -> Result<(), String> {
        match template {
            Template::Constant(value) => self.check(value),
            Template::Whole(expression) => {
                self.foresee_expression(expression, seen).map_err(|at| format!("{at} ({})", expression.quoted()))
            }
            Template::Text(_) if self.fits(Self::Text) => Ok(()),
            Template::List(items) if self.fits(Self::List(&Self::Any)) => {
                let mut items = items.iter().enumerate();
                items.try_for_each(|(position, item)| {
                    self.item().foresee(item, seen).map_err(|at| format!("[{position}]{at}"))
                })
            }
            Template::Object(members) if self.fits(Self::Object(&[])) => {
                members.iter().try_for_each(|(name, member)| {
                    self.member(name).foresee(member, seen).map_err(|at| format!(".{name}{at}"))
                })
            }
            Template::Text(_) => Err(format!(": is a text, and has to be {}", self.noun())),
            Template::List(_) => Err(format!(": is a list, and has to be {}", self.noun())),
            Template::Object(_) => Err(format!(": is an object, and has to be {}", self.noun())),
        }
    }

    fn foresee_expression(self, expression: &Expression, seen: &dyn Seen) -> Result<(), String> {
        let Some(path) = expression.walk() else { return Ok(()) };
        let from = |position: usize, value: &Value| match path.walk(position, value) {
            // How deep it goes does not matter: one look at each value, wherever it is used.
            Ok(value) => self.check(value),
            // That it leads nowhere is said elsewhere.
            Err(_) => Ok(()),
        };
        if path.root == ENVIRONMENT {
            let environment = seen.environment();
            return match path.steps.first().map(|step| &step.to) {
                Some(To::Member(name)) => environment.get(name).map_or(Ok(()), |value| from(1, value)),
                Some(_) => Ok(()),
                None => self.check(&Value::Object(environment.clone())),
            };
        }
        let Some(node) = seen.node(&path.root) else { return Ok(()) };
        match foreseen(path, node) {
            Foreseen::Value(position, value) => from(position, value),
            Foreseen::Shape(shape) if self.fits(shape) => Ok(()),
            Foreseen::Shape(shape) => Err(format!(": is {}, and has to be {}", shape.noun(), self.noun())),
        }
    }
}

/// What can be seen of a document before it is carried out.
pub(super) trait Seen {
    /// Its constants.
    fn environment(&self) -> &Map<String, Value>;

    /// One of its nodes.
    fn node(&self, id: &str) -> Option<&Node<'_>>;
}

/// What is known of a value of a node.
enum Foreseen<'a> {
    /// It stands in the document, so many steps before the end of the walk.
    Value(usize, &'a Value),
    /// Its shape.
    Shape(Shape),
}

fn foreseen<'a>(path: &Path, node: &'a Node<'_>) -> Foreseen<'a> {
    let mut shape = match (path.member(0), path.member(1)) {
        (Some("output"), Some(name)) => Shape::of_output(name),
        (Some("spec"), Some(name)) => {
            if let Some(Template::Constant(value)) = node.template(name) {
                return Foreseen::Value(2, value);
            }
            Shape::of_field(name)
        }
        (Some("output" | "spec"), None) if path.steps.len() == 1 => Shape::Object(&[]),
        (None, _) if path.steps.is_empty() => Shape::Object(&[]),
        _ => Shape::Any,
    };
    for position in 2..path.steps.len() {
        shape = path.member(position).map_or_else(|| shape.item(), |name| shape.member(name));
    }
    Foreseen::Shape(shape)
}

fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wrong_type_is_named_with_its_place() {
        for (field, value, expected) in [
            ("component", json!(3), ": is a number, and has to be a text"),
            ("resource", json!("x"), ": is a text, and has to be an object"),
            ("resource", json!({"access": {"type": ["x"]}}), ".access.type: is a list, and has to be a text"),
            ("resourceIdentity", json!({"name": true}), ".name: is true or false, and has to be a text"),
            (
                "descriptor",
                json!({"component": {"resources": {}}}),
                ".component.resources: is an object, and has to be a list",
            ),
            (
                "descriptor",
                json!({"component": {"resources": [null, {"name": 1}]}}),
                ".component.resources[1].name: is a number, and has to be a text",
            ),
            ("accessStyle", json!("near"), ": is \"near\", and has to be absolute or relative"),
            ("file", json!([]), ": is a list, and has to be an object"),
            ("files", json!(1), ": is a number, and has to be a list"),
        ] {
            assert_eq!(Shape::of_field(field).check(&value).unwrap_err(), expected);
        }
        for (field, value) in [
            ("component", json!(null)),
            ("resource", json!({"name": "x", "more": 1, "labels": null, "access": {"type": "t", "size": 3}})),
            ("descriptor", json!({"component": {"resources": null, "provider": {"name": "p"}}})),
            ("descriptor", json!({"component": {"provider": "p"}})),
            ("files", json!([null, 1, {}])),
        ] {
            Shape::of_field(field).check(&value).unwrap();
        }
    }
}
