//! Lists: tags of a repository, repositories of a registry.

use std::collections::BTreeSet;

use ocm_http::{Method, Request, StatusCode, Url};
use serde::Deserialize;

use super::RemoteRepository;
use super::connection::{About, Connection};
use super::document::Attempts;
use super::failure::{failure, no_page, transport};
use super::link::{Pages, later_page, next_page};
use super::scope::Scope;
use crate::{Error, Kind, Result};

/// Entries asked for at once. Registries with a smaller limit answer with less.
const PAGE: usize = 1000;

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Catalog {
    repositories: Option<Vec<String>>,
}

impl RemoteRepository {
    /// All tags, sorted. Entries that cannot be tags (digests, among others, are listed by some registries) are left out.
    pub(super) async fn list_tags(&self) -> Result<Vec<String>> {
        let url = self.request(Method::GET, &format!("tags/list?n={PAGE}"))?.url().clone();
        let (subject, scope) = (self.subject(), self.pull_scope());
        let about = self.about(&subject, &scope);
        let (mut tags, mut others) = (BTreeSet::new(), 0_usize);
        let read = pages::<Tags>(self.connection(), url, about, |page| {
            for tag in page.tags.unwrap_or_default() {
                if crate::reference::is_tag(&tag) {
                    tags.insert(tag);
                } else {
                    others += 1;
                }
            }
        });
        match read.await {
            Err(error) if error.kind() == Kind::NotFound => return Ok(Vec::new()),
            read => read?,
        }
        if others > 0 {
            tracing::warn!(repository = subject, count = others, "left out listed tags that are not valid");
        }
        Ok(tags.into_iter().collect())
    }
}

/// Names of all repositories of a registry, sorted.
pub(super) async fn catalog(connection: &Connection) -> Result<Vec<String>> {
    let (subject, scope) = (connection.endpoint.host().to_owned(), Scope::catalog());
    let about = About { subject: &subject, repository: None, scope: &scope };
    let url = connection.endpoint.url(&format!("_catalog?n={PAGE}"))?;
    let mut names = BTreeSet::new();
    match pages::<Catalog>(connection, url, about, |page| names.extend(page.repositories.unwrap_or_default())).await {
        Ok(()) => Ok(names.into_iter().collect()),
        Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Unsupported) => {
            Err(Error::new(Kind::Unsupported, subject, "the registry does not list its repositories"))
        }
        Err(error) => Err(error),
    }
}

/// Reads all pages of a list, one after the other.
async fn pages<T: for<'de> Deserialize<'de>>(
    connection: &Connection,
    first: Url,
    about: About<'_>,
    mut each: impl FnMut(T),
) -> Result<()> {
    let (mut is_first, mut read, mut url) = (true, Pages::new(connection), first);
    loop {
        read.turn(&url, about.subject)?;
        let mut attempts = Attempts::new(connection.retry());
        let (next, page, portal) = loop {
            let response = connection.send(Request::new(Method::GET, url.clone()), about).await?;
            if response.status() != StatusCode::OK {
                let error = failure(about.subject, response).await;
                return Err(if is_first { error } else { later_page(&error) });
            }
            // Some registries name no type, or a wrong one, for a list that is right.
            let portal = no_page(about.subject, &response).err();
            let next = next_page(connection, &response, about.subject)?;
            if let Some(page) = attempts.read(response, connection.options.page_limit, transport(about.subject)).await?
            {
                break (next, page, portal);
            }
        };
        read.count(&page, about.subject)?;
        let invalid = |error| {
            let reason = format!("sent a list that cannot be read: {error}; is this the address of a registry?");
            portal.unwrap_or_else(|| Error::invalid(about.subject, reason))
        };
        each(serde_json::from_slice(&page).map_err(invalid)?);
        is_first = false;
        match next {
            Some(next) => url = next,
            None => return Ok(()),
        }
    }
}
