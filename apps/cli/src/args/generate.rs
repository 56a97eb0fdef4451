use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Generate files about the program itself
#[derive(Debug, Args)]
pub(crate) struct Generate {
    #[command(subcommand)]
    pub(crate) kind: Option<GenerateKind>,
}

/// What to generate.
#[derive(Debug, Subcommand)]
pub(crate) enum GenerateKind {
    /// Write the command reference, one file per command
    Docs {
        /// Folder for the files; made if it does not exist
        #[arg(long, short, value_name = "FOLDER", default_value = ".")]
        directory: PathBuf,
        /// Form of the files
        #[arg(long, value_name = "FORM", default_value = "markdown")]
        mode: DocsMode,
    },
    /// Write the JSON schemas of the reports that `-o json` prints, one file per verb
    Schemas {
        /// Folder for the files; made if it does not exist
        #[arg(long, short, value_name = "FOLDER", default_value = ".")]
        directory: PathBuf,
    },
}

/// Forms of the command reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocsMode {
    /// Markdown
    Markdown,
    /// Markdown with front matter
    Hugo,
    /// Pages for `man`
    Man,
}
