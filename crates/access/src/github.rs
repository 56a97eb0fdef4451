//! `gitHub`: a commit, as the archive that GitHub makes of it.

use ocm_http::{Client, HeaderValue, Method, Request, Url, header, is_loopback_host};
use ocm_model::TypedObject;
use ocm_oci::{Error, Kind};

use crate::fetch::{Fetch, address, authority, client};
use crate::{Content, Result, Sources, consumer};

/// Media type of the archive, as both older programs record it.
const ARCHIVE: &str = "application/x-tgz";

/// Longest answer to the question for a commit, in bytes.
const COMMIT_LIMIT: u64 = 4096;

/// A repository on GitHub and its programming interface.
struct Place {
    /// Address of the repository, for messages and credentials.
    repository: Url,
    /// Address of the interface, without a slash at its end.
    api: String,
    owner: String,
    name: String,
}

impl Place {
    fn of(access: &TypedObject) -> Result<Self> {
        let text = access.text("repoUrl").unwrap_or_default();
        let wrong =
            |reason: &str| Error::new(Kind::Malformed, format!("repoUrl {:?}", ocm_http::redacted(text)), reason);
        let with_scheme = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let repository = address(&with_scheme, "repoUrl")?;
        let segments: Vec<&str> = repository.path().trim_matches('/').split('/').collect();
        let [owner, name] = segments.as_slice() else { return Err(wrong("must be <host>/<owner>/<repository>")) };
        let name = name.strip_suffix(".git").unwrap_or(name);
        if owner.is_empty() || name.is_empty() {
            return Err(wrong("must be <host>/<owner>/<repository>"));
        }
        let api = api(&repository, access.text("apiHostname").filter(|host| !host.is_empty()))?;
        let (owner, name) = ((*owner).to_owned(), name.to_owned());
        Ok(Self { repository, api, owner, name })
    }

    fn url(&self, what: &str, commit: &str) -> Result<Url> {
        let commit = percent_encoding::utf8_percent_encode(commit, percent_encoding::NON_ALPHANUMERIC);
        address(&format!("{}/repos/{}/{}/{what}/{commit}", self.api, self.owner, self.name), "address")
    }

    /// Whose credentials a request to `url` may carry: those of the repository where the interface is its own, else those of
    /// the interface. The access may be anybody's, and must not send the token of one host to another.
    fn consumer(&self, url: &Url) -> Url {
        let host = |url: &Url| url.host_str().unwrap_or_default().trim_start_matches("www.").to_owned();
        let (repository, interface) = (host(&self.repository), host(url));
        let is_own = interface == repository || interface == format!("api.{repository}");
        let same_port = interface != repository || url.port() == self.repository.port();
        if is_own && same_port && (url.scheme() == "https" || self.repository.scheme() == "http") {
            self.repository.clone()
        } else {
            url.clone()
        }
    }

    async fn request(&self, url: Url, sources: &dyn Sources) -> Result<(Client, Request)> {
        let client = client(sources, &url)?;
        let mut request = Request::new(Method::GET, url);
        let kinds = ["GitHubRepository", "GitHub", "Github"];
        if let Some(properties) = consumer::credentials(sources, &kinds, &self.consumer(request.url())).await?
            && let Some(value) = consumer::authorization(&properties, &self.repository)?
        {
            request = request.authorization(value);
        }
        Ok((client, request))
    }
}

/// Where the programming interface of a host is: GitHub's has a name of its own, that of an enterprise server a path.
fn api(repository: &Url, named: Option<&str>) -> Result<String> {
    let host = repository.host_str().unwrap_or_default();
    // Plain HTTP only where the author wrote it for this machine: requests carry a token.
    let plain = repository.scheme() == "http" && is_loopback_host(host);
    let scheme = if plain { "http" } else { "https" };
    let named = named.map(|named| if named.contains("://") { named.to_owned() } else { format!("{scheme}://{named}") });
    let base = match named {
        Some(named) => address(&named, "apiHostname")?,
        None if matches!(host, "github.com" | "www.github.com") => return Ok("https://api.github.com".to_owned()),
        None => address(&format!("{scheme}://{}", authority(repository)), "repoUrl")?,
    };
    let text = base.as_str().trim_end_matches('/').to_owned();
    let host = base.host_str().unwrap_or_default();
    if host.starts_with("api.") || host.contains(".api.") || text.ends_with("/api/v3") {
        return Ok(text);
    }
    Ok(format!("{text}/api/v3"))
}

