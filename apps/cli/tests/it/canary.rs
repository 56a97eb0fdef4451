//! Secrets are where programs keep them, and nowhere in what the program says: at the highest level, in every command.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::sandbox::{Ran, Sandbox};
use crate::serve::{interrupt, serve};
use crate::tls_proxy::Proxy;

/// Part of every secret here.
const CANARY: &str = "canary";

/// The same in base64, at the three positions where it can begin.
const ENCODED: [&str; 3] = ["Y2FuYXJ5", "NhbmFye", "jYW5hcn"];

/// A server that refuses everybody, redirects to signed addresses, and gives a token to whoever asks; gives its address.
fn unfriendly() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let own = address.clone();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let own = own.clone();
            std::thread::spawn(move || {
                let mut buffer = [0; 8192];
                let read = socket.read(&mut buffer).unwrap_or(0);
                let request = String::from_utf8_lossy(&buffer[..read]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                let (status, headers, body) = match path.as_str() {
                    path if path.starts_with("/token") => ("200 OK", String::new(), "{\"token\": \"canary-token\"}"),
                    path if path.starts_with("/signed") => {
                        let location = format!(
                            "location: http://{own}/gone?X-Amz-Signature=canary-signature&X-Amz-Credential=canary\r\n"
                        );
                        ("307 Temporary Redirect", location, "")
                    }
                    path if path.starts_with("/gone") => ("403 Forbidden", String::new(), ""),
                    _ => {
                        let challenge =
                            format!("www-authenticate: Bearer realm=\"http://{own}/token\",service=\"s\"\r\n");
                        ("401 Unauthorized", challenge, "{\"errors\": [{\"code\": \"DENIED\", \"message\": \"no\"}]}")
                    }
                };
                let text = format!(
                    "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
                    body.len()
                );
                let _ = socket.write_all(text.as_bytes());
            });
        }
    });
    address
}

fn check(line: &str, ran: &Ran) {
    for (stream, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
        for secret in [&[CANARY], &ENCODED[..]].concat() {
            assert!(!text.contains(secret), "{line}: {secret} in {stream}: {text}");
        }
    }
}

/// Levels and forms of what is said beside the output.
const LEVELS: [(&str, &str); 5] =
    [("debug", "text"), ("debug", "json"), ("info", "text"), ("warn", "json"), ("error", "text")];

/// Runs a line at some levels, with whatever a machine may hold that is secret.
fn at_levels(sandbox: &Sandbox, levels: &[(&str, &str)], line: &str, environment: &[(&str, &str)]) -> Vec<Ran> {
    let runs = levels.iter().map(|(level, form)| {
        let line = format!("{line} --loglevel {level} --logformat {form}");
        let words: Vec<&str> = line.split(' ').collect();
        let mut command = sandbox.command(&words);
        command.env("HOME", sandbox.path("home")).env("RUST_LOG", "trace");
        command.env("AWS_SECRET_ACCESS_KEY", "canary-aws").env("SIGSTORE_ID_TOKEN", "canary.canary.canary");
        let ran = Ran::from(command.envs(environment.iter().copied()).output().unwrap());
        check(&line, &ran);
        ran
    });
    runs.collect()
}

/// All commands that do something, as the help lists them: nothing below them.
fn commands(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let help = sandbox.ok(&[words, &["--help"]].concat().join(" "));
    let Some((_, list)) = help.split_once("\nCommands:\n") else { return vec![words.join(" ")] };
    let names = list.lines().take_while(|line| !line.is_empty()).filter_map(|line| {
        let line = line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?;
        line.split(' ').next().filter(|name| *name != "help")
    });
    names.flat_map(|name| commands(sandbox, &[words, &[name]].concat())).collect()
}

