use axum::body::Body;
use http::{Response, header};
use ocm_oci::{Descriptor, Error, media_type};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use crate::Failure;
use crate::answer::{self, FILTERS, With as _};
use crate::api::{Answer, Call, Inner, digest};

/// Bytes of descriptors in one list of referrers; together they stay below the largest manifest that clients read.
const REFERRERS: usize = 3 * 1024 * 1024;

/// What is not escaped in a parameter.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'/').remove(b':');

fn fail(error: &Error) -> Failure {
    Failure::store(error, "NAME_UNKNOWN", "NAME_INVALID")
}

/// One page of a list.
struct Page {
    names: Vec<String>,
    /// Parameters of the address of the next page, if there is one.
    next: Option<String>,
}

impl Page {
    /// Cuts the page that `n` and `last` ask for out of all names.
    fn cut(call: &Call, mut names: Vec<String>) -> Result<Self, Failure> {
        names.sort();
        if let Some(last) = call.query.get("last") {
            names.retain(|name| name.as_str() > last);
        }
        let Some(text) = call.query.get("n") else { return Ok(Self { names, next: None }) };
        let count = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<usize>().unwrap_or(usize::MAX));
        let count = count.filter(|_| !text.is_empty());
        let count =
            count.ok_or_else(|| Failure::invalid("UNSUPPORTED", format!("n={text:?} is no number of entries")))?;
        let more = names.len() > count;
        names.truncate(count);
        let next = names.last().filter(|_| more);
        let next = next.map(|last| format!("n={count}&last={}", utf8_percent_encode(last, PLAIN)));
        Ok(Self { names, next })
    }
}

fn with_next(response: Response<Body>, path: &str, next: Option<String>) -> Response<Body> {
    match next {
        Some(next) => response.with(header::LINK, format!("<{path}?{next}>; rel=\"next\"")),
        None => response,
    }
}

impl Inner {
    /// Names of the repositories.
    pub(crate) async fn catalog(&self, call: &Call) -> Answer {
        let names = self.registry.repositories().await.map_err(|error| fail(&error))?;
        let page = Page::cut(call, names)?;
        let response = answer::json("application/json", &json!({ "repositories": page.names }));
        Ok(with_next(response, "/v2/_catalog", page.next))
    }

    /// Tags of a repository (end-8).
    pub(crate) async fn tags(&self, call: &Call) -> Answer {
        let tags = self.store(call).tags().await.map_err(|error| fail(&error))?;
        if tags.is_empty() && !self.has_repository(&call.repository).await? {
            return Err(Failure::unknown("NAME_UNKNOWN", format!("there is no repository {}", call.repository)));
        }
        let page = Page::cut(call, tags)?;
        let response = answer::json("application/json", &json!({ "name": call.repository, "tags": page.names }));
        Ok(with_next(response, &format!("/v2/{}/tags/list", call.repository), page.next))
    }

    /// Manifests that name a digest as their subject (end-12). A digest that nobody names, and a repository that does not
    /// exist, have an empty list: 404 would say that there is no such list at all.
    pub(crate) async fn referrers(&self, call: &Call, text: &str) -> Answer {
        let subject = digest(text)?;
        let mut referrers = match self.store(call).referrers(&subject).await {
            Ok(referrers) => referrers,
            Err(error) if error.kind() == ocm_oci::Kind::NotFound => Vec::new(),
            Err(error) => return Err(fail(&error)),
        };
        let wanted = call.query.get("artifactType").filter(|wanted| !wanted.is_empty());
        if let Some(wanted) = wanted {
            referrers.retain(|referrer| referrer.artifact_type.as_deref() == Some(wanted));
        }
        referrers.sort_by(|one, other| one.digest.cmp(&other.digest));
        if let Some(last) = call.query.get("last") {
            let last = digest(last)?;
            referrers.retain(|referrer| referrer.digest > last);
        }
        let next = cut_by_size(&mut referrers).map(|last| {
            let filter = wanted.map(|wanted| format!("&artifactType={}", utf8_percent_encode(wanted, PLAIN)));
            format!("last={last}{}", filter.unwrap_or_default())
        });
        let list = json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": referrers });
        let mut response = answer::json(media_type::INDEX, &list);
        if wanted.is_some() {
            response = response.with(FILTERS, "artifactType");
        }
        Ok(with_next(response, &format!("/v2/{}/referrers/{subject}", call.repository), next))
    }
}

/// Keeps as many descriptors as fit into one answer, at least one; says which was the last if there are more.
fn cut_by_size(referrers: &mut Vec<Descriptor>) -> Option<ocm_blob::Digest> {
    let mut bytes = 0;
    let fit = referrers.iter().take_while(|referrer| {
        bytes += serde_json::to_vec(referrer).map_or(0, |text| text.len() + 1);
        bytes <= REFERRERS
    });
    let fit = fit.count().max(1);
    let more = referrers.len() > fit;
    referrers.truncate(fit);
    referrers.last().filter(|_| more).map(|last| last.digest.clone())
}
