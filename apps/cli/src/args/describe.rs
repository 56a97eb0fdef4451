use clap::{Args, Subcommand, ValueEnum};

/// Describe what documents may hold
#[derive(Debug, Args)]
pub(crate) struct Describe {
    #[command(subcommand)]
    pub(crate) kind: Option<DescribeKind>,
}

/// What to describe.
#[derive(Debug, Subcommand)]
pub(crate) enum DescribeKind {
    #[command(visible_alias = "type")]
    Types(DescribeTypes),
}

/// Describe types: of accesses, inputs, repositories, credentials and signatures, built in and from plugins
///
/// Without arguments all types are listed; with the name of a subsystem, its types; with a type, its members; with the path of a
/// member (names with dots between them), that member.
#[derive(Debug, Args)]
pub(crate) struct DescribeTypes {
    /// `access`, `blob-transformer`, `config`, `consumer-identity`, `credential-repository`, `credentials`, `input`,
    /// `ocm-repository`, `ocm-repository-lister` or `signing`
    #[arg(value_name = "SUBSYSTEM")]
    pub(crate) subsystem: Option<String>,
    /// A type by any of its names
    #[arg(value_name = "TYPE")]
    pub(crate) name: Option<String>,
    /// A member of it
    #[arg(value_name = "FIELD-PATH")]
    pub(crate) path: Option<String>,
    /// Form of the output; `jsonschema` is for a type
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    pub(crate) output: TypeForm,
    /// List the paths of all members, five levels deep
    #[arg(long)]
    pub(crate) show_paths: bool,
    /// In the list of a subsystem, name the types, too, that the current Go program does not have
    #[arg(long)]
    pub(crate) all: bool,
    /// Has no effect: tables have no colours (for scripts of the older program)
    #[arg(long, value_name = "STYLE", hide = true)]
    pub(crate) table_style: Option<String>,
}

/// Forms of `describe types`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TypeForm {
    /// Tables
    Text,
    /// Tables for Markdown
    Markdown,
    /// Tables for HTML
    Html,
    /// The JSON Schema of a type
    Jsonschema,
}
