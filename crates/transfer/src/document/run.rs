//! What each type of node does: read what it names, and say what it wants to be written.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt as _, stream};
use ocm_model::access::Access;
use ocm_model::{Descriptor, DigestSpec, Identity, Resource, Source, TypedObject, json};
use ocm_oci::{ImageReference, Selector, media_type};
use ocm_repository::{ComponentRepository, ComponentVersion, LocalContent, NewVersion};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use super::content::Content;
use super::field::{AddArtifact, AddLocal, AddVersion, Cleanup, Get, GetArtifact, TransferArtifact};
use super::graph::{Node, place};
use super::node::Kind;
use super::places::Places;
use super::prepare::{Done, Effect, Job, Version, schemaless};
use crate::{ElementAction, ElementKind, Error, Existing, Options, Result, VersionAction};

/// Each repository is opened once, each component version read once.
type Once<T> = Mutex<HashMap<String, Arc<OnceCell<T>>>>;

/// What the nodes of one document share.
pub(super) struct Run<'a> {
    places: &'a dyn Places,
    options: &'a Options,
    sources: Once<ComponentRepository>,
    targets: Once<ComponentRepository>,
    versions: Once<Arc<ComponentVersion>>,
    contents: HashMap<String, Content>,
}

/// An element as nodes hand it on.
struct Element {
    kind: ElementKind,
    whole: Value,
    identity: Identity,
    access: TypedObject,
    digest: Option<DigestSpec>,
}

impl Element {
    fn read(kind: ElementKind, whole: Value) -> Result<Self> {
        let wrong = |error: serde_json::Error| Error::Document(format!("spec.{}: {error}", kind.noun()));
        match kind {
            ElementKind::Resource => {
                let resource: Resource = serde_json::from_value(whole).map_err(wrong)?;
                let whole = serde_json::to_value(&resource).map_err(wrong)?;
                Ok(Self {
                    kind,
                    whole,
                    identity: resource.identity(),
                    access: resource.access,
                    digest: resource.digest,
                })
            }
            ElementKind::Source => {
                let source: Source = serde_json::from_value(whole).map_err(wrong)?;
                let whole = serde_json::to_value(&source).map_err(wrong)?;
                Ok(Self { kind, whole, identity: source.identity(), access: source.access, digest: None })
            }
        }
    }

    /// For errors.
    fn name(&self) -> String {
        format!("{} {}", self.kind.noun(), self.identity)
    }

    fn with_access(mut self, access: &TypedObject) -> Self {
        self.access = access.clone();
        self.whole["access"] = json!(access);
        self
    }

    fn output(&self) -> Value {
        json!({ self.kind.noun(): self.whole })
    }
}

fn parse<T: DeserializeOwned>(spec: &Map<String, Value>) -> Result<T> {
    serde_json::from_value(Value::Object(spec.clone())).map_err(|error| Error::Document(format!("spec: {error}")))
}

/// The specification of a repository as a key. How it is opened does not make it another one.
fn key(repository: &TypedObject) -> String {
    let mut repository = repository.clone();
    repository.members.shift_remove("accessMode");
    json::to_string(&json!(repository))
}

fn cell<T>(cells: &Once<T>, key: String) -> Arc<OnceCell<T>> {
    cells.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone()
}

impl<'a> Run<'a> {
    pub(super) fn new(places: &'a dyn Places, options: &'a Options) -> Self {
        Self {
            places,
            options,
            sources: Once::default(),
            targets: Once::default(),
            versions: Once::default(),
            contents: HashMap::new(),
        }
    }

    /// Makes content known to the nodes that follow.
    pub(super) fn found(&mut self, uri: String, content: Content) {
        self.contents.insert(uri, content);
    }

