use std::time::{Duration, Instant, SystemTime};

use ocm_access::Sources as _;
use ocm_http::{Client, Method, StatusCode, Url, header};
use ocm_model::reference::RepositoryReference;
use ocm_oci::{Endpoint, RemoteRegistry, RemoteRepository, misdirected};

use super::certificate::{self, Verdict};
use super::{Authority, Certificate, Check, Outcome, Report, Request};
use crate::authenticator::identity;
use crate::select::{Meant, meaning};
use crate::{Context, Error, Kind, Result};

/// Below the path of a repository, the one that test content is pushed to.
const PROBE: &str = "ocm-doctor";

/// Difference of clocks that signatures of requests and tokens bear.
const SKEW: Duration = Duration::from_mins(1);

/// Time for one step: whoever asks what is wrong wants to know it within seconds.
const STEP: Duration = Duration::from_secs(8);

/// Bytes of an answer that is none of a registry, which are looked into for what helps.
const ANSWER: usize = 4 << 10;

/// A step of an examination, within its time.
pub(super) async fn soon<T, E: Into<Error>>(step: impl Future<Output = Result<T, E>>) -> Result<T> {
    match tokio::time::timeout(STEP, step).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(Error::new(Kind::Unavailable, format!("there was no answer within {} s", STEP.as_secs()))),
    }
}

/// Looks into a registry. Gives what was found, and the first failure.
///
/// Nothing is written unless the request says so.
///
/// # Errors
/// The reference is none of a repository in a registry.
pub async fn run(context: &Context, request: &Request) -> Result<(Report, Option<Error>)> {
    let (endpoint, name) = place(&request.repository)?;
    let mut examination = Examination::new(context, endpoint, &name)?;
    examination.authorities.clone_from(&request.authorities);
    if examination.connection().await {
        examination.reading().await;
        if examination.is_lost() {
            // Whoever does not answer once does not answer better later.
        } else if request.write {
            // What was pushed can be read.
            examination.checks.retain(|check| check.name != "range" || check.outcome != Outcome::Skipped);
            examination.writing().await;
        } else {
            let reason = "nothing is written without --write";
            for name in ["upload", "chunks", "mount", "index", "subject", "delete"] {
                examination.note(name, Instant::now(), Outcome::Skipped, reason);
            }
        }
    }
    let Examination { registry, remote, checks, failure, certificates, trusted_by, .. } = examination;
    let report = Report {
        registry: registry.endpoint().to_string(),
        repository: remote.name().to_owned(),
        healthy: failure.is_none(),
        certificates,
        trusted_by,
        checks,
    };
    Ok((report, failure))
}

/// The host that a reference leads to, and its port where that is not the usual one.
///
/// # Errors
/// The reference is none of a repository in a registry.
pub fn host(repository: &str) -> Result<(String, Option<u16>)> {
    let (endpoint, _) = place(repository)?;
    let url = format!("{}://{}/", endpoint.scheme().name(), endpoint.api_host());
    let url: Url = url.parse().map_err(|error| Error::usage(format!("{url}: {error}")))?;
    Ok((url.host_str().unwrap_or_default().to_owned(), url.port()))
}

