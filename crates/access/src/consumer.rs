//! Who the program is to a server: consumer identities, and credentials as headers.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ocm_http::{Handshake, HeaderValue, Secret, Url};
use ocm_model::Identity;
use ocm_oci::{Error, Kind};

use crate::{Properties, Result, Sources};

/// Names of parts with a client certificate: of credentials for web servers, of those for charts, and as data.
const CERTIFICATE: [&str; 4] = ["certificate", "cert", "certData", "clientCertificate"];

/// The same for its key.
const KEY: [&str; 4] = ["privateKey", "key", "keyData", "clientKey"];

/// The same for a certificate authority that the server is checked with.
const AUTHORITY: [&str; 4] = ["certificateAuthority", "caCert", "ca", "caData"];

/// The identity under which credentials for an address are configured.
pub(crate) fn identity(kind: &str, url: &Url) -> Identity {
    let mut identity = Identity::default();
    let mut set = |key: &str, value: &str| {
        if !value.is_empty() {
            identity.0.insert(key.to_owned(), value.to_owned());
        }
    };
    set("type", kind);
    set("scheme", url.scheme());
    set("hostname", url.host_str().unwrap_or_default());
    set("port", &url.port().map(|port| port.to_string()).unwrap_or_default());
    set("path", url.path().trim_matches('/'));
    identity
}

/// Credentials for an address under the first of the names its type has that knows any.
pub(crate) async fn credentials(sources: &dyn Sources, kinds: &[&str], url: &Url) -> Result<Option<Properties>> {
    for kind in kinds {
        if let Some(properties) = sources.credentials(&identity(kind, url)).await? {
            return Ok(Some(properties));
        }
    }
    Ok(None)
}

/// The value of `Authorization`: a token where there is one, else user and password.
pub(crate) fn authorization(properties: &Properties, url: &Url) -> Result<Option<HeaderValue>> {
    let text = if let Some(token) = properties.get(&["identityToken", "token", "accessToken"]) {
        format!("Bearer {token}")
    } else if let Some(user) = properties.get(&["username", "user"]) {
        let password = properties.get(&["password"]).unwrap_or_default();
        format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
    } else {
        return Ok(None);
    };
    // The text itself stays out of the message: it is the secret.
    let unusable =
        |_| Error::new(Kind::Denied, ocm_http::redacted(url), "the credentials hold characters that cannot be sent");
    HeaderValue::from_str(&text).map(Some).map_err(unusable)
}

/// What credentials bring into the TLS handshake with the host they are for: a client certificate with its key, and a
/// certificate authority, each as PEM text or as the name of a file with it.
///
/// # Errors
/// A file that cannot be read; a certificate without its key, or a key without its certificate.
pub(crate) fn handshake(properties: &Properties, url: &Url) -> Result<Option<Arc<Handshake>>> {
    let of = |names: &[&str]| -> Result<Option<Vec<u8>>> {
        for name in names {
            let content =
                properties.content(name).map_err(|error| Error::new(Kind::Local, ocm_http::redacted(url), error))?;
            if let Some(content) = content.filter(|content| !content.is_empty()) {
                return Ok(Some(pem(content.reveal())));
            }
        }
        Ok(None)
    };
    let certificate = of(&CERTIFICATE)?;
    let key = of(&KEY)?;
    let authority = of(&AUTHORITY)?;
    let wrong = |reason: &str| Err(Error::new(Kind::Denied, ocm_http::redacted(url), reason));
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(ocm_http::Identity { certificate, key: Secret::new(key) }),
        // One text may hold both.
        (Some(both), None) if contains(&both, b"PRIVATE KEY-----") => {
            Some(ocm_http::Identity { certificate: both.clone(), key: Secret::new(both) })
        }
        (None, None) => None,
        (Some(_), None) => return wrong("the credentials have a client certificate and no key for it"),
        (None, Some(_)) => {
            return wrong("the credentials have the key of a client certificate and not the certificate");
        }
    };
    let handshake = Handshake { certificate_authorities: authority.into_iter().collect(), identity };
    Ok((handshake != Handshake::default()).then(|| Arc::new(handshake)))
}

/// Text in PEM form, or base64 of it.
fn pem(text: &[u8]) -> Vec<u8> {
    if contains(text, b"-----BEGIN") {
        return text.into();
    }
    let joined: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(joined).unwrap_or_else(|_| text.into())
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_has_what_is_written() {
        let identity = identity("Wget", &"https://host.example:8443/a/b?c=d".parse().unwrap());
        assert_eq!(identity.to_string(), "hostname=host.example,path=a/b,port=8443,scheme=https,type=Wget");
    }

    #[test]
    fn a_token_goes_before_a_password() {
        let url: Url = "https://host.example/".parse().unwrap();
        let header = |parts: &[(&str, &str)]| {
            let value = authorization(&parts.iter().copied().collect(), &url).unwrap();
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(header(&[("username", "me"), ("password", "pw")]).unwrap(), "Basic bWU6cHc=");
        assert_eq!(header(&[("username", "me"), ("identityToken", "t")]).unwrap(), "Bearer t");
        assert_eq!(header(&[("certificate", "x")]), None);
        let error = authorization(&[("token", "can\nary")].into_iter().collect(), &url).unwrap_err();
        assert!(!error.to_string().contains("ary"), "{error}");
    }
}
