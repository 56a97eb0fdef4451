//! What a target has of a component version and a transfer does not bring: content, and labels of its own.

use std::collections::HashMap;

use ocm_model::access::Access;
use ocm_model::{Identity, TypedObject};
use ocm_oci::reference::Relative;
use ocm_oci::{ImageReference, Kind};
use ocm_repository::{ComponentVersion, LocalContent};

use crate::element::{access_of, set_access};
use crate::merged::with_labels_of;
use crate::part::Part;
use crate::settle::is_same;
use crate::work::Version;
use crate::{ElementAction, ElementKind, Options, Result, VersionAction};

/// Lets content stay in a target whose component version is brought up to date, by a new signature for instance, where the
/// transfer brings none: what the source refers to by an address may be out of reach from there. Labels of the target stay
/// unless it may be replaced. A version that comes to the very one that is there is present.
///
/// # Errors
/// The target cannot be read.
pub(crate) async fn keep(version: &mut Version, there: &ComponentVersion, options: &Options) -> Result<()> {
    let has_same_content = match version.action {
        Some(VersionAction::Update) => !version.is_there,
        Some(VersionAction::Replace) => version.difference.is_none(),
        _ => false,
    };
    if !has_same_content {
        return Ok(());
    }
    let part = Part::of(there);
    let known = there.descriptor.component.artifacts();
    let known: HashMap<_, _> = known.map(|artifact| ((artifact.kind, artifact.identity().0), artifact)).collect();
    let (mut keeps, mut keeps_content) = (false, false);
    if !options.existing.replaces()
        && let Some(merged) = with_labels_of(&there.descriptor, &version.new.descriptor)
    {
        version.new.descriptor = merged;
        keeps = true;
    }
    for (plan, job) in &mut version.elements {
        let is_left = job.is_none() && matches!(plan.action, ElementAction::Reference { .. });
        let Some(artifact) = known.get(&(plan.kind, plan.identity.clone())).filter(|_| is_left) else { continue };
        let (reference, reference_name, is_local) = match Access::of(artifact.access) {
            Access::LocalBlob { local_reference, reference_name, .. } => (local_reference, reference_name, true),
            Access::LocalOciBlob { digest } => (digest, None, true),
            Access::RelativeOci { reference } => (reference, None, false),
            Access::OciImage { image_reference } if is_beside(there, &image_reference) => {
                (image_reference, None, false)
            }
            _ => continue,
        };
        let Some(brought) = access_of(&version.new.descriptor, plan.kind, plan.position) else { continue };
        if brought == artifact.access {
            continue;
        }
        let (mut parts, mut stored) = (Vec::new(), pinned(artifact.access));
        if is_local {
            parts = match there.local(artifact.access).await {
                Ok(LocalContent::Manifest(one)) => {
                    stored = Some(one.digest.to_string());
                    vec![one]
                }
                Ok(LocalContent::Blob(one)) => vec![one],
                Ok(LocalContent::Parts(parts)) => parts,
                // It is not there, whatever the descriptor says.
                Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Invalid) => continue,
                Err(error) => return Err(error.on("target").into()),
            };
        }
        // Where the descriptor has no digest, only the accesses can tell that the image is another one now.
        let is_told = part.is_some() || artifact.digest.is_some_and(|digest| digest.oci_digest().is_some());
        if !is_told && pinned(brought).is_some_and(|brought| stored.is_some_and(|stored| stored != brought)) {
            continue;
        }
        version.new.content.extend(parts.into_iter().map(|part| (part.digest.clone(), part)));
        set_access(&mut version.new.descriptor, plan.kind, plan.position, artifact.access.clone());
        // An index that was made of some platforms has a digest of its own.
        if part.is_some()
            && plan.kind == ElementKind::Resource
            && let Some(resource) = version.new.descriptor.component.resources.get_mut(plan.position)
        {
            if resource.digest.as_ref() != artifact.digest {
                version.derived = Some(format!("{} {}", plan.kind.noun(), Identity(plan.identity.clone())));
            }
            resource.digest = artifact.digest.cloned();
        }
        plan.action = ElementAction::CopyLocal { reference, reference_name };
        keeps_content = true;
    }
    if !keeps && !keeps_content {
        return Ok(());
    }
    version.new.raw = None;
    if let Some(part) = part.filter(|_| keeps_content) {
        version.new.annotations = part.annotations();
    }
    let moves = version.elements.iter().any(|(_, job)| job.is_some());
    let is_update = version.action == Some(VersionAction::Update);
    if is_update && !moves && is_same(&version.new.descriptor, &there.descriptor) {
        version.action = Some(VersionAction::Present);
    }
    Ok(())
}

/// The digest in the reference of an image.
fn pinned(access: &TypedObject) -> Option<String> {
    let (Access::OciImage { image_reference: reference } | Access::RelativeOci { reference }) = Access::of(access)
    else {
        return None;
    };
    Relative::read(&reference).digest.map(str::to_owned)
}

/// Whether an image is in the registry that has the component version.
fn is_beside(there: &ComponentVersion, image: &str) -> bool {
    let Some(at) = there.content().location() else { return false };
    image.parse::<ImageReference>().is_ok_and(|reference| reference.host() == at.host())
}
