use std::fmt;
use std::str::FromStr;

use serde_json::Value;

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
    let mut tree = match (algorithm, &descriptor.schema) {
        (Algorithm::V1, Schema::V2) => return Ok(v1::of_v2(descriptor)),
        (Algorithm::V1, Schema::V3Alpha1 { api_version, kind }) => {
            return Ok(v1::of_v3alpha1(descriptor, api_version, kind));
        }
        (Algorithm::V2, _) => v2::tree(descriptor, &v2::with_versions(&descriptor.component.resources), reduction),
        (Algorithm::V3 | Algorithm::V4Alpha1, _) => v2::tree(descriptor, &descriptor.component.resources, reduction),
    };
    if algorithm == Algorithm::V4Alpha1 {
        drop_null_members(&mut tree);
    }
    serde_json_canonicalizer::to_vec(&tree)
        .map_err(|error| Error::new("component descriptor", format_args!("has no canonical JSON: {error}")))
}

/// Items of lists stay, `null` or not.
fn drop_null_members(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_null_members);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_null_members),
        _ => {}
    }
}
