//! `add component-version`: component versions from a constructor file.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use ocm_blob::{Existing, StagedDirectory, folder_of};
pub use ocm_constructor::Dialect;
use ocm_constructor::build::{self, Built, Environment, Options};
pub use ocm_constructor::build::{Conflict, Disposition, External};
use ocm_constructor::{Constructor, Engine, Reading, Text, Variables};
use ocm_model::{Descriptor, RepositoryReference};
use ocm_repository::ComponentVersion;
use schemars::JsonSchema;
use serde::Serialize;

use super::get::{self, Node};
use super::list::Item;
use crate::context::Purpose;
use crate::lookup::Lookup;
use crate::{Context, Error, Kind, Result, select, tree};

/// Builds component versions.
///
/// # Errors
/// [`Kind::Usage`] with every mistake of the files, [`Kind::Conflict`] if a version exists. Nothing is visible in the target
/// then, and what it had is unchanged.
pub async fn run(context: &Context, request: &Request) -> Result<Report> {
    let options = options(request)?;
    let constructor = read(context, request).await?;
    for notice in &constructor.notices {
        context.observer().warned(&notice.to_string());
    }
    if request.dry_run {
        let specification = constructor.components.into_iter().filter_map(|component| component.written).collect();
        return Ok(Report { specification, ..Report::default() });
    }
    let reference = select::repository(&request.target)?;
    let fresh = match &reference {
        RepositoryReference::Ctf { file_path, .. } if request.truncate => {
            Some(Fresh::begin(context, Path::new(file_path)).await?)
        }
        _ => None,
    };
    let target = match &fresh {
        Some(fresh) => RepositoryReference::ctf(fresh.path().to_string_lossy()),
        None => reference,
    };
    let form = request.target_form.as_deref().map(crate::context::form).transpose()?;
    let purpose = if request.create || fresh.is_some() { Purpose::Create(form) } else { Purpose::Write };
    let target = context.open(&target, purpose).await.map_err(Error::from).map_err(|error| match error.kind() {
        Kind::NotFound => error.hint("--create makes the archive"),
        _ => error,
    })?;
    let named = select::named(context, &request.lookup).await?;
    let environment = Environment {
        target,
        lookup: Arc::new(Lookup::new(context, Vec::new(), named)),
        images: Arc::new(context.clone()),
        observer: context.observer().clone(),
    };
    let outcome = build::build(constructor.components, &environment, &options).await?;
    drop(environment);
    if let Some(fresh) = fresh {
        fresh.persist()?;
    }
    let copied = outcome.copied.into_iter().map(|(component, version)| Item { component, version });
    Ok(Report { copied: copied.collect(), ..report(outcome.versions, &outcome.external, &request.target) })
}

/// Reads the files. What plugins have as inputs matters only to files that cannot be read without; programs are not started for
/// others.
async fn read(context: &Context, request: &Request) -> Result<Constructor> {
    let (texts, mut reading) = (texts(request)?, reading(request)?);
    let first = match ocm_constructor::read(&texts, &reading) {
        Ok(constructor) => return Ok(constructor),
        Err(problems) => problems,
    };
    reading.foreign_inputs = crate::plugins::input_types(context).await;
    if reading.foreign_inputs.is_empty() {
        return Err(Error::usage(first));
    }
    ocm_constructor::read(&texts, &reading).map_err(Error::usage)
}

/// Bytes of a constructor file: as many as a component descriptor may have. More is no constructor, and may have no end.
const LARGEST: u64 = 16 * 1024 * 1024;

