//! The command line: one file per verb. Doc comments are the help text.

// A flag is a bool.
#![allow(clippy::struct_excessive_bools)]

mod add;
mod attributes;
mod check;
mod completion;
mod config;
mod create;
mod credentials;
mod describe;
mod dialect;
mod diff;
mod doctor;
mod download;
mod generate;
mod get;
mod global;
mod hash;
mod lexed;
mod list;
mod login;
mod output;
mod parse;
mod plugin;
mod rebase;
mod repair;
mod selection;
mod serve;
mod show;
mod sign;
mod size;
mod transfer;
mod trust;
mod verify;
mod version;

use clap::{Parser, Subcommand};

pub(crate) use add::{Add, AddComponentVersion, AddKind, ConflictPolicy, CopyPolicy};
pub(crate) use check::{Check, CheckComponentVersion, CheckForm, CheckKind, CheckPortability, Locality};
pub(crate) use completion::{Completion, Shell};
pub(crate) use config::{Config, ConfigKind, ExplainConfig, ExplainForm, GetConfig};
pub(crate) use create::{Create, CreateArchive, CreateKind, CreateRsaKeyPair};
pub(crate) use credentials::{CredentialsForm, GetCredentials};
pub(crate) use describe::{Describe, DescribeKind, DescribeTypes, TypeForm};
pub(crate) use dialect::Dialect;
pub(crate) use diff::Diff;
pub(crate) use doctor::Doctor;
pub(crate) use download::{
    ArchiveForm, Download, DownloadArtifact, DownloadComponentVersion, DownloadKind, DownloadResource, ExtractionPolicy,
};
pub(crate) use generate::{DocsMode, Generate, GenerateKind};
pub(crate) use get::{Get, GetArtifacts, GetComponentVersion, GetElements, GetKind, Scheme};
pub(crate) use global::{Compat, Global, LogFormat, LogLevel, LogOutput};
pub(crate) use hash::{Hash, HashForm, HashKind};
pub(crate) use list::{List, ListKind};
pub(crate) use login::{Login, Logout};
pub(crate) use output::{ElementForm, ReportForm, VersionForm, VersionsForm};
pub(crate) use parse::{command, help_of, parse, path};
pub(crate) use plugin::{
    DownloadPlugin, Plugin, PluginForm, PluginKind, PluginRegistry, PluginRegistryGet, PluginRegistryKind,
    PluginRegistryList,
};
pub(crate) use rebase::Rebase;
pub(crate) use repair::{Repair, RepairKind};
pub(crate) use selection::Selection;
pub(crate) use serve::Serve;
pub(crate) use show::{Show, ShowKind, ShowTags, ShowVersions};
pub(crate) use sign::{Sign, SignComponentVersion, SignHash, SignKind};
pub(crate) use transfer::{
    AccessStyle, ArtifactUpload, GlobalAccess, OnCollision, RepositoryContexts, Transfer, TransferArchive,
    TransferArtifact, TransferComponentVersion, TransferKind, TransferOptions, With,
};
pub(crate) use trust::{KeyOptions, SigstoreOptions, TrustOptions};
pub(crate) use verify::{PolicyOptions, Verify, VerifyKind};
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
    Show(Show),
    Transfer(Transfer),
    Download(Download),
    Check(Check),
    #[command(alias = "relocate")]
    Repair(Repair),
    Diff(Diff),
    Sign(Sign),
    Verify(Verify),
    Hash(Hash),
    Create(Create),
    Plugin(Plugin),
    Describe(Describe),
    Login(Login),
    Logout(Logout),
    Config(Config),
    Doctor(Doctor),
    Serve(Serve),
    Generate(Generate),
    Completion(Completion),
    Version(Version),
}
