//! Credentials that were found.

use ocm::ops::credentials::Report;

use super::table::Table;
use super::{Structure, object};
use crate::args::{CredentialsForm, Dialect};
use crate::exit::Failure;

/// Credentials in one of their forms. The older program prints their parts alone.
pub(crate) fn text(report: &Report, form: CredentialsForm, dialect: Dialect) -> Result<String, Failure> {
    match form {
        CredentialsForm::Yaml => return object(Structure::Yaml, report),
        CredentialsForm::Json => return object(Structure::Json, report),
        CredentialsForm::Table => {}
    }
    let mut table = Table::new(&["ATTRIBUTE", "VALUE"]);
    for (name, value) in &report.credentials {
        table.row([name, value]);
    }
    if dialect == Dialect::V2 {
        table.row(["(origin)", &report.origin]);
        if let Some(until) = &report.until {
            table.row(["(until)", until]);
        }
    }
    Ok(table.plain())
}
