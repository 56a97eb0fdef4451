use std::time::Duration;

use ocm_http::{Body, Client, HeaderValue, Method, Proxies, Request, Retry, Settings, Url, header};
use serde::de::DeserializeOwned;

/// Largest answer in bytes.
const LIMIT: u64 = 1 << 20;

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
    /// Somebody answered no, with this status.
    Refused(u16),
    /// The answer is not what it should be.
    Unreadable,
}

impl NoAnswer {
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Silent(reason) => reason.clone(),
            Self::Refused(status) => format!("answered {status}"),
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
                return Err(NoAnswer::Refused(status.as_u16()));
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

/// A request that sends a form.
pub(super) fn form(url: Url, parts: &[(&str, &str)]) -> Request {
    let content = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parts).finish();
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    Request::new(Method::POST, url).header(header::CONTENT_TYPE, kind).body(Body::Bytes(content.into()))
}
