use ocm::ops::doctor::{self, Request};

use super::Session;
use crate::args::Doctor;
use crate::exit::Failure;
use crate::print::{self, out};

/// Looks into a registry.
pub(super) async fn run(session: &Session, arguments: Doctor) -> Result<(), Failure> {
    let request = Request { repository: arguments.repository, write: arguments.write };
    let (report, failure) = doctor::run(&session.context, &request).await?;
    out(&print::doctor::text(&report, arguments.output)?)?;
    failure.map_or(Ok(()), |failure| Err(failure.into()))
}
