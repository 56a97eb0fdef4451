use std::fmt;
use std::sync::Arc;

use ocm_blob::Digest;
use ocm_model::DigestSpec;
use ocm_model::digest::GENERIC_BLOB_DIGEST;
use ocm_oci::{Descriptor, Error, ImageReference, Repository, Selector};
use ocm_repository::ComponentVersion;

use super::{Opened, Rebased, Rebasing, rebase};
use crate::check::recorded;
use crate::{Result, Sources, helm};

/// An image that was found.
#[derive(Clone)]
pub struct Located {
    /// The repository it is in.
    pub source: Arc<dyn Repository>,
    /// Its manifest or index.
    pub root: Descriptor,
    /// The reference it was found by: the recorded one, or the one in [`Self::rebased`].
    pub reference: ImageReference,
    /// How it was found, if not under its recorded address.
    pub rebased: Option<Rebased>,
}

/// Looks up an image that `version` refers to.
///
/// An image that lies below an address its component version was stored through is looked for under the address through
/// which that was opened, first and only by its digest: the recorded address may be nobody's here, or somebody else's. Where
/// it is not there, or no digest is known, the recorded address is asked.
///
/// # Errors
/// The image is in neither place; the message tells why it may be elsewhere.
pub async fn locate(
    image_reference: &str,
    recorded: Option<&DigestSpec>,
    version: &ComponentVersion,
    images: &dyn Sources,
) -> Result<Located> {
    let reference: ImageReference = image_reference.parse()?;
    let stale = Stale::of(&reference, version);
    let mut tried = None;
    if let Some(stale) = &stale {
        match (images.rebasing(), is_recognisable(recorded, &reference)) {
            (Rebasing::Off, _) => tried = Some(Tried::Off),
            (Rebasing::On, false) if recorded.is_some() && reference.digest().is_some() => {
                tried = Some(Tried::TwoDigests);
            }
            (Rebasing::On, false) => tried = Some(Tried::NoDigest),
            (Rebasing::On, true) => {
                for place in &stale.places {
                    let source = images.repository(&place.reference).await?;
                    match recognise(&source, recorded, &reference).await {
                        Ok(Some(root)) => {
                            images.rebased(place);
                            let reference = place.reference.clone().with_digest(root.digest.clone());
                            return Ok(Located { source, root, reference, rebased: Some(place.clone()) });
                        }
                        Ok(None) => _ = tried.get_or_insert(Tried::NotThere),
                        // Registries do not tell whom they do not know from what they do not have.
                        Err(error) => _ = tried.get_or_insert(Tried::Failed(error)),
                    }
                }
            }
        }
    }
    let found = async {
        let source = images.repository(&reference).await?;
        let root = source.resolve(&reference.selector()).await?;
        let root = root.ok_or_else(|| Error::not_found(format!("image {image_reference}")))?;
        Ok((source, root))
    };
    match found.await {
        Ok((source, root)) => Ok(Located { source, root, reference, rebased: None }),
        Err(error) => Err(explained(error, stale, tried)),
    }
}

/// Looks up a layer that `version` refers to; [`locate`] for blobs.
pub(crate) async fn locate_layer(
    reference: &ImageReference,
    digest: &Digest,
    version: &ComponentVersion,
    images: &dyn Sources,
) -> Result<(Arc<dyn Repository>, u64)> {
    let stale = Stale::of(reference, version);
    let mut tried = None;
    if let Some(stale) = &stale {
        tried = Some(Tried::Off);
        if images.rebasing() == Rebasing::On {
            tried = None;
            for place in &stale.places {
                let source = images.repository(&place.reference).await?;
                match source.blob_size(digest).await {
                    Ok(Some(size)) => {
                        images.rebased(place);
                        return Ok((source, size));
                    }
                    Ok(None) => _ = tried.get_or_insert(Tried::NotThere),
                    Err(error) => _ = tried.get_or_insert(Tried::Failed(error)),
                }
            }
        }
    }
    let found = async {
        let source = images.repository(reference).await?;
        let size = source.blob_size(digest).await?;
        Ok((source, size.ok_or_else(|| Error::not_found(format!("blob {digest} of {reference}")))?))
    };
    found.await.map_err(|error| explained(error, stale, tried))
}

