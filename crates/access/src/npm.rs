//! `npm`: a package of a registry for JavaScript, as the archive it is published in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ocm_blob::{Algorithm, Digest};
use ocm_http::{Method, Request, same_origin};
use ocm_model::TypedObject;
use ocm_model::access::Access;
use ocm_oci::{Error, Kind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::fetch::{Fetch, address, client};
use crate::{Content, Result, Sources, consumer};

/// Media type of a package.
const PACKAGE: &str = "application/x-tgz";

/// Largest description of one version of a package, in bytes.
const DESCRIPTION_LIMIT: u64 = 4 << 20;

/// A package with a scope, `@scope/name`, is one segment of the address.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');

#[derive(Deserialize)]
struct Description {
    dist: Distribution,
}

#[derive(Deserialize)]
struct Distribution {
    tarball: String,
    /// One or more digests, `sha512-<base64>`.
    #[serde(default)]
    integrity: String,
}

/// Opens the archive of a package, checked against the digest that the registry tells.
pub(crate) async fn open(access: &TypedObject, sources: &dyn Sources) -> Result<Content> {
    let Access::Npm { registry, package, version } = Access::of(access) else {
        return Err(Error::new(Kind::Malformed, &access.kind, "is no access to a package"));
    };
    let subject = format!("npm package {package}@{version}");
    if package.is_empty() || version.is_empty() {
        return Err(Error::new(Kind::Malformed, subject, "the access needs registry, package and version"));
    }
    let segment = |text: &str| utf8_percent_encode(text, SEGMENT).to_string();
    let url = format!("{}/{}/{}", registry.trim_end_matches('/'), segment(&package), segment(&version));
    let url = address(&url, "registry")?;
    let client = client(sources, &url)?;
    let mut request = Request::new(Method::GET, url.clone());
    let found = consumer::credentials(sources, &["NpmRegistry", "Registry.npmjs.com"], &url).await?;
    let value = found.as_ref().map(|found| consumer::authorization(found, &url)).transpose()?.flatten();
    if let Some(value) = value.clone() {
        request = request.authorization(value);
    }
    let text = Fetch::new(client.clone(), request).document(DESCRIPTION_LIMIT).await?;
    let description: Description = serde_json::from_slice(&text)
        .map_err(|error| Error::invalid(&subject, format!("its description cannot be read: {error}")))?;
    let archive = address(&description.dist.tarball, "tarball")?;
    let mut request = Request::new(Method::GET, archive.clone());
    // Other hosts get no credentials, whatever the registry says.
    if let Some(value) = value.filter(|_| same_origin(&url, &archive)) {
        request = request.authorization(value);
    }
    Fetch::new(client, request).content(Some(PACKAGE.to_owned()), integrity(&description.dist.integrity)).await
}

/// Bytes as lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The strongest digest of a *Subresource Integrity* text that is computed here.
fn integrity(text: &str) -> Option<Digest> {
    let find = |name: &str, algorithm: Algorithm| {
        let value = text.split_whitespace().find_map(|part| part.strip_prefix(name)?.strip_prefix('-'))?;
        let bytes = STANDARD.decode(value.split('?').next().unwrap_or(value)).ok()?;
        Digest::from_hex(algorithm, &hex(&bytes)).ok()
    };
    find("sha512", Algorithm::Sha512).or_else(|| find("sha256", Algorithm::Sha256))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_digest_counts() {
        let sha256 = format!("sha256-{}", STANDARD.encode([7; 32]));
        let both = format!("sha1-AAAA {sha256} sha512-{}?x", STANDARD.encode([9; 64]));
        assert_eq!(integrity(&both).unwrap().hex(), "09".repeat(64));
        assert_eq!(integrity(&sha256).unwrap().hex(), "07".repeat(32));
        assert_eq!(integrity("sha1-AAAA sha512-short"), None);
    }
}
