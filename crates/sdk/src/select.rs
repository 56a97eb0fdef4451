//! From the words of a request to the component versions they mean.

use std::path::Path;
use std::sync::Arc;

use ocm_config::Route;
use ocm_model::reference::{ComponentReference, RepositoryReference};
use ocm_model::{ComponentName, Constraint, Version};
use ocm_oci::{Endpoint, media_type};
use ocm_repository::{ComponentRepository, ComponentVersion};
use ocm_transfer::Roots;

use crate::context::Purpose;
use crate::lookup::Lookup;
use crate::ops::get;
use crate::{Context, Error, Kind, Result, interpret};

/// One component version that was asked for, not yet read.
#[derive(Clone)]
pub(crate) struct Selected {
    pub(crate) repository: ComponentRepository,
    pub(crate) component: String,
    pub(crate) version: String,
    /// Digest of its manifest, if the reference gave one.
    pub(crate) digest: Option<String>,
}

impl Selected {
    /// Reads it, and compares it with the digest of the reference.
    pub(crate) async fn read(&self) -> Result<Arc<ComponentVersion>> {
        self.read_for(None).await
    }

    /// The same for a transfer to `targets`, which may have it already.
    pub(crate) async fn read_for(&self, targets: Option<&Roots>) -> Result<Arc<ComponentVersion>> {
        let found = read_for(targets, &self.repository, &self.component, &self.version).await?;
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

/// Reads a component version that may be on its way to `targets`.
pub(crate) async fn read_for(
    targets: Option<&Roots>,
    repository: &ComponentRepository,
    component: &str,
    version: &str,
) -> ocm_oci::Result<ComponentVersion> {
    let root = repository.root_manifest(component, version).await?;
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

/// All component versions that a request asks for.
///
/// # Errors
/// Nothing at all fits one of the references.
pub(crate) async fn select(context: &Context, request: &get::Request) -> Result<Vec<Selected>> {
    let constraint = request.constraint.as_deref().map(Constraint::parse).transpose().map_err(Error::usage)?;
    let filter = Filter { constraint, latest: request.latest };
    let mut selected = Vec::new();
    if let Some(place) = &request.repository {
        let opened = async { Ok(context.open(&self::repository(place)?, Purpose::Read).await?) };
        let repository = opened.await.map_err(|error: Error| error.during("--repo"))?;
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
                let repository = context.open(&place, Purpose::Read).await?;
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

/// Opens repositories that were named to look for referenced versions in.
pub(crate) async fn named(context: &Context, places: &[String]) -> Result<Vec<ComponentRepository>> {
    let mut repositories = Vec::new();
    for place in places {
        let opened = async { Ok(context.open(&repository(place)?, Purpose::Read).await?) };
        repositories.push(opened.await.map_err(|error: Error| error.during("--lookup"))?);
    }
    Ok(repositories)
}

struct Filter {
    constraint: Option<Constraint>,
    latest: bool,
}

impl Filter {
    fn apply(&self, mut versions: Vec<String>) -> Vec<String> {
        if let Some(constraint) = &self.constraint {
            versions.retain(|version| Version::parse(version).is_ok_and(|version| constraint.matches(&version)));
        }
        if self.latest {
            versions.truncate(1);
        }
        versions
    }
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
        Some(version) => vec![version.to_owned()],
        None => {
            let all = repository.versions(component).await?;
            let count = all.len();
            let found = filter.apply(all);
            if found.is_empty() {
                let what = match &filter.constraint {
                    Some(constraint) if count > 0 => format!("none of its {count} versions matches {constraint}"),
                    _ => "component not found".to_owned(),
                };
                return Err(Error::new(Kind::NotFound, format!("{}//{component}: {what}", repository.address())));
            }
            found
        }
    };
    let versions = match (&digest, version) {
        (Some(digest), None) => vec![with_digest(repository, component, versions, digest).await?],
        _ => versions,
    };
    let make = |version| Selected {
        repository: repository.clone(),
        component: component.to_owned(),
        version,
        digest: digest.clone(),
    };
    Ok(versions.into_iter().map(make).collect())
}

/// The version whose manifest has a digest; for references that name a digest and no version.
async fn with_digest(
    repository: &ComponentRepository,
    component: &str,
    versions: Vec<String>,
    digest: &str,
) -> Result<String> {
    let content = repository.content(component);
    for version in versions {
        let tag = ocm_oci::Selector::Tag(ocm_model::version::to_tag(&version));
        if content.resolve(&tag).await?.is_some_and(|found| found.digest.to_string() == digest) {
            return Ok(version);
        }
    }
    Err(Error::new(Kind::NotFound, format!("{}//{component}: no version has digest {digest}", repository.address())))
}

/// `component:version`, the version optional.
fn split_version(text: &str) -> (&str, Option<&str>) {
    text.rsplit_once(':').map_or((text, None), |(component, version)| (component, Some(version)))
}
