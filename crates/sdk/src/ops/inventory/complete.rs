use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use ocm_blob::Digest;
use ocm_oci::{Kind as PlaceKind, Repository};
use ocm_repository::{Archive, Base, ComponentRepository, ComponentVersion};

use crate::presence::lost_and_left_out;
use crate::{Context, Error, Kind, Result};

/// Most digests that an error lists.
const SHOWN: usize = 5;

/// The differential archive that a repository belongs to; `None` if it is no such archive.
pub(crate) fn archive_of(context: &Context, repository: &dyn Repository) -> Option<Archive> {
    let address = repository.address();
    context.differential().into_iter().find(|archive| {
        let path = archive.path().display().to_string();
        address.strip_prefix(&path).is_some_and(|rest| rest.starts_with("//"))
    })
}

/// What to know about something that is not in the archives that were read: differential ones do not have everything.
pub(crate) fn left_to_base(context: &Context) -> Option<String> {
    let archives: BTreeMap<_, _> = context
        .differential()
        .into_iter()
        .map(|archive| (archive.path().display().to_string(), archive.left_out().shown()))
        .collect();
    let notes = archives.iter().map(|(path, base)| {
        format!("{path} is a differential archive (--since), so that what its base {base} has is not in it")
    });
    (!archives.is_empty()).then(|| notes.collect::<Vec<_>>().join("; "))
}

/// Makes sure that a target has what differential archives leave to their base: in the repository where it is needed, or in
/// another one that it is taken over from.
///
/// # Errors
/// [`Kind::NotFound`] with the base and everything that is missing.
pub(crate) async fn complete(
    context: &Context,
    versions: &[Arc<ComponentVersion>],
    target: &ComponentRepository,
) -> Result<()> {
    for version in versions {
        let source = version.content();
        let Some(archive) = archive_of(context, source.as_ref()) else { continue };
        let left_out = archive.left_out();
        let wanted = wanted(&source, version, &left_out).await?;
        let content = target.content(version.name());
        let mut missing = Vec::new();
        for digest in &wanted {
            if !has(&content, digest, &left_out, target).await? {
                missing.push(digest);
            }
        }
        if !missing.is_empty() {
            let count = missing.len();
            let shown: Vec<_> = missing.iter().take(SHOWN).map(ToString::to_string).collect();
            let more = if count > SHOWN { format!(" and {} more", count - SHOWN) } else { String::new() };
            let base = left_out.shown();
            return Err(Error::new(
                Kind::NotFound,
                format!(
                    "target {}: lacks {count} blob(s) or manifest(s) of {version} that the differential archive {} leaves \
                     to its base {base}: {}{more}",
                    target.address(),
                    archive.path().display(),
                    shown.join(", ")
                ),
            )
            .hint(format!("transfer {base} to this target first, or get an archive that was made without --since")));
        }
    }
    Ok(())
}

/// What a component version needs and the archive has left out.
async fn wanted(source: &Arc<dyn Repository>, version: &ComponentVersion, left_out: &Base) -> Result<BTreeSet<Digest>> {
    let mut wanted = BTreeSet::new();
    let mut seen = HashSet::new();
    let mut open = vec![version.root.clone()];
    while let Some(manifest) = open.pop() {
        let document = manifest.document()?;
        for part in document.blobs().into_iter().chain(document.manifests()) {
            if left_out.content.contains_key(&part.digest) {
                wanted.insert(part.digest.clone());
            }
        }
        let mut missing = Vec::new();
        for child in document.manifests() {
            if left_out.content.contains_key(&child.digest) || !seen.insert(child.digest.clone()) {
                continue;
            }
            match source.manifest(&child.digest.clone().into()).await {
                Ok(manifest) => open.push(manifest),
                Err(error) if error.kind() == PlaceKind::NotFound && child.may_be_elsewhere() => {}
                Err(error) if error.kind() == PlaceKind::NotFound => missing.push(child.clone()),
                Err(error) => return Err(error.into()),
            }
        }
        let (lost, _) = lost_and_left_out(version, source, manifest.digest(), &missing).await;
        if let Some(lost) = lost.first() {
            // The error of the place itself names it.
            source.manifest(&lost.digest.clone().into()).await?;
        }
    }
    Ok(wanted)
}

async fn has(
    content: &Arc<dyn Repository>,
    digest: &Digest,
    left_out: &Base,
    target: &ComponentRepository,
) -> Result<bool> {
    let Some(known) = left_out.content.get(digest) else { return Ok(true) };
    if known.media_type.is_some() {
        return Ok(content.resolve(&digest.clone().into()).await?.is_some());
    }
    if content.blob_size(digest).await?.is_some() {
        return Ok(true);
    }
    for component in &known.components {
        let other = target.content(component);
        let from = other.location().map_or_else(|| component.clone(), |at| at.repository);
        if other.address() != content.address()
            && other.blob_size(digest).await?.is_some()
            && content.mount(digest, &from).await?
        {
            return Ok(true);
        }
    }
    Ok(false)
}
