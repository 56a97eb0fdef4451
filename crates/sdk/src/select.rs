//! From the words of a request to the component versions they mean.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_config::Route;
use ocm_model::reference::{ComponentReference, RepositoryReference};
use ocm_model::{ComponentName, Constraint, Version};
use ocm_oci::{Endpoint, Manifest, media_type};
use ocm_repository::{ComponentRepository, ComponentVersion};
use ocm_transfer::Roots;

use crate::context::Purpose;
use crate::lookup::{Lookup, canonical};
use crate::ops::get;
use crate::{Context, Error, Kind, Result, absence, interpret};

/// Listed versions whose roots are read at the same time.
const LOOK_UPS: usize = 16;

/// Largest root that is kept until its version is read, in bytes; there may be thousands.
const KEPT: usize = 64 << 10;

/// One component version that was asked for, not yet read.
#[derive(Clone)]
pub(crate) struct Selected {
    pub(crate) repository: ComponentRepository,
    pub(crate) component: String,
    pub(crate) version: String,
    /// Digest of its manifest, if the reference gave one.
    pub(crate) digest: Option<String>,
    /// What its tag pointed to when it was listed.
    pub(crate) root: Option<Manifest>,
}

impl Selected {
    /// Reads it, and compares it with the digest of the reference.
    pub(crate) async fn read(&self) -> Result<Arc<ComponentVersion>> {
        self.read_for(None).await
    }

    /// The same for a transfer to `targets`, which may have it already.
    pub(crate) async fn read_for(&self, targets: Option<&Roots>) -> Result<Arc<ComponentVersion>> {
        let found = match read_for(targets, &self.repository, &self.component, &self.version, self.root.clone()).await {
            Err(error) if error.kind() == ocm_oci::Kind::NotFound => {
                return Err(absence::version(&self.repository, &self.component, &self.version, error.into()).await);
            }
            found => found?,
        };
        if let Some(expected) = self.digest.as_ref().filter(|expected| **expected != found.root.digest().to_string()) {
            return Err(Error::new(
                Kind::Verification,
                format!(
                    "{}//{}:{}: the reference asks for digest {expected}, but what is stored has {}",
                    self.repository.address(),
                    self.component,
                    self.version,
                    found.root.digest()
                ),
            ));
        }
        Ok(Arc::new(found))
    }
}

/// Reads a component version that may be on its way to `targets`, and whose root may be known.
pub(crate) async fn read_for(
    targets: Option<&Roots>,
    repository: &ComponentRepository,
    component: &str,
    version: &str,
    root: Option<Manifest>,
) -> ocm_oci::Result<ComponentVersion> {
    let root = match root {
        Some(root) => root,
        None => repository.root_manifest(component, version).await?,
    };
    let holder = match targets {
        // Without an index there is nothing between the root and the descriptor; an archive costs no requests.
        Some(targets)
            if media_type::is_index(root.media_type()) && repository.content(component).location().is_some() =>
        {
            targets.holder(component, version, root.digest()).await
        }
        _ => None,
    };
    repository.read(component, version, root, holder).await
}

/// What a reference on the command line turned out to be.
pub(crate) enum Meant {
    Component(ComponentReference),
    Repository(RepositoryReference),
}

/// Reads a reference. What looks like a host but is a file or folder here means that file or folder.
pub(crate) fn meaning(text: &str) -> Result<Meant> {
    let meant = read(text)?;
    check_scheme(match &meant {
        Meant::Component(reference) => &reference.repository,
        Meant::Repository(place) => place,
    })?;
    Ok(meant)
}

/// A registry is not reached with every scheme that an address can have.
fn check_scheme(place: &RepositoryReference) -> Result<()> {
    match place {
        RepositoryReference::Oci { base_url, .. } => Endpoint::parse(base_url).map(drop).map_err(Error::usage),
        RepositoryReference::Ctf { .. } | RepositoryReference::Other(_) => Ok(()),
    }
}

fn read(text: &str) -> Result<Meant> {
    let usage = |error: ocm_model::Error| Error::usage(error);
    if !text.contains("//") || text.ends_with("//") || is_only_scheme(text) {
        // Without a separator it is a place, unless it is one of the older short forms `host/component:version`.
        if Path::new(text).exists() {
            return RepositoryReference::parse(text)
                .map(|reference| Meant::Repository(on_disk(reference)))
                .map_err(usage);
        }
        let has_version = text.rsplit('/').next().is_some_and(|last| last.contains(':')) && !text.contains("::");
        if (has_version || text.contains("/component-descriptors/"))
            && let Ok(reference) = ComponentReference::parse(text)
        {
            return Ok(Meant::Component(with_disk(reference)));
        }
        return RepositoryReference::parse(text.trim_end_matches('/'))
            .map(|reference| Meant::Repository(on_disk(reference)))
            .map_err(usage);
    }
    ComponentReference::parse(text).map(|reference| Meant::Component(with_disk(reference))).map_err(usage)
}

