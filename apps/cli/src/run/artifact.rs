use std::collections::BTreeSet;

use ocm::ops::artifact::{self, List, Transfer};

use super::Session;
use crate::args::{GetArtifacts, TransferArtifact};
use crate::exit::Failure;
use crate::print::{self, object, out};

/// Lists artifacts.
pub(crate) async fn list(session: &Session, arguments: GetArtifacts) -> Result<(), Failure> {
    let report = artifact::list(&session.context, &List { references: arguments.references }).await?;
    out(&print::artifact::text(&report, arguments.output)?)
}

/// Copies artifacts.
pub(crate) async fn transfer(session: &Session, mut arguments: TransferArtifact) -> Result<(), Failure> {
    let target = arguments.references.pop().unwrap_or_default();
    if arguments.references.is_empty() {
        return Err(Failure::usage("the target is missing").hint("ocm transfer artifact REFERENCE TARGET"));
    }
    let request = Transfer { references: arguments.references, target, keep_names: arguments.repo_name };
    let report = artifact::transfer(&session.context, &request).await?;
    if let Some(form) = arguments.output {
        return out(&object(form.into(), &report)?);
    }
    let repositories: BTreeSet<&str> =
        report.items.iter().map(|item| item.source.rsplit_once([':', '@']).map_or("", |(name, _)| name)).collect();
    out(&print::artifact::copied(&report, repositories.len()))
}
