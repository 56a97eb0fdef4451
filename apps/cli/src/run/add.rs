use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, thread};

use ocm::model::yaml;
use ocm::ops::add::{self, Conflict, External, Request};
use serde_json::{Map, Value};

use super::{Session, kept};
use crate::args::{AddComponentVersion, AddKind, ConflictPolicy, CopyPolicy, Dialect};
use crate::exit::Failure;
use crate::print::added_v1::Source;
use crate::print::{self, out};

const TARGET: &str = "transport-archive";
const CONSTRUCTORS: [&str; 2] = ["component-constructor.yaml", "component-constructor.yml"];

/// Builds component versions.
pub(crate) async fn run(session: &Session, kind: AddKind) -> Result<(), Failure> {
    let AddKind::ComponentVersion(arguments) = kind;
    let request = request(session, &arguments)?;
    let asks_older_form = session.dialect == Dialect::V1 && arguments.output.is_none();
    let report = add::run(&session.context, &request).await?;
    if asks_older_form {
        let (read, components) = read_again(&request).await?;
        out(&read)?;
        if !request.dry_run {
            let completed = if arguments.complete { print::added_v1::completed(&report) } else { String::new() };
            return out(&(print::added_v1::added(&components, arguments.version.as_deref()) + &completed));
        }
    }
    if request.dry_run {
        return specification(&report.specification, arguments.specification.as_deref());
    }
    out(&print::versions::text(&report.roots, arguments.output.unwrap_or_default())?)
}

/// What the older program says about reading, and the components as their files have them.
async fn read_again(request: &Request) -> Result<(String, Vec<Value>), Failure> {
    // Nobody watches, for what there is to say about the files was said when they were read first.
    let context = ocm::Context::builder().build();
    let mut sources = Vec::new();
    let mut components = Vec::new();
    for path in &request.constructors {
        let request = Request { constructors: vec![path.clone()], dry_run: true, ..request.clone() };
        let found = add::run(&context, &request).await?.specification;
        let text = fs::read_to_string(path).unwrap_or_default();
        let documents =
            text.split("\n---").filter(|document| !document.trim_matches(['-', '\n', ' ']).is_empty()).count();
        let documents = if documents == found.len() { vec![1; documents] } else { vec![found.len()] };
        sources.push(Source { name: path.display().to_string(), documents });
        components.extend(found);
    }
    Ok((print::added_v1::read(&sources), components))
}

fn request(session: &Session, arguments: &AddComponentVersion) -> Result<Request, Failure> {
    let (variables, files): (Vec<&String>, Vec<&String>) =
        arguments.arguments.iter().partition(|word| variable(word).is_some());
    let mut constructors: Vec<PathBuf> =
        files.into_iter().map(PathBuf::from).chain(arguments.constructor.clone()).collect();
    if constructors.is_empty() {
        let found = CONSTRUCTORS.iter().find(|name| Path::new(name).is_file()).unwrap_or(&CONSTRUCTORS[0]);
        constructors.push(found.into());
    }
    if constructors.iter().any(|path| path == Path::new("-")) {
        return Err(Failure::usage("constructor -: constructors are not read from the standard input")
            .hint("paths in a constructor are relative to its folder: write it to a file and name that"));
    }
    let is_older = session.dialect == Dialect::V1;
    let target =
        arguments.repository.as_ref().or(arguments.file.as_ref()).cloned().unwrap_or_else(|| TARGET.to_owned());
    // The older program makes an archive only when told to; naming the one that the tutorial names tells it, too.
    let names_default =
        arguments.file.as_deref().is_some_and(|file| Path::new(file).file_name().is_some_and(|name| name == TARGET));
    Ok(Request {
        constructors,
        target,
        target_form: arguments.form.clone(),
        create: !is_older || arguments.create || arguments.force || arguments.repository.is_some() || names_default,
        truncate: arguments.force,
        working_directory: session.global.working_directory.clone(),
        dialect: if is_older { add::Dialect::V1 } else { add::Dialect::V2 },
        templater: arguments.templater.clone(),
        variables: all_variables(session, arguments, &variables)?,
        default_version: arguments.version.clone(),
        conflict: match arguments.component_version_conflict_policy {
            Some(ConflictPolicy::Skip) => Conflict::Skip,
            Some(ConflictPolicy::Replace) => Conflict::Replace,
            None if arguments.replace => Conflict::Replace,
            None if is_older => Conflict::KeepIdentical,
            Some(ConflictPolicy::AbortAndFail) | None => Conflict::AbortAndFail,
        },
        external: if arguments.complete || arguments.external_component_version_copy_policy == CopyPolicy::CopyOrFail {
            External::CopyOrFail
        } else if is_older {
            External::Accept
        } else {
            External::Skip
        },
        lookup: arguments.lookup.clone(),
        skip_reference_digests: arguments.skip_reference_digest_processing,
        oci_artifact_digest: arguments.oci_artifact_digest.clone(),
        creation_time: arguments.creation_time.clone(),
        concurrency: match usize::try_from(arguments.concurrency_limit) {
            Ok(0) | Err(_) => thread::available_parallelism().map_or(1, Into::into),
            Ok(limit) => limit,
        },
        dry_run: arguments.dry_run,
    })
}

/// Environment, settings files, command line; later ones win. The current program always has the environment.
fn all_variables(
    session: &Session,
    arguments: &AddComponentVersion,
    words: &[&String],
) -> Result<BTreeMap<String, Value>, Failure> {
    let mut variables = BTreeMap::new();
    if arguments.addenv || session.dialect == Dialect::V2 {
        variables.extend(session.environment.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))));
    }
    for path in &arguments.settings {
        let name = format!("settings file {}", path.display());
        let text = fs::read_to_string(path).map_err(|error| ocm::Error::unreadable(&name, &error))?;
        let read = yaml::read::<Map<String, Value>>(&text);
        variables.extend(read.map_err(|error| Failure::usage(format!("{name}: {error}")))?);
    }
    variables
        .extend(words.iter().filter_map(|word| variable(word)).map(|(name, value)| (name.to_owned(), value.into())));
    Ok(variables)
}

/// `NAME=value`; anything else with an equals sign (`./a=b.yaml`) is a file.
fn variable(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let is_name = name.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.'));
    is_name.then_some((name, value))
}

/// Prints the evaluated specification, or writes it to a file.
fn specification(components: &[Value], path: Option<&Path>) -> Result<(), Failure> {
    let text = components
        .iter()
        .map(|component| format!("---\n{}\n", yaml::to_string(component)))
        .collect::<Vec<_>>()
        .concat();
    match path.filter(|path| *path != Path::new("-")) {
        None => out(&text),
        Some(path) => kept::write("-O", "specification", path, &text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_an_equals_sign_is_no_variable() {
        assert_eq!(variable("VERSION=1.0=x"), Some(("VERSION", "1.0=x")));
        assert_eq!(variable("EMPTY="), Some(("EMPTY", "")));
        for file in ["./a=b.yaml", "dir/a=b.yaml", "=x", "plain.yaml", "1=2"] {
            assert_eq!(variable(file), None, "{file}");
        }
    }
}
