//! `maven`: one file of a Maven repository.

use ocm_http::{Method, Request};
use ocm_model::TypedObject;
use ocm_model::access::Access;
use ocm_oci::{Error, Kind, media_type};

use crate::fetch::{Fetch, address, client};
use crate::{Content, Result, Sources, consumer};

/// Opens the file that an access names. `None` if it names no extension and so means every file of the version, which is a
/// search and not an address.
pub(crate) async fn open(access: &TypedObject, sources: &dyn Sources) -> Result<Option<Content>> {
    let Access::Maven { repository, group_id, artifact_id, version, classifier, extension } = Access::of(access) else {
        return Ok(None);
    };
    let Some(extension) = extension else { return Ok(None) };
    let classifier = classifier.map(|classifier| format!("-{classifier}")).unwrap_or_default();
    let parts = [&group_id, &artifact_id, &version, &classifier, &extension];
    let is_plain =
        |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c)) && !text.contains("..");
    if parts[..3].iter().any(|part| part.is_empty()) || !parts.iter().all(|part| is_plain(part)) {
        let subject = format!("maven artifact {group_id}:{artifact_id}:{version}");
        return Err(Error::new(Kind::Malformed, subject, "the access names no file of a repository"));
    }
    let group = group_id.replace('.', "/");
    let base = repository.trim_end_matches('/');
    let url = format!("{base}/{group}/{artifact_id}/{version}/{artifact_id}-{version}{classifier}.{extension}");
    let url = address(&url, "repoUrl")?;
    let mut request = Request::new(Method::GET, url.clone());
    if let Some(found) = consumer::credentials(sources, &["MavenRepository"], &url).await?
        && let Some(value) = consumer::authorization(&found, &url)?
    {
        request = request.authorization(value);
    }
    let kind = match extension.as_str() {
        "jar" | "war" | "ear" => "application/java-archive",
        "pom" | "xml" => "application/xml",
        "tgz" | "tar.gz" => "application/x-tgz",
        "zip" => "application/zip",
        "json" => "application/json",
        _ => media_type::OCTETS,
    };
    Fetch::new(client(sources, &url)?, request).content(Some(kind.to_owned()), None).await.map(Some)
}
