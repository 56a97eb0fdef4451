//! Where images were before a transfer, and where they are after it.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_access::relocation::{Opened, rebase};
use ocm_model::descriptor::{Artifact, ElementKind};
use ocm_model::digest::{OCI_ARTEFACT_DIGEST, OCI_ARTIFACT_DIGEST};
use ocm_model::reference::RepositoryReference;
use ocm_model::{Access, DigestSpec, TypedObject};
use ocm_oci::reference::Relative;
use ocm_oci::{ImageReference, Location};
use ocm_repository::{ComponentRepository, ComponentVersion, LocalContent, is_artifact_set};
use ocm_transfer::Prepared;
use schemars::JsonSchema;
use serde::Serialize;

use super::{CONCURRENCY, CarriedOut, Meant, References, Request, target_of, transfer, unless_stopped, unstarted};
use crate::{Context, Error, Result};

/// Images that a transfer was about.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Images {
    /// One for each target, component version and element, in this order; those that were there already, too.
    pub images: Vec<ImageMove>,
}

/// An image, where it was and where it is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageMove {
    /// Address of the repository of component versions that received it.
    pub target: String,
    /// Name of its component.
    pub component: String,
    /// Version of its component.
    pub version: String,
    /// Name of the resource that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Name of the source that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Version of the resource or source.
    pub element_version: String,
    /// Attributes that tell resources of one name apart.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(default)]
    pub extra_identity: BTreeMap<String, String>,
    /// Its type: `ociImage`, `helmChart`, any text.
    #[serde(rename = "type")]
    pub element_type: String,
    /// What the source's descriptor calls it.
    pub from: ImagePlace,
    /// Where everybody gets it now; nothing if the target has it in a form that is not pulled, such as a packed image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<ImagePlace>,
}

/// The place of an image, as a whole and in parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImagePlace {
    /// Host with port, without a scheme.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// Name of the repository in the registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Digest of the manifest or index, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// All of it in the words of image references.
    pub reference: String,
}

/// Does what [`super::carry_out`] does, and tells where each image was and is. There is no list if something failed.
///
/// # Errors
/// [`crate::Kind::Usage`], before anything is moved, if no target is a registry: nobody pulls images out of archives. If the
/// list cannot be made, everything was transferred all the same, as the report says.
pub async fn carry_out_with_images(context: &Context, request: &Request) -> CarriedOut {
    if let Err(error) = check_targets(request) {
        let report = unstarted(&request.targets, &[], &error);
        return CarriedOut { report, failure: Some(error), references: References::default(), images: None };
    }
    let (mut meant, mut prepared) = (Meant::default(), None);
    let (report, failure) = transfer(context, request, &mut meant, &mut prepared).await;
    let references = meant.references(request);
    let (None, Some(prepared)) = (&failure, prepared) else {
        return CarriedOut { report, failure, references, images: None };
    };
    let (failure, images) = match unless_stopped(context, images(context, &meant.versions, &prepared)).await {
        Ok(images) => (None, Some(images)),
        Err(error) => (Some(error.during("everything was transferred; looking up where images are now")), None),
    };
    CarriedOut { report, failure, references, images }
}

fn check_targets(request: &Request) -> Result<()> {
    for target in &request.targets {
        if matches!(target_of(target)?, RepositoryReference::Oci { .. }) {
            return Ok(());
        }
    }
    let error = format!("images get no address that can be pulled in {}", request.targets.join(", "));
    Err(Error::usage(error).hint("the places of images are told for targets that are registries"))
}

/// All images of these versions in all targets that are registries.
async fn images(context: &Context, versions: &[Arc<ComponentVersion>], prepared: &Prepared) -> Result<Images> {
    let registries = prepared.repositories().filter(|target| target.content("").location().is_some());
    let pairs: Vec<_> =
        registries.flat_map(|target| versions.iter().map(move |version| (target.clone(), version.clone()))).collect();
    let listed: Vec<Vec<ImageMove>> = stream::iter(pairs)
        .map(|(target, version)| async move { in_target(context, &version, &target).await })
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    Ok(Images { images: listed.into_iter().flatten().collect() })
}

/// The images of a version in a target, which has it by now: what it has is read, whoever wrote it.
async fn in_target(
    context: &Context,
    version: &ComponentVersion,
    target: &ComponentRepository,
) -> Result<Vec<ImageMove>> {
    let there = target.get(version.name(), version.version()).await?;
    let mut listed = Vec::new();
    for ours in version.descriptor.component.artifacts() {
        let mut all = there.descriptor.component.artifacts();
        let Some(theirs) = all.find(|theirs| (theirs.kind, theirs.position) == (ours.kind, ours.position)) else {
            continue;
        };
        let to = current(context, &theirs, &there).await?;
        if to.is_none() && !is_image(ours.access, version).await {
            continue;
        }
        let named = |kind| (ours.kind == kind).then(|| ours.name.to_owned());
        listed.push(ImageMove {
            target: target.address(),
            component: version.name().to_owned(),
            version: version.version().to_owned(),
            resource: named(ElementKind::Resource),
            source: named(ElementKind::Source),
            element_version: ours.version.to_owned(),
            extra_identity: ours.extra_identity.clone(),
            element_type: ours.element_type.to_owned(),
            from: former(&ours, version).await,
            to,
        });
    }
    Ok(listed)
}

