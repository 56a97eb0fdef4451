//! `describe types`: everything that has a `type`, built in or from a plugin, with its members.

mod access;
mod config;
mod credentials;
mod field;
mod identity;
mod input;
mod repository;
mod schema;
mod signing;
mod transformer;

use std::collections::HashSet;
use std::sync::Arc;

use ocm_model::Access;
use ocm_plugin::{Capability, OfferedType, Plugins, Program};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{Context, Error, Kind, Result};

use field::Known;
pub use schema::{Field, Node};

/// Name and purpose of a subsystem, its built-in types, and the capabilities of plugins that add to them.
type Group = (&'static str, &'static str, &'static [&'static [Known]], &'static [Capability]);

/// The groups of types, in the order of their names.
const SUBSYSTEMS: [Group; 10] = [
    (
        "access",
        "Access methods define how OCM resources are accessed and retrieved from their origin.",
        &[access::TYPES, access::LOCAL, access::OLDER, access::ELSEWHERE],
        &[Capability::ResourceRepository, Capability::DigestProcessor],
    ),
    (
        "blob-transformer",
        "Transformers make other content of content that is downloaded.",
        &[transformer::TYPES],
        &[Capability::BlobTransformer],
    ),
    ("config", "Entries of configuration files.", &[config::TYPES], &[]),
    (
        "consumer-identity",
        "Who credentials are for, as it stands below `identity:` in the configuration.",
        &[identity::TYPES],
        &[],
    ),
    (
        "credential-repository",
        "Repositories for storing and managing credentials so they can be referenced in the OCM credential graph.",
        &[credentials::REPOSITORIES],
        &[Capability::CredentialRepository],
    ),
    (
        "credentials",
        "Credentials, as they stand below `credentials:` in the configuration.",
        &[credentials::TYPES],
        &[Capability::Credential],
    ),
    (
        "input",
        "Input methods define how content is sourced and ingested into an OCM component version.",
        &[input::TYPES, input::MORE],
        &[Capability::Input],
    ),
    (
        "ocm-repository",
        "Repositories for storing and managing OCM component versions.",
        &[repository::TYPES],
        &[Capability::ComponentVersionRepository],
    ),
    (
        "ocm-repository-lister",
        "Repositories whose components can be listed.",
        &[repository::LISTERS],
        &[Capability::ComponentLister],
    ),
    (
        "signing",
        "Signing handlers are responsible for signing and verification of component versions.",
        &[signing::TYPES],
        &[Capability::SigningHandler],
    ),
];

/// All types, or those of one subsystem.
///
/// # Errors
/// [`Kind::NotFound`] for a subsystem that does not exist.
pub async fn list(context: &Context, subsystem: Option<&str>) -> Result<Vec<Subsystem>> {
    let mut found = Vec::new();
    for (name, description, groups, capabilities) in SUBSYSTEMS {
        if subsystem.is_some_and(|wanted| wanted != name) {
            continue;
        }
        let mut types: Vec<Type> = groups.iter().flat_map(|group| group.iter()).map(Known::to_type).collect();
        for (offered, program) in offered(context.plugins(), name, capabilities).await {
            let is_there = types.iter().any(|kind| kind.names().any(|known| known == offered.name));
            if is_there {
                // What is built in goes first; and one program may offer a type for two purposes.
                continue;
            }
            let schema = offered.schema.unwrap_or_else(|| Value::Bool(true));
            let (name, aliases) = (offered.name, offered.aliases);
            types.push(Type { name, aliases, plugin: Some(program.name()), is_additional: false, schema });
        }
        types.sort_by(|one, other| one.name.cmp(&other.name));
        for kind in &mut types {
            kind.aliases.sort();
        }
        found.push(Subsystem { name: name.to_owned(), description: description.to_owned(), types });
    }
    match subsystem {
        Some(name) if found.is_empty() => Err(Error::new(Kind::NotFound, format!("unknown subsystem: {name}"))
            .hint(format!("there are {}", SUBSYSTEMS.map(|(name, ..)| name).join(", ")))),
        _ => Ok(found),
    }
}

