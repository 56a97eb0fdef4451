use std::sync::Arc;

use async_trait::async_trait;
use ocm_blob::{Blob, ByteStream, Digest};
use ocm_http::{Client, Method, Request, Response};

use super::connection::{About, Connection};
use super::options::RemoteOptions;
use super::scope::Scope;
use super::{Endpoint, listing};
use crate::{
    Authenticator, Descriptor, Error, Home, Kind, Location, Manifest, Pushed, Registry, Repository, Result, Selector,
};

/// A registry on the network, or the part of one below a path.
///
/// # Guarantees
/// Credentials go to the registry and to the token service it is known to have, nowhere else. A blob that was found or
/// pushed once is neither asked for nor pushed again as long as this value (or a clone) lives, and a manifest that was
/// found or pushed is not looked up by its digest again.
#[derive(Clone)]
pub struct RemoteRegistry {
    connection: Arc<Connection>,
    prefix: String,
}

impl RemoteRegistry {
    /// The registry at `endpoint`; names of repositories are meant below the path `prefix`, which may be empty.
    pub fn new(client: Client, endpoint: Endpoint, prefix: &str, authenticator: Arc<dyn Authenticator>) -> Self {
        Self::with_options(client, endpoint, prefix, authenticator, RemoteOptions::default())
    }

    /// The same with limits of one's own.
    pub fn with_options(
        client: Client,
        endpoint: Endpoint,
        prefix: &str,
        authenticator: Arc<dyn Authenticator>,
        options: RemoteOptions,
    ) -> Self {
        let connection = Arc::new(Connection::new(client, endpoint, authenticator, options));
        Self { connection, prefix: prefix.trim_matches('/').to_owned() }
    }

    /// Where it is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.connection.endpoint
    }

    /// Asks whether it is a registry and whether it accepts the credentials for it as a whole.
    ///
    /// # Errors
    /// It does not answer, is no registry, or refuses the credentials.
    pub async fn greet(&self) -> Result<()> {
        let (subject, scope) = (self.endpoint().host().to_owned(), Scope::default());
        let about = About { subject: &subject, repository: None, scope: &scope };
        let response = self.connection.send(self.connection.request(Method::GET, "")?, about).await?;
        super::failure::no_page(&subject, &response)?;
        if response.status().is_success() { Ok(()) } else { Err(super::failure::failure(subject, response).await) }
    }

    /// The same registry, with what was learnt of it, below another path.
    #[must_use]
    pub fn below(&self, prefix: &str) -> Self {
        Self { connection: self.connection.clone(), prefix: prefix.trim_matches('/').to_owned() }
    }

    /// Takes back the uploads that refused mounts opened and nothing came through: for the end of a run. What is being sent
    /// is taken back when it is given up, unless another process can go on with it. Both are errands of the client.
    pub fn take_back_uploads(&self) {
        self.connection.known.drop_sessions();
    }

    /// A repository by name.
    pub fn remote_repository(&self, name: &str) -> RemoteRepository {
        RemoteRepository { registry: self.clone(), name: self.full_name(name) }
    }

    fn full_name(&self, name: &str) -> String {
        [self.prefix.as_str(), name].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    }
}

#[async_trait]
impl Registry for RemoteRegistry {
    fn address(&self) -> String {
        match self.prefix.as_str() {
            "" => self.endpoint().host().to_owned(),
            prefix => format!("{}/{prefix}", self.endpoint().host()),
        }
    }

    fn repository(&self, name: &str) -> Arc<dyn Repository> {
        Arc::new(self.remote_repository(name))
    }

    async fn repositories(&self) -> Result<Vec<String>> {
        let names = listing::catalog(&self.connection).await?;
        if self.prefix.is_empty() {
            return Ok(names);
        }
        let prefix = format!("{}/", self.prefix);
        Ok(names.iter().filter_map(|name| name.strip_prefix(&prefix)).map(str::to_owned).collect())
    }
}

/// A repository of a registry on the network.
#[derive(Clone)]
pub struct RemoteRepository {
    registry: RemoteRegistry,
    name: String,
}

impl RemoteRepository {
    pub(super) fn connection(&self) -> &Connection {
        &self.registry.connection
    }

