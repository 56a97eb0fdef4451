//! Who compares content with its digest on its way into a registry: this side, or the registry.
//!
//! A registry has to do it anyway (distribution specification, *Pushing blobs*), and one pass of SHA-256 is what limits the
//! speed of an upload. So large content is not hashed here as well, once the registry was seen to refuse a wrong digest.

use bytes::Bytes;
use ocm_blob::{Algorithm, Blob, Digest};
use ocm_http::{Body, HeaderValue, Method, Request, header};

use super::RemoteRepository;
use super::failure::Refusal;
use crate::{Repository as _, Result, media_type};

/// Bytes from which on a blob is worth the three requests that find out what the registry does.
const LARGE: u64 = 16 << 20;

/// What the attempt sends, and the content whose digest it gives instead.
const SENT: &[u8] = b"ocm asks whether digests are checked";
const ANNOUNCED: &[u8] = b"ocm announces the digest of something else";

/// Who checks the digest of what is being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// Every byte is hashed before the last one is sent.
    Here,
    /// The registry, which was seen to refuse what is wrong.
    There,
}

impl RemoteRepository {
    /// Who is to check this content. What the registry has of it from another process would have to be read again, and
    /// perhaps come over the network again, to be hashed here.
    pub(super) async fn check(&self, content: &dyn Blob, digest: Option<&Digest>, resumed: bool) -> Check {
        let worth = resumed || content.size().is_some_and(|size| size >= LARGE);
        // The attempt is made, and so proves something, with SHA-256.
        if worth
            && digest.is_some_and(|digest| digest.algorithm() == Algorithm::Sha256)
            && self.registry_checks_digests().await
        {
            Check::There
        } else {
            Check::Here
        }
    }

    /// Whether the registry refuses content with a wrong digest: asked once, with three requests.
    async fn registry_checks_digests(&self) -> bool {
        let checks = || async {
            let checks = self.is_wrong_digest_refused().await.unwrap_or(false);
            tracing::debug!(registry = self.subject(), checks, "asked whether the registry checks digests");
            checks
        };
        *self.connection().known.checks_digests.get_or_init(checks).await
    }

    /// Sends a few bytes under a digest that is not theirs. Anything but the refusal the specification has for that, a
    /// failure too, proves nothing. Nothing of the attempt stays, as far as the registry lets its traces be removed.
    async fn is_wrong_digest_refused(&self) -> Result<bool> {
        let session = self.begin().await?;
        let announced = Digest::of(ANNOUNCED);
        let request = Request::new(Method::PUT, session.closing(&announced))
            .header(header::CONTENT_TYPE, HeaderValue::from_static(media_type::OCTETS))
            .body(Body::Bytes(Bytes::from_static(SENT)))
            .once();
        let answered = self.send(request, &self.push_scope()).await;
        if answered.as_ref().is_ok_and(|response| response.status().is_success()) {
            // It holds something wrong now, under a digest that is only asked for here; not every registry removes blobs.
            let _ = self.delete_blob(&announced).await;
            session.open.ended();
        }
        Ok(Refusal::read(self.subject(), answered?).await.digest_invalid)
    }
}
