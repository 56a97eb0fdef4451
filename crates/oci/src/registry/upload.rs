//! Pushing a blob: in one request where its size and digest are known, measured on its way where they are not, taken up
//! where it broke off.

use std::fs::File;
use std::sync::Arc;

use futures_util::StreamExt as _;
use ocm_blob::{Algorithm, Blob, ByteStream, Digest, Measure, Measured, skip, verified};
use ocm_http::{Body, BodyStream, BoxError, Class, HeaderValue, Method, Request, Response, StatusCode, Url, header};

use super::RemoteRepository;
use super::checking::Check;
use super::connection::Sent;
use super::failure::failure;
use super::upload_session::Session;
use crate::{Descriptor, Error, Kind, Pushed, Result, media_type};

/// Times an upload may break off without getting anywhere before smaller requests are tried.
const BROKEN_WHOLE: u32 = 3;

/// How one request of an upload ended.
pub(super) enum Step {
    /// The registry took what it was sent.
    Taken(Box<Response>),
    /// Authorization ran out on the way; the session stands.
    Renewed,
    /// The registry does not take so much at once, or not without knowing the length.
    InPieces,
    /// The connection broke or the registry is not well; ask how far it came.
    Broken(Error),
    /// The registry wants to be asked later; nothing is wrong with what it was sent.
    Busy(Error),
    /// The registry has not as much as was thought: what a broken connection left on its way came later, or never.
    Displaced(Error),
    /// The session is gone; open another one.
    Lost(Error),
    /// The registry does not take the content.
    Refused(Error),
}

/// What is left to send.
pub(super) struct Rest {
    pub(super) stream: ByteStream,
    pub(super) whole: Whole,
    /// The file that the content lies in, and where it begins there: the stream only stands for it then.
    file: Option<(Arc<File>, u64)>,
}

impl Rest {
    /// All that is left, as the content of one request.
    fn body(stream: ByteStream, file: Option<(Arc<File>, u64)>, length: Option<u64>) -> Body {
        match (file, length) {
            (Some((file, offset)), Some(length)) => Body::file(file, offset, length, hold_back(stream)),
            _ => Body::once(hold_back(stream), length),
        }
    }
}

/// What all of the content is, with what was sent before.
pub(super) enum Whole {
    /// Known beforehand.
    Known(Measured),
    /// Known when the stream has ended.
    Measured(Measure),
}

impl Whole {
    pub(super) fn result(&self) -> Option<Measured> {
        match self {
            Self::Known(measured) => Some(measured.clone()),
            Self::Measured(measure) => measure.result(),
        }
    }
}

impl RemoteRepository {
    pub(super) async fn push(&self, content: &dyn Blob) -> Result<(Descriptor, Pushed)> {
        let Some(digest) = content.digest() else {
            let measured = self.upload(content, None, None).await?;
            self.connection().known.learn(self.name(), &measured.digest, measured.size);
            return Ok((Descriptor::new(media_type::OCTETS, measured.digest, measured.size), Pushed::Sent));
        };
        let known = &self.connection().known;
        let turn = known.turn(self.name(), &digest);
        let _turn = turn.lock().await;
        if let Some(size) = known.size(self.name(), &digest)
            && self.is_whole(content, &digest, size)
        {
            return Ok((Descriptor::new(media_type::OCTETS, digest, size), Pushed::Present));
        }
        let session = known.take_session(self.name(), &digest);
        if session.is_none()
            && let Some(size) = self.size_before_push(&digest).await?
            && self.is_whole(content, &digest, size)
        {
            if let (Some(journal), Some(upload)) = (&self.connection().journal, self.remembered_as(&digest, Some(size)))
            {
                journal.forget(&upload);
            }
            return Ok((Descriptor::new(media_type::OCTETS, digest, size), Pushed::Present));
        }
        let measured = self.upload(content, Some(&digest), session).await?;
        known.learn(self.name(), &digest, measured.size);
        Ok((Descriptor::new(media_type::OCTETS, digest, measured.size), Pushed::Sent))
    }

    /// Whether what the registry has is as long as the content: storage that lost the end of a blob, or all of it, still
    /// answers for it. What is sent again takes its place.
    fn is_whole(&self, content: &dyn Blob, digest: &Digest, size: u64) -> bool {
        let whole = content.size().is_none_or(|own| own == size);
        if !whole {
            // Nor may it pass for present should the upload fail.
            self.connection().known.forget(self.name(), digest);
            tracing::warn!(repository = self.subject(), size, own = content.size(), "has a blob of another size");
        }
        whole
    }

