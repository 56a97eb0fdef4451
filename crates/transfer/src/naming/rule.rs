use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::UploadAs;

/// A name for the images that fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which ones; what is not said fits anything.
    #[serde(rename = "match", default)]
    pub matches: Match,
    /// What they get.
    pub target: Placement,
}

/// Which images a rule is for. Texts may contain `*` for anything, and `?` for one letter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Match {
    /// Name of the component.
    #[serde(default)]
    pub component: Option<String>,
    /// Version of the component.
    #[serde(default)]
    pub version: Option<String>,
    /// Name of the resource.
    #[serde(default)]
    pub resource: Option<String>,
    /// Type of the resource.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// Type of its access, with or without its version.
    #[serde(default)]
    pub access: Option<String>,
    /// Where the image is now.
    #[serde(default)]
    pub reference: Option<String>,
    /// More of the identity of the resource.
    #[serde(default)]
    pub identity: BTreeMap<String, String>,
}

/// What an image gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Placement {
    /// Host of the target registry; it must be the one of the target.
    #[serde(default)]
    pub registry: Option<String>,
    /// Name of the repository, a template; relative to the target, or to the registry where that is named.
    #[serde(default)]
    pub repository: Option<String>,
    /// Tag, a template.
    #[serde(default)]
    pub tag: Option<String>,
    /// How it is stored.
    #[serde(default)]
    pub upload_as: Option<UploadAs>,
}

/// What a rule is asked about.
pub(super) struct Subject<'a> {
    pub(super) component: &'a str,
    pub(super) version: &'a str,
    pub(super) identity: &'a BTreeMap<String, String>,
    pub(super) kind: &'a str,
    pub(super) access: &'a str,
    pub(super) reference: &'a str,
}

impl Match {
    pub(super) fn fits(&self, subject: &Subject<'_>) -> bool {
        let fits = |pattern: &Option<String>, text: &str| pattern.as_ref().is_none_or(|pattern| glob(pattern, text));
        let base = subject.access.split('/').next().unwrap_or_default();
        fits(&self.component, subject.component)
            && fits(&self.version, subject.version)
            && fits(&self.resource, subject.identity.get("name").map_or("", String::as_str))
            && fits(&self.kind, subject.kind)
            && (fits(&self.access, subject.access) || fits(&self.access, base))
            && fits(&self.reference, subject.reference)
            && self.identity.iter().all(|(key, value)| subject.identity.get(key) == Some(value))
    }
}

/// Whether a text is what a pattern says. Linear in the text for each `*`: patterns come from a file, not from a stranger.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(letter) if *letter == '?' || *letter == text[read] => {
                at += 1;
                read += 1;
            }
            _ => match &mut star {
                Some((position, taken)) => {
                    *taken += 1;
                    at = *position + 1;
                    read = *taken;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("ghcr.io/*/app:*", "ghcr.io/a/b/app:1", true),
            ("ghcr.io/*/app", "ghcr.io/app", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b", "xaxxb", true),
            ("*a*b", "xaxx", false),
            ("", "x", false),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
    }
}
