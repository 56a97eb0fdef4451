//! What each type of node does: read what it names, and say what it wants to be written.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{StreamExt as _, stream};
use ocm_model::access::Access;
use ocm_model::{Descriptor, Identity, TypedObject, json};
use ocm_oci::{ImageReference, MemoryRegistry};
use ocm_repository::{ComponentRepository, ComponentVersion, LocalContent, NewVersion};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use super::element::{Element, Positions, find};
use super::field::{AccessStyle, AddArtifact, AddLocal, AddVersion, Cleanup, Get, GetArtifact, TransferArtifact};
use super::graph::{Node, place};
use super::node::Kind;
use super::places::Places;
use crate::content::{Content, Place};
use crate::element::origin;
use crate::settle::is_same;
use crate::work::Job;
use crate::{ElementAction, ElementKind, Error, GlobalAccess, Options, Result};

/// Each repository is opened once, each component version read once.
type Once<T> = Mutex<HashMap<String, Arc<OnceCell<T>>>>;

/// What the nodes of one document share.
pub(super) struct Run<'a> {
    pub(super) places: &'a dyn Places,
    options: &'a Options,
    sources: Once<ComponentRepository>,
    targets: Once<ComponentRepository>,
    /// Targets that could not be opened: the first node of the document that has to do with it, and why.
    lost: Mutex<HashMap<String, (usize, Error)>>,
    versions: Once<Arc<ComponentVersion>>,
    positions: Once<Arc<Positions>>,
    contents: HashMap<String, Arc<Content>>,
    /// The component versions that nodes read.
    pub(super) homes: Vec<Get>,
}

/// What a node did: what other nodes see of it, and what it found or wants.
pub(super) struct Done {
    pub(super) output: Value,
    pub(super) effect: Option<Effect>,
}

pub(super) enum Effect {
    /// It found contents, which have these addresses in handles.
    Found(Vec<(String, Content)>),
    /// It wants content to be stored.
    Wanted(Box<Wanted>),
    /// It wants a component version to be stored.
    Stored(Box<Stored>),
}

/// Content that a node wants to be stored.
pub(super) struct Wanted {
    pub(super) job: Job,
    /// The repository and component that it is stored with; `None` for images with a name of their own.
    pub(super) home: Option<(String, String)>,
}

/// A component version that a node wants to be stored.
pub(super) struct Stored {
    pub(super) name: String,
    /// The specification of the target, to tell targets apart.
    pub(super) target_key: String,
    pub(super) target: ComponentRepository,
    pub(super) new: NewVersion,
}

pub(super) fn parse<T: DeserializeOwned>(spec: Map<String, Value>) -> Result<T> {
    serde_json::from_value(Value::Object(spec)).map_err(|error| Error::Document(format!("spec: {error}")))
}

/// The specification of a repository as a key. How it is opened does not make it another one.
fn key(repository: &TypedObject) -> String {
    let mut repository = repository.clone();
    repository.members.shift_remove("accessMode");
    json::to_string(&json!(repository))
}

/// What tells component versions apart that nodes read.
fn version_key(spec: &Get) -> String {
    json!([key(&spec.repository), spec.component, spec.version]).to_string()
}

fn cell<T>(cells: &Once<T>, key: String) -> Arc<OnceCell<T>> {
    cells.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone()
}

