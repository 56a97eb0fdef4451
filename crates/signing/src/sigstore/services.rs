use std::fmt;

use ocm_http::Url;
use sigstore_verify::trust_root::{
    SIGSTORE_PRODUCTION_SIGNING_CONFIG, ServiceEndpoint, ServiceSelector, SigningConfig,
};

use super::bundle::unique;
use crate::Result;
use crate::error::{malformed, unsupported};

/// Where a Sigstore instance is reached for signing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Services {
    /// The certificate authority (Fulcio).
    pub authority: Url,
    /// The log (Rekor); without one, a timestamp has to say when.
    pub log: Option<Log>,
    /// The timestamp authority (RFC 3161).
    pub timestamps: Option<Url>,
}

/// A log, by the interface that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Log {
    /// Rekor v1, which says itself when an entry was made.
    V1(Url),
    /// Rekor v2, which leaves that to a timestamp authority.
    V2(Url),
}

impl Services {
    /// Those of the public instance (`sigstore.dev`) as of when this program was built.
    ///
    /// # Errors
    /// They cannot be read, which does not happen.
    pub fn public() -> Result<Self> {
        Self::read(SIGSTORE_PRODUCTION_SIGNING_CONFIG.as_bytes())
    }

    /// Reads a `signing_config.json`, as Sigstore instances publish it. Of several services that are valid now the first is
    /// taken, and Rekor v1 before v2: more programs verify what it answers.
    ///
    /// # Errors
    /// It is none, names no certificate authority, neither log nor timestamp authority, or asks for more than one of a kind.
    pub fn read(json: &[u8]) -> Result<Self> {
        let wrong = |error: &dyn fmt::Display| malformed(format!("the Sigstore signing configuration: {error}"));
        let text = unique(json).map_err(|error| wrong(&error))?;
        let config = SigningConfig::from_json(text).map_err(|error| wrong(&error))?;
        for (what, asked) in [("logs", &config.rekor_tlog_config), ("timestamp authorities", &config.tsa_config)] {
            let is_one = match asked.selector {
                ServiceSelector::Any => true,
                ServiceSelector::Exact => asked.count == Some(1),
                _ => false,
            };
            if !is_one {
                return Err(unsupported(format!(
                    "the Sigstore signing configuration asks for several {what}; one of each kind is used here: selector ANY"
                )));
            }
        }
        let url = |endpoint: &ServiceEndpoint| {
            Url::parse(&endpoint.url).map_err(|error| wrong(&format_args!("{:?}: {error}", endpoint.url)))
        };
        let authority = config.fulcio_url().ok_or_else(|| wrong(&"no certificate authority is valid now (caUrls)"))?;
        let authority = url(authority)?;
        // The identity token goes there, and whoever has it is whoever it names.
        if authority.scheme() != "https" && !authority.host_str().is_some_and(ocm_http::is_loopback_host) {
            return Err(wrong(&format_args!("{authority}: an identity token is sent over https only")));
        }
        let log = match (config.rekor_url(Some(1)), config.rekor_url(Some(2))) {
            (Some(endpoint), _) => Some(Log::V1(url(endpoint)?)),
            (None, Some(endpoint)) => Some(Log::V2(url(endpoint)?)),
            (None, None) => None,
        };
        let timestamps = config.tsa_url().map(url).transpose()?;
        if timestamps.is_none() && !matches!(log, Some(Log::V1(_))) {
            return Err(wrong(&"nobody would say when something was signed: tsaUrls or a Rekor v1 log is needed"));
        }
        Ok(Self { authority, log, timestamps })
    }
}

/// An address below another one.
pub(super) fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    let joined = format!("{}/{path}", base.path().trim_end_matches('/'));
    url.set_path(&joined);
    url
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_public_instance_is_known() {
        let services = Services::public().unwrap();
        assert_eq!(services.authority.as_str(), "https://fulcio.sigstore.dev/");
        assert!(matches!(services.log, Some(Log::V1(_))) && services.timestamps.is_some());
        assert_eq!(below(&services.authority, "api/v2/x").as_str(), "https://fulcio.sigstore.dev/api/v2/x");
    }

    #[test]
    fn configurations_that_cannot_be_followed_are_refused() {
        let at = |authority: &str, rest: &str| {
            let text = format!(
                r#"{{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","caUrls":[{{"url":"{authority}","majorApiVersion":1,"validFor":{{"start":"2020-01-01T00:00:00Z"}}}}]{rest}}}"#
            );
            Services::read(text.as_bytes())
        };
        let with = |rest: &str| at("https://ca", rest);
        let entry = |version: u8| {
            format!(
                r#"[{{"url":"http://x","majorApiVersion":{version},"validFor":{{"start":"2020-01-01T00:00:00Z"}}}}]"#
            )
        };
        assert!(with("").is_err());
        let log = format!(r#","rekorTlogUrls":{}"#, entry(1));
        assert!(at("http://127.0.0.1:1", &log).is_ok());
        assert!(at("http://ca", &log).unwrap_err().to_string().contains("https"));
        assert!(with(&format!(r#","rekorTlogUrls":{}"#, entry(2))).is_err());
        assert!(matches!(with(&format!(r#","rekorTlogUrls":{}"#, entry(1))).unwrap().log, Some(Log::V1(_))));
        let all = format!(r#","rekorTlogUrls":{},"tsaUrls":{},"tsaConfig":{{"selector":"ALL"}}"#, entry(2), entry(1));
        assert!(with(&all).is_err());
    }
}
