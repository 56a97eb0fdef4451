//! `get artifacts`, `transfer artifact`: OCI artifacts as such, without a component version around them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use ocm_access::Sources as _;
use ocm_model::RepositoryReference;
use ocm_oci::{ImageReference, Registry, Repository, Selector, copy, media_type};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::context::Purpose;
use crate::{Context, Error, Kind, Result};

/// Lists artifacts: the one with the tag or digest of a reference, or all that have tags in a repository.
///
/// # Errors
/// [`Kind::NotFound`] if there is no such repository or artifact.
pub async fn list(context: &Context, request: &List) -> Result<Listed> {
    let mut items = Vec::new();
    for text in &request.references {
        let place = Place::of_source(context, text).await?;
        for selector in place.selectors().await? {
            let manifest = place.repository.manifest(&selector).await?;
            let invalid = |error: serde_json::Error| ocm_oci::Error::invalid(place.text(&selector), error);
            items.push(Artifact {
                registry: place.registry.clone(),
                repository: place.name.clone(),
                tag: tag_of(&selector),
                digest: manifest.digest().to_string(),
                media_type: manifest.media_type().to_owned(),
                manifest: serde_json::from_slice(manifest.bytes()).map_err(invalid)?,
            });
        }
    }
    Ok(Listed { items })
}

/// Copies artifacts: those that a reference names, or all that have tags in a repository.
///
/// # Errors
/// [`Kind::Usage`] if several artifacts would get the same name.
pub async fn transfer(context: &Context, request: &Transfer) -> Result<Transferred> {
    let mut found = Vec::new();
    for text in &request.references {
        let place = Place::of_source(context, text).await?;
        let selectors = place.selectors().await?;
        found.extend(selectors.into_iter().map(|selector| (place.clone(), selector)));
    }
    let (target, archive) = Target::open(context, &request.target).await?;
    let mut planned = Vec::new();
    let mut names = BTreeSet::new();
    for (source, selector) in found {
        let name = target.name(&source.name, request.keep_names);
        let tag = target.tag.clone().or_else(|| tag_of(&selector));
        if !names.insert((name.clone(), tag.clone())) {
            let asked = tag.as_ref().map_or_else(|| name.clone(), |tag| format!("{name}:{tag}"));
            return Err(Error::usage(format!("{}: several artifacts would be stored as {asked}", request.target))
                .hint("--repo-name keeps the names of their repositories"));
        }
        planned.push((source, selector, name, tag));
    }
    let (observer, pace) = (context.observer().clone(), context.client().bucket());
    let options = copy::Options { observer, pace, ..copy::Options::default() };
    let mut items = Vec::new();
    for (source, selector, name, tag) in planned {
        let missing = || Error::new(Kind::NotFound, format!("{}: artifact not found", source.text(&selector)));
        let root = source.repository.resolve(&selector).await?.ok_or_else(missing)?;
        let repository = target.registry.repository(&name);
        match &tag {
            Some(tag) => copy_as(&source.repository, &repository, &root, tag, &options).await?,
            None => drop(copy::graph(&source.repository, &repository, &root, &options).await?),
        }
        items.push(Copy {
            source: source.text(&selector),
            target: target.text(&name, tag.as_deref(), &root.digest.to_string()),
            digest: root.digest.to_string(),
        });
    }
    if let Some(archive) = archive {
        archive.commit().await?;
    }
    Ok(Transferred { items })
}

/// Copies an artifact under a tag. Its manifest is read at the source one time at most, because some registries count that; a tag
/// that is right already stays untouched, because some registries let nobody move theirs.
async fn copy_as(
    source: &Arc<dyn Repository>,
    target: &Arc<dyn Repository>,
    root: &ocm_oci::Descriptor,
    tag: &str,
    options: &copy::Options,
) -> Result<()> {
    let options = copy::Options { root: copy::Root::HandBack, ..options.clone() };
    let copied = copy::graph_to(source, std::slice::from_ref(target), root, &options).await;
    let copied = copied.into_iter().next().transpose()?;
    let manifest = match copied.and_then(|copied| copied.manifest) {
        Some(manifest) => manifest,
        None => {
            let there = target.resolve(&Selector::Tag(tag.to_owned())).await?;
            if there.is_some_and(|there| there.digest == root.digest) {
                return Ok(());
            }
            target.manifest(&Selector::Digest(root.digest.clone())).await?
        }
    };
    Ok(target.push_manifest(&manifest, Some(tag)).await?)
}

fn tag_of(selector: &Selector) -> Option<String> {
    match selector {
        Selector::Tag(tag) => Some(tag.clone()),
        Selector::Digest(_) => None,
    }
}

/// A repository of artifacts that is read.
#[derive(Clone)]
struct Place {
    repository: Arc<dyn Repository>,
    /// The registry, or the path of an archive behind its type.
    registry: String,
    /// What stands between that and the name of the repository.
    joint: &'static str,
    name: String,
    selector: Option<Selector>,
}

impl Place {
    async fn of_source(context: &Context, text: &str) -> Result<Self> {
        if let Some((archive, rest)) = in_archive(text) {
            let (name, tag) = named(rest);
            let opened = context.open_archive(Path::new(path_of(archive)?.as_str()), Purpose::Read).await?;
            return Ok(Self {
                repository: opened.repository(name),
                registry: archive.to_owned(),
                joint: "//",
                name: name.to_owned(),
                selector: tag.map(|tag| Selector::Tag(tag.to_owned())),
            });
        }
        if text.starts_with(['.', '/']) {
            // No host begins like that; as one it would be asked for until nobody waits any more.
            return Err(Error::usage(format!("{text}: names no image: write ARCHIVE//REPOSITORY[:TAG]")));
        }
        let reference: ImageReference = text.parse()?;
        let is_one = reference.tag().is_some() || reference.digest().is_some();
        Ok(Self {
            repository: context.repository(&reference).await?,
            registry: registry_of(&reference)?,
            joint: "/",
            name: reference.repository(),
            selector: is_one.then(|| reference.selector()),
        })
    }

