//! `transfer`: component versions from one repository to another.

use schemars::JsonSchema;
use serde::Serialize;

pub use ocm_transfer::{
    CopyMode, ElementAction, ElementKind, ElementPlan, ElementReport, Existing, Plan, Report, Totals, UploadAs,
    VersionAction, VersionPlan, VersionReport,
};

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ocm_access::RegistrySource;
use ocm_model::TypedObject;
use ocm_model::reference::{COMPONENT_DESCRIPTORS, FileFormat, RepositoryReference};
use ocm_oci::{ImageReference, MemoryRegistry};
use ocm_repository::{ComponentRepository, ComponentVersion};
use ocm_transfer::document::{self, Origin};
pub use ocm_transfer::document::{Document, Estimate, Transformation};
use ocm_transfer::{Options, Prepared};

use super::get;
use crate::context::Purpose;
use crate::{Context, Error, Kind, Result, select};

/// Component versions that are worked on at the same time.
const CONCURRENCY: usize = 4;

/// How long an estimate may take: it is a courtesy, and the document is already there.
const ESTIMATE_LIMIT: Duration = Duration::from_secs(10);

/// Transfers what was asked for.
///
/// # Errors
/// Nothing has become visible in the target if this fails before the first component version is published.
pub async fn run(context: &Context, request: &Request) -> Result<Report> {
    let work = Work::prepare(context, request).await?;
    Ok(ocm_transfer::execute(&work.prepared, &work.target, context, &work.options).await?)
}

/// Says what [`run`] would do. Source and target are read, nothing is written.
pub async fn plan(context: &Context, request: &Request) -> Result<Plan> {
    Ok(Work::prepare(context, request).await?.prepared.plan)
}

struct Work {
    target: ComponentRepository,
    options: Options,
    prepared: Prepared,
}

impl Work {
    async fn prepare(context: &Context, request: &Request) -> Result<Self> {
        let versions = gather(context, request).await?;
        let form = request.target_form.as_deref().map(crate::context::form).transpose()?;
        let target = context.open(&select::repository(&request.target)?, Purpose::Create(form)).await?;
        let options = options(context, request);
        let prepared = ocm_transfer::prepare(versions, &target, context, &options).await?;
        Ok(Self { target, options, prepared })
    }
}

/// The component versions that a request means, referenced ones first.
async fn gather(context: &Context, request: &Request) -> Result<Vec<Arc<ComponentVersion>>> {
    let selected = select::select(context, &request.versions).await?;
    let lookup = select::lookup(context, &selected, &request.versions.lookup).await?;
    let mut roots: Vec<Arc<ComponentVersion>> = Vec::new();
    for root in &selected {
        let version = root.read().await?;
        lookup.remember(&version);
        roots.push(version);
    }
    Ok(if request.versions.recursive { ocm_transfer::closure(roots, &lookup).await? } else { roots })
}

fn options(context: &Context, request: &Request) -> Options {
    Options {
        copy: request.copy,
        copy_sources: request.copy_sources,
        omit_access_types: request.omit_access_types.clone(),
        upload_as: request.upload_as,
        existing: request.existing,
        concurrency: CONCURRENCY,
        observer: context.observer().clone(),
    }
}

/// Writes down what [`run`] would do, as a document that can be edited and carried out. Only sources are read.
pub async fn document(context: &Context, request: &Request) -> Result<Document> {
    let versions = gather(context, request).await?;
    let mut target = select::repository(&request.target)?;
    if let (RepositoryReference::Ctf { format, .. }, Some(form)) = (&mut target, &request.target_form) {
        crate::context::form(form)?;
        *format = FileFormat::parse(form);
    }
    let origins: Vec<_> = versions
        .into_iter()
        .map(|version| Ok(Origin { repository: repository_of(&version)?.to_spec(), version }))
        .collect::<Result<_>>()?;
    let document = document::write(&origins, &target.to_spec(), &options(context, request))?;
    document::check(&document)?;
    Ok(document)
}

/// The repository that a component version was read from.
fn repository_of(version: &ComponentVersion) -> Result<RepositoryReference> {
    let content = version.content();
    let name = format!("{COMPONENT_DESCRIPTORS}/{}", version.name());
    let unknown =
        || Error::new(Kind::Other, format!("{version}: its repository {} has another form", content.address()));
    match content.location() {
        Some(at) => {
            let path = at.repository.strip_suffix(&name).ok_or_else(unknown)?.trim_end_matches('/');
            // TLS is what everybody expects; plain HTTP has to be said.
            let host = at.registry.trim_start_matches("https://");
            RepositoryReference::oci(&format!("{host}/{path}")).map_err(|error| Error::new(Kind::Other, error))
        }
        None => {
            let address = content.address();
            // The older component archive has one component only, and no folder for it.
            let path = address.strip_suffix(&name).or_else(|| address.strip_suffix(version.name()));
            let path = path.and_then(|path| path.strip_suffix("//")).ok_or_else(unknown)?;
            Ok(RepositoryReference::ctf(path))
        }
    }
}

