use std::fmt;

use crate::request::BoxError;
use crate::resolve::{NotPublic, UnknownName};

/// What kind of failure it was; decides whether the request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The address or a header is not valid.
    Invalid,
    /// What the client was told cannot be used: certificates, a key, a proxy.
    Settings,
    /// No connection: the host, or a name server, did not answer.
    Connect,
    /// No name server knows the host.
    UnknownHost,
    /// Nobody listens at the address.
    Refused,
    /// The proxy wants to know who is asking.
    Proxy,
    /// The certificate or the TLS handshake failed.
    Tls,
    /// `https` was spoken to a server that speaks plain `http`.
    PlainServer,
    /// The other side fell silent.
    Timeout,
    /// The connection broke.
    Interrupted,
    /// A redirect or an address that must not be followed.
    Forbidden,
    /// One redirect leads to the next without end.
    Loop,
    /// More than the limit was sent.
    TooLarge,
    /// The content that was being sent could not be read; the other side is not to blame.
    Body,
}

impl Kind {
    /// Whether another attempt may help, as far as the failure alone tells.
    pub fn is_transient(self) -> bool {
        crate::Class::of_error(self, false).is_transient()
    }
}

/// A request without an answer, or an answer that broke off. Shows no secret of the address.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    url: String,
    reason: String,
    source: Option<BoxError>,
}

impl Error {
    /// An error about an address.
    pub fn new(kind: Kind, url: impl AsRef<str>, reason: impl fmt::Display) -> Self {
        Self { kind, url: crate::redacted(url), reason: reason.to_string(), source: None }
    }

