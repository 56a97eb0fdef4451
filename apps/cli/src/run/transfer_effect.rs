//! Flags that a transfer has no use for: whoever wrote them expects something else than what happens.

use ocm::model::reference::RepositoryReference;
use ocm::ops::transfer::{CopyMode, Request, UploadAs};

use crate::args::{AccessStyle, ArtifactUpload, GlobalAccess, OnCollision, TransferOptions};

/// Names every flag that changes nothing in this transfer, and why.
pub(super) fn warn_of_flags_without_effect(request: &Request, options: &TransferOptions) {
    let kinds = || request.targets.iter().filter_map(|target| RepositoryReference::parse(target).ok());
    let has_registry = kinds().any(|target| matches!(target, RepositoryReference::Oci { .. }));
    let has_archive = kinds().any(|target| matches!(target, RepositoryReference::Ctf { .. }));
    let has_artifacts = request.upload_as == UploadAs::OciArtifact
        || !request.upload_rules.is_empty()
        || !request.image_references.is_empty();
    let names_images = has_artifacts && has_registry;
    let no_names = if has_registry {
        "--upload-as ociArtifact is missing"
    } else {
        "in an archive, images have no names of their own"
    };
    let no_registry = "no target is a registry";
    let is_upload = options.upload_as == Some(ArtifactUpload::OciArtifact);
    let flags = [
        (
            is_upload,
            "--upload-as ociArtifact",
            has_registry,
            "in an archive, images are inside of the component version",
        ),
        (options.upload_name.is_some(), "--upload-name", names_images, no_names),
        (
            options.on_collision != OnCollision::Error,
            "--on-collision",
            names_images || request.also_tag.is_some() && has_registry,
            no_names,
        ),
        (options.access_style != AccessStyle::Relative, "--access-style", names_images, no_names),
        (options.global_access != GlobalAccess::Never, "--global-access", has_registry, no_registry),
        (options.form.is_some(), "--type", has_archive, "no target is an archive"),
        (
            !options.omit_access_types.is_empty(),
            "--omit-access-types",
            request.copy != CopyMode::LocalBlob || request.copy_sources,
            "without --copy-resources, nothing that is stored elsewhere is copied",
        ),
    ];
    if is_upload && has_registry && request.copy == CopyMode::LocalBlob && !request.copy_sources {
        tracing::warn!(
            target: "ocm",
            "--upload-as ociArtifact gives names only to images under relative references: --copy-resources is missing"
        );
    }
    for (is_given, flag, has_effect, reason) in flags {
        if is_given && !has_effect {
            tracing::warn!(target: "ocm", "{flag} has no effect: {reason}");
        }
    }
}
