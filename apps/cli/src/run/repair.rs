use ocm::ops::repair::{self, Request};

use super::session::warn_of_lookup_without_effect;
use super::{Session, versions};
use crate::args::{AccessStyle, RepairKind};
use crate::exit::{Exit, Failure};
use crate::print::{self, out};

/// Repairs component versions where they lie.
pub(crate) async fn run(session: &Session, kind: RepairKind) -> Result<(), Failure> {
    let RepairKind::ComponentVersion(arguments) = kind;
    warn_of_lookup_without_effect(&arguments.selection);
    let request = Request {
        versions: versions(arguments.references, arguments.selection, false),
        access_style: match arguments.access_style {
            AccessStyle::Relative => repair::AccessStyle::Relative,
            AccessStyle::Absolute => repair::AccessStyle::Absolute,
        },
        dry_run: arguments.dry_run,
    };
    let (report, failure) = repair::run(&session.context, &request).await;
    for item in report.items.iter().filter(|item| item.referrers > 0) {
        tracing::warn!(
            target: "ocm",
            "{}:{}: {} manifest(s) refer to {}, such as attached signatures; they stay with it",
            item.component, item.version, item.referrers, item.manifest
        );
    }
    // What was repaired before a failure stays repaired.
    if failure.is_none() || !report.items.is_empty() {
        out(&print::repair::text(&report, arguments.output)?)?;
    }
    match (failure, print::repair::left(&report)) {
        (Some(failure), _) => Err(failure.into()),
        (None, Some(message)) => Err(Failure::new(Exit::Incomplete, message)),
        (None, None) => Ok(()),
    }
}