fn texts(request: &Request) -> Result<Vec<Text>> {
    let read = |path: &PathBuf| {
        let name = path.display().to_string();
        let fail = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::usage(format!("{name}: there is no such constructor file")).hint("name it with --constructor")
            }
            std::io::ErrorKind::IsADirectory => {
                Error::usage(format!("{name}: is a directory")).hint("name the constructor file in it")
            }
            _ => Error::unreadable(&name, &error),
        };
        if path.as_os_str().is_empty() {
            return Err(Error::usage("the name of the constructor file is empty").hint("name it with --constructor"));
        }
        let mut bytes = Vec::new();
        std::fs::File::open(path).map_err(fail)?.take(LARGEST + 1).read_to_end(&mut bytes).map_err(fail)?;
        if bytes.len() as u64 > LARGEST {
            return Err(Error::usage(format!(
                "{name}: is larger than the limit of {LARGEST} bytes for a constructor file"
            ))
            .hint("content belongs into files of its own, which inputs name"));
        }
        let content = String::from_utf8(bytes).map_err(|_| Error::usage(format!("{name}: is not UTF-8 text")))?;
        let folder = folder_of(path);
        let folder = request.working_directory.clone().unwrap_or_else(|| folder.to_owned());
        Ok(Text { name, content, folder })
    };
    request.constructors.iter().map(read).collect()
}

fn reading(request: &Request) -> Result<Reading> {
    let engine = match (request.templater.as_deref(), request.dialect) {
        (Some("spiff"), _) => {
            return Err(Error::usage("the templater spiff is not offered")
                .hint("--templater go has conditions, loops and functions; or let spiff merge the file first, and use --templater none"));
        }
        (Some(name), _) => Engine::named(name).ok_or_else(|| {
            Error::usage(format!("unknown templater {name:?}")).hint(format!("use one of {}", Engine::NAMES.join(", ")))
        })?,
        (None, Dialect::V1) => Engine::Auto,
        (None, Dialect::V2) => Engine::Dollar,
    };
    Ok(Reading {
        dialect: request.dialect,
        engine,
        variables: Variables::new().with_values(request.variables.clone()),
        default_version: request.default_version.clone(),
        allow_unset: false,
        foreign_inputs: Vec::new(),
        keep_written: request.dry_run,
    })
}

fn options(request: &Request) -> Result<Options> {
    let default = Options::default();
    if let Some(name) = request.oci_artifact_digest.as_deref().filter(|name| !OCI_DIGESTS.contains(name)) {
        return Err(Error::usage(format!("unknown digest algorithm of OCI content {name:?}"))
            .hint(format!("use one of {}", OCI_DIGESTS.join(", "))));
    }
    if let Some(time) = request.creation_time.as_deref().filter(|time| !ocm_constructor::file::is_date_time(time)) {
        return Err(Error::usage(format!("time of creation {time:?} is no RFC 3339 time"))
            .hint("write it like 2024-05-06T07:08:09Z"));
    }
    Ok(Options {
        conflict: request.conflict,
        external: request.external,
        skip_reference_digests: request.skip_reference_digests,
        oci_artifact_digest: request.oci_artifact_digest.clone().unwrap_or(default.oci_artifact_digest),
        creation_time: request.creation_time.clone(),
        concurrency: request.concurrency.max(1),
    })
}

/// Names that readers know for the digest of OCI content.
const OCI_DIGESTS: [&str; 2] = [ocm_model::digest::GENERIC_BLOB_DIGEST, ocm_model::digest::OCI_ARTIFACT_DIGEST];

/// A new archive that takes the place of an old one when it is complete.
pub(super) enum Fresh {
    /// Where nothing is yet.
    Nothing(PathBuf),
    /// Beside a folder.
    Directory(StagedDirectory),
    /// Beside a file.
    File(tempfile::TempDir, PathBuf),
}

