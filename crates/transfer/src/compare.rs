use std::collections::BTreeMap;

use ocm_model::{Descriptor, DigestSpec, TypedObject, normalise};

/// Differences that a message names.
const SHOWN: usize = 10;

/// How two descriptors of the same component version differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Not at all, apart from where content is stored.
    None,
    /// Only in parts outside the digest; the second one has nothing that the first one lacks.
    Extended,
    /// Only in parts outside the digest, but the second one has signatures that the first one lacks.
    Diverged {
        /// Names of these signatures.
        signatures: Vec<String>,
    },
    /// In parts that the digest covers.
    Content {
        /// What differs, for a person.
        what: String,
    },
}

/// Compares a descriptor with the one that a target already has.
///
/// Accesses and repository contexts are places, not content; they are left out.
pub fn compare(ours: &Descriptor, theirs: &Descriptor) -> Difference {
    let (ours, mut theirs) = (without_places(ours), without_places(theirs));
    if ours == theirs {
        return Difference::None;
    }
    share_reference_digests(&ours, &mut theirs);
    let normal = |descriptor: &Descriptor| normalise::normalise(descriptor, normalise::Algorithm::V4Alpha1).ok();
    if normal(&ours).is_none_or(|ours| Some(ours) != normal(&theirs)) {
        return Difference::Content { what: describe(&ours, &theirs) };
    }
    let missing: Vec<_> = theirs
        .signatures
        .iter()
        .filter(|signature| !ours.signatures.contains(signature))
        .map(|s| s.name.clone())
        .collect();
    if missing.is_empty() { Difference::Extended } else { Difference::Diverged { signatures: missing } }
}

fn without_places(descriptor: &Descriptor) -> Descriptor {
    let mut descriptor = descriptor.clone();
    descriptor.component.repository_contexts.clear();
    // The normal forms treat an access of type `none` differently, so this much of it stays.
    let blank = |access: &mut TypedObject| {
        let none = matches!(access.kind.as_str(), "none" | "None");
        *access = TypedObject::new(if none { "none" } else { "" });
    };
    descriptor.component.resources.iter_mut().for_each(|resource| blank(&mut resource.access));
    descriptor.component.sources.iter_mut().for_each(|source| blank(&mut source.access));
    descriptor
}

/// A digest of a reference that the target does not record is no other content: signing adds it.
fn share_reference_digests(ours: &Descriptor, theirs: &mut Descriptor) {
    let is_complete = |digest: &Option<DigestSpec>| digest.as_ref().is_some_and(DigestSpec::is_complete);
    let pairs = ours.component.component_references.iter().zip(&mut theirs.component.component_references);
    for (our, their) in pairs.filter(|(our, their)| our.identity() == their.identity()) {
        if is_complete(&our.digest) && !is_complete(&their.digest) {
            their.digest.clone_from(&our.digest);
        }
    }
}

/// Names what differs: elements by identity, other members by name.
fn describe(ours: &Descriptor, theirs: &Descriptor) -> String {
    let mut parts = Vec::new();
    let (a, b) = (&ours.component, &theirs.component);
    list(&mut parts, "resource", &a.resources, &b.resources, |element| element.identity().to_string());
    list(&mut parts, "source", &a.sources, &b.sources, |element| element.identity().to_string());
    list(&mut parts, "reference", &a.component_references, &b.component_references, |element| {
        element.identity().to_string()
    });
    if a.provider != b.provider {
        parts.push("the provider differs".into());
    }
    if a.labels != b.labels {
        parts.push("labels differ".into());
    }
    if a.creation_time != b.creation_time {
        parts.push("the creation time differs".into());
    }
    if parts.is_empty() {
        return "parts of the descriptor differ".into();
    }
    let more = parts.len().saturating_sub(SHOWN);
    parts.truncate(SHOWN);
    let shown = parts.join(", ");
    if more == 0 { shown } else { format!("{shown}, and {more} more") }
}

