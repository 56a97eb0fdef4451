//! Registries of clouds, with nothing configured but the identity that the cloud gave to the machine: pushed to and pulled
//! from, with stand-ins for the registry and for the services that exchange tokens. The names of the clouds lead to them
//! through a proxy; nothing else is different from a machine in the cloud.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ocm_testkit::{Quirk, TestRegistry};

use crate::sandbox::{Ran, Sandbox};
use crate::tls_proxy::Proxy;

/// A service with recorded answers: by the first line of a request and a part of the rest. Remembers what it was asked.
fn service(answers: Vec<(&'static str, &'static str, String)>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let (mut request, mut buffer) = (Vec::new(), [0; 8192]);
            let _ = socket.set_read_timeout(Some(Duration::from_millis(500)));
            let text = loop {
                let read = socket.read(&mut buffer).unwrap_or(0);
                request.extend_from_slice(&buffer[..read]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let length =
                    text.to_lowercase().split("content-length: ").nth(1).and_then(|rest| {
                        rest.split("\r\n").next().and_then(|number| number.trim().parse::<usize>().ok())
                    });
                let body = text.split_once("\r\n\r\n").map(|(_, body)| body.len());
                if read == 0 || body.is_some_and(|body| body >= length.unwrap_or(0)) {
                    break text;
                }
            };
            let found = answers.iter().find(|(line, part, _)| text.starts_with(line) && text.contains(part));
            log.lock().unwrap().push(text.clone());
            let (status, body) = match found {
                Some((_, _, body)) => ("200 OK", body.clone()),
                None => ("400 Bad Request", "{}".to_owned()),
            };
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = socket.write_all(format!("{head}{body}").as_bytes());
        }
    });
    (address, asked)
}

/// Pushes to and pulls from a registry of a cloud; everything goes through the proxy.
fn push_and_pull(sandbox: &Sandbox, host: &str, proxy: &Proxy, variables: &[(&str, &str)]) {
    let run = |line: String, variables: &[(&str, &str)]| {
        let words: Vec<&str> = line.split(' ').collect();
        let mut command = sandbox.command(&words);
        command.env("HTTP_PROXY", format!("http://{}", proxy.address));
        // Services of a machine are asked beside the proxy, and this one has none.
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("GCE_METADATA_HOST", "127.0.0.1:1");
        command.env("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1");
        Ran::from(command.envs(variables.iter().copied()).output().unwrap())
    };
    let push = format!("transfer cv ctf//acme.org/hello:1.0.0 http://{host}/shop");
    let denied = run(push.clone(), &[]);
    assert_eq!(denied.status, 6, "{host}: {}", denied.stderr);
    let pushed = run(push, variables);
    assert_eq!(pushed.status, 0, "{host}: {}", pushed.stderr);
    let pulled = run(format!("transfer cv http://{host}/shop//acme.org/hello:1.0.0 ./back-{host}"), variables);
    assert_eq!(pulled.status, 0, "{host}: {}", pulled.stderr);
    sandbox.ok(&format!("check cv ./back-{host}//acme.org/hello:1.0.0"));
    let looked = run(format!("get credentials http://{host}/shop -o json"), variables);
    let doctor = run(format!("doctor http://{host}/shop -o json"), variables);
    assert!(doctor.stdout.contains("credentials: "), "{}", doctor.stdout);
    for text in [&pushed.stderr, &pulled.stderr, &looked.stdout, &looked.stderr, &doctor.stdout, &doctor.stderr] {
        assert!(!text.contains("canary"), "{host}: {text}");
    }
}

#[test]
fn amazon() {
    let (sandbox, registry) = (Sandbox::hello(), TestRegistry::start().unwrap());
    registry.set(Quirk::Basic { user: "AWS".into(), password: "canary-password".into() });
    // AWS:canary-password
    let token = "QVdTOmNhbmFyeS1wYXNzd29yZA==";
    let answer = format!(
        "{{\"authorizationData\":[{{\"authorizationToken\":\"{token}\",\"expiresAt\":4070908800.123,\
         \"proxyEndpoint\":\"https://123456789012.dkr.ecr.eu-central-1.amazonaws.com\"}}]}}"
    );
    let (api, asked) = service(vec![("POST ", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken", answer)]);
    let host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
    let proxy = Proxy::start(&[(host, &registry.address()), ("api.ecr.test", &api)]);
    let variables = [
        ("AWS_ENDPOINT_URL", "http://api.ecr.test"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "canary-key"),
    ];
    push_and_pull(&sandbox, host, &proxy, &variables);
    let asked = asked.lock().unwrap();
    assert!(asked.iter().all(|request| request.contains("Credential=AKIDEXAMPLE/") && !request.contains("canary")));
    assert!(asked.iter().all(|request| request.contains("/eu-central-1/ecr/aws4_request")), "{asked:?}");
}

#[test]
fn google() {
    let (sandbox, registry) = (Sandbox::hello(), TestRegistry::start().unwrap());
    registry.set(Quirk::Basic { user: "oauth2accesstoken".into(), password: "canary-token".into() });
    let answer = "{\"access_token\":\"canary-token\",\"expires_in\":3599,\"token_type\":\"Bearer\"}".to_owned();
    let (tokens, asked) =
        service(vec![("POST ", "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange", answer)]);
    let host = "europe-docker.pkg.dev";
    let proxy = Proxy::start(&[(host, &registry.address())]);
    // The identity of a workload elsewhere, as `gcloud iam workload-identity-pools create-cred-config` writes it.
    sandbox.file("subject", "workload");
    let account = serde_json::json!({
        "type": "external_account", "audience": "//iam.googleapis.com/pools/acme",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": format!("http://{tokens}/v1/token"),
        "credential_source": {"file": sandbox.path("subject").display().to_string()},
    });
    sandbox.file("account.json", &account.to_string());
    let file = sandbox.path("account.json").display().to_string();
    push_and_pull(&sandbox, host, &proxy, &[("GOOGLE_APPLICATION_CREDENTIALS", &file)]);
    assert!(asked.lock().unwrap().iter().all(|request| request.contains("subject_token=workload")));
}

#[test]
fn azure() {
    let (sandbox, registry) = (Sandbox::hello(), TestRegistry::start().unwrap());
    registry.set(Quirk::Token { lifetime: Duration::from_mins(5), user: None });
    registry.set(Quirk::TokenExchange("canary-refresh".into()));
    let (login, logged_in) = service(vec![(
        "POST ",
        "grant_type=client_credentials",
        "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"canary-directory\"}".to_owned(),
    )]);
    let (exchange, exchanged) =
        service(vec![("POST ", "access_token=canary-directory", "{\"refresh_token\":\"canary-refresh\"}".to_owned())]);
    let host = "acme.azurecr.io";
    let proxy = Proxy::start(&[
        ("acme.azurecr.io/oauth2/exchange", &exchange),
        (host, &registry.address()),
        ("login.azure.test", &login),
    ]);
    let variables = [
        ("AZURE_AUTHORITY_HOST", "http://login.azure.test"),
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "client"),
        ("AZURE_CLIENT_SECRET", "canary-secret"),
    ];
    push_and_pull(&sandbox, host, &proxy, &variables);
    assert!(logged_in.lock().unwrap().iter().all(|request| request.contains("/tenant/oauth2/v2.0/token")));
    assert!(exchanged.lock().unwrap().iter().all(|request| request.contains("service=acme.azurecr.io")));
}
