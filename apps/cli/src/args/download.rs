use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{DownloadPlugin, Rebase, ReportForm, Selection, TrustOptions};

/// Download anything from OCM
#[derive(Debug, Args)]
pub(crate) struct Download {
    #[command(subcommand)]
    pub(crate) kind: Option<DownloadKind>,
}

/// What to download.
#[derive(Debug, Subcommand)]
pub(crate) enum DownloadKind {
    Resource(DownloadResource),
    /// Download resources of component versions: those that are named, or all
    #[command(aliases = ["res", "r"])]
    Resources(DownloadResource),
    /// Download sources of component versions: those that are named, or all
    #[command(visible_alias = "source", aliases = ["src", "s"])]
    Sources(DownloadResource),
    #[command(visible_alias = "cv", aliases = [
        "component-versions", "cvs", "componentversion", "componentversions", "component", "components", "comp", "comps", "c",
    ])]
    ComponentVersion(DownloadComponentVersion),
    #[command(visible_alias = "artifacts", aliases = ["art", "a"])]
    Artifact(DownloadArtifact),
    #[command(visible_alias = "plugins")]
    Plugin(DownloadPlugin),
}

/// Download a resource of a component version
///
/// The digest of the content is checked before the file appears under its name. An existing file is replaced, never
/// appended to; nothing is written outside of the target.
#[derive(Debug, Args)]
pub(crate) struct DownloadResource {
    /// Component reference
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: String,
    /// Identities: `name [key=value…]`, several one after the other
    #[arg(value_name = "IDENTITY", conflicts_with = "identity")]
    pub(crate) identities: Vec<String>,
    /// Identity attributes of the one wanted resource: `name=x[,key=value…]`
    #[arg(long, value_name = "ATTRIBUTES")]
    pub(crate) identity: Option<String>,
    /// File, or folder where content is unpacked; `-` is the standard output. The default is the name of the resource
    #[arg(long, short = 'O', visible_alias = "outfile", value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Whether compressed content is decompressed and archives are unpacked; the default is `auto` with `--identity`
    #[arg(long, value_name = "POLICY")]
    pub(crate) extraction_policy: Option<ExtractionPolicy>,
    /// What is made of the content: `helm` writes the archive of a chart and its provenance file; else the type of a plugin, or
    /// an object of such a type as JSON
    #[arg(long, value_name = "NAME")]
    pub(crate) transformer: Option<String>,
    /// Write charts as the one file that `helm` takes; everything else stays as it is
    #[arg(long, short, conflicts_with = "transformer")]
    pub(crate) download_handlers: bool,
    /// Write images as OCI image layouts (there is no other form; for scripts of the older program)
    #[arg(long)]
    pub(crate) oci_layout: bool,
    /// Verify the signatures of the component version before anything is written. Digests are always checked, which is all
    /// that the older program means by this: with its identities as arguments, a key or `--require` is needed, too
    #[arg(long)]
    pub(crate) verify: bool,
    #[command(flatten)]
    pub(crate) trust: TrustOptions,
    /// Only elements of this type; may be repeated
    #[arg(long = "type", short = 't', value_name = "TYPE")]
    pub(crate) types: Vec<String>,
    /// Also download from referenced component versions
    #[arg(long, short)]
    pub(crate) recursive: bool,
    #[command(flatten)]
    pub(crate) rebase: Rebase,
    /// Print the report in this form instead of one line per file
    #[arg(short = 'o', long = "report", value_name = "FORM")]
    pub(crate) report: Option<ReportForm>,
    #[command(flatten)]
    pub(crate) selection: Selection,
}

/// Save component versions as archives of their own
#[derive(Debug, Args)]
pub(crate) struct DownloadComponentVersion {
    /// Component references; `component version` as two words works too
    #[arg(value_name = "REFERENCE", required = true)]
    pub(crate) references: Vec<String>,
    /// Archive to write; the default is `<last part of the name>-<version>.ctf` in the working directory
    #[arg(long, short = 'O', visible_alias = "outfile", value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Verify the signatures of the component versions before anything is written
    #[arg(long)]
    pub(crate) verify: bool,
    #[command(flatten)]
    pub(crate) trust: TrustOptions,
    /// Form of the archive: `directory`, `tar`, `tgz`; the default follows its name
    #[arg(long = "type", short = 't', value_name = "FORM")]
    pub(crate) form: Option<String>,
    /// Print the report in this form instead of one line per archive
    #[arg(short = 'o', long = "report", value_name = "FORM")]
    pub(crate) report: Option<ReportForm>,
    #[command(flatten)]
    pub(crate) selection: Selection,
}

/// Save an OCI artifact
#[derive(Debug, Args)]
pub(crate) struct DownloadArtifact {
    /// Image reference: `host/path[:tag][@digest]`
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: String,
    /// File or folder; the default is the last part of the repository
    #[arg(long, short = 'O', visible_alias = "outfile", value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Form of the output
    #[arg(long = "type", short = 't', value_name = "FORM", default_value = "directory")]
    pub(crate) form: ArchiveForm,
    /// Write an OCI image layout (there is no other form; for scripts of the older program)
    #[arg(long)]
    pub(crate) oci_layout: bool,
    /// Print the report in this form instead of one line
    #[arg(short = 'o', long = "report", value_name = "FORM")]
    pub(crate) report: Option<ReportForm>,
}

/// Whether content is decompressed and unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExtractionPolicy {
    /// As the media type says
    Auto,
    /// Never
    Disable,
}

/// Forms of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArchiveForm {
    /// A folder
    #[value(alias = "dir")]
    Directory,
    /// One file
    Tar,
    /// One compressed file
    #[value(alias = "tar.gz")]
    Tgz,
}
