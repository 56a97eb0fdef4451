use axum::body::Body;
use futures_util::StreamExt as _;
use http::{Response, StatusCode, header};
use ocm_blob::Digest;
use ocm_oci::reference::is_repository;
use ocm_oci::{Error, Kind, Upload};

use crate::Failure;
use crate::answer::{self, CONTENT_DIGEST, UPLOAD_UUID, With};
use crate::api::{Answer, Call, Inner, digest};
use crate::range::Chunk;
use crate::sessions::Session;

fn fail(error: &Error) -> Failure {
    // A store refuses an upload as invalid for one reason only: its digest.
    Failure::store(error, "BLOB_UNKNOWN", "DIGEST_INVALID")
}

/// Why a body was not taken as a whole.
enum Halt {
    /// Of what came, or did not come: what was written before stands.
    Body(Failure),
    /// The store failed: nobody knows how much of the upload it has.
    Store(Error),
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Body(failure)
    }
}

impl From<Halt> for Failure {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Body(failure) => failure,
            Halt::Store(error) => fail(&error),
        }
    }
}

fn broken(message: impl std::fmt::Display) -> Failure {
    Failure::invalid("BLOB_UPLOAD_INVALID", message)
}

impl Inner {
    /// `POST`: begins an upload (end-4a, end-4c), takes a blob as a whole (end-4b) or from another repository (end-11).
    pub(crate) async fn begin_upload(&self, call: &Call, body: Body) -> Answer {
        if let Some(algorithm) = call.query.get("digest-algorithm")
            && !matches!(algorithm, "sha256" | "sha512")
        {
            return Err(Failure::invalid("DIGEST_INVALID", format!("digests of {algorithm:?} are not supported")));
        }
        if let Some(text) = call.query.get("mount") {
            let digest = digest(text)?;
            if self.mount(call, &digest).await? {
                self.commit().await?;
                return Ok(stored(&call.repository, &digest));
            }
        } else if let Some(text) = call.query.get("digest") {
            let digest = digest(text)?;
            let chunk = Chunk::announced(&call.headers)?;
            let mut upload = self.store(call).begin().await.map_err(|error| fail(&error))?;
            self.take(upload.as_mut(), body, chunk, |_| {}).await?;
            upload.finish(&digest).await.map_err(|error| fail(&error))?;
            self.commit().await?;
            return Ok(stored(&call.repository, &digest));
        }
        if !self.sessions.has_room() {
            let message = "too many uploads are under way; finish or cancel some";
            return Err(
                Failure::new(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS", message).with(header::RETRY_AFTER, 60)
            );
        }
        let upload = self.store(call).begin().await.map_err(|error| fail(&error))?;
        let uuid = self.sessions.insert(&call.repository, upload);
        Ok(progress(answer::empty(StatusCode::ACCEPTED), &call.repository, &uuid, 0))
    }

    /// Takes a blob over from the repository named in `from`, or from any that has it (the specification lets a registry
    /// treat `from` as optional).
    async fn mount(&self, call: &Call, digest: &Digest) -> Result<bool, Failure> {
        let store = self.store(call);
        let sources = if let Some(from) = call.query.get("from").filter(|from| !from.is_empty()) {
            vec![from.to_owned()]
        } else {
            let others = self.registry.repositories().await.unwrap_or_default();
            std::iter::once(call.repository.clone()).chain(others).collect()
        };
        for from in sources.iter().filter(|from| is_repository(from)) {
            match store.mount(digest, from).await {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                // Then the client sends the bytes.
                Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Unsupported) => {}
                Err(error) => return Err(fail(&error)),
            }
        }
        Ok(false)
    }

    /// `GET` of an upload: how far it is (end-13).
    pub(crate) fn upload_status(&self, call: &Call, uuid: &str) -> Answer {
        let session = self.session(call, uuid)?;
        Ok(progress(answer::empty(StatusCode::NO_CONTENT), &call.repository, uuid, session.size()))
    }

    /// `PATCH` of an upload: the next chunk, announced by `Content-Range`, or whatever comes (end-5).
    pub(crate) async fn continue_upload(&self, call: &Call, uuid: &str, body: Body) -> Answer {
        let session = self.session(call, uuid)?;
        let chunk = Chunk::announced(&call.headers)?;
        let mut slot = session.upload().await.ok_or_else(busy)?;
        let upload = slot.as_mut().ok_or_else(|| gone(uuid))?;
        in_order(chunk, upload.size()).map_err(|failure| progress(failure, &call.repository, uuid, session.size()))?;
        self.append(call, uuid, &session, upload.as_mut(), body, chunk).await?;
        Ok(progress(answer::empty(StatusCode::ACCEPTED), &call.repository, uuid, session.size()))
    }

