use super::field::Known;

/// What `--transformer` of downloads knows by itself.
pub(super) const TYPES: &[Known] = &[Known::additional(
    &["helm"],
    "Helm chart",
    "The archive of a chart and its provenance file, of an OCI artifact.",
    &[],
)];
