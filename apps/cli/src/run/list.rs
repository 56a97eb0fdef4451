use ocm::ops::list;

use super::session::warn_of_lookup_without_effect;
use super::{Session, versions};
use crate::args::{Dialect, ListKind};
use crate::exit::Failure;
use crate::print::{self, out};

/// Lists names and versions.
pub(crate) async fn run(session: &Session, kind: ListKind) -> Result<(), Failure> {
    let ListKind::ComponentVersion(arguments) = kind;
    warn_of_lookup_without_effect(&arguments.selection);
    let versions = versions(arguments.references, arguments.selection, false);
    let report = list::run(&session.context, &list::Request { versions }).await?;
    out(&match session.dialect {
        Dialect::V2 => print::versions::names(&report.items, arguments.output)?,
        Dialect::V1 => print::versions_v1::names(&report.items, arguments.output)?,
    })
}
