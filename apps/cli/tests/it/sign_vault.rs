//! Keys that are kept in a store which the configuration names.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const HELLO: &str = "ctf//acme.org/hello:1.0.0";

/// A vault with a key-value engine whose folder `team` has these secrets, each with whom it is for. Returns its port.
fn vault(secrets: Vec<(&'static str, Value, Value)>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let _ = answer(stream, &secrets);
        }
    });
    port
}

fn answer(mut stream: TcpStream, secrets: &[(&'static str, Value, Value)]) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let names: Vec<_> = secrets.iter().map(|(name, _, _)| *name).collect();
    let secret = secrets.iter().find(|(name, _, _)| path == format!("/v1/secret/data/team/{name}"));
    let (status, body) = match secret {
        _ if !head.to_lowercase().contains("x-vault-token: canary") => ("403 Forbidden", json!({})),
        Some((_, data, metadata)) => {
            ("200 OK", json!({"data": {"data": data, "metadata": {"custom_metadata": metadata}}}))
        }
        None if path == "/v1/secret/metadata/team?list=true" => ("200 OK", json!({"data": {"keys": names}})),
        None => ("404 Not Found", json!({})),
    };
    let body = body.to_string();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn configuration(port: u16, token: &str) -> String {
    format!(
        "type: credentials.config.ocm.software\nconsumers:\n\
         - identity: {{type: HashiCorpVault, scheme: http, hostname: 127.0.0.1, port: '{port}'}}\n  \
         credentials: [{{type: Credentials, properties: {{token: {token}}}}}]\n\
         repositories:\n- repository: {{type: HashiCorpVault/v1, serverURL: 'http://127.0.0.1:{port}', path: team}}\n"
    )
}

#[test]
fn keys_in_a_vault_sign_and_verify() {
    let sandbox = Sandbox::hello();
    sandbox.ok("create rsakeypair a.priv a.pub");
    let consumer = |signature: &str, algorithm: &str| json!({"type": "RSA/v1alpha1", "algorithm": algorithm, "signature": signature});
    let public = json!({"publicKeyPEM": sandbox.read("a.pub")});
    let port = vault(vec![
        (
            "sign",
            json!({"private_key_pem": sandbox.read("a.priv"), "public_key_pem": sandbox.read("a.pub")}),
            json!({"consumerId": consumer("release", "RSASSA-PSS").to_string()}),
        ),
        ("verify", public, consumer("other", "RSASSA-PKCS1-V1_5")),
        ("user", json!({"username": "u", "password": "p"}), consumer("user", "RSASSA-PSS")),
    ]);
    sandbox.file("c.yaml", &configuration(port, "canary"));
    sandbox.ok(&format!("sign cv --signature release --config c.yaml {HELLO}"));
    sandbox.ok(&format!("verify cv --signature release --config c.yaml {HELLO}"));
    sandbox.ok(&format!("transfer cv --require release --config c.yaml {HELLO} moved"));
    // It is the key of the vault that signed, and the public half alone is enough to verify.
    sandbox.ok(&format!("verify cv --signature release --public-key a.pub {HELLO}"));
    sandbox.ok(&format!("sign cv -s other -K a.priv {HELLO}"));
    sandbox.ok(&format!("verify cv --signature other --config c.yaml {HELLO}"));
    let problem = sandbox.fails(&format!("sign cv --signature missing --config c.yaml {HELLO}"), 2);
    assert!(problem.contains("private key for signature \"missing\" not found"), "{problem}");
    let problem = sandbox.fails(&format!("sign cv --signature user --config c.yaml {HELLO}"), 2);
    assert!(problem.contains("secret \"user\"") && problem.contains("credentials without RSA keys"), "{problem}");
}

#[test]
fn a_vault_that_does_not_answer_matters_only_where_its_keys_are_needed() {
    let sandbox = Sandbox::hello();
    sandbox.ok("create rsakeypair --ca root.priv root.cert CN=root");
    sandbox.ok("create rsakeypair --ca-key root.priv --ca-cert root.cert a.priv a.cert CN=release");
    sandbox.file("c.yaml", &configuration(vault(Vec::new()), "wrong"));
    sandbox.ok(&format!("sign cv -s release -K a.priv -k a.cert --config c.yaml {HELLO}"));
    for keys in ["--public-key a.cert", "--ca-cert root.cert"] {
        sandbox.ok(&format!("verify cv --signature release {keys} --config c.yaml {HELLO}"));
    }
    for line in ["sign cv --signature other", "verify cv --signature release"] {
        let problem = sandbox.fails(&format!("{line} --config c.yaml {HELLO}"), 6);
        assert!(problem.contains("c.yaml:") && problem.contains("answered 403"), "{problem}");
    }
}
