//! Registries of clouds with the identity that the cloud gave, against servers that answer as the clouds' documentation says.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ocm_credentials::{DockerSources, Resolver, Sources};
use serde_json::{Value, json};
use support::{Asked, Place, Server, client, consumer, user};

const ECR: &str = "OCIRegistry scheme=https hostname=123456789012.dkr.ecr.eu-central-1.amazonaws.com path=a/b";
const GAR: &str = "OCIRegistry scheme=https hostname=europe-docker.pkg.dev path=project/repository";

/// A machine with these variables and nothing else.
fn machine(variables: &[(&str, &str)], home: &Path) -> Resolver {
    let nothing = [("AWS_EC2_METADATA_DISABLED", "true"), ("GCE_METADATA_HOST", "127.0.0.1:1")];
    let azure = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1")];
    let all = nothing.iter().chain(&azure).chain(variables);
    let environment: BTreeMap<String, String> =
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Resolver::new(Sources { environment, home: Some(home.to_owned()), ..Sources::default() }, client())
}

fn ok(value: &Value) -> (u16, String) {
    (200, value.to_string())
}

/// Amazon: STS, the endpoint of containers, the metadata service, and ECR, whose tokens are for whoever signed.
fn amazon(asked: &Asked) -> (u16, String) {
    let keys = |id: &str| json!({"AccessKeyId": id, "SecretAccessKey": "canary", "Token": "session", "Expiration": "2099-01-01T00:00:00Z"});
    match asked.line.as_str() {
        "POST /" if asked.header("x-amz-target") == "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken" => {
            let authorization = asked.header("authorization");
            let id = authorization.split("Credential=").nth(1).unwrap().split('/').next().unwrap();
            assert!(
                authorization.contains("/eu-central-1/ecr/aws4_request,SignedHeaders=content-type;host;"),
                "{authorization}"
            );
            if id == "refused" {
                return (400, json!({"__type": "UnrecognizedClientException", "message": "canary"}).to_string());
            }
            let token = STANDARD.encode(format!("AWS:password of {id}"));
            ok(
                &json!({"authorizationData": [{"authorizationToken": token, "expiresAt": 4_070_908_800.5, "proxyEndpoint": "https://x"}]}),
            )
        }
        "POST /" if asked.field("Action") == "AssumeRoleWithWebIdentity" => {
            assert_eq!(
                (asked.field("WebIdentityToken").as_str(), asked.field("RoleArn").as_str()),
                ("pod", "arn:aws:iam::1:role/r")
            );
            let text = "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleWithWebIdentityResult>\
                <Credentials><SessionToken>s</SessionToken><SecretAccessKey>canary</SecretAccessKey><AccessKeyId>irsa</AccessKeyId></Credentials>\
                </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
            (200, text.to_owned())
        }
        "GET /container" if asked.header("authorization") == "from a file" => ok(&keys("container")),
        "PUT /latest/api/token" if asked.header("x-aws-ec2-metadata-token-ttl-seconds") == "21600" => {
            (200, "mds".into())
        }
        line if line.starts_with("GET /latest/") && asked.header("x-aws-ec2-metadata-token") != "mds" => {
            (401, String::new())
        }
        "GET /latest/meta-data/iam/security-credentials/" => (200, "node-role\n".into()),
        "GET /latest/meta-data/iam/security-credentials/node-role" => ok(&keys("machine")),
        _ => (404, String::new()),
    }
}

#[tokio::test]
async fn amazon_takes_every_identity_of_a_machine_or_pod() {
    let (place, server) = (Place::new(), Server::start(amazon).await);
    let (url, token) = (server.url(), place.file("token", "pod\n").display().to_string());
    let (container, header) = (format!("{url}/container"), place.file("header", "from a file").display().to_string());
    let endpoint = ("AWS_ENDPOINT_URL", url.as_str());
    for (variables, expected) in [
        (&[endpoint, ("AWS_ACCESS_KEY_ID", "env"), ("AWS_SECRET_ACCESS_KEY", "canary")][..], "AWS:password of env"),
        (
            &[endpoint, ("AWS_WEB_IDENTITY_TOKEN_FILE", &token), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r")],
            "AWS:password of irsa",
        ),
        (
            &[
                endpoint,
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &header),
            ],
            "AWS:password of container",
        ),
        (
            &[endpoint, ("AWS_EC2_METADATA_DISABLED", "false"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url)],
            "AWS:password of machine",
        ),
        (&[endpoint], "nobody"),
    ] {
        let resolver = machine(variables, &place.path(""));
        let found = resolver.resolve(&consumer(ECR)).await.unwrap();
        assert!(found.as_ref().is_none_or(|found| found.until.is_some()));
        assert_eq!(user(found), expected, "{variables:?}");
        // What is still good is not fetched again, and other registries get nothing.
        let count = server.lines().len();
        assert_eq!(user(resolver.resolve(&consumer(ECR)).await.unwrap()), expected);
        assert_eq!(
            user(resolver.resolve(&consumer("OCIRegistry scheme=https hostname=ghcr.io")).await.unwrap()),
            "nobody"
        );
        assert_eq!(server.lines().len(), count);
    }
    let refused = [endpoint, ("AWS_ACCESS_KEY_ID", "refused"), ("AWS_SECRET_ACCESS_KEY", "canary")];
    let error = machine(&refused, &place.path("")).resolve(&consumer(ECR)).await.unwrap_err().to_string();
    assert!(error.starts_with("AWS_ACCESS_KEY_ID, which is to say who this machine is to 123456789012"), "{error}");
    assert!(error.contains("answered 400 (UnrecognizedClientException)") && !error.contains("canary"), "{error}");
    let elsewhere = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://evil.example.com/keys")];
    let error = machine(&elsewhere, &place.path("")).resolve(&consumer(ECR)).await.unwrap_err().to_string();
    assert!(error.contains("leads to evil.example.com in plain http, which is refused"), "{error}");
}

