//! `transfer`: component versions from one repository to another.

mod archives;
mod gather;
mod places;

pub use ocm_transfer::{
    AccessStyle, Collision, CopyMode, ElementAction, ElementKind, ElementPlan, ElementReport, Estimate, Existing,
    GlobalAccess, ItemOutcome, Plan, Report, RepositoryContexts, Rule, TargetReport, Totals, UploadAs, VersionAction,
    VersionPlan, VersionReport,
};

use std::sync::Arc;
use std::time::Duration;

use ocm_config::Placed;
use ocm_model::reference::{ComponentReference, FileFormat, RepositoryReference};
use ocm_model::{Access, Descriptor};
use ocm_oci::copy::Referrers;
use ocm_repository::{ComponentRepository, ComponentVersion};
use ocm_transfer::document::{self, Origin};
pub use ocm_transfer::document::{Document, Transformation};
use ocm_transfer::{Computed, Naming, Options, Prepared, Template};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::archives::ArchiveTargets;
pub use self::gather::ImageReferenceOverride;
use self::gather::{gather, overrides, repository_of};
use self::places::Places;
use super::{get, inventory};
use crate::context::Purpose;
use crate::{Context, Error, Kind, Result, select};

/// Component versions that are worked on at the same time.
const CONCURRENCY: usize = 4;

/// How long an estimate may take: it is a courtesy, and the document is already there.
const ESTIMATE_LIMIT: Duration = Duration::from_secs(10);

/// Transfers what was asked for.
///
/// # Errors
/// Nothing has become visible in a target if it fails before its first component version is published. With several targets
/// one that fails does not keep the others: [`Kind::Incomplete`] names it, and they have everything.
pub async fn run(context: &Context, request: &Request) -> Result<Report> {
    match carry_out(context, request).await {
        (report, None) => Ok(report),
        (_, Some(error)) => Err(error),
    }
}

/// Does what [`run`] does, and tells what became of every item even if something failed.
pub async fn carry_out(context: &Context, request: &Request) -> (Report, Option<Error>) {
    let mut versions = Vec::new();
    let prepared = async {
        let options = options(context, request)?;
        let purpose = Purpose::Create(form(request)?);
        let prepared = Box::pin(prepare(context, request, &options, purpose, &mut versions)).await?;
        Ok::<_, Error>((prepared, options))
    };
    match unless_stopped(context, prepared).await {
        Ok((prepared, options)) => {
            let (report, failure) = ocm_transfer::execute(&prepared, &options).await;
            (report, failure.map(Error::from))
        }
        Err(error) => (unstarted(&request.targets, &versions, &error), Some(error)),
    }
}

/// What comes before anything is moved; an error as soon as somebody does not want to wait for it.
async fn unless_stopped<T, E: From<ocm_transfer::Error>>(
    context: &Context,
    work: impl Future<Output = std::result::Result<T, E>>,
) -> std::result::Result<T, E> {
    tokio::select! {
        result = work => result,
        () = context.stop().stopped() => Err(ocm_transfer::Stop::error().into()),
    }
}

/// The report of a transfer that failed before anything was moved.
fn unstarted(targets: &[String], versions: &[Arc<ComponentVersion>], error: &Error) -> Report {
    let reason = Some(error.to_string());
    let target = |address: &String| TargetReport {
        address: address.clone(),
        outcome: ItemOutcome::Failed,
        reason: reason.clone(),
        hints: error.hints().to_vec(),
    };
    let skipped = |target: &String| {
        let target = target.clone();
        versions.iter().map(move |version| VersionReport {
            component: version.name().to_owned(),
            version: version.version().to_owned(),
            target: target.clone(),
            action: VersionAction::Transfer,
            outcome: ItemOutcome::Skipped,
            difference: None,
            elements: Vec::new(),
        })
    };
    let versions: Vec<_> = targets.iter().flat_map(skipped).collect();
    Report {
        target: targets.join(", "),
        targets: targets.iter().map(target).collect(),
        totals: Totals { versions_failed: versions.len() as u64, ..Totals::default() },
        versions,
    }
}

/// Says what [`run`] would do. Sources and targets are read, nothing is written.
pub async fn plan(context: &Context, request: &Request) -> Result<Plan> {
    let options = options(context, request)?;
    Ok(prepare(context, request, &options, Purpose::Create(form(request)?), &mut Vec::new()).await?.plan())
}

