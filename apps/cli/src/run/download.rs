use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

use ocm::model::TypedObject;
use ocm::ops::download::{self, Artifact, ComponentVersions, Extraction, Form, Report, Request, Which};

use super::get::selectors;
use super::trust::gate;
use super::{Session, versions};
use crate::args::{
    ArchiveForm, Dialect, DownloadArtifact, DownloadComponentVersion, DownloadKind, DownloadResource, ExtractionPolicy,
    ReportForm,
};
use crate::exit::{Exit, Failure};
use crate::print::{self, object, out};

/// Downloads resources, component versions or artifacts.
pub(crate) async fn run(session: &Session, kind: DownloadKind) -> Result<(), Failure> {
    match kind {
        DownloadKind::Resource(arguments) if arguments.identities.is_empty() && arguments.identity.is_none() => {
            Err(Failure::usage("which resource is missing")
                .hint("name it: --identity name=NAME, or NAME behind the reference"))
        }
        DownloadKind::Resource(arguments) | DownloadKind::Resources(arguments) => {
            elements(session, arguments, Which::Resources).await
        }
        DownloadKind::Sources(arguments) => elements(session, arguments, Which::Sources).await,
        DownloadKind::ComponentVersion(arguments) => component_versions(session, arguments).await,
        DownloadKind::Artifact(arguments) => artifact(session, arguments).await,
        DownloadKind::Plugin(arguments) => super::plugin::install(session, arguments).await,
    }
}

async fn elements(session: &Session, arguments: DownloadResource, kind: Which) -> Result<(), Failure> {
    let by_flag = arguments.identity.as_deref().map(attributes).transpose()?;
    let exactly_one = by_flag.is_some();
    let to_stdout = is_stdout(arguments.output.as_deref());
    if to_stdout && arguments.report.is_some() {
        return Err(Failure::usage("the report would mix with the content on the standard output")
            .hint("leave -o away, or give -O a path"));
    }
    let scratch = if to_stdout { Some(scratch(session)?) } else { None };
    // The older program, whose identities are arguments, means the digests by it, which are always checked.
    let is_older = session.dialect == Dialect::V1 || !arguments.identities.is_empty();
    let wants = arguments.verify && (!is_older || arguments.trust.names_any());
    if arguments.verify && !wants {
        tracing::info!(target: "ocm", "--verify: digests are checked; signatures are, too, with --require NAME or a key");
    }
    let mut versions = versions(vec![arguments.reference], arguments.selection, arguments.recursive);
    versions.verify = gate(session, wants, &arguments.trust)?;
    let request = Request {
        versions,
        kind,
        selectors: match by_flag {
            Some(selector) => vec![selector],
            None => selectors(&arguments.identities)?,
        },
        types: arguments.types,
        exactly_one: exactly_one || to_stdout,
        output: scratch.as_ref().map(|folder| folder.path().join("content")).or(arguments.output),
        extraction: match arguments.extraction_policy {
            // The older program, whose identities are arguments, never unpacks.
            None if !exactly_one => Extraction::Disable,
            Some(ExtractionPolicy::Disable) => Extraction::Disable,
            Some(ExtractionPolicy::Auto) | None => Extraction::Auto,
        },
        form: match arguments.transformer.as_deref() {
            Some(HELM) => Form::HelmChart,
            _ if arguments.download_handlers => Form::HelmChartFile,
            _ => Form::Layout,
        },
        transformer: transformer(arguments.transformer.as_deref())?,
    };
    let report = download::run(&session.context, &request).await?;
    if to_stdout {
        return copy_to_stdout(the_one_file(&report)?);
    }
    let lines = if arguments.oci_layout { print::download::saved_layouts } else { print::download::written };
    finish(&report, arguments.report, (!exactly_one).then_some(lines))
}

async fn component_versions(session: &Session, arguments: DownloadComponentVersion) -> Result<(), Failure> {
    refuse_stdout(arguments.output.as_deref(), "an archive")?;
    let mut versions = versions(joined(arguments.references), arguments.selection, false);
    versions.verify = gate(session, arguments.verify, &arguments.trust)?;
    let request = ComponentVersions { versions, output: arguments.output, form: arguments.form };
    let report = download::component_versions(&session.context, &request).await?;
    out(&match arguments.report {
        Some(form) => object(form.into(), &report)?,
        None => print::download::saved(&report),
    })
}

async fn artifact(session: &Session, arguments: DownloadArtifact) -> Result<(), Failure> {
    refuse_stdout(arguments.output.as_deref(), "an image layout")?;
    let form = match arguments.form {
        ArchiveForm::Directory => Form::Layout,
        ArchiveForm::Tar => Form::LayoutTar,
        ArchiveForm::Tgz => Form::LayoutTarGzip,
    };
    let request =
        Artifact { reference: arguments.reference, output: arguments.output, form, extraction: Extraction::Auto };
    let report = download::artifact(&session.context, &request).await?;
    finish(&report, arguments.report, Some(print::download::downloaded))
}

