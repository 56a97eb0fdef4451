/// The schema a descriptor was read from. Whatever it was, [`Descriptor`](super::Descriptor) shows the form of `v2`.
///
/// Only `jsonNormalisation/v1` still depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Schema {
    /// `meta.schemaVersion: v2`
    #[default]
    V2,
    /// `apiVersion: ocm.software/v3alpha1`
    V3Alpha1 {
        /// `apiVersion` as written.
        api_version: String,
        /// `kind` as written.
        kind: String,
    },
}
