use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use ocm_credentials::Properties;
use ocm_model::{DigestSpec, Identity, Resource, Source, TypedObject};
use ocm_oci::{Error, ImageReference, Kind, Repository};

use crate::relocation::{Rebased, Rebasing};
use crate::{Content, Result};

/// What an input belongs to, as far as its descriptor has it before there is any content.
#[derive(Clone, Copy, Debug)]
pub enum Owner<'a> {
    /// A resource.
    Resource(&'a Resource),
    /// A source.
    Source(&'a Source),
}

/// What an input of a type that nobody here knows turned out to be.
#[derive(Clone)]
pub enum ForeignInput {
    /// Content, to be stored with the component version.
    Content(Content),
    /// Where content lies and stays, with its digest if that was said.
    Access(TypedObject, Option<DigestSpec>),
}

/// What following an access needs from outside: registries, the HTTP client, and who the program is elsewhere.
#[async_trait]
pub trait Sources: Send + Sync {
    /// The repository of `reference`; it need not exist. Nothing is contacted yet.
    async fn repository(&self, reference: &ImageReference) -> Result<Arc<dyn Repository>>;

    /// The same of charts in a registry, which may have credentials of their own: those for the consumer `HelmChartRepository`
    /// go before those for the registry.
    async fn charts(&self, reference: &ImageReference) -> Result<Arc<dyn Repository>> {
        self.repository(reference).await
    }

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

    /// Folder for temporary files, for content that can be compared only when all of it is there. The default has none, so that
    /// such content is refused.
    fn scratch(&self) -> Option<&Path> {
        None
    }

    /// The text in an OpenPGP message that one of the keys of a keyring has signed. The default knows no OpenPGP, and refuses:
    /// nothing passes for signed because nobody looked.
    async fn signed_text(&self, _message: &[u8], _keyring: &[u8]) -> Result<String> {
        Err(Error::new(Kind::Unsupported, "keyring", "OpenPGP signatures cannot be checked here"))
    }

    /// Content of an access whose type this crate does not know; `resource` is what it belongs to, where that is known. `None`,
    /// the default, means that nobody else knows the type either.
    async fn foreign(&self, _access: &TypedObject, _resource: Option<&Resource>) -> Result<Option<Content>> {
        Ok(None)
    }

    /// The digest of such content, with an access that always means the same. `None`, the default, means that it is computed
    /// here.
    async fn foreign_digest(&self, _access: &TypedObject) -> Result<Option<(TypedObject, DigestSpec)>> {
        Ok(None)
    }

    /// What an input is whose type nobody here knows. `None`, the default, means that nobody else knows it either.
    async fn foreign_input(&self, _input: &TypedObject, _of: Owner<'_>) -> Result<Option<ForeignInput>> {
        Ok(None)
    }

    /// Credentials for a consumer: its `type` (`Wget`, `HelmChartRepository`, `GitHubRepository`, `S3Bucket`),
    /// `scheme`, `hostname`, `port` if it is written, and `path`. `None`, the default, means nobody in particular.
    async fn credentials(&self, _consumer: &Identity) -> Result<Option<Properties>> {
        Ok(None)
    }
}
