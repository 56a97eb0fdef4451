use std::collections::HashMap;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_access::RegistrySource;
use ocm_model::access::Access;
use ocm_model::{Descriptor, DigestSpec, TypedObject};
use ocm_oci::{ImageReference, Selector, media_type};
use ocm_repository::{ComponentRepository, ComponentVersion};

use crate::execute::{image_name, image_repository};
use crate::{
    Difference, ElementAction, ElementKind, ElementPlan, Error, Existing, Options, Plan, Result, UploadAs,
    VersionAction, VersionPlan, compare,
};

/// A plan together with what it speaks of.
pub struct Prepared {
    /// The plan.
    pub plan: Plan,
    /// The component versions, in the order of the plan.
    pub versions: Vec<Arc<ComponentVersion>>,
}

/// Decides what has to happen so that `target` has all `versions`. Nothing is written.
///
/// # Errors
/// The target has something else under one of the names ([`Error::Exists`]), an image that has to be carried cannot be
/// found or is not the recorded one, two images would get the same name.
pub async fn prepare(
    versions: Vec<Arc<ComponentVersion>>,
    target: &ComponentRepository,
    images: &dyn RegistrySource,
    options: &Options,
) -> Result<Prepared> {
    let planned: Vec<VersionPlan> = stream::iter(&versions)
        .map(|version| plan_version(version, target, images, options))
        .buffered(options.concurrency.max(1) * 4)
        .try_collect()
        .await?;
    check_names(&planned)?;
    check_tags(&planned, target, options).await?;
    Ok(Prepared { plan: Plan { target: target.address(), versions: planned }, versions })
}

async fn plan_version(
    version: &ComponentVersion,
    target: &ComponentRepository,
    images: &dyn RegistrySource,
    options: &Options,
) -> Result<VersionPlan> {
    let component = &version.descriptor.component;
    let (action, difference) = match target.root(&component.name, &component.version).await.map_err(at_target)? {
        None => (VersionAction::Transfer, None),
        // The very same bytes need no second look.
        Some(root) if root.digest == *version.root.digest() => (VersionAction::Present, None),
        Some(_) => version_action(&version.descriptor, target, options).await?,
    };
    let mut elements = Vec::new();
    if !matches!(action, VersionAction::Keep) {
        let resources = component.resources.iter().enumerate().map(|(position, resource)| Element {
            kind: ElementKind::Resource,
            position,
            identity: resource.identity().0,
            element_type: &resource.kind,
            version: resource.version.as_str(),
            local: resource.relation == "local",
            access: &resource.access,
            digest: resource.digest.as_ref(),
        });
        let sources = component.sources.iter().enumerate().map(|(position, source)| Element {
            kind: ElementKind::Source,
            position,
            identity: source.identity().0,
            element_type: &source.kind,
            version: source.version.as_str(),
            local: true,
            access: &source.access,
            digest: None,
        });
        for element in resources.chain(sources) {
            let action = plan_element(&element, version, target, images, options).await?;
            elements.push(ElementPlan {
                kind: element.kind,
                position: element.position,
                identity: element.identity,
                element_type: element.element_type.to_owned(),
                action,
            });
        }
    }
    let mut plan = VersionPlan {
        component: component.name.clone(),
        version: component.version.clone(),
        source: version.content().address(),
        action,
        difference,
        elements,
    };
    if plan.action == VersionAction::Present {
        settle_present(&mut plan, target).await?;
    }
    Ok(plan)
}

fn at_target(error: ocm_oci::Error) -> ocm_oci::Error {
    error.on("target")
}