fn form(request: &Request) -> Result<Option<ocm_repository::Form>> {
    request.target_form.as_deref().map(crate::context::form).transpose()
}

/// What tells places apart, however they are spelt.
fn same_place(reference: &RepositoryReference) -> String {
    match reference {
        RepositoryReference::Ctf { file_path, .. } => {
            let path = std::path::absolute(file_path).unwrap_or_else(|_| file_path.into());
            path.components().collect::<std::path::PathBuf>().display().to_string()
        }
        RepositoryReference::Oci { base_url, sub_path, .. } => {
            format!("{}/{}", base_url.trim_end_matches('/'), sub_path.trim_matches('/'))
        }
        RepositoryReference::Other(_) => reference.to_string(),
    }
}

/// Reads the reference of a target.
///
/// # Errors
/// [`Kind::Usage`] where it names a component in the repository.
fn target_of(name: &str) -> Result<RepositoryReference> {
    // The only one of `http://host` belongs to its scheme.
    let separated = name.rsplit_once("//").filter(|(repository, _)| !repository.ends_with(':'));
    if let (Some((repository, _)), Ok(reference)) = (separated, ComponentReference::parse(name)) {
        let error = format!("target {name:?} names the component {} in a repository", reference.component);
        return Err(Error::usage(error).hint(format!("write the repository alone: {repository}")));
    }
    select::repository(name)
}

/// Finds out what has to happen. `versions` are those that belong to it, as soon as that is known, also if something fails then.
async fn prepare(
    context: &Context,
    request: &Request,
    options: &Options,
    purpose: Purpose,
    versions: &mut Vec<Arc<ComponentVersion>>,
) -> Result<Prepared> {
    let mut gathered = Box::pin(gather(context, &request.versions)).await?;
    let archives = ArchiveTargets::of(context, request).await?;
    archives.leave_out(&mut gathered.versions);
    versions.clone_from(&gathered.versions);
    let mut options = gathered.options(options.clone())?;
    options.naming.rules.extend(overrides(&gathered, &request.image_references));
    let mut targets = Vec::with_capacity(request.targets.len());
    let mut seen = Vec::new();
    for name in &request.targets {
        let reference = target_of(name)?;
        // Several spellings of one place would write it several times.
        let place = same_place(&reference);
        if seen.contains(&place) {
            continue;
        }
        seen.push(place);
        archives.check(name, &reference)?;
        let opened: ocm_oci::Result<ComponentRepository> =
            context.open_with(&reference, purpose, archives.options()).await;
        if let Ok(target) = &opened {
            inventory::complete(context, &gathered.versions, target).await?;
        }
        targets.push((name.clone(), opened.map_err(ocm_transfer::Error::from)));
    }
    Ok(ocm_transfer::prepare(gathered.versions, targets, context, &options).await?)
}

fn options(context: &Context, request: &Request) -> Result<Options> {
    let template = request.upload_name.as_deref().map(Template::parse).transpose().map_err(|error| {
        Error::usage(error)
            .during("--upload-name")
            .hint("for example: 'mirror/{{ .Repository }}', '{{ slug .Component }}/{{ .Name }}' or host-prefixed")
    })?;
    Ok(Options {
        copy: request.copy,
        copy_sources: request.copy_sources,
        omit_access_types: request.omit_access_types.clone(),
        foreign_access_types: Vec::new(),
        upload_as: request.upload_as,
        naming: Naming {
            template: template.unwrap_or_default(),
            rules: request.upload_rules.clone(),
            collision: request.on_collision,
        },
        access_style: request.access_style,
        global_access: request.global_access,
        repository_contexts: request.repository_contexts,
        platforms: request
            .platforms
            .iter()
            .map(|text| text.parse().map_err(|error| Error::usage(error).during("--platform")))
            .collect::<Result<_>>()?,
        referrers: if request.referrers { Referrers::Carry } else { Referrers::Leave },
        strict: request.strict,
        existing: request.existing,
        computed: Computed::default(),
        concurrency: CONCURRENCY,
        observer: context.observer().clone(),
        pace: context.client().bucket(),
        stop: context.stop().clone(),
    })
}

