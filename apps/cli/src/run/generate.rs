use std::fs;
use std::path::Path;

use clap::Command;
use ocm::ops;
use schemars::schema_for;

use crate::args::{self, DocsMode, GenerateKind};
use crate::exit::{Exit, Failure};
use crate::print::json;

/// Writes files about the program itself.
pub(crate) fn run(kind: &GenerateKind) -> Result<(), Failure> {
    match kind {
        GenerateKind::Docs { directory, mode } => docs(&args::command(), directory, *mode),
        GenerateKind::Schemas { directory } => schemas(directory),
    }
}

fn docs(command: &Command, directory: &Path, mode: DocsMode) -> Result<(), Failure> {
    let path = command.get_display_name().unwrap_or_else(|| command.get_name()).replace('-', " ");
    // `ocm add component-version` has the display name `ocm-add-component-version`; the name's own hyphens come back here.
    let path = path.replace("component version", "component-version");
    let stem = path.replace(' ', "_");
    match mode {
        DocsMode::Markdown => write(directory, &format!("{stem}.md"), crate::print::reference::markdown(command, &path))?,
        DocsMode::Hugo => {
            let page = format!("---\ntitle: {path}\n---\n\n{}", crate::print::reference::markdown(command, &path));
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
    let below = command.get_subcommands().filter(|command| command.get_name() != "help");
    below.into_iter().try_for_each(|command| docs(command, directory, mode))
}

fn schemas(directory: &Path) -> Result<(), Failure> {
    let schemas = [
        ("add", schema_for!(ops::add::Report)),
        ("get", schema_for!(ops::get::Report)),
        ("elements", schema_for!(ops::elements::Report)),
        ("list", schema_for!(ops::list::Report)),
        ("transfer", schema_for!(ops::transfer::Report)),
        ("transfer-plan", schema_for!(ops::transfer::Plan)),
        ("download", schema_for!(ops::download::Report)),
    ];
    schemas.into_iter().try_for_each(|(name, schema)| write(directory, &format!("{name}.schema.json"), json::indented(&schema)?))
}

fn write(directory: &Path, name: &str, content: impl AsRef<[u8]>) -> Result<(), Failure> {
    let path = directory.join(name);
    fs::create_dir_all(directory)
        .and_then(|()| fs::write(&path, content))
        .map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", path.display())))
}