    /// Sends the content, however many requests that takes.
    async fn upload(&self, content: &dyn Blob, digest: Option<&Digest>, session: Option<Session>) -> Result<Measured> {
        let retry = self.connection().retry();
        let (mut attempt, mut renewals, mut in_pieces) = (0, 0, false);
        let mut session = self.first_session(content, digest, session).await?;
        let (mut resumed, mut furthest) = (session.received > 0, session.received);
        let mut check = self.check(content, digest, resumed).await;
        loop {
            let mut measured = None;
            let step = match (digest, content.size()) {
                _ if in_pieces => self.send_in_pieces(&mut session, content, digest, check, &mut measured).await,
                (Some(digest), Some(size)) if session.received == 0 => {
                    measured = Some(Measured { digest: digest.clone(), size });
                    self.put_whole(&session, content, digest, size, check).await
                }
                _ => self.send_rest(&mut session, content, digest, check, &mut measured).await,
            };
            let step = match step {
                Ok(step) => step,
                Err(error) => return Err(give_up(&session, error)),
            };
            let is_busy = matches!(step, Step::Busy(_));
            match step {
                Step::Taken(response) => {
                    let measured = measured.ok_or_else(|| self.ended_early())?;
                    if let Some(entry) = &session.entry {
                        entry.forget();
                    }
                    session.give_up();
                    if response.status() != StatusCode::ACCEPTED {
                        session.open.ended();
                    }
                    return self.stored(&response, digest, measured);
                }
                Step::Renewed if renewals < 3 => renewals += 1,
                Step::Renewed => {
                    let error = self.error(Kind::Denied, "authorization is refused in mid-upload");
                    return Err(give_up(&session, error));
                }
                Step::InPieces if !in_pieces => {
                    tracing::debug!(repository = self.subject(), "sends blobs in pieces");
                    in_pieces = true;
                    session = self.begin_again(&session).await?;
                }
                Step::InPieces => {
                    let error = self.error(Kind::Invalid, "does not take the blob, neither whole nor in pieces");
                    return Err(give_up(&session, error));
                }
                // What a registry kept of a broken upload is not always what it was sent, and what it was sent was not
                // always hashed: once more with all of it checked here, which also tells whose fault it is.
                Step::Refused(error) if error.kind() == Kind::Invalid && (resumed || check == Check::There) => {
                    tracing::info!(
                        repository = self.subject(),
                        cause = error.reason(),
                        "upload refused, checks it here"
                    );
                    (resumed, check) = (false, Check::Here);
                    session = self.begin_again(&session).await?;
                }
                Step::Refused(error) => return Err(give_up(&session, error)),
                Step::Lost(error) if retry.wait(attempt).is_none() => {
                    // Nothing that was asked for is missing: the registry, or one of several behind its name, is not well.
                    session.open.ended();
                    let reason = format!("loses what is being sent, {} times now: {}", attempt + 1, error.reason());
                    return Err(give_up(&session, self.error(Kind::Unavailable, reason)));
                }
                Step::Broken(error) | Step::Busy(error) | Step::Displaced(error) if retry.wait(attempt).is_none() => {
                    return Err(give_up(&session, error));
                }
                Step::Broken(error) | Step::Busy(error) => {
                    let before = session.received;
                    self.pause(&retry, &mut attempt, &error).await;
                    let all = content.size().unwrap_or(u64::MAX);
                    session = match self.status(&session).await? {
                        Some(session) if session.received <= all => session,
                        _ => self.begin_again(&session).await?,
                    };
                    // What only makes up for content that was lost is not: with a full disk, a registry takes the same
                    // part again and again.
                    if session.received > furthest {
                        (attempt, furthest) = (0, session.received);
                    }
                    if session.received > before {
                        // A long upload outlives many a token.
                        (renewals, resumed) = (0, true);
                    } else if attempt == BROKEN_WHOLE && !is_busy {
                        // Some registries hang up on large requests instead of refusing them (seen with ACR).
                        in_pieces = true;
                    }
                }
                Step::Displaced(error) => {
                    self.pause(&retry, &mut attempt, &error).await;
                    let all = content.size().unwrap_or(u64::MAX);
                    session = match self.status(&session).await? {
                        Some(now) if now.received != session.received && now.received <= all => now,
                        _ => self.begin_again(&session).await?,
                    };
                    resumed = session.received > 0;
                }
                Step::Lost(error) => {
                    if error.kind() == Kind::NotFound {
                        session.open.ended();
                    }
                    self.pause(&retry, &mut attempt, &error).await;
                    session = self.begin_again(&session).await?;
                }
            }
        }
    }

