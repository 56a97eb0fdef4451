use std::fmt;
use std::sync::{Arc, LazyLock};

use sigstore_verify::Verifier;
use sigstore_verify::trust_root::{self, SIGSTORE_PRODUCTION_TRUSTED_ROOT};

use super::bundle::unique;
use crate::Result;
use crate::error::malformed;

/// The authorities and logs that are trusted: a `trusted_root.json`, as Sigstore instances publish it. Cheap to clone.
#[derive(Clone)]
pub struct TrustedRoot(Arc<Inner>);

struct Inner {
    verifier: Verifier,
    has_certificate_logs: bool,
    is_public: bool,
}

static PUBLIC: LazyLock<Result<TrustedRoot>> =
    LazyLock::new(|| TrustedRoot::parse(SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes(), true));

impl TrustedRoot {
    /// The root of the public instance (`sigstore.dev`) as of when this program was built.
    ///
    /// # Errors
    /// It cannot be read, which does not happen.
    pub fn public() -> Result<Self> {
        PUBLIC.clone()
    }

    /// Reads a `trusted_root.json`.
    ///
    /// # Errors
    /// It is none, or something in it cannot be used: a root with a broken part is not used in parts.
    pub fn read(json: &[u8]) -> Result<Self> {
        Self::parse(json, false)
    }

    fn parse(json: &[u8], is_public: bool) -> Result<Self> {
        let wrong = |error: &dyn fmt::Display| malformed(format!("the Sigstore trusted root cannot be read: {error}"));
        let text = unique(json).map_err(|error| wrong(&error))?;
        let root = trust_root::TrustedRoot::from_json(text).map_err(|error| wrong(&error))?;
        let verifier = Verifier::new(&root).map_err(|error| wrong(&error))?;
        Ok(Self(Arc::new(Inner { verifier, has_certificate_logs: !root.ctlogs.is_empty(), is_public })))
    }

    pub(super) fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    /// Whether it names logs of certificates.
    pub(super) fn has_certificate_logs(&self) -> bool {
        self.0.has_certificate_logs
    }

    /// Whether it is the one of the public instance, and nobody pinned it.
    pub(super) fn is_public(&self) -> bool {
        self.0.is_public
    }
}

impl fmt::Debug for TrustedRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_public { "TrustedRoot(public)" } else { "TrustedRoot(pinned)" })
    }
}
