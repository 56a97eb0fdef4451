//! `npm`: a package of a registry for JavaScript, as the archive it is published in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ocm_blob::{Algorithm, Digest, hex};
use ocm_http::{Method, Reach, Request, same_origin};
use ocm_model::TypedObject;
use ocm_model::access::Access;
use ocm_oci::{Error, Kind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::fetch::{Fetch, address, authority, client, unanswered};
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
    let answer = Fetch::new(client.clone(), request).good_answer().await?;
    let is_local = answer.is_local();
    let text = answer.bytes(DESCRIPTION_LIMIT).await.map_err(|error| unanswered(&subject, error))?;
    let description: Description = serde_json::from_slice(&text)
        .map_err(|error| Error::invalid(&subject, format!("its description cannot be read: {error}")))?;
    let archive = address(&description.dist.tarball, "tarball")?;
    let is_own = same_origin(&url, &archive);
    if !is_own && archive.scheme() != "https" {
        let reason = format!("its description leads to plain http on another host, {}", authority(&archive));
        return Err(Error::new(Kind::Denied, subject, reason));
    }
    let integrity = integrity(&description.dist.integrity);
    let integrity = integrity.map_err(|reason| Error::invalid(format!("description of {subject}"), reason))?;
    let mut request = Request::new(Method::GET, archive.clone());
    if !is_own && !is_local {
        // A registry on the public network must not lead into the local one.
        request = request.reach(Reach::Public);
    }
    // Other hosts get no credentials, whatever the registry says.
    if let Some(value) = value.filter(|_| is_own) {
        request = request.authorization(value);
    }
    Fetch::new(client, request).content(Some(PACKAGE.to_owned()), integrity).await
}

/// The strongest digest of a *Subresource Integrity* text that is computed here; weaker ones, and none at all, say nothing.
///
/// # Errors
/// One that would count cannot be read: without it, anything would pass for the package.
fn integrity(text: &str) -> Result<Option<Digest>, String> {
    let known = [("sha512-", Algorithm::Sha512), ("sha256-", Algorithm::Sha256)];
    let mut found = None;
    for part in text.split_whitespace() {
        if !part.contains('-') {
            return Err(format!("{part:?} in dist.integrity is no digest"));
        }
        let Some((position, value)) =
            known.iter().enumerate().find_map(|(position, (name, _))| Some((position, part.strip_prefix(name)?)))
        else {
            continue;
        };
        let value = value.split('?').next().unwrap_or(value);
        let digest = STANDARD
            .decode(value)
            .ok()
            .and_then(|bytes| Digest::from_hex(known[position].1, &hex::encode(&bytes)).ok());
        let digest = digest.ok_or_else(|| format!("{part:?} in dist.integrity is no digest that can be checked"))?;
        if found.as_ref().is_none_or(|(best, _)| position < *best) {
            found = Some((position, digest));
        }
    }
    Ok(found.map(|(_, digest)| digest))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_digest_counts() {
        let sha256 = format!("sha256-{}", STANDARD.encode([7; 32]));
        let both = format!("sha1-AAAA {sha256} sha512-{}?x", STANDARD.encode([9; 64]));
        assert_eq!(integrity(&both).unwrap().unwrap().hex(), "09".repeat(64));
        assert_eq!(integrity(&sha256).unwrap().unwrap().hex(), "07".repeat(32));
        for nothing in ["", "sha1-AAAA", "sha384-AAAA"] {
            assert_eq!(integrity(nothing), Ok(None), "{nothing}");
        }
        for wrong in ["sha512-short", "sha1-AAAA sha256-", "sha512", &format!("{sha256} sha512-AAAA")] {
            assert!(integrity(wrong).is_err(), "{wrong}");
        }
    }
}