    /// The error of the content that was being sent.
    pub(crate) fn body(url: impl AsRef<str>, source: BoxError) -> Self {
        Self { kind: Kind::Body, url: crate::redacted(url), reason: source.to_string(), source: Some(source) }
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The address, without its secrets.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Why it failed, without the address.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The error of the content that was being sent, if that is what failed ([`Kind::Body`]).
    ///
    /// # Errors
    /// Gives the error back if it is another one.
    pub fn into_body_error(self) -> Result<BoxError, Self> {
        match self {
            Self { kind: Kind::Body, source: Some(source), .. } => Ok(source),
            error => Err(error),
        }
    }

    /// Names the proxy that was asked, where it is what could not be reached.
    pub(crate) fn through(mut self, proxy: Option<&str>) -> Self {
        if let (Some(proxy), Kind::Refused | Kind::Proxy | Kind::UnknownHost | Kind::Connect) = (proxy, self.kind) {
            self.reason = format!("{} (by way of the proxy {})", self.reason, crate::redacted(proxy));
        }
        self
    }

    /// Reads an error of the library underneath.
    pub(crate) fn from_transport(url: impl AsRef<str>, error: reqwest::Error) -> Self {
        let error = error.without_url();
        let step = match () {
            () if error.is_connect() => Step::Connect,
            () if error.is_builder() => Step::Build,
            () => Step::Exchange,
        };
        Self::classified(url, &error, step, error.is_timeout())
    }

    /// Reads an error of making a connection.
    #[cfg(target_os = "linux")]
    pub(crate) fn unconnected(url: impl AsRef<str>, error: &(dyn std::error::Error + 'static)) -> Self {
        Self::classified(url, error, Step::Connect, is_late(error))
    }

    /// Reads an error of a connection that stood.
    #[cfg(target_os = "linux")]
    pub(crate) fn interrupted(url: impl AsRef<str>, error: &(dyn std::error::Error + 'static)) -> Self {
        Self::classified(url, error, Step::Exchange, is_late(error))
    }

    fn classified(url: impl AsRef<str>, error: &(dyn std::error::Error + 'static), step: Step, timeout: bool) -> Self {
        let (kind, reason) = classify(error, step, timeout);
        Self { kind, url: crate::redacted(url), reason, source: None }
    }
}

/// Where a request failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Build,
    Connect,
    Exchange,
}

/// The texts of an error and of everything that caused it, the outermost first.
fn causes(error: &dyn std::error::Error) -> Vec<String> {
    let mut causes = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        next = cause.source();
    }
    causes
}

/// Whether the system gave a connection up that was silent for too long.
#[cfg(target_os = "linux")]
fn is_late(error: &(dyn std::error::Error + 'static)) -> bool {
    io_kind(error) == Some(std::io::ErrorKind::TimedOut)
}

fn io_kind(error: &(dyn std::error::Error + 'static)) -> Option<std::io::ErrorKind> {
    let mut next = Some(error);
    let mut found = None;
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            found = Some(io.kind());
        }
        next = cause.source();
    }
    found
}

/// What name services say of names that do not exist (glibc twice, musl, macOS, Windows), and what a [`crate::Resolver`]
/// does. Everything else may pass.
const UNKNOWN: [&str; 6] = [
    "Name or service not known",
    "No address associated",
    "Name does not resolve",
    "nodename nor servname",
    "No such host is known",
    "the host name is not known",
];

/// What the library underneath says of a proxy that answers a tunnel with 407.
const PROXY: &str = "proxy authorization required";

/// What it says of one that answers a tunnel with any other failure; which one, it does not say.
const NO_TUNNEL: &str = "tunnel error: unsuccessful";

/// What helps against a proxy that wants to know who is asking. With a scheme in front it would be taken for a password.
pub(crate) const PROXY_ADVICE: &str = "the proxy wants a user and a password, or does not take those that it got; \
     HTTPS_PROXY and HTTP_PROXY may name them in front of the host, as USER:PASSWORD@HOST:PORT";

/// What TLS says of a name that no certificate can hold. No attempt changes that.
const NO_NAME: &str = "invalid dns name";

fn classify(error: &(dyn std::error::Error + 'static), step: Step, timeout: bool) -> (Kind, String) {
    let causes = causes(error);
    let connecting = step == Step::Connect;
    let said = |text: &str| causes.iter().any(|cause| cause.contains(text));
    let innermost = causes.last().cloned().unwrap_or_default();
    let io = io_kind(error);
    if said(&NotPublic.to_string()) {
        (Kind::Forbidden, NotPublic.to_string())
    } else if io == Some(std::io::ErrorKind::ConnectionRefused) {
        (Kind::Refused, "connection refused: nothing listens at this address".into())
    } else if connecting && said(PROXY) {
        (Kind::Proxy, PROXY_ADVICE.into())
    } else if connecting && said(NO_TUNNEL) {
        let reason =
            "the proxy does not lead there: it does not reach the host, refuses it, or does not take user and password";
        (Kind::Connect, reason.into())
    } else if said("InvalidContentType") {
        (
            Kind::PlainServer,
            "the server does not speak TLS; write http:// in front of the host if that is intended".into(),
        )
    } else if timeout && connecting {
        (Kind::Connect, "no connection within the time limit".into())
    } else if timeout {
        (Kind::Timeout, "no answer within the time limit".into())
    } else if connecting && said("certificate") {
        let advice = if said("not valid for name") {
            "address the server by a name that is in it"
        } else if said("expired") || said("not valid yet") {
            "check the clock of this machine; the server may need a new one"
        } else {
            "name its authority as certificateAuthority in http.config.ocm.software"
        };
        (Kind::Tls, format!("the server's certificate is not trusted ({innermost}); {advice}"))
    } else if connecting && UNKNOWN.iter().any(|text| said(text)) {
        (Kind::UnknownHost, UnknownName.to_string())
    } else if connecting && said(NO_NAME) {
        (Kind::UnknownHost, "the host name is none that a host can have (RFC 1123, 2.1)".into())
    } else if connecting
        && (said("handshake") || said("alert"))
        // The other side hung up: that tells nothing about its certificate.
        && !said("handshake eof")
        && io != Some(std::io::ErrorKind::UnexpectedEof)
    {
        (Kind::Tls, format!("the TLS handshake failed: {innermost}"))
    } else if connecting {
        (Kind::Connect, format!("no connection: {innermost}"))
    } else if step == Step::Build {
        (Kind::Invalid, innermost)
    } else {
        (Kind::Interrupted, format!("the connection broke: {innermost}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.reason)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().and_then(std::error::Error::source)
    }
}
