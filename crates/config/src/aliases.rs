//! Short names of repositories, which the older program reads from four types of entries.

use std::collections::BTreeMap;

use ocm_model::{RepositoryReference, TypedObject};
use serde_json::Value;

use crate::{Entry, Error, Resolver, Result};

/// Members that hold short names. What stands beside them is of other types of entries.
const MEMBERS: [&str; 3] = ["aliases", "ocmRepositories", "ociRepositories"];

/// Repositories by their short names; the last entry of a name counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aliases(BTreeMap<String, Resolver>);

impl Aliases {
    /// Reads entries in order.
    ///
    /// # Errors
    /// A repository that cannot be understood.
    pub(crate) fn read(entries: &[&Entry]) -> Result<Self> {
        let mut aliases = BTreeMap::new();
        for entry in entries {
            for member in MEMBERS {
                let Some(named) = entry.members.get(member).filter(|value| !value.is_null()) else { continue };
                let place = |name: &str| entry.place_of(&format!("/{member}/{name}")).clone();
                let Value::Object(named) = named else {
                    return Err(Error::new(
                        entry.place_of(&format!("/{member}")),
                        format_args!("{member} is no mapping"),
                    ));
                };
                for (index, (name, spec)) in named.iter().enumerate() {
                    let wrong = |reason: String| Error::new(&place(name), format_args!("{member} {name}: {reason}"));
                    let spec: TypedObject = serde_json::from_value(spec.clone())
                        .map_err(|_| wrong("a repository is a mapping with a type".into()))?;
                    let repository = RepositoryReference::from_spec(&spec).map_err(|error| wrong(error.to_string()))?;
                    aliases.insert(name.clone(), Resolver { repository, place: place(name), index });
                }
            }
        }
        Ok(Self(aliases))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Resolver> {
        self.0.get(name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::{Configuration, Document};

    #[test]
    fn short_names_come_from_every_type_that_has_them() {
        let text = "\
configurations:
- {type: ocm.config.ocm.software, aliases: {a: {type: ctf, filePath: one}}}
- {type: oci.config.ocm.software/v1, aliases: {b: {type: OCIRegistry, baseUrl: ghcr.io}}}
- type: ocm.cmd.config.ocm.software/v1
  ocmRepositories:
    a: {type: ctf, filePath: two}
";
        let configuration = Configuration::new([Document::read("c.yaml", text).unwrap()]);
        let resolvers = configuration.resolvers().unwrap();
        let alias = |name: &str| resolvers.alias(name).map(|found| found.repository.to_string());
        assert_eq!(alias("a").unwrap(), "ctf::two");
        assert!(alias("b").unwrap().contains("ghcr.io"));
        assert_eq!(alias("c"), None);
        let place = resolvers.alias("a").unwrap().place.to_string();
        assert!(place.starts_with("c.yaml:6:"), "{place}");
        assert!(configuration.notices().is_empty(), "{:?}", configuration.notices());
    }

    #[test]
    fn a_repository_that_is_none_is_named() {
        let document = Document::read("c.yaml", "type: ocm.config.ocm.software\naliases: {a: ctf}\n").unwrap();
        let problem = Configuration::new([document]).resolvers().unwrap_err().to_string();
        assert!(problem.starts_with("c.yaml:2:") && problem.contains("aliases a"), "{problem}");
    }
}
