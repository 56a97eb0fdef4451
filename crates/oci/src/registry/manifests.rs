//! Manifests: read, checked, stored, removed.

use ocm_blob::{Digest, Digester};
use ocm_http::{Body, HeaderValue, Method, Request, Response, StatusCode, header};

use super::RemoteRepository;
use super::advice;
use super::document::Attempts;
use super::failure::{Refusal, failure, shown, transport};
use crate::{Descriptor, Error, Kind, Manifest, Result, Selector, media_type};

/// The header with the digest of what is sent or was stored.
const CONTENT_DIGEST: &str = "docker-content-digest";

/// The header that says a registry keeps a manifest among the referrers of its subject.
pub(super) const SUBJECT: &str = "oci-subject";

/// Times a manifest is sent again that was refused because of blobs the registry does not see.
const UNSEEN_BLOBS: u32 = 3;

impl RemoteRepository {
    /// What a tag or digest leads to. A digest that was found or stored before is not asked for again; a tag is.
    pub(super) async fn find_manifest(&self, selector: &Selector) -> Result<Option<Descriptor>> {
        let known = &self.connection().known;
        if let Selector::Digest(digest) = selector
            && let Some(found) = known.manifest(self.name(), digest)
        {
            return Ok(Some(found));
        }
        let found = self.head_manifest(selector).await?;
        if let Some(found) = &found {
            known.learn_manifest(self.name(), found);
        }
        Ok(found)
    }

    async fn head_manifest(&self, selector: &Selector) -> Result<Option<Descriptor>> {
        let response = self.ask_for_manifest(Method::HEAD, selector).await?;
        let subject = self.manifest_subject(selector);
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            // Asking again with GET would only be one more of what there were too many of.
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                return Err(failure(subject, response).await);
            }
            // Some registries do not answer HEAD, and one cannot read an error's body from it.
            _ => return self.resolve_by_reading(selector).await,
        }
        let told = self.told_digest(&response)?;
        if let (Some(told), Selector::Digest(asked)) = (&told, selector) {
            agree(&subject, asked, told)?;
        }
        let digest = match selector {
            Selector::Digest(digest) => Some(digest.clone()),
            Selector::Tag(_) => told,
        };
        match (digest, content_type(&response), response.content_length()) {
            (Some(digest), Some(content_type), Some(size)) if media_type::is_manifest(&content_type) => {
                Ok(Some(Descriptor::new(content_type, digest, size)))
            }
            _ => self.resolve_by_reading(selector).await,
        }
    }

    async fn resolve_by_reading(&self, selector: &Selector) -> Result<Option<Descriptor>> {
        match self.get_manifest(selector).await {
            Ok(manifest) => Ok(Some(manifest.descriptor())),
            Err(error) if error.kind() == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn get_manifest(&self, selector: &Selector) -> Result<Manifest> {
        let subject = self.manifest_subject(selector);
        let limit = self.connection().options.manifest_limit;
        let mut attempts = Attempts::new(self.connection().retry());
        let (told, content_type, content) = loop {
            let response = self.ask_for_manifest(Method::GET, selector).await?;
            match response.status() {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND => return Err(Error::not_found(subject)),
                _ => return Err(failure(subject, response).await),
            }
            let (told, content_type) = (self.told_digest(&response)?, content_type(&response));
            if let Some(content) = attempts.read(response, limit, transport(&subject)).await? {
                break (told, content_type, content);
            }
        };
        // What was asked for wins over what the answer says it is.
        let expected = match (selector, told) {
            (Selector::Digest(asked), Some(told)) => {
                agree(&subject, asked, &told)?;
                asked.clone()
            }
            (Selector::Digest(asked), None) => asked.clone(),
            (Selector::Tag(_), Some(told)) => told,
            (Selector::Tag(_), None) => Digest::of(&content),
        };
        let mut digester = Digester::new(expected.algorithm());
        digester.update(&content);
        let actual = digester.finish();
        if actual != expected {
            let host = self.connection().endpoint.host();
            return Err(Error::invalid(
                subject,
                format!("content does not match {expected} from {host}: it has {actual}"),
            ));
        }
        let media_type = media_type_of(content_type, &content).ok_or_else(|| {
            Error::invalid(
                &subject,
                "answered with something that is not a manifest; is this the address of a registry?",
            )
        })?;
        Ok(Manifest::with_digest(media_type, content, actual))
    }

    async fn ask_for_manifest(&self, method: Method, selector: &Selector) -> Result<Response> {
        let accepted = HeaderValue::from_str(&media_type::MANIFESTS.join(", "));
        let accepted = accepted.map_err(|error| self.error(Kind::Invalid, error))?;
        let request = self.request(method, &manifest_path(selector)?)?.header(header::ACCEPT, accepted);
        self.send(request, &self.pull_scope()).await
    }

    pub(super) async fn put_manifest(&self, manifest: &Manifest, tag: Option<&str>) -> Result<()> {
        let digest = manifest.digest();
        let by_digest = Selector::Digest(digest.clone());
        let mut indexed = match tag {
            // A registry names what comes with a tag by its SHA-256 digest; another one has to be said first.
            Some(_) if digest.algorithm() != ocm_blob::Algorithm::Sha256 => self.put(manifest, &by_digest).await?,
            Some(_) => false,
            None => self.put(manifest, &by_digest).await?,
        };
        if let Some(tag) = tag {
            indexed |= self.put(manifest, &Selector::Tag(tag.to_owned())).await?;
        }
        if !indexed
            && let Ok(document) = manifest.document()
            && let Some(subject) = document.subject()
        {
            self.add_to_fallback(&subject.digest, manifest, &document).await?;
        }
        Ok(())
    }

    /// Stores a manifest under one name; whether the registry keeps it among the referrers of its subject.
    ///
    /// Blobs may be out of sight for a moment although the registry took them: storage that settles late, or another
    /// client that sends the same blob (distribution rewrites its link in place, and reads an empty one meanwhile).
    async fn put(&self, manifest: &Manifest, selector: &Selector) -> Result<bool> {
        let subject = self.manifest_subject(selector);
        let media_type = HeaderValue::from_str(manifest.media_type());
        let media_type = media_type.map_err(|_| Error::invalid(&subject, "its media type is not valid"))?;
        let retry = self.connection().retry();
        let mut attempt = 0;
        loop {
            let request = self
                .request(Method::PUT, &manifest_path(selector)?)?
                .header(header::CONTENT_TYPE, media_type.clone())
                .body(Body::Bytes(manifest.bytes().clone()));
            let response = self.send(request, &self.push_scope()).await?;
            let status = response.status();
            if status.is_success() {
                if let Some(told) = self.told_digest(&response)? {
                    agree(&subject, manifest.digest(), &told)?;
                }
                self.connection().known.learn_manifest(self.name(), &manifest.descriptor());
                return Ok(response.headers().contains_key(SUBJECT));
            }
            let refusal = Refusal::read(&subject, response).await;
            let blob_unknown = refusal.says("MANIFEST_BLOB_UNKNOWN");
            let error = refusal.of_push();
            let again = blob_unknown && status.is_client_error() && attempt < UNSEEN_BLOBS;
            if let Some(wait) = retry.wait(attempt).filter(|_| again) {
                tracing::info!(manifest = subject, cause = error.reason(), ?wait, "trying again");
                attempt += 1;
                tokio::time::sleep(wait).await;
            } else if status.is_client_error() && self.is_already(manifest, selector, error.kind()).await {
                return Ok(false);
            } else {
                return Err(advice::refused_type(error, status, manifest));
            }
        }
    }

    /// Whether a refused tag already names this very manifest: registries with tags that cannot be moved (ECR, Harbor)
    /// refuse also to move them to where they are.
    async fn is_already(&self, manifest: &Manifest, selector: &Selector, kind: Kind) -> bool {
        matches!((selector, kind), (Selector::Tag(_), Kind::Invalid | Kind::Conflict))
            && matches!(self.head_manifest(selector).await, Ok(Some(there)) if there.digest == *manifest.digest())
    }

    pub(super) async fn remove_manifest(&self, selector: &Selector) -> Result<bool> {
        self.connection().known.forget_manifests(self.name());
        let request = self.request(Method::DELETE, &manifest_path(selector)?)?;
        self.remove(request, self.manifest_subject(selector)).await
    }

    /// Sends a `DELETE`; `false` if there was nothing to remove.
    pub(super) async fn remove(&self, request: Request, subject: String) -> Result<bool> {
        let response = self.send(request, &self.delete_scope()).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_success() => Ok(true),
            StatusCode::METHOD_NOT_ALLOWED => {
                Err(Error::new(Kind::Unsupported, subject, "the registry does not allow to delete this"))
            }
            _ => Err(failure(subject, response).await),
        }
    }

    /// The digest an answer names.
    ///
    /// # Errors
    /// It names something that is not a digest.
    pub(super) fn told_digest(&self, response: &Response) -> Result<Option<Digest>> {
        match response.header(CONTENT_DIGEST).map(str::trim).filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| {
                self.error(Kind::Invalid, format!("names its content {:?}, which is not a digest", shown(text)))
            }),
        }
    }
}