    /// The name in the registry, with the path in front.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn place(&self) -> Location {
        Location { registry: self.registry.endpoint().to_string(), repository: self.name.clone() }
    }

    pub(super) fn subject(&self) -> String {
        format!("{}/{}", self.registry.endpoint().host(), self.name)
    }

    pub(super) fn blob_subject(&self, digest: &Digest) -> String {
        format!("blob {}@{digest}", self.subject())
    }

    pub(super) fn manifest_subject(&self, selector: &Selector) -> String {
        match selector {
            Selector::Tag(tag) => format!("{}:{tag}", self.subject()),
            Selector::Digest(digest) => format!("{}@{digest}", self.subject()),
        }
    }

    pub(super) fn error(&self, kind: Kind, reason: impl std::fmt::Display) -> Error {
        Error::new(kind, self.subject(), reason)
    }

    pub(super) fn pull_scope(&self) -> Scope {
        Scope::pull(&self.name)
    }

    pub(super) fn push_scope(&self) -> Scope {
        Scope::push(&self.name)
    }

    pub(super) fn delete_scope(&self) -> Scope {
        Scope::delete(&self.name)
    }

    /// A request below the repository's own path.
    pub(super) fn request(&self, method: Method, path: &str) -> Result<Request> {
        if !crate::reference::is_repository(&self.name) {
            let rule = "a repository name has lower-case letters and digits, with `.`, `_`, `__`, `-` between them, in parts between `/`";
            return Err(Error::new(Kind::Malformed, self.subject(), rule));
        }
        self.connection().request(method, &format!("{}/{path}", self.name))
    }

    pub(super) fn about<'a>(&'a self, subject: &'a str, scope: &'a Scope) -> About<'a> {
        About { subject, repository: Some(&self.name), scope }
    }

    pub(super) async fn send(&self, request: Request, scope: &Scope) -> Result<Response> {
        let subject = self.subject();
        self.connection().send(request, self.about(&subject, scope)).await
    }
}

#[async_trait]
impl Repository for RemoteRepository {
    fn address(&self) -> String {
        self.subject()
    }

    fn location(&self) -> Option<Location> {
        Some(self.place())
    }

    fn home(&self) -> Home {
        let Location { registry, repository } = self.place();
        // The names that `mount` takes are below the prefix.
        match repository.strip_prefix(&format!("{}/", self.registry.prefix)) {
            Some(name) if !self.registry.prefix.is_empty() => {
                Home { place: format!("{registry}/{}", self.registry.prefix), name: name.to_owned() }
            }
            _ => Home { place: registry, name: repository },
        }
    }

    async fn resolve(&self, selector: &Selector) -> Result<Option<Descriptor>> {
        self.find_manifest(selector).await
    }

    async fn manifest(&self, selector: &Selector) -> Result<Manifest> {
        self.get_manifest(selector).await
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        match self.connection().known.size(&self.name, digest) {
            Some(size) => Ok(Some(size)),
            None => self.size_of_blob(digest).await,
        }
    }

    async fn blob(&self, digest: &Digest, offset: u64) -> Result<ByteStream> {
        self.download(digest, offset).await
    }

    async fn blob_unverified(&self, digest: &Digest) -> Result<ByteStream> {
        self.download_unverified(digest).await
    }

    async fn push_blob(&self, content: &dyn Blob) -> Result<(Descriptor, Pushed)> {
        self.push(content).await
    }

    async fn mount(&self, digest: &Digest, from: &str) -> Result<bool> {
        self.mount_from(digest, &self.registry.full_name(from)).await
    }

    async fn push_manifest(&self, manifest: &Manifest, tag: Option<&str>) -> Result<()> {
        self.put_manifest(manifest, tag).await
    }

    async fn push_sparse(&self, index: &Manifest, tag: Option<&str>, _left_out: &[Digest]) -> Result<()> {
        self.put_sparse(index, tag).await
    }

    async fn tags(&self) -> Result<Vec<String>> {
        self.list_tags().await
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        self.referrers_of_type(subject, None).await
    }

    async fn delete_manifest(&self, selector: &Selector) -> Result<bool> {
        self.remove_with_row(selector).await
    }

    async fn delete_blob(&self, digest: &Digest) -> Result<bool> {
        self.connection().known.forget(&self.name, digest);
        let request = self.request(Method::DELETE, &format!("blobs/{digest}"))?;
        self.remove(request, self.blob_subject(digest)).await
    }
}