    /// Carries out one node, up to the point where something would be written.
    pub(super) async fn node(&self, node: &Node, spec: &Map<String, Value>) -> Result<Done> {
        if let Some(repository) = spec.get("repository") {
            let repository: TypedObject = serde_json::from_value(repository.clone())
                .map_err(|error| Error::Document(format!("spec.repository: {error}")))?;
            place(node.kind, &repository).map_err(Error::Document)?;
        }
        if spec.get("outputPath").and_then(Value::as_str).is_some_and(|path| !path.is_empty()) {
            let id = &node.id;
            self.options.observer.warned(&format!(
                "{id}: outputPath has no effect: content goes to its target without a file in between"
            ));
        }
        match node.kind {
            Kind::GetComponentVersion(_) => self.get_version(parse(spec)?).await,
            Kind::AddComponentVersion(_) => self.add_version(node, parse(spec)?).await,
            Kind::GetLocalResource(_) => self.get_local(node, ElementKind::Resource, parse(spec)?).await,
            Kind::GetLocalSource(_) => self.get_local(node, ElementKind::Source, parse(spec)?).await,
            Kind::AddLocalResource(_) => self.add_local(node, ElementKind::Resource, parse(spec)?).await,
            Kind::AddLocalSource(_) => self.add_local(node, ElementKind::Source, parse(spec)?).await,
            Kind::GetOciArtifact => self.get_artifact(node, parse(spec)?).await,
            Kind::AddOciArtifact => {
                let AddArtifact { resource, file } = parse(spec)?;
                let content = self.content(&file.uri)?.clone();
                self.upload(node, resource, content).await
            }
            Kind::TransferOciArtifact => {
                let TransferArtifact { resource, target_resource } = parse(spec)?;
                let source = Element::read(ElementKind::Resource, resource)?;
                let content = self.artifact(&source).await?;
                self.upload(node, target_resource, content).await
            }
            Kind::FileCleanup => {
                let Cleanup { files } = parse(spec)?;
                Ok(Done { output: json!({"cleanedFiles": files.iter().flatten().count()}), effect: None })
            }
            Kind::Foreign(_) => Err(Error::Document("this type of transformation cannot be carried out yet".into())),
        }
    }

    async fn source(&self, repository: &TypedObject) -> Result<ComponentRepository> {
        let cell = cell(&self.sources, key(repository));
        cell.get_or_try_init(|| self.places.source(repository)).await.cloned()
    }

    async fn target(&self, repository: &TypedObject) -> Result<ComponentRepository> {
        let cell = cell(&self.targets, key(repository));
        cell.get_or_try_init(|| self.places.target(repository)).await.cloned()
    }

    async fn version(&self, spec: &Get) -> Result<Arc<ComponentVersion>> {
        let cell = cell(&self.versions, json!([key(&spec.repository), spec.component, spec.version]).to_string());
        let read = || async {
            let repository = self.source(&spec.repository).await?;
            Ok(Arc::new(repository.get(&spec.component, &spec.version).await?))
        };
        cell.get_or_try_init(read).await.cloned()
    }

    fn content(&self, uri: &str) -> Result<&Content> {
        self.contents.get(uri).ok_or_else(|| {
            Error::Document(format!(
                "spec.file: {uri:?} is not the file of another transformation; only such files can be stored"
            ))
        })
    }

    async fn get_version(&self, spec: Get) -> Result<Done> {
        let version = self.version(&spec).await?;
        Ok(Done { output: json!({"descriptor": version.descriptor.tree()}), effect: None })
    }

    async fn get_local(&self, node: &Node, kind: ElementKind, spec: Get) -> Result<Done> {
        let version = self.version(&spec).await?;
        let element = find(&version, kind, &Identity(spec.resource_identity))?;
        let stored = version.local(&element.access)?;
        let told = element.access.text("mediaType").filter(|told| !told.is_empty());
        let media_type = match &stored {
            LocalContent::Manifest(root) => root.media_type.as_str(),
            LocalContent::Blob(_) | LocalContent::Parts(_) => told.unwrap_or(media_type::OCTETS),
        };
        let content = Content { source: version.content(), media_type: media_type.to_owned(), stored, image: None };
        content.check(&element.name(), element.digest.as_ref())?;
        Ok(handed_out(node, &element, content))
    }

    async fn get_artifact(&self, node: &Node, spec: GetArtifact) -> Result<Done> {
        let element = Element::read(ElementKind::Resource, spec.resource)?;
        let content = self.artifact(&element).await?;
        Ok(handed_out(node, &element, content))
    }

    /// The image or layer that an element refers to.
    async fn artifact(&self, element: &Element) -> Result<Content> {
        let content = match Access::of(&element.access) {
            Access::OciImage { image_reference } => {
                let reference: ImageReference = image_reference.parse()?;
                let source = self.places.repository(&reference).await?;
                let root = source.resolve(&reference.selector()).await?;
                let root = root.ok_or_else(|| ocm_oci::Error::not_found(format!("source image {image_reference}")))?;
                let media_type = root.media_type.clone();
                Content { source, stored: LocalContent::Manifest(root), media_type, image: Some(image_reference) }
            }
            Access::OciLayer { reference, media_type, digest, size } => {
                let source = self.places.repository(&reference.parse()?).await?;
                let digest = digest.parse().map_err(|error| ocm_oci::Error::invalid(&reference, error))?;
                let size = match size {
                    Some(size) => size,
                    None => source
                        .blob_size(&digest)
                        .await?
                        .ok_or_else(|| ocm_oci::Error::not_found(format!("source {reference}@{digest}")))?,
                };
                let media_type = media_type.unwrap_or_else(|| media_type::OCTETS.to_owned());
                let blob = ocm_oci::Descriptor::new(media_type.clone(), digest, size);
                Content { source, stored: LocalContent::Blob(blob), media_type, image: Some(reference) }
            }
            _ => {
                let kind = &element.access.kind;
                return Err(Error::Document(format!(
                    "{}: access type {kind} is neither an image nor a layer of one",
                    element.name()
                )));
            }
        };
        content.check(&element.name(), element.digest.as_ref())?;
        Ok(content)
    }

