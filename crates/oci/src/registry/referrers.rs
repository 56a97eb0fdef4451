//! Manifests that say something about another one: the referrers interface, and the tag that stands in for it
//! (distribution specification, *Listing Referrers* and *Unavailable Referrers API*).

use std::time::Duration;

use bytes::Bytes;
use ocm_blob::Digest;
use ocm_http::{HeaderValue, Method, Request, Retry, StatusCode, Url, header};
use tokio::time::Instant;

use super::RemoteRepository;
use super::document::Attempts;
use super::failure::{failure, transport};
use super::link::{Pages, later_page};
use crate::reference::referrers_tag;
use crate::{Descriptor, Document, Error, ImageIndex, Kind, Manifest, Result, Selector, media_type};

/// Attempts to write a fallback list that others write at the same time.
const ATTEMPTS: u32 = 20;

/// How long after a list was written it is looked at again: several times what reading and writing it took, for another
/// writer may have read it before and will write it in a moment, without what was added.
const SETTLING: u32 = 4;
const SHORTEST: Duration = Duration::from_millis(30);
const LONGEST: Duration = Duration::from_secs(2);

impl RemoteRepository {
    /// Manifests about `subject`, of one artifact type if one is given.
    pub async fn referrers_of_type(&self, subject: &Digest, artifact_type: Option<&str>) -> Result<Vec<Descriptor>> {
        let found = match self.ask_for_referrers(subject, artifact_type).await? {
            Some(found) => found,
            None => self.fallback(subject).await?.map(|index| index.manifests).unwrap_or_default(),
        };
        // Registries may ignore the filter, and then say so by not mentioning it; filtering again costs nothing.
        let wanted =
            |descriptor: &Descriptor| artifact_type.is_none() || descriptor.artifact_type.as_deref() == artifact_type;
        Ok(found.into_iter().filter(wanted).collect())
    }

    /// The answer of the referrers interface; `None` if the registry has none.
    async fn ask_for_referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Option<Vec<Descriptor>>> {
        let connection = self.connection();
        if !connection.known.has_referrers() {
            return Ok(None);
        }
        let mut url = self.request(Method::GET, &format!("referrers/{subject}"))?.url().clone();
        if let Some(artifact_type) = artifact_type {
            url.query_pairs_mut().append_pair("artifactType", artifact_type);
        }
        let (mut found, mut pages, mut next) = (Vec::new(), Pages::new(connection), Some(url));
        let mut is_first = true;
        while let Some(url) = next {
            pages.turn(&url, &self.subject())?;
            let (following, page) = match self.page_of_referrers(&url).await {
                Err(error) if is_first && error.kind() == Kind::Unsupported => {
                    connection.known.lacks_referrers();
                    return Ok(None);
                }
                Err(error) if !is_first => return Err(later_page(&error)),
                page => page?,
            };
            is_first = false;
            pages.count(&page, &self.subject())?;
            let invalid =
                |error| self.error(Kind::Invalid, format!("sent a list of referrers that cannot be read: {error}"));
            let index: ImageIndex = serde_json::from_slice(&page).map_err(invalid)?;
            found.extend(index.manifests);
            next = following;
        }
        Ok(Some(found))
    }

    /// One page, and the address of the next one.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] if the registry has no such list.
    async fn page_of_referrers(&self, url: &Url) -> Result<(Option<Url>, Bytes)> {
        let (limit, mut attempts) = (self.connection().options.page_limit, Attempts::new(self.connection().retry()));
        loop {
            let request = Request::new(Method::GET, url.clone());
            let request = request.header(header::ACCEPT, HeaderValue::from_static(media_type::INDEX));
            let response = self.send(request, &self.pull_scope()).await?;
            let json = response.header(header::CONTENT_TYPE).is_none_or(|value| value.contains("json"));
            match response.status() {
                StatusCode::OK if json => {}
                StatusCode::OK => return Err(self.error(Kind::Unsupported, "sent no list of referrers")),
                StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::BAD_REQUEST => {
                    let error = failure(self.subject(), response).await;
                    return Err(self.error(Kind::Unsupported, format!("list of referrers: {}", error.reason())));
                }
                _ => return Err(failure(self.subject(), response).await),
            }
            let next = self.next_page(&response)?;
            if let Some(page) = attempts.read(response, limit, transport(self.subject())).await? {
                return Ok((next, page));
            }
        }
    }

