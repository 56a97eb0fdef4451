use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_access::RegistrySource;
use ocm_blob::{Digest, Item, Outcome};
use ocm_model::{Descriptor, TypedObject};
use ocm_oci::{ImageReference, copy};
use ocm_repository::{ComponentRepository, ComponentVersion, LocalContent, NewVersion, Staged};

use crate::prepare::selector;
use crate::{
    ElementAction, ElementKind, ElementPlan, ElementReport, Error, Options, Prepared, Report, Result, Totals,
    VersionAction, VersionPlan, VersionReport,
};

/// Does what was planned.
///
/// # Guarantees
/// Content comes first, component versions become visible last and in the order of the plan: referenced ones before
/// those that refer to them. If anything fails before the first of them is published, none has become visible.
pub async fn execute(
    prepared: &Prepared,
    target: &ComponentRepository,
    images: &dyn RegistrySource,
    options: &Options,
) -> Result<Report> {
    let work = prepared.plan.versions.iter().zip(&prepared.versions);
    let done: Vec<Done> = stream::iter(work)
        .map(|(plan, version)| transfer_version(plan, version, target, images, options))
        .buffered(options.concurrency.max(1))
        .try_collect()
        .await?;
    let staged: Vec<Staged> = done.iter().filter_map(|done| done.staged.clone()).collect();
    if !staged.is_empty() {
        target.publish(&staged).await?;
    }
    let mut report = Report { target: target.address(), ..Report::default() };
    for done in done {
        report.totals.add(&done);
        report.versions.push(done.report);
    }
    Ok(report)
}

/// One component version whose content is in the target, but which is not visible yet.
struct Done {
    report: VersionReport,
    staged: Option<Staged>,
    moved: copy::Outcome,
}

impl Totals {
    fn add(&mut self, done: &Done) {
        if matches!(done.report.action, VersionAction::Present | VersionAction::Keep) {
            self.versions_present += 1;
        } else {
            self.versions_moved += 1;
        }
        self.items_moved += done.moved.sent;
        self.bytes_moved += done.moved.sent_bytes;
        self.items_present += done.moved.present;
        let left = |element: &&ElementReport| matches!(element.plan.action, ElementAction::Reference { .. });
        self.left_by_reference += done.report.elements.iter().filter(left).count() as u64;
    }
}

async fn transfer_version(
    plan: &VersionPlan,
    version: &Arc<ComponentVersion>,
    target: &ComponentRepository,
    images: &dyn RegistrySource,
    options: &Options,
) -> Result<Done> {
    let item = Item { name: format!("{}:{}", plan.component, plan.version), action: "transfer".into(), bytes: None };
    let mut report = VersionReport {
        component: plan.component.clone(),
        version: plan.version.clone(),
        action: plan.action,
        difference: plan.difference.clone(),
        elements: Vec::new(),
    };
    if matches!(plan.action, VersionAction::Present | VersionAction::Keep) {
        options.observer.ended(&item, Outcome::Present);
        return Ok(Done { report, staged: None, moved: copy::Outcome::default() });
    }
    options.observer.started(&item);
    let result = Transfer { plan, version, target, images, options }.run(&mut report).await;
    options.observer.ended(&item, if result.is_ok() { Outcome::Completed } else { Outcome::Failed });
    let (staged, moved) = result?;
    Ok(Done { report, staged: Some(staged), moved })
}

struct Transfer<'a> {
    plan: &'a VersionPlan,
    version: &'a Arc<ComponentVersion>,
    target: &'a ComponentRepository,
    images: &'a dyn RegistrySource,
    options: &'a Options,
}

/// Content of one element after it was moved.
struct Moved {
    outcome: copy::Outcome,
    /// What the target stores for it with the component version.
    content: Vec<ocm_oci::Descriptor>,
    /// The access that replaces the old one.
    access: Option<TypedObject>,
}

