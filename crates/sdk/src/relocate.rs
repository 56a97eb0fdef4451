//! The addresses of a component version, written anew for the place it lies in now.

use std::sync::Arc;

use ocm_access::relocation::{Opened, expected, is_recognisable, rebase, recognise};
use ocm_blob::Digest;
use ocm_model::access::Access;
use ocm_model::{Descriptor, DigestSpec, RepositoryReference, TypedObject};
use ocm_oci::{ImageReference, Registry, Repository, Selector};
use ocm_repository::{ComponentRepository, ComponentVersion};

use crate::hazard::hazards;
use crate::ops::portability::plain;
use crate::ops::repair::{AccessStyle, Change, Left};
use crate::{Error, Kind, Result};

/// The type of an access without a host.
const RELATIVE: &str = "relativeOciReference";

/// A descriptor with other addresses, and what they were before.
pub(crate) struct Relocated {
    pub(crate) descriptor: Descriptor,
    pub(crate) changes: Vec<Change>,
    /// What should have been written anew and cannot.
    pub(crate) left: Vec<Left>,
}

/// Looks up where the images of a component version are now, and writes down accesses that lead there.
///
/// # Errors
/// The place cannot be asked. An image that is not there is no error: its access stays.
pub(crate) async fn relocate(
    version: &ComponentVersion,
    repository: &ComponentRepository,
    style: AccessStyle,
) -> Result<Relocated> {
    let opened = Opened::of(version);
    if style == AccessStyle::Absolute && opened.is_none() {
        return Err(Error::usage(format!(
            "{}: images in an archive have no address of their own",
            repository.address()
        ))
        .hint("use --access-style relative"));
    }
    let place = Place { version, registry: repository.registry().clone(), path: repository.sub_path(), opened, style };
    let mut relocated = Relocated { descriptor: version.descriptor.clone(), changes: Vec::new(), left: Vec::new() };
    for artifact in version.descriptor.component.artifacts() {
        let element = format!("{} {}", artifact.kind.noun(), artifact.identity());
        let access = place.access(&element, artifact.access, artifact.digest, &mut relocated).await?;
        if let Some(slot) = relocated.descriptor.component.access_mut(artifact.kind, artifact.position) {
            *slot = access;
        }
    }
    place.contexts(&mut relocated);
    Ok(relocated)
}

struct Place<'a> {
    version: &'a ComponentVersion,
    registry: Arc<dyn Registry>,
    /// Path of the component versions in the registry.
    path: &'a str,
    opened: Option<Opened>,
    style: AccessStyle,
}

/// Where an image is by what its access says.
enum Whereabouts {
    /// In this registry if anywhere, under one of these names.
    Here(Vec<String>),
    /// Somewhere else, as its author meant it.
    Elsewhere,
}

/// An image in this registry.
struct Found {
    repository: String,
    tag: Option<String>,
    digest: Digest,
}