impl<'a> Run<'a> {
    pub(super) fn new(places: &'a dyn Places, options: &'a Options, nodes: &[Node<'_>]) -> Self {
        let mut homes: Vec<Get> = Vec::new();
        for home in nodes.iter().filter_map(super::artifact::home) {
            if !homes.contains(&home) {
                homes.push(home);
            }
        }
        Self {
            places,
            options,
            homes,
            sources: Once::default(),
            targets: Once::default(),
            lost: Mutex::default(),
            versions: Once::default(),
            positions: Once::default(),
            contents: HashMap::new(),
        }
    }

    /// Makes content known to the nodes that follow.
    pub(super) fn found(&mut self, uri: String, content: Content) {
        self.contents.insert(uri, Arc::new(content));
    }

    /// Carries out one node, up to the point where something would be written.
    pub(super) async fn node(&self, node: &Node<'_>, spec: Map<String, Value>) -> Result<Done> {
        if let Some(repository) = spec.get("repository") {
            let repository: TypedObject = serde_json::from_value(repository.clone())
                .map_err(|error| Error::Document(format!("spec.repository: {error}")))?;
            place(node.kind, &repository).map_err(Error::Document)?;
        }
        if spec.get("outputPath").and_then(Value::as_str).is_some_and(|path| !path.is_empty()) {
            let id = node.id;
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
                let AddArtifact { resource, file, access_style } = parse(spec)?;
                let content = self.content(&file.uri)?.clone();
                self.upload(node, resource, content, access_style).await
            }
            Kind::TransferOciArtifact => {
                let TransferArtifact { resource, target_resource, access_style, home } = parse(spec)?;
                let source = Element::read(ElementKind::Resource, resource)?;
                let content = self.artifact(&source, home).await?;
                self.upload(node, target_resource, content, access_style).await
            }
            Kind::FileCleanup => {
                let Cleanup { files } = parse(spec)?;
                Ok(Done { output: json!({"cleanedFiles": files.iter().flatten().count()}), effect: None })
            }
            Kind::GetRemote(_) => self.get_remote(node, parse(spec)?).await,
            Kind::GetHelmChart => self.get_chart(node, parse(spec)?).await,
            Kind::ConvertHelmToOci => self.convert_chart(node, parse(spec)?).await,
        }
    }

    async fn source(&self, repository: &TypedObject) -> Result<ComponentRepository> {
        let cell = cell(&self.sources, key(repository));
        cell.get_or_try_init(|| self.places.source(repository)).await.cloned()
    }

    /// Opens a target. One that cannot be opened is an empty place, so that others get what is theirs.
    async fn target(&self, node: &Node<'_>, repository: &TypedObject) -> Result<ComponentRepository> {
        let key = key(repository);
        let open = || async {
            match self.places.target(repository).await {
                Err(error @ Error::Place(_)) => {
                    self.losses().insert(key.clone(), (node.position(), error));
                    Ok(ComponentRepository::new(Arc::new(MemoryRegistry::new()), ""))
                }
                opened => opened,
            }
        };
        let opened = cell(&self.targets, key.clone()).get_or_try_init(open).await.cloned();
        if let Some((first, _)) = self.losses().get_mut(&key) {
            // Which of several nodes comes here first depends on what they had to read before.
            *first = node.position().min(*first);
        }
        opened
    }