    /// The upload that was broken off by the end of another process, the one that stands open, or a new one.
    async fn first_session(
        &self,
        content: &dyn Blob,
        digest: Option<&Digest>,
        open: Option<Session>,
    ) -> Result<Session> {
        let upload = digest.and_then(|digest| self.remembered_as(digest, content.size()));
        let entry = self.connection().journal.as_ref().zip(upload).and_then(|(journal, upload)| journal.entry(upload));
        let entry = entry.map(Arc::new);
        if let (Some(entry), Some(size)) = (&entry, content.size())
            && let Some(left) = self.left_open(entry, size).await
        {
            tracing::info!(repository = self.subject(), received = left.received, size, "going on with an upload");
            return Ok(left);
        }
        let session = match open {
            Some(open) => open,
            None => self.begin().await?,
        };
        Ok(session.remembered(entry))
    }

    /// A new upload in the place of one that cannot be continued.
    async fn begin_again(&self, session: &Session) -> Result<Session> {
        let new = self.begin().await?.remembered(session.entry.clone());
        session.give_up();
        Ok(new)
    }

    async fn pause(&self, retry: &ocm_http::Retry, attempt: &mut u32, error: &Error) {
        let wait = retry.wait(*attempt).unwrap_or_default();
        *attempt += 1;
        tracing::info!(repository = self.subject(), cause = error.reason(), ?wait, "upload broke off, going on");
        tokio::time::sleep(wait).await;
    }

    /// `PUT` with all the content: two requests make a blob.
    async fn put_whole(
        &self,
        session: &Session,
        content: &dyn Blob,
        digest: &Digest,
        size: u64,
        check: Check,
    ) -> Result<Step> {
        let location = session.closing(digest);
        let Rest { stream, file, .. } = self.rest(content, Some(digest), 0, check, Some(&location)).await?;
        let request = Request::new(Method::PUT, location)
            .header(header::CONTENT_TYPE, HeaderValue::from_static(media_type::OCTETS))
            .body(Rest::body(stream, file, Some(size)));
        self.step(request).await
    }

    /// `PATCH` with everything the registry does not have yet, as a stream, then `PUT`.
    async fn send_rest(
        &self,
        session: &mut Session,
        content: &dyn Blob,
        digest: Option<&Digest>,
        check: Check,
        measured: &mut Option<Measured>,
    ) -> Result<Step> {
        let Rest { mut stream, whole, file } =
            self.rest(content, digest, session.received, check, Some(&session.location)).await?;
        let length = content.size().map(|size| size.saturating_sub(session.received));
        if length == Some(0) {
            // Nothing is left to send, but what it was may have to be found out.
            while stream.next().await.transpose().map_err(Error::blob(self.subject()))?.is_some() {}
        } else {
            let mut request = Request::new(Method::PATCH, session.location.clone())
                .header(header::CONTENT_TYPE, HeaderValue::from_static(media_type::OCTETS))
                .body(Rest::body(stream, file, length));
            if let Some(end) = content.size().filter(|_| session.received > 0) {
                request = request.header(header::CONTENT_RANGE, content_range(session.received, end - 1));
            }
            match self.step(request).await? {
                Step::Taken(response) => *session = self.session(&response, Some(session))?,
                other => return Ok(other),
            }
        }
        let whole = measured.insert(whole.result().ok_or_else(|| self.ended_early())?);
        session.received = whole.size;
        self.close(session, &whole.digest).await
    }

    /// Opens what the registry does not have yet. What goes to `whole_to` in one request need not be read where it lies in a
    /// file and the registry checks it.
    pub(super) async fn rest(
        &self,
        content: &dyn Blob,
        digest: Option<&Digest>,
        received: u64,
        check: Check,
        whole_to: Option<&Url>,
    ) -> Result<Rest> {
        let failed = Error::blob(self.subject());
        if let (Check::There, Some(to), Some(digest), Some(size)) = (check, whole_to, digest, content.size())
            && self.connection().client.sends_files(to)
            && let Some(open) = content.open_file(received).await.map_err(Error::blob(self.subject()))?
        {
            return Ok(Rest {
                stream: verified(open.passing, Some(size.saturating_sub(received)), None),
                whole: Whole::Known(Measured { digest: digest.clone(), size }),
                file: Some((open.file, open.offset)),
            });
        }
        match (digest, content.size()) {
            (Some(digest), Some(size)) => {
                let stream = match (check, received) {
                    (Check::There, 0) => verified(content.open_unverified().await.map_err(failed)?, Some(size), None),
                    (Check::There, _) => {
                        let stream = content.open_at(received).await.map_err(failed)?;
                        verified(stream, Some(size.saturating_sub(received)), None)
                    }
                    (Check::Here, _) => {
                        // Also what the registry already has is read again, though not sent: the digest covers all of it.
                        let digest = (!content.is_verified()).then(|| digest.clone());
                        skip(verified(content.open().await.map_err(failed)?, Some(size), digest), received)
                    }
                };
                Ok(Rest { stream, whole: Whole::Known(Measured { digest: digest.clone(), size }), file: None })
            }
            (digest, size) => {
                // Also what the registry already has is read again, though not sent: the digest covers all of it.
                let stream = verified(content.open().await.map_err(failed)?, size, digest.cloned());
                let algorithm = digest.map_or(Algorithm::Sha256, Digest::algorithm);
                let (stream, measure) = Measure::watch(algorithm, stream);
                Ok(Rest { stream: skip(stream, received), whole: Whole::Measured(measure), file: None })
            }
        }
    }