impl Transfer<'_> {
    async fn run(&self, report: &mut VersionReport) -> Result<(Staged, copy::Outcome)> {
        let mut total = copy::Outcome::default();
        let mut content = BTreeMap::new();
        let mut accesses = HashMap::new();
        // One component version rarely has many large elements; its blobs are moved several at a time below this level.
        let moved: Vec<Moved> = stream::iter(&self.plan.elements)
            .map(|element| self.element(element))
            .buffered(self.options.concurrency.max(1))
            .try_collect()
            .await?;
        for (element, moved) in self.plan.elements.iter().zip(moved) {
            total.add(moved.outcome);
            content.extend(moved.content.into_iter().map(|descriptor| (descriptor.digest.clone(), descriptor)));
            if let Some(access) = moved.access {
                accesses.insert((element.kind, element.position), access);
            }
            report.elements.push(ElementReport { plan: element.clone(), bytes: moved.outcome.sent_bytes });
        }
        let new = if accesses.is_empty() {
            NewVersion { descriptor: self.version.descriptor.clone(), raw: Some(self.version.raw.clone()), content }
        } else {
            NewVersion { descriptor: relocated(&self.version.descriptor, accesses), raw: None, content }
        };
        Ok((self.target.stage(&new).await?, total))
    }

    async fn element(&self, element: &ElementPlan) -> Result<Moved> {
        let item = Item {
            name: format!(
                "{}:{} {}[{}]",
                self.plan.component,
                self.plan.version,
                element.identity.get("name").map_or("", String::as_str),
                element.element_type
            ),
            action: "copy".into(),
            bytes: None,
        };
        if matches!(element.action, ElementAction::Reference { .. }) {
            return Ok(Moved { outcome: copy::Outcome::default(), content: Vec::new(), access: None });
        }
        self.options.observer.started(&item);
        let result = self.move_element(element).await;
        let outcome = match &result {
            Ok(moved) if moved.outcome.sent == 0 => Outcome::Present,
            Ok(_) => Outcome::Completed,
            Err(_) => Outcome::Failed,
        };
        self.options.observer.ended(&item, outcome);
        result.map_err(|source| Error::Element {
            element: format!("{} {}", element.kind.noun(), element.identity.get("name").map_or("", String::as_str)),
            version: format!("{}:{}", self.plan.component, self.plan.version),
            source,
        })
    }

    async fn move_element(&self, element: &ElementPlan) -> ocm_oci::Result<Moved> {
        match &element.action {
            ElementAction::CopyLocal { .. } => self.copy_local(self.access(element)?).await,
            ElementAction::EmbedImage { reference, digest, media_type, reference_name } => {
                let image: ImageReference = reference.parse()?;
                let source = self.images.repository(&image).await?;
                let root = found(&source, digest).await?;
                let mount = mountable(&source, &self.content());
                let outcome = self.copy_graph(&source, &self.content(), &root, mount).await?;
                let access = local_blob(&root.digest, media_type).with("referenceName", reference_name.as_str());
                Ok(Moved { outcome, content: vec![root], access: Some(access) })
            }
            ElementAction::EmbedBlob { reference, digest, media_type, bytes } => {
                let image: ImageReference = reference.parse()?;
                let source = self.images.repository(&image).await?;
                let digest: Digest = digest.parse().map_err(|error| ocm_oci::Error::invalid(reference, error))?;
                let size = match bytes {
                    Some(bytes) => *bytes,
                    None => source
                        .blob_size(&digest)
                        .await?
                        .ok_or_else(|| ocm_oci::Error::not_found(format!("source {reference}@{digest}")))?,
                };
                let blob = ocm_oci::Descriptor::new(media_type.clone(), digest, size);
                let outcome =
                    copy::blobs(&source, &self.content(), vec![blob.clone()], &self.copy_options(None)).await?;
                Ok(Moved { outcome, access: Some(local_blob(&blob.digest, media_type)), content: vec![blob] })
            }
            ElementAction::UploadImage { reference, digest, repository, tag } => {
                self.upload(reference, digest, repository, tag.as_deref()).await
            }
            ElementAction::Reference { .. } => {
                Ok(Moved { outcome: copy::Outcome::default(), content: Vec::new(), access: None })
            }
        }
    }

    fn access(&self, element: &ElementPlan) -> ocm_oci::Result<&TypedObject> {
        let component = &self.version.descriptor.component;
        let access = match element.kind {
            ElementKind::Resource => component.resources.get(element.position).map(|resource| &resource.access),
            ElementKind::Source => component.sources.get(element.position).map(|source| &source.access),
        };
        access.ok_or_else(|| ocm_oci::Error::not_found(format!("element {} of the plan", element.position)))
    }

    fn content(&self) -> Arc<dyn ocm_oci::Repository> {
        self.target.content(&self.plan.component)
    }

    fn copy_options(&self, mount_from: Option<String>) -> copy::Options {
        copy::Options { concurrency: 4, mount_from, observer: self.options.observer.clone() }
    }

    async fn copy_graph(
        &self,
        source: &Arc<dyn ocm_oci::Repository>,
        target: &Arc<dyn ocm_oci::Repository>,
        root: &ocm_oci::Descriptor,
        mount_from: Option<String>,
    ) -> ocm_oci::Result<copy::Outcome> {
        copy::graph(source, target, root, &self.copy_options(mount_from)).await
    }

    async fn copy_local(&self, access: &TypedObject) -> ocm_oci::Result<Moved> {
        let source = self.version.content();
        let mount = mountable(&source, &self.content());
        let (outcome, content) = match self.version.local(access)? {
            LocalContent::Manifest(root) => {
                let outcome = self.copy_graph(&source, &self.content(), &root, mount).await?;
                (outcome, vec![root])
            }
            LocalContent::Blob(blob) => {
                let options = self.copy_options(mount);
                (copy::blobs(&source, &self.content(), vec![blob.clone()], &options).await?, vec![blob])
            }
            LocalContent::Parts(parts) => {
                let options = self.copy_options(mount);
                (copy::blobs(&source, &self.content(), parts.clone(), &options).await?, parts)
            }
        };
        Ok(Moved { outcome, content, access: None })
    }

    async fn upload(
        &self,
        reference: &str,
        digest: &str,
        repository: &str,
        tag: Option<&str>,
    ) -> ocm_oci::Result<Moved> {
        let (source, pinned) = if reference == digest {
            (self.version.content(), false)
        } else {
            let image: ImageReference = reference.parse()?;
            let pinned = image.digest().is_some();
            (self.images.repository(&image).await?, pinned)
        };
        let root = found(&source, digest).await?;
        let target = image_repository(self.target, repository);
        let mut outcome = self.copy_graph(&source, &target, &root, mountable(&source, &target)).await?;
        if let Some(tag) = tag {
            // Planning has looked, but somebody may have been faster since then.
            let there = target.resolve(&ocm_oci::Selector::Tag(tag.to_owned())).await?;
            if there.as_ref().is_some_and(|there| there.digest != root.digest)
                && self.options.existing != crate::Existing::Overwrite
            {
                return Err(ocm_oci::Error::new(
                    ocm_oci::Kind::Conflict,
                    format!("target {}:{tag}", target.address()),
                    "is another image, and nothing is to be replaced",
                ));
            }
            if there.is_none_or(|there| there.digest != root.digest) {
                let manifest = source.manifest(&root.digest.clone().into()).await?;
                target.push_manifest(&manifest, Some(tag)).await?;
                outcome.sent += 1;
            }
        }
        let mut image = image_name(&target);
        if let Some(tag) = tag {
            image = format!("{image}:{tag}");
        }
        if pinned || tag.is_none() {
            image = format!("{image}@{}", root.digest);
        }
        let access = TypedObject::new("ociArtifact/v1").with("imageReference", image);
        Ok(Moved { outcome, content: Vec::new(), access: Some(access) })
    }
}

