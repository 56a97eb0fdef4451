use http::{Method, Uri};
use ocm_oci::reference::is_repository;
use percent_encoding::percent_decode_str;

use crate::Failure;

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Name of the repository; empty for [`Endpoint::Base`] and [`Endpoint::Catalog`].
    pub repository: String,
    /// Which part of the API.
    pub endpoint: Endpoint,
}

/// The parts of the API, with the number of each in the specification's table of endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/v2/` (1).
    Base,
    /// `/v2/_catalog`, not in the specification but asked for by many clients.
    Catalog,
    /// A blob by the text of its digest (2, 10).
    Blob(String),
    /// A manifest by tag or digest (3, 7, 9).
    Manifest(String),
    /// Where uploads begin (4, 11).
    Uploads,
    /// An upload under way (5, 6, 13, 14).
    Upload(String),
    /// The list of tags (8).
    Tags,
    /// The manifests that name a digest as their subject (12).
    Referrers(String),
}

impl Endpoint {
    /// Methods that make sense here, as in an `Allow` header.
    pub(crate) fn methods(&self, writable: bool) -> &'static str {
        match self {
            Self::Blob(_) if writable => "GET, HEAD, DELETE",
            Self::Manifest(_) if writable => "GET, HEAD, PUT, DELETE",
            Self::Uploads if writable => "POST",
            Self::Upload(_) if writable => "GET, HEAD, PATCH, PUT, DELETE",
            Self::Uploads | Self::Upload(_) => "",
            _ => "GET, HEAD",
        }
    }
}

impl Target {
    /// Reads the path of a request; `None` if no endpoint has such a path.
    ///
    /// The name of a repository may itself contain segments like `blobs`, so the path is read from its end.
    pub fn parse(uri: &Uri) -> Option<Self> {
        let path = percent_decode_str(uri.path()).decode_utf8().ok()?;
        let rest = path.strip_prefix("/v2").filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
        let rest = rest.trim_start_matches('/');
        let at = |repository: &str, endpoint| Some(Self { repository: repository.to_owned(), endpoint });
        match rest {
            "" => return at("", Endpoint::Base),
            "_catalog" => return at("", Endpoint::Catalog),
            _ => {}
        }
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return at(name, Endpoint::Tags);
        }
        if let Some(name) = rest.strip_suffix("/blobs/uploads/").or_else(|| rest.strip_suffix("/blobs/uploads")) {
            return at(name, Endpoint::Uploads);
        }
        let (before, last) = rest.rsplit_once('/')?;
        if let Some(name) = before.strip_suffix("/blobs/uploads") {
            return at(name, Endpoint::Upload(last.to_owned()));
        }
        let (name, kind) = before.rsplit_once('/')?;
        match kind {
            "blobs" => at(name, Endpoint::Blob(last.to_owned())),
            "manifests" => at(name, Endpoint::Manifest(last.to_owned())),
            "referrers" => at(name, Endpoint::Referrers(last.to_owned())),
            _ => None,
        }
    }

    /// Refuses a name that is outside the grammar. To ask for it finds nothing; to write to it is a mistake.
    pub(crate) fn check_name(&self, method: &Method) -> Result<(), Failure> {
        if matches!(self.endpoint, Endpoint::Base | Endpoint::Catalog) || is_repository(&self.repository) {
            return Ok(());
        }
        let message = format!("{:?} is not a repository name: lower-case path segments are expected", self.repository);
        Err(if matches!(*method, Method::GET | Method::HEAD) {
            Failure::unknown("NAME_INVALID", message)
        } else {
            Failure::invalid("NAME_INVALID", message)
        })
    }
}

/// The parameters of a request.
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the part behind `?`.
    ///
    /// A `+` stays what it is: media types are full of them (`artifactType=application/spdx+json`), and no parameter of
    /// this API contains a space.
    pub fn parse(uri: &Uri) -> Self {
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(key, value)| (decode(key), decode(value)))
                .collect(),
        )
    }

    /// The first value of a parameter.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(path: &str) -> Option<(String, Endpoint)> {
        Target::parse(&path.parse().unwrap()).map(|target| (target.repository, target.endpoint))
    }

    #[test]
    fn the_end_of_a_path_says_what_it_is() {
        let at = |name: &str, endpoint| Some((name.to_owned(), endpoint));
        assert_eq!(parse("/v2"), at("", Endpoint::Base));
        assert_eq!(parse("/v2/"), at("", Endpoint::Base));
        assert_eq!(parse("/v2/a/blobs/tags/list"), at("a/blobs", Endpoint::Tags));
        assert_eq!(parse("/v2/a/manifests/manifests/x"), at("a/manifests", Endpoint::Manifest("x".into())));
        assert_eq!(parse("/v2/a/b/blobs/sha256%3Aab"), at("a/b", Endpoint::Blob("sha256:ab".into())));
        assert_eq!(parse("/v2/a/blobs/uploads"), at("a", Endpoint::Uploads));
        assert_eq!(parse("/v2/a/blobs/uploads/"), at("a", Endpoint::Uploads));
        assert_eq!(parse("/v2/a/blobs/uploads/1"), at("a", Endpoint::Upload("1".into())));
        assert_eq!(parse("/v1/a/blobs/x"), None);
        assert_eq!(parse("/v2x"), None);
        assert_eq!(parse("/v2/a"), None);
    }

    #[test]
    fn a_plus_in_a_parameter_is_a_plus() {
        let query = Query::parse(&"/?artifactType=a/b+json&x=%2B&tag=1&tag=2".parse().unwrap());
        assert_eq!(query.get("artifactType"), Some("a/b+json"));
        assert_eq!(query.get("x"), Some("+"));
        assert_eq!(query.all("tag").collect::<Vec<_>>(), ["1", "2"]);
    }
}
