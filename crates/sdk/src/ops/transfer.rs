//! `transfer`: component versions from one repository to another.

mod archives;
mod documents;
mod gather;
mod images;
mod places;

pub use ocm_transfer::{
    AccessStyle, Collision, CopyMode, ElementAction, ElementKind, ElementPlan, ElementReport, Estimate, Existing,
    GlobalAccess, ItemOutcome, NameReport, Plan, Report, RepositoryContexts, Rule, TargetReport, Totals, UploadAs,
    VersionAction, VersionPlan, VersionReport,
};

use std::collections::HashMap;
use std::sync::Arc;

use ocm_config::Placed;
use ocm_model::TypedObject;
use ocm_model::reference::{ComponentReference, RepositoryReference};
use ocm_oci::MemoryRegistry;
use ocm_oci::copy::Referrers;
use ocm_repository::{ComponentRepository, ComponentVersion};
pub use ocm_transfer::document::{Document, Transformation};
use ocm_transfer::{Computed, Naming, Options, Prepared, Targets, Template};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::archives::ArchiveTargets;
pub use self::documents::{
    DocumentOptions, carry_out_document, check_document, document, estimate, estimate_document, read_document,
    run_document, targets,
};
pub use self::gather::ImageReferenceOverride;
use self::gather::{gather, of_source, overrides};
pub use self::images::{ImageMove, ImagePlace, Images, carry_out_with_images};
use super::{get, inventory};
use crate::context::Purpose;
use crate::{Context, Error, Result, select};

/// Component versions that are worked on at the same time.
const CONCURRENCY: usize = 4;

/// Transfers what was asked for.
///
/// # Errors
/// Nothing has become visible in a target if it fails before its first component version is published. With several targets
/// one that fails does not keep the others: [`crate::Kind::Incomplete`] names it, and they have everything.
pub async fn run(context: &Context, request: &Request) -> Result<Report> {
    let carried_out = carry_out(context, request).await;
    carried_out.failure.map_or(Ok(carried_out.report), Err)
}

/// Does what [`run`] does, and tells what became of every item even if something failed.
pub async fn carry_out(context: &Context, request: &Request) -> CarriedOut {
    let mut meant = Meant::default();
    let (report, failure) = transfer(context, request, &mut meant, &mut None).await;
    CarriedOut { report, failure, references: meant.references(request), images: None }
}

/// What came of a transfer.
pub struct CarriedOut {
    /// What became of every item.
    pub report: Report,
    /// Why some of it failed.
    pub failure: Option<Error>,
    /// How what it was about hangs together.
    pub references: References,
    /// Where images are now, if that was asked for and nothing failed.
    pub images: Option<Images>,
}

/// The component versions that a transfer is about.
#[derive(Default)]
struct Meant {
    /// Those that were named.
    roots: Vec<Arc<ComponentVersion>>,
    /// With everything that belongs to them.
    versions: Vec<Arc<ComponentVersion>>,
}

/// How the component versions of a transfer refer to each other, each by the name of its component and its version.
#[derive(Clone, Debug, Default)]
pub struct References {
    /// Those that were named.
    pub roots: Vec<(String, String)>,
    /// What each refers to, as far as that was transferred with it.
    pub of: HashMap<(String, String), Vec<(String, String)>>,
}

impl Meant {
    fn references(&self, request: &Request) -> References {
        let key = |version: &Arc<ComponentVersion>| (version.name().to_owned(), version.version().to_owned());
        let roots = self.roots.iter().map(key).collect();
        let followed = self.versions.iter().filter(|_| request.versions.recursive);
        let of = followed.map(|version| {
            let references = version.descriptor.component.component_references.iter();
            let references = references.map(|to| (to.component_name.clone(), to.version.clone()));
            (key(version), references.collect())
        });
        References { roots, of: of.collect() }
    }
}

