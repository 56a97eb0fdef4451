use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ocm_access::relocation::{Rebased, Rebasing};
use ocm_access::{Content, ForeignInput, Owner, Sources};
use ocm_blob::{Observer, Unobserved};
use ocm_config::Resolvers;
use ocm_credentials::{DockerSources, Properties, Resolver};
use ocm_model::Identity;
use ocm_model::reference::{FileFormat, RepositoryReference};
use ocm_model::{DigestSpec, Resource, TypedObject};
use ocm_oci::{Authenticator, Endpoint, Error, ImageReference, Kind, RemoteOptions, RemoteRegistry, Repository};
use ocm_plugin::Plugins;
use ocm_repository::{Access, Archive, ArchiveOptions, ComponentArchive, ComponentRepository, Form};
use ocm_transfer::Stop;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::Result;
use crate::authenticator::{self, CHARTS, REGISTRY, RegistryAuthenticator};
use crate::plugins;
use crate::trust::signed_text;

/// How long the end of a run waits for registries that are told of uploads that nobody goes on with.
const FAREWELL: Duration = Duration::from_secs(2);

/// Everything that a run of the program needs from outside: connections, credentials, somebody who watches.
///
/// Cheap to clone; clones share connections and tokens.
#[derive(Clone)]
pub struct Context(Arc<Inner>, Rebasing);

struct Inner {
    http: ocm_http::Client,
    credentials: Arc<Resolver>,
    observer: Arc<dyn Observer>,
    resolvers: Resolvers,
    registry_options: RemoteOptions,
    registries: Mutex<HashMap<String, Arc<RemoteRegistry>>>,
    /// Repositories of plugins by their specifications, so that each is opened once.
    foreign: Mutex<HashMap<String, Arc<OnceCell<ComponentRepository>>>>,
    /// What was said about rebased addresses; each is said once.
    rebased: Mutex<HashSet<String>>,
    plugins: Plugins,
    scratch: Option<PathBuf>,
    /// Stops the transfers of this run.
    stop: Stop,
    /// Archives that were opened to read and are not whole without their base.
    differential: Mutex<Vec<Archive>>,
}

/// Collects what a [`Context`] is made of.
#[derive(Default)]
pub struct Builder {
    http: ocm_http::Settings,
    credentials: ocm_credentials::Sources,
    providers: Vec<Arc<dyn ocm_credentials::Provider>>,
    observer: Option<Arc<dyn Observer>>,
    resolvers: Resolvers,
    state: Option<PathBuf>,
    scratch: Option<PathBuf>,
    plugins: ocm_plugin::Settings,
}

impl Builder {
    /// How connections are made.
    #[must_use]
    pub fn http(mut self, settings: ocm_http::Settings) -> Self {
        self.http = settings;
        self
    }

    /// Where credentials are in the form of Docker's configuration. They are read when a registry first wants to know who
    /// is asking.
    #[must_use]
    pub fn docker(mut self, sources: DockerSources) -> Self {
        self.credentials.docker = sources;
        self
    }

    /// Where credentials are: entries of configuration files, the stores they name, Docker's configuration, and the environment
    /// for those that clouds give. They are read and asked for when somebody first wants to know who is asking.
    ///
    /// # Errors
    /// Credentials are needed to get themselves.
    pub fn credentials(mut self, sources: ocm_credentials::Sources) -> Result<Self> {
        sources.check()?;
        self.credentials = sources;
        Ok(self)
    }

    /// Knows more types of stores of credentials.
    #[must_use]
    pub fn credential_provider(mut self, provider: Arc<dyn ocm_credentials::Provider>) -> Self {
        self.providers.push(provider);
        self
    }

    /// Who is told what happens.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Where component versions that others refer to are found.
    #[must_use]
    pub fn resolvers(mut self, resolvers: Resolvers) -> Self {
        self.resolvers = resolvers;
        self
    }

    /// Folder for what the next run of the program goes on with: the large uploads that were open when this one was ended.
    /// It is made when needed. Without, they begin anew.
    #[must_use]
    pub fn state(mut self, folder: &Path) -> Self {
        self.state = Some(folder.to_owned());
        self
    }

