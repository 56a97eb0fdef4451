use std::path::PathBuf;

use clap::builder::ArgPredicate;
use clap::{Args, Subcommand, ValueEnum};

use super::{Rebase, ReportForm, Selection, TrustOptions};

/// Transfer anything between OCM repositories
#[derive(Debug, Args)]
pub(crate) struct Transfer {
    #[command(subcommand)]
    pub(crate) kind: Option<TransferKind>,
}

/// What to transfer.
#[derive(Debug, Subcommand)]
pub(crate) enum TransferKind {
    #[command(visible_alias = "cv", aliases = [
        "component-versions", "cvs", "componentversion", "componentversions", "component", "components", "comp", "comps", "c",
    ])]
    ComponentVersion(TransferComponentVersion),
    #[command(name = "ctf", visible_alias = "commontransportarchive")]
    Archive(TransferArchive),
    /// Transfer the component version in a component archive to another repository
    #[command(name = "componentarchive", visible_alias = "ca", alias = "comparch")]
    ComponentArchive(TransferArchive),
    #[command(visible_alias = "artifacts", aliases = ["art", "a"])]
    Artifact(TransferArtifact),
}

/// Copy OCI artifacts: those that are named, or all that have tags in a repository
#[derive(Debug, Args)]
pub(crate) struct TransferArtifact {
    /// Artifacts or repositories (`host/path[:tag]`, `archive//path[:tag]`), then the target: a repository, which may have a
    /// tag, or an archive
    #[arg(value_name = "REFERENCE… TARGET", required = true)]
    pub(crate) references: Vec<String>,
    /// Put the names of the repositories behind the one of the target
    #[arg(long, short = 'R')]
    pub(crate) repo_name: bool,
    /// Print the report in this form instead of one line per artifact
    #[arg(long, short, value_name = "FORM")]
    pub(crate) output: Option<ReportForm>,
}

/// Transfer component versions to another repository
///
/// Versions that the target has with the same content are skipped; other content is refused unless `--overwrite` is given.
#[derive(Debug, Args)]
pub(crate) struct TransferComponentVersion {
    /// Component references (or an archive, for everything in it), then the target repository
    #[arg(value_name = "REFERENCE… TARGET", required_unless_present = "transfer_spec", num_args = 1..)]
    pub(crate) arguments: Vec<String>,
    #[command(flatten)]
    pub(crate) options: TransferOptions,
    /// Another target repository; may be repeated. Each content is read once and sent to all of them
    #[arg(long, value_name = "TARGET")]
    pub(crate) to: Vec<String>,
    /// File that receives the list of transferred component versions
    #[arg(long, short = 'B', value_name = "FILE", conflicts_with = "dry_run")]
    pub(crate) bom_file: Option<PathBuf>,
    /// File with the document of a dry run, edited or not, that is carried out; `-` is the standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) transfer_spec: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) selection: Selection,
}

/// Transfer everything in an archive to another repository
#[derive(Debug, Args)]
pub(crate) struct TransferArchive {
    /// Archive
    #[arg(value_name = "ARCHIVE")]
    pub(crate) source: String,
    /// Target repository
    #[arg(value_name = "TARGET")]
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) options: TransferOptions,
    /// Another repository to look for referenced component versions in; may be repeated
    #[arg(long, value_name = "REPOSITORY")]
    pub(crate) lookup: Vec<String>,
}

