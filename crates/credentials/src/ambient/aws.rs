//! Amazon's registries: `GetAuthorizationToken`, signed with the keys of the machine or pod.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ocm_http::{Body, HeaderName, HeaderValue, Method, Request, Url, header};
use serde::Deserialize;
use std::time::{Duration, SystemTime};

use super::web::Where;
use super::{Environment, Failed, aws_keys};
use crate::aws::{self, Signing};
use crate::{Credentials, Found, Secret};

/// The one place of public repositories.
const PUBLIC: &str = "public.ecr.aws";

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const JSON: &str = "application/x-amz-json-1.1";

/// Domains of registries that are reached by IPv6 too, and those of the services that give tokens for them.
const DUAL: [(&str, &str); 2] =
    [("on.aws", "api.aws"), ("on.amazonwebservices.com.cn", "api.amazonwebservices.com.cn")];

/// Domains of registries that are reached by IPv4 alone, which those of their services are below, too.
const PLAIN: [&str; 3] = ["amazonaws.com", "amazonaws.com.cn", "amazonaws.eu"];

/// A registry of Amazon.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Registry<'a> {
    region: &'a str,
    /// The domain of the services of its region.
    domain: &'a str,
    is_fips: bool,
    is_public: bool,
    /// Whether it has the names that are reached by IPv6 too.
    is_dual: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    authorization_data: OneOrMore,
}

/// Private registries answer a list, the public one a single entry.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(Token),
    More(Vec<Token>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    authorization_token: Secret,
    /// Seconds since 1970.
    expires_at: Option<f64>,
}

impl<'a> Registry<'a> {
    /// Reads `<account>.dkr.ecr[-fips].<region>.amazonaws.com[.cn]` and `<account>.dkr-ecr[-fips].<region>.on.aws`.
    pub(super) fn of(host: &'a str) -> Option<Self> {
        if host == PUBLIC {
            let (region, domain) = ("us-east-1", "amazonaws.com");
            return Some(Self { region, domain, is_fips: false, is_public: true, is_dual: false });
        }
        let plain = host.split_once(".dkr.ecr").map(|parts| (parts, false));
        let ((account, rest), is_dual) = plain.or(host.split_once(".dkr-ecr").map(|parts| (parts, true)))?;
        let (is_fips, rest) = rest
            .strip_prefix("-fips.")
            .map(|rest| (true, rest))
            .or(rest.strip_prefix('.').map(|rest| (false, rest)))?;
        let (region, domain) = rest.split_once('.')?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_one = account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && !region.is_empty()
            && region.chars().all(plain);
        let domain = if is_dual {
            DUAL.iter().find(|(registries, _)| *registries == domain).map(|(_, services)| *services)
        } else {
            PLAIN.contains(&domain).then_some(domain)
        };
        Some(Self { region, domain: domain.filter(|_| is_one)?, is_fips, is_public: false, is_dual })
    }

    fn service(&self) -> &'static str {
        if self.is_public { "ecr-public" } else { "ecr" }
    }

    fn endpoint(&self, environment: &Environment) -> String {
        let own = if self.is_public { "AWS_ENDPOINT_URL_ECR_PUBLIC" } else { "AWS_ENDPOINT_URL_ECR" };
        let Self { region, domain, is_fips, .. } = self;
        let usual = if self.is_public {
            format!("https://api.ecr-public.{region}.{domain}")
        } else if self.is_dual {
            format!("https://ecr{}.{region}.{domain}", if *is_fips { "-fips" } else { "" })
        } else if *is_fips {
            format!("https://ecr-fips.{region}.{domain}")
        } else {
            format!("https://api.ecr.{region}.{domain}")
        };
        environment.value(own).or(environment.value("AWS_ENDPOINT_URL")).map_or(usual, str::to_owned)
    }
}

pub(super) async fn credentials(environment: &Environment, host: &str) -> Result<Option<Found>, Failed> {
    let Some(registry) = Registry::of(host) else { return Ok(None) };
    let Some((keys, origin)) = aws_keys::find(environment, registry.region, registry.domain).await? else {
        return Ok(None);
    };
    let failed = |reason: String| (origin.clone(), reason);
    let endpoint = format!("{}/", registry.endpoint(environment).trim_end_matches('/'));
    let url = Url::parse(&endpoint).map_err(|_| failed(format!("{endpoint:?} is no address")))?;
    let target = if registry.is_public {
        "SpencerFrontendService.GetAuthorizationToken"
    } else {
        "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
    };
    let signing = Signing {
        method: "POST",
        url: &url,
        headers: &[("content-type", JSON), ("x-amz-target", target)],
        payload: b"{}",
        service: registry.service(),
        region: registry.region,
    };
    let signed = aws::headers(&signing, &keys, Timestamp::now()).map_err(|error| failed(error.to_string()))?;
    let mut request = Request::new(Method::POST, url.clone())
        .header(header::CONTENT_TYPE, HeaderValue::from_static(JSON))
        .header(TARGET, HeaderValue::from_static(target))
        .body(Body::Bytes("{}".into()));
    for (name, value) in signed {
        request = match name.as_str() {
            "authorization" => request.authorization(value),
            _ => request.header(name, value),
        };
    }
    let asking =
        |reason: String| failed(format!("asking {} for a token failed: {reason}", url.host_str().unwrap_or_default()));
    let answer: Answer = environment.web.json(Where::Service, request).await.map_err(|error| asking(error.reason()))?;
    let token = match answer.authorization_data {
        OneOrMore::One(token) => Some(token),
        OneOrMore::More(tokens) => tokens.into_iter().next(),
    };
    let unreadable = || asking("the answer has no token".to_owned());
    let token = token.ok_or_else(unreadable)?;
    let text = STANDARD.decode(token.authorization_token.reveal()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.ok_or_else(unreadable)?;
    let (username, password) = text.split_once(':').ok_or_else(unreadable)?;
    let credentials = Credentials::Basic { username: username.to_owned(), password: Secret::new(password) };
    let until = token.expires_at.filter(|seconds| (0.0..1e11).contains(seconds));
    let until = until.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs_f64(seconds)));
    Ok(Some(Found { until, ..Found::new(credentials, origin) }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn registries_have_their_endpoints() {
        let environment = |variables: &[(&str, &str)]| Environment {
            variables: variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            home: None,
            web: super::super::Web::new(&ocm_http::Client::default()),
        };
        let endpoint =
            |host: &str, variables: &[(&str, &str)]| Registry::of(host).unwrap().endpoint(&environment(variables));
        let plain = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        assert_eq!(endpoint(plain, &[]), "https://api.ecr.eu-west-1.amazonaws.com");
        assert_eq!(
            endpoint("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", &[]),
            "https://ecr-fips.us-east-1.amazonaws.com"
        );
        assert_eq!(
            endpoint("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", &[]),
            "https://api.ecr.cn-north-1.amazonaws.com.cn"
        );
        assert_eq!(endpoint("123456789012.dkr-ecr.eu-west-1.on.aws", &[]), "https://ecr.eu-west-1.api.aws");
        assert_eq!(endpoint("123456789012.dkr-ecr-fips.us-east-1.on.aws", &[]), "https://ecr-fips.us-east-1.api.aws");
        assert_eq!(endpoint(PUBLIC, &[]), "https://api.ecr-public.us-east-1.amazonaws.com");
        assert_eq!(
            endpoint(plain, &[("AWS_ENDPOINT_URL", "http://a"), ("AWS_ENDPOINT_URL_ECR", "http://b")]),
            "http://b"
        );
    }
}
