use clap::{Args, ValueEnum};

/// Print the version of the program
#[derive(Debug, Args)]
pub(crate) struct Version {
    /// Form of the output
    #[arg(long, short, visible_short_alias = 'o', value_name = "FORM", default_value = "legacyjson")]
    pub(crate) format: VersionFormat,
}

/// Forms of the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum VersionFormat {
    /// The JSON object that the older programs print
    #[value(alias = "json")]
    Legacyjson,
    /// One line
    Short,
    /// How it was built, as text
    Gobuildinfo,
    /// How it was built, as JSON
    Gobuildinfojson,
}
