use ::http::header::{AUTHORIZATION, COOKIE, LOCATION, PROXY_AUTHORIZATION};
use ::http::{Method, StatusCode};
use url::Url;

use crate::{Error, Kind, Reach, Request, Response, Result};

/// Whether two addresses have the same scheme, host and port: the circle in which credentials may be used.
pub fn same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

/// The request that a redirect asks for; `None` if the answer is no redirect.
///
/// # Errors
/// The redirect leaves encryption, leads from the public network into a local one, has no usable address, or would
/// carry the content of a request to another origin.
pub(crate) fn next(request: &Request, response: &Response) -> Result<Option<Request>> {
    let status = response.status();
    if !request.follow || !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let from = &request.url;
    let refuse = |reason: &str| Error::new(Kind::Forbidden, from, format!("{reason} (status {status})"));
    let location = response.headers().get(LOCATION).ok_or_else(|| refuse("is redirected without an address"))?;
    let location = location.to_str().map_err(|_| refuse("is redirected to an unreadable address"))?;
    let mut to = from.join(location).map_err(|_| refuse("is redirected to an invalid address"))?;
    let _ = to.set_username("");
    let _ = to.set_password(None);
    if !matches!(to.scheme(), "http" | "https") || to.host_str().is_none() {
        return Err(refuse("is redirected to something that is not a web address"));
    }
    if from.scheme() == "https" && to.scheme() == "http" {
        return Err(refuse(&format!("is redirected from https to plain http at {}", crate::redacted(&to))));
    }
    let mut next = request.clone();
    let same = same_origin(from, &to);
    if !matches!(request.method, Method::GET | Method::HEAD) {
        if status == StatusCode::SEE_OTHER {
            next.method = Method::GET;
            next.body = crate::Body::Empty;
        } else if !same {
            return Err(refuse(&format!("is redirected to {}; address that host instead", crate::redacted(&to))));
        }
    }
    if !same {
        // Dropped for good: a chain that leads back here does not get them again (CVE-2020-15157 and its kin).
        for header in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
            next.headers.remove(header);
        }
        if !response.is_local() {
            next.reach = Reach::Public;
        }
    }
    next.url = to;
    Ok(Some(next))
}
