//! `transfer`: component versions from one repository to another.

use schemars::JsonSchema;
use serde::Serialize;

pub use ocm_transfer::{CopyMode, Existing, Plan, Report, UploadAs};

use super::get;

/// What to transfer, where to, and how.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Which component versions; a repository alone means everything in it.
    pub versions: get::Request,
    /// Repository that receives them.
    pub target: String,
    /// Form of a target archive that does not exist yet; the default follows its name.
    pub target_form: Option<String>,
    /// Which content moves along.
    pub copy: CopyMode,
    /// Access types that stay by reference even if everything is copied.
    pub omit_access_types: Vec<String>,
    /// How images are stored in a registry.
    pub upload_as: UploadAs,
    /// What to do about a version that the target has with other content.
    pub existing: Existing,
}
