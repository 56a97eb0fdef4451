use std::collections::BTreeMap;

use ocm::ops::elements::{self, Kind};
use ocm::ops::get::{self, Node, Unresolved};
use ocm::ops::inventory;

use super::session::{warn_of_lookup_unless, warn_of_lookup_without_effect};
use super::{Session, versions};
use crate::args::{Dialect, ElementForm, GetComponentVersion, GetElements, GetKind};
use crate::exit::Failure;
use crate::print::{self, Structure, object, out};

/// Gets component versions or their elements.
pub(crate) async fn run(session: &Session, kind: GetKind) -> Result<(), Failure> {
    match kind {
        GetKind::ComponentVersion(arguments) => component_versions(session, arguments).await,
        GetKind::Resources(arguments) => list(session, arguments, Kind::Resources).await,
        GetKind::Sources(arguments) => list(session, arguments, Kind::Sources).await,
        GetKind::References(arguments) => list(session, arguments, Kind::References).await,
        GetKind::Config(arguments) => super::config::get(session, &arguments),
        GetKind::Types(arguments) => super::describe::types(session, arguments).await,
        GetKind::Artifacts(arguments) => super::artifact::list(session, arguments).await,
        GetKind::Inventory(arguments) => {
            warn_of_lookup_without_effect(&arguments.selection);
            let versions = versions(arguments.references, arguments.selection, false);
            let report = inventory::run(&session.context, &inventory::Request { versions }).await?;
            out(&object(arguments.output.into(), &report)?)
        }
        GetKind::Credentials(arguments) => super::credentials::get(session, arguments).await,
    }
}

async fn component_versions(session: &Session, arguments: GetComponentVersion) -> Result<(), Failure> {
    warn_of_lookup_unless(arguments.recursive, &arguments.selection);
    let mut request = versions(arguments.references, arguments.selection, arguments.recursive);
    if session.dialect == Dialect::V1 {
        request.unresolved = Unresolved::Show;
    }
    let report = get::run(&session.context, &request).await?;
    warn_of_unresolved(&report.roots);
    out(&match (session.dialect, arguments.scheme) {
        (Dialect::V2, None) => print::versions::text(&report.roots, arguments.output)?,
        (_, scheme) => {
            print::versions_v1::text(&report.roots, arguments.output, request.recursive, scheme.unwrap_or_default())?
        }
    })
}

async fn list(session: &Session, arguments: GetElements, kind: Kind) -> Result<(), Failure> {
    let selectors = selectors(&arguments.identities)?;
    warn_of_lookup_unless(arguments.recursive, &arguments.selection);
    let versions = versions(vec![arguments.reference], arguments.selection, arguments.recursive);
    let form = match arguments.output {
        ElementForm::Tree | ElementForm::Treewide => {
            let report = get::run(&session.context, &versions).await?;
            return out(&print::element_tree::text(&report.roots, kind, arguments.output == ElementForm::Treewide)?);
        }
        form => form,
    };
    let recursive = versions.recursive;
    let report = elements::run(&session.context, &elements::Request { versions, kind, selectors }).await?;
    let structured = |form| print::elements::structured(&report.items, form);
    out(&match form {
        ElementForm::Wide => print::elements::table(&report.items, kind, true, recursive)?,
        ElementForm::Yaml => structured(Structure::Yaml)?,
        ElementForm::Json => structured(Structure::Json)?,
        ElementForm::CompactJson => structured(Structure::CompactJson)?,
        ElementForm::Ndjson => structured(Structure::Ndjson)?,
        _ => print::elements::table(&report.items, kind, false, recursive)?,
    })
}

/// Reads `name [key=value…]`, several times: a word without `=` begins the next identity.
pub(super) fn selectors(words: &[String]) -> Result<Vec<BTreeMap<String, String>>, Failure> {
    let mut selectors: Vec<BTreeMap<String, String>> = Vec::new();
    for word in words {
        match (word.split_once('='), selectors.last_mut()) {
            (None, _) => selectors.push(BTreeMap::from([("name".to_owned(), word.clone())])),
            (Some((key, value)), Some(selector)) if !key.is_empty() => {
                selector.insert(key.to_owned(), value.to_owned());
            }
            (Some((key, value)), None) if !key.is_empty() => {
                selectors.push(BTreeMap::from([(key.to_owned(), value.to_owned())]));
            }
            _ => {
                return Err(
                    Failure::usage(format!("identity attribute {word:?} has no name")).hint("write it as key=value")
                );
            }
        }
    }
    Ok(selectors)
}

fn warn_of_unresolved(nodes: &[Node]) {
    for node in nodes {
        if node.descriptor.is_none() {
            tracing::warn!(target: "ocm", component = node.component, version = node.version, "referenced component version not found");
        }
        warn_of_unresolved(&node.children);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let text = |selector: BTreeMap<String, String>| {
            selector.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
        };
        selectors(&words).unwrap().into_iter().map(text).collect()
    }

    #[test]
    fn a_name_begins_an_identity_and_attributes_narrow_it() {
        assert_eq!(read(&["config", "arch=arm64", "note"]), ["arch=arm64,name=config", "name=note"]);
        assert_eq!(read(&["name=config", "arch=arm64"]), ["arch=arm64,name=config"]);
        assert!(selectors(&["=x".to_owned()]).is_err());
    }
}