    async fn selectors(&self) -> Result<Vec<Selector>> {
        match &self.selector {
            Some(selector) => Ok(vec![selector.clone()]),
            None => {
                let tags = self.repository.tags().await?;
                if tags.is_empty() {
                    let place = format!("{}{}{}", self.registry, self.joint, self.name);
                    return Err(Error::new(Kind::NotFound, format!("{place}: no artifact found")));
                }
                Ok(tags.into_iter().map(Selector::Tag).collect())
            }
        }
    }

    fn text(&self, selector: &Selector) -> String {
        let version = match selector {
            Selector::Tag(tag) => format!(":{tag}"),
            Selector::Digest(digest) => format!("@{digest}"),
        };
        format!("{}{}{}{version}", self.registry, self.joint, self.name)
    }
}

/// Where artifacts go.
struct Target {
    registry: Arc<dyn Registry>,
    text: String,
    joint: &'static str,
    /// The name that was asked for.
    name: Option<String>,
    tag: Option<String>,
}

impl Target {
    async fn open(context: &Context, text: &str) -> Result<(Self, Option<Arc<dyn Registry>>)> {
        let (archive, rest) = in_archive(text).map_or((text, None), |(archive, rest)| (archive, Some(rest)));
        if rest.is_some() || is_archive(text) {
            let path = path_of(archive)?;
            let opened = context.open_archive(Path::new(&path), Purpose::Create(None)).await?;
            let opened: Arc<dyn Registry> = Arc::new(opened);
            let (name, tag) = rest.map(named).map_or((None, None), |(name, tag)| (Some(name.to_owned()), tag));
            let target = Self {
                registry: opened.clone(),
                text: archive.to_owned(),
                joint: "//",
                name,
                tag: tag.map(str::to_owned),
            };
            return Ok((target, Some(opened)));
        }
        let reference: ImageReference = text.parse()?;
        let registry: Arc<dyn Registry> = context.registry(reference.endpoint()?);
        let target = Self {
            registry,
            text: registry_of(&reference)?,
            joint: "/",
            name: Some(reference.repository()),
            tag: reference.tag().map(str::to_owned),
        };
        Ok((target, None))
    }

    fn name(&self, source: &str, keep_names: bool) -> String {
        match &self.name {
            Some(name) if keep_names => format!("{name}/{source}"),
            Some(name) => name.clone(),
            None => source.to_owned(),
        }
    }

    fn text(&self, name: &str, tag: Option<&str>, digest: &str) -> String {
        let version = tag.map_or_else(|| format!("@{digest}"), |tag| format!(":{tag}"));
        format!("{}{}{name}{version}", self.text, self.joint)
    }
}

/// The registry of a reference as it was written: without a scheme unless it is plain HTTP.
fn registry_of(reference: &ImageReference) -> Result<String> {
    let endpoint = reference.endpoint()?.to_string();
    Ok(endpoint.strip_prefix("https://").unwrap_or(&endpoint).to_owned())
}

/// `archive//repository[:tag]`, if a text is that.
fn in_archive(text: &str) -> Option<(&str, &str)> {
    let (archive, rest) =
        text.split_once("//").filter(|(before, _)| !before.ends_with(':') || before.ends_with("::"))?;
    is_archive(archive).then_some((archive, rest))
}

fn is_archive(text: &str) -> bool {
    matches!(RepositoryReference::parse(text), Ok(RepositoryReference::Ctf { .. }))
}

fn path_of(archive: &str) -> Result<String> {
    match RepositoryReference::parse(archive) {
        Ok(RepositoryReference::Ctf { file_path, .. }) => Ok(file_path),
        _ => Err(Error::usage(format!("{archive}: is no archive"))),
    }
}

/// `repository[:tag]`.
fn named(text: &str) -> (&str, Option<&str>) {
    text.rsplit_once(':').map_or((text, None), |(name, tag)| (name, Some(tag)))
}

/// Which artifacts to list.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct List {
    /// References with a tag or digest, or repositories; in a registry (`host/path`) or an archive (`archive//path`).
    pub references: Vec<String>,
}

/// Artifacts.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// In the order of the references, then of the tags.
    pub items: Vec<Artifact>,
}

/// One artifact.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// The registry, or the archive.
    pub registry: String,
    /// Name of its repository.
    pub repository: String,
    /// Its tag; nothing if it was named by its digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Digest of its manifest.
    pub digest: String,
    /// Media type of its manifest.
    pub media_type: String,
    /// Its manifest.
    pub manifest: Value,
}

impl Artifact {
    /// Whether it consists of several ones.
    pub fn is_index(&self) -> bool {
        media_type::is_index(&self.media_type)
    }
}

/// Which artifacts to copy, and where to.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transfer {
    /// References with a tag or digest, or repositories; in a registry (`host/path`) or an archive (`archive//path`).
    pub references: Vec<String>,
    /// A repository, which may have a tag, or an archive, where artifacts keep their names.
    pub target: String,
    /// Whether the names of repositories are put behind the one of the target.
    pub keep_names: bool,
}

/// What was copied.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transferred {
    /// In the order of the references, then of the tags.
    pub items: Vec<Copy>,
}

/// One artifact that was copied.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Copy {
    /// Where it is from.
    pub source: String,
    /// Where it is now, too.
    pub target: String,
    /// Digest of its manifest.
    pub digest: String,
}