/// Carries a request out. `meant` and `carried_out` are what it was about, as soon as that is known.
async fn transfer(
    context: &Context,
    request: &Request,
    meant: &mut Meant,
    carried_out: &mut Option<Prepared>,
) -> (Report, Option<Error>) {
    let prepared = async {
        let options = options(context, request)?;
        let purpose = Purpose::Create(form(request)?);
        let prepared = Box::pin(prepare(context, request, &options, purpose, meant)).await?;
        Ok::<_, Error>((prepared, options))
    };
    match unless_stopped(context, prepared).await {
        Ok((prepared, options)) => {
            let (report, failure) = ocm_transfer::execute(carried_out.insert(prepared), &options).await;
            (report, failure.map(Error::from))
        }
        Err(error) => (unstarted(&request.targets, &meant.versions, &error), Some(error)),
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
pub fn unstarted(targets: &[String], versions: &[Arc<ComponentVersion>], error: &Error) -> Report {
    let reason = Some(ocm_http::without_users(&error.to_string()));
    let targets: Vec<String> = targets.iter().map(|target| without_password(target)).collect();
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
        names: Vec::new(),
        totals: Totals { versions_failed: versions.len() as u64, ..Totals::default() },
        versions,
    }
}

/// What somebody wrote for a target, without a password: reports are kept, and printed into the logs of pipelines.
fn without_password(target: &str) -> String {
    let is_archive = matches!(select::repository(target), Ok(RepositoryReference::Ctf { .. }));
    if target.contains("://") || is_archive { ocm_http::without_users(target) } else { ocm_http::redacted(target) }
}

/// Says what [`run`] would do. Sources and targets are read, nothing is written.
pub async fn plan(context: &Context, request: &Request) -> Result<Plan> {
    let options = options(context, request)?;
    Ok(prepare(context, request, &options, Purpose::Create(form(request)?), &mut Meant::default()).await?.plan())
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
/// [`crate::Kind::Usage`] where it names a component in the repository.
fn target_of(name: &str) -> Result<RepositoryReference> {
    // The only one of `http://host` belongs to its scheme.
    let separated = name.rsplit_once("//").filter(|(repository, _)| !repository.ends_with(':'));
    if let (Some((repository, _)), Ok(reference)) = (separated, ComponentReference::parse(name)) {
        let error = format!("target {name:?} names the component {} in a repository", reference.component);
        return Err(Error::usage(error).hint(format!("write the repository alone: {repository}")));
    }
    select::repository(name)
}

/// Finds out what has to happen. `meant` is what belongs to it, as soon as that is known, also if something fails then.
async fn prepare(
    context: &Context,
    request: &Request,
    options: &Options,
    purpose: Purpose,
    meant: &mut Meant,
) -> Result<Prepared> {
    let archives = ArchiveTargets::of(context, request).await?;
    let selected = select::select(context, &request.versions).await.map_err(|error| of_source(context, error))?;
    let targets: Targets = open_targets(context, request, purpose, &archives).await?.into();
    let mut gathered = Box::pin(gather(context, &request.versions, &selected, Some(targets.roots()))).await?;
    archives.leave_out(&mut gathered.versions, request);
    meant.roots.clone_from(&gathered.roots);
    meant.versions.clone_from(&gathered.versions);
    let mut options = gathered.options(options.clone())?;
    options.naming.rules.extend(overrides(&gathered, &request.image_references));
    for target in targets.opened() {
        inventory::complete(context, &gathered.versions, target).await?;
    }
    Ok(ocm_transfer::prepare(gathered.versions, targets, context, &options).await?)
}

/// Opens the repositories that receive something; one that cannot be opened does not keep the others.
async fn open_targets(
    context: &Context,
    request: &Request,
    purpose: Purpose,
    archives: &ArchiveTargets,
) -> Result<Vec<(String, ocm_transfer::Result<ComponentRepository>)>> {
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
            match context.open_with(&reference, purpose, archives.options()).await {
                // What does not exist yet has nothing; whoever only looks does not make it.
                Err(error) if matches!(purpose, Purpose::Read) && error.kind() == ocm_oci::Kind::NotFound => {
                    Ok(ComponentRepository::new(Arc::new(MemoryRegistry::new()), ""))
                }
                opened => opened,
            };
        targets.push((name.clone(), opened.map_err(ocm_transfer::Error::from)));
    }
    Ok(targets)
}

/// The address that is handed on.
fn advertised(request: &Request) -> Result<Option<TypedObject>> {
    let is_wanted = request.repository_contexts == RepositoryContexts::Advertise;
    let address = match (&request.advertise, is_wanted) {
        (Some(address), true) => address,
        (None, false) => return Ok(None),
        (Some(_), false) => {
            return Err(Error::usage(
                "--advertise says what `--repository-contexts advertise` writes, and nothing else",
            ));
        }
        (None, true) => {
            let error = Error::usage("--repository-contexts advertise needs the address that is to be written");
            return Err(error.hint("for example: --advertise https://registry.example.com/path"));
        }
    };
    let place = select::repository(address).map_err(|error| error.during("--advertise"))?;
    let context = ocm_transfer::context(&place).ok_or_else(|| {
        let error = Error::usage(format!("--advertise {address:?} is no registry"));
        error.hint("for example: --advertise https://registry.example.com/path")
    });
    context.map(Some)
}

fn options(context: &Context, request: &Request) -> Result<Options> {
    let template = template("--upload-name", request.upload_name.as_deref())?;
    let also = template_of_more(request)?;
    Ok(Options {
        copy: request.copy,
        copy_sources: request.copy_sources,
        omit_access_types: request.omit_access_types.clone(),
        foreign_access_types: Vec::new(),
        upload_as: request.upload_as,
        naming: Naming {
            template: template.unwrap_or_default(),
            rules: request.upload_rules.clone(),
            also,
            collision: request.on_collision,
        },
        access_style: request.access_style,
        global_access: request.global_access,
        repository_contexts: request.repository_contexts,
        advertised: advertised(request)?,
        platforms: request
            .platforms
            .iter()
            .map(|text| text.parse().map_err(|error| Error::usage(error).during("--platform")))
            .collect::<Result<_>>()?,
        referrers: if request.referrers { Referrers::Carry } else { Referrers::Leave },
        strict: request.strict,
        spare_omitted: request.spare_omitted,
        existing: request.existing,
        computed: Computed::default(),
        concurrency: CONCURRENCY,
        observer: context.observer().clone(),
        pace: context.client().bucket(),
        stop: context.stop().clone(),
    })
}

fn template(flag: &str, text: Option<&str>) -> Result<Option<Template>> {
    text.map(Template::parse).transpose().map_err(|error| {
        Error::usage(error)
            .during(flag)
            .hint("for example: 'mirror/{{ .Repository }}', '{{ slug .Component }}/{{ .Name }}' or host-prefixed")
    })
}

/// The template of names that images get besides their place in their component version.
fn template_of_more(request: &Request) -> Result<Option<Template>> {
    let also = template("--also-tag", request.also_tag.as_deref())?;
    let mut targets = request.targets.iter().filter_map(|target| target_of(target).ok());
    if also.is_some() && !targets.any(|target| matches!(target, RepositoryReference::Oci { .. })) {
        let error =
            Error::usage("--also-tag: no target is a registry, and in an archive images have no names of their own");
        return Err(error.hint("give the flag to the transfer out of the archive into the registry"));
    }
    Ok(also)
}

/// Rules for the names of images out of a configuration.
///
/// # Errors
/// [`crate::Kind::Usage`] with the place of a rule that makes no sense.
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
/// [`crate::Kind::Usage`] with the place of an entry that makes no sense.
pub fn image_references(placed: &[Placed]) -> Result<Vec<ImageReferenceOverride>> {
    placed.iter().map(part).collect()
}

fn part<T: DeserializeOwned>(placed: &Placed) -> Result<T> {
    serde_json::from_value(placed.value.clone()).map_err(|error| Error::usage(error).during(placed.place.to_string()))
}

/// What to transfer, where to, and how.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
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
    /// One more name, in registries, for images that are stored with their component version: a template.
    pub also_tag: Option<String>,
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
    /// The address under which others reach the targets, for [`RepositoryContexts::Advertise`].
    pub advertise: Option<String>,
    /// Platforms that are copied of images for several, `os/architecture` or `os/architecture/variant`; empty: all of them.
    pub platforms: Vec<String>,
    /// Whether signatures, lists of contents and attestations go along with images.
    pub referrers: bool,
    /// Whether content that was asked for and cannot be carried is a failure.
    pub strict: bool,
    /// Whether content whose access type is to be left out may stay in spite of that.
    pub spare_omitted: bool,
    /// What to do about a version that the target has with other content.
    pub existing: Existing,
}
