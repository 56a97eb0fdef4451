use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ocm_model::{Identity, Resource};
use schemars::JsonSchema;
use serde::Serialize;

use crate::ops::verify::Gate;
use crate::ops::{download, get};
use crate::{Context, Error, Kind, Result};

/// How long a new plugin may take to say what it offers.
const PATIENCE: Duration = Duration::from_secs(30);

/// Installs a plugin: finds the resource for this platform in a component version, downloads it with its digest checked, asks it
/// what it offers, and puts it into the plugin folder.
///
/// # Errors
/// [`Kind::NotFound`] if there is none for the platform. A plugin that was there stays unless the new one is one, too.
pub async fn install(context: &Context, request: &Install) -> Result<Installed> {
    let versions =
        get::Request { references: vec![request.reference.clone()], latest: true, ..get::Request::default() };
    let mut roots = get::run(context, &versions).await?.roots;
    let (Some(root), true) = (roots.pop(), roots.is_empty()) else {
        return Err(Error::usage(format!("{}: names several components", request.reference))
            .hint("name one: <repository>//<component>[:<version>]"));
    };
    let (component, version) = (root.component, root.version);
    let Some(descriptor) = root.descriptor else { return Err(Error::new(Kind::NotFound, component)) };
    let source = format!("{component}:{version}");
    let wanted = request.resource_version.clone().unwrap_or_else(|| {
        tracing::info!(target: "ocm", version, "using component version for resource version");
        version.clone()
    });
    let resource = find(&source, &descriptor.component.resources, &wanted, request)?;
    let identity = whole(resource);
    tracing::info!(
        target: "ocm",
        name = resource.name,
        version = resource.version,
        "type" = resource.kind,
        identity = identity.to_string(),
        "downloading plugin resource"
    );
    // What follows a dot is an extension, and plugins have none.
    let name = component.rsplit('/').next().unwrap_or(&component).replace('.', "-");
    let record = request.folder.join(format!(".ocm-{name}.json"));
    let name = if cfg!(windows) { format!("{name}.exe") } else { name };
    let location = request.folder.join(&name);
    refuse_namesake(&component, &location, &record)?;
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |error: std::io::Error| Error::new(Kind::Other, format!("{path}: {error}"))
    };
    std::fs::create_dir_all(&request.folder).map_err(failed(&request.folder))?;
    // Beside its place, so that it appears there at once; a folder of this name is not searched for plugins.
    let scratch = tempfile::Builder::new().prefix(".ocm-").tempdir_in(&request.folder);
    let scratch = scratch.map_err(failed(&request.folder))?;
    let file = scratch.path().join(&name);
    let reference = match versions.references.first() {
        Some(reference) if names_version(reference, &version) => reference.clone(),
        _ => format!("{}:{version}", request.reference),
    };
    let download = download::Request {
        versions: get::Request {
            references: vec![reference],
            verify: request.verify.clone(),
            ..get::Request::default()
        },
        kind: download::Which::Resources,
        selectors: vec![selector(resource).0],
        types: vec![request.kind.clone()],
        exactly_one: true,
        output: Some(file.clone()),
        extraction: download::Extraction::Disable,
        form: download::Form::Layout,
        transformer: None,
    };
    Box::pin(download::run(context, &download)).await?;
    // An image is written as a folder.
    if !file.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(Error::new(Kind::Usage, format!("{source}: what was downloaded is no plugin: it is no file")));
    }
    make_executable(&file).map_err(failed(&file))?;
    let shown = location.display().to_string();
    tracing::info!(target: "ocm", path = shown, "made plugin binary executable");
    if request.validate {
        tracing::info!(target: "ocm", path = shown, "validating plugin binary");
        let announcement = ocm_plugin::ask(&file, &request.environment, PATIENCE).await.map_err(|error| {
            Error::new(Kind::Usage, format!("{source}: what was downloaded is no plugin: it {}", error.reason()))
                .hint("--skip-validation installs it all the same")
        })?;
        if announcement.offers.iter().all(|offer| offer.types.is_empty()) {
            return Err(Error::new(Kind::Usage, format!("{source}: what was downloaded is a plugin without types")));
        }
    }
    let installed = Installed {
        plugin: resource.name.clone(),
        version: resource.version.clone(),
        source,
        kind: resource.kind.clone(),
        identity: identity.to_string(),
        location: location.clone(),
    };
    let note = scratch.path().join("record");
    std::fs::write(&note, serde_json::to_vec_pretty(&installed).map_err(std::io::Error::from).map_err(failed(&note))?)
        .map_err(failed(&note))?;
    std::fs::rename(&file, &location).map_err(failed(&location))?;
    std::fs::rename(&note, &record).map_err(failed(&record))?;
    tracing::info!(target: "ocm", output = shown, "plugin binary downloaded successfully");
    Ok(installed)
}

