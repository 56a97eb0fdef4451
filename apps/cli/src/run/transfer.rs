use std::path::Path;

use ocm::config::{self, UploadType};
use ocm::ops::transfer::{self, CarriedOut, Collision, CopyMode, Existing, References, Report, Request, UploadAs};

use super::transfer_effect::warn_of_flags_without_effect;
use super::transfer_files::{Bill, ReportFile, ValuesFile, check_distinct};
use super::trust::gate;
use super::{Session, transfer_spec as specification, versions};
use crate::args::{
    AccessStyle, ArtifactUpload, Dialect, GlobalAccess, OnCollision, ReportForm, RepositoryContexts, Selection,
    TransferArchive, TransferKind, TransferOptions, With,
};
use crate::exit::Failure;
use crate::print::{self, object, out};

/// Transfers component versions, or says what a transfer would do.
pub(crate) async fn run(session: &Session, kind: TransferKind) -> Result<(), Failure> {
    match kind {
        TransferKind::ComponentVersion(arguments) if arguments.transfer_spec.is_some() => {
            specification::run(session, arguments).await
        }
        TransferKind::ComponentVersion(mut arguments) => {
            let mut targets = vec![arguments.arguments.pop().unwrap_or_default()];
            targets.append(&mut arguments.to);
            if arguments.arguments.is_empty() && arguments.selection.repo.is_none() {
                return Err(Failure::usage("the target repository is missing")
                    .hint("ocm transfer component-version REFERENCE TARGET"));
            }
            let defaults = session.configuration.transfer().map_err(ocm::Error::from)?;
            let mut request =
                request(arguments.arguments, arguments.selection, targets, &arguments.options, &defaults)?;
            be_strict_as_it_was(session, &arguments.options, &mut request);
            request.versions.verify = gate(session, arguments.options.verify, &arguments.options.trust)?;
            check_distinct(&files(arguments.bom_file.as_deref(), &arguments.options), &request.targets)?;
            let bill = arguments.bom_file.as_deref().map(Bill::open).transpose()?;
            let report = carry_out(session, &request, &arguments.options).await?;
            let Some((report, references)) = report else { return Ok(()) };
            let billed = bill.map_or(Ok(()), |bill| bill.write(&report));
            if session.dialect == Dialect::V1 && arguments.options.output.is_none() {
                say(&report);
                let lines = print::transferred_v1::by_reference(&report, &references, arguments.options.enforce);
                let notice = if arguments.options.disable_uploads { print::transferred_v1::NO_UPLOADS } else { "" };
                out(&(notice.to_owned() + &lines + &print::transferred_v1::count(&report)))?;
            } else {
                finish(session, &report, &arguments.options)?;
            }
            billed
        }
        TransferKind::Artifact(arguments) => super::artifact::transfer(session, arguments).await,
        TransferKind::Archive(arguments) => match everything(session, &arguments).await? {
            Some((report, _)) => finish(session, &report, &arguments.options),
            None => Ok(()),
        },
        TransferKind::ComponentArchive(arguments) => match everything(session, &arguments).await? {
            Some((report, references)) if arguments.options.output.is_none() => {
                say(&report);
                out(&print::transferred_v1::by_reference(&report, &references, arguments.options.enforce))
            }
            Some((report, _)) => finish(session, &report, &arguments.options),
            None => Ok(()),
        },
    }
}

/// Transfers everything in an archive.
async fn everything(session: &Session, arguments: &TransferArchive) -> Result<Option<(Report, References)>, Failure> {
    let TransferArchive { source, target, options, lookup } = arguments;
    let selection = Selection { lookup: lookup.clone(), ..Selection::default() };
    let defaults = session.configuration.transfer().map_err(ocm::Error::from)?;
    let mut request = request(vec![source.clone()], selection, vec![target.clone()], options, &defaults)?;
    be_strict_as_it_was(session, options, &mut request);
    request.versions.verify = gate(session, options.verify, &options.trust)?;
    check_distinct(&files(None, options), &request.targets)?;
    carry_out(session, &request, options).await
}

