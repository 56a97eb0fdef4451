//! The specifications of nodes after all expressions in them are evaluated.

use std::collections::BTreeMap;

use ocm_model::TypedObject;
use serde::Deserialize;
use serde_json::Value;

/// A member of a specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// It must be there.
    Required(&'static str),
    /// It may be there.
    Optional(&'static str),
}

impl Field {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Required(name) | Self::Optional(name) => name,
        }
    }
}

/// Of a node that reads a component version or something in it.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Get {
    pub(super) repository: TypedObject,
    pub(super) component: String,
    pub(super) version: String,
    #[serde(alias = "sourceIdentity", default)]
    pub(super) resource_identity: BTreeMap<String, String>,
}

/// Of a node that stores an element with its component version.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AddLocal {
    pub(super) repository: TypedObject,
    pub(super) component: String,
    #[serde(alias = "source")]
    pub(super) resource: Value,
    pub(super) file: File,
    pub(super) global_access_policy: Option<String>,
}

/// Of a node that stores a component version.
#[derive(Deserialize)]
pub(super) struct AddVersion {
    pub(super) repository: TypedObject,
    pub(super) descriptor: Value,
}

/// How the image is referred to afterwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum AccessStyle {
    /// By its address, as the older program does it.
    #[default]
    Absolute,
    /// By its name in the registry, whatever that is reached by.
    Relative,
}

/// Of a node that finds content outside of its component version.
#[derive(Deserialize)]
pub(super) struct GetArtifact {
    pub(super) resource: Value,
    #[serde(flatten)]
    pub(super) home: Home,
}

/// The component version that an image is recorded in, for images whose recorded address may be stale or relative. The
/// older program has no such members.
#[derive(Deserialize)]
pub(super) struct Home {
    repository: Option<TypedObject>,
    component: Option<String>,
    version: Option<String>,
}

impl Home {
    /// The component version, if one is named.
    ///
    /// # Errors
    /// Only some of the three members are there.
    pub(super) fn get(self) -> Result<Option<Get>, String> {
        match (self.repository, self.component, self.version) {
            (None, None, None) => Ok(None),
            (Some(repository), Some(component), Some(version)) => {
                Ok(Some(Get { repository, component, version, resource_identity: BTreeMap::new() }))
            }
            _ => Err("spec: repository, component and version belong together; give all of them or none".into()),
        }
    }
}

/// Of a node that stores an image.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AddArtifact {
    pub(super) resource: Value,
    pub(super) file: File,
    #[serde(default)]
    pub(super) access_style: AccessStyle,
}

/// Of a node that does both.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TransferArtifact {
    pub(super) resource: Value,
    pub(super) target_resource: Value,
    #[serde(default)]
    pub(super) access_style: AccessStyle,
    #[serde(flatten)]
    pub(super) home: Home,
}

/// Of a node that makes an artifact of a chart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConvertChart {
    pub(super) resource: Value,
    pub(super) chart_file: File,
}

/// Of the node that removes temporary files.
#[derive(Deserialize)]
pub(super) struct Cleanup {
    pub(super) files: Vec<Option<Value>>,
}

/// A handle to content. Whoever finds content gives one out, whoever stores it takes it; the content itself stays where it
/// is until it is moved.
#[derive(Deserialize)]
pub(super) struct File {
    pub(super) uri: String,
}
