use ocm::ops::show::{self, Request, Spelling};

use super::Session;
use crate::args::{ShowKind, ShowTags, ShowVersions};
use crate::exit::Failure;
use crate::print::{self, object, out};

/// Shows versions or tags.
pub(crate) async fn run(session: &Session, kind: ShowKind) -> Result<(), Failure> {
    let (report, output) = match kind {
        ShowKind::Versions(arguments) => {
            let ShowVersions { component, constraints, latest, semantic, repo, output } = arguments;
            let spelling = if semantic { Spelling::Semantic } else { Spelling::Version };
            let request = Request { subject: component, repository: repo, constraints, latest, spelling };
            (show::versions(&session.context, &request).await?, output)
        }
        ShowKind::Tags(arguments) => {
            let ShowTags { repository, constraints, latest, semver, semantic, repo, output } = arguments;
            let spelling = match (semantic, semver) {
                (true, _) => Spelling::Semantic,
                (false, true) => Spelling::Version,
                (false, false) => Spelling::AsStored,
            };
            if spelling == Spelling::AsStored && (latest || !constraints.is_empty()) {
                tracing::warn!(target: "ocm", "all tags are shown: constraints and --latest need --semver or --semantic");
            }
            let request = Request { subject: repository, repository: repo, constraints, latest, spelling };
            (show::tags(&session.context, &request).await?, output)
        }
    };
    match output {
        Some(form) => out(&object(form.into(), &report)?),
        None => out(&print::show::lines(&report)),
    }
}