/// The files that are left behind, each with its flag.
pub(super) fn files<'a>(bill: Option<&'a Path>, options: &'a TransferOptions) -> [(&'static str, Option<&'a Path>); 3] {
    let (report, values) = (options.report.as_deref(), options.emit_values.as_deref());
    [("--bom-file", bill), ("--report", report), ("--emit-values", values)]
}

/// Content that was asked for and cannot be carried is a failure for the older program, which then ends with an error. What it
/// is told to leave out it leaves out.
fn be_strict_as_it_was(session: &Session, options: &TransferOptions, request: &mut Request) {
    request.spare_omitted = !options.strict;
    request.strict |= session.dialect == Dialect::V1 && options.copy_resources == Some(true);
}

/// What flags do not say, the configuration does.
fn request(
    references: Vec<String>,
    selection: Selection,
    targets: Vec<String>,
    options: &TransferOptions,
    defaults: &config::Transfer,
) -> Result<Request, Failure> {
    let recursive = options.recursive.or(defaults.recursive).unwrap_or_default();
    let all_by_default = !options.copy_local_resources && defaults.copy_mode == Some(config::CopyMode::AllResources);
    let local_by_default =
        options.copy_resources.is_none() && defaults.copy_mode == Some(config::CopyMode::LocalResources);
    let local_resources = options.copy_local_resources || local_by_default;
    // The older program marks targets to be made with a plus; all are.
    let target = |target: String| target.strip_prefix('+').map(str::to_owned).unwrap_or(target);
    Ok(Request {
        versions: versions(references, selection, recursive),
        targets: targets.into_iter().map(target).collect(),
        target_form: options.form.clone(),
        split: options.split,
        since: options.since.clone(),
        copy: match (options.copy_resources.unwrap_or(all_by_default), local_resources) {
            (true, _) => CopyMode::AllResources,
            (false, true) => CopyMode::LocalResources,
            (false, false) => CopyMode::LocalBlob,
        },
        copy_sources: options.copy_sources || defaults.sources.unwrap_or_default(),
        omit_access_types: match (&options.omit_access_types, &defaults.omit_access_types) {
            (named, Some(configured)) if named.is_empty() => configured.clone(),
            (named, _) => named.clone(),
        },
        upload_as: match (options.upload_as, defaults.upload_type) {
            _ if options.disable_uploads => UploadAs::LocalBlob,
            (Some(ArtifactUpload::OciArtifact), _) | (None, Some(UploadType::OciArtifact)) => UploadAs::OciArtifact,
            _ => UploadAs::LocalBlob,
        },
        upload_name: options.upload_name.clone(),
        also_tag: options.also_tag.clone(),
        upload_rules: transfer::rules(&defaults.uploads)?,
        image_references: transfer::image_references(&defaults.image_references)?,
        on_collision: match options.on_collision {
            OnCollision::Error => Collision::Error,
            OnCollision::SuffixHost => Collision::SuffixHost,
            OnCollision::Overwrite => Collision::Overwrite,
        },
        access_style: match options.access_style {
            AccessStyle::Relative => transfer::AccessStyle::Relative,
            AccessStyle::Absolute => transfer::AccessStyle::Absolute,
        },
        global_access: match options.global_access {
            GlobalAccess::Never => transfer::GlobalAccess::Never,
            GlobalAccess::Auto => transfer::GlobalAccess::Auto,
        },
        repository_contexts: match options.repository_contexts {
            RepositoryContexts::Keep => transfer::RepositoryContexts::Keep,
            RepositoryContexts::Drop => transfer::RepositoryContexts::Drop,
            RepositoryContexts::Replace => transfer::RepositoryContexts::Replace,
            RepositoryContexts::Advertise => transfer::RepositoryContexts::Advertise,
        },
        advertise: options.advertise.clone(),
        platforms: options.platform.clone(),
        referrers: options.with.contains(&With::Referrers),
        strict: options.strict,
        spare_omitted: false,
        existing: match existing(options) {
            Existing::Fail if defaults.overwrite == Some(true) => Existing::Overwrite,
            existing => existing,
        },
    })
}

