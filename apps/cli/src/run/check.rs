use ocm::ops::{check, portability};

use super::{Session, versions};
use crate::args::{CheckComponentVersion, CheckKind, CheckPortability, Dialect, Locality};
use crate::exit::{Exit, Failure};
use crate::print::{self, out};

/// Checks component versions.
pub(crate) async fn run(session: &Session, kind: CheckKind) -> Result<(), Failure> {
    match kind {
        CheckKind::ComponentVersion(arguments) => component_versions(session, arguments).await,
        CheckKind::Portability(arguments) => portability(session, arguments).await,
    }
}

async fn component_versions(session: &Session, arguments: CheckComponentVersion) -> Result<(), Failure> {
    let request = check::Request {
        versions: versions(arguments.references, arguments.selection, true),
        local_resources: arguments.local_resources || arguments.resources == Locality::Local,
        local_sources: arguments.local_sources || arguments.sources == Locality::Local,
        content: arguments.content,
    };
    let report = check::run(&session.context, &request).await?;
    if session.dialect == Dialect::V1 {
        out(&print::check_v1::text(&report, &request, arguments.output)?)?;
        // The older program tells it from the table alone, unless it is asked to fail.
        return match print::check_v1::faults(&report, &request) {
            Some(faults) if arguments.fail_on_error => Err(Failure::new(Exit::Failed, faults)),
            _ => Ok(()),
        };
    }
    out(&print::check::text(&report, &request, arguments.output)?)?;
    if report.complete {
        return Ok(());
    }
    Err(Failure::new(Exit::Incomplete, print::check::missing(&report, &request)))
}

async fn portability(session: &Session, arguments: CheckPortability) -> Result<(), Failure> {
    let request = versions(arguments.references, arguments.selection, arguments.recursive);
    let report = portability::run(&session.context, &request).await?;
    out(&print::check::portability(&report, arguments.output)?)?;
    if report.items.is_empty() {
        return Ok(());
    }
    let message = format!("{} address(es) cannot be followed from everywhere", report.items.len());
    Err(Failure::new(Exit::Failed, message)
        .hint("ocm repair component-version writes the addresses of images in the same registry anew")
        .hint("ocm transfer component-version --copy-resources takes the content of others along"))
}
