//! Answers that say no, and requests without an answer, as errors.

use ocm_http::{Response, StatusCode, header};
use serde::Deserialize;

use crate::{Error, Kind};

/// Bytes of an error's body that are read.
const BODY_LIMIT: usize = 64 * 1024;

/// Characters of a registry's own words that are shown.
const TEXT_LIMIT: usize = 500;

/// Errors of one answer that are shown.
const ERRORS_SHOWN: usize = 3;

/// The body of an error (distribution specification, *Error Codes*).
#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    errors: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: Option<String>,
}

/// Refuses a web page where a registry would have answered: portals that want a person to log in, and proxies, answer
/// anything with 200, and a blob that went to one of them is not stored.
///
/// # Errors
/// The answer is a success in HTML that does not name the content it is about.
pub(super) fn no_page(subject: &str, response: &Response) -> Result<(), Error> {
    let page =
        response.header(header::CONTENT_TYPE).is_some_and(|value| value.to_ascii_lowercase().starts_with("text/html"));
    // Object stores guess the type of a blob, which may well be HTML; a registry names its digest.
    if response.status().is_success() && page && !response.headers().contains_key("docker-content-digest") {
        let reason = "answered with a web page; is a portal or a proxy in between, or is this not a registry?";
        return Err(Error::invalid(subject, reason));
    }
    Ok(())
}

/// An answer that says no.
pub(super) struct Refusal {
    pub(super) error: Error,
    /// The codes of the errors.
    codes: Vec<String>,
    /// Content was refused because it does not have the digest it was announced with.
    pub(super) digest_invalid: bool,
    /// The registry does not take anything that is pushed, whoever asks.
    takes_nothing: bool,
}

/// Reads a refusal. `subject` names host and repository.
pub(super) async fn failure(subject: impl std::fmt::Display, response: Response) -> Error {
    Refusal::read(subject, response).await.error
}

/// Reads the refusal of something that was to be stored. `subject` names host and repository.
pub(super) async fn refused_push(subject: impl std::fmt::Display, response: Response) -> Error {
    Refusal::read(subject, response).await.of_push()
}

impl Refusal {
    /// Whether it says so with a code of the specification.
    pub(super) fn says(&self, code: &str) -> bool {
        self.codes.iter().any(|own| own.eq_ignore_ascii_case(code))
    }

    /// The error of something that was to be stored: what a mirror or cache says to that is no word about this client.
    pub(super) fn of_push(self) -> Error {
        let error = self.error;
        if self.takes_nothing { Error::new(Kind::ReadOnly, error.subject(), error.reason()) } else { error }
    }

    /// Reads a refusal. `subject` names host and repository.
    pub(super) async fn read(subject: impl std::fmt::Display, response: Response) -> Self {
        let status = response.status();
        let subject = subject.to_string();
        let elsewhere = elsewhere(&subject, response.url());
        let media_type = response.header(header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
        let retry_after = response.header(header::RETRY_AFTER).map(str::to_owned);
        let note = response.note().map(str::to_owned);
        let body = response.excerpt(BODY_LIMIT).await;
        let entries = serde_json::from_slice::<Body>(&body).map(|body| body.errors).unwrap_or_default();
        let mut words: Vec<String> = entries.iter().take(ERRORS_SHOWN).map(Entry::shown).collect();
        let text = String::from_utf8_lossy(&body);
        let plain =
            media_type.starts_with("text/plain") || media_type.is_empty() && !text.trim_start().starts_with(['<', '{']);
        if words.is_empty() && !body.is_empty() && plain {
            words.push(shown(&text));
        }
        if words.is_empty() {
            words.extend(of_storage(&text));
        }
        words.extend(misdirected(&text).map(str::to_owned));
        let mut reason = format!("answered {status}");
        if let Some(host) = elsewhere {
            reason = format!("{reason} (at {host})");
        }
        if !words.is_empty() {
            reason = format!("{reason}: {}", words.join("; "));
        }
        if status == StatusCode::TOO_MANY_REQUESTS
            && let Some(wait) = retry_after
        {
            reason = format!("{reason} (try again after {})", shown(&wait));
        }
        if entries.iter().any(Entry::is_fixed_tag) {
            reason = format!("{reason}; choose another name or version, or let the registry move its tags");
        }
        if let Some(note) = note {
            reason = format!("{reason}; {note}");
        }
        let digest_invalid = status == StatusCode::BAD_REQUEST && says(&entries, "DIGEST_INVALID");
        let takes_nothing = takes_nothing(status, &entries, &reason);
        let kind = match status {
            // What nginx says when it misses a client certificate, or does not accept the one it got.
            StatusCode::BAD_REQUEST if text.contains("SSL certificate") => Kind::Denied,
            status => kind(status, &entries),
        };
        let error = Error::new(kind, subject, reason);
        let codes = entries.into_iter().map(|entry| entry.code).collect();
        Self { error, codes, digest_invalid, takes_nothing }
    }
}

/// What helps, when a server says in its own words that it was not addressed as it wants to be: those of Go and of nginx, which
/// answer with status 400.
#[must_use]
pub fn misdirected(answer: &str) -> Option<&'static str> {
    if ["HTTP request to an HTTPS server", "HTTP request was sent to HTTPS port"]
        .iter()
        .any(|said| answer.contains(said))
    {
        Some("write https:// in front of the host")
    } else if answer.contains("No required SSL certificate was sent") {
        Some(
            "the server wants a client certificate: clientCertificate and clientKey in http.config.ocm.software name one",
        )
    } else if answer.contains("The SSL certificate error") {
        Some("the server does not accept the client certificate that http.config.ocm.software names")
    } else {
        None
    }
}