pub(super) fn existing(options: &TransferOptions) -> Existing {
    match options {
        TransferOptions { enforce: true, .. } => Existing::Enforce,
        TransferOptions { overwrite: true, .. } => Existing::Overwrite,
        TransferOptions { no_update: true, .. } => Existing::Skip,
        _ => Existing::Fail,
    }
}

/// The report, or nothing after a dry run, of which the document has been printed.
async fn carry_out(
    session: &Session,
    request: &Request,
    options: &TransferOptions,
) -> Result<Option<(Report, References)>, Failure> {
    warn_of_flags_without_effect(request, options);
    if options.dry_run {
        let document = transfer::document(&session.context, request).await?;
        specification::print(&document, options.output)?;
        // It may be large, and nobody needs it any more.
        drop(document);
        specification::estimate(session, request).await?;
        return Ok(None);
    }
    let kept = options.report.as_deref().map(ReportFile::open).transpose()?;
    let values = options.emit_values.as_deref().map(ValuesFile::open).transpose()?;
    let mut checked = Ok(());
    if options.no_update {
        // What is the same stays as it is, but content that differs is a conflict all the same.
        let strictly = Request { existing: Existing::Fail, also_tag: None, ..request.clone() };
        checked = transfer::plan(&session.context, &strictly).await.map(drop);
    }
    let CarriedOut { report, failure, references, images } = match checked {
        Ok(()) if values.is_some() => transfer::carry_out_with_images(&session.context, request).await,
        Ok(()) => transfer::carry_out(&session.context, request).await,
        Err(error) => CarriedOut {
            report: transfer::unstarted(&request.targets, &[], &error),
            failure: Some(error),
            references: References::default(),
            images: None,
        },
    };
    let valued = values.zip(images).map_or(Ok(()), |(values, images)| values.write(&images));
    conclude(&report, failure, kept, options.output)?;
    if valued.is_err() {
        // What was transferred is there all the same.
        say(&report);
    }
    valued.map(|()| Some((report, references)))
}

/// Writes the report file, and says what failed. What did not fail is said, too: other targets have everything.
pub(super) fn conclude(
    report: &Report,
    failure: Option<ocm::Error>,
    file: Option<ReportFile>,
    form: Option<ReportForm>,
) -> Result<(), Failure> {
    let written = file.map_or(Ok(()), |file| file.write(report));
    match failure {
        Some(failure) => {
            if report.targets.len() > 1 && report.totals.versions_moved > 0 {
                say(report);
            }
            // Whoever asks for a report reads there what failed, too.
            if let Some(form) = form {
                out(&object(form.into(), report)?)?;
            }
            if let Err(unwritten) = written {
                tracing::warn!(target: "ocm", "the report could not be written: {}", unwritten.message());
            }
            Err(failure.into())
        }
        None => {
            if written.is_err() {
                // What was transferred is there all the same.
                say(report);
            }
            written
        }
    }
}

pub(super) fn finish(session: &Session, report: &Report, options: &TransferOptions) -> Result<(), Failure> {
    say(report);
    match options.output {
        Some(form) => out(&object(form.into(), report)?),
        None if session.dialect == Dialect::V1 => out(&print::transferred_v1::by_component(report, options.enforce)),
        None => Ok(()),
    }
}

/// The last line for a person.
fn say(report: &Report) {
    let left = print::transfer::left(report);
    for line in &left {
        tracing::warn!(target: "ocm", "{line}");
    }
    if !left.is_empty() {
        tracing::info!(target: "ocm", "content that was asked for stays where it is; with --strict that is a failure");
    }
    tracing::info!(target: "ocm", target_repository = report.target, "{}", print::transfer::summary(report));
}
