use std::time::Instant;

use ocm_blob::Digest;
use ocm_http::{HeaderValue, Method, Request, StatusCode, header};
use ocm_oci::{Inquiry, RemoteRepository, Repository as _, Selector};

use super::Outcome;
use super::examination::{Examination, soon};

impl Examination {
    /// What can be looked into without writing.
    pub(super) async fn reading(&mut self) {
        let listed = self.tags().await;
        if self.failure.is_some() {
            return;
        }
        self.referrers().await;
        let begin = Instant::now();
        let Some(listed) = listed else {
            return self.note("range", begin, Outcome::Skipped, "there is nothing to read");
        };
        match soon(self.smallest_blob(listed.tags.first())).await {
            Ok(Some(digest)) => {
                let remote = self.remote.clone();
                self.range(&remote, &digest).await;
            }
            Ok(None) => self.note("range", begin, Outcome::Skipped, "there is no blob to read"),
            Err(error) => self.note("range", begin, Outcome::Warning, error.to_string()),
        }
    }

    async fn referrers(&mut self) {
        let begin = Instant::now();
        let nothing = Digest::of("");
        let answered = async {
            let url = self.remote.address_of(&format!("referrers/{nothing}"))?;
            self.remote.ask(Request::new(Method::GET, url), Inquiry::Pull).await
        };
        let (outcome, finding) = match soon(answered).await {
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
        let (outcome, finding) = match soon(answered).await {
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