impl Fresh {
    /// # Errors
    /// What is there is no archive, or a folder with more in it than an archive: that is not ours to throw away.
    pub(super) async fn begin(context: &Context, path: &Path) -> Result<Self> {
        let fail = |error: &dyn std::fmt::Display| Error::new(Kind::Other, format!("{}: {error}", path.display()));
        if path.symlink_metadata().is_ok() {
            context.open_archive(path, Purpose::Read).await?;
        }
        if path.is_dir() {
            if let Some(other) = not_of_an_archive(path).map_err(|error| fail(&error))? {
                return Err(Error::usage(format!(
                    "{}: holds {other:?}, which is no part of an archive, so the folder is not thrown away",
                    path.display()
                ))
                .hint("name another place for the archive"));
            }
            return StagedDirectory::beside(path, Existing::Replace).map(Self::Directory).map_err(|error| fail(&error));
        }
        if path.exists() {
            let folder = folder_of(path);
            let folder = tempfile::Builder::new().prefix(".ocm-").tempdir_in(folder).map_err(|error| fail(&error))?;
            return Ok(Self::File(folder, path.to_owned()));
        }
        Ok(Self::Nothing(path.to_owned()))
    }

    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::Nothing(path) => path.clone(),
            Self::Directory(directory) => directory.path().to_owned(),
            Self::File(folder, path) => folder.path().join(path.file_name().unwrap_or_default()),
        }
    }

    pub(super) fn persist(self) -> Result<()> {
        let new = self.path();
        match self {
            Self::Nothing(_) => Ok(()),
            Self::Directory(directory) => directory
                .persist(Existing::Replace)
                .map_err(|error| Error::from(ocm_oci::Error::blob("archive")(error))),
            Self::File(_folder, path) => std::fs::rename(new, &path)
                .map_err(|error| Error::new(Kind::Other, format!("{}: {error}", path.display()))),
        }
    }
}

