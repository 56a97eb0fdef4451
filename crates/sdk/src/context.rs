use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ocm_access::RegistrySource;
use ocm_blob::{Observer, Unobserved};
use ocm_config::Resolvers;
use ocm_model::reference::{FileFormat, RepositoryReference};
use ocm_oci::{Anonymous, Authenticator, Endpoint, Error, ImageReference, Kind, RemoteRegistry, Repository};
use ocm_repository::{Access, Archive, ComponentArchive, ComponentRepository, Form};

use crate::Result;
use crate::docker::Docker;

/// Everything that a run of the program needs from outside: connections, credentials, somebody who watches.
///
/// Cheap to clone; clones share connections and tokens.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    http: ocm_http::Client,
    authenticator: Arc<dyn Authenticator>,
    observer: Arc<dyn Observer>,
    resolvers: Resolvers,
    registries: Mutex<HashMap<String, Arc<RemoteRegistry>>>,
}

/// Collects what a [`Context`] is made of.
#[derive(Default)]
pub struct Builder {
    http: ocm_http::Settings,
    docker: Option<PathBuf>,
    observer: Option<Arc<dyn Observer>>,
    resolvers: Resolvers,
}

impl Builder {
    /// How connections are made.
    #[must_use]
    pub fn http(mut self, settings: ocm_http::Settings) -> Self {
        self.http = settings;
        self
    }

    /// Takes credentials from a Docker configuration file. It is read when a registry first wants to know who is asking.
    #[must_use]
    pub fn docker_config(mut self, path: &Path) -> Self {
        self.docker = Some(path.to_owned());
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

    /// The context. Nothing is connected yet.
    pub fn build(self) -> Context {
        let authenticator: Arc<dyn Authenticator> = match self.docker {
            Some(path) => Arc::new(Docker::at(&path)),
            None => Arc::new(Anonymous),
        };
        Context(Arc::new(Inner {
            http: ocm_http::Client::new(self.http),
            authenticator,
            observer: self.observer.unwrap_or_else(|| Arc::new(Unobserved)),
            resolvers: self.resolvers,
            registries: Mutex::default(),
        }))
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

    pub(crate) fn observer(&self) -> &Arc<dyn Observer> {
        &self.0.observer
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
        match reference {
            RepositoryReference::Ctf { file_path, format, .. } => {
                let purpose = match (purpose, format) {
                    (Purpose::Create(None), Some(format)) => Purpose::Create(Some(form_of(*format))),
                    (purpose, _) => purpose,
                };
                let path = Path::new(file_path);
                match self.open_archive(path, purpose).await {
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
        }
    }

    pub(crate) async fn open_archive(&self, path: &Path, purpose: Purpose) -> ocm_oci::Result<Archive> {
        let path: PathBuf = path.to_owned();
        match purpose {
            Purpose::Read => Archive::open(path, Access::Read).await,
            Purpose::Write => Archive::open(path, Access::ReadWrite).await,
            Purpose::Create(None) => Archive::open(path, Access::Create).await,
            Purpose::Create(Some(form)) => Archive::open_as(path, Access::Create, form).await,
        }
    }

    fn registry(&self, endpoint: Endpoint) -> Arc<RemoteRegistry> {
        let key = endpoint.to_string();
        let mut registries = self.0.registries.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(RemoteRegistry::new(self.0.http.clone(), endpoint, "", self.0.authenticator.clone()));
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
impl RegistrySource for Context {
    async fn repository(&self, reference: &ImageReference) -> ocm_oci::Result<Arc<dyn Repository>> {
        let registry = self.registry(reference.endpoint()?);
        Ok(ocm_oci::Registry::repository(registry.as_ref(), &reference.repository()))
    }
}