fn list<'a, T: PartialEq>(
    parts: &mut Vec<String>,
    kind: &str,
    ours: &'a [T],
    theirs: &'a [T],
    identity: impl Fn(&T) -> String,
) {
    let named = |elements: &'a [T]| {
        let mut named: BTreeMap<String, Vec<&T>> = BTreeMap::new();
        for element in elements {
            named.entry(identity(element)).or_default().push(element);
        }
        named
    };
    let (a, b) = (named(ours), named(theirs));
    let only = |a: &BTreeMap<String, _>, b: &BTreeMap<String, _>, what: &str| -> Vec<String> {
        a.keys().filter(|name| !b.contains_key(*name)).map(|name| format!("{kind} {name} {what}")).collect()
    };
    parts.extend(only(&a, &b, "is new"));
    parts.extend(only(&b, &a, "is gone"));
    for element in ours {
        let name = identity(element);
        if b.get(&name).is_some_and(|others| others.iter().any(|other| *other != element)) {
            parts.push(format!("{kind} {name} differs"));
        }
    }
    if parts.is_empty() && ours != theirs {
        parts.push(format!("the order of the {kind}s differs"));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn descriptor(json: &str) -> Descriptor {
        Descriptor::read(json.as_bytes()).unwrap()
    }

    fn with(resource: &str, signatures: &str) -> Descriptor {
        descriptor(&format!(
            r#"{{"meta":{{"schemaVersion":"v2"}},"component":{{"name":"acme.org/x","version":"1.0.0","provider":"acme",
            "repositoryContexts":[],"sources":[],"componentReferences":[],"resources":[{resource}]}},"signatures":[{signatures}]}}"#
        ))
    }

    fn resource(access: &str, value: &str) -> String {
        format!(
            r#"{{"name":"r1","version":"1","type":"t","relation":"local","access":{{"type":"{access}"}},
            "digest":{{"hashAlgorithm":"SHA-256","normalisationAlgorithm":"genericBlobDigest/v1","value":"{value}"}}}}"#
        )
    }

    fn signature(name: &str) -> String {
        format!(r#"{{"name":"{name}","digest":{{}},"signature":{{"algorithm":"a","value":"v","mediaType":"m"}}}}"#)
    }

    #[test]
    fn places_do_not_count() {
        assert_eq!(
            compare(&with(&resource("localBlob", "aa"), ""), &with(&resource("ociArtifact", "aa"), "")),
            Difference::None
        );
    }

    #[test]
    fn a_new_signature_extends() {
        let (plain, signed) = (with(&resource("x", "aa"), ""), with(&resource("x", "aa"), &signature("release")));
        assert_eq!(compare(&signed, &plain), Difference::Extended);
        assert_eq!(compare(&plain, &signed), Difference::Diverged { signatures: vec!["release".into()] });
    }

    #[test]
    fn digests_of_references_that_signing_adds_extend() {
        let with = |digest: &str| {
            let text = String::from_utf8(with("", &signature("release")).write_json()).unwrap();
            let reference = format!(r#"[{{"name":"r1","version":"1","componentName":"acme.org/y"{digest}}}]"#);
            descriptor(&text.replace(r#""componentReferences":[]"#, &format!(r#""componentReferences":{reference}"#)))
        };
        let digest = |value: &str| {
            with(&format!(
                r#","digest":{{"hashAlgorithm":"SHA-256","normalisationAlgorithm":"jsonNormalisation/v3","value":"{value}"}}"#
            ))
        };
        assert_eq!(compare(&digest("aa"), &with("")), Difference::Extended);
        assert!(matches!(compare(&with(""), &digest("aa")), Difference::Content { .. }));
        assert!(matches!(compare(&digest("aa"), &digest("bb")), Difference::Content { .. }));
    }

    #[test]
    fn other_content_is_named() {
        let Difference::Content { what } = compare(&with(&resource("x", "aa"), ""), &with(&resource("x", "bb"), ""))
        else {
            unreachable!("the digests differ")
        };
        assert_eq!(what, "resource name=r1,version=1 differs");
    }

    /// As many as anybody may send, and as few as anybody reads.
    #[test]
    fn of_many_differences_some_are_named_and_the_rest_counted() {
        let many = |value: &str| {
            let one = |number: usize| resource("x", value).replace("r1", &format!("r{number}"));
            with(&(0..3000).map(one).collect::<Vec<_>>().join(","), "")
        };
        let Difference::Content { what } = compare(&many("aa"), &many("bb")) else {
            unreachable!("the digests differ")
        };
        assert!(what.starts_with("resource name=r0,version=1 differs, "), "{what}");
        assert!(what.ends_with(" differs, and 2990 more") && what.len() < 500, "{what}");
    }
}
