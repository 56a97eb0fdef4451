//! OCI artifacts in the forms of the older program (the current one has none).

use std::fmt::Write as _;

use ocm::ops::artifact::{Artifact, Listed, Transferred};
use serde_json::{Value, json};

use super::escape::terminal;
use super::table::Table;
use super::versions_v1::found;
use super::{Structure, envelope};
use crate::args::VersionForm;
use crate::exit::Failure;

/// Prints artifacts.
pub(crate) fn text(report: &Listed, form: VersionForm) -> Result<String, Failure> {
    let values = || report.items.iter().map(value).collect::<Vec<_>>();
    match form {
        VersionForm::Table => {
            let mut table = Table::new(&["REGISTRY", "REPOSITORY", "KIND", "TAG", "DIGEST"]);
            for item in &report.items {
                let kind = if item.is_index() { "index" } else { "manifest" };
                let tag = item.tag.as_deref().unwrap_or("-");
                table.row([item.registry.as_str(), &item.repository, kind, tag, &item.digest]);
            }
            Ok(found(&table))
        }
        VersionForm::Yaml => envelope(Structure::Yaml, &values()),
        VersionForm::Json => envelope(Structure::Json, &values()),
        VersionForm::CompactJson => envelope(Structure::CompactJson, &values()),
        VersionForm::Ndjson => envelope(Structure::Ndjson, &values()),
    }
}

/// The lines about copies. Artifacts are counted, and the repositories that they come from.
pub(crate) fn copied(report: &Transferred, repositories: usize) -> String {
    let mut text = String::new();
    for item in &report.items {
        let _ = writeln!(text, "copying {} to {}...", terminal(&item.source), terminal(&item.target));
    }
    let count = report.items.len();
    let _ = writeln!(text, "copied {count} from {count} artifact(s) and {repositories} repositories");
    text
}

fn value(item: &Artifact) -> Value {
    let mut manifest = item.manifest.clone();
    manifest.sort_all_objects();
    let (scheme, host) = item.registry.split_once("://").map_or((None, item.registry.as_str()), |(s, h)| (Some(s), h));
    let mut spec = json!({"host": host, "repository": item.repository});
    if let Some(scheme) = scheme {
        spec["scheme"] = scheme.into();
    }
    if let Some(tag) = &item.tag {
        spec["tag"] = tag.as_str().into();
    }
    let kind = if item.is_index() { "Index" } else { "Manifest" };
    json!({"Digest": item.digest, kind: manifest, "Spec": spec})
}
