//! Whether content is what a descriptor records.

use std::sync::Arc;

use async_trait::async_trait;
use ocm_blob::{Blob, ByteStream, Digest, verified};
use ocm_model::DigestSpec;
use ocm_oci::{Error, Kind};
use ocm_repository::is_artifact_set;

use crate::{Content, Result, helm};

/// The digest that a descriptor records, as one of bytes. `None` where there is none, or where the content takes no part
/// in signing.
///
/// # Errors
/// [`Kind::Invalid`] if it is none that can be checked: content must never pass because its digest is not understood.
pub fn recorded(digest: Option<&DigestSpec>) -> Result<Option<Digest>> {
    let Some(spec) = digest.filter(|spec| !spec.is_excluded() && !spec.value.is_empty()) else { return Ok(None) };
    let shown = || format!("recorded digest {}:{}", spec.hash_algorithm, spec.value);
    let text = spec.oci_digest().ok_or_else(|| Error::invalid(shown(), "is none that can be checked"))?;
    text.parse().map(Some).map_err(|error| Error::invalid(shown(), error))
}

/// Content that is what a descriptor records, or fails while it is read.
///
/// A recorded digest is one of three: of the manifest of an image, of the bytes of a blob, or, for a chart that came as a
/// file and is stored as an OCI artifact, of the layer with the chart. Which one it is does not stand in the descriptor,
/// so an image may be either of its two. Images are compared now; a blob gives an error at its end if it differs. An
/// artifact set records the digest of its main artifact: open it, and check that.
///
/// # Errors
/// [`Kind::Invalid`] if an image has neither digest, or if the recorded one cannot be checked.
pub async fn check(content: Content, digest: Option<&DigestSpec>) -> Result<Content> {
    let Some(expected) = recorded(digest)? else { return Ok(content) };
    match content {
        Content::Blob { ref media_type, .. } if is_artifact_set(media_type) => Ok(content),
        Content::Blob { blob, media_type } => Ok(Content::Blob { blob: promised(blob, expected)?, media_type }),
        Content::Image { source, root } => {
            if root.digest == expected || helm::chart_layer(&source, &root).await? == Some(expected.clone()) {
                return Ok(Content::Image { source, root });
            }
            Err(mismatch(&expected, &root.digest))
        }
    }
}

fn mismatch(expected: &Digest, actual: &Digest) -> Error {
    let reason = format!("has digest {actual}, but the descriptor records {expected}");
    Error::new(Kind::Invalid, "the content", reason)
}

/// A blob that ends only if it has the digest.
fn promised(blob: Arc<dyn Blob>, expected: Digest) -> Result<Arc<dyn Blob>> {
    match blob.digest() {
        // What the place checks itself needs no second pass over the bytes.
        Some(digest) if digest == expected && blob.is_verified() => Ok(blob),
        Some(digest) if digest.algorithm() == expected.algorithm() && digest != expected => {
            Err(mismatch(&expected, &digest))
        }
        _ => Ok(Arc::new(Promised { blob, digest: expected })),
    }
}

/// A blob with the digest somebody recorded for it.
struct Promised {
    blob: Arc<dyn Blob>,
    digest: Digest,
}

#[async_trait]
impl Blob for Promised {
    fn size(&self) -> Option<u64> {
        self.blob.size()
    }

    fn digest(&self) -> Option<Digest> {
        Some(self.digest.clone())
    }

    fn is_verified(&self) -> bool {
        true
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        Ok(verified(self.blob.open().await?, self.blob.size(), Some(self.digest.clone())))
    }

    async fn open_unverified(&self) -> ocm_blob::Result<ByteStream> {
        self.blob.open_unverified().await
    }

    async fn open_at(&self, offset: u64) -> ocm_blob::Result<ByteStream> {
        if offset == 0 { self.open().await } else { self.blob.open_at(offset).await }
    }
}