/// Refuses to put a plugin in the place of one from another component: their names may differ in front of the last `/` only.
fn refuse_namesake(component: &str, location: &Path, record: &Path) -> Result<()> {
    if location.symlink_metadata().is_err() {
        return Ok(());
    }
    let record: Option<serde_json::Value> =
        std::fs::read(record).ok().and_then(|record| serde_json::from_slice(&record).ok());
    let source = record.as_ref().and_then(|record| record["source"].as_str());
    let Some((owner, _)) = source.and_then(|source| source.rsplit_once(':')) else {
        let shown = location.display().to_string();
        tracing::warn!(target: "ocm", path = shown, "replacing a file of which it is not known where it is from");
        return Ok(());
    };
    if owner == component {
        return Ok(());
    }
    Err(Error::new(Kind::Conflict, format!("{} is the plugin of another component, {owner}", location.display()))
        .hint("name another folder with --output, or remove that file first"))
}

fn names_version(reference: &str, version: &str) -> bool {
    reference.rsplit('/').next().is_some_and(|last| last.contains(&format!(":{version}")))
}

/// The plugin for the platform, unless another one was asked for.
fn find<'a>(source: &str, resources: &'a [Resource], version: &str, request: &Install) -> Result<&'a Resource> {
    let mut wanted: BTreeMap<&str, &str> =
        request.extra_identity.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    // `arch` is what the help of the older program shows.
    if !wanted.contains_key("arch") {
        wanted.entry("architecture").or_insert(&request.architecture);
    }
    wanted.entry("os").or_insert(&request.os);
    let of_type: Vec<&Resource> = resources.iter().filter(|resource| resource.kind == request.kind).collect();
    let fits = |resource: &&Resource| {
        let identity = whole(resource);
        (resource.version == version || resource.version.is_empty())
            && wanted.iter().all(|(key, value)| identity.get(key) == Some(value))
    };
    let fitting: Vec<&Resource> = of_type.iter().copied().filter(fits).collect();
    match fitting.as_slice() {
        [one] => Ok(one),
        found => {
            let wanted: Vec<String> = wanted.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let wanted = format!("version={version},{}", wanted.join(","));
            let there: Vec<String> = of_type.iter().map(|resource| whole(resource).to_string()).collect();
            let hint = if there.is_empty() {
                format!("it has no resource of the type {:?}; --plugin-type names another type", request.kind)
            } else {
                format!("it has: {}; choose with --extra-identity and --resource-version", there.join("; "))
            };
            let (kind, what) =
                if found.is_empty() { (Kind::NotFound, "no plugin") } else { (Kind::Usage, "several plugins") };
            Err(Error::new(kind, format!("{source}: has {what} with {wanted}")).hint(hint))
        }
    }
}

/// What tells a resource from the others, with name and version.
fn whole(resource: &Resource) -> Identity {
    let mut identity = selector(resource);
    identity.0.insert("version".to_owned(), resource.version.clone());
    identity
}

fn selector(resource: &Resource) -> Identity {
    let mut identity: Identity = resource.extra_identity.clone().into_iter().collect();
    identity.0.insert("name".to_owned(), resource.name.clone());
    identity
}

#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Which plugin to install, and where.
#[derive(Clone, Debug)]
pub struct Install {
    /// Reference of the component version; without a version the newest.
    pub reference: String,
    /// Version of the resource; the default is the one of the component version.
    pub resource_version: Option<String>,
    /// More attributes of the resource. `os` and `architecture` are those of this machine unless they are named.
    pub extra_identity: BTreeMap<String, String>,
    /// Type of the resource: `ocmPlugin`.
    pub kind: String,
    /// The plugin folder; made when it does not exist.
    pub folder: PathBuf,
    /// What signatures have to say before anything of the component version is downloaded or run.
    pub verify: Option<Arc<Gate>>,
    /// Whether the program has to say what it offers before it is put there.
    pub validate: bool,
    /// Operating system, in the words of Go: `linux`, `darwin`, `windows`.
    pub os: String,
    /// Architecture, in the words of Go: `amd64`, `arm64`.
    pub architecture: String,
    /// The environment, of which the plugin sees what programs need to work at all.
    pub environment: BTreeMap<String, String>,
}

/// A plugin that was installed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Installed {
    /// Name of the resource.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The component version it is from.
    pub source: String,
    /// Type of the resource.
    #[serde(rename = "type")]
    pub kind: String,
    /// What tells the resource from others.
    pub identity: String,
    /// Where it is now.
    pub location: PathBuf,
}