    fn losses(&self) -> MutexGuard<'_, HashMap<String, (usize, Error)>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_lost(&self, target: &TypedObject) -> bool {
        self.losses().contains_key(&key(target))
    }

    /// The specifications of targets that could not be opened, and why, in the order of the document.
    pub(super) fn lost(self, nodes: &[Node<'_>]) -> Vec<(String, Error)> {
        let lost = self.lost.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut lost: Vec<(String, (usize, Error))> = lost.into_iter().collect();
        lost.sort_by_key(|(_, (position, _))| *position);
        lost.into_iter().map(|(key, (position, error))| (key, nodes[position].fail(error))).collect()
    }

    pub(super) async fn version(&self, spec: &Get) -> Result<Arc<ComponentVersion>> {
        let cell = cell(&self.versions, version_key(spec));
        let read = || async {
            let repository = self.source(&spec.repository).await?;
            Ok(Arc::new(repository.get(&spec.component, &spec.version).await?))
        };
        cell.get_or_try_init(read).await.cloned()
    }

    pub(super) fn content(&self, uri: &str) -> Result<&Content> {
        self.contents.get(uri).map(Arc::as_ref).ok_or_else(|| {
            Error::Document(format!(
                "spec.file: {uri:?} is not the file of another transformation; only such files can be stored"
            ))
        })
    }

    async fn get_version(&self, spec: Get) -> Result<Done> {
        let version = self.version(&spec).await?;
        Ok(Done { output: json!({"descriptor": version.descriptor.tree()}), effect: None })
    }

    async fn get_local(&self, node: &Node<'_>, kind: ElementKind, spec: Get) -> Result<Done> {
        let version = self.version(&spec).await?;
        let positions = cell(&self.positions, version_key(&spec));
        let positions = positions.get_or_init(async || Arc::new(Positions::of(&version))).await;
        let element = find(&version, positions, kind, &Identity(spec.resource_identity))?;
        if matches!(Access::of(&element.access), Access::RelativeOci { .. }) {
            let found = ocm_access::open(&element.access, &version, self.places).await?;
            let none = || ocm_oci::Error::not_found(format!("source {}", element.name()));
            let from = origin(&element.access, &Access::of(&element.access));
            let content = Content::opened(found.ok_or_else(none)?, from);
            content.check(&element.name(), element.digest.as_ref()).await?;
            return Ok(handed_out(node, &element, content));
        }
        let stored = version.local(&element.access).await?;
        let media_type = match &stored {
            LocalContent::Manifest(root) => root.media_type.clone(),
            LocalContent::Blob(_) | LocalContent::Parts(_) => Content::told_media_type(&element.access),
        };
        let content = Content { place: Place::Stored(version.content(), stored), media_type, origin: None };
        content.check(&element.name(), element.digest.as_ref()).await?;
        Ok(handed_out(node, &element, content))
    }

    async fn get_artifact(&self, node: &Node<'_>, spec: GetArtifact) -> Result<Done> {
        let element = Element::read(ElementKind::Resource, spec.resource)?;
        let content = self.artifact(&element, spec.home).await?;
        Ok(handed_out(node, &element, content))
    }

    async fn add_local(&self, node: &Node<'_>, kind: ElementKind, spec: AddLocal) -> Result<Done> {
        let element = Element::read(kind, spec.resource)?;
        let content = self.content(&spec.file.uri)?.clone();
        content.check(&element.name(), element.digest.as_ref()).await?;
        let repository = self.target(node, &spec.repository).await?;
        let target = repository.content(&spec.component);
        let policy = match spec.global_access_policy.as_deref() {
            None | Some("") => GlobalAccess::Never,
            Some("auto") if target.location().is_none() && !self.is_lost(&spec.repository) => {
                return Err(Error::Document("globalAccessPolicy auto needs a registry".into()));
            }
            Some("auto") => GlobalAccess::Auto,
            Some(other) => {
                return Err(Error::Document(format!("spec.globalAccessPolicy: {other:?} is neither empty nor auto")));
            }
        };
        let access = content.located(content.local_access(&element.access), policy, &target);
        let action = match (&content.origin, content.root()) {
            (Some(reference), Some(root)) => ElementAction::EmbedImage {
                reference: reference.clone(),
                digest: root.digest.to_string(),
                media_type: root.media_type.clone(),
                reference_name: access.text("referenceName").unwrap_or_default().to_owned(),
            },
            (Some(reference), None) => ElementAction::EmbedBlob {
                reference: reference.clone(),
                digest: content.reference(),
                media_type: content.media_type.clone(),
                bytes: content.descriptors().first().map(|blob| blob.size),
            },
            (None, _) => ElementAction::CopyLocal {
                reference: content.reference(),
                reference_name: access.text("referenceName").map(str::to_owned),
            },
        };
        let element = element.with_access(&access);
        let home = Some((key(&spec.repository), spec.component));
        Ok(job(node, &element, home, (target, None), content, action))
    }

    async fn upload(&self, node: &Node<'_>, resource: Value, content: Content, style: AccessStyle) -> Result<Done> {
        let element = Element::read(ElementKind::Resource, resource)?;
        content.check(&element.name(), element.digest.as_ref()).await?;
        let Some(root) = content.root().cloned() else {
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
                origin: content.origin.as_ref().map(|origin| format!(" ({origin})")).unwrap_or_default(),
                expected: image_reference,
                actual: root.digest.to_string(),
            });
        }
        let tag = reference.tag().map(str::to_owned);
        let was_pinned = content.origin.as_deref().is_some_and(|image| image.contains('@'));
        let is_pinned = reference.digest().is_some() || !(was_pinned || tag.is_none());
        let image = if is_pinned { image_reference } else { format!("{image_reference}@{}", root.digest) };
        let access = match style {
            AccessStyle::Absolute => element.access.clone().with("imageReference", image),
            AccessStyle::Relative => {
                let tag = tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
                let name = format!("{}{tag}@{}", reference.repository(), root.digest);
                TypedObject::new("relativeOciReference").with("reference", name)
            }
        };
        let action = ElementAction::UploadImage {
            reference: content.origin.clone().unwrap_or_else(|| root.digest.to_string()),
            digest: root.digest.to_string(),
            repository: reference.repository(),
            tag: tag.clone(),
        };
        let element = element.with_access(&access);
        Ok(job(node, &element, None, (target, tag), content, action))
    }

    async fn add_version(&self, node: &Node<'_>, spec: AddVersion) -> Result<Done> {
        let text = serde_json::to_vec(&spec.descriptor).map_err(|error| Error::Document(error.to_string()))?;
        // One of them at a time: it may be large.
        drop(spec.descriptor);
        let descriptor =
            Descriptor::read(&text).map_err(|error| Error::Document(format!("spec.descriptor: {error}")))?;
        super::recorded::check(&descriptor)?;
        let target = self.target(node, &spec.repository).await?;
        // What comes out as it went in is stored with the bytes it had.
        let is_this = |version: &&Arc<ComponentVersion>| {
            let component = &descriptor.component;
            (version.name(), version.version()) == (component.name.as_str(), component.version.as_str())
                && is_same(&version.descriptor, &descriptor)
        };
        let known = self.read_versions();
        let raw = known.iter().find(is_this).map(|version| version.raw.clone());
        let version = Stored {
            name: format!("{} [{}]", node.id, node.kind.name()),
            target_key: key(&spec.repository),
            target,
            new: NewVersion { descriptor, raw, ..NewVersion::default() },
        };
        Ok(Done { output: json!({}), effect: Some(Effect::Stored(Box::new(version))) })
    }

    /// Looks for the stored bytes of component versions of which no node reads content, in the repositories that other
    /// nodes read from: what is not changed is passed on as it is.
    pub(super) async fn find_stored(&self, versions: &mut [Stored]) {
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
                        if let Some(found) = found.ok().filter(|found| is_same(&found.descriptor, descriptor)) {
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

pub(super) fn handed_out(node: &Node<'_>, element: &Element, content: Content) -> Done {
    let uri = format!("content:{}", node.id);
    let mut output = element.output();
    output["file"] = content.file(&uri);
    Done { output, effect: Some(Effect::Found(vec![(uri, content)])) }
}

fn job(
    node: &Node<'_>,
    element: &Element,
    home: Option<(String, String)>,
    (place, tag): (Arc<dyn ocm_oci::Repository>, Option<String>),
    content: Content,
    action: ElementAction,
) -> Done {
    let name = format!("{} [{}]", node.id, node.kind.name());
    let job = Job {
        owner: name.clone(),
        name,
        element: element.kind,
        identity: element.identity.to_string(),
        access: element.access.clone(),
        content,
        place,
        is_local: home.is_some(),
        tag,
        is_extra: false,
        found: None,
        action,
        is_needed: true,
        targets: Vec::new(),
    };
    Done { output: element.output(), effect: Some(Effect::Wanted(Box::new(Wanted { job, home }))) }
}
