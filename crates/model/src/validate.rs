//! The rules a descriptor follows beyond its form. All broken ones are reported, not the first.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use crate::name::{ComponentName, check_element_name};
use crate::{Descriptor, DigestSpec, Label, Version};

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where: `component.resources[2].name`.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Checks names, versions, identities, labels and digests, and returns every broken rule.
pub fn validate(descriptor: &Descriptor) -> Vec<Finding> {
    let mut check = Check::default();
    let component = &descriptor.component;
    check.result("component.name", ComponentName::parse(&component.name));
    check.result("component.version", Version::parse(&component.version));
    check.labels("component", &component.labels);
    if component.provider.name.is_empty() {
        check.report("component.provider", "has no name");
    }
    check.labels("component.provider", &component.provider.labels);

    let mut seen = HashSet::new();
    for (position, item) in component.resources.iter().enumerate() {
        let path = format!("component.resources[{position}]");
        check.element(&path, &Meta::new(&item.name, &item.version, &item.extra_identity, &item.labels), &mut seen);
        check.present(&path, "type", &item.kind);
        check.present(&path, "access.type", &item.access.kind);
        if !matches!(item.relation.as_str(), "local" | "external") {
            check.report(format!("{path}.relation"), format_args!("is {:?}: must be local or external", item.relation));
        }
        check.digest(&path, item.digest.as_ref());
        for (index, source) in item.src_refs.iter().enumerate() {
            check.labels(&format!("{path}.srcRefs[{index}]"), &source.labels);
        }
    }
    seen.clear();
    for (position, item) in component.sources.iter().enumerate() {
        let path = format!("component.sources[{position}]");
        check.element(&path, &Meta::new(&item.name, &item.version, &item.extra_identity, &item.labels), &mut seen);
        check.present(&path, "type", &item.kind);
        check.present(&path, "access.type", &item.access.kind);
    }
    seen.clear();
    for (position, item) in component.component_references.iter().enumerate() {
        let path = format!("component.componentReferences[{position}]");
        check.element(&path, &Meta::new(&item.name, &item.version, &item.extra_identity, &item.labels), &mut seen);
        check.result(format!("{path}.componentName"), ComponentName::parse(&item.component_name));
        check.present(&path, "version", &item.version);
        check.digest(&path, item.digest.as_ref());
    }

    let mut names = HashSet::new();
    for (position, signature) in descriptor.signatures.iter().enumerate() {
        let path = format!("signatures[{position}]");
        check.present(&path, "name", &signature.name);
        if !names.insert(&signature.name) {
            check.report(
                format!("{path}.name"),
                format_args!("{:?} is the name of another signature too", signature.name),
            );
        }
        check.digest(&path, Some(&signature.digest));
    }
    check.findings
}

/// What resources, sources and references have in common.
struct Meta<'a> {
    name: &'a str,
    version: &'a str,
    extra_identity: &'a BTreeMap<String, String>,
    labels: &'a [Label],
}

impl<'a> Meta<'a> {
    fn new(name: &'a str, version: &'a str, extra_identity: &'a BTreeMap<String, String>, labels: &'a [Label]) -> Self {
        Self { name, version, extra_identity, labels }
    }
}

type Key<'a> = (&'a str, &'a str, &'a BTreeMap<String, String>);

#[derive(Default)]
struct Check {
    findings: Vec<Finding>,
}

impl Check {
    fn report(&mut self, path: impl Into<String>, message: impl fmt::Display) {
        self.findings.push(Finding { path: path.into(), message: message.to_string() });
    }

    fn result<T>(&mut self, path: impl Into<String>, result: crate::Result<T>) {
        if let Err(error) = result {
            self.report(path, error);
        }
    }

    fn present(&mut self, path: &str, member: &str, text: &str) {
        if text.is_empty() {
            self.report(format!("{path}.{member}"), "is missing");
        }
    }

    fn element<'a>(&mut self, path: &str, meta: &Meta<'a>, seen: &mut HashSet<Key<'a>>) {
        self.result(format!("{path}.name"), check_element_name(meta.name));
        if !meta.version.is_empty() {
            self.result(format!("{path}.version"), Version::parse(meta.version));
        }
        for key in meta.extra_identity.keys() {
            let path = format!("{path}.extraIdentity.{key}");
            if key == "name" {
                self.report(path, "the name is part of every identity and cannot be given again");
            } else {
                self.result(path, check_element_name(key));
            }
        }
        if !seen.insert((meta.name, meta.version, meta.extra_identity)) {
            let message =
                format_args!("{:?} has the name, version and extra identity of another one", meta.name).to_string();
            self.report(path, message);
        }
        self.labels(path, meta.labels);
    }

    fn labels(&mut self, path: &str, labels: &[Label]) {
        let mut names = HashSet::new();
        for (position, label) in labels.iter().enumerate() {
            let path = format!("{path}.labels[{position}]");
            self.present(&path, "name", &label.name);
            if !names.insert(label.name.as_str()) {
                self.report(format!("{path}.name"), format_args!("{:?} is the name of another label too", label.name));
            }
            if let Some(version) = label.version.as_ref().filter(|version| !is_format_version(version)) {
                self.report(format!("{path}.version"), format_args!("is {version:?}: must be v and a number"));
            }
            if let Some(merge) = label.merge.as_ref().filter(|merge| !is_merge_algorithm(&merge.algorithm)) {
                self.report(
                    format!("{path}.merge.algorithm"),
                    format_args!("{:?} is no name of an algorithm", merge.algorithm),
                );
            }
        }
    }

    /// A digest is whole, or unknown in all three parts.
    fn digest(&mut self, path: &str, digest: Option<&DigestSpec>) {
        let Some(digest) = digest.filter(|digest| !digest.is_empty() && !digest.is_excluded()) else { return };
        self.present(path, "digest.hashAlgorithm", &digest.hash_algorithm);
        self.present(path, "digest.normalisationAlgorithm", &digest.normalisation_algorithm);
        self.present(path, "digest.value", &digest.value);
        if digest.is_complete() && digest.hash().is_some() && digest.oci_digest().is_none() {
            self.report(
                format!("{path}.digest.value"),
                format_args!("is no {} digest in hexadecimal digits", digest.hash_algorithm),
            );
        }
    }
}

/// `^v[0-9]+$`
fn is_format_version(text: &str) -> bool {
    text.strip_prefix('v').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `^[a-z][a-z0-9/_-]+$`, or none given.
fn is_merge_algorithm(text: &str) -> bool {
    text.is_empty()
        || text.len() > 1
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'/' | b'_' | b'-'))
}