/// Writes down what [`run`] would do, as a document that can be edited and carried out. Only sources are read.
///
/// # Errors
/// Besides those of the sources: [`Kind::Usage`] for a name of images that a document cannot say.
pub async fn document(context: &Context, request: &Request) -> Result<Document> {
    if request.on_collision == Collision::SuffixHost {
        let error =
            Error::usage("--on-collision suffix-host cannot be written into a document: who collides shows later");
        return Err(error.hint("--upload-name host-prefixed gives every image a name of its own"));
    }
    let mut gathered = gather(context, &request.versions).await?;
    // A document has no place for what was computed: content without digest is not to be told from other content later.
    gathered.computed = Computed::default();
    let mut options = gathered.options(options(context, request)?)?;
    options.naming.rules.extend(overrides(&gathered, &request.image_references));
    if gathered.versions.iter().any(|version| has_foreign_access(&version.descriptor)) {
        options.foreign_access_types = crate::plugins::access_types(context).await;
    }
    let targets = request.targets.iter().map(|target| {
        let mut target = target_of(target)?;
        if let (RepositoryReference::Ctf { format, .. }, Some(form)) = (&mut target, &request.target_form) {
            crate::context::form(form)?;
            *format = FileFormat::parse(form);
        }
        Ok(target.to_spec())
    });
    let targets = targets.collect::<Result<Vec<_>>>()?;
    let origins: Vec<_> = gathered
        .versions
        .into_iter()
        .map(|version| Ok(Origin { repository: repository_of(&version)?.to_spec(), version }))
        .collect::<Result<_>>()?;
    let document = document::write(&origins, &targets, &options)?;
    document::check(&document)?;
    Ok(document)
}

/// Whether an element has an access that only a plugin can follow.
fn has_foreign_access(descriptor: &Descriptor) -> bool {
    let component = &descriptor.component;
    let accesses = component.resources.iter().map(|resource| &resource.access);
    let mut accesses = accesses.chain(component.sources.iter().map(|source| &source.access));
    accesses.any(|access| matches!(Access::of(access), Access::Other | Access::Git { .. }))
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

/// The repositories that a document stores component versions in, as far as they stand in it: addresses of registries, paths of
/// archives.
pub fn targets(document: &Document) -> Vec<String> {
    document::targets(document)
}

/// How a document is carried out; everything else stands in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct DocumentOptions {
    /// What to do about a version that a target has with other content.
    pub existing: Existing,
    /// What to do when two different images would get the same name; a document cannot put hosts behind them.
    pub on_collision: Collision,
    /// Whether content that the document leaves where it is is a failure.
    pub strict: bool,
}

fn document_options(context: &Context, options: DocumentOptions) -> Options {
    let DocumentOptions { existing, on_collision, strict } = options;
    let naming = Naming { collision: on_collision, ..Naming::default() };
    let (observer, pace, stop) = (context.observer().clone(), context.client().bucket(), context.stop().clone());
    Options { existing, naming, strict, concurrency: CONCURRENCY, observer, pace, stop, ..Options::default() }
}

/// Carries out a document.
///
/// # Errors
/// Nothing has become visible in the targets if this fails before the first component version is published.
pub async fn run_document(
    context: &Context,
    name: &str,
    document: &Document,
    options: DocumentOptions,
) -> Result<Report> {
    match carry_out_document(context, name, document, options).await {
        (report, None) => Ok(report),
        (_, Some(error)) => Err(error),
    }
}

/// Does what [`run_document`] does, and tells what became of every item even if something failed.
pub async fn carry_out_document(
    context: &Context,
    name: &str,
    document: &Document,
    options: DocumentOptions,
) -> (Report, Option<Error>) {
    let options = document_options(context, options);
    let places = Places { context, is_dry: false };
    let prepared = async { document::prepare(document::check(document)?, &places, &options).await };
    match unless_stopped(context, prepared).await {
        Ok(prepared) => {
            let (report, failure) = ocm_transfer::execute(&prepared, &options).await;
            (report, failure.map(|error| in_document(error, name)))
        }
        Err(error) => {
            let error = in_document(error, name);
            (unstarted(&document::targets(document), &[], &error), Some(error))
        }
    }
}

/// Finds out whether a document can be carried out: all content is looked up and compared with its digests, and the targets
/// with what they would get. Nothing is written.
pub async fn check_document(
    context: &Context,
    name: &str,
    document: &Document,
    options: DocumentOptions,
) -> Result<()> {
    let options = document_options(context, options);
    let places = Places { context, is_dry: true };
    let checked = async { document::prepare(document::check(document)?, &places, &options).await };
    checked.await.map(|_| ()).map_err(|error| in_document(error, name))
}

