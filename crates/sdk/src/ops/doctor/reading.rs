use std::time::Instant;

use ocm_blob::Digest;
use ocm_http::{HeaderValue, Method, Request, StatusCode, header};
use ocm_oci::{Inquiry, RemoteRepository, Repository as _, Selector};
use serde_json::Value;

use super::Outcome;
use super::examination::Examination;
use crate::{Error, Kind, Result};

/// Largest list that is read, in bytes.
const LARGEST: u64 = 4 << 20;

impl Examination {
    /// What can be looked into without writing.
    pub(super) async fn reading(&mut self) {
        let begin = Instant::now();
        let listed = match self.tags().await {
            Ok(listed) => listed,
            Err(error) => return self.fail("read", begin, error),
        };
        let Some((tags, has_more)) = listed else {
            self.note("read", begin, Outcome::Ok, format!("{} does not exist yet", self.remote.name()));
            self.note("lists", begin, Outcome::Skipped, "there is nothing to list");
            self.referrers().await;
            self.note("range", begin, Outcome::Skipped, "there is nothing to read");
            return;
        };
        self.note("read", begin, Outcome::Ok, format!("{} can be listed", self.remote.name()));
        let (outcome, finding) = match (tags.len(), has_more) {
            (0, _) => (Outcome::Skipped, "there is nothing to list".to_owned()),
            (1, true) => (Outcome::Ok, "lists come in pages, as small as asked for".to_owned()),
            (1, false) => (Outcome::Ok, "there is one tag".to_owned()),
            (number, _) => (Outcome::Ok, format!("page sizes are ignored: one tag was asked for, {number} came")),
        };
        self.note("lists", begin, outcome, finding);
        self.referrers().await;
        let begin = Instant::now();
        match self.smallest_blob(tags.first()).await {
            Ok(Some(digest)) => {
                let remote = self.remote.clone();
                self.range(&remote, &digest).await;
            }
            Ok(None) => self.note("range", begin, Outcome::Skipped, "there is no blob to read"),
            Err(error) => self.note("range", begin, Outcome::Warning, error.to_string()),
        }
    }

    /// The first page of tags, and whether there is a further one; `None` if there is no such repository.
    async fn tags(&self) -> Result<Option<(Vec<String>, bool)>> {
        let url = self.remote.address_of("tags/list?n=1")?;
        let response = self.remote.ask(Request::new(Method::GET, url), Inquiry::Pull).await?;
        let status = response.status();
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if status != StatusCode::OK {
            let kind = if status == StatusCode::FORBIDDEN { Kind::Denied } else { Kind::Unavailable };
            return Err(Error::new(kind, format!("{}: tags cannot be listed (status {status})", self.remote.name())));
        }
        let has_more = response.headers().contains_key(header::LINK);
        let bytes = response.bytes(LARGEST).await.map_err(|error| Error::new(Kind::Unavailable, error))?;
        let list: Value = serde_json::from_slice(&bytes)
            .map_err(|error| Error::new(Kind::Unavailable, format!("the list of tags is no JSON: {error}")))?;
        let tags = list["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        Ok(Some((tags.collect(), has_more)))
    }

    async fn referrers(&mut self) {
        let begin = Instant::now();
        let nothing = Digest::of("");
        let answered = async {
            let url = self.remote.address_of(&format!("referrers/{nothing}"))?;
            self.remote.ask(Request::new(Method::GET, url), Inquiry::Pull).await
        };
        let (outcome, finding) = match answered.await {
            Ok(response) if response.status() == StatusCode::OK => {
                (Outcome::Ok, "the registry lists what refers to a manifest".to_owned())
            }
            Ok(response) => {
                let status = response.status();
                let finding = format!(
                    "the registry does not list what refers to a manifest (status {status}); tags named after its digest are used"
                );
                (Outcome::Warning, finding)
            }
            Err(error) => (Outcome::Warning, error.to_string()),
        };
        self.note("referrers", begin, outcome, finding);
    }

    async fn smallest_blob(&self, tag: Option<&String>) -> ocm_oci::Result<Option<Digest>> {
        let Some(tag) = tag else { return Ok(None) };
        let mut manifest = self.remote.manifest(&Selector::Tag(tag.clone())).await?;
        if let Some(first) = manifest.document()?.manifests().first() {
            manifest = self.remote.manifest(&Selector::Digest(first.digest.clone())).await?;
        }
        let document = manifest.document()?;
        let blobs = document.blobs().into_iter().filter(|blob| blob.size > 1 && !blob.may_be_elsewhere());
        Ok(blobs.min_by_key(|blob| blob.size).map(|blob| blob.digest.clone()))
    }

    /// Whether a part of a blob can be read, so that a download that broke off goes on where it was.
    pub(super) async fn range(&mut self, repository: &RemoteRepository, digest: &Digest) {
        let begin = Instant::now();
        let answered = async {
            let url = repository.address_of(&format!("blobs/{digest}"))?;
            let request = Request::new(Method::GET, url).header(header::RANGE, HeaderValue::from_static("bytes=1-1"));
            repository.ask(request, Inquiry::Pull).await
        };
        let (outcome, finding) = match answered.await {
            Ok(response) if response.status() == StatusCode::PARTIAL_CONTENT => {
                (Outcome::Ok, "downloads that break off go on where they were".to_owned())
            }
            Ok(response) if response.status() == StatusCode::OK => {
                (Outcome::Warning, "ranges are ignored: downloads that break off begin anew".to_owned())
            }
            Ok(response) => (Outcome::Warning, format!("a part of a blob is not given (status {})", response.status())),
            Err(error) => (Outcome::Warning, error.to_string()),
        };
        self.note("range", begin, outcome, finding);
    }
}