    /// Folder for temporary files: content that can be compared with a digest only when all of it is there, and what plugins
    /// hand over unless they have one of their own. Without, such content is refused, and what plugins hand over goes to the
    /// folder of the system.
    #[must_use]
    pub fn scratch(mut self, folder: &Path) -> Self {
        self.scratch = Some(folder.to_owned());
        self
    }

    /// Where external programs are that have types of their own. They are looked at when a type is needed that is not built in.
    #[must_use]
    pub fn plugins(mut self, settings: ocm_plugin::Settings) -> Self {
        self.plugins = settings;
        self
    }

    /// The context. Nothing is connected yet.
    pub fn build(self) -> Context {
        let http = ocm_http::Client::new(self.http);
        let built_in = crate::ops::types::built_in();
        let temporary = self.plugins.temporary.or_else(|| self.scratch.clone());
        let plugins = Plugins::new(ocm_plugin::Settings { built_in, temporary, ..self.plugins });
        let resolver = Resolver::new(self.credentials, http.clone());
        let resolver = resolver.with(Arc::new(plugins::PluginStores(plugins.clone())));
        let credentials = Arc::new(self.providers.into_iter().fold(resolver, Resolver::with));
        let inner = Inner {
            http,
            credentials,
            observer: self.observer.unwrap_or_else(|| Arc::new(Unobserved)),
            resolvers: self.resolvers,
            registry_options: RemoteOptions {
                uploads: self.state.map(|folder| folder.join("uploads")),
                ..RemoteOptions::default()
            },
            registries: Mutex::default(),
            foreign: Mutex::default(),
            rebased: Mutex::default(),
            plugins,
            scratch: self.scratch,
            stop: Stop::default(),
            differential: Mutex::default(),
        };
        Context(Arc::new(inner), Rebasing::default())
    }
}

/// Why a repository is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To read; it must exist.
    Read,
    /// To change; it must exist.
    Write,
    /// To change; an archive that does not exist is made, in this form if one is given.
    Create(Option<Form>),
}

impl Context {
    /// Begins a context.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The same context, which looks for images at their recorded addresses only.
    #[must_use]
    pub fn without_rebasing(&self) -> Self {
        Self(self.0.clone(), Rebasing::Off)
    }

    pub(crate) fn observer(&self) -> &Arc<dyn Observer> {
        &self.0.observer
    }

    pub(crate) fn plugins(&self) -> &Plugins {
        &self.0.plugins
    }

    /// The types of configuration entries that plugins want. They are asked for it if they have not been yet.
    pub async fn configuration_types(&self) -> BTreeSet<String> {
        self.plugins().configuration_types().await
    }

    /// Ends the plugins that were started. What they handed over goes with them; without this they are ended, not asked to end,
    /// when the last clone goes away. Uploads that were begun at registries and are of no use are taken back.
    pub async fn end(&self) {
        self.0.plugins.shut_down().await;
        self.take_back_uploads().await;
    }

    /// The same for whoever is interrupted: plugins are ended at once, without asking them. Call it when what was interrupted
    /// has been dropped.
    pub async fn abandon(&self) {
        self.0.plugins.abandon();
        self.take_back_uploads().await;
    }

    /// Asks transfers to stop in order, so that their reports tell what was done. Returns whether there are any to wait for.
    pub fn interrupt(&self) -> bool {
        self.0.stop.stop()
    }

    pub(crate) fn stop(&self) -> &Stop {
        &self.0.stop
    }

    async fn take_back_uploads(&self) {
        for registry in self.0.registries.lock().unwrap_or_else(PoisonError::into_inner).values() {
            registry.take_back_uploads();
        }
        self.0.http.errands_done(FAREWELL).await;
    }

    /// The client for everything.
    pub(crate) fn client(&self) -> ocm_http::Client {
        self.0.http.clone()
    }

    /// Who finds credentials.
    pub(crate) fn resolver(&self) -> &Arc<Resolver> {
        &self.0.credentials
    }

