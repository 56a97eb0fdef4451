use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use ocm_config::{Resolver, Route};
use ocm_model::{DigestSpec, RepositoryReference};
use ocm_oci::{Error, Kind, Result};
use ocm_repository::{ComponentRepository, ComponentVersion};
use tokio::sync::OnceCell;

use crate::Context;
use crate::context::Purpose;
use crate::trust::walk::{Keep, Walker};

/// Finds component versions that others refer to; what was found is remembered.
///
/// What is asked, in this order: the repository that a pattern of the configuration names, and only otherwise the ones of
/// the roots and those of the older form of configuration; then the ones named with the request.
pub(crate) struct Lookup {
    context: Context,
    /// Where the roots are.
    home: Vec<ComponentRepository>,
    /// Names of the roots, which are looked for at home whatever the configuration says.
    roots: HashSet<String>,
    /// Named with the request.
    named: Vec<ComponentRepository>,
    /// Archives by their canonical path, so that each is opened and its index read once.
    archives: Mutex<HashMap<PathBuf, Arc<OnceCell<ComponentRepository>>>>,
    found: Mutex<HashMap<(String, String), Arc<ComponentVersion>>>,
}

/// One repository to ask.
enum Place<'a> {
    Open(&'a ComponentRepository),
    Configured(&'a Resolver),
}

impl Lookup {
    pub(crate) fn new(context: &Context, home: Vec<ComponentRepository>, named: Vec<ComponentRepository>) -> Self {
        let open = home.iter().chain(&named).filter(|repository| repository.content("").location().is_none());
        let archives = open.map(|repository| {
            (canonical(Path::new(&repository.address())), Arc::new(OnceCell::new_with(Some(repository.clone()))))
        });
        let archives = Mutex::new(archives.collect());
        Self { context: context.clone(), home, roots: HashSet::new(), named, archives, found: Mutex::default() }
    }

    /// Tells which components the roots belong to.
    #[must_use]
    pub(crate) fn with_roots(mut self, components: impl IntoIterator<Item = String>) -> Self {
        self.roots.extend(components);
        self
    }

    /// The same, which has not found anything yet.
    pub(crate) fn afresh(&self) -> Self {
        Self {
            context: self.context.clone(),
            home: self.home.clone(),
            roots: self.roots.clone(),
            named: self.named.clone(),
            archives: Mutex::new(self.archives.lock().unwrap_or_else(PoisonError::into_inner).clone()),
            found: Mutex::default(),
        }
    }

    /// Remembers a component version that was read elsewhere.
    pub(crate) fn remember(&self, version: &Arc<ComponentVersion>) {
        let key = (version.name().to_owned(), version.version().to_owned());
        self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(key, version.clone());
    }

    /// Whether the configuration names the one repository that a component version comes from.
    pub(crate) fn is_bound(&self, component: &str, version: &str) -> bool {
        matches!(self.context.resolvers().route(component, version), Route::Only(_))
    }

    fn remembered(&self, component: &str, version: &str) -> Option<Arc<ComponentVersion>> {
        let key = (component.to_owned(), version.to_owned());
        self.found.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }

    fn places(&self, component: &str, version: &str) -> Vec<Place<'_>> {
        let mut places = Vec::new();
        let home = || self.home.iter().map(Place::Open);
        match self.context.resolvers().route(component, version) {
            Route::Only(resolver) => {
                places.extend(home().filter(|_| self.roots.contains(component)));
                places.push(Place::Configured(resolver));
            }
            Route::Fallback(resolvers) => {
                places.extend(home());
                places.extend(resolvers.into_iter().map(Place::Configured));
            }
            Route::Unconfigured => places.extend(home()),
        }
        places.extend(self.named.iter().map(Place::Open));
        places
    }

    /// Finds a component version; unlike [`ocm_transfer::Lookup::get`] without keeping it, for those that need a descriptor
    /// once and very many of them.
    pub(crate) async fn read(&self, component: &str, version: &str) -> Result<Arc<ComponentVersion>> {
        if let Some(version) = self.remembered(component, version) {
            return Ok(version);
        }
        let mut asked = Vec::new();
        for place in self.places(component, version) {
            let (repository, name) = match place {
                Place::Open(repository) => (Ok(repository.clone()), repository.address()),
                Place::Configured(resolver) => {
                    (self.configured(resolver).await, format!("{} (configuration {resolver})", resolver.repository))
                }
            };
            let found = match repository {
                Ok(repository) => repository.get(component, version).await,
                Err(error) => Err(error),
            };
            match found {
                Ok(found) => return Ok(Arc::new(found)),
                Err(error) if error.kind() == Kind::NotFound => asked.push(name),
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(
            Kind::NotFound,
            format!("{component}:{version}"),
            format!("component version not found in {}", asked.join(", ")),
        ))
    }

    async fn configured(&self, resolver: &Resolver) -> Result<ComponentRepository> {
        let open = || self.context.open(&resolver.repository, Purpose::Read);
        let RepositoryReference::Ctf { file_path, .. } = &resolver.repository else { return open().await };
        let path = canonical(Path::new(file_path));
        let cell = self.archives.lock().unwrap_or_else(PoisonError::into_inner).entry(path).or_default().clone();
        cell.get_or_try_init(open).await.cloned()
    }
}

/// The same path for the same archive, however it was written.
fn canonical(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[async_trait]
impl ocm_transfer::Lookup for Lookup {
    async fn get(&self, component: &str, version: &str) -> Result<Arc<ComponentVersion>> {
        let found = self.read(component, version).await?;
        self.remember(&found);
        Ok(found)
    }

    async fn are_meant(&self, doubtful: &[(Arc<ComponentVersion>, DigestSpec)]) -> Vec<bool> {
        let walker = Walker::new(self, Keep::Documents);
        let mut meant = Vec::with_capacity(doubtful.len());
        for (version, recorded) in doubtful {
            meant.push(walker.is_meant(version, recorded).boxed().await.unwrap_or(false));
        }
        meant
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use ocm_config::{Configuration, Document};
    use ocm_repository::{Access, Archive};

    use super::*;

    #[tokio::test]
    async fn an_archive_is_opened_once_however_its_path_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let [home, other] = ["home", "other"].map(|name| folder.path().join(name));
        for path in [&home, &other] {
            std::fs::create_dir(path).unwrap();
            std::fs::write(path.join("artifact-index.json"), r#"{"schemaVersion": 1, "artifacts": []}"#).unwrap();
        }
        let archive = ComponentRepository::new(Arc::new(Archive::open(home, Access::Read).await.unwrap()), "");
        let spelled = |path: &Path| format!("- repository: {{type: ctf, filePath: '{}'}}\n", path.display());
        let text = format!(
            "type: ocm.config.ocm.software\nresolvers:\n{}{}{}",
            spelled(&folder.path().join(".").join("home")),
            spelled(&other),
            spelled(&folder.path().join("home").join("..").join("other")),
        );
        let configuration = Configuration::new([Document::read("c.yaml", &text).unwrap()]);
        let context = Context::builder().resolvers(configuration.resolvers().unwrap()).build();
        let lookup = Lookup::new(&context, vec![archive.clone()], Vec::new());
        let Route::Fallback(resolvers) = context.resolvers().route("acme.org/x", "1.0.0") else {
            panic!("no fallback")
        };
        let mut opened = Vec::new();
        for resolver in resolvers {
            opened.push(lookup.configured(resolver).await.unwrap());
        }
        assert!(Arc::ptr_eq(opened[0].registry(), archive.registry()));
        assert!(Arc::ptr_eq(opened[1].registry(), opened[2].registry()));
    }
}