    /// `PUT` of an upload: an optional last chunk, and the digest of everything (end-6).
    pub(crate) async fn finish_upload(&self, call: &Call, uuid: &str, body: Body) -> Answer {
        let session = self.session(call, uuid)?;
        let text = call.query.get("digest");
        let digest =
            digest(text.ok_or_else(|| Failure::invalid("DIGEST_INVALID", "the parameter digest is missing"))?)?;
        let chunk = Chunk::announced(&call.headers)?;
        let mut slot = session.upload().await.ok_or_else(busy)?;
        let upload = slot.as_mut().ok_or_else(|| gone(uuid))?;
        in_order(chunk, upload.size()).map_err(|failure| progress(failure, &call.repository, uuid, session.size()))?;
        self.append(call, uuid, &session, upload.as_mut(), body, chunk).await?;
        let upload = slot.take().ok_or_else(|| gone(uuid))?;
        self.sessions.remove(&call.repository, uuid);
        upload.finish(&digest).await.map_err(|error| fail(&error))?;
        self.commit().await?;
        Ok(stored(&call.repository, &digest))
    }

    /// `DELETE` of an upload (end-14).
    pub(crate) fn cancel_upload(&self, call: &Call, uuid: &str) -> Answer {
        if self.sessions.remove(&call.repository, uuid) {
            Ok(answer::empty(StatusCode::NO_CONTENT))
        } else {
            Err(gone(uuid))
        }
    }

    fn session(&self, call: &Call, uuid: &str) -> Result<std::sync::Arc<Session>, Failure> {
        self.sessions.get(&call.repository, uuid).ok_or_else(|| gone(uuid))
    }

    /// Writes a body to the upload of a session. An upload that the store failed to take ends with that, and gives back the
    /// room it has taken: the client begins anew.
    async fn append(
        &self,
        call: &Call,
        uuid: &str,
        session: &Session,
        upload: &mut dyn Upload,
        body: Body,
        chunk: Chunk,
    ) -> Result<(), Failure> {
        let taken = self.take(upload, body, chunk, |size| session.advance(size)).await;
        if matches!(taken, Err(Halt::Store(_))) {
            self.sessions.remove(&call.repository, uuid);
        }
        Ok(taken?)
    }

    /// Writes a body to an upload, never more than it announced; `advanced` is told the new size after every piece.
    ///
    /// What came before a body broke off stays written: the client asks how far the upload is and goes on from there.
    async fn take(
        &self,
        upload: &mut dyn Upload,
        body: Body,
        chunk: Chunk,
        advanced: impl Fn(u64) + Send,
    ) -> Result<(), Halt> {
        let mut stream = body.into_data_stream();
        let mut left = chunk.length;
        loop {
            let next = tokio::time::timeout(self.options.silence, stream.next()).await;
            let next =
                next.map_err(|_| Failure::new(StatusCode::REQUEST_TIMEOUT, "BLOB_UPLOAD_INVALID", "no bytes came"))?;
            let Some(bytes) = next else { break };
            let bytes = bytes.map_err(|error| broken(format!("the body broke off: {error}")))?;
            if let Some(left) = &mut left {
                let rest = left.checked_sub(bytes.len() as u64);
                *left = rest.ok_or_else(|| Failure::invalid("SIZE_INVALID", "more bytes came than were announced"))?;
            }
            upload.write(bytes).await.map_err(Halt::Store)?;
            advanced(upload.size());
        }
        match left {
            Some(left) if left > 0 => Err(Failure::invalid("SIZE_INVALID", format!("{left} bytes are missing")).into()),
            _ => Ok(()),
        }
    }
}

/// A chunk must begin where the last one ended.
fn in_order(chunk: Chunk, size: u64) -> Result<(), Failure> {
    match chunk.start {
        Some(start) if start != size => {
            let message = format!("the chunk begins at {start}, but the upload is at {size}");
            Err(Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID", message))
        }
        _ => Ok(()),
    }
}

fn gone(uuid: &str) -> Failure {
    Failure::unknown("BLOB_UPLOAD_UNKNOWN", format!("there is no upload {uuid:?} here; it may have expired"))
}

fn busy() -> Failure {
    let message = "another request is writing to this upload";
    Failure::new(StatusCode::CONFLICT, "BLOB_UPLOAD_INVALID", message)
}

/// Adds where an upload is and how far it has come. Nothing at all is `0-0`: the specification has no word for it, and
/// this is what clients are used to.
fn progress<T: With>(answer: T, repository: &str, uuid: &str, size: u64) -> T {
    answer
        .with(header::LOCATION, format!("/v2/{repository}/blobs/uploads/{uuid}"))
        .with(header::RANGE, format!("0-{}", size.saturating_sub(1)))
        .with(UPLOAD_UUID, uuid)
}

fn stored(repository: &str, digest: &Digest) -> Response<Body> {
    answer::empty(StatusCode::CREATED)
        .with(header::LOCATION, format!("/v2/{repository}/blobs/{digest}"))
        .with(CONTENT_DIGEST, digest)
}
