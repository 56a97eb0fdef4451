use ocm::ops::diff::{self, Request};

use super::Session;
use crate::args::Diff;
use crate::exit::{Exit, Failure};
use crate::print::{self, out};

/// Compares component versions; ends like the program `diff` does.
pub(crate) async fn run(session: &Session, arguments: Diff) -> Result<(), Failure> {
    let request = Request { left: arguments.left, right: arguments.right, digest_only: arguments.digest_only };
    // 1 says that there is a difference, and nothing else.
    let report = diff::run(&session.context, &request).await.map_err(|error| Failure::from(error).or(Exit::Usage))?;
    out(&print::diff::text(&report, arguments.output)?)?;
    if report.equal { Ok(()) } else { Err(Failure::found(Exit::Failed)) }
}
