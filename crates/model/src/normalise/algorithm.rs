use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::canonical::{self, Nulls};
use super::{v1, v2};
use crate::descriptor::Schema;
use crate::{Descriptor, Error, Result};

/// A way to normalise descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `jsonNormalisation/v1`: lists of single members instead of objects, in the descriptor's own schema; legacy.
    V1,
    /// `jsonNormalisation/v2`: canonical JSON with the version in ambiguous identities; legacy.
    V2,
    /// `jsonNormalisation/v3`: canonical JSON.
    V3,
    /// `jsonNormalisation/v4alpha1`: canonical JSON without members that are `null`.
    V4Alpha1,
}

impl Algorithm {
    /// The name in digests.
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "jsonNormalisation/v1",
            Self::V2 => "jsonNormalisation/v2",
            Self::V3 => "jsonNormalisation/v3",
            Self::V4Alpha1 => "jsonNormalisation/v4alpha1",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [Self::V1, Self::V2, Self::V3, Self::V4Alpha1]
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or_else(|| {
                Error::new(
                    format_args!("normalisation algorithm {name:?}"),
                    "is unknown: use jsonNormalisation/v4alpha1 or v3",
                )
            })
    }
}

/// What is left of a descriptor before it is normalised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Everything the schema defines.
    #[default]
    None,
    /// What the Go program of OCM v2 keeps: labels have name, value and signing only; a provider name and labels only; a
    /// reference without digest has one of three empty texts.
    GoV2,
}

/// The normal form of a descriptor.
///
/// # Errors
///
/// The descriptor contains a number that canonical JSON cannot say.
pub fn normalise(descriptor: &Descriptor, algorithm: Algorithm) -> Result<Vec<u8>> {
    normalise_as(descriptor, algorithm, Reduction::None)
}

/// The normal form of what a program keeps of a descriptor. A verifier tries the pure form first.
///
/// # Errors
///
/// The descriptor contains a number that canonical JSON cannot say.
pub fn normalise_as(descriptor: &Descriptor, algorithm: Algorithm, reduction: Reduction) -> Result<Vec<u8>> {
    let (resources, nulls) = match (algorithm, &descriptor.schema) {
        (Algorithm::V1, Schema::V2) => return v1::of_v2(descriptor),
        (Algorithm::V1, Schema::V3Alpha1 { api_version, kind }) => {
            return v1::of_v3alpha1(descriptor, api_version, kind);
        }
        (Algorithm::V2, _) => (v2::with_versions(&descriptor.component.resources), Nulls::Kept),
        (Algorithm::V3, _) => (Cow::Borrowed(descriptor.component.resources.as_slice()), Nulls::Kept),
        (Algorithm::V4Alpha1, _) => (Cow::Borrowed(descriptor.component.resources.as_slice()), Nulls::Dropped),
    };
    canonical::encode(v2::form(descriptor, &resources, reduction), nulls)
}
