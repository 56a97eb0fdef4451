use std::fs;
use std::path::Path;

use clap::Command;
use ocm::ops;
use schemars::schema_for;

use crate::args::{self, DocsMode, GenerateKind};
use crate::exit::{Exit, Failure};
use crate::print::{json, reference, schema};

/// Writes files about the program itself.
pub(crate) fn run(kind: &GenerateKind) -> Result<(), Failure> {
    match kind {
        GenerateKind::Docs { directory, mode } => docs(&args::command(), "ocm", directory, *mode),
        GenerateKind::Schemas { directory } => schemas(directory),
    }
}

/// Writes the page of a command, which one reaches by typing `path`, and the pages of those below it.
fn docs(command: &Command, path: &str, directory: &Path, mode: DocsMode) -> Result<(), Failure> {
    let stem = path.replace(' ', "_");
    match mode {
        DocsMode::Markdown => {
            write(directory, &format!("{stem}.md"), reference::markdown(command, path))?;
        }
        DocsMode::Hugo => {
            let page = format!("---\ntitle: {path}\n---\n\n{}", reference::markdown(command, path));
            write(directory, &format!("{stem}.md"), page)?;
        }
        DocsMode::Man => {
            let mut page = Vec::new();
            let name = path.replace(' ', "-");
            let rendered = clap_mangen::Man::new(command.clone()).title(name.clone()).render(&mut page);
            rendered.map_err(|error| Failure::new(Exit::Failed, format!("page of {path}: {error}")))?;
            write(directory, &format!("{name}.1"), page)?;
        }
    }
    let mut below = command.get_subcommands().filter(|command| command.get_name() != "help");
    below.try_for_each(|command| docs(command, &format!("{path} {}", command.get_name()), directory, mode))
}

fn schemas(directory: &Path) -> Result<(), Failure> {
    let schemas = [
        ("component-versions", schema::descriptors()),
        ("elements", schema_for!(ops::elements::Report)),
        ("list", schema_for!(ops::list::Report)),
        ("inventory", schema_for!(ops::inventory::Report)),
        ("transfer", schema_for!(ops::transfer::Report)),
        ("transfer-artifact", schema_for!(ops::artifact::Transferred)),
        ("transfer-plan", schema_for!(ops::transfer::Plan)),
        ("transfer-values", schema_for!(ops::transfer::Images)),
        ("download", schema_for!(ops::download::Report)),
        ("check", schema_for!(ops::check::Report)),
        ("portability", schema_for!(ops::portability::Report)),
        ("repair", schema_for!(ops::repair::Report)),
        ("hash", schema_for!(ops::hash::Report)),
        ("sign", schema_for!(ops::sign::Report)),
        ("verify", schema_for!(ops::verify::Report)),
        ("credentials", schema_for!(ops::credentials::Report)),
        ("diff", schema_for!(ops::diff::Report)),
        ("config-explain", schema_for!(ops::config::Explanation)),
        ("doctor", schema_for!(ops::doctor::Report)),
        ("plugin-list", schema_for!(ops::plugin::List)),
        ("plugin-install", schema_for!(ops::plugin::Installed)),
        ("plugin-registry", schema_for!(ops::plugin::Listed)),
        ("types", schema_for!(ops::types::Subsystem)),
        ("show", schema_for!(ops::show::Report)),
        ("create-archive", schema_for!(ops::create::Report)),
    ];
    schemas
        .into_iter()
        .try_for_each(|(name, schema)| write(directory, &format!("{name}.schema.json"), json::indented(&schema)?))
}

fn write(directory: &Path, name: &str, content: impl AsRef<[u8]>) -> Result<(), Failure> {
    let path = directory.join(name);
    fs::create_dir_all(directory)
        .and_then(|()| fs::write(&path, content))
        .map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", path.display())))
}
