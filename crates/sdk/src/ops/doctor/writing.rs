use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ocm_blob::{Digest, MemoryBlob};
use ocm_http::{Body, HeaderValue, Method, Request, StatusCode, Url, header};
use ocm_oci::{Inquiry, Manifest, RemoteRepository, Repository as _, media_type};
use serde_json::json;

use super::Outcome;
use super::examination::{Examination, soon};
use crate::{Error, Kind, Result};

/// The tag under which test content lies until it is removed.
const TAG: &str = "ocm-doctor";

/// Largest list of referrers that is read, in bytes.
const LIST: u64 = 4 << 20;

impl Examination {
    /// Pushes small test content in every way that is used, and removes it.
    pub(super) async fn writing(&mut self) {
        // New in every run: a registry that has it already would not show what it does with it.
        let moment = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let content = format!("ocm doctor {moment} {}", std::process::id());
        let begin = Instant::now();
        let probe = self.probe.clone();
        let blob = match soon(probe.push_blob(&MemoryBlob::new(content.clone()))).await {
            Ok((descriptor, _)) => descriptor.digest,
            Err(error) => return self.fail("upload", begin, error),
        };
        self.pushed(&probe, format!("blobs/{blob}"));
        self.note("upload", begin, Outcome::Ok, format!("{} bytes to {} in one piece", content.len(), probe.name()));
        if !self.checks.iter().any(|check| check.name == "range") {
            self.range(&probe, &blob).await;
        }
        self.chunks(&probe, &format!("{content} in chunks")).await;
        self.mounting(&probe, &blob).await;
        let begin = Instant::now();
        match self.documents(&probe, &content).await {
            Ok(image) => {
                self.note("index", begin, Outcome::Ok, "images for several platforms are stored under one digest");
                self.subject(&probe, &image).await;
            }
            Err(error) => self.fail("index", begin, error),
        }
        self.removal().await;
    }

    /// Remembers what has to be removed.
    fn pushed(&mut self, repository: &RemoteRepository, path: String) {
        self.litter.push((repository.clone(), path));
    }

    async fn chunks(&mut self, probe: &RemoteRepository, content: &str) {
        let begin = Instant::now();
        match soon(in_chunks(probe, content)).await {
            Ok(()) => {
                self.pushed(probe, format!("blobs/{}", Digest::of(content)));
                self.note("chunks", begin, Outcome::Ok, "uploads that break off go on where they were");
            }
            Err(error) => self.note("chunks", begin, Outcome::Warning, error.to_string()),
        }
    }

    async fn mounting(&mut self, probe: &RemoteRepository, blob: &Digest) {
        let begin = Instant::now();
        let name = format!("{}-mount", probe.name());
        let other = self.registry.remote_repository(&name);
        match soon(other.mount(blob, probe.name())).await {
            Ok(true) => {
                self.pushed(&other, format!("blobs/{blob}"));
                self.note("mount", begin, Outcome::Ok, "blobs that are in another repository are not sent again");
            }
            Ok(false) => {
                let finding = "blobs that are in another repository of the registry are sent again";
                self.note("mount", begin, Outcome::Warning, finding);
            }
            Err(error) => self.note("mount", begin, Outcome::Warning, error.to_string()),
        }
    }

    /// Pushes an image and an index of it; gives the image.
    async fn documents(&mut self, probe: &RemoteRepository, content: &str) -> Result<Manifest> {
        let (config, _) = soon(probe.push_blob(&MemoryBlob::new("{}"))).await?;
        self.pushed(probe, format!("blobs/{}", config.digest));
        let config = json!({"mediaType": media_type::EMPTY, "digest": config.digest.to_string(), "size": config.size});
        let image = json!({
            "schemaVersion": 2,
            "mediaType": media_type::MANIFEST,
            "artifactType": "application/vnd.ocm.software.doctor",
            "config": config,
            "layers": [config],
            "annotations": {"software.ocm.doctor": content},
        });
        let image = Manifest::write(&image, media_type::MANIFEST)?;
        soon(probe.push_manifest(&image, None)).await?;
        self.pushed(probe, format!("manifests/{}", image.digest()));
        let index = json!({
            "schemaVersion": 2,
            "mediaType": media_type::INDEX,
            "manifests": [image.descriptor()],
        });
        let index = Manifest::write(&index, media_type::INDEX)?;
        soon(probe.push_manifest(&index, Some(TAG))).await?;
        self.pushed(probe, format!("manifests/{}", index.digest()));
        self.pushed(probe, format!("manifests/{TAG}"));
        Ok(image)
    }