/// Whether a text is the full name of a commit.
pub fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Opens the archive of the commit that an access names.
///
/// # Errors
/// The access names no commit: a branch or tag gives other content tomorrow.
pub(crate) async fn open(access: &TypedObject, sources: &dyn Sources) -> Result<Content> {
    let place = Place::of(access)?;
    let subject = ocm_http::redacted(&place.repository);
    let Some(commit) = access.text("commit").filter(|commit| !commit.is_empty()) else {
        let reference = access.text("ref").unwrap_or_default();
        let reason = format!(
            "the access has no commit, and its ref {reference:?} may lead elsewhere at any time: record the commit"
        );
        return Err(Error::new(Kind::Unsupported, subject, reason));
    };
    if !is_commit(commit) {
        let reason = format!("{commit:?} is no commit: 40 hexadecimal digits are expected");
        return Err(Error::new(Kind::Malformed, subject, reason));
    }
    let (client, request) = place.request(place.url("tarball", commit)?, sources).await?;
    Fetch::new(client, request).content(Some(ARCHIVE.to_owned()), None).await
}

/// The access with the commit that its branch or tag leads to; as it is if it names a commit already.
pub(crate) async fn pinned(access: &TypedObject, sources: &dyn Sources) -> Result<TypedObject> {
    if access.text("commit").is_some_and(|commit| !commit.is_empty()) {
        return Ok(access.clone());
    }
    let place = Place::of(access)?;
    let subject = ocm_http::redacted(&place.repository);
    let Some(reference) = access.text("ref").filter(|reference| !reference.is_empty()) else {
        return Err(Error::new(Kind::Malformed, subject, "the access needs a commit or a ref"));
    };
    let (client, request) = place.request(place.url("commits", reference)?, sources).await?;
    let request = request.header(header::ACCEPT, HeaderValue::from_static("application/vnd.github.sha"));
    let answer = Fetch::new(client, request).document(COMMIT_LIMIT).await?;
    let commit = String::from_utf8_lossy(&answer).trim().to_owned();
    if !is_commit(&commit) {
        return Err(Error::new(
            Kind::Unsupported,
            subject,
            format!("the answer to the question for {reference:?} is no commit"),
        ));
    }
    Ok(with_member(access, "commit", &commit))
}

/// The object with a member, under the name in which it is written there already.
pub(crate) fn with_member(access: &TypedObject, key: &str, text: &str) -> TypedObject {
    let written = access.members.keys().find(|name| name.eq_ignore_ascii_case(key));
    let key = written.cloned().unwrap_or_else(|| key.to_owned());
    access.clone().with(key, text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_a_host_goes_to_its_own_interface_only() {
        for (repository, named, expected) in [
            ("github.com/acme/app", None, "github.com"),
            ("git.acme.org/acme/app", Some("api.git.acme.org"), "git.acme.org"),
            ("github.com/acme/app", Some("evil.example"), "evil.example"),
            ("github.com/acme/app", Some("http://127.0.0.1:1"), "127.0.0.1"),
            ("github.com/acme/app", Some("http://github.com"), "github.com"),
        ] {
            let mut access = TypedObject::new("gitHub").with("repoUrl", repository);
            if let Some(named) = named {
                access = access.with("apiHostname", named);
            }
            let place = Place::of(&access).unwrap();
            let consumer = place.consumer(&place.url("tarball", "x").unwrap());
            assert_eq!(consumer.host_str().unwrap(), expected, "{repository} {named:?}");
            assert_eq!(consumer.scheme() == "http", named.is_some_and(|named| named.starts_with("http:")));
        }
    }

    #[test]
    fn every_host_has_its_interface() {
        for (repository, named, expected) in [
            ("github.com/acme/app", None, "https://api.github.com/repos/acme/app/tarball/x"),
            ("https://github.com/acme/app.git", None, "https://api.github.com/repos/acme/app/tarball/x"),
            ("http://github.com/acme/app", None, "https://api.github.com/repos/acme/app/tarball/x"),
            ("git.acme.org/acme/app", None, "https://git.acme.org/api/v3/repos/acme/app/tarball/x"),
            ("git.acme.org/acme/app", Some("api.acme.org"), "https://api.acme.org/repos/acme/app/tarball/x"),
            ("git.acme.org/acme/app", Some("git.acme.org"), "https://git.acme.org/api/v3/repos/acme/app/tarball/x"),
            ("github.com/acme/app", Some("http://127.0.0.1:1"), "http://127.0.0.1:1/api/v3/repos/acme/app/tarball/x"),
            ("http://127.0.0.1:1/acme/app", None, "http://127.0.0.1:1/api/v3/repos/acme/app/tarball/x"),
        ] {
            let mut access = TypedObject::new("gitHub").with("repoUrl", repository);
            if let Some(named) = named {
                access = access.with("apiHostname", named);
            }
            assert_eq!(Place::of(&access).unwrap().url("tarball", "x").unwrap().as_str(), expected);
        }
        for wrong in ["", "github.com", "github.com/acme", "github.com/a/b/c", "ssh://git@github.com/a/b"] {
            assert!(Place::of(&TypedObject::new("gitHub").with("repoUrl", wrong)).is_err(), "{wrong}");
        }
    }
}