    async fn fallback(&self, subject: &Digest) -> Result<Option<ImageIndex>> {
        let manifest = match self.get_manifest(&Selector::Tag(referrers_tag(subject))).await {
            Ok(manifest) => manifest,
            Err(error) if error.kind() == Kind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match manifest.document()? {
            Document::Index(index) => Ok(Some(index)),
            Document::Image(_) => {
                Err(self.error(Kind::Invalid, format!("the tag {} is not a list", referrers_tag(subject))))
            }
        }
    }

    /// Adds a manifest to the fallback list of its subject.
    pub(super) async fn add_to_fallback(
        &self,
        subject: &Digest,
        manifest: &Manifest,
        document: &Document,
    ) -> Result<()> {
        let mut entry = manifest.descriptor();
        entry.artifact_type = document.artifact_type().map(str::to_owned);
        entry.annotations = document.annotations().cloned();
        self.change_fallback(subject, |rows| {
            let is_new = rows.iter().all(|row| row.digest != entry.digest);
            if is_new {
                rows.push(entry.clone());
            }
            is_new
        })
        .await
    }

    /// Removes a manifest, and its row in the fallback list of its subject where the registry keeps no list of its own.
    pub(super) async fn remove_with_row(&self, selector: &Selector) -> Result<bool> {
        let subject = match selector {
            // A tag that goes leaves the manifest.
            Selector::Tag(_) => None,
            // A damaged manifest can be removed too; then nothing is known of its subject.
            Selector::Digest(_) => {
                let document = self.get_manifest(selector).await.and_then(|manifest| manifest.document());
                document.ok().and_then(|document| document.subject().map(|subject| subject.digest.clone()))
            }
        };
        let removed = self.remove_manifest(selector).await?;
        if removed
            && let (Some(subject), Selector::Digest(digest)) = (subject, selector)
            && self.ask_for_referrers(&subject, None).await?.is_none()
        {
            self.change_fallback(&subject, |rows| {
                let before = rows.len();
                rows.retain(|row| row.digest != *digest);
                rows.len() < before
            })
            .await?;
        }
        Ok(removed)
    }

    /// Changes the fallback list of a subject until it stays as it is wanted. `change` says whether it had to do anything.
    ///
    /// Registries cannot compare before they write, so the list is read again a moment later: who finds the own change
    /// overwritten by another writer makes it once more, after a wait of random length.
    async fn change_fallback(&self, subject: &Digest, change: impl Fn(&mut Vec<Descriptor>) -> bool) -> Result<()> {
        let turn = self.connection().known.list_turn(self.name(), subject);
        let _turn = turn.lock().await;
        let tag = referrers_tag(subject);
        for attempt in 0..ATTEMPTS {
            let begun = Instant::now();
            let mut index = self.fallback(subject).await?.unwrap_or_else(ImageIndex::empty);
            if !change(&mut index.manifests) {
                return Ok(());
            }
            let list = Manifest::write(&index, media_type::INDEX)?;
            Box::pin(self.put_manifest(&list, Some(&tag))).await?;
            let settling = Retry {
                max_retries: ATTEMPTS,
                min_wait: begun.elapsed().saturating_mul(SETTLING).clamp(SHORTEST, LONGEST),
                max_wait: LONGEST,
                jitter: 1.0,
                ..Retry::default()
            };
            tokio::time::sleep(settling.wait(attempt.min(6)).unwrap_or(LONGEST)).await;
        }
        let reason = format!("the list of referrers {tag} is overwritten by others again and again; try again later");
        Err(Error::new(Kind::Conflict, self.subject(), reason))
    }
}
