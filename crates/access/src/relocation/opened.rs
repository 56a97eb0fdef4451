use std::fmt;

use ocm_model::RepositoryReference;
use ocm_model::reference::COMPONENT_DESCRIPTORS;
use ocm_oci::{Endpoint, ImageReference, Location, Scheme};
use ocm_repository::ComponentVersion;

use crate::Result;

/// An address below which component versions are: a registry, and a path in it that may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    endpoint: Endpoint,
    path: String,
}

impl Opened {
    /// The address through which a component version was read; `None` if it lies on this machine.
    pub fn of(version: &ComponentVersion) -> Option<Self> {
        Self::at(&version.content().location()?, version.name())
    }

    /// The address that leads to the repository of a component.
    pub fn at(location: &Location, component: &str) -> Option<Self> {
        let (endpoint, _) = Endpoint::parse(&location.registry).ok()?;
        let path = location.repository.strip_suffix(component)?.strip_suffix('/')?;
        let path = path.strip_suffix(COMPONENT_DESCRIPTORS)?.trim_end_matches('/');
        Some(Self { endpoint, path: path.to_owned() })
    }

    /// The address that a repository context records; `None` for archives and for types that are not known.
    pub(crate) fn recorded(context: &ocm_model::TypedObject) -> Option<Self> {
        let RepositoryReference::Oci { base_url, sub_path, .. } = RepositoryReference::from_spec(context).ok()? else {
            return None;
        };
        let (endpoint, _) = Endpoint::parse(&base_url).ok()?;
        Some(Self { endpoint, path: sub_path.trim_matches('/').to_owned() })
    }

    /// The registry.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The path in it, without slashes around it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The registry as a whole.
    pub(crate) fn root(&self) -> Self {
        Self { endpoint: self.endpoint.clone(), path: String::new() }
    }

    /// What is left of the name of an image below this address; `None` if it is elsewhere.
    pub(crate) fn below<'a>(&self, endpoint: &Endpoint, repository: &'a str) -> Option<&'a str> {
        if authority(endpoint) != authority(&self.endpoint) {
            return None;
        }
        match self.path.as_str() {
            "" => Some(repository),
            path => repository.strip_prefix(path)?.strip_prefix('/'),
        }
    }

    /// The reference of an image with this name below this address.
    pub(crate) fn image(&self, rest: &str, like: &ImageReference) -> Result<ImageReference> {
        let tag = like.tag().map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = like.digest().map(|digest| format!("@{digest}")).unwrap_or_default();
        format!("{self}/{rest}{tag}{digest}").parse()
    }

    /// Whether images at an endpoint lie in the same registry. A scheme that nobody wrote does not count.
    pub fn is_at(&self, endpoint: &Endpoint) -> bool {
        authority(&self.endpoint) == authority(endpoint)
    }
}

/// Host and port in the form in which addresses of one registry are equal.
fn authority(endpoint: &Endpoint) -> String {
    let usual = match endpoint.scheme() {
        Scheme::Http => ":80",
        Scheme::Https => ":443",
    };
    let host = endpoint.credentials_host().to_ascii_lowercase();
    host.strip_suffix(usual).map_or(host.clone(), str::to_owned)
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "{}", self.endpoint),
            path => write!(f, "{}/{path}", self.endpoint),
        }
    }
}
