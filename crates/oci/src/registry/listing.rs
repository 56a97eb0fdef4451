//! Lists: tags of a repository, repositories of a registry.

use ocm_http::{Method, Request, StatusCode, Url};
use serde::Deserialize;

use super::RemoteRepository;
use super::connection::{About, Connection};
use super::failure::{failure, transport};
use super::link::{Pages, next_page};
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
        let tags = match pages::<Tags>(self.connection(), url, about).await {
            Ok(pages) => pages.into_iter().flat_map(|page| page.tags.unwrap_or_default()),
            Err(error) if error.kind() == Kind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let (mut tags, others): (Vec<String>, Vec<String>) = tags.partition(|tag| crate::reference::is_tag(tag));
        if !others.is_empty() {
            tracing::warn!(repository = subject, count = others.len(), "left out listed tags that are not valid");
        }
        tags.sort_unstable();
        tags.dedup();
        Ok(tags)
    }
}

/// Names of all repositories of a registry, sorted.
pub(super) async fn catalog(connection: &Connection) -> Result<Vec<String>> {
    let (subject, scope) = (connection.endpoint.host().to_owned(), Scope::catalog());
    let about = About { subject: &subject, repository: None, scope: &scope };
    let url = connection.endpoint.url(&format!("_catalog?n={PAGE}"))?;
    match pages::<Catalog>(connection, url, about).await {
        Ok(pages) => {
            let mut names: Vec<String> =
                pages.into_iter().flat_map(|page| page.repositories.unwrap_or_default()).collect();
            names.sort_unstable();
            names.dedup();
            Ok(names)
        }
        Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Unsupported) => {
            Err(Error::new(Kind::Unsupported, subject, "the registry does not list its repositories"))
        }
        Err(error) => Err(error),
    }
}

async fn pages<T: for<'de> Deserialize<'de>>(connection: &Connection, first: Url, about: About<'_>) -> Result<Vec<T>> {
    let (mut found, mut read, mut url) = (Vec::new(), Pages::new(connection), first);
    loop {
        read.turn(&url, about.subject)?;
        let response = connection.send(Request::new(Method::GET, url), about).await?;
        if response.status() != StatusCode::OK {
            return Err(failure(about.subject, response).await);
        }
        let next = next_page(connection, &response, about.subject)?;
        let page = response.bytes(connection.options.page_limit).await.map_err(transport(about.subject))?;
        let invalid = |error| Error::invalid(about.subject, format!("sent a list that cannot be read: {error}"));
        found.push(serde_json::from_slice(&page).map_err(invalid)?);
        match next {
            Some(next) => url = next,
            None => return Ok(found),
        }
    }
}
