use clap::Args;

use super::VersionForm;

/// Compare two component versions, or everything in two archives
///
/// Resources, sources, references, labels and signatures are compared by their identity; content by the digests that
/// descriptors record, it is not read. Each difference says whether the digest of the component version covers it.
///
/// The exit code is 0 if there is no difference, 1 if there is one. If the comparison fails, it is 2 or the code of the
/// failure, never 1.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// Component reference, or an archive
    #[arg(value_name = "LEFT")]
    pub(crate) left: String,
    /// Component reference, or an archive
    #[arg(value_name = "RIGHT")]
    pub(crate) right: String,
    /// Leave out what the digest does not cover: where content is, signatures, labels that are not signed
    #[arg(long)]
    pub(crate) digest_only: bool,
    /// Form of the output
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: VersionForm,
}
