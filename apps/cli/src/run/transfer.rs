use std::fs;
use std::path::Path;

use ocm::config::{self, UploadType};
use ocm::ops::get;
use ocm::ops::transfer::{self, CopyMode, Existing, Report, Request, UploadAs};

use super::{Session, transfer_spec as specification, versions};
use crate::args::{ArtifactUpload, Dialect, ReportForm, Selection, TransferKind, TransferOptions};
use crate::exit::{Exit, Failure};
use crate::print::{self, object, out};

/// Transfers component versions, or says what a transfer would do.
pub(crate) async fn run(session: &Session, kind: TransferKind) -> Result<(), Failure> {
    match kind {
        TransferKind::ComponentVersion(arguments) if arguments.transfer_spec.is_some() => {
            specification::run(session, arguments).await
        }
        TransferKind::ComponentVersion(mut arguments) => {
            let target = arguments.arguments.pop().unwrap_or_default();
            if arguments.arguments.is_empty() && arguments.selection.repo.is_none() {
                return Err(Failure::usage("the target repository is missing")
                    .hint("ocm transfer component-version REFERENCE TARGET"));
            }
            let defaults = session.configuration.transfer().map_err(ocm::Error::from)?;
            let request = request(arguments.arguments, arguments.selection, &target, &arguments.options, defaults);
            let report = carry_out(session, &request, &arguments.options).await?;
            let Some(report) = report else { return Ok(()) };
            if let Some(path) = arguments.bom_file {
                write_bill(&path, &report)?;
            }
            if session.dialect == Dialect::V1 && arguments.options.output.is_none() {
                say(&report);
                let roots = get::run(&session.context, &request.versions).await?.roots;
                return out(&print::transferred_v1::by_reference(&report, &roots));
            }
            finish(session, &report, arguments.options.output)
        }
        TransferKind::Archive(arguments) => {
            let selection = Selection { lookup: arguments.lookup, ..Selection::default() };
            let defaults = session.configuration.transfer().map_err(ocm::Error::from)?;
            let request = request(vec![arguments.source], selection, &arguments.target, &arguments.options, defaults);
            let report = carry_out(session, &request, &arguments.options).await?;
            report.map_or(Ok(()), |report| finish(session, &report, arguments.options.output))
        }
    }
}

/// What flags do not say, the configuration does.
fn request(
    references: Vec<String>,
    selection: Selection,
    target: &str,
    options: &TransferOptions,
    defaults: config::Transfer,
) -> Request {
    let recursive = options.recursive.or(defaults.recursive).unwrap_or_default();
    let all_by_default = !options.copy_local_resources && defaults.copy_mode == Some(config::CopyMode::AllResources);
    Request {
        versions: versions(references, selection, recursive),
        // The older program marks targets to be made with a plus; all are.
        target: target.strip_prefix('+').unwrap_or(target).to_owned(),
        target_form: options.form.clone(),
        copy: match (options.copy_resources.unwrap_or(all_by_default), options.copy_local_resources) {
            (true, _) => CopyMode::AllResources,
            (false, true) => CopyMode::LocalResources,
            (false, false) => CopyMode::LocalBlob,
        },
        copy_sources: options.copy_sources,
        omit_access_types: options.omit_access_types.clone(),
        upload_as: match (options.upload_as, defaults.upload_type) {
            _ if options.disable_uploads => UploadAs::LocalBlob,
            (Some(ArtifactUpload::OciArtifact), _) | (None, Some(UploadType::OciArtifact)) => UploadAs::OciArtifact,
            _ => UploadAs::LocalBlob,
        },
        existing: existing(options),
    }
}

pub(super) fn existing(options: &TransferOptions) -> Existing {
    match (options.overwrite || options.enforce, options.no_update) {
        (true, _) => Existing::Overwrite,
        (false, true) => Existing::Skip,
        (false, false) => Existing::Fail,
    }
}

/// The report, or nothing after a dry run, of which the document has been printed.
async fn carry_out(session: &Session, request: &Request, options: &TransferOptions) -> Result<Option<Report>, Failure> {
    if options.dry_run {
        let document = transfer::document(&session.context, request).await?;
        specification::print(&document, options.output)?;
        specification::estimate(session, &document, request.existing).await;
        return Ok(None);
    }
    if options.no_update {
        // What is the same stays as it is, but content that differs is a conflict all the same.
        transfer::plan(&session.context, &Request { existing: Existing::Fail, ..request.clone() }).await?;
    }
    let mut report = transfer::run(&session.context, request).await?;
    if options.enforce {
        report.versions.iter_mut().for_each(|version| version.difference = None);
    }
    Ok(Some(report))
}

pub(super) fn finish(session: &Session, report: &Report, form: Option<ReportForm>) -> Result<(), Failure> {
    say(report);
    match form {
        Some(form) => out(&object(form.into(), report)?),
        None if session.dialect == Dialect::V1 => out(&print::transferred_v1::by_component(report)),
        None => Ok(()),
    }
}

/// The last line for a person.
fn say(report: &Report) {
    tracing::info!(target: "ocm", target_repository = report.target, "{}", print::transfer::summary(report));
}

pub(super) fn write_bill(path: &Path, report: &Report) -> Result<(), Failure> {
    let bill = print::json::compact(&print::transfer::bill(report))?;
    fs::write(path, bill).map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", path.display())))
}
