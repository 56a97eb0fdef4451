use ::http::HeaderMap;
use ::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;

use crate::{Body, Request};

/// Shortest secret that is looked for: of fewer letters every text has some.
const SHORTEST: usize = 4;

/// Fields of a form that hold a secret.
const FIELDS: [&str; 3] = ["refresh_token", "password", "client_secret"];

/// What a request told in confidence. Some servers repeat what they were shown in their refusals, and those end up in logs.
#[derive(Clone, Default)]
pub(crate) struct Confided(Vec<String>);

impl Confided {
    pub(crate) fn by(request: &Request) -> Self {
        let mut secrets = shown(&request.headers);
        if let Body::Bytes(form) = &request.body
            && request.headers.get(::http::header::CONTENT_TYPE).is_some_and(|kind| kind == FORM)
        {
            let fields = url::form_urlencoded::parse(form).filter(|(name, _)| FIELDS.contains(&name.as_ref()));
            secrets.extend(fields.map(|(_, value)| value.into_owned()));
        }
        // The signature of an address at an object store, which repeats it when it has ended.
        secrets.extend(crate::redact::secrets(&request.url));
        secrets.retain(|secret| secret.len() >= SHORTEST);
        Self(secrets)
    }

    /// Text of the other side without them.
    pub(crate) fn conceal(&self, text: Bytes) -> Bytes {
        if self.0.is_empty() {
            return text;
        }
        // Go writes `&` as `\u0026` and PHP `/` as `\/`: whoever reads the document has the secret again.
        let text = match serde_json::from_slice(&text).map(|document| self.conceal_inside(document)) {
            Ok((document, true)) => Bytes::from(document.to_string()),
            _ => text,
        };
        self.replaced(&String::from_utf8_lossy(&text)).map_or(text, Bytes::from)
    }

    /// A document whose strings have none, and whether they had any.
    fn conceal_inside(&self, mut document: Value) -> (Value, bool) {
        let conceal = |had: bool, part: &mut Value| {
            let (shown, has) = self.conceal_inside(part.take());
            *part = shown;
            had || has
        };
        let had = match &mut document {
            Value::String(text) => self.replaced(text).map(|shown| *text = shown).is_some(),
            Value::Array(parts) => parts.iter_mut().fold(false, conceal),
            Value::Object(members) => members.values_mut().fold(false, conceal),
            _ => false,
        };
        (document, had)
    }

    /// `None` if there are none in it.
    fn replaced(&self, text: &str) -> Option<String> {
        let found = self.0.iter().filter(|secret| text.contains(secret.as_str()));
        found.fold(None, |shown, secret| Some(shown.as_deref().unwrap_or(text).replace(secret.as_str(), "***")))
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

/// The secrets in the header: all of it behind the scheme, and the password in that.
fn shown(headers: &HeaderMap) -> Vec<String> {
    let Some(value) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) else { return Vec::new() };
    let (scheme, secret) = value.split_once(' ').unwrap_or(("", value));
    let mut secrets = vec![secret.to_owned()];
    if scheme.eq_ignore_ascii_case("basic")
        && let Ok(user) = STANDARD.decode(secret)
        && let Some((_, password)) = String::from_utf8_lossy(&user).split_once(':')
    {
        secrets.push(password.to_owned());
    }
    secrets
}

impl std::fmt::Debug for Confided {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Confided").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ::http::{HeaderValue, Method};

    use super::*;

    fn told(request: &Request, text: &'static str) -> String {
        let shown = Confided::by(request).conceal(Bytes::from_static(text.as_bytes()));
        String::from_utf8(shown.to_vec()).unwrap()
    }

    #[test]
    fn what_was_told_in_confidence_is_not_repeated() {
        let request = || Request::new(Method::POST, "http://h/".parse().unwrap());
        let with = |value: &'static str| request().authorization(HeaderValue::from_static(value));
        // me:canary
        let basic = || with("Basic bWU6Y2FuYXJ5");
        assert_eq!(told(&basic(), "no: Basic bWU6Y2FuYXJ5 of me, canary!"), "no: Basic *** of me, ***!");
        assert_eq!(told(&with("Bearer canary"), "no: canary, canary"), "no: ***, ***");
        assert_eq!(told(&with("Bearer abc"), "abc of words"), "abc of words");
        assert_eq!(told(&request(), "canary"), "canary");
        let form = request().header(::http::header::CONTENT_TYPE, HeaderValue::from_static(FORM));
        let form = form.body(Body::Bytes(Bytes::from_static(b"scope=a&refresh_token=can%2Fary")));
        assert_eq!(told(&form, "can/ary is unknown"), "*** is unknown");
        // me:can&a/ry
        let escaped = with("Basic bWU6Y2FuJmEvcnk=");
        assert_eq!(told(&escaped, r#"{"a":[{"b":"no: can\u0026a\/ry"}]}"#), r#"{"a":[{"b":"no: ***"}]}"#);
        assert_eq!(told(&escaped, r#"{"b": "can\u0026a"}"#), r#"{"b": "can\u0026a"}"#);
        assert!(!format!("{:?}", Confided::by(&basic())).contains("canary"));
        let signed = Request::new(Method::GET, "http://h/a?X-Amz-Signature=can%2Fary&n=words".parse().unwrap());
        assert_eq!(told(&signed, "can/ary and can%2Fary of words"), "*** and *** of words");
    }
}
