use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;

use super::Descriptor;
use super::v3alpha1::DescriptorV3;
use crate::unique::UniqueMembers;
use crate::{Error, Result, yaml};

/// The members that tell the schemas apart.
#[derive(Deserialize)]
struct Probe {
    meta: Option<IgnoredAny>,
    #[serde(rename = "apiVersion")]
    api_version: Option<IgnoredAny>,
}

/// How the text is written.
#[derive(Clone, Copy)]
enum Syntax {
    Json,
    Yaml,
}

impl Descriptor {
    /// Reads a descriptor in JSON or YAML (1.1), of schema `v2` or `v3alpha1`.
    ///
    /// The caller limits the size. Members nobody knows are kept; an unquoted YAML number keeps its text where the
    /// schema wants text.
    ///
    /// # Errors
    ///
    /// Text that is neither JSON nor YAML, a member that stands twice, both schemas at once, another schema, or a member
    /// of the wrong form; with line and column.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes).map_err(|error| fault(format_args!("is not UTF-8: {error}")))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let syntax = syntax(text)?;
        let probe: Probe = parse(text, syntax)?;
        match (probe.meta, probe.api_version) {
            (Some(_), Some(_)) => Err(fault("has both meta and apiVersion: it must follow one schema")),
            (None, None) => Err(fault("has neither meta.schemaVersion nor apiVersion, so its schema is unknown")),
            (None, Some(_)) => parse::<DescriptorV3>(text, syntax)?.into_v2(),
            (Some(_), None) => {
                let descriptor: Self = parse(text, syntax)?;
                if !descriptor.meta.schema_version.starts_with("v2") {
                    let version = &descriptor.meta.schema_version;
                    return Err(fault(format_args!("has the schema version {version:?}; v2 and v3alpha1 can be read")));
                }
                Ok(descriptor)
            }
        }
    }
}

pub(super) fn fault(reason: impl std::fmt::Display) -> Error {
    Error::new("component descriptor", reason)
}

/// JSON first: it is what is stored, and five times as fast. What is not JSON is YAML.
fn syntax(text: &str) -> Result<Syntax> {
    match serde_json::from_str::<UniqueMembers>(text) {
        Ok(UniqueMembers) => Ok(Syntax::Json),
        Err(error) if error.classify() == Category::Data => Err(fault(error)),
        Err(error) if error.to_string().starts_with("recursion limit") => Err(fault(error)),
        // To YAML the keys `1` and `"1"` are two; what is made of them here, and by all other programs, is one.
        Err(_) => yaml::read_unmerged::<UniqueMembers>(text).map(|UniqueMembers| Syntax::Yaml).map_err(fault),
    }
}

fn parse<T: DeserializeOwned>(text: &str, syntax: Syntax) -> Result<T> {
    match syntax {
        Syntax::Json => serde_json::from_str(text).map_err(fault),
        Syntax::Yaml => yaml::read(text).map_err(fault),
    }
}