/// Reads a document that [`document`] wrote or a person edited, and checks all that can be checked without contacting
/// anybody. `name` is what errors call it.
///
/// # Errors
/// [`Kind::Usage`], with the node that is wrong.
pub fn read_document(name: &str, text: &[u8]) -> Result<Document> {
    let document = document::read(name, text).map_err(Error::usage)?;
    document::check(&document).map_err(|error| in_document(error, name))?;
    Ok(document)
}

/// Carries out a document.
///
/// # Errors
/// Nothing has become visible in the targets if this fails before the first component version is published.
pub async fn run_document(context: &Context, name: &str, document: &Document, existing: Existing) -> Result<Report> {
    let options = options(context, &Request { existing, ..Request::default() });
    let places = Places { context, is_dry: false };
    let done = async {
        let prepared = document::prepare(document::check(document)?, &places, &options).await?;
        document::execute(&prepared, &options).await
    };
    done.await.map_err(|error| in_document(error, name))
}

/// Finds out whether a document can be carried out: all content is looked up and compared with its digests, and the targets
/// with what they would get. Nothing is written.
pub async fn check_document(context: &Context, name: &str, document: &Document, existing: Existing) -> Result<()> {
    let options = options(context, &Request { existing, ..Request::default() });
    let places = Places { context, is_dry: true };
    let checked = async { document::prepare(document::check(document)?, &places, &options).await };
    checked.await.map(|_| ()).map_err(|error| in_document(error, name))
}

/// What a document would move. Sources and targets are read, nothing is written.
///
/// # Errors
/// Whatever [`run_document`] would fail with, as far as it can be known, and [`Kind::Unavailable`] after ten seconds.
pub async fn estimate(context: &Context, document: &Document, existing: Existing) -> Result<Estimate> {
    let options = options(context, &Request { existing, ..Request::default() });
    let places = Places { context, is_dry: true };
    let estimated = async {
        let prepared = document::prepare(document::check(document)?, &places, &options).await?;
        document::estimate(&prepared).await
    };
    match tokio::time::timeout(ESTIMATE_LIMIT, estimated).await {
        Ok(estimated) => Ok(estimated?),
        Err(_) => Err(Error::new(Kind::Unavailable, "a repository did not answer in time")),
    }
}

fn in_document(error: ocm_transfer::Error, name: &str) -> Error {
    let is_wrong = error.kind() == ocm_transfer::Kind::Document;
    let error = if is_wrong { Error::usage(error) } else { Error::from(error) };
    error.during(name)
}

/// The repositories that documents name.
struct Places<'a> {
    context: &'a Context,
    /// Whether targets are only looked at.
    is_dry: bool,
}

impl Places<'_> {
    async fn open(&self, repository: &TypedObject, purpose: Purpose) -> ocm_transfer::Result<ComponentRepository> {
        let wrong = |error: ocm_model::Error| ocm_transfer::Error::Document(format!("spec.repository: {error}"));
        let reference = RepositoryReference::from_spec(repository).map_err(wrong)?;
        Ok(self.context.open(&reference, purpose).await?)
    }
}

#[async_trait]
impl RegistrySource for Places<'_> {
    async fn repository(&self, reference: &ImageReference) -> ocm_oci::Result<Arc<dyn ocm_oci::Repository>> {
        RegistrySource::repository(self.context, reference).await
    }
}

#[async_trait]
impl document::Places for Places<'_> {
    async fn source(&self, repository: &TypedObject) -> ocm_transfer::Result<ComponentRepository> {
        self.open(repository, Purpose::Read).await
    }

    async fn target(&self, repository: &TypedObject) -> ocm_transfer::Result<ComponentRepository> {
        if self.is_dry {
            return match self.open(repository, Purpose::Read).await {
                // What does not exist yet has nothing.
                Err(ocm_transfer::Error::Place(error)) if error.kind() == ocm_oci::Kind::NotFound => {
                    Ok(ComponentRepository::new(Arc::new(MemoryRegistry::new()), ""))
                }
                opened => opened,
            };
        }
        let purpose = match repository.text("accessMode") {
            None | Some("") => Purpose::Create(None),
            Some(mode) if mode.contains("create") => Purpose::Create(None),
            Some(mode) if mode.contains("readwrite") => Purpose::Write,
            Some(mode) => {
                let reason =
                    format!("spec.repository.accessMode: {mode:?} does not allow to write; use readwrite|create");
                return Err(ocm_transfer::Error::Document(reason));
            }
        };
        self.open(repository, purpose).await
    }
}

/// What to transfer, where to, and how.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Which component versions; a repository alone means everything in it.
    pub versions: get::Request,
    /// Repository that receives them.
    pub target: String,
    /// Form of a target archive that does not exist yet; the default follows its name.
    pub target_form: Option<String>,
    /// Which content moves along.
    pub copy: CopyMode,
    /// Whether the content of sources moves like that of resources.
    pub copy_sources: bool,
    /// Access types that stay by reference even if everything is copied.
    pub omit_access_types: Vec<String>,
    /// How images are stored in a registry.
    pub upload_as: UploadAs,
    /// What to do about a version that the target has with other content.
    pub existing: Existing,
}
