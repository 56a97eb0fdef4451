use ocm_blob::Digest;
use ocm_oci::{Descriptor, Document, ImageIndex, Manifest, media_type};

use crate::ctf::batch::Referral;

/// The tag under which a place without a referrers API lists what refers to a manifest (OCI distribution specification,
/// *Referrers Tag Schema*): the hash is cut to 64 digits, so that the tag of a SHA-512 digest stays a legal tag.
pub(crate) fn fallback_tag(subject: &Digest) -> String {
    let mut hex = subject.hex();
    hex.truncate(64);
    format!("{}-{hex}", subject.algorithm().name())
}

/// An empty list.
pub(crate) fn empty() -> ImageIndex {
    ImageIndex {
        schema_version: 2,
        media_type: Some(media_type::INDEX.to_owned()),
        artifact_type: None,
        manifests: Vec::new(),
        subject: None,
        annotations: None,
        other: serde_json::Map::new(),
    }
}

/// Reads a list.
pub(crate) fn parse(bytes: &[u8]) -> Result<ImageIndex, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("is not a valid list of referrers: {error}"))
}

/// How a manifest is listed: with its artifact type and its annotations.
pub(crate) fn row(manifest: &Manifest, document: &Document) -> Descriptor {
    let mut row = manifest.descriptor();
    row.artifact_type = document.artifact_type().map(str::to_owned);
    row.annotations = document.annotations().cloned();
    row
}

/// Adds or removes an entry of a list.
pub(crate) fn apply(list: &mut Vec<Descriptor>, referral: &Referral) {
    list.retain(|entry| entry.digest != referral.referrer.digest);
    if referral.present {
        list.push(referral.referrer.clone());
    }
}
