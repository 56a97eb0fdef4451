//! The one HTTP client: trust, proxies, retries, limits on how much is asked at once, and redaction of secrets.
//!
//! Nothing outside this crate opens a connection. The client knows nothing of registries: it sends a [`Request`], follows
//! redirects without ever carrying credentials to another origin, tries again where that is safe, and hands out a
//! [`Response`] whose body is read either under a limit or as a stream that notices when the other side falls silent.

mod address;
mod bandwidth;
mod class;
mod client;
mod confided;
mod dispatch;
mod environment;
mod errands;
mod error;
mod file;
mod gate;
mod pace;
mod progress;
mod proxy;
mod redact;
mod redirect;
mod request;
mod resolve;
mod response;
mod retry;
mod secret;
#[cfg(target_os = "linux")]
mod sendfile;
mod settings;
mod shown;
mod trust;

pub use address::{Reach, is_local, is_loopback_host};
pub use bandwidth::{Bandwidth, Bucket, NotARate};
pub use class::Class;
pub use client::Client;
pub use error::{Error, Kind};
pub use proxy::Proxies;
pub use redact::{redacted, without_users};
pub use redirect::same_origin;
pub use request::{Body, BodyStream, BoxError, OpenBody, Request};
pub use resolve::{Addresses, Resolver};
pub use response::{Response, ResponseStream};
pub use retry::Retry;
pub use secret::Secret;
pub use settings::{HostSettings, Settings, Timeouts};
pub use trust::{Handshake, Identity, check_authorities};

/// Methods, headers and status codes as the `http` crate defines them.
pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
pub use url::Url;

/// Result of a request.
pub type Result<T, E = Error> = std::result::Result<T, E>;
