use ocm_http::{Response, Url, header};

use super::RemoteRepository;
use super::connection::Connection;
use crate::{Error, Kind, Result};

/// The address of the next page of a list; `None` on the last one.
///
/// # Errors
/// The address leaves the list: another origin, or another path (a registry must not send the client elsewhere).
pub(super) fn next_page(connection: &Connection, response: &Response, subject: &str) -> Result<Option<Url>> {
    let mut values = response.headers().get_all(header::LINK).iter().filter_map(|value| value.to_str().ok());
    let Some(target) = values.find_map(next_target) else { return Ok(None) };
    let url = connection.own_address(response.url(), target, "next page", subject)?;
    if url.path() != response.url().path() {
        let reason = format!("the next page {} of its answer is not part of the list", ocm_http::redacted(&url));
        return Err(Error::new(Kind::Denied, subject, reason));
    }
    Ok(Some(url))
}

/// The error of a page that is not the first. That it is not there does not mean that there is no list, but that a part of it
/// would be missing without a word.
pub(super) fn later_page(error: &Error) -> Error {
    let kind = match error.kind() {
        Kind::NotFound | Kind::Unsupported => Kind::Invalid,
        kind => kind,
    };
    Error::new(kind, error.subject(), format!("a later page of the list: {}", error.reason()))
}

/// The target with the relation `next` in a `Link` header (RFC 8288): `<target>; rel="next", …`.
fn next_target(value: &str) -> Option<&str> {
    let mut rest = value;
    loop {
        let (_, after) = rest.split_once('<')?;
        let (target, after) = after.split_once('>')?;
        // The parameters reach to the comma before the next target.
        let end = after.find(',').filter(|_| after.contains('<')).unwrap_or(after.len());
        let is_next = after[..end].split(';').any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or_default();
            name.trim().eq_ignore_ascii_case("rel")
                && value.trim().trim_matches('"').split_ascii_whitespace().any(|kind| kind.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target);
        }
        rest = &after[end..];
    }
}

/// Pages of a list that were read, so that a list that leads back into itself, or never ends, is noticed.
pub(super) struct Pages {
    seen: std::collections::HashSet<Url>,
    limit: usize,
    /// Bytes that all pages together may still have.
    left: u64,
    largest: u64,
}

impl Pages {
    pub(super) fn new(connection: &Connection) -> Self {
        let (limit, largest) = (connection.options.pages, connection.options.list_limit);
        Self { seen: std::collections::HashSet::new(), limit, left: largest, largest }
    }

    pub(super) fn turn(&mut self, url: &Url, subject: &str) -> Result<()> {
        if !self.seen.insert(url.clone()) {
            return Err(Error::invalid(subject, "the list leads back to a page that was already read"));
        }
        if self.seen.len() > self.limit {
            return Err(Error::invalid(subject, format!("the list has more than {} pages", self.limit)));
        }
        Ok(())
    }

    /// Counts a page that was read: pages of which each is small enough are too much together.
    pub(super) fn count(&mut self, page: &[u8], subject: &str) -> Result<()> {
        let left = self.left.checked_sub(page.len() as u64);
        let reason = || format!("all pages of the list together are larger than the limit of {} bytes", self.largest);
        self.left = left.ok_or_else(|| Error::invalid(subject, reason()))?;
        Ok(())
    }
}

impl RemoteRepository {
    /// The address of the next page of a list that was asked for with [`Self::ask`]; `None` on the last one.
    ///
    /// # Errors
    /// The address leaves the list.
    pub fn next_page(&self, response: &Response) -> Result<Option<Url>> {
        next_page(self.connection(), response, &self.subject())
    }
}

#[cfg(test)]
mod tests {
    use super::next_target;

    #[test]
    fn links_in_the_wild() {
        for (value, target) in [
            ("</v2/a/tags/list?last=b&n=2>; rel=\"next\"", Some("/v2/a/tags/list?last=b&n=2")),
            ("<https://h/v2/_catalog?x=1>;rel=next", Some("https://h/v2/_catalog?x=1")),
            ("</p>; rel=\"prev\", </n?a=1,2>; rel=\"next\"", Some("/n?a=1,2")),
            ("</n>; title=x; REL=\"last next\"", Some("/n")),
            ("</n>; rel=prev", None),
            ("", None),
            ("</n", None),
        ] {
            assert_eq!(next_target(value), target, "{value}");
        }
    }
}
