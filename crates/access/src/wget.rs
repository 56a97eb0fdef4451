//! `wget`: what a web server answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ocm_http::{Body, Client, HeaderName, HeaderValue, Method, Request, Url};
use ocm_model::TypedObject;
use ocm_oci::{Error, Kind};
use serde_json::Value;

use crate::fetch::{Fetch, address, client};
use crate::{Content, Result, Sources, consumer};

/// Headers that belong to the connection and not to an author.
const NOT_FOR_AUTHORS: [&str; 8] =
    ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "proxy-authorization"];

/// Opens the answer to the request that an access describes: `url`, `mediaType`, `header`, `verb`, `body`,
/// `noRedirect`.
///
/// # Errors
/// The members describe no request, or the answer is no good one.
pub async fn open(access: &TypedObject, sources: &dyn Sources) -> Result<Content> {
    let text = access.text("url").unwrap_or_default();
    let url = address(text, "url")?;
    let client: Client = client(sources, &url)?;
    let mut request = request(access, url.clone())?;
    // What the author wrote into the access goes before what is configured.
    if access.member("header").is_none_or(|header| !names(header, "authorization"))
        && let Some(properties) = consumer::credentials(sources, &["Wget", "wget"], &url).await?
    {
        request = request.handshake(consumer::handshake(&properties, &url)?);
        if let Some(value) = consumer::authorization(&properties, &url)? {
            request = request.authorization(value);
        }
    }
    let media_type = access.text("mediaType").filter(|text| !text.is_empty()).map(str::to_owned);
    Fetch::new(client, request).content(media_type, None).await
}

/// Whether the members of an access describe a request at all; nothing is sent.
///
/// # Errors
/// What is wrong with them.
pub fn check(access: &TypedObject) -> Result<()> {
    request(access, address(access.text("url").unwrap_or_default(), "url")?).map(|_| ())
}

fn names(header: &Value, name: &str) -> bool {
    header.as_object().is_some_and(|members| members.keys().any(|key| key.eq_ignore_ascii_case(name)))
}

fn request(access: &TypedObject, url: Url) -> Result<Request> {
    let subject = ocm_http::redacted(&url);
    let wrong = |reason: String| Error::new(Kind::Malformed, &subject, reason);
    let verb = access.text("verb").filter(|verb| !verb.is_empty()).unwrap_or("GET");
    let method = Method::from_bytes(verb.to_ascii_uppercase().as_bytes())
        .map_err(|_| wrong(format!("the verb {verb:?} is none of HTTP")))?;
    let mut request = Request::new(method.clone(), url);
    if let Some(headers) = access.member("header").filter(|header| !header.is_null()) {
        let Value::Object(headers) = headers else {
            return Err(wrong("header must map names to lists of texts".into()));
        };
        for (name, value) in headers {
            let lower = name.to_ascii_lowercase();
            if NOT_FOR_AUTHORS.contains(&lower.as_str()) {
                return Err(wrong(format!("the header {name:?} is not for an access to set")));
            }
            let values = match value {
                Value::String(text) => vec![text.as_str()],
                Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            let header = HeaderName::from_bytes(lower.as_bytes()).ok();
            let text = HeaderValue::from_str(&values.join(", ")).ok();
            let (Some(header), Some(text), false) = (header, text, values.is_empty()) else {
                return Err(wrong(format!("the header {name:?} cannot be sent as it is written")));
            };
            request = match lower.as_str() {
                "authorization" => request.authorization(text),
                _ => request.header(header, text),
            };
        }
    }
    if let Some(body) = access.text("body").filter(|body| !body.is_empty()) {
        let body = STANDARD.decode(body.trim()).map_err(|_| wrong("the body is not base64".into()))?;
        request = request.body(Body::Bytes(Bytes::from(body)));
    }
    if access.member("noRedirect").and_then(Value::as_bool).unwrap_or_default() {
        request = request.stay();
    }
    // What is no question may do something each time it is asked.
    Ok(if matches!(method, Method::GET | Method::HEAD) { request } else { request.once() })
}
