//! `--dry-run` and `--transfer-spec`: transfers as documents that can be kept, edited and carried out.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use ocm::ops::transfer::{self, Document, DocumentOptions, Estimate, Existing, Request};

use super::Session;
use super::transfer::{conclude, existing, files, finish};
use super::transfer_files::{Bill, ReportFile, check_distinct};
use crate::args::{AccessStyle, GlobalAccess, OnCollision, ReportForm, RepositoryContexts, TransferComponentVersion};
use crate::exit::{Exit, Failure};
use crate::print::{self, object, out};

/// Largest document that is read, in bytes.
const SIZE_LIMIT: u64 = 64 << 20;

/// Bytes of a document that are printed at once.
const PRINTED_AT_ONCE: usize = 1 << 16;

/// Carries out a document, or prints it after it was checked.
pub(super) async fn run(session: &Session, arguments: TransferComponentVersion) -> Result<(), Failure> {
    if !arguments.arguments.is_empty() {
        return Err(Failure::usage("positional arguments are not allowed when --transfer-spec is set"));
    }
    refuse_what_the_document_says(&arguments)?;
    let path = arguments.transfer_spec.unwrap_or_default();
    let (name, text) = read(&path)?;
    let document = transfer::read_document(&name, &text).map_err(|error| error.during("parsing transfer spec"))?;
    let options = &arguments.options;
    check_distinct(&files(arguments.bom_file.as_deref(), options), &transfer::targets(&document))?;
    let on_collision = match options.on_collision {
        OnCollision::Overwrite => transfer::Collision::Overwrite,
        OnCollision::Error | OnCollision::SuffixHost => transfer::Collision::Error,
    };
    let how = DocumentOptions { existing: existing(options), on_collision, strict: options.strict };
    if options.dry_run {
        print(&document, options.output)?;
        return estimate_document(session, &document, how).await;
    }
    let bill = arguments.bom_file.as_deref().map(Bill::open).transpose()?;
    let kept = options.report.as_deref().map(ReportFile::open).transpose()?;
    let mut checked = Ok(());
    if options.no_update {
        // What is the same stays as it is, but content that differs is a conflict all the same.
        let strictly = DocumentOptions { existing: Existing::Fail, ..how };
        checked = transfer::check_document(&session.context, &name, &document, strictly).await;
    }
    let (report, failure) = match checked {
        Ok(()) => transfer::carry_out_document(&session.context, &name, &document, how).await,
        Err(error) => (transfer::unstarted(&transfer::targets(&document), &[], &error), Some(error)),
    };
    conclude(&report, failure, kept, options.output)?;
    let billed = bill.map_or(Ok(()), |bill| bill.write(&report));
    finish(session, &report, options)?;
    billed
}