impl Place<'_> {
    /// The access that takes the place of an element's.
    async fn access(
        &self,
        element: &str,
        access: &TypedObject,
        recorded: Option<&DigestSpec>,
        relocated: &mut Relocated,
    ) -> Result<TypedObject> {
        let left =
            |reason: String, address: &str| Left { element: element.to_owned(), address: address.to_owned(), reason };
        match Access::of(access) {
            Access::OciImage { image_reference } => {
                let Ok(reference) = image_reference.parse::<ImageReference>() else { return Ok(access.clone()) };
                let Whereabouts::Here(names) = self.whereabouts(&reference) else { return Ok(access.clone()) };
                match self.find(&names, &reference, recorded).await? {
                    Ok(found) => Ok(self.replace(element, "access", access, &image_reference, &found, relocated)),
                    Err(reason) => {
                        relocated.left.push(left(reason, &image_reference));
                        Ok(access.clone())
                    }
                }
            }
            Access::RelativeOci { reference: written } => {
                // A host in front makes it a reference; it is not asked.
                let Ok(reference) = format!("relative.invalid/{written}").parse::<ImageReference>() else {
                    relocated.left.push(left("is no reference".to_owned(), &written));
                    return Ok(access.clone());
                };
                let names = std::iter::once(reference.repository()).chain(self.below(&reference.repository()));
                match self.find(&names.collect::<Vec<_>>(), &reference, recorded).await? {
                    Ok(found) => Ok(self.replace(element, "access", access, &written, &found, relocated)),
                    Err(reason) => {
                        relocated.left.push(left(reason, &written));
                        Ok(access.clone())
                    }
                }
            }
            Access::OciLayer { reference: written, .. } => {
                if let Ok(reference) = written.parse::<ImageReference>()
                    && is_stale(&reference)
                {
                    let reason = "a single layer has no access without a host: transfer it with --copy-resources";
                    relocated.left.push(left(reason.to_owned(), &written));
                }
                Ok(access.clone())
            }
            Access::LocalBlob { global_access: Some(global), .. } => {
                self.global(element, access, &global, recorded, relocated).await
            }
            _ => Ok(access.clone()),
        }
    }

    /// Content that lies with the component version is found without its global access, which is dropped or put right.
    async fn global(
        &self,
        element: &str,
        access: &TypedObject,
        global: &TypedObject,
        recorded: Option<&DigestSpec>,
        relocated: &mut Relocated,
    ) -> Result<TypedObject> {
        let (Access::OciImage { image_reference: written } | Access::OciLayer { reference: written, .. }) =
            Access::of(global)
        else {
            return Ok(access.clone());
        };
        let Ok(reference) = written.parse::<ImageReference>() else { return Ok(access.clone()) };
        let Whereabouts::Here(names) = self.whereabouts(&reference) else { return Ok(access.clone()) };
        if self.version.local(access).await.is_err() {
            return Ok(access.clone());
        }
        let member = |name: &&String| name.eq_ignore_ascii_case("globalAccess");
        let Some(key) = access.members.keys().find(member).cloned() else { return Ok(access.clone()) };
        let mut replaced = access.clone();
        if self.style == AccessStyle::Absolute
            && let Ok(found) = self.find(&names, &reference, recorded).await?
        {
            let global = self.replace(element, "globalAccess", global, &written, &found, relocated);
            replaced.members.insert(key, serde_json::to_value(global).map_err(|e| Error::new(Kind::Other, e))?);
            return Ok(replaced);
        }
        // Removal must not bring the other members into another order.
        replaced.members.shift_remove(&key);
        relocated.changes.push(Change {
            element: element.to_owned(),
            member: "globalAccess".to_owned(),
            from: written,
            to: None,
        });
        Ok(replaced)
    }

    /// Whether an image was stored with the component version, or under an address that is nobody's elsewhere.
    fn whereabouts(&self, reference: &ImageReference) -> Whereabouts {
        let contexts = &self.version.descriptor.component.repository_contexts;
        let opened = self.opened.as_ref();
        let places = opened.map(|opened| rebase(reference, contexts, opened)).unwrap_or_default();
        let mut names: Vec<String> = places.iter().map(|place| place.reference.repository()).collect();
        let repository = reference.repository();
        if opened.zip(reference.endpoint().ok()).is_some_and(|(opened, endpoint)| opened.is_at(&endpoint)) {
            names.push(repository);
        } else if names.is_empty() && is_stale(reference) {
            names.push(repository.clone());
            names.extend(self.below(&repository));
        }
        if names.is_empty() { Whereabouts::Elsewhere } else { Whereabouts::Here(names) }
    }

    /// The names that an image may have below the component versions: whatever stood in front of them before is not known.
    fn below<'b>(&'b self, repository: &str) -> impl Iterator<Item = String> + use<'b> {
        let segments: Vec<String> = repository.split('/').map(str::to_owned).collect();
        (0..segments.len()).map(move |cut| {
            let rest = segments[cut..].join("/");
            if self.path.is_empty() { rest } else { format!("{}/{rest}", self.path) }
        })
    }

    /// The image under the first of some names that has it. The error inside is a reason for a person.
    async fn find(
        &self,
        names: &[String],
        reference: &ImageReference,
        recorded: Option<&DigestSpec>,
    ) -> Result<Result<Found, String>> {
        let tag = reference.tag().map(str::to_owned);
        let digest = expected(recorded, reference);
        let is_at_home =
            reference.endpoint().is_ok_and(|at| self.opened.as_ref().is_some_and(|opened| opened.is_at(&at)));
        let is_recognisable = is_recognisable(recorded, reference);
        // Without a digest another image of the same name could be taken for it, but not under its own address.
        if !(is_recognisable || is_at_home && recorded.is_none()) {
            return Ok(Err("has no digest by which it could be recognised".to_owned()));
        }
        let mut names = if is_recognisable { names.to_vec() } else { vec![reference.repository()] };
        names.dedup();
        for name in &names {
            let images: Arc<dyn Repository> = self.registry.repository(name);
            let found = if is_recognisable {
                recognise(&images, recorded, reference).await
            } else {
                images.resolve(&reference.selector()).await
            };
            let found = match found {
                // Registries do not tell whom they do not know from what they do not have.
                Err(error) if matches!(error.kind(), ocm_oci::Kind::NotFound | ocm_oci::Kind::Denied) => None,
                found => found?,
            };
            if let Some(found) = found {
                return Ok(Ok(Found { repository: name.clone(), tag, digest: found.digest }));
            }
        }
        let selector = digest.map_or_else(|| reference.selector(), Selector::Digest);
        let looked = names.join(", ");
        Ok(Err(format!("{selector} is not in {} under {looked}", self.registry.address())))
    }

    /// The access that leads to what was found; the same one if it already does.
    fn replace(
        &self,
        element: &str,
        member: &str,
        access: &TypedObject,
        written: &str,
        found: &Found,
        relocated: &mut Relocated,
    ) -> TypedObject {
        let tag = found.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        let relative = format!("{}{tag}@{}", found.repository, found.digest);
        let (kind, key, to) = match (self.style, &self.opened) {
            (AccessStyle::Absolute, Some(opened)) => {
                let endpoint = opened.endpoint().to_string();
                // Plain HTTP has to be said, TLS is what everybody expects.
                let host = endpoint.strip_prefix("https://").unwrap_or(&endpoint);
                ("ociArtifact", "imageReference", format!("{host}/{relative}"))
            }
            _ => (RELATIVE, "reference", relative),
        };
        if to == written {
            return access.clone();
        }
        let change = Change {
            element: element.to_owned(),
            member: member.to_owned(),
            from: written.to_owned(),
            to: Some(to.clone()),
        };
        relocated.changes.push(change);
        let is_image = matches!(Access::of(access), Access::OciImage { .. });
        let kind = if is_image && kind != RELATIVE { access.kind.as_str() } else { kind };
        TypedObject::new(kind).with(key, to)
    }

    /// Drops or replaces the addresses of registries through which nothing can be reached.
    fn contexts(&self, relocated: &mut Relocated) {
        let needed = relocated.left.clone();
        let mut contexts: Vec<TypedObject> = Vec::new();
        for (position, context) in self.version.descriptor.component.repository_contexts.iter().enumerate() {
            let kept = match RepositoryReference::from_spec(context) {
                Ok(place @ RepositoryReference::Oci { .. }) => {
                    let address = plain(&place);
                    let bare = |text: &str| text.split_once("://").map_or(text, |(_, rest)| rest).to_owned();
                    // What could not be found now may still be found by it later.
                    let is_needed = needed.iter().any(|left| bare(&left.address).starts_with(&bare(&address)));
                    let is_hazard = !hazards(&address).is_empty() && !is_needed;
                    let replacement = (self.style == AccessStyle::Absolute).then(|| self.context(context)).flatten();
                    if !is_hazard {
                        Some(context.clone())
                    } else if replacement.as_ref() == Some(context) {
                        replacement
                    } else {
                        let shown = replacement.as_ref().and_then(|spec| RepositoryReference::from_spec(spec).ok());
                        relocated.changes.push(Change {
                            element: format!("repository context {}", position + 1),
                            member: "repositoryContexts".to_owned(),
                            from: address,
                            to: shown.map(|place| plain(&place)),
                        });
                        replacement
                    }
                }
                _ => Some(context.clone()),
            };
            contexts.extend(kept.filter(|kept| !contexts.contains(kept)));
        }
        relocated.descriptor.component.repository_contexts = contexts;
    }

    /// A context of the same form with the opened address.
    fn context(&self, context: &TypedObject) -> Option<TypedObject> {
        let opened = self.opened.as_ref()?;
        let mut context = context.clone();
        context.members.insert("baseUrl".to_owned(), opened.endpoint().to_string().into());
        if opened.path().is_empty() {
            context.members.shift_remove("subPath");
        } else {
            context.members.insert("subPath".to_owned(), opened.path().into());
        }
        Some(context)
    }
}

/// Whether the host of an image means something else, or nothing, to most readers.
fn is_stale(reference: &ImageReference) -> bool {
    reference.written_host().is_some_and(|host| !hazards(host).is_empty())
}