/// Something in a folder that no archive has; hidden entries other than those of a writer at work count too.
fn not_of_an_archive(folder: &Path) -> std::io::Result<Option<String>> {
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !matches!(name.as_str(), "artifact-index.json" | "blobs") && !name.starts_with(".staging-") {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

#[async_trait]
impl build::Lookup for Lookup {
    fn is_bound(&self, component: &str, version: &str) -> bool {
        Self::is_bound(self, component, version)
    }

    async fn component_version(
        &self,
        component: &str,
        version: &str,
    ) -> Result<Option<ComponentVersion>, ocm_oci::Error> {
        match ocm_transfer::Lookup::get(self, component, version).await {
            Ok(found) => Ok(Some(ComponentVersion::clone(&found))),
            Err(error) if error.kind() == ocm_oci::Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn report(built: Vec<Built>, external: &[Descriptor], target: &str) -> Report {
    let all: BTreeMap<(&str, &str), &Descriptor> = built
        .iter()
        .map(|built| &built.descriptor)
        .chain(external)
        .map(|descriptor| ((descriptor.component.name.as_str(), descriptor.component.version.as_str()), descriptor))
        .collect();
    let referred: BTreeSet<Key<'_>> = built
        .iter()
        .flat_map(|built| &built.descriptor.component.component_references)
        .map(|reference| (reference.component_name.as_str(), reference.version.as_str()))
        .collect();
    // What was found elsewhere is always referred to, so every root is one that was built.
    let mut nesting = Nesting { all: &all, target, path: Vec::new(), left: tree::MAX_NODES, shown: BTreeSet::new() };
    let mut roots = Vec::new();
    for (key, descriptor) in all.iter().filter(|(key, _)| !referred.contains(*key)) {
        roots.push(nesting.node(*key, descriptor, None));
    }
    for component in built.iter().map(|built| &built.descriptor.component) {
        let key = (component.name.as_str(), component.version.as_str());
        if !nesting.shown.contains(&key) {
            roots.push(nesting.node(key, all[&key], None));
        }
    }
    let versions = built
        .into_iter()
        .map(|built| Added {
            component: built.descriptor.component.name.clone(),
            version: built.descriptor.component.version.clone(),
            action: built.disposition,
            descriptor: built.descriptor,
        })
        .collect();
    Report { roots, versions, specification: Vec::new(), copied: Vec::new() }
}

type Key<'a> = (&'a str, &'a str);

/// Nests component versions in those that refer to them. Everything is written by now, so nothing is refused here: what is
/// nested too deep or too often, or in itself by way of another repository, is cut off there and becomes a root.
struct Nesting<'a> {
    all: &'a BTreeMap<Key<'a>, &'a Descriptor>,
    target: &'a str,
    path: Vec<Key<'a>>,
    /// Nodes that may still be made below roots.
    left: usize,
    /// What has a node.
    shown: BTreeSet<Key<'a>>,
}

impl<'a> Nesting<'a> {
    fn node(&mut self, key: Key<'a>, descriptor: &'a Descriptor, reference: Option<ocm_model::Identity>) -> Node {
        self.shown.insert(key);
        self.path.push(key);
        let component = &descriptor.component;
        let mut children = Vec::new();
        for reference in &component.component_references {
            let key = (reference.component_name.as_str(), reference.version.as_str());
            let Some(child) = self.all.get(&key) else { continue };
            if self.path.len() > tree::MAX_DEPTH || self.left == 0 || self.path.contains(&key) {
                continue;
            }
            self.left -= 1;
            children.push(self.node(key, child, Some(reference.identity())));
        }
        self.path.pop();
        Node {
            component: component.name.clone(),
            version: component.version.clone(),
            repository: self.target.to_owned(),
            repository_type: None,
            reference,
            children,
            descriptor: Some(Arc::new(descriptor.clone())),
        }
    }
}

/// What to build, and where to put it.
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own that a program passes on")]
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Constructor files.
    pub constructors: Vec<PathBuf>,
    /// Repository that receives the component versions; an archive is made if it does not exist.
    pub target: String,
    /// Form of a target archive that does not exist yet (`directory`, `tar`, `tgz`); the default follows its name.
    pub target_form: Option<String>,
    /// Whether an archive that does not exist is made.
    pub create: bool,
    /// Whether an existing archive is thrown away first.
    pub truncate: bool,
    /// Base of relative input paths; the default is the folder of the constructor file.
    pub working_directory: Option<PathBuf>,
    /// Rules of reading: those of the current program or of the older one.
    pub dialect: Dialect,
    /// Template engine (`go`, `subst`, `none`, `env`); the default follows the dialect and the file.
    pub templater: Option<String>,
    /// Variables, later ones win: environment, settings files, command line.
    pub variables: BTreeMap<String, serde_json::Value>,
    /// Version of components that name none.
    pub default_version: Option<String>,
    /// What to do about a component version that the target has already.
    pub conflict: Conflict,
    /// What to do with referenced versions that live elsewhere.
    pub external: External,
    /// Repositories to look for referenced versions in.
    pub lookup: Vec<String>,
    /// Whether images are recorded by reference without looking them up.
    pub skip_reference_digests: bool,
    /// Name of the digest algorithm recorded for OCI content: `genericBlobDigest/v1` or `ociArtifactDigest/v1`.
    pub oci_artifact_digest: Option<String>,
    /// Time of creation to record, RFC 3339; none by default, so that the same input gives the same digest.
    pub creation_time: Option<String>,
    /// Elements of one component that are processed at the same time.
    pub concurrency: usize,
    /// Only read, substitute and check; the report then holds the specification.
    pub dry_run: bool,
}

/// What was built.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The component versions of the files with what they refer to, as `get` reports them.
    pub roots: Vec<get::Node>,
    /// What happened to each component version of the files, in their order.
    pub versions: Vec<Added>,
    /// Referenced component versions that were copied into the target.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copied: Vec<Item>,
    /// The specification after substitution; only of a dry run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub specification: Vec<serde_json::Value>,
}

/// One component version of a constructor file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Added {
    /// Component name.
    pub component: String,
    /// Version.
    pub version: String,
    /// What happened.
    pub action: Disposition,
    /// The descriptor as it is stored now.
    #[schemars(with = "serde_json::Value")]
    pub descriptor: Descriptor,
}