    async fn add_local(&self, node: &Node, kind: ElementKind, spec: AddLocal) -> Result<Done> {
        let element = Element::read(kind, spec.resource)?;
        let content = self.content(&spec.file.uri)?.clone();
        content.check(&element.name(), element.digest.as_ref())?;
        let repository = self.target(&spec.repository).await?;
        let target = repository.content(&spec.component);
        let mut access = content.local_access(&element.access);
        match spec.global_access_policy.as_deref() {
            None | Some("") => {}
            Some("auto") => access = access.with("globalAccess", json!(content.global_access(&target)?)),
            Some(other) => {
                return Err(Error::Document(format!("spec.globalAccessPolicy: {other:?} is neither empty nor auto")));
            }
        }
        let action = match (&content.image, &content.stored) {
            (Some(reference), LocalContent::Manifest(root)) => ElementAction::EmbedImage {
                reference: reference.clone(),
                digest: root.digest.to_string(),
                media_type: root.media_type.clone(),
                reference_name: access.text("referenceName").unwrap_or_default().to_owned(),
            },
            (Some(reference), LocalContent::Blob(blob)) => ElementAction::EmbedBlob {
                reference: reference.clone(),
                digest: blob.digest.to_string(),
                media_type: content.media_type.clone(),
                bytes: Some(blob.size),
            },
            _ => ElementAction::CopyLocal {
                reference: content.reference(),
                reference_name: access.text("referenceName").map(str::to_owned),
            },
        };
        let element = element.with_access(&access);
        let home = Some((key(&spec.repository), spec.component));
        Ok(job(node, &element, Wanted { home, content, target, tag: None, action }))
    }

    async fn upload(&self, node: &Node, resource: Value, content: Content) -> Result<Done> {
        let element = Element::read(ElementKind::Resource, resource)?;
        content.check(&element.name(), element.digest.as_ref())?;
        let LocalContent::Manifest(root) = &content.stored else {
            return Err(Error::Document(format!(
                "{}: its content is no image and cannot be stored as one",
                element.name()
            )));
        };
        let Access::OciImage { image_reference } = Access::of(&element.access) else {
            let kind = &element.access.kind;
            return Err(Error::Document(format!(
                "{}: access type {kind} names no image to store it as",
                element.name()
            )));
        };
        let reference: ImageReference = image_reference.parse()?;
        let target = self.places.repository(&reference).await?;
        if reference.digest().is_some_and(|digest| *digest != root.digest) {
            return Err(Error::Content {
                element: element.name(),
                expected: image_reference,
                actual: root.digest.to_string(),
            });
        }
        let tag = reference.tag().map(str::to_owned);
        if let Some(tag) = &tag
            && self.options.existing != Existing::Overwrite
            && let Some(there) = target.resolve(&Selector::Tag(tag.clone())).await?
            && there.digest != root.digest
        {
            // Somebody else's image may already have this name; moving its tag would give its users another image.
            let reason = "is another image, and nothing is to be replaced";
            return Err(
                ocm_oci::Error::new(ocm_oci::Kind::Conflict, format!("target {image_reference}"), reason).into()
            );
        }
        let was_pinned = content.image.as_deref().is_some_and(|image| image.contains('@'));
        let is_pinned = reference.digest().is_some() || !(was_pinned || tag.is_none());
        let image = if is_pinned { image_reference } else { format!("{image_reference}@{}", root.digest) };
        let access = element.access.clone().with("imageReference", image);
        let action = ElementAction::UploadImage {
            reference: content.image.clone().unwrap_or_else(|| root.digest.to_string()),
            digest: root.digest.to_string(),
            repository: reference.repository(),
            tag: tag.clone(),
        };
        let element = element.with_access(&access);
        Ok(job(node, &element, Wanted { home: None, content, target, tag, action }))
    }

