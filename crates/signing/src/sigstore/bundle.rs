use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ocm_model::descriptor::SignatureValue;
use sigstore_verify::types::{Bundle, SignatureContent};

use crate::Result;
use crate::error::{rejected, unsupported};

/// Media types of stored Sigstore signatures.
pub mod media_type {
    /// A Sigstore bundle, in base64.
    pub const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
    /// An entry of a Rekor log, in base64.
    pub const LOG_ENTRY: &str = "application/vnd.ocm.signature.sigstore";
}

/// What the media types of bundles of other versions begin with.
const OTHER_BUNDLE: &str = "application/vnd.dev.sigstore.bundle+json";

/// Largest bundle or log entry in bytes: one with two certificates, a proof and a timestamp has ten thousand.
const LARGEST: usize = 1 << 20;

/// Whether a media type is one of these forms.
pub fn is_sigstore(media_type: &str) -> bool {
    media_type == media_type::LOG_ENTRY || is_bundle(media_type)
}

pub(super) fn is_bundle(media_type: &str) -> bool {
    media_type == media_type::BUNDLE || media_type.starts_with(OTHER_BUNDLE)
}

/// The bundle of a stored signature.
pub(super) fn of_value(value: &SignatureValue) -> Result<Bundle> {
    let bundle = read(&decoded(value)?)?;
    match bundle.content {
        SignatureContent::MessageSignature(_) => Ok(bundle),
        // A statement about something is no signature over it: whoever makes statements need not stand behind their subjects.
        _ => Err(unsupported("the Sigstore bundle holds a statement (DSSE), not a signature over the digest")),
    }
}

/// The document in a stored signature.
pub(super) fn decoded(value: &SignatureValue) -> Result<Vec<u8>> {
    let text = value.value.as_bytes();
    if text.len() > LARGEST {
        return Err(rejected(format!("the Sigstore signature is larger than the limit of {LARGEST} bytes")));
    }
    let text: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(text).map_err(|error| rejected(format!("the Sigstore signature is no base64: {error}")))
}

/// Reads a bundle, of whatever it is.
pub(super) fn read(json: &[u8]) -> Result<Bundle> {
    let wrong = |error: &dyn std::fmt::Display| rejected(format!("the Sigstore bundle cannot be read: {error}"));
    let text = unique(json).map_err(|error| wrong(&error))?;
    Bundle::from_json(text).map_err(|error| wrong(&error))
}

/// The text of a document in which no object has a member twice: readers differ about which of the two counts.
pub(super) fn unique(json: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(json).map_err(|error| error.to_string())?;
    serde_json::from_str::<ocm_model::UniqueMembers>(text).map_err(|error| error.to_string())?;
    Ok(text)
}
