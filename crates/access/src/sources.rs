use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use ocm_credentials::Secret;
use ocm_model::Identity;
use ocm_oci::{ImageReference, Repository};

use crate::Result;
use crate::relocation::{Rebased, Rebasing};

/// What following an access needs from outside: registries, the HTTP client, and who the program is elsewhere.
#[async_trait]
pub trait Sources: Send + Sync {
    /// The repository of `reference`; it need not exist. Nothing is contacted yet.
    async fn repository(&self, reference: &ImageReference) -> Result<Arc<dyn Repository>>;

    /// Whether images are looked for under the address through which their component version was opened.
    fn rebasing(&self) -> Rebasing {
        Rebasing::default()
    }

    /// Is told of every image that was found there and is recorded elsewhere.
    fn rebased(&self, _image: &Rebased) {}

    /// The client for everything that is no registry. The default has none, so that such content cannot be reached.
    fn http(&self) -> Option<ocm_http::Client> {
        None
    }

    /// Credentials for a consumer (cli-v2, 5.3): its `type` (`Wget`, `HelmChartRepository`, `GitHubRepository`, `S3Bucket`),
    /// `scheme`, `hostname`, `port` if it is written, and `path`. `None`, the default, means nobody in particular.
    async fn credentials(&self, _consumer: &Identity) -> Result<Option<Properties>> {
        Ok(None)
    }
}

/// Credentials by the names of their parts: `username`, `password`, `token`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties(pub BTreeMap<String, Secret>);

impl Properties {
    /// The first of some names of one part that has a text.
    pub(crate) fn get(&self, names: &[&str]) -> Option<&str> {
        names.iter().filter_map(|name| self.0.get(*name)).map(Secret::reveal).find(|text| !text.is_empty())
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Properties {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(parts: I) -> Self {
        Self(parts.into_iter().map(|(name, text)| (name.into(), Secret::new(text))).collect())
    }
}