    async fn add_version(&self, node: &Node, spec: AddVersion) -> Result<Done> {
        let text = serde_json::to_vec(&spec.descriptor).map_err(|error| Error::Document(error.to_string()))?;
        let descriptor =
            Descriptor::read(&text).map_err(|error| Error::Document(format!("spec.descriptor: {error}")))?;
        let target = self.target(&spec.repository).await?;
        // What comes out as it went in is stored with the bytes it had.
        let is_same = |version: &&Arc<ComponentVersion>| {
            let component = &descriptor.component;
            (version.name(), version.version()) == (component.name.as_str(), component.version.as_str())
                && schemaless(&version.descriptor) == descriptor
        };
        let known = self.read_versions();
        let raw = known.iter().find(is_same).map(|version| version.raw.clone());
        let version = Version {
            name: format!("{} [{}]", node.id, node.kind.name()),
            target_key: key(&spec.repository),
            target,
            new: NewVersion { descriptor, raw, content: std::collections::BTreeMap::new() },
            action: VersionAction::Transfer,
            elements: Vec::new(),
        };
        Ok(Done { output: json!({}), effect: Some(Effect::Version(Box::new(version))) })
    }

    /// Looks for the stored bytes of component versions of which no node reads content, in the repositories that other
    /// nodes read from: what is not changed is passed on as it is.
    pub(super) async fn find_stored(&self, versions: &mut [Version]) {
        let sources: Vec<ComponentRepository> = {
            let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
            sources.values().filter_map(|cell| cell.get().cloned()).collect()
        };
        let wanted = versions.iter_mut().filter(|version| version.new.raw.is_none());
        stream::iter(wanted)
            .for_each_concurrent(self.options.concurrency.max(1) * 4, |version| {
                let sources = &sources;
                async move {
                    let descriptor = &version.new.descriptor;
                    for source in sources {
                        // A place without it is no failure: the document has everything that is needed.
                        let found = source.get(&descriptor.component.name, &descriptor.component.version).await;
                        if let Some(found) = found.ok().filter(|found| schemaless(&found.descriptor) == *descriptor) {
                            version.new.raw = Some(found.raw);
                            return;
                        }
                    }
                }
            })
            .await;
    }

    fn read_versions(&self) -> Vec<Arc<ComponentVersion>> {
        let versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        versions.values().filter_map(|cell| cell.get().cloned()).collect()
    }
}

fn handed_out(node: &Node, element: &Element, content: Content) -> Done {
    let uri = format!("content:{}", node.id);
    let mut output = element.output();
    output["file"] = content.file(&uri);
    Done { output, effect: Some(Effect::Found(uri, content)) }
}

struct Wanted {
    home: Option<(String, String)>,
    content: Content,
    target: Arc<dyn ocm_oci::Repository>,
    tag: Option<String>,
    action: ElementAction,
}

fn job(node: &Node, element: &Element, wanted: Wanted) -> Done {
    let Wanted { home, content, target, tag, action } = wanted;
    let job = Job {
        name: format!("{} [{}]", node.id, node.kind.name()),
        element: element.kind,
        identity: element.identity.to_string(),
        access: json!(element.access),
        home,
        content,
        target,
        tag,
        action,
        is_needed: true,
    };
    Done { output: element.output(), effect: Some(Effect::Job(Box::new(job))) }
}

/// The element with an identity; a part of one is enough if it fits one element only.
fn find(version: &ComponentVersion, kind: ElementKind, wanted: &Identity) -> Result<Element> {
    let component = &version.descriptor.component;
    let name = wanted.get("name");
    // Names first: identities are made anew each time, and there may be thousands.
    let may_fit = |candidate: &str| name.is_none_or(|name| name == candidate);
    let fitting: Vec<(usize, Identity)> = match kind {
        ElementKind::Resource => {
            let named = component.resources.iter().enumerate().filter(|(_, resource)| may_fit(&resource.name));
            named.map(|(position, resource)| (position, resource.identity())).collect()
        }
        ElementKind::Source => {
            let named = component.sources.iter().enumerate().filter(|(_, source)| may_fit(&source.name));
            named.map(|(position, source)| (position, source.identity())).collect()
        }
    };
    let exact = fitting.iter().find(|(_, identity)| identity == wanted);
    let fits = |identity: &Identity| wanted.0.iter().all(|(key, value)| identity.0.get(key) == Some(value));
    let mut partly = fitting.iter().filter(|(_, identity)| fits(identity));
    let position = match (exact, partly.next(), partly.next()) {
        (Some((position, _)), _, _) | (None, Some((position, _)), None) => *position,
        (None, None, _) => {
            return Err(ocm_oci::Error::not_found(format!("{} {wanted} of {version}", kind.noun())).into());
        }
        (None, Some(_), Some(_)) => {
            return Err(Error::Document(format!("{version} has several elements {wanted}; name more of the identity")));
        }
    };
    let whole = match kind {
        ElementKind::Resource => json!(component.resources[position]),
        ElementKind::Source => json!(component.sources[position]),
    };
    Element::read(kind, whole)
}