    /// A new folder for temporary files, which goes away with the value; in the one of the system where none was given.
    pub(crate) fn temporary_folder(&self, prefix: &str) -> io::Result<TempDir> {
        let mut folder = tempfile::Builder::new();
        match &self.0.scratch {
            Some(scratch) => folder.prefix(prefix).tempdir_in(scratch),
            None => folder.prefix(prefix).tempdir(),
        }
    }

    pub(crate) fn resolvers(&self) -> &Resolvers {
        &self.0.resolvers
    }

    /// Opens a repository of component versions.
    pub(crate) async fn open(
        &self,
        reference: &RepositoryReference,
        purpose: Purpose,
    ) -> ocm_oci::Result<ComponentRepository> {
        self.open_with(reference, purpose, ArchiveOptions::default()).await
    }

    /// The same; an archive is opened with these options, whose form is that of the purpose.
    pub(crate) async fn open_with(
        &self,
        reference: &RepositoryReference,
        purpose: Purpose,
        options: ArchiveOptions,
    ) -> ocm_oci::Result<ComponentRepository> {
        let reference = self.named(reference);
        match reference {
            RepositoryReference::Ctf { file_path, format, .. } => {
                let purpose = match (purpose, format) {
                    (Purpose::Create(None), Some(format)) => Purpose::Create(Some(form_of(*format))),
                    (purpose, _) => purpose,
                };
                let path = Path::new(file_path);
                match self.open_archive_with(path, purpose, options).await {
                    Ok(archive) => Ok(ComponentRepository::new(Arc::new(archive), "")),
                    Err(error) if error.kind() == Kind::Unsupported && ComponentArchive::is_one(path).await => {
                        if purpose != Purpose::Read {
                            let reason =
                                "is a component archive, which can only be read: transfer it into a transport archive";
                            return Err(Error::new(Kind::Unsupported, file_path, reason));
                        }
                        Ok(ComponentArchive::open(path).await?.components())
                    }
                    Err(error) => Err(error),
                }
            }
            RepositoryReference::Oci { base_url, sub_path, .. } => {
                let (endpoint, path) = Endpoint::parse(base_url)?;
                let parts = [path.as_str(), sub_path.as_str()].map(|part| part.trim_matches('/'));
                let sub_path = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
                Ok(ComponentRepository::new(self.registry(endpoint), &sub_path))
            }
            RepositoryReference::Other(specification) => self.foreign_repository(specification).await,
        }
    }

    /// The repository that a short name of the configuration means. A file or folder of that name comes first.
    fn named<'a>(&'a self, reference: &'a RepositoryReference) -> &'a RepositoryReference {
        let RepositoryReference::Ctf { file_path, .. } = reference else { return reference };
        match self.0.resolvers.alias(file_path) {
            Some(alias) if !Path::new(file_path).exists() => {
                tracing::debug!(target: "ocm", name = file_path, place = %alias.place, "a short name of the configuration");
                &alias.repository
            }
            _ => reference,
        }
    }

    async fn foreign_repository(&self, specification: &TypedObject) -> ocm_oci::Result<ComponentRepository> {
        let key = serde_json::to_string(specification).unwrap_or_default();
        let cell = self.0.foreign.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone();
        cell.get_or_try_init(|| plugins::repository::open(self, specification)).await.cloned()
    }

    pub(crate) async fn open_archive(&self, path: &Path, purpose: Purpose) -> ocm_oci::Result<Archive> {
        self.open_archive_with(path, purpose, ArchiveOptions::default()).await
    }

    async fn open_archive_with(
        &self,
        path: &Path,
        purpose: Purpose,
        options: ArchiveOptions,
    ) -> ocm_oci::Result<Archive> {
        let (access, form) = match purpose {
            Purpose::Read => (Access::Read, None),
            Purpose::Write => (Access::ReadWrite, None),
            Purpose::Create(form) => (Access::Create, form),
        };
        let archive = Archive::open_with(path, access, ArchiveOptions { form, ..options }).await?;
        if access == Access::Read && !archive.left_out().content.is_empty() {
            self.0.differential.lock().unwrap_or_else(PoisonError::into_inner).push(archive.clone());
        }
        Ok(archive)
    }

