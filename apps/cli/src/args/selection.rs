use clap::Args;

/// Which component versions, for the commands that read them.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Selection {
    /// Version constraint; applies where a reference names no version (`>=1.0.0 <2.0.0`, `^1`, `1.x || >=3`)
    #[arg(long = "semver-constraint", visible_alias = "constraints", short = 'c', value_name = "CONSTRAINT")]
    pub(crate) constraint: Option<String>,
    /// Only the newest version that fits
    #[arg(long)]
    pub(crate) latest: bool,
    /// Repository that the references are relative to: `component[:version]`
    #[arg(long, value_name = "REPOSITORY")]
    pub(crate) repo: Option<String>,
    /// Another repository to look for referenced component versions in; may be repeated
    #[arg(long, value_name = "REPOSITORY")]
    pub(crate) lookup: Vec<String>,
}
