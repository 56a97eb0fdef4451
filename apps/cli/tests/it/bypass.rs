//! Every kind of connection there is goes through the shared client: to names that only the proxy knows.

use crate::sandbox::{Ran, Sandbox};
use crate::tls_proxy::Proxy;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// An archive with one artifact that lies somewhere else.
fn accessed(sandbox: &Sandbox, name: &str, access: &str) {
    sandbox.file(
        &format!("{name}.yaml"),
        &format!(
            "name: acme.org/{name}\nversion: 1.0.0\nprovider: {{name: acme.org}}\nresources:\n\
             - {{name: it, type: blob, version: 1.0.0, access: {access}}}\n"
        ),
    );
    sandbox.ok(&format!("add cv -c {name}.yaml -r accessed --skip-reference-digest-processing"));
}

#[test]
fn no_kind_of_connection_bypasses_the_proxy() {
    let sandbox = Sandbox::hello();
    sandbox.ok("create rsakeypair key");
    for (name, access) in [
        ("s3", "{type: s3, bucket: b, key: k, endpoint: 's3.test', region: eu-central-1}".to_owned()),
        ("amazon", "{type: s3, bucket: canned, key: k, region: eu-central-1}".to_owned()),
        ("github", format!("{{type: gitHub, repoUrl: 'https://github.test/acme/x', commit: {COMMIT}}}")),
        ("charts", "{type: helm, helmRepository: 'https://charts.test/stable', helmChart: 'app:1.0.0'}".to_owned()),
        ("registry-charts", "{type: helm, helmRepository: 'oci://charts.oci.test/stable', helmChart: 'app:1.0.0'}".to_owned()),
        ("npm", "{type: npm, registry: 'https://npm.test', package: p, version: 1.0.0}".to_owned()),
        (
            "maven",
            "{type: maven, repoUrl: 'https://maven.test/m2', groupId: g, artifactId: a, version: 1.0.0, extension: jar}".to_owned(),
        ),
        ("image", "{type: ociArtifact, imageReference: 'images.test/x:1'}".to_owned()),
        ("page", "{type: wget, url: 'https://pages.test/x'}".to_owned()),
    ] {
        accessed(&sandbox, name, &access);
    }
    sandbox.file(
        "vault.yaml",
        "type: credentials.config.ocm.software\nconsumers:\n- identity: {type: HashiCorpVault, hostname: vault.test}\n  \
         credentials: [{type: Credentials, properties: {token: t}}]\nrepositories:\n\
         - repository: {type: HashiCorpVault, serverURL: 'https://vault.test', path: p}\n",
    );
    sandbox.file("service", "url: https://signing.test\n");
    let signing = "{\"mediaType\": \"application/vnd.dev.sigstore.signingconfig.v0.2+json\", \
        \"caUrls\": [{\"url\": \"https://fulcio.test\", \"majorApiVersion\": 1, \"validFor\": {\"start\": \"2020-01-01T00:00:00Z\"}, \"operator\": \"t\"}], \
        \"rekorTlogUrls\": [{\"url\": \"https://rekor.test\", \"majorApiVersion\": 1, \"validFor\": {\"start\": \"2020-01-01T00:00:00Z\"}, \"operator\": \"t\"}], \
        \"rekorTlogConfig\": {\"selector\": \"ANY\"}, \"tsaConfig\": {\"selector\": \"ANY\"}}";
    sandbox.file("signing.json", signing);
    sandbox.file("signer.yaml", "{type: SigstoreSigningConfiguration/v1alpha1, signingConfig: signing.json}\n");
    // {"alg":"none"} . {"sub":"a","iss":"https://i","aud":"sigstore","exp":4070908800,"email":"a@b","email_verified":true}
    let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIiwiaXNzIjoiaHR0cHM6Ly9pIiwiYXVkIjoic2lnc3RvcmUiLCJleHAiOjQwNzA5MDg4MDAsImVtYWlsIjoiYUBiIiwiZW1haWxfdmVyaWZpZWQiOnRydWV9.c2ln";
    sandbox.file("token", token);
    sandbox.file(
        "google.json",
        "{\"type\": \"authorized_user\", \"client_id\": \"i\", \"client_secret\": \"s\", \"refresh_token\": \"r\"}",
    );
    sandbox.file("config.yaml", "type: http.config.ocm.software\nretry: {maxRetries: -1}\n");
    let google = sandbox.path("google.json").display().to_string();
    let amazon = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let azure = [("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "s")];
    let download = |name: &str| {
        format!(
            "download resource accessed//acme.org/{name}:1.0.0 --identity name=it --output got-{name} --config config.yaml"
        )
    };
    let hello = "ctf//acme.org/hello:1.0.0 --config config.yaml";
    let credentials = |host: &str| format!("get credentials {host}/x --config config.yaml");
    for (line, host, variables) in [
        (download("s3"), "s3.test", &[][..]),
        (download("amazon"), "canned.s3.eu-central-1.amazonaws.com", &[]),
        (download("github"), "github.test", &[]),
        (download("charts"), "charts.test", &[]),
        (download("registry-charts"), "charts.oci.test", &[]),
        (download("npm"), "npm.test", &[]),
        (download("maven"), "maven.test", &[]),
        (download("image"), "images.test", &[]),
        (download("page"), "pages.test", &[]),
        ("get credentials any.test/x --config vault.yaml --config config.yaml".to_owned(), "vault.test", &[]),
        (credentials("123456789012.dkr.ecr.eu-west-1.amazonaws.com"), "api.ecr.eu-west-1.amazonaws.com", &amazon),
        (
            credentials("europe-docker.pkg.dev"),
            "oauth2.googleapis.com",
            &[("GOOGLE_APPLICATION_CREDENTIALS", &*google)],
        ),
        (credentials("acme.azurecr.io"), "login.microsoftonline.com", &azure),
        (format!("sign cv -s a --signing-service https://signing.test {hello}"), "signing.test", &[]),
        (format!("sign cv -s b -K key --tsa=https://tsa.test/ {hello}"), "tsa.test", &[]),
        (format!("sign cv -s c --signer-spec signer.yaml --identity-token token {hello}"), "fulcio.test", &[]),
        ("login logged.test -u me -p pw --config config.yaml".to_owned(), "logged.test", &[]),
        ("doctor looked.test/x --config config.yaml".to_owned(), "looked.test", &[]),
        ("add cv -c hello.yaml -r pushed.test/x --config config.yaml".to_owned(), "pushed.test", &[]),
        (
            "plugin registry list --registry plugins.test//acme.org/p:1.0.0 --config config.yaml".to_owned(),
            "plugins.test",
            &[],
        ),
    ] {
        // What is asked for is refused: names that leave this way have been seen, and no others leave at all.
        let proxy = Proxy::start(&[]);
        let words: Vec<&str> = line.split(' ').collect();
        let mut command = sandbox.command(&words);
        for name in ["HTTPS_PROXY", "HTTP_PROXY"] {
            command.env(name, format!("http://{}", proxy.address));
        }
        let ran = Ran::from(command.envs(variables.iter().copied()).output().unwrap());
        assert_ne!(ran.status, 0, "{line}: {}", ran.stdout);
        let seen = proxy.seen();
        assert!(
            seen.iter().any(|line| line.starts_with(&format!("CONNECT {host}:443 "))),
            "{line}: {seen:?}: {}",
            ran.stderr
        );
    }
}
