//! Names of images that lead to some platforms of the same image.

use ocm_oci::copy::{self, DERIVED_FROM, platform_of};
use ocm_oci::{Document, ImageIndex};

use crate::content::Place;
use crate::work::{Job, Resolved};
use crate::{Error, Options, Result};

/// Looks closer at a name that an image is to get and that leads to something else. `None` if that is an image that has nothing
/// to do with it, or if that cannot be told.
///
/// # Errors
/// It is the same image with other platforms than those that are to be stored.
pub(crate) async fn judge(job: &Job, found: &Resolved, options: &Options) -> Option<Result<()>> {
    let (Some(tag), Some(there), Some(root)) = (&job.tag, &found.there, job.content.root()) else { return None };
    let Document::Index(index) = job.place.manifest(&there.digest.clone().into()).await.ok()?.document().ok()? else {
        return None;
    };
    let origin = index.annotations.as_ref()?.get(DERIVED_FROM)?;
    if *origin != root.digest.to_string() {
        return None;
    }
    if is_chosen(job, there, options).await {
        return Some(Ok(()));
    }
    let platforms = platforms(&index);
    let reason = format!(
        "is this image for {platforms} only ({}), stored by a transfer with --platform, and nothing is to be replaced; \
         --platform {platforms} takes it as it is",
        there.digest
    );
    Some(Err(Error::Element {
        element: job.subject(),
        version: job.owner.clone(),
        source: ocm_oci::Error::new(ocm_oci::Kind::Conflict, format!("target {}:{tag}", job.place.address()), reason),
    }))
}

/// Whether what is there is what would be stored: the platforms that were chosen.
async fn is_chosen(job: &Job, there: &ocm_oci::Descriptor, options: &Options) -> bool {
    let (Place::Stored(source, _), Some(root)) = (&job.content.place, job.content.root()) else { return false };
    if options.platforms.is_empty() {
        return false;
    }
    let Ok(index) = source.manifest(&root.digest.clone().into()).await else { return false };
    let derived = copy::derived(&index, &options.platforms);
    derived.is_ok_and(|derived| derived.is_some_and(|derived| *derived.digest() == there.digest))
}

/// The platforms of an index, as `--platform` takes them.
fn platforms(index: &ImageIndex) -> String {
    index.manifests.iter().filter_map(platform_of).collect::<Vec<_>>().join(",")
}