/// The types that plugins add to a subsystem, with their programs.
async fn offered(plugins: &Plugins, subsystem: &str, capabilities: &[Capability]) -> Vec<(OfferedType, Arc<Program>)> {
    let mut offers = Vec::new();
    for capability in capabilities {
        offers.extend(plugins.types(*capability).await);
    }
    // Stores have types of credentials and of consumers of their own.
    match subsystem {
        "credentials" => offers.extend(plugins.credential_types().await),
        "consumer-identity" => offers.extend(plugins.consumer_types().await),
        _ => {}
    }
    offers
}

/// Whether a type is built in, by any of its names.
pub fn is_built_in(subsystem: &str, name: &str) -> bool {
    let known = known(subsystem);
    known.iter().any(|kind| kind.names.contains(&name)) || otherwise(subsystem, &known, name).is_some()
}

/// The built-in types of a subsystem.
fn known(subsystem: &str) -> Vec<&'static Known> {
    let groups = SUBSYSTEMS.into_iter().filter(|(known, ..)| *known == subsystem).map(|(_, _, groups, _)| groups);
    groups.flat_map(|groups| groups.iter().flat_map(|group| group.iter())).collect()
}

/// A built-in type by a spelling that lists do not show, and that is read all the same.
fn otherwise<'a>(subsystem: &str, known: &[&'a Known], name: &str) -> Option<&'a Known> {
    let has = |kind: &&&'a Known, other: &str| kind.names.contains(&other);
    match subsystem {
        "access" => {
            let (base, version) = name.split_once('/').map_or((name, None), |(base, version)| (base, Some(version)));
            let (names, _) = Access::NAMES.iter().find(|(names, versions)| {
                names.contains(&base) && version.is_none_or(|version| versions.contains(&version))
            })?;
            let own = known.iter().find(|kind| has(kind, base));
            own.or_else(|| known.iter().find(|kind| names.iter().any(|other| has(kind, other)))).copied()
        }
        "input" => known.iter().find(|kind| kind.names.iter().any(|other| other.eq_ignore_ascii_case(name))).copied(),
        _ => None,
    }
}

/// The names of all built-in types that a plugin could offer.
pub(crate) fn built_in() -> HashSet<(Capability, String)> {
    let mut found = HashSet::new();
    for (_, _, groups, capabilities) in SUBSYSTEMS {
        let names = groups.iter().flat_map(|group| group.iter()).flat_map(|kind| kind.names);
        for name in names {
            found.extend(capabilities.iter().map(|capability| (*capability, (*name).to_owned())));
        }
    }
    found
}

/// One type, by any of its names.
///
/// # Errors
/// [`Kind::NotFound`] for a subsystem or a type that does not exist.
pub async fn find(context: &Context, subsystem: &str, name: &str) -> Result<Type> {
    let types = list(context, Some(subsystem)).await?.into_iter().flat_map(|subsystem| subsystem.types);
    let mut known = Vec::new();
    for kind in types {
        if kind.names().any(|one| one == name) {
            return Ok(kind);
        }
        known.push(kind.name);
    }
    if let Some(kind) = otherwise(subsystem, &self::known(subsystem), name) {
        return Ok(kind.to_type());
    }
    Err(Error::new(Kind::NotFound, format!("type {name} is not registered in subsystem {subsystem}"))
        .hint(format!("there are {}", known.join(", "))))
}

/// A group of types with the same use.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subsystem {
    /// Its name.
    pub name: String,
    /// What its types are for.
    pub description: String,
    /// Its types, by name.
    pub types: Vec<Type>,
}

/// A type.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Type {
    /// Its name.
    pub name: String,
    /// Other names for it.
    pub aliases: Vec<String>,
    /// Name of the plugin it is from; `None` for what is built in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// Whether it is built in here and not in the current Go program, whose lists leave it out.
    pub is_additional: bool,
    /// JSON Schema of its objects.
    pub schema: Value,
}

impl Type {
    /// All its names, the first one first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.aliases.iter().map(String::as_str))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