/// `component version` as two words is one reference.
fn joined(references: Vec<String>) -> Vec<String> {
    match references.as_slice() {
        [component, version] if !version.contains('/') && ocm::model::Version::parse(version).is_ok() => {
            vec![format!("{component}:{version}")]
        }
        _ => references,
    }
}

/// The transformer that is built in.
const HELM: &str = "helm";

/// The transformer of a plugin: a type, or an object with one.
fn transformer(text: Option<&str>) -> Result<Option<TypedObject>, Failure> {
    match text.filter(|text| *text != HELM) {
        None => Ok(None),
        Some(text) if text.starts_with('{') => {
            let read = serde_json::from_str(text).map(Some);
            read.map_err(|error| Failure::usage(format!("--transformer is no JSON object with a type: {error}")))
        }
        Some(name) => Ok(Some(TypedObject::new(name))),
    }
}

fn attributes(text: &str) -> Result<BTreeMap<String, String>, Failure> {
    let mut attributes = BTreeMap::new();
    for pair in text.split(',') {
        let (key, value) = match pair.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => (key.trim(), value),
            _ => {
                return Err(Failure::usage(format!("identity {text:?} is not a list of key=value"))
                    .hint("for instance --identity name=image,arch=amd64"));
            }
        };
        if attributes.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(Failure::usage(format!("identity {text:?} has attribute {key:?} twice"))
                .hint("an element has one value for each attribute; name several elements behind the reference"));
        }
    }
    Ok(attributes)
}

fn is_stdout(output: Option<&Path>) -> bool {
    output == Some(Path::new("-"))
}

/// What is no single stream of bytes would otherwise become a file or folder that is called `-`.
fn refuse_stdout(output: Option<&Path>, what: &str) -> Result<(), Failure> {
    if is_stdout(output) {
        return Err(Failure::usage(format!("{what} cannot be written to the standard output"))
            .hint("give -O the path of a file or folder"));
    }
    Ok(())
}

/// The file whose content is meant for the standard output.
fn the_one_file(report: &Report) -> Result<&Path, Failure> {
    match report.items.as_slice() {
        [item] if item.path.is_dir() => {
            let message = format!("{} is a folder, which cannot be written to the standard output", item.name);
            Err(Failure::usage(message)
                .hint("give -O the path of a folder, or take the archive as it is: --extraction-policy disable"))
        }
        [item] => Ok(&item.path),
        items => {
            let names: Vec<_> = items
                .iter()
                .map(|item| item.component.iter().chain([&item.name]).map(String::as_str).collect::<Vec<_>>().join(" "))
                .collect();
            Err(Failure::usage(format!("{} elements cannot be written to the standard output", items.len()))
                .hint(format!("name one of: {}", names.join("; "))))
        }
    }
}

fn finish(report: &Report, form: Option<ReportForm>, lines: Option<fn(&Report) -> String>) -> Result<(), Failure> {
    for item in &report.items {
        tracing::info!(target: "ocm", output = %item.path.display(), "resource downloaded successfully");
    }
    match (form, lines) {
        (Some(form), _) => out(&object(form.into(), report)?),
        (None, Some(lines)) => out(&lines(report)),
        (None, None) => Ok(()),
    }
}

/// Content goes to the standard output only after its digest was checked; until then it stays here.
fn scratch(session: &Session) -> Result<tempfile::TempDir, Failure> {
    let folder = &session.temp_folder;
    tempfile::Builder::new().prefix("ocm-").tempdir_in(folder).map_err(|error| failed(folder, &error))
}

fn copy_to_stdout(path: &Path) -> Result<(), Failure> {
    let mut content = File::open(path).map_err(|error| failed(path, &error))?;
    match io::copy(&mut content, &mut io::stdout().lock()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(failed(path, &error)),
        _ => Ok(()),
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("{}: {error}", path.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_version_as_second_word_belongs_to_the_first() {
        assert_eq!(joined(words(&["acme.org/app", "1.0.0"])), ["acme.org/app:1.0.0"]);
        assert_eq!(joined(words(&["acme.org/app", "acme.org/lib"])), ["acme.org/app", "acme.org/lib"]);
    }

    #[test]
    fn an_identity_is_a_list_of_attributes() {
        assert_eq!(attributes("name=a,arch=b").unwrap().len(), 2);
        for wrong in ["", "name", "=x", "name=a,", "name=a,name=a"] {
            assert!(attributes(wrong).is_err(), "{wrong}");
        }
    }
}
