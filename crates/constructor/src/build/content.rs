//! Storing the content of resources and sources in the target, where nobody finds it yet.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_access::{Owner, Subject, resolve};
use ocm_blob::{Blob, Item, MemoryBlob, Observed};
use ocm_model::digest::{GENERIC_BLOB_DIGEST, HashAlgorithm};
use ocm_model::{DigestSpec, TypedObject};
use ocm_oci::{Descriptor, Error as OciError, ImageManifest, Kind, Manifest, Repository, copy, media_type};
use serde_json::Map;

use super::plan::Plan;
use super::{Environment, Error, Options, ownership};
use crate::file::{Component, Dialect, Resource};
use crate::input::{Artifact, Content, Input};
use crate::problem::{Position, Problem, Problems};

/// The elements of one component with their content stored.
pub(super) struct Stored {
    pub(super) resources: Vec<ocm_model::Resource>,
    pub(super) sources: Vec<ocm_model::Source>,
}

/// One resource or source of one component.
struct Element<'a> {
    component: usize,
    place: Place<'a>,
    content: Option<Content>,
}

#[derive(Clone, Copy)]
enum Place<'a> {
    Resource(&'a Resource),
    Source(&'a crate::file::Source),
}

impl<'a> Place<'a> {
    fn position(self) -> Position {
        match self {
            Self::Resource(resource) => resource.position,
            Self::Source(source) => source.position,
        }
    }

    fn owner(self) -> Owner<'a> {
        match self {
            Self::Resource(resource) => Owner::Resource(&resource.element),
            Self::Source(source) => Owner::Source(&source.element),
        }
    }

    fn input(self) -> Option<&'a Input> {
        match self {
            Self::Resource(resource) => resource.input.as_ref(),
            Self::Source(source) => source.input.as_ref(),
        }
    }

    /// Whether its content is fetched over the network.
    fn is_elsewhere(self) -> bool {
        matches!(self.input(), Some(Input::Wget(_) | Input::Helm(_) | Input::Image(_) | Input::Foreign(_)))
    }

    /// `image[ociImage]`.
    fn label(self) -> String {
        match self {
            Self::Resource(resource) => format!("{}[{}]", resource.element.name, resource.element.kind),
            Self::Source(source) => format!("{}[{}]", source.element.name, source.element.kind),
        }
    }

    fn name(self) -> &'a str {
        match self {
            Self::Resource(resource) => &resource.element.name,
            Self::Source(source) => &source.element.name,
        }
    }

    /// `resource "image"`, for messages.
    fn title(self) -> String {
        match self {
            Self::Resource(_) => format!("resource {:?}", self.name()),
            Self::Source(_) => format!("source {:?}", self.name()),
        }
    }
}

/// What became of an element: its access and its digest.
struct Done {
    access: TypedObject,
    digest: Option<DigestSpec>,
}

/// Stores the content of all components that are to be built.
pub(super) async fn store(
    components: &[Component],
    plan: &Plan,
    environment: &Environment,
    options: &Options,
) -> Result<Vec<Stored>, Error> {
    let elements = open(components, plan, environment, options).await?;
    let work = stream::iter(elements).map(|element| async move {
        let component = &components[element.component];
        let done = Work { component, environment, options }.element(element.place, element.content).await?;
        Ok::<_, Error>((element.component, element.place, done))
    });
    let done: Vec<_> = work.buffered(options.concurrency.max(1)).try_collect().await?;
    let sized = |component: &Component| Stored {
        resources: Vec::with_capacity(component.resources.len()),
        sources: Vec::with_capacity(component.sources.len()),
    };
    let mut contents: Vec<Stored> = components.iter().map(sized).collect();
    for (component, place, done) in done {
        let stored = &mut contents[component];
        match place {
            Place::Resource(resource) => {
                stored.resources.push(ocm_model::Resource {
                    access: done.access,
                    digest: done.digest,
                    ..resource.element.clone()
                });
            }
            Place::Source(source) => {
                stored.sources.push(ocm_model::Source { access: done.access, ..source.element.clone() });
            }
        }
    }
    Ok(contents)
}