/// How to transfer.
#[derive(Debug, Args)]
pub(crate) struct TransferOptions {
    /// Also transfer referenced component versions
    #[arg(long, short, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) recursive: Option<bool>,
    /// Copy the content of all resources, not only what the repository itself holds
    #[arg(long, short = 'V', value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) copy_resources: Option<bool>,
    /// Copy the content of resources whose relation is `local`, wherever it is stored
    #[arg(long, short = 'L', conflicts_with = "copy_resources")]
    pub(crate) copy_local_resources: bool,
    /// Treat the content of sources like that of resources
    #[arg(long)]
    pub(crate) copy_sources: bool,
    /// How copied images are stored in a registry; the default is `localBlob`
    #[arg(long, short, value_name = "FORM")]
    pub(crate) upload_as: Option<ArtifactUpload>,
    /// Keep images inside of the component version whatever the configuration says (the same as `--upload-as localBlob`,
    /// for scripts of the older program)
    #[arg(long, conflicts_with = "upload_as")]
    pub(crate) disable_uploads: bool,
    /// Name of an image that is stored as an artifact of its own: a template with `.Host`, `.Repository`, `.Name`, `.Tag`,
    /// `.Digest`, `.Component`, `.ComponentVersion`, `.Resource`, `.ResourceVersion` and the functions `slug` and `shortHash`,
    /// or `host-prefixed`; the default is `{{ .Repository }}`
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) upload_name: Option<String>,
    /// Also give images that are stored inside of their component version in a registry a name of their own there, for
    /// policies and for clients that pull by name: a template like that of `--upload-name`. The component version stays as
    /// it is
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) also_tag: Option<String>,
    /// What to do when two different images would get the same name
    #[arg(long, value_name = "WHAT", default_value = "error")]
    pub(crate) on_collision: OnCollision,
    /// How the component version refers to images that are stored as artifacts of their own
    #[arg(long, value_name = "STYLE", default_value = "relative")]
    pub(crate) access_style: AccessStyle,
    /// Whether content that is stored inside of a component version also gets an access with the address of the target
    #[arg(long, value_name = "WHEN", default_value = "never")]
    pub(crate) global_access: GlobalAccess,
    /// What becomes of the addresses under which component versions say they were stored (`repositoryContexts`); no digest
    /// and no signature covers them
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "keep",
        default_value_if("advertise", ArgPredicate::IsPresent, "advertise")
    )]
    pub(crate) repository_contexts: RepositoryContexts,
    /// The address under which others reach the target, for `--repository-contexts advertise`
    #[arg(long, value_name = "URL")]
    pub(crate) advertise: Option<String>,
    /// Copy only this platform of images for several, like `linux/amd64` or `linux/arm/v7`; may be repeated
    #[arg(long, value_name = "OS/ARCH", value_delimiter = ',', conflicts_with = "dry_run")]
    pub(crate) platform: Vec<String>,
    /// What else goes along with the content
    #[arg(long, value_name = "WHAT", value_delimiter = ',', conflicts_with = "dry_run")]
    pub(crate) with: Vec<With>,
    /// Fail, before anything is moved, if content that was asked for cannot be carried
    #[arg(long)]
    pub(crate) strict: bool,
    /// Replace component versions that the target has with other content
    #[arg(long, short = 'f')]
    pub(crate) overwrite: bool,
    /// Write all component versions again, the same ones too, with whatever the target lacks of their images
    #[arg(long)]
    pub(crate) enforce: bool,
    /// Leave component versions that the target has as they are, their signatures too; other content is still refused
    #[arg(long, conflicts_with_all = ["overwrite", "enforce"])]
    pub(crate) no_update: bool,
    /// Access type that stays by reference in spite of `--copy-resources`; may be repeated
    #[arg(long, short = 'N', value_name = "TYPE", value_delimiter = ',')]
    pub(crate) omit_access_types: Vec<String>,
    /// Form of a new target archive: `directory`, `tar`, `tgz`
    #[arg(long = "type", short = 't', value_name = "FORM")]
    pub(crate) form: Option<String>,
    /// Write target archives in parts of this size (`4GiB`, `650MB`): `NAME.001`, `NAME.002`, … Any of them opens the whole
    #[arg(long, value_name = "SIZE", value_parser = super::size::parse, conflicts_with = "dry_run")]
    pub(crate) split: Option<u64>,
    /// What the receiver of the target archives has and they need not hold: an inventory (`ocm get inventory`), an archive or
    /// a component in another repository
    #[arg(long, value_name = "BASE", conflicts_with = "dry_run")]
    pub(crate) since: Option<String>,
    /// File that receives a report with every item and what became of it, also if the transfer fails; JSON, or YAML where
    /// its name ends with `.yaml` or `.yml`
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub(crate) report: Option<PathBuf>,
    /// File that receives where each image was and where it can be pulled now, after a transfer that succeeded, for the values
    /// of Helm charts; YAML, or JSON where its name ends with `.json`. At least one target has to be a registry
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub(crate) emit_values: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rebase: Rebase,
    /// Verify the signatures of the component versions first; nothing becomes visible at the target if they are not right
    #[arg(long)]
    pub(crate) verify: bool,
    #[command(flatten)]
    pub(crate) trust: TrustOptions,
    /// Change nothing, and print what would happen as a document for `--transfer-spec`
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Form of the document of a dry run (YAML without it) or of the report, which is printed only with this flag
    #[arg(long, short, value_name = "FORM")]
    pub(crate) output: Option<ReportForm>,
}

/// What goes along with content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum With {
    /// What others say about an image: signatures, lists of contents and attestations
    Referrers,
}

/// What to do when two different images would get the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnCollision {
    /// Fail before anything is moved
    Error,
    /// Put the host that each came from behind its name
    SuffixHost,
    /// Let the later one have it
    Overwrite,
}

/// How a component version refers to images beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AccessStyle {
    /// By their name in the registry of the component version, under whatever address that is reached
    Relative,
    /// By the address of the target
    Absolute,
}

/// Whether local content gets an access with the address of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GlobalAccess {
    /// Never
    Never,
    /// Where the target is a registry
    Auto,
}

/// What becomes of the addresses that component versions say they were stored under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RepositoryContexts {
    /// They go along unchanged; none is added
    Keep,
    /// They stay behind
    Drop,
    /// The address of the target takes their place; none does in an archive
    Replace,
    /// The address of `--advertise` is put behind them
    Advertise,
}

/// How copied images are stored in a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "camelCase")]
pub(crate) enum ArtifactUpload {
    /// Inside of the component version
    LocalBlob,
    /// As an artifact of its own, under its own name
    OciArtifact,
}