    /// Archives that were opened to read and are not whole without their base.
    pub(crate) fn differential(&self) -> Vec<Archive> {
        self.0.differential.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn registry(&self, endpoint: Endpoint) -> Arc<RemoteRegistry> {
        self.registry_as(endpoint, &[REGISTRY])
    }

    /// A registry whose credentials are those for the first of some types of consumers that has any.
    fn registry_as(&self, endpoint: Endpoint, consumers: &'static [&'static str]) -> Arc<RemoteRegistry> {
        let key = format!("{} {endpoint}", consumers.join(" "));
        let mut registries = self.0.registries.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let Inner { http, credentials, registry_options, .. } = &*self.0;
            let who: Arc<dyn Authenticator> =
                Arc::new(RegistryAuthenticator::new(credentials.clone(), endpoint.clone(), consumers));
            let (client, options) = (http.clone(), registry_options.clone());
            Arc::new(RemoteRegistry::with_options(client, endpoint, "", who, options))
        };
        registries.entry(key).or_insert_with(new).clone()
    }
}

/// The form of an archive by its name on the command line.
pub(crate) fn form(name: &str) -> Result<Form> {
    FileFormat::parse(name)
        .map(form_of)
        .ok_or_else(|| crate::Error::usage(format!("unknown archive form {name:?}")).hint("directory, tar or tgz"))
}

fn form_of(format: FileFormat) -> Form {
    match format {
        FileFormat::Directory => Form::Directory,
        FileFormat::Tar => Form::Tar,
        FileFormat::Tgz => Form::TarGzip,
    }
}

#[async_trait]
impl Sources for Context {
    async fn repository(&self, reference: &ImageReference) -> ocm_oci::Result<Arc<dyn Repository>> {
        let registry = self.registry(reference.endpoint()?);
        Ok(ocm_oci::Registry::repository(registry.as_ref(), &reference.repository()))
    }

    async fn charts(&self, reference: &ImageReference) -> ocm_oci::Result<Arc<dyn Repository>> {
        let registry = self.registry_as(reference.endpoint()?, &[CHARTS, REGISTRY]);
        Ok(ocm_oci::Registry::repository(registry.as_ref(), &reference.repository()))
    }

    fn http(&self) -> Option<ocm_http::Client> {
        Some(self.0.http.clone())
    }

    fn scratch(&self) -> Option<&Path> {
        self.0.scratch.as_deref()
    }

    async fn signed_text(&self, message: &[u8], keyring: &[u8]) -> ocm_oci::Result<String> {
        signed_text(message, keyring)
    }

    async fn foreign(&self, access: &TypedObject, resource: Option<&Resource>) -> ocm_oci::Result<Option<Content>> {
        plugins::access(self, access, resource).await
    }

    async fn foreign_digest(&self, access: &TypedObject) -> ocm_oci::Result<Option<(TypedObject, DigestSpec)>> {
        plugins::digest(self, access).await
    }

    async fn foreign_input(&self, input: &TypedObject, of: Owner<'_>) -> ocm_oci::Result<Option<ForeignInput>> {
        plugins::input(self, input, of).await
    }

    async fn credentials(&self, consumer: &Identity) -> ocm_oci::Result<Option<Properties>> {
        let found = self.0.credentials.resolve(consumer).await;
        let found = found.map_err(|error| {
            authenticator::failed(consumer.get("hostname").or(consumer.get("type")).unwrap_or_default(), error)
        })?;
        Ok(found.map(|found| found.properties))
    }

    fn rebasing(&self) -> Rebasing {
        self.1
    }

    fn rebased(&self, image: &Rebased) {
        let note = image.to_string();
        if self.0.rebased.lock().unwrap_or_else(PoisonError::into_inner).insert(note.clone()) {
            self.0.observer.warned(&note);
        }
    }
}