/// Whether the only `//` belongs to a scheme: `http://host/path`.
fn is_only_scheme(text: &str) -> bool {
    let place = text.split_once("::").map_or(text, |(_, place)| place);
    place.match_indices("//").count() == 1 && place.split_once("://").is_some()
}

/// Reads the reference of a repository.
pub(crate) fn repository(text: &str) -> Result<RepositoryReference> {
    let place = RepositoryReference::parse(text).map(on_disk).map_err(Error::usage)?;
    check_scheme(&place)?;
    Ok(place)
}

fn with_disk(mut reference: ComponentReference) -> ComponentReference {
    reference.repository = on_disk(reference.repository);
    reference
}

/// `product-1.0` and `my.ctf` look like hosts; where there is such a file or folder, that is what is meant.
fn on_disk(reference: RepositoryReference) -> RepositoryReference {
    match reference.as_file() {
        Some(RepositoryReference::Ctf { file_path, .. }) if Path::new(&file_path).exists() => {
            RepositoryReference::ctf(file_path)
        }
        _ => reference,
    }
}

/// Opens a place to read from. Where there is no archive, the error says which there are.
pub(crate) async fn open(context: &Context, place: &RepositoryReference) -> Result<ComponentRepository> {
    context.open(place, Purpose::Read).await.map_err(|error| match place {
        // What is there may lack a part of it, which is another matter.
        RepositoryReference::Ctf { file_path, .. }
            if error.kind() == ocm_oci::Kind::NotFound && !is_there(file_path) =>
        {
            absence::archive(file_path, error.into())
        }
        _ => error.into(),
    })
}

/// Whether there is an archive under this name, as a whole or in parts.
fn is_there(file_path: &str) -> bool {
    let path = Path::new(file_path);
    path.exists() || ocm_blob::Parts::present(path).next().is_some()
}

/// All component versions that a request asks for, each once, however often and in whatever spelling it was named.
///
/// # Errors
/// Nothing at all fits one of the references.
pub(crate) async fn select(context: &Context, request: &get::Request) -> Result<Vec<Selected>> {
    let mut known: HashMap<(PathBuf, String, String), Vec<usize>> = HashMap::new();
    let mut selected: Vec<Selected> = Vec::new();
    for one in named_ones(context, request).await? {
        let place = canonical(Path::new(&one.repository.address()));
        let same = known.entry((place, one.component.clone(), one.version.clone())).or_default();
        // Only two digests that are both asked for tell two of them apart.
        let is_same = |other: &Selected| match (&other.digest, &one.digest) {
            (Some(other), Some(own)) => other == own,
            _ => true,
        };
        match same.iter().find(|position| is_same(&selected[**position])) {
            Some(position) => selected[*position].digest = selected[*position].digest.take().or(one.digest),
            None => {
                same.push(selected.len());
                selected.push(one);
            }
        }
    }
    Ok(selected)
}

async fn named_ones(context: &Context, request: &get::Request) -> Result<Vec<Selected>> {
    let constraint = request.constraint.as_deref().map(Constraint::parse).transpose().map_err(Error::usage)?;
    let filter = Filter { constraint, latest: request.latest };
    let mut selected = Vec::new();
    if let Some(place) = &request.repository {
        let opened = async { open(context, &self::repository(place)?).await };
        let repository = opened.await.map_err(|error| error.during("--repo"))?;
        if request.references.is_empty() {
            selected.extend(everything(&repository, &filter).await?);
        }
        for name in &request.references {
            let (component, version) = split_version(name);
            selected.extend(versions(&repository, component, version, None, &filter).await?);
        }
        return Ok(selected);
    }
    if request.references.is_empty() {
        return Err(Error::usage("a component reference or a repository is missing")
            .hint("example: ocm get cv ./archive//acme.org/product:1.0.0"));
    }
    for text in &request.references {
        match meaning(text)? {
            Meant::Repository(_) if let Some((component, version)) = without_repository(text) => {
                let repository = configured(context, component, version).await?;
                selected.extend(versions(&repository, component, Some(version), None, &filter).await?);
            }
            Meant::Repository(place) => {
                let repository = open(context, &place).await?;
                selected.extend(everything(&repository, &filter).await?);
            }
            Meant::Component(reference) => {
                let (repository, reference) = interpret::open(context, text, reference).await?;
                let (version, digest) =
                    (reference.version.as_deref(), reference.digest.as_deref().map(str::to_ascii_lowercase));
                selected.extend(versions(&repository, reference.component.as_str(), version, digest, &filter).await?);
            }
        }
    }
    Ok(selected)
}