fn agree(subject: &str, asked: &Digest, told: &Digest) -> Result<()> {
    if asked == told || asked.algorithm() != told.algorithm() {
        return Ok(());
    }
    Err(Error::invalid(subject, format!("the registry names the content {told} instead of {asked}")))
}

fn manifest_path(selector: &Selector) -> Result<String> {
    match selector {
        Selector::Tag(tag) if !crate::reference::is_tag(tag) => {
            let rule = "a tag has up to 128 letters, digits, `_`, `.` and `-`, and begins with none of the last two";
            Err(Error::invalid(format!("tag {:?}", shown(tag)), rule))
        }
        selector => Ok(format!("manifests/{selector}")),
    }
}

fn content_type(response: &Response) -> Option<String> {
    let value = response.header(header::CONTENT_TYPE)?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()).filter(|value| !value.is_empty())
}

/// The type a manifest is stored under. Types that say nothing give way to the one inside the document; `None` if the
/// content is no JSON document at all (a log-in page, answered with 200 by some proxies).
fn media_type_of(told: Option<String>, content: &[u8]) -> Option<String> {
    const VAGUE: [&str; 4] = ["application/json", "application/octet-stream", "text/plain", "text/json"];
    match told.filter(|told| !VAGUE.contains(&told.as_str())) {
        Some(told) if told == "text/html" => None,
        Some(told) => Some(told),
        None => {
            let document: serde_json::Value = serde_json::from_slice(content).ok()?;
            let inside =
                document.get("mediaType").and_then(serde_json::Value::as_str).filter(|inside| !inside.is_empty());
            let guessed = if document.get("manifests").is_some() { media_type::INDEX } else { media_type::MANIFEST };
            document.is_object().then(|| inside.unwrap_or(guessed).to_owned())
        }
    }
}
