use std::fs;

use ocm::ops::doctor::{self, Authority, Request};

use super::Session;
use crate::args::Doctor;
use crate::exit::Failure;
use crate::print::{self, out};

/// Looks into a registry.
pub(super) async fn run(session: &Session, arguments: Doctor) -> Result<(), Failure> {
    let authorities = authorities(session, &arguments.repository)?;
    let request = Request { repository: arguments.repository, write: arguments.write, authorities };
    let (report, failure) = Box::pin(doctor::run(&session.context, &request)).await?;
    out(&print::doctor::text(&report, arguments.output)?)?;
    failure.map_or(Ok(()), |failure| Err(failure.into()))
}

/// The certificate authorities that somebody added for the host of a repository.
fn authorities(session: &Session, repository: &str) -> Result<Vec<Authority>, Failure> {
    let (host, port) = doctor::host(repository)?;
    let mut authorities = ocm::authorities(&session.configuration, &host, port)?;
    if let Some(bundle) = session.environment.get("SSL_CERT_FILE").filter(|path| !path.is_empty()) {
        let pem =
            fs::read(bundle).map_err(|error| ocm::Error::unreadable(format!("SSL_CERT_FILE {bundle}"), &error))?;
        authorities.push(Authority { origin: format!("SSL_CERT_FILE {bundle}"), pem });
    }
    Ok(authorities)
}