fn google(asked: &Asked) -> (u16, String) {
    let token = |name: &str| ok(&json!({"access_token": name, "expires_in": 3599, "token_type": "Bearer"}));
    let metadata = "GET /computeMetadata/v1/instance/service-accounts/default/token";
    match (asked.line.as_str(), asked.field("grant_type").as_str()) {
        (line, _) if line == metadata && asked.header("metadata-flavor") == "Google" => token("machine"),
        ("POST /token", "urn:ietf:params:oauth:grant-type:jwt-bearer") => {
            let assertion = asked.field("assertion");
            let claims = URL_SAFE_NO_PAD.decode(assertion.split('.').nth(1).unwrap()).unwrap();
            let claims: Value = serde_json::from_slice(&claims).unwrap();
            assert_eq!(claims["scope"], "https://www.googleapis.com/auth/cloud-platform");
            assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3600);
            token(claims["iss"].as_str().unwrap())
        }
        ("POST /sts", "urn:ietf:params:oauth:grant-type:token-exchange")
            if asked.field("subject_token") == "other-cloud" =>
        {
            token("federated")
        }
        ("POST /impersonate", _) if asked.header("authorization") == "Bearer federated" => {
            ok(&json!({"accessToken": "impersonated", "expireTime": "2099-01-01T00:00:00Z"}))
        }
        _ => (403, "canary".into()),
    }
}