    /// Pushes something that refers to an image, and looks for it in the list of referrers.
    async fn subject(&mut self, probe: &RemoteRepository, image: &Manifest) {
        let begin = Instant::now();
        let (outcome, finding) = match self.refer(probe, image).await {
            Ok((status, _)) if !status.is_success() => {
                (Outcome::Warning, format!("what refers to an image is refused (status {status})"))
            }
            Ok((_, true)) => (Outcome::Ok, "signatures and attestations are listed with their image".to_owned()),
            Ok((_, false)) => {
                let finding =
                    "what refers to an image is stored and not listed with it; tags named after its digest are used";
                (Outcome::Warning, finding.to_owned())
            }
            Err(error) => (Outcome::Warning, error.to_string()),
        };
        self.note("subject", begin, outcome, finding);
    }

    /// The answer to the push, and whether the list has what was pushed.
    async fn refer(&mut self, probe: &RemoteRepository, image: &Manifest) -> Result<(StatusCode, bool)> {
        let empty = json!({"mediaType": media_type::EMPTY, "digest": Digest::of("{}").to_string(), "size": 2});
        let referrer = json!({
            "schemaVersion": 2,
            "mediaType": media_type::MANIFEST,
            "artifactType": "application/vnd.ocm.software.doctor",
            "config": empty,
            "layers": [empty],
            "subject": image.descriptor(),
        });
        let referrer = Manifest::write(&referrer, media_type::MANIFEST)?;
        // Asked for by hand: the usual way writes the tag for registries without lists, which would have to be removed again.
        let put = Request::new(Method::PUT, probe.address_of(&format!("manifests/{}", referrer.digest()))?)
            .header(header::CONTENT_TYPE, HeaderValue::from_static(media_type::MANIFEST))
            .body(Body::Bytes(referrer.bytes().clone()));
        let status = soon(probe.ask(put, Inquiry::Push)).await?.status();
        if !status.is_success() {
            return Ok((status, false));
        }
        self.pushed(probe, format!("manifests/{}", referrer.digest()));
        let url = probe.address_of(&format!("referrers/{}", image.digest()))?;
        let response = soon(probe.ask(Request::new(Method::GET, url), Inquiry::Pull)).await?;
        if response.status() != StatusCode::OK {
            return Ok((status, false));
        }
        let list =
            soon(async { response.bytes(LIST).await.map_err(|error| Error::new(Kind::Unavailable, error)) }).await?;
        Ok((status, String::from_utf8_lossy(&list).contains(&referrer.digest().to_string())))
    }

