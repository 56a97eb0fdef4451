use std::fmt;

use ocm_blob::Digest;

use crate::{Error, Result};

/// Hexadecimal digits of a short hash.
const SHORT: usize = 8;

/// Longest template, in bytes.
const LENGTH_LIMIT: usize = 4096;

/// A name with variables: `{{ .Host }}/{{ .Repository }}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(Variable, Vec<Function>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Slug,
    ShortHash,
}

/// What a template can speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    Host,
    Repository,
    Name,
    Tag,
    Digest,
    Component,
    ComponentVersion,
    Resource,
    ResourceVersion,
}

const VARIABLES: [(Variable, &str); 9] = [
    (Variable::Host, ".Host"),
    (Variable::Repository, ".Repository"),
    (Variable::Name, ".Name"),
    (Variable::Tag, ".Tag"),
    (Variable::Digest, ".Digest"),
    (Variable::Component, ".Component"),
    (Variable::ComponentVersion, ".ComponentVersion"),
    (Variable::Resource, ".Resource"),
    (Variable::ResourceVersion, ".ResourceVersion"),
];

impl Default for Template {
    /// The name that the image has where it comes from.
    fn default() -> Self {
        Self(vec![Part::Variable(Variable::Repository, Vec::new())])
    }
}

impl Template {
    /// The template that puts the host of the image before its name, so that images of different registries do not meet.
    fn host_prefixed() -> Self {
        Self(vec![
            Part::Variable(Variable::Host, Vec::new()),
            Part::Text("/".into()),
            Part::Variable(Variable::Repository, Vec::new()),
        ])
    }

    /// Reads a template, or the name of one: `host-prefixed`.
    ///
    /// # Errors
    /// An opening without an end, a variable or function that does not exist.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |reason: String| Error::Naming(format!("template {text:?}: {reason}"));
        if text == "host-prefixed" {
            return Ok(Self::host_prefixed());
        }
        if text.trim().is_empty() || text.len() > LENGTH_LIMIT {
            let reason = if text.trim().is_empty() {
                "is empty".to_owned()
            } else {
                format!("is longer than {LENGTH_LIMIT} bytes")
            };
            return Err(wrong(reason));
        }
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once("{{") {
            is_closed(before).map_err(wrong)?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let (inside, after) =
                after.split_once("}}").ok_or_else(|| wrong("\"{{\" is not closed by \"}}\"".into()))?;
            parts.push(expression(inside).map_err(wrong)?);
            rest = after;
        }
        is_closed(rest).map_err(wrong)?;
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    pub(super) fn fill(&self, value: impl Fn(Variable) -> String) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Variable(variable, functions) => {
                functions.iter().fold(value(*variable), |text, function| function.apply(&text))
            }
        };
        self.0.iter().map(part).collect()
    }

    pub(super) fn speaks_of(&self, wanted: Variable) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Variable(variable, _) if *variable == wanted))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Text(text) => f.write_str(text)?,
                Part::Variable(variable, functions) => {
                    let name = VARIABLES.iter().find(|(known, _)| known == variable).map_or("", |(_, name)| name);
                    write!(f, "{{{{ {name}")?;
                    for function in functions {
                        f.write_str(if *function == Function::Slug { " | slug" } else { " | shortHash" })?;
                    }
                    f.write_str(" }}")?;
                }
            }
        }
        Ok(())
    }
}

impl Function {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "slug" => Some(Self::Slug),
            "shortHash" => Some(Self::ShortHash),
            _ => None,
        }
    }

    fn apply(self, text: &str) -> String {
        match self {
            Self::Slug => slug(text),
            Self::ShortHash => Digest::of(text).hex().chars().take(SHORT).collect(),
        }
    }
}

/// Lower-case letters and digits with single hyphens between them.
pub(super) fn slug(text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

fn is_closed(text: &str) -> Result<(), String> {
    if text.contains("}}") { Err("\"}}\" closes nothing: \"{{\" is missing before it".to_owned()) } else { Ok(()) }
}

/// `.Variable`, `function .Variable`, `.Variable | function`.
fn expression(text: &str) -> Result<Part, String> {
    let text = text.trim().trim_start_matches("- ").trim_end_matches(" -");
    let mut steps = text.split('|').map(str::trim);
    let words: Vec<&str> = steps.next().unwrap_or_default().split_whitespace().collect();
    let function = |name: &str| {
        Function::parse(name).ok_or_else(|| format!("there is no function {name}; there are slug and shortHash"))
    };
    let (name, mut functions) = match words.as_slice() {
        [name] => (*name, Vec::new()),
        [first, name] => (*name, vec![function(first)?]),
        _ => return Err(format!("{text:?} is neither a variable nor a function of one")),
    };
    for step in steps {
        functions.push(function(step)?);
    }
    let known = VARIABLES.iter().find(|(_, known)| *known == name).ok_or_else(|| {
        let known: Vec<_> = VARIABLES.iter().map(|(_, name)| *name).collect();
        format!("there is no variable {name}; there are {}", known.join(", "))
    })?;
    Ok(Part::Variable(known.0, functions))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn fill(template: &str) -> String {
        Template::parse(template).unwrap().fill(|variable| match variable {
            Variable::Host => "quay.io".into(),
            Variable::Repository => "team/My_App".into(),
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn variables_and_functions() {
        for (template, expected) in [
            ("{{ .Repository }}", "team/My_App"),
            ("host-prefixed", "quay.io/team/My_App"),
            ("x/{{.Component}}/{{ .Resource }}:{{ .Tag }}", "x/Component/Resource:Tag"),
            ("{{ slug .Repository }}", "team-my-app"),
            ("{{ .Repository | slug }}-{{ .Host }}", "team-my-app-quay.io"),
        ] {
            assert_eq!(fill(template), expected, "{template}");
            let read = Template::parse(template).unwrap();
            assert_eq!(Template::parse(&read.to_string()).unwrap(), read);
        }
        assert_eq!(fill("{{ shortHash .Host }}").len(), SHORT);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for template in ["", " ", "{{ .Repository", "{{ .Repo }}", "{{ upper .Host }}", "{{ }}", "{{ .Host | }}"] {
            assert!(Template::parse(template).is_err(), "{template:?}");
        }
    }
}