/// Distribution answers 405 as a cache and under maintenance; others forbid it and say why.
fn takes_nothing(status: StatusCode, entries: &[Entry], reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    let is_told = || ["read-only", "read only", "readonly", "pull-through"].iter().any(|words| reason.contains(words));
    match status.as_u16() {
        405 | 501 => true,
        403 => says(entries, "UNSUPPORTED") || is_told(),
        _ => false,
    }
}

fn says(entries: &[Entry], code: &str) -> bool {
    entries.iter().any(|entry| entry.code.eq_ignore_ascii_case(code))
}

fn kind(status: StatusCode, entries: &[Entry]) -> Kind {
    let says = |code: &str| says(entries, code);
    match status.as_u16() {
        // The last is the proxy's.
        401 | 403 | 407 => Kind::Denied,
        404 => Kind::NotFound,
        405 | 501 => Kind::Unsupported,
        409 | 412 => Kind::Conflict,
        408 | 429 | 500.. => Kind::Unavailable,
        // Amazon's word for a tag that is there and must not be moved.
        _ if entries.iter().any(Entry::is_fixed_tag) => Kind::Conflict,
        _ if says("UNSUPPORTED") => Kind::Unsupported,
        _ if says("DENIED") || says("UNAUTHORIZED") => Kind::Denied,
        _ if says("TOOMANYREQUESTS") => Kind::Unavailable,
        _ => Kind::Invalid,
    }
}

impl Entry {
    /// Whether it says that a tag is there and stays as it is.
    fn is_fixed_tag(&self) -> bool {
        let message = self.message.as_deref().unwrap_or_default();
        self.code.eq_ignore_ascii_case("TAG_INVALID") && message.contains("immutable")
    }

    fn shown(&self) -> String {
        match self.message.as_deref().filter(|message| !message.is_empty()) {
            Some(message) => format!("{} ({})", shown(message), shown(&self.code)),
            None => shown(&self.code),
        }
    }
}

/// Foreign words as they may be printed: no control characters (a terminal would obey them), not endless.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for character in text.trim().chars() {
        if shown.len() >= TEXT_LIMIT {
            shown.push('…');
            break;
        }
        // Beside the control characters proper, those that turn the direction of a line of text around.
        let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || turns {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The host of an address that `subject` does not name: storages and token services live elsewhere.
fn elsewhere(subject: &str, url: &ocm_http::Url) -> Option<String> {
    url.host_str().filter(|host| !subject.contains(host)).map(str::to_owned)
}

/// What the object stores of the clouds say, as S3 does: `<Error><Code>AccessDenied</Code><Message>…</Message>…`.
fn of_storage(text: &str) -> Option<String> {
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(inside, _)| inside)
    };
    let code = element("Code")?;
    Some(shown(&element("Message").map_or(code.to_owned(), |message| format!("{code}: {message}"))))
}

/// For `map_err`: a request about `subject` without an answer.
pub(super) fn transport(subject: impl std::fmt::Display) -> impl FnOnce(ocm_http::Error) -> Error {
    let subject = subject.to_string();
    move |error| match error.into_body_error() {
        Ok(source) => match source.downcast::<ocm_blob::Error>() {
            Ok(error) => Error::blob(subject)(*error),
            Err(source) => Error::new(Kind::Local, subject, source),
        },
        Err(error) => {
            let kind = match error.kind() {
                ocm_http::Kind::Invalid | ocm_http::Kind::TooLarge => Kind::Invalid,
                ocm_http::Kind::Settings => Kind::Malformed,
                ocm_http::Kind::Forbidden | ocm_http::Kind::Proxy => Kind::Denied,
                _ => Kind::Unavailable,
            };
            // Redirects and token services live elsewhere; say so.
            let elsewhere = ocm_http::Url::parse(error.url()).ok().and_then(|url| elsewhere(&subject, &url));
            let reason = match elsewhere {
                Some(host) => format!("{} (at {host})", error.reason()),
                None => error.reason().to_owned(),
            };
            Error::new(kind, subject, reason).caused_by(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_words_cannot_drive_the_terminal() {
        assert_eq!(shown("a\u{1b}[31mred\nline"), "a\\u{1b}[31mred\\nline");
        assert_eq!(shown("\u{202e}txt"), "\\u{202e}txt");
        assert!(shown(&"x".repeat(10_000)).len() < 600);
    }
}
