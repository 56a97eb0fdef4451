//! Transfers as documents: written by a dry run or a person, read, checked and carried out.

use std::time::Duration;

use ocm_model::reference::{FileFormat, RepositoryReference};
use ocm_model::{Access, Descriptor};
use ocm_transfer::document::{self, Document, Origin};
use ocm_transfer::{Collision, Computed, Estimate, Existing, Naming, Options, Report};

use super::gather::{gather, of_source, overrides, repository_of};
use super::places::Places;
use super::{CONCURRENCY, Meant, Request, options, prepare, target_of, unless_stopped, unstarted};
use crate::context::Purpose;
use crate::{Context, Error, Kind, Result, select};

/// How long an estimate may take: it is a courtesy, and the document is already there.
const ESTIMATE_LIMIT: Duration = Duration::from_secs(10);

/// Writes down what [`super::run`] would do, as a document that can be edited and carried out. Only sources are read.
///
/// # Errors
/// Besides those of the sources: [`Kind::Usage`] for a name of images that a document cannot say.
pub async fn document(context: &Context, request: &Request) -> Result<Document> {
    if request.on_collision == Collision::SuffixHost {
        let error =
            Error::usage("--on-collision suffix-host cannot be written into a document: who collides shows later");
        return Err(error.hint("--upload-name host-prefixed gives every image a name of its own"));
    }
    if request.also_tag.is_some() {
        let error =
            Error::usage("--also-tag cannot be written into a document: nothing in it gives an image two names");
        return Err(error.hint("transfer without a document, or give the names by another transfer with --also-tag"));
    }
    let selected = select::select(context, &request.versions).await.map_err(|error| of_source(context, error))?;
    let mut gathered = gather(context, &request.versions, &selected, None).await?;
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
    // The document says all of it, and may be as large.
    drop((origins, gathered.roots));
    document::check(&document)?;
    Ok(document)
}

/// Whether an element has an access that only a plugin can follow.
fn has_foreign_access(descriptor: &Descriptor) -> bool {
    let mut accesses = descriptor.component.artifacts().map(|artifact| Access::of(artifact.access));
    accesses.any(|access| matches!(access, Access::Other | Access::Git { .. }))
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
    let prepared = async { Box::pin(document::prepare(document::check(document)?, &places, &options)).await };
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
    let checked = async { Box::pin(document::prepare(document::check(document)?, &places, &options)).await };
    checked.await.map(|_| ()).map_err(|error| in_document(error, name))
}

/// What [`super::run`] would move. Sources and targets are read, nothing is written. The document that says the same takes far
/// more memory.
///
/// # Errors
/// Whatever [`super::run`] would fail with, as far as it can be known, and [`Kind::Unavailable`] after ten seconds.
pub async fn estimate(context: &Context, request: &Request) -> Result<Estimate> {
    let estimated = async {
        let options = options(context, request)?;
        let prepared = Box::pin(prepare(context, request, &options, Purpose::Read, &mut Meant::default())).await?;
        prepared.failure().map_or(Ok(()), Err)?;
        Ok(ocm_transfer::estimate(&prepared).await?)
    };
    in_time(estimated).await
}

/// What a document would move. Sources and targets are read, nothing is written.
///
/// # Errors
/// Whatever [`run_document`] would fail with, as far as it can be known, and [`Kind::Unavailable`] after ten seconds.
pub async fn estimate_document(context: &Context, document: &Document, options: DocumentOptions) -> Result<Estimate> {
    let options = document_options(context, options);
    let places = Places { context, is_dry: true };
    let estimated = async {
        let prepared = Box::pin(document::prepare(document::check(document)?, &places, &options)).await?;
        prepared.failure().map_or(Ok(()), Err)?;
        Ok(ocm_transfer::estimate(&prepared).await?)
    };
    in_time(estimated).await
}

async fn in_time(estimated: impl Future<Output = Result<Estimate>>) -> Result<Estimate> {
    let too_late = |_| Error::new(Kind::Unavailable, "a repository did not answer in time");
    tokio::time::timeout(ESTIMATE_LIMIT, estimated).await.map_err(too_late)?
}

fn in_document(error: ocm_transfer::Error, name: &str) -> Error {
    let (is_wrong, is_placed) = (error.kind() == ocm_transfer::Kind::Document, error.is_placed());
    let error = if is_wrong { Error::usage(error) } else { Error::from(error) };
    if is_placed { error } else { error.during(name) }
}
