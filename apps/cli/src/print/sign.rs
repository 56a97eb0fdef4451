//! What was signed, in the forms of both older programs.

use std::fmt::Write as _;

use ocm::ops::sign::{Report, Visit};

use super::escape::terminal;
use super::{Structure, object};
use crate::exit::Failure;

/// The signature, or a list of several.
pub(crate) fn signatures(report: &Report, form: crate::args::ReportForm) -> Result<String, Failure> {
    let form = Structure::from(form);
    let signatures: Vec<_> = report.versions.iter().map(|signed| &signed.signature).collect();
    let text = match signatures.as_slice() {
        [one] => object(form, one)?,
        all => object(form, &all)?,
    };
    // The current program ends YAML with an empty line.
    Ok(if form == Structure::Yaml { text + "\n" } else { text })
}

/// The lines of the older program.
pub(crate) fn older(report: &Report) -> String {
    let mut text = String::new();
    for signed in &report.versions {
        if let Some(visit) = &signed.visit {
            visited(visit, &format!("{}:{}", visit.component, visit.version), 0, &mut text);
        }
        let _ = writeln!(
            text,
            "successfully signed {} (digest {}:{})",
            terminal(&format!("{}:{}", signed.component, signed.version)),
            terminal(&signed.digest.hash_algorithm),
            signed.digest.value
        );
    }
    text
}

/// What a digest was made of, in the lines of the older program.
pub(crate) fn visited(visit: &Visit, root: &str, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let name = format!("{}:{}", visit.component, visit.version);
    let _ = writeln!(text, "{indent}applying to version {:?}[{}]...", terminal(&name), terminal(root));
    for (position, reference) in visit.references.iter().enumerate() {
        let name = terminal(&format!("{}:{}", reference.component, reference.version));
        if let Some(inner) = &reference.visit {
            // Also where the descriptor records one: the older program looks for it elsewhere.
            let _ = writeln!(text, "{indent}  no digest found for {name:?}");
            visited(inner, root, depth + 1, text);
        }
        let _ = writeln!(text, "{indent}  reference {position}:  {name}: digest {}", digest(&reference.digest));
    }
    for resource in &visit.resources {
        let identity: Vec<_> = resource
            .identity
            .0
            .iter()
            .map(|(key, value)| format!("{:?}={:?}", terminal(key), terminal(value)))
            .collect();
        let _ = writeln!(
            text,
            "{indent}  resource {}:  {}: digest {}",
            resource.position,
            identity.join(","),
            digest(&resource.digest)
        );
    }
}

fn digest(digest: &ocm::model::DigestSpec) -> String {
    terminal(&format!("{}:{}[{}]", digest.hash_algorithm, digest.value, digest.normalisation_algorithm))
}
