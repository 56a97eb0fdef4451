//! The command line: one file per verb. Doc comments are the help text.

// A flag is a bool.
#![allow(clippy::struct_excessive_bools)]

mod add;
mod completion;
mod dialect;
mod download;
mod generate;
mod get;
mod global;
mod lexed;
mod list;
mod output;
mod parse;
mod selection;
mod serve;
mod transfer;
mod version;

use clap::{Parser, Subcommand};

pub(crate) use add::{Add, AddComponentVersion, AddKind, ConflictPolicy, CopyPolicy};
pub(crate) use completion::{Completion, Shell};
pub(crate) use dialect::Dialect;
pub(crate) use download::{
    ArchiveForm, Download, DownloadArtifact, DownloadComponentVersion, DownloadKind, DownloadResource,
    ExtractionPolicy, Transformer,
};
pub(crate) use generate::{DocsMode, Generate, GenerateKind};
pub(crate) use get::{Get, GetComponentVersion, GetElements, GetKind, Scheme};
pub(crate) use global::{Compat, Global, LogFormat, LogLevel, LogOutput};
pub(crate) use list::{List, ListKind};
pub(crate) use output::{ElementForm, ReportForm, VersionForm, VersionsForm};
pub(crate) use parse::{command, help_of, parse};
pub(crate) use selection::Selection;
pub(crate) use serve::Serve;
pub(crate) use transfer::{ArtifactUpload, Transfer, TransferComponentVersion, TransferKind, TransferOptions};
pub(crate) use version::{Version, VersionFormat};

/// Builds, moves and reads component versions of the Open Component Model
#[derive(Debug, Parser)]
#[command(name = "ocm", version, disable_help_subcommand = false)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(Add),
    Get(Get),
    List(List),
    Transfer(Transfer),
    Download(Download),
    Serve(Serve),
    Generate(Generate),
    Completion(Completion),
    Version(Version),
}
