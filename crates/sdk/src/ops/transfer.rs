//! `transfer`: component versions from one repository to another.

use schemars::JsonSchema;
use serde::Serialize;

pub use ocm_transfer::{
    CopyMode, ElementAction, ElementKind, ElementPlan, ElementReport, Existing, Plan, Report, Totals, UploadAs, VersionAction, VersionPlan, VersionReport,
};

use std::sync::Arc;

use ocm_repository::{ComponentRepository, ComponentVersion};
use ocm_transfer::{Options, Prepared};

use super::get;
use crate::context::Purpose;
use crate::{Context, Result, select};

/// Component versions that are worked on at the same time.
const CONCURRENCY: usize = 4;

/// Transfers what was asked for.
///
/// # Errors
/// Nothing has become visible in the target if this fails.
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
        let selected = select::select(context, &request.versions).await?;
        let lookup = select::lookup(context, &selected, &request.versions.lookup).await?;
        let mut roots: Vec<Arc<ComponentVersion>> = Vec::new();
        for root in &selected {
            let version = root.read().await?;
            lookup.remember(&version);
            roots.push(version);
        }
        let versions = if request.versions.recursive { ocm_transfer::closure(roots, &lookup).await? } else { roots };
        let form = request.target_form.as_deref().map(crate::context::form).transpose()?;
        let target = context.open(&select::repository(&request.target)?, Purpose::Create(form)).await?;
        let options = Options {
            copy: request.copy,
            copy_sources: request.copy_sources,
            omit_access_types: request.omit_access_types.clone(),
            upload_as: request.upload_as,
            existing: request.existing,
            concurrency: CONCURRENCY,
            observer: context.observer().clone(),
        };
        let prepared = ocm_transfer::prepare(versions, &target, context, &options).await?;
        Ok(Self { target, options, prepared })
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