/// A version that the target has needs nothing, unless content was asked for that the target only refers to.
async fn settle_present(plan: &mut VersionPlan, target: &ComponentRepository) -> Result<()> {
    let wants_content = plan
        .elements
        .iter()
        .any(|element| !matches!(element.action, ElementAction::Reference { .. } | ElementAction::CopyLocal { .. }));
    if wants_content {
        let there = target.get(&plan.component, &plan.version).await.map_err(at_target)?;
        let component = &there.descriptor.component;
        let refers = |element: &ElementPlan| {
            let access = match element.kind {
                ElementKind::Resource => component.resources.get(element.position).map(|resource| &resource.access),
                ElementKind::Source => component.sources.get(element.position).map(|source| &source.access),
            };
            let carried = match &element.action {
                ElementAction::EmbedImage { .. } | ElementAction::EmbedBlob { .. } => {
                    access.is_some_and(|access| matches!(Access::of(access), Access::LocalBlob { .. }))
                }
                ElementAction::UploadImage { repository, .. } => {
                    let name = image_name(&image_repository(target, repository));
                    let written = access.and_then(|access| access.text("imageReference"));
                    let rest = written.and_then(|text| text.strip_prefix(&name));
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '@']))
                }
                ElementAction::CopyLocal { .. } | ElementAction::Reference { .. } => true,
            };
            !carried
        };
        if plan.elements.iter().any(refers) {
            plan.action = VersionAction::Update;
            return Ok(());
        }
    }
    plan.elements.clear();
    Ok(())
}

/// What happens to a component version as a whole, and how the one of the target differs if it is another one.
pub(crate) async fn version_action(
    descriptor: &Descriptor,
    target: &ComponentRepository,
    options: &Options,
) -> Result<(VersionAction, Option<String>)> {
    let component = &descriptor.component;
    let there = match target.get(&component.name, &component.version).await {
        Ok(there) => there,
        Err(error) if error.kind() == ocm_oci::Kind::NotFound => return Ok((VersionAction::Transfer, None)),
        Err(error) => return Err(at_target(error).into()),
    };
    let difference = match compare(descriptor, &there.descriptor) {
        Difference::None => return Ok((VersionAction::Present, None)),
        Difference::Extended if options.existing == Existing::Skip => return Ok((VersionAction::Keep, None)),
        Difference::Extended => return Ok((VersionAction::Update, None)),
        Difference::Diverged { signatures } => {
            format!("it carries signatures that the source lacks ({})", signatures.join(", "))
        }
        Difference::Content { what } => what,
    };
    match options.existing {
        Existing::Overwrite => Ok((VersionAction::Replace, Some(difference))),
        Existing::Skip => Ok((VersionAction::Keep, Some(difference))),
        Existing::Fail => Err(Error::Exists {
            component: component.name.clone(),
            version: component.version.clone(),
            target: target.address(),
            difference,
        }),
    }
}

struct Element<'a> {
    kind: ElementKind,
    position: usize,
    identity: std::collections::BTreeMap<String, String>,
    element_type: &'a str,
    version: &'a str,
    local: bool,
    access: &'a TypedObject,
    digest: Option<&'a DigestSpec>,
}

impl Element<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.kind.noun(), self.identity.get("name").map_or("", String::as_str))
    }
}

async fn plan_element(
    element: &Element<'_>,
    version: &ComponentVersion,
    target: &ComponentRepository,
    images: &dyn RegistrySource,
    options: &Options,
) -> Result<ElementAction> {
    let stays = |reason: &str| Ok(ElementAction::Reference { reason: reason.to_owned() });
    let omitted = options.omits(element.access);
    let wanted = options.moves(element.kind, element.local);
    let at =
        |error: ocm_oci::Error| Error::Element { element: element.name(), version: name_of(version), source: error };
    match Access::of(element.access) {
        Access::None => stays("there is no content"),
        Access::LocalOciBlob { digest } => Ok(ElementAction::CopyLocal { reference: digest, reference_name: None }),
        Access::LocalBlob { local_reference, media_type, reference_name, .. } => {
            if let (UploadAs::OciArtifact, Some(name)) = (options.upload_as, &reference_name)
                && wanted
                && !omitted
                && element.kind == ElementKind::Resource
                && media_type::is_manifest(&media_type)
                && is_remote(target)
            {
                let (repository, tag) = split_name(name, element.version);
                return Ok(ElementAction::UploadImage {
                    reference: local_reference.clone(),
                    digest: local_reference,
                    repository,
                    tag,
                });
            }
            Ok(ElementAction::CopyLocal { reference: local_reference, reference_name })
        }
        Access::OciImage { image_reference } if wanted && !omitted => {
            let reference: ImageReference = image_reference.parse().map_err(at)?;
            let repository = images.repository(&reference).await.map_err(at)?;
            let selector = reference.selector();
            let found = repository
                .resolve(&selector)
                .await
                .map_err(at)?
                .ok_or_else(|| at(ocm_oci::Error::not_found(format!("source image {image_reference}"))))?;
            if let Some(expected) = recorded(element.digest)
                && expected != found.digest.hex()
            {
                return Err(Error::Moved {
                    element: element.name(),
                    version: name_of(version),
                    reference: image_reference,
                    expected: expected.to_owned(),
                    actual: found.digest.hex(),
                });
            }
            let reference_name = reference.reference_name();
            if options.upload_as == UploadAs::OciArtifact && is_remote(target) && element.kind == ElementKind::Resource
            {
                let (repository, tag) = split_name(&reference_name, "");
                return Ok(ElementAction::UploadImage {
                    reference: image_reference,
                    digest: found.digest.to_string(),
                    repository,
                    tag,
                });
            }
            Ok(ElementAction::EmbedImage {
                reference: image_reference,
                digest: found.digest.to_string(),
                media_type: found.media_type,
                reference_name,
            })
        }
        Access::OciLayer { reference, media_type, digest, size } if wanted && !omitted => {
            Ok(ElementAction::EmbedBlob {
                reference,
                digest,
                media_type: media_type.unwrap_or_else(|| media_type::OCTETS.to_owned()),
                bytes: size,
            })
        }
        _ if omitted => stays("its access type is to be left out"),
        _ if element.kind == ElementKind::Source && !wanted => stays("content of sources was not asked for"),
        _ if !wanted => stays("content of resources was not asked for"),
        _ => stays(&format!("access type {} cannot be copied", element.access.kind)),
    }
}

