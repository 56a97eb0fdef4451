use ::http::StatusCode;

use crate::Kind;

/// What a failure says about the next attempt. The two functions below are the whole table; nothing else decides whether
/// a request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It may be gone in a moment.
    Passing,
    /// The same, and the host wants fewer requests at a time.
    Throttled,
    /// The same request gets the same answer.
    Final,
}

impl Class {
    /// The class of a status.
    pub fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            // Request timeout; a server or a gateway in front of it that failed.
            408 | 500 | 502 | 504 => Self::Passing,
            // Too many requests; overloaded.
            429 | 503 => Self::Throttled,
            _ => Self::Final,
        }
    }

    /// The class of a failure without an answer. `answered` says whether the host has answered before.
    pub fn of_error(kind: Kind, answered: bool) -> Self {
        match kind {
            // No connection within the time, a name server that fails, TLS that ends in the handshake; silence; a
            // connection that breaks.
            Kind::Connect | Kind::Timeout | Kind::Interrupted => Self::Passing,
            // A registry that is started anew refuses connections for a while; one that was never there always will.
            Kind::Refused if answered => Self::Passing,
            Kind::Refused
            | Kind::UnknownHost
            | Kind::Tls
            | Kind::PlainServer
            | Kind::Invalid
            | Kind::Settings
            | Kind::Proxy
            | Kind::Forbidden
            | Kind::Loop
            | Kind::TooLarge
            | Kind::Body => Self::Final,
        }
    }

    /// Whether another attempt may help.
    pub fn is_transient(self) -> bool {
        self != Self::Final
    }
}
