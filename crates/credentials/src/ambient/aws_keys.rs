//! The keys that Amazon gives to a machine or pod: variables, a web identity, a container's endpoint, the metadata service.

use ocm_http::{HeaderName, HeaderValue, Method, Request, Url};
use serde::Deserialize;

use super::web::{NoAnswer, Where, form};
use super::{Environment, Failed};
use crate::Secret;
use crate::aws::Keys;

/// Where a container asks for its keys.
const CONTAINERS: &str = "http://169.254.170.2";

/// Hosts that a full address for the keys of a container may have in plain HTTP (ECS and EKS).
const CONTAINER_HOSTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/// The metadata service of a machine.
const MACHINES: &str = "http://169.254.169.254";

const TOKEN: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");
const TOKEN_SECONDS: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");

/// What an endpoint for keys answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    access_key_id: String,
    secret_access_key: Secret,
    token: Option<Secret>,
}

impl From<Answer> for Keys {
    fn from(answer: Answer) -> Self {
        Self { id: answer.access_key_id, secret: answer.secret_access_key, session: answer.token }
    }
}

/// The keys, and what they are called in messages.
pub(super) async fn find(
    environment: &Environment,
    region: &str,
    domain: &str,
) -> Result<Option<(Keys, String)>, Failed> {
    if let (Some(id), Some(secret)) =
        (environment.value("AWS_ACCESS_KEY_ID"), environment.value("AWS_SECRET_ACCESS_KEY"))
    {
        let session = environment.value("AWS_SESSION_TOKEN").map(Secret::new);
        let keys = Keys { id: id.to_owned(), secret: Secret::new(secret), session };
        return Ok(Some((keys, "AWS_ACCESS_KEY_ID".to_owned())));
    }
    if let (Some(file), Some(role)) =
        (environment.value("AWS_WEB_IDENTITY_TOKEN_FILE"), environment.value("AWS_ROLE_ARN"))
    {
        return web_identity(environment, file, role, region, domain).await.map(Some);
    }
    if let Some(found) = container(environment).await? {
        return Ok(Some(found));
    }
    machine(environment).await
}

/// A pod's identity (IRSA): its token is exchanged for keys of a role.
async fn web_identity(
    environment: &Environment,
    file: &str,
    role: &str,
    region: &str,
    domain: &str,
) -> Result<(Keys, String), Failed> {
    let origin = format!("AWS_WEB_IDENTITY_TOKEN_FILE {file} for {role}");
    let failed = |reason: String| (origin.clone(), reason);
    let token = Environment::file(&origin, file)?;
    let usual = format!("https://sts.{region}.{domain}");
    let endpoint = environment.value("AWS_ENDPOINT_URL_STS").or(environment.value("AWS_ENDPOINT_URL"));
    let endpoint = format!("{}/", endpoint.unwrap_or(&usual).trim_end_matches('/'));
    let url = Url::parse(&endpoint).map_err(|_| failed(format!("{endpoint:?} is no address")))?;
    let session = environment.value("AWS_ROLE_SESSION_NAME").unwrap_or("ocm");
    let request = form(
        url.clone(),
        &[
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", role),
            ("RoleSessionName", session),
            ("WebIdentityToken", &token),
        ],
    );
    let asking =
        |reason: &str| failed(format!("asking {} for keys failed: {reason}", url.host_str().unwrap_or_default()));
    let text = environment.web.text(Where::Service, request).await.map_err(|error| asking(&error.reason()))?;
    let document = roxmltree::Document::parse(&text).map_err(|_| asking("the answer is no XML"))?;
    let part = |name: &str| {
        let node = document.descendants().find(|node| node.tag_name().name() == name)?;
        node.text().map(str::trim).filter(|text| !text.is_empty())
    };
    match (part("AccessKeyId"), part("SecretAccessKey")) {
        (Some(id), Some(secret)) => {
            let session = part("SessionToken").map(Secret::new);
            Ok((Keys { id: id.to_owned(), secret: Secret::new(secret), session }, origin.clone()))
        }
        _ => Err(asking("the answer has no keys")),
    }
}

/// A container's keys (ECS, EKS Pod Identity).
async fn container(environment: &Environment) -> Result<Option<(Keys, String)>, Failed> {
    let (name, address) = if let Some(path) = environment.value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", format!("{CONTAINERS}/{}", path.trim_start_matches('/')))
    } else if let Some(address) = environment.value("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", address.to_owned())
    } else {
        return Ok(None);
    };
    let failed = |reason: String| (name.to_owned(), reason);
    let url = Url::parse(&address).map_err(|_| failed("is no address".to_owned()))?;
    let host = url.host_str().unwrap_or_default();
    // A variable that leads elsewhere would send the token there.
    if url.scheme() != "https" && !ocm_http::is_loopback_host(host) && !CONTAINER_HOSTS.contains(&host) {
        return Err(failed(format!("leads to {host} in plain http, which is refused")));
    }
    let token = match environment.value("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(file) => Some(Environment::file(name, file)?),
        None => environment.value("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(str::to_owned),
    };
    let mut request = Request::new(Method::GET, url.clone());
    if let Some(token) = token {
        let value = HeaderValue::from_str(&token).map_err(|_| failed("the token cannot be sent".to_owned()))?;
        request = request.authorization(value);
    }
    let asked = environment.web.json::<Answer>(Where::Local, request).await;
    let answer = asked.map_err(|error| failed(format!("{host}: {}", error.reason())))?;
    Ok(Some((answer.into(), name.to_owned())))
}

/// The keys of the role of a machine, by version 2 of its metadata service.
async fn machine(environment: &Environment) -> Result<Option<(Keys, String)>, Failed> {
    if environment.value("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    let origin = "the metadata service of Amazon";
    let failed = |error: &NoAnswer| (origin.to_owned(), error.reason());
    let base = environment.value("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or(MACHINES).trim_end_matches('/');
    let url = |path: &str| {
        Url::parse(&format!("{base}/latest/{path}")).map_err(|_| (origin.to_owned(), format!("{base:?} is no address")))
    };
    let ask = Request::new(Method::PUT, url("api/token")?).header(TOKEN_SECONDS, HeaderValue::from_static("21600"));
    // No such service: no such machine.
    let Ok(token) = environment.web.text(Where::Local, ask).await else { return Ok(None) };
    let mut token = HeaderValue::from_str(token.trim()).map_err(|_| (origin.to_owned(), "sent no token".to_owned()))?;
    token.set_sensitive(true);
    let get = |url: Url| Request::new(Method::GET, url).header(TOKEN, token.clone());
    let roles = match environment.web.text(Where::Local, get(url("meta-data/iam/security-credentials/")?)).await {
        Ok(roles) => roles,
        Err(NoAnswer::Refused(404, _)) => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    let Some(role) = roles.lines().map(str::trim).find(|role| !role.is_empty()) else { return Ok(None) };
    let path = url(&format!("meta-data/iam/security-credentials/{role}"))?;
    let answer: Answer = environment.web.json(Where::Local, get(path)).await.map_err(|error| failed(&error))?;
    Ok(Some((answer.into(), format!("{origin} (role {role})"))))
}
