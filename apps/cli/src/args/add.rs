use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::VersionsForm;

/// Add anything to OCM
#[derive(Debug, Args)]
pub(crate) struct Add {
    #[command(subcommand)]
    pub(crate) kind: Option<AddKind>,
}

/// What to add.
#[derive(Debug, Subcommand)]
pub(crate) enum AddKind {
    #[command(visible_alias = "cv", aliases = [
        "component-versions", "cvs", "componentversion", "componentversions", "component", "components", "comp", "comps", "c",
    ])]
    ComponentVersion(Box<AddComponentVersion>),
}

/// Build component versions from constructor files and add them to a repository
///
/// Nothing becomes visible in the repository when any component of the files fails. Command lines of the older program
/// work too: constructor files as arguments, `NAME=value` variables before or after `--`, and `-c` for `--create` as soon as
/// one of its own flags is there.
#[derive(Debug, Args)]
pub(crate) struct AddComponentVersion {
    /// Constructor files, and `NAME=value` variables for their templates
    #[arg(value_name = "CONSTRUCTOR|NAME=VALUE")]
    pub(crate) arguments: Vec<String>,
    /// Constructor file; the default is `component-constructor.yaml`, else `component-constructor.yml`
    #[arg(long, short, value_name = "FILE")]
    pub(crate) constructor: Option<PathBuf>,
    /// Repository that receives the component versions; an archive is made when it does not exist
    /// [default: transport-archive]
    #[arg(long, short, value_name = "REPOSITORY", conflicts_with = "file")]
    pub(crate) repository: Option<String>,
    /// Form of the output [default: table]
    #[arg(long, short, value_name = "FORM")]
    pub(crate) output: Option<VersionsForm>,
    /// What to do about a component version that is already there with other content
    #[arg(long, value_name = "POLICY", conflicts_with = "replace")]
    pub(crate) component_version_conflict_policy: Option<ConflictPolicy>,
    /// What to do with referenced component versions of other repositories
    #[arg(long, value_name = "POLICY", default_value = "skip")]
    pub(crate) external_component_version_copy_policy: CopyPolicy,
    /// Record images without looking them up: no digest, no pinned reference
    #[arg(long, visible_alias = "skip-digest-generation")]
    pub(crate) skip_reference_digest_processing: bool,
    /// Elements of one component that are processed at the same time; 0 takes the number of processors
    #[arg(long, value_name = "NUMBER", default_value_t = 4, allow_negative_numbers = true)]
    pub(crate) concurrency_limit: i64,
    /// Name recorded for digests of OCI content: `genericBlobDigest/v1` or `ociArtifactDigest/v1`
    #[arg(long, value_name = "ALGORITHM")]
    pub(crate) oci_artifact_digest: Option<String>,
    /// Time of creation to record (RFC 3339); none by default, so that the same input gives the same digest
    #[arg(long, value_name = "TIME")]
    pub(crate) creation_time: Option<String>,
    /// Archive that receives the component versions
    #[arg(long, short = 'F', value_name = "ARCHIVE", help_heading = OLDER)]
    pub(crate) file: Option<String>,
    /// Make the archive when it does not exist (`-c` in command lines of the older program)
    #[arg(long, help_heading = OLDER)]
    pub(crate) create: bool,
    /// Throw an existing archive away first
    #[arg(long, short, help_heading = OLDER)]
    pub(crate) force: bool,
    /// Form of a new archive: `directory`, `tar`, `tgz`
    #[arg(long = "type", short = 't', value_name = "FORM", help_heading = OLDER)]
    pub(crate) form: Option<String>,
    /// Template engine: `go`, `subst`, `none`; Go placeholders are recognised without it
    #[arg(long, value_name = "ENGINE", help_heading = OLDER)]
    pub(crate) templater: Option<String>,
    /// YAML file with variables; may be repeated, later files win
    #[arg(long, short, value_name = "FILE", help_heading = OLDER)]
    pub(crate) settings: Vec<PathBuf>,
    /// Take the environment as variables
    #[arg(long, help_heading = OLDER)]
    pub(crate) addenv: bool,
    /// Version of components that name none
    #[arg(long, short, value_name = "VERSION", help_heading = OLDER)]
    pub(crate) version: Option<String>,
    /// Only evaluate the templates and print the specification
    #[arg(long, help_heading = OLDER)]
    pub(crate) dry_run: bool,
    /// File for the specification of a dry run; `-`, like no flag at all, is the standard output
    #[arg(short = 'O', value_name = "FILE", help_heading = OLDER, requires = "dry_run")]
    pub(crate) specification: Option<PathBuf>,
    /// Replace component versions that are already there
    #[arg(long, short = 'R', help_heading = OLDER)]
    pub(crate) replace: bool,
    /// Copy referenced component versions into the repository too
    #[arg(long, short = 'C', help_heading = OLDER)]
    pub(crate) complete: bool,
    /// Repository to look for referenced component versions in; may be repeated
    #[arg(long, value_name = "REPOSITORY", help_heading = OLDER)]
    pub(crate) lookup: Vec<String>,
}

const OLDER: &str = "Options of the older program";

/// What to do about a component version that is already there with other content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConflictPolicy {
    /// Fail; nothing is written
    #[default]
    AbortAndFail,
    /// Keep what is there
    Skip,
    /// Replace it
    Replace,
}

/// What to do with referenced component versions of other repositories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum CopyPolicy {
    /// Leave them there
    #[default]
    Skip,
    /// Copy them too
    CopyOrFail,
}