/// The recorded digest of an element, if it is one that says something about its content.
fn recorded(digest: Option<&DigestSpec>) -> Option<&str> {
    let digest = digest.filter(|digest| !digest.is_excluded() && !digest.value.is_empty())?;
    Some(digest.value.as_str())
}

/// `path/name:tag` as repository and tag; without a tag the fallback, if there is one.
fn split_name(name: &str, fallback: &str) -> (String, Option<String>) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository.to_owned(), Some(tag.to_owned())),
        _ => (name.to_owned(), (!fallback.is_empty()).then(|| ocm_model::version::to_tag(fallback))),
    }
}

fn name_of(version: &ComponentVersion) -> String {
    format!("{}:{}", version.descriptor.component.name, version.descriptor.component.version)
}

/// Images of different registries may have the same path and tag; the later one must not take the name of the first.
fn check_names(plans: &[VersionPlan]) -> Result<()> {
    let mut names: HashMap<(&str, &str), (&str, &str)> = HashMap::new();
    for element in plans.iter().flat_map(|plan| &plan.elements) {
        let ElementAction::UploadImage { reference, digest, repository, tag: Some(tag) } = &element.action else {
            continue;
        };
        if let Some((first, other)) = names.insert((repository, tag), (reference, digest))
            && other != digest
        {
            return Err(Error::SameName {
                name: format!("{repository}:{tag}"),
                first: first.to_owned(),
                second: reference.clone(),
            });
        }
    }
    Ok(())
}

/// Whether images in the target have an address of their own.
fn is_remote(target: &ComponentRepository) -> bool {
    target.content("").location().is_some()
}

/// Somebody else's image may already have the name that one of ours would get; its users must not get another one.
async fn check_tags(plans: &[VersionPlan], target: &ComponentRepository, options: &Options) -> Result<()> {
    for plan in plans {
        for element in &plan.elements {
            let ElementAction::UploadImage { digest, repository, tag: Some(tag), .. } = &element.action else {
                continue;
            };
            let images = image_repository(target, repository);
            let there = images.resolve(&Selector::Tag(tag.clone())).await?;
            if options.existing != Existing::Overwrite
                && let Some(there) = there.filter(|there| there.digest.to_string() != *digest)
            {
                let reason = format!("is another image ({}), and nothing is to be replaced", there.digest);
                let subject = format!("target {}:{tag}", images.address());
                return Err(Error::Element {
                    element: format!(
                        "{} {}",
                        element.kind.noun(),
                        element.identity.get("name").map_or("", String::as_str)
                    ),
                    version: format!("{}:{}", plan.component, plan.version),
                    source: ocm_oci::Error::new(ocm_oci::Kind::Conflict, subject, reason),
                });
            }
        }
    }
    Ok(())
}

/// How a plan's digest text selects its manifest.
pub(crate) fn selector(digest: &str) -> Selector {
    Selector::parse(digest)
}
