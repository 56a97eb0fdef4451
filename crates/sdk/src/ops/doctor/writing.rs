use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ocm_blob::{Digest, MemoryBlob};
use ocm_http::{Body, HeaderValue, Method, Request, StatusCode, Url, header};
use ocm_oci::{Inquiry, Manifest, RemoteRepository, Repository as _, media_type};
use serde_json::json;

use super::Outcome;
use super::examination::Examination;
use crate::{Error, Kind, Result};

/// The tag under which test content lies until it is removed.
const TAG: &str = "ocm-doctor";

impl Examination {
    /// Pushes small test content in every way that is used, and removes it.
    pub(super) async fn writing(&mut self) {
        // New in every run: a registry that has it already would not show what it does with it.
        let moment = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let content = format!("ocm doctor {moment} {}", std::process::id());
        let begin = Instant::now();
        let probe = self.probe.clone();
        let blob = match probe.push_blob(&MemoryBlob::new(content.clone())).await {
            Ok((descriptor, _)) => descriptor.digest,
            Err(error) => return self.fail("upload", begin, error),
        };
        self.note("upload", begin, Outcome::Ok, format!("{} bytes to {} in one piece", content.len(), probe.name()));
        self.range(&probe, &blob).await;
        let begin = Instant::now();
        match in_chunks(&probe, &format!("{content} in chunks")).await {
            Ok(()) => self.note("chunks", begin, Outcome::Ok, "uploads that break off go on where they were"),
            Err(error) => self.note("chunks", begin, Outcome::Warning, error.to_string()),
        }
        self.mounting(&probe, &blob).await;
        let begin = Instant::now();
        match documents(&probe, &content).await {
            Ok(pushed) => {
                self.note("index", begin, Outcome::Ok, "images for several platforms are stored under one digest");
                self.removal(&probe, &pushed).await;
            }
            Err(error) => {
                self.fail("index", begin, error);
                self.note("delete", begin, Outcome::Skipped, "there is nothing to remove");
            }
        }
    }

    async fn mounting(&mut self, probe: &RemoteRepository, blob: &Digest) {
        let begin = Instant::now();
        let name = format!("{}-mount", probe.name());
        let other = self.registry.remote_repository(&name);
        match other.mount(blob, probe.name()).await {
            Ok(true) => {
                self.note("mount", begin, Outcome::Ok, "blobs that are in another repository are not sent again");
            }
            Ok(false) => {
                let finding = "blobs that are in another repository of the registry are sent again";
                self.note("mount", begin, Outcome::Warning, finding);
            }
            Err(error) => self.note("mount", begin, Outcome::Warning, error.to_string()),
        }
    }

    async fn removal(&mut self, probe: &RemoteRepository, pushed: &[Digest; 2]) {
        let begin = Instant::now();
        let [index, image] = pushed;
        let mut answered = remove(probe, index).await;
        if answered.as_ref().is_ok_and(|response| response.status().is_success()) {
            answered = remove(probe, image).await;
        }
        let (outcome, finding) = match answered {
            Ok(response) if response.status().is_success() => {
                (Outcome::Ok, "what was pushed is removed again".to_owned())
            }
            Ok(response) => {
                let status = response.status();
                (
                    Outcome::Warning,
                    format!("{}:{TAG} stays: the registry does not remove it (status {status})", probe.name()),
                )
            }
            Err(error) => (Outcome::Warning, format!("{}:{TAG} stays: {error}", probe.name())),
        };
        self.note("delete", begin, outcome, finding);
    }
}

async fn remove(probe: &RemoteRepository, manifest: &Digest) -> ocm_oci::Result<ocm_http::Response> {
    let url = probe.address_of(&format!("manifests/{manifest}"))?;
    probe.ask(Request::new(Method::DELETE, url), Inquiry::Delete).await
}

/// Pushes an image and an index of it; gives the digests of the index and of the image.
async fn documents(probe: &RemoteRepository, content: &str) -> Result<[Digest; 2]> {
    let (config, _) = probe.push_blob(&MemoryBlob::new("{}")).await?;
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
    probe.push_manifest(&image, None).await?;
    let index = json!({
        "schemaVersion": 2,
        "mediaType": media_type::INDEX,
        "manifests": [image.descriptor()],
    });
    let index = Manifest::write(&index, media_type::INDEX)?;
    probe.push_manifest(&index, Some(TAG)).await?;
    Ok([index.digest().clone(), image.digest().clone()])
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
