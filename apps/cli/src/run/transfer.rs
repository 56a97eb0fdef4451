use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

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
            let bill = arguments.bom_file.map(Bill::open).transpose()?;
            let report = carry_out(session, &request, &arguments.options).await?;
            let Some(report) = report else { return Ok(()) };
            let billed = bill.map_or(Ok(()), |bill| bill.write(&report));
            if session.dialect == Dialect::V1 && arguments.options.output.is_none() {
                say(&report);
                let roots = get::run(&session.context, &request.versions).await?.roots;
                out(&print::transferred_v1::by_reference(&report, &roots))?;
            } else {
                finish(session, &report, arguments.options.output)?;
            }
            billed
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

/// The file that receives the list of transferred component versions.
pub(super) struct Bill {
    path: PathBuf,
    file: File,
    /// Made here and empty so far: a transfer that fails leaves no such file behind.
    is_fresh: bool,
}

impl Bill {
    /// Opens the file before anything moves, so that a transfer does not end without the list it was to leave behind.
    /// What the file holds stays until there is something new.
    pub(super) fn open(path: PathBuf) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Err(Failure::usage("the list of --bom-file cannot be written to the standard output")
                .hint("give the path of a file"));
        }
        let opened = match File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                OpenOptions::new().write(true).open(&path).map(|file| (file, false))
            }
            made => made.map(|file| (file, true)),
        };
        match opened {
            Ok((file, is_fresh)) => Ok(Self { path, file, is_fresh }),
            Err(error) => Err(Failure::usage(format!("--bom-file {}: {error}", path.display()))
                .hint("nothing was transferred; the folder of the file has to be there")),
        }
    }

    /// Writes the list.
    pub(super) fn write(mut self, report: &Report) -> Result<(), Failure> {
        let bill = print::json::compact(&print::transfer::bill(report))?;
        self.replace(bill.as_bytes())
            .map_err(|error| Failure::new(Exit::Failed, format!("--bom-file {}: {error}", self.path.display())))
    }

    fn replace(&mut self, content: &[u8]) -> io::Result<()> {
        // Pipes and devices have no length.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.is_fresh = false;
        self.file.write_all(content)
    }
}

impl Drop for Bill {
    fn drop(&mut self) {
        if self.is_fresh {
            // An empty file that stays is no harm.
            let _ = fs::remove_file(&self.path);
        }
    }
}