    pub(super) fn ended_early(&self) -> Error {
        self.error(Kind::Invalid, "the content ended too early")
    }

    /// `PUT` without content: what the registry has is the blob.
    pub(super) async fn close(&self, session: &Session, digest: &Digest) -> Result<Step> {
        let request = Request::new(Method::PUT, session.closing(digest)).body(Body::Bytes(bytes::Bytes::new()));
        match self.step(request.clone()).await? {
            Step::Renewed => self.step(request).await,
            step => Ok(step),
        }
    }

    /// Sends one request of an upload, exactly once.
    pub(super) async fn step(&self, request: Request) -> Result<Step> {
        let scope = self.push_scope();
        let subject = self.subject();
        let about = self.about(&subject, &scope);
        let response = match self.connection().try_send(request.once(), about, true).await {
            Ok(Sent::Answered(response)) => response,
            Ok(Sent::Renewed) => return Ok(Step::Renewed),
            Err(error) if error.kind() == Kind::Unavailable => return Ok(Step::Broken(error)),
            Err(error) => return Err(error),
        };
        let status = response.status();
        if Class::of_status(status) == Class::Throttled {
            // The next request of this kind waits as long as the registry asks, unless that is longer than anybody waits.
            let is_final = self.connection().retry().wait_after(0, status, response.headers()).is_none();
            let error = failure(&subject, *response).await;
            return Ok(if is_final { Step::Refused(error) } else { Step::Busy(error) });
        }
        Ok(match status.as_u16() {
            200..300 => Step::Taken(response),
            411 | 413 => Step::InPieces,
            404 => Step::Lost(failure(&subject, *response).await),
            416 => Step::Displaced(failure(&subject, *response).await),
            408 | 500.. => Step::Broken(failure(&subject, *response).await),
            _ => Step::Refused(failure(&subject, *response).await),
        })
    }

    /// Checks the registry's last word.
    fn stored(&self, response: &Response, digest: Option<&Digest>, measured: Measured) -> Result<Measured> {
        let expected = digest.unwrap_or(&measured.digest);
        if response.status() == StatusCode::ACCEPTED {
            return Err(self.error(Kind::Invalid, "did not store the blob although it took all of it"));
        }
        match self.told_digest(response)? {
            Some(told) if told.algorithm() == expected.algorithm() && told != *expected => {
                Err(self.error(Kind::Invalid, format!("stored a blob as {told} that was sent as {expected}")))
            }
            _ => Ok(measured),
        }
    }
}

/// Ends an upload, except one that failed for a passing reason and is remembered: the next run goes on with it.
fn give_up(session: &Session, error: Error) -> Error {
    if error.kind() != Kind::Unavailable {
        if let Some(entry) = &session.entry {
            entry.forget();
        }
        session.give_up();
    }
    error
}

/// Passes each chunk on only when the next one, or the end, is there without an error: content that turns out to be wrong
/// at its end is never sent as a whole.
fn hold_back(stream: ByteStream) -> BodyStream {
    Box::pin(futures_util::stream::unfold((Some(stream), None), |(stream, mut held)| async move {
        let mut stream = stream?;
        loop {
            match stream.next().await {
                Some(Ok(chunk)) => {
                    if let Some(previous) = held.replace(chunk) {
                        return Some((Ok(previous), (Some(stream), held)));
                    }
                }
                Some(Err(error)) => return Some((Err(BoxError::from(error)), (None, None))),
                None => return held.map(|last| (Ok(last), (None, None))),
            }
        }
    }))
}

/// `<first>-<last>`, as uploads want it: without a unit, unlike everywhere else in HTTP.
pub(super) fn content_range(first: u64, last: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("{first}-{last}")).unwrap_or_else(|_| HeaderValue::from_static(""))
}