/// What is transferred, and how, stands in the document; a flag that says it too would be ignored in silence.
fn refuse_what_the_document_says(arguments: &TransferComponentVersion) -> Result<(), Failure> {
    let (options, selection) = (&arguments.options, &arguments.selection);
    let told = [
        (options.recursive.is_some(), "--recursive"),
        (options.copy_resources.is_some(), "--copy-resources"),
        (options.copy_local_resources, "--copy-local-resources"),
        (options.copy_sources, "--copy-sources"),
        (options.upload_as.is_some(), "--upload-as"),
        (options.disable_uploads, "--disable-uploads"),
        (!options.omit_access_types.is_empty(), "--omit-access-types"),
        (options.form.is_some(), "--type"),
        (!arguments.to.is_empty(), "--to"),
        (options.upload_name.is_some(), "--upload-name"),
        (options.access_style != AccessStyle::Relative, "--access-style"),
        (options.global_access != GlobalAccess::Never, "--global-access"),
        (options.advertise.is_some(), "--advertise"),
        (options.repository_contexts != RepositoryContexts::Keep, "--repository-contexts"),
        (options.verify, "--verify"),
        (!options.trust.policy.require.is_empty(), "--require"),
        (options.trust.names_any(), "flags of keys and policies"),
        (selection.constraint.is_some(), "--semver-constraint"),
        (selection.latest, "--latest"),
        (selection.repo.is_some(), "--repo"),
        (!selection.lookup.is_empty(), "--lookup"),
    ];
    let lost = [
        (options.split.is_some(), "--split"),
        (options.since.is_some(), "--since"),
        (!options.platform.is_empty(), "--platform"),
        (!options.with.is_empty(), "--with"),
        (options.also_tag.is_some(), "--also-tag"),
        (options.emit_values.is_some(), "--emit-values"),
        (options.on_collision == OnCollision::SuffixHost, "--on-collision"),
    ];
    let given = |flags: &[(bool, &'static str)]| {
        flags.iter().filter(|(is_given, _)| *is_given).map(|(_, flag)| *flag).collect::<Vec<_>>().join(", ")
    };
    let (told, lost) = (given(&told), given(&lost));
    let refuse = |flags: &str| Failure::usage(format!("{flags} cannot be used together with --transfer-spec"));
    match (told.as_str(), lost.as_str()) {
        ("", "") => Ok(()),
        (told, "") => {
            Err(refuse(told).hint("give these flags to the --dry-run that writes the document, or edit the document"))
        }
        ("", lost) => {
            Err(refuse(lost).hint("a document says nothing of this: transfer by references instead of a document"))
        }
        (told, lost) => Err(refuse(&format!("{told}, {lost}"))
            .hint("a document cannot say all of this: transfer by references instead of a document")),
    }
}

/// The name of a document for messages, and its text.
fn read(path: &Path) -> Result<(String, Vec<u8>), Failure> {
    let mut text = Vec::new();
    if path == Path::new("-") {
        let fail = |error: io::Error| {
            Failure::new(Exit::Failed, format!("reading transfer spec from standard input: {error}"))
        };
        io::stdin().lock().take(SIZE_LIMIT + 1).read_to_end(&mut text).map_err(fail)?;
        return Ok(("standard input".into(), text));
    }
    let fail = |error: io::Error| {
        let what = format!("reading transfer spec file \"{}\"", path.display());
        Failure::from(ocm::Error::unreadable(what, &error))
    };
    File::open(path).and_then(|file| file.take(SIZE_LIMIT + 1).read_to_end(&mut text)).map_err(fail)?;
    Ok((path.display().to_string(), text))
}

/// Prints a document; YAML unless another form is asked for.
pub(super) fn print(document: &Document, form: Option<ReportForm>) -> Result<(), Failure> {
    match form {
        None | Some(ReportForm::Yaml) => pieces(document.yaml()),
        Some(form) => out(&object(form.into(), document)?),
    }
}

/// Prints a text that comes in pieces, many of them at a time.
fn pieces(text: impl Iterator<Item = String>) -> Result<(), Failure> {
    let mut gathered = String::new();
    for piece in text {
        gathered.push_str(&piece);
        if gathered.len() >= PRINTED_AT_ONCE {
            out(&gathered)?;
            gathered.clear();
        }
    }
    out(&gathered)
}

/// Says what a transfer would move, and fails where carrying it out would: the document is printed by then. That a place does
/// not answer, or lets nobody in who has not logged in yet, is no failure: it may be another one when it matters.
pub(super) async fn estimate(session: &Session, request: &Request) -> Result<(), Failure> {
    let estimated = async {
        if request.existing == Existing::Skip {
            // What is the same stays as it is, but content that differs is a conflict all the same.
            let strictly = Request { existing: Existing::Fail, ..request.clone() };
            transfer::estimate(&session.context, &strictly).await?;
        }
        transfer::estimate(&session.context, request).await
    };
    tell(estimated.await)
}

/// The same of a document.
async fn estimate_document(session: &Session, document: &Document, options: DocumentOptions) -> Result<(), Failure> {
    let estimated = async {
        if options.existing == Existing::Skip {
            let strictly = DocumentOptions { existing: Existing::Fail, ..options };
            transfer::estimate_document(&session.context, document, strictly).await?;
        }
        transfer::estimate_document(&session.context, document, options).await
    };
    tell(estimated.await)
}

fn tell(estimated: ocm::Result<Estimate>) -> Result<(), Failure> {
    match estimated {
        Ok(estimate) => tracing::info!(target: "ocm", "{}", print::transfer::estimate(&estimate)),
        Err(error) if matches!(error.kind(), ocm::Kind::Unavailable | ocm::Kind::Denied) => {
            tracing::warn!(target: "ocm", "what would be moved is not known: {error}");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
