use ocm::ops::types::{self, Node};

use super::Session;
use crate::args::{DescribeTypes, TypeForm};
use crate::exit::Failure;
use crate::print::describe::{self, Grid};
use crate::print::out;

/// Describes types.
pub(crate) async fn types(session: &Session, arguments: DescribeTypes) -> Result<(), Failure> {
    let DescribeTypes { subsystem, name, path, output, show_paths, all, table_style } = arguments;
    if table_style.is_some() {
        tracing::info!(target: "ocm", "--table-style has no effect");
    }
    let (subsystem, name) = match (subsystem, name) {
        (Some(subsystem), Some(name)) => (subsystem, name),
        (subsystem, _) if output == TypeForm::Jsonschema => {
            let hint = format!("name one: ocm describe types {} TYPE", subsystem.as_deref().unwrap_or("SUBSYSTEM"));
            return Err(Failure::usage("only a type has a JSON schema").hint(hint));
        }
        (subsystem, _) => {
            let found = types::list(&session.context, subsystem.as_deref()).await?;
            let (grid, left_out) = match (found.as_slice(), subsystem) {
                ([one], Some(_)) => describe::types(one, all),
                (several, _) => describe::subsystems(several, all),
            };
            if !left_out.is_empty() {
                let types = left_out.join(", ");
                tracing::info!(target: "ocm", types, "more types are built in, which --all lists");
            }
            return grid_out(&grid, output);
        }
    };
    let found = types::find(&session.context, &subsystem, &name).await?;
    if output == TypeForm::Jsonschema {
        return out(&describe::schema(&found.schema)?);
    }
    let path = path.unwrap_or_default();
    let node = Node::new(&found.schema).at(&path)?;
    let subject = describe::Subject { name: &name, path: &path, node };
    if show_paths {
        return grid_out(&describe::paths(&subject), output);
    }
    match describe::fields(&subject) {
        Some(grid) => grid_out(&grid, output),
        None => out(&describe::member(&subject)),
    }
}

fn grid_out(grid: &Grid, form: TypeForm) -> Result<(), Failure> {
    out(&match form {
        TypeForm::Markdown => grid.markdown(),
        TypeForm::Html => grid.html(),
        TypeForm::Text | TypeForm::Jsonschema => grid.text(),
    })
}
