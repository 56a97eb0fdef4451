use std::env::consts;
use std::path::PathBuf;

use ocm::ops::plugin::{self, Install, Registry};

use super::Session;
use super::trust::gate;
use crate::args::{
    DownloadPlugin, PluginForm, PluginKind, PluginRegistry, PluginRegistryGet, PluginRegistryKind, PluginRegistryList,
    VersionForm,
};
use crate::exit::Failure;
use crate::print::{self, Structure, out};

/// Lists, installs or looks for plugins.
pub(crate) async fn run(session: &Session, kind: PluginKind) -> Result<(), Failure> {
    match kind {
        PluginKind::List(arguments) => {
            let list = plugin::list(&session.context).await;
            out(&match structure(arguments.output) {
                Some(form) => print::plugin::structured(&list, form)?,
                None => print::plugin::list(&list),
            })
        }
        PluginKind::Install(arguments) => install(session, arguments).await,
        PluginKind::Registry(PluginRegistry { kind: Some(PluginRegistryKind::List(arguments)) }) => {
            list(session, arguments).await
        }
        PluginKind::Registry(PluginRegistry { kind: Some(PluginRegistryKind::Get(arguments)) }) => {
            get(session, arguments).await
        }
        PluginKind::Registry(PluginRegistry { kind: None }) => super::help(&["plugin", "registry"]),
    }
}

fn structure(form: VersionForm) -> Option<Structure> {
    match form {
        VersionForm::Table => None,
        VersionForm::Yaml => Some(Structure::Yaml),
        VersionForm::Json => Some(Structure::Json),
        VersionForm::CompactJson => Some(Structure::CompactJson),
        VersionForm::Ndjson => Some(Structure::Ndjson),
    }
}

async fn list(session: &Session, arguments: PluginRegistryList) -> Result<(), Failure> {
    let request = Registry { registries: arguments.registry, ..Registry::default() };
    let report = plugin::registry(&session.context, &request).await?;
    out(&print::plugin::listed(&report.plugins, arguments.output)?)
}

async fn get(session: &Session, arguments: PluginRegistryGet) -> Result<(), Failure> {
    let (name, version) = match arguments.plugin.split_once(':') {
        Some((name, version)) => (name.to_owned(), Some(version.to_owned())),
        None => (arguments.plugin, None),
    };
    if let (Some(one), Some(other)) = (&version, &arguments.version)
        && one != other
    {
        return Err(Failure::usage(format!("the plugin is named with version {one}, and --version is {other}")));
    }
    let request = Registry {
        registries: arguments.registry,
        plugin: Some(name),
        version: version.or(arguments.version),
        descriptors: arguments.component_descriptor,
    };
    let report = plugin::registry(&session.context, &request).await?;
    if !arguments.component_descriptor {
        return out(&print::plugin::listed(&report.plugins, arguments.output)?);
    }
    let form = match arguments.output {
        PluginForm::Table | PluginForm::Wide | PluginForm::Yaml => Structure::Yaml,
        PluginForm::Json => Structure::Json,
        PluginForm::Ndjson => Structure::Ndjson,
    };
    let descriptors = report.descriptors.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
    out(&print::list(form, descriptors)?)
}

/// Installs a plugin.
pub(crate) async fn install(session: &Session, arguments: DownloadPlugin) -> Result<(), Failure> {
    let extra_identity = arguments.attributes();
    let verify = gate(session, arguments.verify, &arguments.trust)?;
    let DownloadPlugin { reference, resource_version, output, output_format, skip_validation, plugin_type, .. } =
        arguments;
    let folder = match output {
        Some(folder) => folder,
        None => default_folder(session)?,
    };
    let request = Install {
        reference,
        resource_version,
        extra_identity,
        kind: plugin_type,
        folder,
        validate: !skip_validation,
        verify,
        os: if consts::OS == "macos" { "darwin" } else { consts::OS }.to_owned(),
        architecture: architecture().to_owned(),
        environment: session.environment.clone(),
    };
    let installed = plugin::install(&session.context, &request).await?;
    out(&match output_format.report() {
        Some(form) => print::object(form.into(), &installed)?,
        None => print::plugin::installed(&installed),
    })
}

fn default_folder(session: &Session) -> Result<PathBuf, Failure> {
    let folder = session.global.plugin_directory.first().cloned();
    folder.or_else(|| super::plugin_folders::usual(&session.environment)).ok_or_else(|| {
        Failure::usage("there is no home folder to install the plugin in").hint("name a folder with --output")
    })
}

/// The architecture in the words of Go, which component versions use.
fn architecture() -> &'static str {
    match consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}