/// The repository of an image with a name of its own, in the place that receives component versions.
pub(crate) fn image_repository(target: &ComponentRepository, name: &str) -> Arc<dyn ocm_oci::Repository> {
    let prefix = target.sub_path();
    let name = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
    target.registry().repository(&name)
}

/// How an image of this repository is referred to, without tag and digest.
pub(crate) fn image_name(repository: &Arc<dyn ocm_oci::Repository>) -> String {
    repository.location().map_or_else(|| repository.address(), |at| at.image_name())
}

/// Name of the source repository if the target can take blobs over from it without moving them.
pub(crate) fn mountable(
    source: &Arc<dyn ocm_oci::Repository>,
    target: &Arc<dyn ocm_oci::Repository>,
) -> Option<String> {
    let (source, target) = (source.location()?, target.location()?);
    (source.registry == target.registry && source.repository != target.repository).then_some(source.repository)
}

async fn found(source: &Arc<dyn ocm_oci::Repository>, digest: &str) -> ocm_oci::Result<ocm_oci::Descriptor> {
    let missing = || ocm_oci::Error::not_found(format!("source {}@{digest}", source.address()));
    source.resolve(&selector(digest)).await?.ok_or_else(missing)
}

fn local_blob(digest: &Digest, media_type: &str) -> TypedObject {
    TypedObject::new("LocalBlob/v1").with("localReference", digest.to_string()).with("mediaType", media_type)
}

/// The descriptor with other places for its content, and everything else as it was.
fn relocated(descriptor: &Descriptor, accesses: HashMap<(ElementKind, usize), TypedObject>) -> Descriptor {
    let mut descriptor = descriptor.clone();
    for ((kind, position), access) in accesses {
        match kind {
            ElementKind::Resource => descriptor.component.resources[position].access = access,
            ElementKind::Source => descriptor.component.sources[position].access = access,
        }
    }
    descriptor
}