    /// Removes everything that was pushed, the last first: what refers to something goes before it.
    async fn removal(&mut self) {
        let begin = Instant::now();
        let mut stays = Vec::new();
        let mut tags = Vec::new();
        for (repository, path) in std::mem::take(&mut self.litter).into_iter().rev() {
            let answered = soon(remove(&repository, &path)).await.map(|response| response.status());
            match answered {
                // Many registries remove tags only together with what they lead to, others only by themselves.
                answered if path.ends_with(TAG) => {
                    if !answered.is_ok_and(|status| status.is_success()) {
                        tags.push((repository, path));
                    }
                }
                // A registry may remove a blob together with the last manifest that names it.
                Ok(status) if status.is_success() || status == StatusCode::NOT_FOUND => {}
                Ok(status) => stays.push((format!("{}/{path}", repository.name()), format!("status {status}"))),
                Err(error) => stays.push((format!("{}/{path}", repository.name()), error.to_string())),
            }
        }
        for (repository, path) in tags {
            if soon(exists(&repository, &path)).await.unwrap_or(true) {
                stays.push((format!("{}/{path}", repository.name()), "it is still there".to_owned()));
            }
        }
        let manifests: Vec<_> = stays.iter().filter(|(path, _)| path.contains("/manifests/")).collect();
        let (outcome, finding) = match (manifests.first(), stays.len()) {
            (None, 0) => (Outcome::Ok, "what was pushed is removed again".to_owned()),
            (None, number) => {
                let finding = format!(
                    "manifests are removed; {number} blobs stay until the registry collects what nobody needs ({})",
                    stays.first().map(|(_, reason)| reason.as_str()).unwrap_or_default()
                );
                (Outcome::Ok, finding)
            }
            (Some((path, reason)), _) => {
                let others = stays.len() - 1;
                (
                    Outcome::Warning,
                    format!("{path} stays, and {others} more: the registry does not remove it ({reason})"),
                )
            }
        };
        self.note("delete", begin, outcome, finding);
    }
}

async fn exists(repository: &RemoteRepository, path: &str) -> ocm_oci::Result<bool> {
    let url = repository.address_of(path)?;
    let accepted = HeaderValue::from_static("application/vnd.oci.image.index.v1+json");
    let request = Request::new(Method::HEAD, url).header(header::ACCEPT, accepted);
    Ok(repository.ask(request, Inquiry::Pull).await?.status().is_success())
}

async fn remove(repository: &RemoteRepository, path: &str) -> ocm_oci::Result<ocm_http::Response> {
    let url = repository.address_of(path)?;
    repository.ask(Request::new(Method::DELETE, url).once(), Inquiry::Delete).await
}

/// Pushes content in two chunks (distribution specification, *Pushing a blob in chunks*).
async fn in_chunks(probe: &RemoteRepository, content: &str) -> Result<()> {
    let refused = |what: &str, status: StatusCode| {
        Error::new(Kind::Unavailable, format!("{what} is refused (status {status}): uploads that break off begin anew"))
    };
    let begin = Request::new(Method::POST, probe.address_of("blobs/uploads/")?);
    let mut response = probe.ask(begin, Inquiry::Push).await?;
    if response.status() != StatusCode::ACCEPTED {
        return Err(refused("an upload in chunks", response.status()));
    }
    let middle = content.len() / 2;
    for (first, last) in [(0, middle), (middle, content.len())] {
        let range = format!("{first}-{}", last - 1);
        let chunk = content.get(first..last).unwrap_or_default().to_owned();
        let request = Request::new(Method::PATCH, next(&response)?)
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))
            .header(
                header::CONTENT_RANGE,
                HeaderValue::from_str(&range).map_err(|error| Error::new(Kind::Other, error))?,
            )
            .body(Body::Bytes(chunk.into()));
        response = probe.ask(request, Inquiry::Push).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(refused("a chunk", response.status()));
        }
    }
    let mut url = next(&response)?;
    url.query_pairs_mut().append_pair("digest", &Digest::of(content).to_string());
    let response = probe.ask(Request::new(Method::PUT, url), Inquiry::Push).await?;
    if response.status() != StatusCode::CREATED {
        return Err(refused("the end of an upload in chunks", response.status()));
    }
    Ok(())
}

/// Where an upload goes on.
fn next(response: &ocm_http::Response) -> Result<Url> {
    let location = response.header(header::LOCATION).unwrap_or_default();
    response.url().join(location).map_err(|_| {
        let shown = ocm_http::redacted(location);
        Error::new(Kind::Unavailable, format!("the registry names {shown:?} as the place of an upload"))
    })
}
