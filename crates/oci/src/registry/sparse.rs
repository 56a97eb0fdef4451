//! Indexes some of whose manifests stay away on purpose.

use ocm_http::{Body, HeaderValue, Method, header};

use super::RemoteRepository;
use super::failure::failure;
use super::manifests::SUBJECT;
use crate::{Error, Kind, Manifest, Result, Selector};

impl RemoteRepository {
    /// Stores an index that lists manifests which are not there. Registries are free to take that or not (distribution
    /// specification, *Pushing Manifests*), so a refusal is an answer and is not followed by further attempts.
    pub(super) async fn put_sparse(&self, index: &Manifest, tag: Option<&str>) -> Result<()> {
        let selector = match tag {
            Some(tag) => Selector::Tag(tag.to_owned()),
            None => Selector::Digest(index.digest().clone()),
        };
        let subject = self.manifest_subject(&selector);
        let media_type = HeaderValue::from_str(index.media_type());
        let request = self
            .request(Method::PUT, &format!("manifests/{selector}"))?
            .header(
                header::CONTENT_TYPE,
                media_type.map_err(|_| Error::invalid(&subject, "its media type is not valid"))?,
            )
            .body(Body::Bytes(index.bytes().clone()));
        let response = self.send(request, &self.push_scope()).await?;
        if !response.status().is_success() {
            let refused = matches!(response.status().as_u16(), 400 | 404 | 405 | 409 | 412 | 415 | 422);
            let error = failure(&subject, response).await;
            let kind = if refused { Kind::Unsupported } else { error.kind() };
            return Err(Error::new(kind, subject, error.reason()));
        }
        match self.told_digest(&response)? {
            Some(told) if told.algorithm() == index.digest().algorithm() && told != *index.digest() => {
                let reason = format!("the registry stored {told} instead of {}", index.digest());
                return Err(Error::invalid(subject, reason));
            }
            _ => {}
        }
        if !response.headers().contains_key(SUBJECT) {
            let document = index.document()?;
            if let Some(about) = document.subject() {
                self.add_to_fallback(&about.digest, index, &document).await?;
            }
        }
        Ok(())
    }
}
