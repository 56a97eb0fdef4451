use serde_json::{Map, Value};

use crate::{Descriptor, DigestSpec, Error, Label, Result};

/// Refuses a descriptor that other readers read differently.
///
/// The Go programs take `Name` for `name` and let the last of several win, so that a document could show them something
/// else than what is verified here. Members that stand twice are refused when a descriptor is read; this refuses members
/// that differ from a known one in nothing but letter case.
///
/// # Errors
/// There is such a member; the message names it.
pub fn check_unambiguous(descriptor: &Descriptor) -> Result<()> {
    let root = ["meta", "component", "signatures", "nestedDigests", "apiVersion", "kind", "metadata", "spec"];
    check("", &descriptor.other, &root)?;
    check("meta", &descriptor.meta.other, &["schemaVersion"])?;
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
    check("component", &component.other, &members)?;
    labels("component", &component.labels)?;
    check("component.provider", &component.provider.other, &["name", "labels"])?;
    labels("component.provider", &component.provider.labels)?;
    let element = ["name", "version", "labels", "extraIdentity", "type", "access"];
    for (position, resource) in component.resources.iter().enumerate() {
        let place = format!("component.resources[{position}]");
        check(&place, &resource.other, &[element.as_slice(), &["relation", "srcRefs", "srcRef", "digest"]].concat())?;
        labels(&place, &resource.labels)?;
        check(&format!("{place}.access"), &resource.access.members, &["type"])?;
        digest(&place, resource.digest.as_ref())?;
    }
    for (position, source) in component.sources.iter().enumerate() {
        let place = format!("component.sources[{position}]");
        check(&place, &source.other, &element)?;
        labels(&place, &source.labels)?;
    }
    for (position, reference) in component.component_references.iter().enumerate() {
        let place = format!("component.componentReferences[{position}]");
        let members = ["name", "version", "labels", "extraIdentity", "componentName", "digest"];
        check(&place, &reference.other, &members)?;
        labels(&place, &reference.labels)?;
        digest(&place, reference.digest.as_ref())?;
    }
    for (position, signature) in descriptor.signatures.iter().enumerate() {
        let place = format!("signatures[{position}]");
        check(&place, &signature.other, &["name", "digest", "signature", "timestamp"])?;
        digest(&place, Some(&signature.digest))?;
        let members = ["algorithm", "value", "mediaType", "issuer"];
        check(&format!("{place}.signature"), &signature.signature.other, &members)?;
    }
    Ok(())
}

fn labels(place: &str, labels: &[Label]) -> Result<()> {
    labels.iter().enumerate().try_for_each(|(position, label)| {
        check(&format!("{place}.labels[{position}]"), &label.other, &["name", "value", "version", "signing", "merge"])
    })
}

fn digest(place: &str, digest: Option<&DigestSpec>) -> Result<()> {
    let Some(digest) = digest else { return Ok(()) };
    check(&format!("{place}.digest"), &digest.other, &["hashAlgorithm", "normalisationAlgorithm", "value"])
}

/// Compares members that are not known with those that are.
fn check(place: &str, others: &Map<String, Value>, known: &[&str]) -> Result<()> {
    for key in others.keys() {
        let folded = fold(key);
        if let Some(member) = known.iter().find(|member| **member != key && fold(member) == folded) {
            let reason = format!(
                "has the member {key:?}, which other programs read as {member:?}: a document that is read in two ways cannot be \
                 verified"
            );
            let subject = if place.is_empty() {
                "component descriptor".to_owned()
            } else {
                format!("component descriptor: {place}")
            };
            return Err(Error::new(subject, reason));
        }
    }
    Ok(())
}

/// Letter case as Go folds it: `ſ` is an `s` and the Kelvin sign a `k`.
fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
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
