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
        for (level, form) in
            [("debug", "text"), ("debug", "json"), ("info", "text"), ("warn", "json"), ("error", "text")]
        {
            let line = format!("{line} --loglevel {level} --logformat {form}");
            let words: Vec<&str> = line.split(' ').collect();
            let mut command = sandbox.command(&words);
            command.env("HOME", sandbox.path("home")).env("RUST_LOG", "trace");
            command.env("HTTP_PROXY", format!("http://me:canary-proxy@{}", proxy.address));
            command.env("AWS_SECRET_ACCESS_KEY", "canary-aws").env("SIGSTORE_ID_TOKEN", "canary.canary.canary");
            let ran = Ran::from(command.output().unwrap());
            let is_understood = ran.status != 2 || line.contains("--signature broken");
            assert!(is_understood, "{line} was not understood: {}", ran.stderr);
            check(&line, &ran);
        }
    }
    // The secrets were used: the proxy saw its own, and a descriptor keeps the address that it was given.
    assert!(proxy.seen().iter().any(|line| line.contains("Basic bWU6Y2FuYXJ5LXByb3h5")), "{:?}", proxy.seen());
    assert_eq!(interrupt(&mut child), 0);
}