/// A component and its version, if a text is nothing but that.
fn without_repository(text: &str) -> Option<(&str, &str)> {
    let (component, version) = text.rsplit_once(':')?;
    let is_one = !text.contains("//") && ComponentName::parse(component).is_ok() && Version::parse(version).is_ok();
    (is_one && !Path::new(text).exists()).then_some((component, version))
}

/// The repository that the configuration has for a component version.
async fn configured(context: &Context, component: &str, version: &str) -> Result<ComponentRepository> {
    let resolvers = match context.resolvers().route(component, version) {
        Route::Only(resolver) => vec![resolver],
        Route::Fallback(resolvers) => resolvers,
        Route::Unconfigured => Vec::new(),
    };
    for resolver in &resolvers {
        let repository = context.open(&resolver.repository, Purpose::Read).await?;
        if repository.exists(component, version).await? {
            return Ok(repository);
        }
    }
    if resolvers.is_empty() {
        return Err(Error::usage(format!(
            "{component}:{version} names no repository, and no resolver is configured for it"
        ))
        .hint(format!("use --repo REPOSITORY, or write REPOSITORY//{component}:{version}")));
    }
    let places: Vec<_> = resolvers.iter().map(|resolver| resolver.repository.to_string()).collect();
    Err(Error::new(
        Kind::NotFound,
        format!(
            "{component}:{version}: component version not found in {}, which the configuration names",
            places.join(", ")
        ),
    ))
}

/// What finds the versions that these roots refer to.
pub(crate) async fn lookup(context: &Context, selected: &[Selected], more: &[String]) -> Result<Lookup> {
    let mut repositories: Vec<ComponentRepository> = Vec::new();
    for root in selected {
        if repositories.iter().all(|known| known.address() != root.repository.address()) {
            repositories.push(root.repository.clone());
        }
    }
    let named = named(context, more).await?;
    Ok(Lookup::new(context, repositories, named).with_roots(selected.iter().map(|root| root.component.clone())))
}

/// One of the places that versions were named in, and what finds others for those in it: its own before those of the other places.
pub(crate) struct Place {
    pub(crate) address: String,
    pub(crate) lookup: Lookup,
}

/// The places of these versions, for verbs that tell about places: several may have the same component version, whole here and
/// damaged there, and what is found out about one of them says nothing about another.
pub(crate) async fn places(context: &Context, selected: &[Selected], more: &[String]) -> Result<Vec<Place>> {
    let mut places: Vec<Place> = Vec::new();
    for root in selected {
        let address = root.repository.address();
        if places.iter().any(|place| place.address == address) {
            continue;
        }
        let is_own = |other: &Selected| other.repository.address() == address;
        let (mut ordered, others): (Vec<Selected>, Vec<Selected>) = selected.iter().cloned().partition(is_own);
        ordered.extend(others);
        let lookup = lookup(context, &ordered, more).await?;
        places.push(Place { address, lookup });
    }
    Ok(places)
}

/// Opens repositories that were named to look for referenced versions in.
pub(crate) async fn named(context: &Context, places: &[String]) -> Result<Vec<ComponentRepository>> {
    let mut repositories = Vec::new();
    for place in places {
        let opened = async { open(context, &repository(place)?).await };
        repositories.push(opened.await.map_err(|error| error.during("--lookup"))?);
    }
    Ok(repositories)
}

struct Filter {
    constraint: Option<Constraint>,
    latest: bool,
}

impl Filter {
    fn apply(&self, versions: Vec<String>) -> Vec<String> {
        let mut versions = self.fitting(versions);
        if self.latest {
            versions.truncate(1);
        }
        versions
    }

    fn fitting(&self, mut versions: Vec<String>) -> Vec<String> {
        if let Some(constraint) = &self.constraint {
            versions.retain(|version| Version::parse(version).is_ok_and(|version| constraint.matches(&version)));
        }
        versions
    }
}

/// A version of a component, and what its tag points to where that was looked up.
type Listed = (String, Option<Manifest>);