/// Opens all inputs before anything is stored, so that every missing file is told at once.
async fn open<'a>(
    components: &'a [Component],
    plan: &Plan,
    environment: &Environment,
    options: &Options,
) -> Result<Vec<Element<'a>>, Error> {
    let mut places = Vec::new();
    for (position, component) in components.iter().enumerate().filter(|(position, _)| !plan.kept[*position]) {
        places.extend(component.resources.iter().map(|resource| (position, Place::Resource(resource))));
        places.extend(component.sources.iter().map(|source| (position, Place::Source(source))));
    }
    let opened = stream::iter(places).map(|(position, place)| async move {
        let component = &components[position];
        let content = match place.input() {
            Some(input) => {
                let sources = environment.images.as_ref();
                input.open(place.owner(), &component.folder, component.dialect, sources).await.map(Some)
            }
            None => Ok(None),
        };
        content
            .map(|content| Element { component: position, place, content })
            .map_err(|error| (component, place, error))
    });
    let opened: Vec<_> = opened.buffered(options.concurrency.max(1)).collect().await;
    let (mut elements, mut failed) = (Vec::with_capacity(opened.len()), Vec::new());
    for one in opened {
        match one {
            Ok(element) => elements.push(element),
            Err(failure) => failed.push(failure),
        }
    }
    let title = |component: &Component, place: Place<'_>| format!("{} of {}", place.title(), component.title());
    match failed.pop() {
        None => Ok(elements),
        // A place on the network that fails is not a fault of the file: its own kind of failure stays.
        Some((component, place, ocm_blob::Error::Source(source))) if failed.is_empty() && place.is_elsewhere() => {
            Err(Error::Content {
                file: component.file.to_string(),
                position: place.position(),
                element: title(component, place),
                source: Box::new(OciError::blob("content")(ocm_blob::Error::Source(source))),
            })
        }
        Some(last) => {
            failed.push(last);
            let problem = |(component, place, error): (&Component, Place<'_>, ocm_blob::Error)| {
                Problem::at(&component.file, place.position(), format!("{}: {error}", title(component, place)))
            };
            Err(Error::File(Problems(failed.into_iter().map(problem).collect())))
        }
    }
}

/// Who failed when content was stored.
enum Failure {
    /// The content, or what the file says of it.
    Content(OciError),
    /// The target.
    Target(OciError),
}

impl From<OciError> for Failure {
    fn from(error: OciError) -> Self {
        Self::Content(error)
    }
}

/// The work on the elements of one component.
struct Work<'a> {
    component: &'a Component,
    environment: &'a Environment,
    options: &'a Options,
}