/// Whether an access leads to an image, packed or not.
async fn is_image(access: &TypedObject, version: &ComponentVersion) -> bool {
    match Access::of(access) {
        Access::OciImage { .. } | Access::RelativeOci { .. } => true,
        Access::LocalBlob { media_type, .. } => is_artifact_set(&media_type) || stored(access, version).await.is_some(),
        _ => false,
    }
}

/// The digest of an image that is stored with its component version.
async fn stored(access: &TypedObject, version: &ComponentVersion) -> Option<String> {
    match version.local(access).await {
        Ok(LocalContent::Manifest(root)) => Some(root.digest.to_string()),
        _ => None,
    }
}

/// Where everybody gets an element of a version in a registry.
async fn current(context: &Context, element: &Artifact<'_>, there: &ComponentVersion) -> Result<Option<ImagePlace>> {
    match Access::of(element.access) {
        Access::LocalBlob { .. } | Access::LocalOciBlob { .. } => {
            let (Some(digest), Some(at)) = (stored(element.access, there).await, there.content().location()) else {
                return Ok(None);
            };
            Ok(Some(pullable(&at, None, &digest)))
        }
        Access::RelativeOci { reference } => found(context, element, there, tag(&Relative::read(&reference))).await,
        Access::OciImage { image_reference } => {
            let Ok(reference) = image_reference.parse::<ImageReference>() else {
                return Ok(Some(ImagePlace { reference: image_reference, ..ImagePlace::default() }));
            };
            let opened = Opened::of(there);
            let is_here = opened.is_some_and(|opened| {
                let contexts = &there.descriptor.component.repository_contexts;
                let is_at = reference.endpoint().is_ok_and(|endpoint| opened.is_at(&endpoint));
                is_at || !rebase(&reference, contexts, &opened).is_empty()
            });
            // Only the target is asked: an image that stays elsewhere may be out of reach, which is nobody's failure.
            if is_here && let Ok(Some(place)) = found(context, element, there, reference.tag().map(str::to_owned)).await
            {
                return Ok(Some(place));
            }
            // Whoever pulls knows no schemes.
            let text = image_reference.split_once("://").map_or(image_reference.as_str(), |(_, text)| text);
            Ok(Some(written(&reference, text.to_owned(), element.digest)))
        }
        _ => Ok(None),
    }
}

/// An image where it is found by the access of its element.
async fn found(
    context: &Context,
    element: &Artifact<'_>,
    there: &ComponentVersion,
    tag: Option<String>,
) -> Result<Option<ImagePlace>> {
    let content = ocm_access::open(element.access, there, context).await?;
    let Some(ocm_access::Content::Image { source, root }) = content else { return Ok(None) };
    Ok(source.location().map(|at| pullable(&at, tag, &root.digest.to_string())))
}

/// The place of an image in a repository.
fn pullable(at: &Location, tag: Option<String>, digest: &str) -> ImagePlace {
    let host = at.host();
    let name = format!("{host}/{}", at.repository);
    let tagged = tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
    ImagePlace {
        registry: Some(host.to_owned()),
        repository: Some(at.repository.clone()),
        tag,
        digest: Some(digest.to_owned()),
        reference: format!("{name}{tagged}@{digest}"),
    }
}

/// The place of an image by a reference and what is recorded of it.
fn written(reference: &ImageReference, text: String, recorded: Option<&DigestSpec>) -> ImagePlace {
    ImagePlace {
        registry: Some(reference.host().to_owned()),
        repository: Some(reference.repository()),
        tag: reference.tag().map(str::to_owned),
        digest: reference.digest().map(ToString::to_string).or_else(|| manifest_digest(recorded)),
        reference: text,
    }
}

/// The recorded digest of a manifest; one of bytes may be that of a chart.
fn manifest_digest(recorded: Option<&DigestSpec>) -> Option<String> {
    let is_manifest = |digest: &&DigestSpec| {
        [OCI_ARTIFACT_DIGEST, OCI_ARTEFACT_DIGEST].contains(&digest.normalisation_algorithm.as_str())
    };
    recorded.filter(is_manifest).and_then(DigestSpec::oci_digest)
}

/// What the source's descriptor calls an image.
async fn former(element: &Artifact<'_>, version: &ComponentVersion) -> ImagePlace {
    let access = Access::of(element.access);
    let digest = stored(element.access, version).await.or_else(|| manifest_digest(element.digest));
    match access {
        Access::OciImage { image_reference } => match image_reference.parse::<ImageReference>() {
            Ok(reference) => written(&reference, image_reference, element.digest),
            Err(_) => ImagePlace { digest, reference: image_reference, ..ImagePlace::default() },
        },
        Access::RelativeOci { reference } => local(reference, digest),
        Access::LocalBlob { reference_name: Some(name), .. } => local(name, digest),
        Access::LocalBlob { local_reference: reference, .. } | Access::LocalOciBlob { digest: reference } => {
            ImagePlace { digest, reference, ..ImagePlace::default() }
        }
        read => {
            let reference = ocm_http::without_users(&ocm_transfer::origin(element.access, &read));
            ImagePlace { reference, ..ImagePlace::default() }
        }
    }
}

/// The place that a reference without a host means, wherever it is looked for.
fn local(reference: String, digest: Option<String>) -> ImagePlace {
    let read = Relative::read(&reference);
    ImagePlace {
        registry: None,
        repository: Some(read.repository.to_owned()),
        digest: read.digest.map(str::to_owned).or(digest),
        tag: tag(&read),
        reference,
    }
}

fn tag(reference: &Relative<'_>) -> Option<String> {
    reference.tag.filter(|tag| !tag.is_empty()).map(str::to_owned)
}
