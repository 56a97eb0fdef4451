use std::collections::HashSet;
use std::fmt::{self, Display};

use serde_json::{Map, Value};

use crate::{Descriptor, DigestSpec, Error, Label, Result};

/// Refuses a descriptor that other readers read differently.
///
/// The Go programs take `Name` for `name` and let the last of several win, so that a document could show them something
/// else than what is verified here. Members that stand twice are refused when a descriptor is read; this refuses members
/// that differ from a known one in nothing but letter case, and labels that hide a signed one of the same name: whoever looks
/// for a label takes the first, and what is not signed may stand there.
///
/// # Errors
/// There is such a member; the message names it.
pub fn check_unambiguous(descriptor: &Descriptor) -> Result<()> {
    let root = ["meta", "component", "signatures", "nestedDigests", "apiVersion", "kind", "metadata", "spec"];
    check(&"", &descriptor.other, &root)?;
    check(&"meta", &descriptor.meta.other, &["schemaVersion"])?;
    let component = &descriptor.component;
    let members = [
        "name",
        "version",
        "labels",
        "creationTime",
        "repositoryContexts",
        "provider",
        "resources",
        "sources",
        "componentReferences",
    ];
    check(&"component", &component.other, &members)?;
    labels(&"component", &component.labels)?;
    check(&"component.provider", &component.provider.other, &["name", "labels"])?;
    labels(&"component.provider", &component.provider.labels)?;
    for (position, resource) in component.resources.iter().enumerate() {
        let place = Item("component.resources", position);
        check(&place, &resource.other, &RESOURCE)?;
        labels(&place, &resource.labels)?;
        check(&format_args!("{place}.access"), &resource.access.members, &["type"])?;
        digest(&place, resource.digest.as_ref())?;
    }
    for (position, source) in component.sources.iter().enumerate() {
        let place = Item("component.sources", position);
        check(&place, &source.other, &SOURCE)?;
        labels(&place, &source.labels)?;
    }
    for (position, reference) in component.component_references.iter().enumerate() {
        let place = Item("component.componentReferences", position);
        check(&place, &reference.other, &REFERENCE)?;
        labels(&place, &reference.labels)?;
        digest(&place, reference.digest.as_ref())?;
    }
    for (position, signature) in descriptor.signatures.iter().enumerate() {
        let place = Item("signatures", position);
        check(&place, &signature.other, &["name", "digest", "signature", "timestamp"])?;
        digest(&place, Some(&signature.digest))?;
        let members = ["algorithm", "value", "mediaType", "issuer"];
        check(&format_args!("{place}.signature"), &signature.signature.other, &members)?;
    }
    Ok(())
}

const SOURCE: [&str; 6] = ["name", "version", "labels", "extraIdentity", "type", "access"];
const RESOURCE: [&str; 10] =
    ["name", "version", "labels", "extraIdentity", "type", "access", "relation", "srcRefs", "srcRef", "digest"];
const REFERENCE: [&str; 6] = ["name", "version", "labels", "extraIdentity", "componentName", "digest"];

/// An item of a list, whose name is needed only if something is wrong with it.
struct Item(&'static str, usize);

impl Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.0, self.1)
    }
}

fn labels(place: &dyn Display, labels: &[Label]) -> Result<()> {
    let signed: HashSet<&str> =
        labels.iter().filter(|label| label.is_signed()).map(|label| label.name.as_str()).collect();
    labels.iter().enumerate().try_for_each(|(position, label)| {
        let members = ["name", "value", "version", "signing", "merge"];
        check(&format_args!("{place}.labels[{position}]"), &label.other, &members)?;
        if signed.contains(label.name.as_str()) && !label.is_signed() {
            let reason = format!("has the label {:?} signed and not signed: nothing says which one counts", label.name);
            return Err(Error::new(format!("component descriptor: {place}"), reason));
        }
        Ok(())
    })
}

fn digest(place: &dyn Display, digest: Option<&DigestSpec>) -> Result<()> {
    let Some(digest) = digest else { return Ok(()) };
    check(&format_args!("{place}.digest"), &digest.other, &["hashAlgorithm", "normalisationAlgorithm", "value"])
}

/// Compares members that are not known with those that are.
fn check(place: &dyn Display, others: &Map<String, Value>, known: &[&str]) -> Result<()> {
    for key in others.keys() {
        if let Some(member) = known.iter().find(|member| **member != key && fold(member).eq(fold(key))) {
            let reason = format!(
                "has the member {key:?}, which other programs read as {member:?}: a document that is read in two ways cannot be \
                 verified"
            );
            let subject = match place.to_string() {
                place if place.is_empty() => "component descriptor".to_owned(),
                place => format!("component descriptor: {place}"),
            };
            return Err(Error::new(subject, reason));
        }
    }
    Ok(())
}

/// Letter case as Go folds it: `ſ` is an `s` and the Kelvin sign a `k`.
fn fold(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn checked(extra: &str) -> Result<()> {
        let text = format!(
            r#"{{"meta": {{"schemaVersion": "v2"}}, "component": {{"name": "acme.org/a", "version": "1.0.0", "provider": "p",
            "resources": [{{"name": "r", "version": "1", "type": "t", "access": {{"type": "none"}} {extra}}}]}}}}"#
        );
        check_unambiguous(&Descriptor::read(text.as_bytes()).unwrap())
    }

    #[test]
    fn a_label_that_hides_a_signed_one_is_refused() {
        let twice = |first: &str, second: &str| {
            let label = |signing: &str| format!(r#"{{"name": "a", "value": 1 {signing}}}"#);
            checked(&format!(r#", "labels": [{}, {}]"#, label(first), label(second)))
        };
        let signing = r#", "signing": true"#;
        for (first, second) in [("", signing), (signing, ""), (signing, r#", "signing": false"#)] {
            let problem = twice(first, second).unwrap_err().to_string();
            assert!(problem.contains("component.resources[0]: has the label \"a\" signed and not signed"), "{problem}");
        }
        twice("", "").unwrap();
        twice(signing, signing).unwrap();
    }

    #[test]
    fn members_that_differ_in_case_only_are_refused() {
        checked("").unwrap();
        checked(r#", "future": 1, "labels": [{"name": "a", "value": {"Name": 1, "name": 2}}]"#).unwrap();
        for extra in [
            r#", "Name": "other""#,
            r#", "DIGEST": {}"#,
            r#", "acceſſ": {}"#,
            r#", "labels": [{"name": "a", "value": 1, "Signing": true}]"#,
            r#", "digest": {"value": "x", "Value": "y"}"#,
        ] {
            let problem = checked(extra).unwrap_err().to_string();
            assert!(problem.contains("component.resources[0]") && problem.contains("other programs"), "{problem}");
        }
    }
}