/// What a document would move. Sources and targets are read, nothing is written.
///
/// # Errors
/// Whatever [`run_document`] would fail with, as far as it can be known, and [`Kind::Unavailable`] after ten seconds.
pub async fn estimate(context: &Context, document: &Document, options: DocumentOptions) -> Result<Estimate> {
    let options = document_options(context, options);
    let places = Places { context, is_dry: true };
    let estimated = async {
        let prepared = document::prepare(document::check(document)?, &places, &options).await?;
        prepared.failure().map_or(Ok(()), Err)?;
        ocm_transfer::estimate(&prepared).await
    };
    match tokio::time::timeout(ESTIMATE_LIMIT, estimated).await {
        Ok(estimated) => Ok(estimated?),
        Err(_) => Err(Error::new(Kind::Unavailable, "a repository did not answer in time")),
    }
}

fn in_document(error: ocm_transfer::Error, name: &str) -> Error {
    let (is_wrong, is_placed) = (error.kind() == ocm_transfer::Kind::Document, error.is_placed());
    let error = if is_wrong { Error::usage(error) } else { Error::from(error) };
    if is_placed { error } else { error.during(name) }
}

/// Rules for the names of images out of a configuration.
///
/// # Errors
/// [`Kind::Usage`] with the place of a rule that makes no sense.
pub fn rules(placed: &[Placed]) -> Result<Vec<Rule>> {
    let rules: Vec<Rule> = placed.iter().map(part).collect::<Result<_>>()?;
    for (rule, placed) in rules.iter().zip(placed) {
        for template in [&rule.target.repository, &rule.target.tag].into_iter().flatten() {
            Template::parse(template).map_err(|error| Error::usage(error).during(placed.place.to_string()))?;
        }
    }
    Ok(rules)
}

/// Names of single images as the older program writes them, out of a configuration.
///
/// # Errors
/// [`Kind::Usage`] with the place of an entry that makes no sense.
pub fn image_references(placed: &[Placed]) -> Result<Vec<ImageReferenceOverride>> {
    placed.iter().map(part).collect()
}

fn part<T: DeserializeOwned>(placed: &Placed) -> Result<T> {
    serde_json::from_value(placed.value.clone()).map_err(|error| Error::usage(error).during(placed.place.to_string()))
}

/// What to transfer, where to, and how.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Which component versions; a repository alone means everything in it.
    pub versions: get::Request,
    /// Repositories that receive them.
    pub targets: Vec<String>,
    /// Form of a target archive that does not exist yet; the default follows its name.
    pub target_form: Option<String>,
    /// Bytes of the parts that target archives are written in; `None` writes them in one file.
    pub split: Option<u64>,
    /// What the receiver of the target archives has: an inventory file, an archive or another repository. It is left out.
    pub since: Option<String>,
    /// Which content moves along.
    pub copy: CopyMode,
    /// Whether the content of sources moves like that of resources.
    pub copy_sources: bool,
    /// Access types that stay by reference even if everything is copied.
    pub omit_access_types: Vec<String>,
    /// How images are stored in a registry.
    pub upload_as: UploadAs,
    /// The name of an image that is stored beside its component version, a template; the default is the name it has where it
    /// comes from.
    pub upload_name: Option<String>,
    /// Names of single images; the first rule that fits counts.
    pub upload_rules: Vec<Rule>,
    /// Names of single images as the older program writes them (`OCIImageReferenceOverride/v1alpha1`); after the rules.
    pub image_references: Vec<ImageReferenceOverride>,
    /// What to do when two different images would get the same name.
    pub on_collision: Collision,
    /// How component versions refer to images beside them.
    pub access_style: AccessStyle,
    /// Whether local content in a registry also gets an access for everybody.
    pub global_access: GlobalAccess,
    /// What becomes of the addresses that component versions say they were stored under.
    pub repository_contexts: RepositoryContexts,
    /// Platforms that are copied of images for several, `os/architecture` or `os/architecture/variant`; empty: all of them.
    pub platforms: Vec<String>,
    /// Whether signatures, lists of contents and attestations go along with images.
    pub referrers: bool,
    /// Whether content that was asked for and cannot be carried is a failure.
    pub strict: bool,
    /// What to do about a version that the target has with other content.
    pub existing: Existing,
}
