use ocm::ops::hash::{self, Request};

use super::{Session, kept, versions};
use crate::args::HashKind;
use crate::exit::Failure;
use crate::print::{self, out};

/// Computes digests.
pub(crate) async fn run(session: &Session, kind: HashKind) -> Result<(), Failure> {
    let HashKind::ComponentVersion(arguments) = kind;
    let request = Request {
        versions: versions(arguments.references, arguments.selection, arguments.recursive),
        normalisation: arguments.normalisation,
        hash: arguments.hash.unwrap_or_else(|| session.hash.to_owned()),
        actual: arguments.actual,
        update: arguments.update,
        verify: arguments.verify,
    };
    let report = hash::run(&session.context, &request).await?;
    for item in &report.items {
        for recorded in item.recorded.iter().filter(|recorded| recorded.same == Some(false)) {
            tracing::warn!(
                target: "ocm",
                "{}:{}: the signature {:?} is over digest {}, which is not the one of the component version",
                item.component, item.version, recorded.signature, recorded.value
            );
        }
    }
    let text = print::hash::report(&report, arguments.output, request.versions.recursive)?;
    match arguments.file {
        Some(path) => kept::write("--outfile", "digests", &path, &text),
        None => out(&text),
    }
}
