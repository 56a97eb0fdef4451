//! What `transfer` of the older program prints: every component version and every resource that moves.

use std::collections::HashMap;
use std::fmt::Write as _;

use ocm::ops::transfer::{ElementAction, ElementKind, ElementReport, References, Report, VersionAction, VersionReport};

use super::escape::terminal;

/// The lines of `transfer commontransportarchive`: versions below their components. Whoever enforces a transfer is not told how
/// what was there differs.
pub(crate) fn by_component(report: &Report, is_enforced: bool) -> String {
    let mut text = String::new();
    let mut above = None;
    for version in &report.versions {
        if above != Some(&version.component) {
            let _ = writeln!(text, "transferring component \"{}\"...", terminal(&version.component));
        }
        above = Some(&version.component);
        if begin(&mut text, version, is_enforced, "  ") {
            end(&mut text, version, "  ");
        }
    }
    text
}

/// The lines of `transfer componentversions`: referenced versions inside of those that refer to them.
pub(crate) fn by_reference(report: &Report, references: &References, is_enforced: bool) -> String {
    let key = |version: &VersionReport| (version.component.clone(), version.version.clone());
    let mut open: HashMap<_, _> = report.versions.iter().map(|version| (key(version), version)).collect();
    let mut text = String::new();
    nested(&mut text, &references.roots, (references, &mut open), is_enforced, "");
    text
}

/// The line in front of them, where images may not get names of their own.
pub(crate) const NO_UPLOADS: &str = "standard blob upload handlers are disabled.\n";

/// The line behind them.
pub(crate) fn count(report: &Report) -> String {
    format!("{} versions transferred\n", report.versions.len())
}

type Open<'a> = HashMap<(String, String), &'a VersionReport>;

fn nested(
    text: &mut String,
    names: &[(String, String)],
    (references, open): (&References, &mut Open<'_>),
    is_enforced: bool,
    indent: &str,
) {
    for name in names {
        // A version that several others refer to is transferred once.
        let Some(version) = open.remove(name) else { continue };
        if begin(text, version, is_enforced, indent) {
            let below = references.of.get(name).map(Vec::as_slice).unwrap_or_default();
            nested(text, below, (references, &mut *open), is_enforced, &format!("{indent}  "));
            end(text, version, indent);
        }
    }
}

/// Says which version it is; returns whether anything happens to it.
fn begin(text: &mut String, version: &VersionReport, is_enforced: bool, indent: &str) -> bool {
    let name = terminal(&format!("{}:{}", version.component, version.version));
    let _ = writeln!(text, "{indent}transferring version \"{name}\"...");
    let note = match version.action {
        VersionAction::Present => format!("version \"{name}\" already present -> skip transport"),
        VersionAction::Keep => format!("version \"{name}\" requires update of volatile data, but skipped"),
        VersionAction::Update if version.elements.iter().any(is_brought) => {
            format!("version \"{name}\" already present -> but requires resource transport")
        }
        VersionAction::Update => format!("updating volatile properties of \"{name}\""),
        VersionAction::Replace if let Some(difference) = version.difference.as_ref().filter(|_| !is_enforced) => {
            let reason = reason(difference);
            let _ = writeln!(
                text,
                "{indent}warning:   version \"{name}\" already present, but differs because {reason} (transport enforced by overwrite option)"
            );
            return true;
        }
        VersionAction::Replace | VersionAction::Transfer => return true,
    };
    let _ = writeln!(text, "{indent}  {note}");
    version.action == VersionAction::Update
}

/// A difference in the words of the older program, which tells the content of resources from everything else.
fn reason(difference: &str) -> &'static str {
    if difference.split(", ").all(|part| part.starts_with("resource ") && part.ends_with(" differs")) {
        "some artifact digests are changed"
    } else {
        "signature relevant properties have been changed"
    }
}

/// Whether content is copied that did not belong to the component version before.
fn is_brought(element: &ElementReport) -> bool {
    !matches!(element.plan.action, ElementAction::CopyLocal { .. } | ElementAction::Reference { .. })
}

fn end(text: &mut String, version: &VersionReport, indent: &str) {
    for element in version.elements.iter().filter(|element| element.plan.kind == ElementKind::Resource) {
        let name = element.plan.identity.get("name").map_or("", String::as_str);
        let what = terminal(&format!("{} {name}[{}]", element.plan.position, element.plan.element_type));
        let hint = match &element.plan.action {
            ElementAction::Reference { .. } => continue,
            // What belonged to the component version before is there already.
            ElementAction::CopyLocal { .. } if version.action == VersionAction::Update => continue,
            ElementAction::EmbedImage { reference_name, .. }
            | ElementAction::CopyLocal { reference_name: Some(reference_name), .. } => {
                terminal(&format!("({reference_name})"))
            }
            ElementAction::UploadImage { reference, .. } => uploaded(reference),
            _ => String::new(),
        };
        let note = match version.action {
            VersionAction::Replace => replaced(version, element),
            VersionAction::Update => " (copy)",
            _ => "...",
        };
        let _ = writeln!(text, "{indent}...resource {what}{hint}{note}");
    }
    let _ = writeln!(text, "{indent}...adding component version...");
}

/// The name of an image without its host and digest; one that is stored with its component version has none.
fn uploaded(reference: &str) -> String {
    let address = reference.split_once("://").map_or(reference, |(_, address)| address);
    let name = address.split_once('/').map(|(_, name)| name.split('@').next().unwrap_or(name));
    name.map(|name| terminal(&format!("({name})"))).unwrap_or_default()
}

/// What happened to a resource whose version was replaced.
fn replaced(version: &VersionReport, element: &ElementReport) -> &'static str {
    let identity = &element.plan.identity;
    let identity = identity.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",");
    let is = |what: &str| {
        let part = format!("resource {identity} {what}");
        version.difference.iter().any(|difference| difference.split(", ").any(|found| found == part))
    };
    match (is("differs"), is("is new")) {
        (true, _) => " (overwrite)",
        (false, true) => "...",
        (false, false) => " (already present)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_named_without_its_host() {
        assert_eq!(uploaded("http://localhost:5000/team/app:v1@sha256:00"), "(team/app:v1)");
        assert_eq!(uploaded("ghcr.io/team/app@sha256:00"), "(team/app)");
        assert_eq!(uploaded("sha256:00"), "");
    }
}