/// The digest by which an image can be recognised wherever it is: the recorded one, else the one of its reference.
pub fn expected(recorded: Option<&DigestSpec>, reference: &ImageReference) -> Option<Digest> {
    match recorded.filter(|recorded| !recorded.is_excluded() && !recorded.value.is_empty()) {
        // Two that disagree are for whoever compares them; nothing else is looked for.
        Some(recorded) => {
            let digest: Digest = recorded.oci_digest()?.parse().ok()?;
            reference.digest().is_none_or(|written| *written == digest).then_some(digest)
        }
        None => reference.digest().cloned(),
    }
}

/// Whether enough is recorded to know an image again wherever it is.
pub fn is_recognisable(recorded: Option<&DigestSpec>, reference: &ImageReference) -> bool {
    expected(recorded, reference).is_some() || of_bytes(recorded).is_some()
}

/// Looks for an image by what is recorded of it: by its digest or, where that is the one of a chart that came as a file, by the
/// tag or digest of its reference and the chart in what is found. `None` if it is not there.
///
/// # Errors
/// The repository cannot be asked.
pub async fn recognise(
    source: &Arc<dyn Repository>,
    recorded: Option<&DigestSpec>,
    reference: &ImageReference,
) -> Result<Option<Descriptor>> {
    if let Some(bytes) = of_bytes(recorded)
        && let Some(root) = source.resolve(&reference.selector()).await?
        && (root.digest == bytes || helm::chart_layer(source, &root).await? == Some(bytes))
    {
        return Ok(Some(root));
    }
    let Some(digest) = expected(recorded, reference) else { return Ok(None) };
    let found = source.resolve(&Selector::Digest(digest.clone())).await?;
    Ok(found.filter(|root| root.digest == digest))
}

/// The recorded digest if it is one of bytes, which a chart may be.
fn of_bytes(digest: Option<&DigestSpec>) -> Option<Digest> {
    let digest = digest.filter(|digest| digest.normalisation_algorithm == GENERIC_BLOB_DIGEST);
    recorded(digest).ok().flatten()
}

/// An image below an address that its component version is no longer read through.
struct Stale {
    /// Where it may be now; at least one.
    places: Vec<Rebased>,
    /// How to name the component version in a command.
    version: String,
}

/// Why the image was not found under the opened address.
enum Tried {
    Off,
    NoDigest,
    TwoDigests,
    NotThere,
    Failed(Error),
}

impl Stale {
    fn of(reference: &ImageReference, version: &ComponentVersion) -> Option<Self> {
        let opened = Opened::of(version)?;
        let places = rebase(reference, &version.descriptor.component.repository_contexts, &opened);
        (!places.is_empty()).then(|| Self { places, version: format!("{opened}//{version}") })
    }

    /// Says why the recorded address may be of no use, and what helps.
    fn explain(&self, error: Error, tried: &Tried) -> Error {
        let Some(Rebased { from, to, .. }) = self.places.first() else { return error };
        let mut reason = format!(
            "{}; it is recorded under {from}, where its component version was stored, but that was opened at {to}: {tried}",
            error.reason(),
        );
        if !matches!(tried, Tried::NoDigest | Tried::TwoDigests) {
            reason = format!("{reason}ocm repair cv {} writes its address anew", self.version);
        }
        Error::new(error.kind(), error.subject(), reason).caused_by(error)
    }
}

fn explained(error: Error, stale: Option<Stale>, tried: Option<Tried>) -> Error {
    match stale.zip(tried) {
        Some((stale, tried)) => stale.explain(error, &tried),
        None => error,
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("without --no-rebase it is looked for there as well, and "),
            Self::NoDigest => f.write_str(
                "it is not looked for there, because neither the resource nor the reference has a digest to recognise it by: \
                 transfer the component version again with --copy-resources",
            ),
            Self::TwoDigests => f.write_str(
                "it is not looked for there, because the resource and the reference have different digests to recognise it by",
            ),
            Self::NotThere => f.write_str("it is not there either; once it is, "),
            Self::Failed(error) => write!(f, "there, it cannot be found either ({error}); once it is there, "),
        }
    }
}