impl Work<'_> {
    async fn element(&self, place: Place<'_>, content: Option<Content>) -> Result<Done, Error> {
        let element = format!("{} of {}", place.title(), self.component.title());
        let bytes = match &content {
            Some(Content::Blob { blob, .. }) => blob.size(),
            _ => None,
        };
        let item = Item {
            name: format!("{} {}", self.component.title(), place.label()),
            action: "add".to_owned(),
            target: None,
            bytes,
        };
        let observer = &self.environment.observer;
        observer.started(&item);
        let done = match (place, content) {
            (Place::Resource(resource), Some(content)) => self.input(&element, Some(resource), content).await,
            (Place::Source(..), Some(content)) => self.input(&element, None, content).await,
            (Place::Resource(resource), None) => self.access(&element, resource).await.map_err(Failure::Content),
            (Place::Source(source), None) => Ok(Done { access: source.element.access.clone(), digest: None }),
        };
        if matches!(place, Place::Source(..)) {
            observer.warned(&format!(
                "{element}: its content is recorded without a digest; declare it as a resource if it must be verifiable"
            ));
        }
        observer.ended(&item, if done.is_ok() { ocm_blob::Outcome::Completed } else { ocm_blob::Outcome::Failed });
        done.map_err(|failure| match failure {
            Failure::Target(error) => Error::Repository(error),
            Failure::Content(source) => Error::Content {
                file: self.component.file.to_string(),
                position: place.position(),
                element,
                source: Box::new(source),
            },
        })
    }

    /// Sends content to the target.
    async fn push(&self, target: &Arc<dyn Repository>, blob: Arc<dyn Blob>) -> Result<Descriptor, Failure> {
        let content = Observed::new(blob, self.environment.observer.clone());
        let pushed = target.push_blob(&content).await;
        pushed
            .map(|(stored, _)| stored)
            .map_err(|error| if content.has_failed() { Failure::Content(error) } else { Failure::Target(error) })
    }

    /// Content that is stored with the component version.
    async fn input(&self, element: &str, resource: Option<&Resource>, content: Content) -> Result<Done, Failure> {
        let target = self.environment.target.content(&self.component.name);
        let mut reference_name = None;
        let (stored, normalisation) = match content {
            Content::Blob { blob, media_type } => {
                let stored = self.push(&target, blob).await?;
                (Descriptor { media_type, ..stored }, GENERIC_BLOB_DIGEST)
            }
            Content::Image { source, root, reference_name: name } => {
                reference_name = name.map(|name| self.reference_name(&name));
                let options = copy::Options {
                    concurrency: self.options.concurrency.max(1),
                    observer: self.environment.observer.clone(),
                    ..copy::Options::default()
                };
                let copied = copy::graph(&source, &target, &root, &options).await;
                copied.map_err(|error| {
                    if error.subject().starts_with("target") { Failure::Target(error) } else { Failure::Content(error) }
                })?;
                (Descriptor::new(root.media_type, root.digest, root.size), self.options.oci_artifact_digest.as_str())
            }
            Content::Artifact(artifact) => {
                reference_name = artifact.reference_name.clone().map(|name| self.reference_name(&name));
                (self.artifact(&target, artifact).await?, self.options.oci_artifact_digest.as_str())
            }
            Content::Elsewhere { access, digest } => {
                let Some(resource) = resource else { return Ok(Done { access, digest: None }) };
                let mut resource = resource.clone();
                resource.element.access = access;
                resource.element.digest = resource.element.digest.or(digest);
                return self.access(element, &resource).await.map_err(Failure::Content);
            }
        };
        if let Some(resource) = resource.filter(|resource| resource.owned) {
            self.declare_owner(element, &target, &stored, resource).await?;
        }
        let hash = HashAlgorithm::parse(stored.digest.algorithm().name()).unwrap_or(HashAlgorithm::Sha256);
        let digest = DigestSpec::new(hash, normalisation, stored.digest.hex());
        if let Some(given) = resource.and_then(|resource| resource.element.digest.as_ref())
            && !(given.value.eq_ignore_ascii_case(&digest.value) && given.hash() == digest.hash())
        {
            let reason = format!(
                "its content has the digest {}:{}, but {}:{} was given",
                digest.hash_algorithm, digest.value, given.hash_algorithm, given.value
            );
            return Err(OciError::new(Kind::Invalid, "digest", reason).into());
        }
        let kind = if self.component.dialect == Dialect::V1 { "localBlob" } else { "LocalBlob/v1" };
        let mut access = TypedObject::new(kind)
            .with("localReference", stored.digest.to_string())
            .with("mediaType", stored.media_type.as_str());
        if let Some(name) = reference_name {
            access = access.with("referenceName", name);
        }
        Ok(Done { access, digest: resource.is_some().then_some(digest) })
    }

    /// The older program puts the name of the component in front of names that do not begin with a slash.
    fn reference_name(&self, name: &str) -> String {
        match (self.component.dialect, name.strip_prefix('/')) {
            (_, Some(absolute)) => absolute.to_owned(),
            (Dialect::V1, None) => format!("{}/{name}", self.component.name),
            (Dialect::V2, None) => name.to_owned(),
        }
    }

    async fn artifact(&self, target: &Arc<dyn Repository>, artifact: Artifact) -> Result<Descriptor, Failure> {
        let (config_type, config) = artifact.config;
        let config = self.push(target, Arc::new(MemoryBlob::new(config))).await?;
        let mut layers = Vec::with_capacity(artifact.layers.len());
        for part in artifact.layers {
            let layer = self.push(target, part.content).await?;
            layers.push(Descriptor { media_type: part.media_type, ..layer });
        }
        let manifest = ImageManifest {
            schema_version: 2,
            media_type: Some(media_type::MANIFEST.to_owned()),
            artifact_type: None,
            config: Descriptor { media_type: config_type, ..config },
            layers,
            subject: None,
            annotations: (!artifact.annotations.is_empty()).then_some(artifact.annotations),
            other: Map::new(),
        };
        let manifest = Manifest::write(&manifest, media_type::MANIFEST)?;
        target.push_manifest(&manifest, None).await.map_err(Failure::Target)?;
        Ok(manifest.descriptor())
    }

    async fn declare_owner(
        &self,
        element: &str,
        target: &Arc<dyn Repository>,
        stored: &Descriptor,
        resource: &Resource,
    ) -> Result<(), OciError> {
        if !media_type::is_manifest(&stored.media_type) {
            self.environment
                .observer
                .warned(&format!("{element}: ownershipPolicy has no effect, its content is no image"));
            return Ok(());
        }
        ownership::declare(target, stored, &self.component.name, &self.component.version, &resource.element.identity())
            .await
    }

    /// Content that stays where it is.
    async fn access(&self, element: &str, resource: &Resource) -> Result<Done, OciError> {
        let (access, given) = (&resource.element.access, resource.element.digest.as_ref());
        let observer = &self.environment.observer;
        if resource.owned {
            observer.warned(&format!(
                "{element}: ownershipPolicy has no effect, its content is not stored with the component version"
            ));
        }
        let as_written = Done { access: access.clone(), digest: given.cloned() };
        if self.options.skip_reference_digests || resource.skip_digest {
            return Ok(as_written);
        }
        if let Some(resolved) = resolve(access, given, self.environment.images.as_ref()).await? {
            let mut digest = resolved.digest;
            if given.is_none() && resolved.of == Subject::Artifact {
                digest.normalisation_algorithm.clone_from(&self.options.oci_artifact_digest);
            }
            return Ok(Done { access: resolved.access, digest: Some(digest) });
        }
        let state = if given.is_some() { "with the digest that was given, unchecked" } else { "without a digest" };
        observer.warned(&format!(
            "{element}: content of the access type {:?} cannot be looked up here; it is recorded {state}",
            access.kind
        ));
        Ok(as_written)
    }
}