/// The command that a line runs, under the name that it has in the help.
fn resolved(line: &str, command: &str) -> String {
    let number = command.split(' ').count();
    let words = line.split(' ').take(number).map(|word| if word == "cv" { "component-version" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn no_secret_is_said_by_any_command_at_any_level() {
    let sandbox = Sandbox::tree();
    sandbox.file("hello.yaml", crate::sandbox::HELLO).ok("add cv -c hello.yaml -r ctf");
    sandbox.ok("create rsakeypair key");
    let (mut child, friendly) = serve(&sandbox, &["serve", "registry", "--writable"]);
    sandbox.ok(&format!("transfer cv -r ctf//acme.org/root:1.0.0 http://{friendly}/shop"));
    let unfriendly = unfriendly();
    let (host, port) = unfriendly.split_once(':').unwrap();
    sandbox.file(
        "home/.ocmconfig",
        &format!(
            "configurations:\n\
             - type: credentials.config.ocm.software\n  consumers:\n  \
             - identity: {{type: OCIRegistry, hostname: '{host}', port: '{port}'}}\n    \
               credentials: [{{type: Credentials/v1, properties: {{username: me, password: canary-configured}}}}]\n  \
             - identity: {{type: wget, hostname: '{host}', port: '{port}'}}\n    \
               credentials: [{{type: Credentials/v1, properties: {{username: me, password: canary-wget}}}}]\n\
             - {{type: keys.config.ocm.software, privateKeys: {{broken: {{stringdata: canary-key}}}}}}\n"
        ),
    );
    // me:canary-docker
    let docker = format!("{{\"auths\": {{\"{unfriendly}\": {{\"auth\": \"bWU6Y2FuYXJ5LWRvY2tlcg==\"}}}}}}");
    sandbox.file("home/.docker/config.json", &docker);
    sandbox.file(
        "signed.yaml",
        &format!(
            "name: acme.org/signed\nversion: 1.0.0\nprovider: {{name: acme.org}}\nresources:\n\
             - {{name: page, type: blob, version: 1.0.0, access: {{type: wget, url: 'http://{unfriendly}/signed?X-Amz-Signature=canary-query', mediaType: text/plain}}}}\n"
        ),
    );
    sandbox.file("input.yaml", &sandbox.read("signed.yaml").replace("access: ", "input: "));
    let proxy = Proxy::start(&[("registry.test", &unfriendly)]);
    let root = format!("http://{friendly}/shop//acme.org/root:1.0.0");
    let denied = format!("http://{unfriendly}/shop//acme.org/root:1.0.0");
    let lines = [
        format!("get cv {root} --recursive"),
        format!("get cv {denied}"),
        format!("get cv {denied} -o json"),
        "get cv http://registry.test/shop//acme.org/root:1.0.0".to_owned(),
        format!("get resources {denied}"),
        format!("list cv {denied}"),
        format!("check cv {root} -o json"),
        format!("check cv {denied}"),
        format!("check portability {denied}"),
        format!("hash cv {denied}"),
        format!("diff {root} {denied}"),
        format!("sign cv --private-key key {denied}"),
        "sign cv --signature broken ctf//acme.org/hello:1.0.0".to_owned(),
        format!("verify cv --public-key default=key.pub {denied}"),
        format!("transfer cv {denied} out"),
        format!("transfer cv -r {root} http://{unfriendly}/shop"),
        format!("transfer cv -r {root} http://{unfriendly}/shop --dry-run -o json"),
        format!("download cv {denied} -O got"),
        "add cv -c signed.yaml -r accessed".to_owned(),
        "add cv -c signed.yaml -r accessed --skip-reference-digest-processing".to_owned(),
        "add cv -c input.yaml -r inputs".to_owned(),
        "check cv accessed//acme.org/signed:1.0.0".to_owned(),
        "check cv accessed//acme.org/signed:1.0.0 -o json".to_owned(),
        "check portability accessed//acme.org/signed:1.0.0".to_owned(),
        "check portability accessed//acme.org/signed:1.0.0 -o json".to_owned(),
        "get resources accessed//acme.org/signed:1.0.0".to_owned(),
        "get cv accessed//acme.org/signed:1.0.0".to_owned(),
        "download resource accessed//acme.org/signed:1.0.0 --identity name=page --output got".to_owned(),
        "transfer cv --copy-resources accessed//acme.org/signed:1.0.0 copied".to_owned(),
        format!("repair cv {denied}"),
        "get config".to_owned(),
        "get config -o json".to_owned(),
        format!("config explain http://{unfriendly}"),
        format!("config explain http://{unfriendly} -o json"),
        format!("get credentials http://{unfriendly}/shop"),
        format!("doctor http://{unfriendly}/shop"),
        format!("doctor http://{unfriendly}/shop --write -o json"),
        "doctor http://registry.test/shop".to_owned(),
        "version".to_owned(),
        format!("get sources {denied}"),
        format!("get references {root}"),
        format!("get artifacts http://{unfriendly}/shop/x:1"),
        "transfer componentarchive nothing-there out".to_owned(),
        format!("get inventory {root}"),
        "get types".to_owned(),
        format!("show versions --repo http://{unfriendly}/shop acme.org/root"),
        format!("show tags http://{unfriendly}/shop/x"),
        format!("transfer ctf ctf http://{unfriendly}/shop"),
        format!("transfer artifact {unfriendly}/x:1 {unfriendly}/y:1"),
        format!("download artifact http://{unfriendly}/shop/x:1"),
        "download resources accessed//acme.org/signed:1.0.0".to_owned(),
        "download sources accessed//acme.org/signed:1.0.0".to_owned(),
        format!("download plugin {denied}"),
        format!("sign hash key SHA-256:{}", "00".repeat(32)),
        "create rsakeypair other".to_owned(),
        "create ctf made".to_owned(),
        "plugin list".to_owned(),
        format!("plugin install {denied}"),
        format!("plugin registry list --registry {denied}"),
        format!("plugin registry get --registry {denied} x"),
        "describe types".to_owned(),
        format!("login http://{unfriendly} -u me -p canary-typed"),
        format!("logout http://{unfriendly}"),
        "config trust home/.ocmconfig".to_owned(),
        "config untrust home/.ocmconfig".to_owned(),
        "serve nothing-there".to_owned(),
        "generate docs --directory documents".to_owned(),
        "generate schemas --directory schemas".to_owned(),
        "completion bash".to_owned(),
    ];
    let all = commands(&sandbox, &[]).into_iter();
    let missing: Vec<_> = all.filter(|one| !lines.iter().any(|line| *one == resolved(line, one))).collect();
    assert!(missing.is_empty(), "no line here runs {missing:?}: add one for each");
    for line in &lines {
        let through = format!("http://me:canary-proxy@{}", proxy.address);
        for ran in at_levels(&sandbox, &LEVELS, line, &[("HTTP_PROXY", &through)]) {
            let is_understood = ran.status != 2 || line.contains("--signature broken");
            assert!(is_understood, "{line} was not understood: {}", ran.stderr);
        }
    }
    // The secrets were used: the proxy saw its own, and a descriptor keeps the address that it was given.
    assert!(proxy.seen().iter().any(|line| line.contains("Basic bWU6Y2FuYXJ5LXByb3h5")), "{:?}", proxy.seen());
    assert_eq!(interrupt(&mut child), 0);
}

/// Faults on the way to a place: TLS, proxies, helpers, stores, services that give tokens.
#[test]
fn no_secret_is_said_when_something_on_the_way_fails() {
    let sandbox = Sandbox::hello();
    sandbox.ok("create rsakeypair key");
    let unfriendly = unfriendly();
    let (host, port) = unfriendly.split_once(':').unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let vault = |address: &str, credentials: &str| {
        format!(
            "type: credentials.config.ocm.software\nconsumers:\n- identity: {{type: HashiCorpVault, hostname: {host}, port: '{port}'}}\n  \
             credentials: [{{type: Credentials, properties: {{{credentials}}}}}]\n\
             repositories:\n- repository: {{type: HashiCorpVault, serverURL: '{address}', path: p}}\n"
        )
    };
    let http = |members: &str| format!("type: http.config.ocm.software\nretry: {{maxRetries: -1}}\n{members}\n");
    let own = crate::tls::certificate("client.pem");
    let entry = |parts: &str| {
        format!(
            "type: credentials.config.ocm.software\nconsumers:\n- identity: {{type: OCIRegistry, hostname: any.test}}\n  credentials: [{parts}]\n"
        )
    };
    for (name, text) in [
        ("tls.yaml", http("certificateAuthorityData: bm9uZQ==\nclientCertificateData: Y2FuYXJ5\nclientKeyData: Y2FuYXJ5")),
        ("garbled.yaml", http("clientCertificateData: '&canary'\nclientKeyData: '&canary'")),
        ("key.yaml", http(&format!("clientCertificate: {own}\nclientKeyData: |\n  -----BEGIN PRIVATE KEY-----\n  canary\n  -----END PRIVATE KEY-----"))),
        ("wrong.yaml", http("clientKeyData: [canary]")),
        ("token.yaml", vault(&format!("http://{unfriendly}"), "token: canary-token")),
        ("role.yaml", vault(&format!("http://{unfriendly}"), "authmeth: approle, roleid: role, secretid: canary-id")),
        ("userinfo.yaml", vault(&format!("http://me:canary@{nobody}"), "token: canary-token")),
        ("number.yaml", entry("{type: Credentials, properties: {username: me, password: canary, apiKey: [canary]}}")),
        ("unknown.yaml", entry("{type: OCICredentials/v1, username: me, pass: canary}")),
        ("broken.yaml", "type: credentials.config.ocm.software\nconsumers: [{canary: canary\n".to_owned()),
        ("inline.yaml", "type: credentials.config.ocm.software\nrepositories: [{repository: {type: DockerConfig, dockerConfig: '{canary'}}]\n".to_owned()),
    ] {
        sandbox.file(name, &text);
    }
    // Helpers that fail with a secret on both streams, answer with something else, or do not end well.
    for (name, script) in [
        ("fails", "echo canary; echo canary >&2; exit 1"),
        ("talks", "echo 'canary {'; echo canary >&2"),
        ("knows", "echo '{\"Username\": \"me\", \"Secret\": \"canary-helper\"}'; echo canary >&2"),
        ("token", "echo '{\"Username\": \"<token>\", \"Secret\": \"canary-helper\"}'"),
    ] {
        let file = format!("bin/docker-credential-{name}");
        sandbox.file(&file, &format!("#!/bin/sh\n{script}\n"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(sandbox.path(&file), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        sandbox.file(&format!("{name}/config.json"), &format!("{{\"credsStore\": \"{name}\"}}"));
    }
    sandbox.file("garbled/config.json", "{\"auths\": {\"any.test\": {\"auth\": canary");
    sandbox.file("base/config.json", &format!("{{\"auths\": {{\"{unfriendly}\": {{\"auth\": \"canary!\"}}}}}}"));
    sandbox.file("google.json", "{\"type\": \"authorized_user\", \"client_id\": \"canary\", \"client_secret\": \"canary\", \"refresh_token\": \"canary\"");
    sandbox.file("identity", "canary.canary.canary").file("service", &format!("url: http://{unfriendly}\n"));
    let path = format!("{}:/usr/bin:/bin", sandbox.path("bin").display());
    let (refused, asking) = (format!("http://me:canary@{nobody}"), format!("http://me:canary@{unfriendly}"));
    let get = |file: &str| format!("get cv any.test/shop//acme.org/hello:1.0.0 --config {file}");
    let there = format!("get cv http://{unfriendly}/shop//acme.org/hello:1.0.0");
    let mut lines: Vec<(String, Vec<(&str, &str)>)> = Vec::new();
    for file in [
        "tls.yaml",
        "garbled.yaml",
        "key.yaml",
        "wrong.yaml",
        "number.yaml",
        "unknown.yaml",
        "broken.yaml",
        "inline.yaml",
    ] {
        lines.push((get(file), vec![]));
        lines.push((format!("get config --config {file}"), vec![]));
        lines.push((format!("config explain any.test --config {file}"), vec![]));
        lines.push((format!("doctor any.test/shop --config {file}"), vec![]));
    }
    for file in ["token.yaml", "role.yaml", "userinfo.yaml"] {
        lines.push((format!("get credentials any.test/shop --config {file}"), vec![]));
        lines.push((format!("config explain any.test --config {file}"), vec![]));
        lines.push((format!("get config --config {file}"), vec![]));
    }
    let folders = ["fails", "talks", "knows", "token", "garbled", "base"]
        .map(|name| (name, sandbox.path(name).display().to_string()));
    for (_, folder) in &folders {
        for line in [
            there.clone(),
            format!("get credentials http://{unfriendly}/shop"),
            format!("config explain http://{unfriendly}"),
            format!("doctor http://{unfriendly}/shop"),
            format!("login http://{unfriendly} -u me -p canary-typed"),
        ] {
            lines.push((line, vec![("DOCKER_CONFIG", folder.as_str()), ("PATH", path.as_str())]));
        }
    }
    for proxy in [
        refused.as_str(),
        asking.as_str(),
        "ftp://me:canary@p",
        "http://me:can@ary/canary@[",
        "me:canary@127.0.0.1:1",
        "socks5://me:canary@127.0.0.1:1",
    ] {
        sandbox.file("once.yaml", &http(""));
        lines.push((get("once.yaml"), vec![("HTTPS_PROXY", proxy), ("ALL_PROXY", proxy)]));
        lines.push(("config explain any.test".to_owned(), vec![("HTTPS_PROXY", proxy)]));
        lines.push(("doctor http://any.test/shop".to_owned(), vec![("HTTP_PROXY", proxy)]));
    }
    let google = sandbox.path("google.json").display().to_string();
    let identity = sandbox.path("identity").display().to_string();
    let authority = format!("http://{unfriendly}");
    let inline = "{\"auths\": {\"any.test\": canary";
    lines.push(("get credentials any.test".to_owned(), vec![("DOCKER_AUTH_CONFIG", inline)]));
    lines.push(("get credentials europe-docker.pkg.dev".to_owned(), vec![("GOOGLE_APPLICATION_CREDENTIALS", &google)]));
    let amazon =
        [("AWS_ENDPOINT_URL", authority.as_str()), ("AWS_ROLE_ARN", "r"), ("AWS_WEB_IDENTITY_TOKEN_FILE", &identity)];
    lines.push(("get credentials 123456789012.dkr.ecr.eu-west-1.amazonaws.com".to_owned(), amazon.to_vec()));
    let azure = [
        ("AZURE_AUTHORITY_HOST", authority.as_str()),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_CLIENT_SECRET", "canary"),
    ];
    lines.push(("get credentials acme.azurecr.io".to_owned(), azure.to_vec()));
    lines.push((format!("sign cv -s a --signing-service http://{unfriendly} ctf//acme.org/hello:1.0.0"), vec![]));
    lines.push((format!("sign cv -s b -K key --tsa=http://me:canary@{unfriendly}/ ctf//acme.org/hello:1.0.0"), vec![]));
    for (line, environment) in &lines {
        // The lowest and the highest: what is between them says a part of the same.
        for ran in at_levels(&sandbox, &[LEVELS[0], LEVELS[3]], line, environment) {
            let is_shown =
                ["get config", "config explain", "get credentials"].iter().any(|shown| line.starts_with(shown));
            assert!(ran.status != 0 || is_shown, "{line} was to fail: {}", ran.stdout);
        }
    }
}
