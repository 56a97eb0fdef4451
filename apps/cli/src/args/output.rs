use clap::ValueEnum;

use crate::print::Structure;

/// Forms of `get component-version` and `add component-version`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum VersionsForm {
    /// Columns
    #[default]
    Table,
    /// Columns with the repository
    Wide,
    /// A tree of references
    Tree,
    /// Descriptors as YAML
    Yaml,
    /// Descriptors as indented JSON
    Json,
    /// Descriptors as JSON on one line
    #[value(name = "JSON")]
    CompactJson,
    /// Descriptors as JSON, one per line
    Ndjson,
}

/// Forms of `get resources`, `get sources` and `get references`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ElementForm {
    /// Columns
    #[default]
    Table,
    /// More columns
    Wide,
    /// A tree of references
    Tree,
    /// A tree of references with more columns
    Treewide,
    /// Elements as YAML
    Yaml,
    /// Elements as indented JSON
    Json,
    /// Elements as JSON on one line
    #[value(name = "JSON")]
    CompactJson,
    /// Elements as JSON, one per line
    Ndjson,
}

/// Forms of `list component-version`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum VersionForm {
    /// Columns
    #[default]
    Table,
    /// YAML
    Yaml,
    /// Indented JSON
    Json,
    /// JSON on one line
    #[value(name = "JSON")]
    CompactJson,
    /// JSON, one entry per line
    Ndjson,
}

/// Forms of a plan, or of a report that is printed only when asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportForm {
    /// YAML
    Yaml,
    /// Indented JSON
    Json,
    /// JSON on one line
    Ndjson,
}

impl From<ReportForm> for Structure {
    fn from(form: ReportForm) -> Self {
        match form {
            ReportForm::Yaml => Self::Yaml,
            ReportForm::Json => Self::Json,
            ReportForm::Ndjson => Self::Ndjson,
        }
    }
}
