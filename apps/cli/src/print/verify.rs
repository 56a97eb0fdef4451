//! What was verified, in words.

use std::fmt::Write as _;

use ocm::ops::verify::{Report, VersionReport};

use super::escape::terminal;
use super::sign::visited;

/// What was verified of one version, and what was not.
pub(crate) fn summary(version: &VersionReport) -> String {
    let names: Vec<_> = version.signatures.iter().map(|signature| signature.name.as_str()).collect();
    let mut text = format!("{}:{}: verified signature {}", version.component, version.version, names.join(", "));
    if version.references > 0 {
        let _ = write!(text, ", {} referenced versions", version.references);
    }
    if version.resources > 0 {
        let _ = write!(text, ", the content of {} resources", version.resources);
    }
    if version.resources_unread > 0 {
        let _ = write!(text, "; the content of {} resources was not read (--resources)", version.resources_unread);
    }
    text
}

/// The lines of the older program.
pub(crate) fn older(report: &Report) -> String {
    let mut text = String::new();
    for version in &report.versions {
        let name = format!("{}:{}", version.component, version.version);
        if !version.verified {
            continue;
        }
        if let Some(visit) = &version.visit {
            visited(visit, &name, 0, &mut text);
        }
        if let Some(signature) = version.signatures.first() {
            let digest = &signature.digest;
            let (name, hash) = (terminal(&name), terminal(&digest.hash_algorithm));
            let _ = writeln!(text, "successfully verified {name} (digest {hash}:{})", digest.value);
        }
    }
    text
}