/// Which of the versions that the tags of a registry name are component versions, the first alone or all. The others are told, and
/// left out.
async fn genuine(
    repository: &ComponentRepository,
    component: &str,
    versions: Vec<String>,
    first: bool,
) -> Result<Vec<Listed>> {
    let count = versions.len();
    let looked_up = stream::iter(versions).map(|version| async move {
        let root = repository.root_manifest(component, &version).await?;
        let is_one = repository.is_component_version(component, &root).await?;
        Ok::<_, ocm_oci::Error>((version, is_one.then_some(root)))
    });
    let mut looked_up = looked_up.buffered(if first { 1 } else { LOOK_UPS });
    let (mut found, mut others) = (Vec::new(), Vec::new());
    while let Some((version, root)) = looked_up.try_next().await? {
        match root {
            Some(root) => found.push((version, Some(root).filter(|root| root.bytes().len() <= KEPT))),
            None => others.push(version),
        }
        if first && !found.is_empty() {
            break;
        }
    }
    let subject = format!("{}//{component}", repository.address());
    if found.is_empty() {
        let reason = format!("none of the {count} tags that read like versions is a component version");
        return Err(Error::new(Kind::NotFound, format!("{subject}: {reason}")));
    }
    if let Some(example) = others.first() {
        let count = others.len();
        tracing::warn!(component = subject, count, example, "left out tags of images that are no component versions");
    }
    Ok(found)
}

async fn everything(repository: &ComponentRepository, filter: &Filter) -> Result<Vec<Selected>> {
    if repository.content("").location().is_some() {
        return Err(Error::usage(format!(
            "{}: the components of a registry cannot be listed reliably",
            repository.address()
        ))
        .hint("name a component: <repository>//<component>[:<version>]"));
    }
    let mut selected = Vec::new();
    for component in repository.components().await? {
        let found = filter.apply(repository.versions(&component).await?);
        selected.extend(found.into_iter().map(|version| Selected {
            repository: repository.clone(),
            component: component.clone(),
            version,
            digest: None,
            root: None,
        }));
    }
    if selected.is_empty() {
        return Err(Error::new(Kind::NotFound, format!("{}: no component version found", repository.address())));
    }
    Ok(selected)
}

async fn versions(
    repository: &ComponentRepository,
    component: &str,
    version: Option<&str>,
    digest: Option<String>,
    filter: &Filter,
) -> Result<Vec<Selected>> {
    let versions = match version {
        Some(version) => vec![(version.to_owned(), None)],
        None => {
            let all = repository.versions(component).await?;
            let count = all.len();
            let is_remote = repository.content(component).location().is_some();
            let found = if is_remote { filter.fitting(all) } else { filter.apply(all) };
            if found.is_empty() {
                let subject = format!("{}//{component}", repository.address());
                let missing = |what: String| Error::new(Kind::NotFound, format!("{subject}: {what}"));
                return Err(match &filter.constraint {
                    Some(constraint) if count > 0 => {
                        missing(format!("none of its {count} versions matches {constraint}"))
                            .hint(format!("`ocm list cv {subject}` lists them"))
                    }
                    _ => absence::component(repository, component, missing("component not found".to_owned())).await,
                });
            }
            if is_remote {
                genuine(repository, component, found, filter.latest).await?
            } else {
                found.into_iter().map(|version| (version, None)).collect()
            }
        }
    };
    let versions = match (&digest, version) {
        (Some(digest), None) => vec![with_digest(repository, component, versions, digest).await?],
        _ => versions,
    };
    let make = |(version, root)| Selected {
        repository: repository.clone(),
        component: component.to_owned(),
        version,
        digest: digest.clone(),
        root,
    };
    Ok(versions.into_iter().map(make).collect())
}

/// The version whose manifest has a digest; for references that name a digest and no version.
async fn with_digest(
    repository: &ComponentRepository,
    component: &str,
    versions: Vec<Listed>,
    digest: &str,
) -> Result<Listed> {
    for (version, root) in versions {
        let found = match &root {
            Some(root) => Some(root.digest().clone()),
            None => repository.root(component, &version).await?.map(|found| found.digest),
        };
        if found.is_some_and(|found| found.to_string() == digest) {
            return Ok((version, root));
        }
    }
    Err(Error::new(Kind::NotFound, format!("{}//{component}: no version has digest {digest}", repository.address())))
}

/// `component:version`, the version optional.
fn split_version(text: &str) -> (&str, Option<&str>) {
    text.rsplit_once(':').map_or((text, None), |(component, version)| (component, Some(version)))
}
