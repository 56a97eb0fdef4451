use ::http::header::{AUTHORIZATION, COOKIE, LOCATION, PROXY_AUTHORIZATION};
use ::http::{Method, StatusCode};
use url::Url;

use crate::{Error, Handshake, Kind, Reach, Request, Response, Result};

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
        // A certificate is a way of saying who one is, too.
        if let Some(handshake) = next.handshake.take_if(|handshake| handshake.identity.is_some()) {
            let rest = Handshake { identity: None, ..handshake.as_ref().clone() };
            next.handshake = (!rest.certificate_authorities.is_empty()).then(|| rest.into());
        }
        if !response.is_local() {
            next.reach = Reach::Public;
        }
    }
    next.url = to;
    Ok(Some(next))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn follow(method: Method, from: &str, status: u16, to: &str) -> Result<Option<Request>> {
        let url: Url = from.parse().unwrap();
        let answer = ::http::Response::builder().status(status).header(LOCATION, to).body("").unwrap();
        let stall = std::time::Duration::ZERO;
        let (hold, confided) = (crate::response::Hold::new(None, None), crate::confided::Confided::default());
        let response =
            Response { inner: answer.into(), url: url.clone(), stall, proxied: false, hold, note: None, confided };
        let value = ::http::HeaderValue::from_static("secret");
        next(&Request::new(method, url).header(COOKIE, value.clone()).authorization(value), &response)
    }

    #[test]
    fn authorization_stays_within_its_origin() {
        for (to, kept, reach) in [
            ("/b", true, Reach::Anywhere),
            ("https://host.example:443/b", true, Reach::Anywhere),
            ("https://host.example:444/b", false, Reach::Public),
            ("https://sub.host.example/b", false, Reach::Public),
            ("//other.example/b", false, Reach::Public),
        ] {
            let request = follow(Method::GET, "https://host.example/a", 307, to).unwrap().unwrap();
            assert_eq!(request.headers.contains_key(AUTHORIZATION), kept, "{to}");
            assert_eq!(request.headers.contains_key(COOKIE), kept, "{to}");
            assert_eq!(request.reach, reach, "{to}");
        }
        let local = follow(Method::GET, "http://127.0.0.1:1/a", 302, "http://10.0.0.1/b").unwrap().unwrap();
        assert_eq!(local.reach, Reach::Anywhere);
    }

    #[test]
    fn what_is_not_followed() {
        for to in ["http://host.example/b", "file:///etc/passwd", "ftp://host.example/", "https://"] {
            assert_eq!(
                follow(Method::GET, "https://host.example/a", 302, to).unwrap_err().kind(),
                Kind::Forbidden,
                "{to}"
            );
        }
        assert!(follow(Method::PUT, "https://host.example/a", 307, "https://other.example/").is_err());
        assert!(follow(Method::PUT, "https://host.example/a", 307, "/b").unwrap().is_some());
        assert!(follow(Method::GET, "https://host.example/a", 304, "/b").unwrap().is_none());
        let user =
            follow(Method::GET, "https://host.example/a", 302, "https://me:secret@host.example/").unwrap().unwrap();
        assert_eq!(user.url.as_str(), "https://host.example/");
    }
}
