use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ocm_config::{Resolver, Route};
use ocm_model::{DigestSpec, RepositoryReference};
use ocm_oci::{Error, Kind, Result};
use ocm_repository::{ComponentRepository, ComponentVersion};
use ocm_transfer::{Computed, Roots};
use tokio::sync::OnceCell;

use crate::Context;
use crate::context::Purpose;
use crate::ops::inventory::left_to_base;
use crate::select::read_for;
use crate::trust::complete::Reach;
use crate::trust::meant::Meant;

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
    found: Arc<Found>,
    /// What was found by the lookup that this one was made of. It is not asked for again: what a place answers the second time
    /// says nothing about what moves.
    base: Option<Arc<Found>>,
    /// Digests of resources that are recorded nowhere, computed from the content that was there.
    computed: Arc<Mutex<Computed>>,
    /// Where what is found goes, if it goes somewhere.
    targets: Option<Arc<Roots>>,
}

type Found = Mutex<HashMap<(String, String), Arc<ComponentVersion>>>;

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
        Self {
            context: context.clone(),
            home,
            roots: HashSet::new(),
            named,
            archives,
            found: Arc::default(),
            base: None,
            computed: Arc::default(),
            targets: None,
        }
    }

    /// Tells where what is found goes: a target that has it already can be read, too.
    #[must_use]
    pub(crate) fn with_targets(mut self, targets: Option<Arc<Roots>>) -> Self {
        self.targets = targets;
        self
    }

    /// Tells which components the roots belong to.
    #[must_use]
    pub(crate) fn with_roots(mut self, components: impl IntoIterator<Item = String>) -> Self {
        self.roots.extend(components);
        self
    }

    /// The same, for versions that are completed: it remembers them, and this one what was found.
    pub(crate) fn afresh(&self) -> Self {
        Self {
            context: self.context.clone(),
            home: self.home.clone(),
            roots: self.roots.clone(),
            named: self.named.clone(),
            archives: Mutex::new(self.archives.lock().unwrap_or_else(PoisonError::into_inner).clone()),
            found: Arc::default(),
            base: Some(self.found.clone()),
            computed: self.computed.clone(),
            targets: self.targets.clone(),
        }
    }

    /// Keeps the digests of resources of a version that were computed: content that moves later has to have them, too.
    pub(crate) fn keep_computed(&self, completed: &ComponentVersion) {
        let digests = completed.descriptor.component.resources.iter().map(|resource| resource.digest.clone()).collect();
        self.computed.lock().unwrap_or_else(PoisonError::into_inner).add(completed, digests);
    }

    /// Everything that was computed.
    pub(crate) fn computed(&self) -> Computed {
        self.computed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds digests that were computed already.
    pub(crate) fn fill(&self, version: &mut ComponentVersion) {
        let known: Vec<_> = {
            let computed = self.computed.lock().unwrap_or_else(PoisonError::into_inner);
            (0..version.descriptor.component.resources.len())
                .map(|position| computed.of(version, position).cloned())
                .collect()
        };
        for (resource, known) in version.descriptor.component.resources.iter_mut().zip(known) {
            if resource.digest.as_ref().is_none_or(|digest| !digest.is_complete()) && known.is_some() {
                resource.digest = known;
            }
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

    /// A component version that was found or remembered before.
    pub(crate) fn remembered(&self, component: &str, version: &str) -> Option<Arc<ComponentVersion>> {
        let key = (component.to_owned(), version.to_owned());
        let mut all = std::iter::once(&self.found).chain(&self.base);
        all.find_map(|found| found.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned())
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
                Ok(repository) => read_for(self.targets.as_deref(), &repository, component, version, None).await,
                Err(error) => Err(error),
            };
            match found {
                Ok(found) => return Ok(Arc::new(found)),
                Err(error) if error.kind() == Kind::NotFound => asked.push(name),
                Err(error) => return Err(error),
            }
        }
        let note = left_to_base(&self.context).map(|note| format!("; {note}")).unwrap_or_default();
        Err(Error::new(
            Kind::NotFound,
            format!("{component}:{version}"),
            format!("component version not found in {}{note}", asked.join(", ")),
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
pub(crate) fn canonical(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[async_trait]
impl ocm_transfer::Lookup for Lookup {
    async fn get(&self, component: &str, version: &str) -> Result<Arc<ComponentVersion>> {
        if let Some(version) = self.remembered(component, version) {
            return Ok(version);
        }
        let found = self.read(component, version).await?;
        let key = (component.to_owned(), version.to_owned());
        let all = self.base.as_ref().unwrap_or(&self.found);
        // Of two that asked at the same time both go on with the same answer.
        Ok(all.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert(found).clone())
    }

    async fn are_meant(&self, doubtful: &[(Arc<ComponentVersion>, DigestSpec)]) -> Result<Vec<bool>> {
        let afresh = self.afresh();
        let judge = Meant::new(&self.context, self, &afresh, Reach::Everywhere);
        let mut meant = vec![false; doubtful.len()];
        for (meant, (version, recorded)) in meant.iter_mut().zip(doubtful) {
            *meant = judge.is(version, recorded).await.map_err(|error| {
                let kind = if error.kind() == crate::Kind::Denied { Kind::Denied } else { Kind::Unavailable };
                Error::new(kind, version, format!("what its digest is made of is out of reach: {error}"))
            })?;
            // Nobody goes on with any of them then.
            if !*meant {
                break;
            }
        }
        Ok(meant)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use ocm_config::{Configuration, Document};
    use ocm_model::Descriptor;
    use ocm_model::digest::HashAlgorithm;
    use ocm_repository::{Access, Archive, NewVersion};
    use ocm_transfer::Lookup as _;

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

    #[tokio::test]
    async fn what_was_judged_is_what_moves() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(folder.path(), Access::Create).await.unwrap();
        let repository = ComponentRepository::new(Arc::new(archive), "");
        let text = r#"{"meta": {"schemaVersion": "v2"}, "component": {"name": "acme.org/x", "version": "1.0.0", "provider": "acme.org",
            "resources": [{"name": "a", "version": "1", "type": "t", "relation": "external", "access": {"type": "wget", "url": "http://localhost"}}]}}"#;
        let descriptor = Descriptor::read(text.as_bytes()).unwrap();
        let staged = repository.stage(&NewVersion { descriptor, ..NewVersion::default() }).await.unwrap();
        repository.publish(vec![staged]).await.unwrap();
        let lookup = Lookup::new(&Context::builder().build(), vec![repository.clone()], Vec::new());
        let afresh = lookup.afresh();
        let judged = afresh.get("acme.org/x", "1.0.0").await.unwrap();
        assert!(Arc::ptr_eq(&judged, &lookup.get("acme.org/x", "1.0.0").await.unwrap()));
        // What was completed stays where it was judged; only the digests that it has to have go along.
        let mut completed = ComponentVersion::clone(&judged);
        let digest = DigestSpec::new(HashAlgorithm::Sha256, "genericBlobDigest/v1", "ab".repeat(32));
        completed.descriptor.component.resources[0].digest = Some(digest.clone());
        afresh.keep_computed(&completed);
        afresh.remember(&Arc::new(completed));
        let moves = lookup.get("acme.org/x", "1.0.0").await.unwrap();
        assert!(Arc::ptr_eq(&judged, &moves));
        assert_eq!(lookup.computed().of(&moves, 0), Some(&digest));
        assert_eq!(lookup.computed().of(&moves, 1), None);
    }
}
