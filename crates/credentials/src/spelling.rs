//! The identities that mean the same consumer.

use ocm_model::Identity;

/// All names of Docker Hub: one place, one set of credentials.
const DOCKER_HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/// The part of a repository's name that OCM puts between the path of a component repository and the name of a component.
const COMPONENTS: &str = "component-descriptors";

/// The type of registries.
pub(crate) const REGISTRY: &str = "OCIRegistry";

/// Whether an identity is of a type, whatever its version.
pub(crate) fn is_of(identity: &Identity, kind: &str) -> bool {
    identity.get("type").is_some_and(|own| own.split('/').next() == Some(kind))
}

/// A consumer under all names that entries may have it under.
///
/// Repositories with component versions are known by the path that people write, which is in front of what OCM appends; Docker
/// Hub has three names.
pub(crate) fn all(wanted: &Identity) -> Vec<Identity> {
    let mut all = vec![wanted.clone()];
    if !is_of(wanted, REGISTRY) {
        return all;
    }
    let path = wanted.get("path").unwrap_or_default().trim_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    if let Some(position) = parts.iter().position(|part| *part == COMPONENTS) {
        let mut repository = wanted.clone();
        match position {
            0 => repository.0.remove("path"),
            _ => repository.0.insert("path".to_owned(), parts[..position].join("/")),
        };
        all.push(repository);
    }
    if wanted.get("hostname").is_some_and(|host| DOCKER_HUB.contains(&host)) {
        let under = |name: &&str| {
            let renamed = |identity: &Identity| {
                let mut identity = identity.clone();
                identity.0.insert("hostname".to_owned(), (*name).to_owned());
                identity
            };
            all.iter().map(renamed).collect::<Vec<_>>()
        };
        return DOCKER_HUB.iter().flat_map(under).collect();
    }
    all
}

/// Host with its port, as addresses have it.
pub(crate) fn authority(identity: &Identity) -> Option<String> {
    let host = identity.get("hostname").filter(|host| !host.is_empty())?;
    Some(match identity.get("port").filter(|port| !port.is_empty()) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_component_repository_is_known_by_its_path() {
        let shown =
            |text: &str| all(&Identity::parse(text).unwrap()).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            shown("hostname=h,path=a/b/component-descriptors/acme.org/x,type=OCIRegistry"),
            [
                "hostname=h,path=a/b/component-descriptors/acme.org/x,type=OCIRegistry",
                "hostname=h,path=a/b,type=OCIRegistry"
            ]
        );
        assert_eq!(
            shown("hostname=h,path=component-descriptors/x,type=OCIRegistry/v1")[1],
            "hostname=h,type=OCIRegistry/v1"
        );
        assert_eq!(shown("hostname=h,path=component-descriptors/x,type=Wget").len(), 1);
        assert_eq!(shown("hostname=docker.io,path=library/x,type=OCIRegistry").len(), 3);
    }
}
