use std::time::Duration;

use ocm_http::{Body, Client, HeaderValue, Method, Proxies, Request, Retry, Settings, Url, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Largest answer in bytes.
const LIMIT: u64 = 1 << 20;

/// How much of a refusal is read, in bytes.
const EXCERPT: usize = 16 << 10;

/// Longest word for a reason; theirs have up to forty letters.
const WORD: usize = 48;

/// How long a service of a cloud may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a metadata service may take. Where there is none, nobody refuses the connection.
const LOCAL_PATIENCE: Duration = Duration::from_secs(2);

/// The connections to services of a cloud.
pub(super) struct Web {
    services: Client,
    /// To what is on this machine or beside it: through no proxy, which would learn the identity, and without patience.
    local: Client,
}

/// Where a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// On the network.
    Service,
    /// On this machine or its link: metadata services.
    Local,
}

/// No good answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// Nobody answered.
    Silent(String),
    /// Somebody answered no, with this status and, where it is one, the word that the protocol has for the reason.
    Refused(u16, Option<String>),
    /// The answer is not what it should be.
    Unreadable,
}

impl NoAnswer {
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Silent(reason) => reason.clone(),
            Self::Refused(status, None) => format!("answered {status}"),
            Self::Refused(status, Some(word)) => format!("answered {status} ({word})"),
            Self::Unreadable => "answered something unexpected".to_owned(),
        }
    }
}

impl Web {
    pub(super) fn new(http: &Client) -> Self {
        let settings = Settings { proxies: Proxies::default(), retry: Retry::never(), ..http.settings().clone() };
        Self { services: http.clone(), local: Client::new(settings) }
    }

    /// The answer as text. Redirects are not followed: what is sent is an identity.
    pub(super) async fn text(&self, place: Where, request: Request) -> Result<String, NoAnswer> {
        let (client, patience) = match place {
            Where::Service => (&self.services, PATIENCE),
            Where::Local => (&self.local, LOCAL_PATIENCE),
        };
        let silent = |error: ocm_http::Error| NoAnswer::Silent(error.reason().to_owned());
        let answered = async {
            let response = client.send(request.stay()).await.map_err(silent)?;
            let status = response.status();
            if !status.is_success() {
                let said = response.excerpt(EXCERPT).await;
                return Err(NoAnswer::Refused(status.as_u16(), word(&String::from_utf8_lossy(&said))));
            }
            let bytes = response.bytes(LIMIT).await.map_err(silent)?;
            String::from_utf8(bytes.to_vec()).map_err(|_| NoAnswer::Unreadable)
        };
        let late = |_| NoAnswer::Silent(format!("no answer within {} s", patience.as_secs()));
        tokio::time::timeout(patience, answered).await.map_err(late)?
    }

    /// The answer as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, place: Where, request: Request) -> Result<T, NoAnswer> {
        let text = self.text(place, request).await?;
        serde_json::from_str(&text).map_err(|_| NoAnswer::Unreadable)
    }
}

/// The word for the reason of a refusal: `__type` of Amazon, `error` of OAuth 2.0 (RFC 6749, 5.2), `error.status` of Google,
/// the code of a registry, `Code` of Amazon's STS. Everything else stays unsaid: it may repeat what was sent.
fn word(said: &str) -> Option<String> {
    let code = match serde_json::from_str::<Value>(said) {
        Ok(value) => ["/__type", "/error", "/error/status", "/errors/0/code"]
            .iter()
            .find_map(|pointer| value.pointer(pointer)?.as_str().map(str::to_owned))?,
        Err(_) => said.split_once("<Code>")?.1.split_once("</Code>")?.0.to_owned(),
    };
    let word = code.rsplit('#').next().unwrap_or_default();
    let is_word = |letter: u8| letter.is_ascii_alphabetic() || letter == b'_';
    ((1..=WORD).contains(&word.len()) && word.bytes().all(is_word)).then(|| word.to_owned())
}

/// A request that sends a form.
pub(super) fn form(url: Url, parts: &[(&str, &str)]) -> Request {
    let content = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parts).finish();
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    Request::new(Method::POST, url).header(header::CONTENT_TYPE, kind).body(Body::Bytes(content.into()))
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn a_refusal_is_told_in_the_word_of_its_protocol_alone() {
        for (said, expected) in [
            (r#"{"__type":"com.amazonaws#ExpiredTokenException","message":"canary"}"#, Some("ExpiredTokenException")),
            (r#"{"error":"invalid_grant","error_description":"canary"}"#, Some("invalid_grant")),
            (r#"{"error":{"code":403,"message":"canary","status":"PERMISSION_DENIED"}}"#, Some("PERMISSION_DENIED")),
            (r#"{"errors":[{"code":"UNAUTHORIZED","message":"canary"}]}"#, Some("UNAUTHORIZED")),
            ("<ErrorResponse><Error><Code>AccessDenied</Code><Message>canary</Message></Error>", Some("AccessDenied")),
            (r#"{"error":"canary-1"}"#, None),
            ("canary", None),
            ("<Code>the key canary</Code>", None),
            ("", None),
        ] {
            assert_eq!(word(said).as_deref(), expected, "{said}");
        }
    }
}