/// A new key, as the console writes them.
fn rsa_key() -> String {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let text = STANDARD.encode(AsDer::<Pkcs8V1Der<'_>>::as_der(&key).unwrap().as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

#[tokio::test]
async fn google_takes_default_credentials_and_the_identity_of_a_machine() {
    let (place, server) = (Place::new(), Server::start(google).await);
    let url = server.url();
    let key = rsa_key();
    let service = json!({"type": "service_account", "client_email": "me@project", "private_key": key, "private_key_id": "1",
        "token_uri": format!("{url}/token")});
    place.file("subject.json", r#"{"value":"other-cloud"}"#);
    let source =
        json!({"file": place.path("subject.json"), "format": {"type": "json", "subject_token_field_name": "value"}});
    let external = json!({"type": "external_account", "audience": "a", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("{url}/sts"), "credential_source": source});
    let acting = json!({"type": "impersonated_service_account", "delegates": [], "source_credentials": external,
        "service_account_impersonation_url": format!("{url}/impersonate")});
    let mut impersonating = external.clone();
    impersonating["service_account_impersonation_url"] = format!("{url}/impersonate").into();
    for (file, expected) in [
        (Some(service), "oauth2accesstoken:me@project"),
        (Some(external), "oauth2accesstoken:federated"),
        (Some(impersonating), "oauth2accesstoken:impersonated"),
        (Some(acting), "oauth2accesstoken:impersonated"),
        (None, "oauth2accesstoken:machine"),
    ] {
        let host = server.address.to_string();
        let mut variables = vec![("GCE_METADATA_HOST", host.as_str())];
        let path = place.path("adc.json").display().to_string();
        if let Some(file) = &file {
            place.file("adc.json", &file.to_string());
            variables.push(("GOOGLE_APPLICATION_CREDENTIALS", &path));
        }
        let found = machine(&variables, &place.path("")).resolve(&consumer(GAR)).await.unwrap();
        assert_eq!(user(found), expected);
    }
    assert_eq!(user(machine(&[], &place.path("")).resolve(&consumer(GAR)).await.unwrap()), "nobody");
    let foreign = json!({"type": "service_account", "client_email": "e", "private_key": key, "token_uri": "http://evil.example.com/"});
    let path = place.file("foreign.json", &foreign.to_string()).display().to_string();
    let variables = [("GOOGLE_APPLICATION_CREDENTIALS", path.as_str())];
    let error = machine(&variables, &place.path("")).resolve(&consumer(GAR)).await.unwrap_err().to_string();
    assert!(error.contains("evil.example.com is not reached in TLS"), "{error}");
    // The keys of Amazon are no token, and what stands there is not sent as one.
    let amazon = json!({"type": "external_account", "audience": "a", "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
        "token_url": format!("{url}/sts"), "credential_source": {"environment_id": "aws1", "url": format!("{url}/subject")}});
    let path = place.file("amazon.json", &amazon.to_string()).display().to_string();
    let before = server.lines().len();
    let variables = [("GOOGLE_APPLICATION_CREDENTIALS", path.as_str())];
    let error = machine(&variables, &place.path("")).resolve(&consumer(GAR)).await.unwrap_err().to_string();
    assert!(error.contains("\"aws1\", which is not supported") && server.lines().len() == before, "{error}");
}

fn azure(asked: &Asked) -> (u16, String) {
    let machine =
        "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fcontainerregistry.azure.net";
    match asked.line.as_str() {
        "POST /tenant/oauth2/v2.0/token" if asked.field("client_assertion") == "workload" => {
            assert_eq!(asked.field("client_assertion_type"), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
            assert_eq!(asked.field("scope"), "https://containerregistry.azure.net/.default");
            ok(&json!({"access_token": "directory-workload", "expires_in": 3599}))
        }
        line if line == machine && asked.header("metadata") == "true" => {
            ok(&json!({"access_token": "directory-machine", "expires_in": "86399"}))
        }
        "POST /oauth2/exchange" => {
            assert_eq!(
                (asked.field("grant_type").as_str(), asked.field("service").as_str()),
                ("access_token", "acme.azurecr.io")
            );
            ok(&json!({"refresh_token": format!("refresh for {}", asked.field("access_token"))}))
        }
        _ => (400, "canary".into()),
    }
}

#[tokio::test]
async fn azure_exchanges_the_identity_at_the_registry() {
    let (place, server) = (Place::new(), Server::start(azure).await);
    let (url, port) = (server.url(), server.address.port());
    let registry = consumer(&format!("OCIRegistry scheme=http hostname=acme.azurecr.io port={port} path=a"));
    let file = place.file("federated", "workload").display().to_string();
    let workload = [
        ("AZURE_CLIENT_ID", "client"),
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_FEDERATED_TOKEN_FILE", file.as_str()),
        ("AZURE_AUTHORITY_HOST", &url),
    ];
    let found = machine(&workload, &place.path("")).resolve(&registry).await.unwrap();
    assert_eq!(user(found), "identity refresh for directory-workload");
    let managed = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", url.as_str())];
    let found = machine(&managed, &place.path("")).resolve(&registry).await.unwrap();
    assert_eq!(user(found), "identity refresh for directory-machine");
    assert_eq!(user(machine(&[], &place.path("")).resolve(&registry).await.unwrap()), "nobody");
    let wrong = place.file("wrong", "canary").display().to_string();
    let refused = [workload[0], workload[1], ("AZURE_FEDERATED_TOKEN_FILE", wrong.as_str()), workload[3]];
    let error = machine(&refused, &place.path("")).resolve(&registry).await.unwrap_err().to_string();
    assert!(
        error.contains("AZURE_FEDERATED_TOKEN_FILE") && error.contains("answered 400") && !error.contains("canary"),
        "{error}"
    );
}

/// What somebody configured goes before what the cloud gave.
#[tokio::test]
async fn the_cloud_is_asked_last() {
    let (place, server) = (Place::new(), Server::start(amazon).await);
    let file = place.file(
        "config.json",
        r#"{"auths":{"123456789012.dkr.ecr.eu-central-1.amazonaws.com":{"username":"configured","password":"p"}}}"#,
    );
    let environment = [
        ("AWS_ENDPOINT_URL", server.url()),
        ("AWS_ACCESS_KEY_ID", "env".into()),
        ("AWS_SECRET_ACCESS_KEY", "s".into()),
    ];
    let sources = Sources {
        docker: DockerSources { files: vec![file], ..DockerSources::default() },
        environment: environment.map(|(name, value)| (name.to_owned(), value)).into(),
        ..Sources::default()
    };
    let found = Resolver::new(sources, client()).resolve(&consumer(ECR)).await.unwrap();
    assert_eq!(user(found), "configured:p");
    assert!(server.lines().is_empty());
}