/// The registry that a reference leads to, and the repository in it.
fn place(text: &str) -> Result<(Endpoint, String)> {
    let (repository, below) = match meaning(text)? {
        Meant::Repository(repository) => (repository, String::new()),
        Meant::Component(reference) => {
            (reference.repository, format!("component-descriptors/{}", reference.component.as_str()))
        }
    };
    let RepositoryReference::Oci { base_url, sub_path, .. } = repository else {
        return Err(Error::usage(format!("{text}: is a file or folder, and a registry is looked into"))
            .hint("write HOST/PATH, or http://HOST/PATH for a registry without TLS"));
    };
    let (endpoint, path) = Endpoint::parse(&base_url)?;
    let parts = [path.as_str(), sub_path.as_str(), below.as_str()].map(|part| part.trim_matches('/').to_owned());
    Ok((endpoint, parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")))
}

/// A registry while it is looked into.
pub(super) struct Examination {
    pub(super) context: Context,
    pub(super) client: Client,
    pub(super) registry: RemoteRegistry,
    /// What is read.
    pub(super) remote: RemoteRepository,
    /// What test content is pushed to.
    pub(super) probe: RemoteRepository,
    pub(super) checks: Vec<Check>,
    pub(super) failure: Option<Error>,
    /// What was pushed and has to be removed, by repository and path below it.
    pub(super) litter: Vec<(RemoteRepository, String)>,
    authorities: Vec<Authority>,
    certificates: Vec<Certificate>,
    trusted_by: Option<String>,
}

impl Examination {
    fn new(context: &Context, endpoint: Endpoint, name: &str) -> Result<Self> {
        let client = context.http().ok_or_else(|| Error::new(Kind::Other, "there are no connections"))?;
        let registry = context.registry(endpoint).as_ref().clone();
        let probe = if name.is_empty() { PROBE.to_owned() } else { format!("{name}/{PROBE}") };
        let remote = registry.remote_repository(if name.is_empty() { PROBE } else { name });
        Ok(Self {
            context: context.clone(),
            client,
            remote,
            probe: registry.remote_repository(&probe),
            registry,
            checks: Vec::new(),
            failure: None,
            litter: Vec::new(),
            authorities: Vec::new(),
            certificates: Vec::new(),
            trusted_by: None,
        })
    }

    pub(super) fn note(&mut self, name: &str, begin: Instant, outcome: Outcome, finding: impl Into<String>) {
        let milliseconds = begin.elapsed().as_millis() as u64;
        self.checks.push(Check { name: name.to_owned(), outcome, finding: finding.into(), milliseconds });
    }

    /// Whether the registry has stopped to answer.
    fn is_lost(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.kind() == Kind::Unavailable)
    }

    /// Notes a failure; the first one is that of the whole examination.
    pub(super) fn fail(&mut self, name: &str, begin: Instant, error: impl Into<Error>) {
        let error = error.into();
        self.note(name, begin, Outcome::Failed, error.to_string());
        self.failure.get_or_insert(error);
    }

    /// The way to the registry. `false` if there is none.
    async fn connection(&mut self) -> bool {
        let begin = Instant::now();
        let endpoint = self.registry.endpoint();
        let url = format!("{}://{}/v2/", endpoint.scheme().name(), endpoint.api_host());
        let url: Url = match url.parse() {
            Ok(url) => url,
            Err(error) => {
                self.fail("connection", begin, Error::usage(format!("{url}: {error}")));
                return false;
            }
        };
        // Without further attempts: what is looked for is what does not work at once.
        let request = ocm_http::Request::new(Method::GET, url.clone()).once();
        let sent = tokio::time::timeout(STEP, self.client.send(request)).await;
        let response = match sent {
            Ok(Ok(response)) => response,
            Err(_) => {
                let reason = format!("{url} does not answer within {} s", STEP.as_secs());
                let error = Error::new(Kind::Unavailable, reason);
                self.fail(
                    "connection",
                    begin,
                    error.hint(
                        "is the host right, and is it reached from here? A firewall that says nothing looks like this",
                    ),
                );
                return false;
            }
            Ok(Err(error)) => {
                let kind = match error.kind() {
                    ocm_http::Kind::Invalid | ocm_http::Kind::Settings => Kind::Usage,
                    ocm_http::Kind::Proxy => Kind::Denied,
                    _ => Kind::Unavailable,
                };
                let is_trust = error.kind() == ocm_http::Kind::Tls;
                self.fail("connection", begin, Error::new(kind, error));
                if is_trust && !self.client.certificates_of(&url).is_empty() {
                    self.certificate(begin, &url, Verdict::Refused);
                }
                return false;
            }
        };
        let way = match (self.client.settings().proxies.proxy_for(&url), response.remote_address()) {
            (Some(proxy), _) => format!("through the proxy {}", ocm_http::redacted(proxy)),
            (None, Some(address)) => format!("to {address}"),
            (None, None) => "direct".to_owned(),
        };
        let status = response.status();
        let is_registry = matches!(status, StatusCode::OK | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if !is_registry {
            let text = response.excerpt(ANSWER).await;
            let advice = misdirected(&String::from_utf8_lossy(&text)).unwrap_or("is this a registry?");
            let reason = format!("{url} answers {status}: {advice}");
            self.fail("connection", begin, Error::new(Kind::Unavailable, reason));
            return false;
        }
        self.note("connection", begin, Outcome::Ok, format!("{way}, status {status}"));
        let is_unchecked = self.client.settings().is_insecure(&url);
        self.certificate(begin, &url, if is_unchecked { Verdict::Unchecked } else { Verdict::Trusted });
        let (outcome, finding) = clock(response.date());
        self.note("clock", begin, outcome, finding);
        let begin = Instant::now();
        let challenge = response.header(header::WWW_AUTHENTICATE).unwrap_or_default().to_owned();
        let host = self.registry.endpoint().credentials_host().to_owned();
        let wanted = identity(self.registry.endpoint(), Some(self.remote.name()));
        let shown = match self.context.resolver().resolve(&wanted).await {
            Ok(Some(found)) => format!("credentials: {}", found.described()),
            Ok(None) => {
                // What is logged in to is written as it is reached.
                let address = if url.scheme() == "http" { format!("http://{host}") } else { host.clone() };
                let missed = self.context.resolver().missed(&wanted);
                let missed = missed.map_or_else(String::new, |missed| format!("; {missed}"));
                format!("no credentials are known for {host} (`ocm login {address}` adds them){missed}")
            }
            Err(error) => return self.without_credentials(begin, &error),
        };
        let asked =
            if status == StatusCode::OK { "nobody is asked who they are".to_owned() } else { way_in(&challenge) };
        self.note("authentication", begin, Outcome::Ok, format!("{asked}; {shown}"));
        true
    }

    /// Looks at what the registry showed of itself.
    fn certificate(&mut self, begin: Instant, url: &Url, verdict: Verdict) {
        let judgement = certificate::judge(&self.client, url, verdict, &self.authorities);
        self.note("certificate", begin, judgement.outcome, judgement.finding);
        (self.certificates, self.trusted_by) = (judgement.shown, judgement.trusted_by);
    }

    /// Credentials that are configured and cannot be had stop every command that would show them.
    fn without_credentials(&mut self, begin: Instant, error: &ocm_credentials::Error) -> bool {
        self.fail("authentication", begin, Error::new(Kind::Denied, error));
        false
    }
}

fn clock(date: Option<SystemTime>) -> (Outcome, String) {
    let Some(date) = date else { return (Outcome::Skipped, "the registry does not tell its time".to_owned()) };
    let now = SystemTime::now();
    let (skew, word) = match now.duration_since(date) {
        Ok(skew) => (skew, "behind"),
        Err(error) => (error.duration(), "ahead"),
    };
    if skew > SKEW {
        let reason =
            format!("the registry's clock is {} s {word}: tokens and signatures may be refused", skew.as_secs());
        return (Outcome::Warning, reason);
    }
    (Outcome::Ok, format!("within {} s of the registry's", SKEW.as_secs()))
}

/// What a registry wants to see, in words.
fn way_in(challenge: &str) -> String {
    let (scheme, rest) = challenge.split_once(' ').unwrap_or((challenge, ""));
    let realm = rest.split(',').find_map(|part| part.trim().strip_prefix("realm=")).unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => format!("a token of {} is wanted", ocm_http::redacted(realm.trim_matches('"'))),
        "basic" => "user and password are wanted".to_owned(),
        "" => "the registry refuses without saying what it wants".to_owned(),
        other => format!("the registry wants {other:?}, which this program does not know"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn references_lead_to_a_repository() {
        let place = |text: &str| place(text).map(|(endpoint, name)| format!("{endpoint} {name}"));
        assert_eq!(place("ghcr.io/acme").unwrap(), "https://ghcr.io acme");
        assert_eq!(place("http://localhost:5000").unwrap(), "http://localhost:5000 ");
        assert_eq!(place("ghcr.io/a//acme.org/x:1").unwrap(), "https://ghcr.io a/component-descriptors/acme.org/x");
        assert_eq!(place("ctf::./x").unwrap_err().kind(), Kind::Usage);
    }

    #[test]
    fn a_clock_far_off_is_told() {
        assert_eq!(clock(Some(SystemTime::now())).0, Outcome::Ok);
        let (outcome, finding) = clock(Some(SystemTime::now() - Duration::from_mins(10)));
        assert!(outcome == Outcome::Warning && finding.contains("behind"), "{finding}");
        assert_eq!(clock(None).0, Outcome::Skipped);
    }

    #[test]
    fn the_way_in_is_told_without_secrets() {
        let way = way_in("Bearer realm=\"https://me:canary@auth.example/token?access_token=canary\",service=\"x\"");
        assert!(way.contains("auth.example/token") && !way.contains("canary"), "{way}");
        assert!(way_in("Basic realm=x").contains("password"));
        assert!(way_in("Negotiate").contains("negotiate"));
    }
}
