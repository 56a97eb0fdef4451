//! Signing with a key that somebody else keeps, and the word of somebody else on when.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::sandbox::Sandbox;

const HELLO: &str = "ctf//acme.org/hello:1.0.0";

/// A program that signs with the key `a.priv` of the sandbox, as somebody with a key in a safe would write it.
#[cfg(unix)]
fn program(sandbox: &Sandbox, name: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let ocm = env!("CARGO_BIN_EXE_ocm");
    let key = sandbox.path("a.priv").display().to_string();
    let text = format!(
        "#!/bin/sh\nread -r asked\necho \"$asked\" > asked\nalgorithm=$(echo \"$asked\" | sed 's/.*\"algorithm\":\"\\([^\"]*\\)\".*/\\1/')\n\
         value=$(echo \"$asked\" | sed 's/.*\"value\":\"\\([^\"]*\\)\".*/\\1/')\n\
         exec {ocm} sign hash -o json -S \"$algorithm\" {key} SHA-256:$value\n"
    );
    sandbox.file(name, &text);
    std::fs::set_permissions(sandbox.path(name), std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[cfg(unix)]
#[test]
fn a_program_signs_in_place_of_a_key() {
    let sandbox = Sandbox::hello();
    sandbox.ok("create rsakeypair a.priv a.pub");
    sandbox.ok("create rsakeypair other.priv other.pub");
    program(&sandbox, "safe");
    let program = sandbox.path("safe").display().to_string();
    sandbox.ok(&format!("sign cv --signature one --signer-command {program} --public-key a.pub {HELLO}"));
    sandbox.ok(&format!("verify cv --signature one --public-key a.pub {HELLO}"));
    assert!(sandbox.read("asked").contains("\"algorithm\":\"RSASSA-PKCS1-V1_5\""));
    // What it answers is not stored unless it is a signature of the expected key.
    let problem =
        sandbox.fails(&format!("sign cv --signature two --signer-command {program} --public-key other.pub {HELLO}"), 5);
    assert!(problem.contains("by the known key"), "{problem}");
    sandbox.file(
        "c.yaml",
        &format!(
            "type: generic.config.ocm.software/v1\nconfigurations:\n- {{type: signing.config.ocm.software, signature: three, signer: \
             {{type: SigningCommandConfiguration/v1alpha1, command: [{program}], signatureAlgorithm: RSASSA-PKCS1-V1_5}}}}\n"
        ),
    );
    sandbox.ok(&format!("sign cv --signature three --config c.yaml {HELLO}"));
    sandbox.ok(&format!("verify cv --signature three --public-key a.pub --allow-algorithm RSASSA-PKCS1-V1_5 {HELLO}"));
    assert_eq!(crate::sign::signatures(&sandbox, HELLO), ["one", "three"]);
    sandbox.fails(&format!("sign cv --signature four --signer-command {program}-missing {HELLO}"), 8);
}

#[test]
fn a_signing_server_is_found_by_both_dialects_and_plain_http_is_refused() {
    let sandbox = Sandbox::hello();
    sandbox.file("server", "url: http://signing.example\n").file("gone", "url: https://127.0.0.1:1/\n");
    let problem = sandbox.fails(&format!("sign cv -s a -S rsa-signingservice -K server {HELLO}"), 2);
    assert!(problem.contains("https://"), "{problem}");
    sandbox.fails(&format!("sign cv --signature a --signing-service http://signing.example {HELLO}"), 2);
    assert!(sandbox.fails(&format!("sign cv -s a -S rsapss-signingservice {HELLO}"), 2).contains("signing server"));
    assert!(crate::sign::signatures(&sandbox, HELLO).is_empty());
}

/// A server that asks for the certificate of its client, as the configuration names it.
#[test]
fn a_signing_server_is_shown_the_certificate_of_the_configuration() {
    use crate::tls::certificate;

    let sandbox = Sandbox::hello();
    if crate::tls::peer("nginx").is_none() {
        return;
    }
    sandbox.ok("create rsakeypair --ca root.priv root.cert CN=root");
    sandbox.ok("create rsakeypair --ca-key root.priv --ca-cert root.cert a.priv a.cert CN=remote");
    // What the server answers: the signature over this version, made in a copy.
    sandbox.ok(&format!("transfer cv {HELLO} copy"));
    sandbox.ok("sign cv -s x -N jsonNormalisation/v4alpha1 -K a.priv -k a.cert copy//acme.org/hello:1.0.0");
    let printed = sandbox.ok("get cv copy//acme.org/hello:1.0.0 -o json --compat v1");
    let descriptor: Value = serde_json::from_str(&printed).unwrap();
    let answer = descriptor["items"][0]["signatures"][0]["signature"]["value"].as_str().unwrap().to_owned();
    let answers = format!(
        "location = /api/sign/rsassa-pkcs1-v1_5 {{ default_type application/x-pem-file; return 200 \"{answer}\"; }}"
    );
    let Some((_nginx, port)) = crate::nginx::start(&sandbox, &answers) else { return };
    let configuration = |credentials: &str| {
        format!(
            "type: generic.config.ocm.software/v1\nconfigurations:\n- type: credentials.config.ocm.software/v1\n  consumers:\n  \
             - identity: {{type: Signingserver.gardener.cloud, scheme: https, hostname: 127.0.0.1, port: '{port}'}}\n    credentials:\n    \
             - {{type: Credentials/v1, properties: {{caCertsFile: {}{credentials}}}}}\n",
            certificate("ca.pem")
        )
    };
    let client =
        format!(", clientCertFile: {}, privateKeyFile: {}", certificate("client.pem"), certificate("client.key"));
    sandbox.file("with.yaml", &configuration(&client)).file("without.yaml", &configuration(""));
    let half = format!(", clientCertFile: {}", certificate("client.pem"));
    sandbox.file("half.yaml", &configuration(&half));
    let sign = |configuration: &str| {
        format!(
            "sign cv --signature remote --config {configuration} --algorithm RSASSA-PKCS1-V1_5 --signing-service https://127.0.0.1:{port}/api \
             --ca-cert root.cert {HELLO}"
        )
    };
    sandbox.fails(&sign("without.yaml"), 8);
    assert!(sandbox.fails(&sign("half.yaml"), 2).contains("not complete"));
    sandbox.ok(&sign("with.yaml"));
    sandbox.ok(&format!("verify cv --signature remote --ca-cert root.cert {HELLO}"));
    assert_eq!(crate::sign::signatures(&sandbox, HELLO), ["remote"]);
}

/// Runs `openssl`; `None` where it is not there.
fn openssl(folder: &Path, line: &str) -> Option<()> {
    let mut command = Command::new("openssl");
    command.args(line.split(' ')).current_dir(folder).env("OPENSSL_CONF", folder.join("openssl.cnf"));
    let ran = match command.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: there is no openssl");
            return None;
        }
        ran => ran.unwrap(),
    };
    assert!(ran.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&ran.stderr));
    Some(())
}

const OPENSSL: &str = "\
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical,CA:TRUE
[time]
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = one
[one]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256, sha512
";

/// A time-stamping authority by OpenSSL, one request at a time; its root is `time-root.cert`.
fn authority(sandbox: &Sandbox) -> Option<String> {
    sandbox.file("openssl.cnf", OPENSSL).file("serial", "01\n");
    let folder: PathBuf = sandbox.path(".");
    openssl(
        &folder,
        "req -x509 -newkey rsa:2048 -nodes -keyout time-root.key -out time-root.cert -subj /CN=time-root -days 30 -extensions root",
    )?;
    openssl(&folder, "req -newkey rsa:2048 -nodes -keyout time.key -out time.csr -subj /CN=time")?;
    openssl(
        &folder,
        "x509 -req -in time.csr -CA time-root.cert -CAkey time-root.key -set_serial 7 -days 20 -extfile openssl.cnf -extensions time -out time.cert",
    )?;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/tsr", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut asked, mut buffer) = (stream.unwrap(), Vec::new(), [0; 4096]);
            let body = loop {
                let read = stream.read(&mut buffer).unwrap();
                asked.extend_from_slice(&buffer[..read]);
                let end = asked.windows(4).position(|part| part == b"\r\n\r\n").map(|at| at + 4);
                let whole =
                    |at: &usize| asked.get(at + 1).is_some_and(|length| asked.len() == at + 2 + usize::from(*length));
                if let Some(at) = end.filter(whole) {
                    break asked[at..].to_vec();
                }
                assert_ne!(read, 0);
            };
            std::fs::write(folder.join("query"), body).unwrap();
            openssl(&folder, "ts -reply -queryfile query -signer time.cert -inkey time.key -out reply").unwrap();
            let said = std::fs::read(folder.join("reply")).unwrap();
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", said.len());
            stream.write_all(&[head.as_bytes(), &said].concat()).unwrap();
        }
    });
    Some(url)
}

#[test]
fn a_timestamp_keeps_a_signature_beyond_its_certificate() {
    let sandbox = Sandbox::hello();
    let Some(url) = authority(&sandbox) else { return };
    sandbox.ok("create rsakeypair --ca root.priv root.cert CN=root");
    // Long enough to be signed with on a busy machine.
    sandbox.ok("create rsakeypair --validity 20s --ca-key root.priv --ca-cert root.cert a.priv a.cert CN=a");
    sandbox.ok(&format!("sign cv -s a -K a.priv -k a.cert --tsa={url} --tsa-cert time-root.cert {HELLO}"));
    sandbox.ok(&format!("sign cv -s b -K a.priv -k a.cert --tsa-url {url} {HELLO}"));
    sandbox.ok(&format!("sign cv -s plain -K a.priv -k a.cert {HELLO}"));
    let list: Value = serde_json::from_str(&sandbox.ok(&format!("get cv {HELLO} -o json"))).unwrap();
    let stamp = &list[0]["signatures"][0]["timestamp"];
    assert!(stamp["value"].as_str().unwrap().starts_with("-----BEGIN TIMESTAMP INFO-----\n"), "{stamp}");
    assert!(stamp["time"].as_str().unwrap().ends_with('Z'), "{stamp}");
    std::thread::sleep(std::time::Duration::from_secs(21));

    let verify = "verify cv --ca-cert root.cert --issuer CN=a";
    for name in ["a", "b"] {
        let line = format!("{verify} --tsa-cert time-root.cert --signature {name} {HELLO} -o json");
        let report: Value = serde_json::from_str(&sandbox.ok(&line)).unwrap();
        let stamped = &report["versions"][0]["signatures"][0]["timestamp"];
        assert_eq!((&stamped["authority"], &stamped["root"]), (&"CN=time".into(), &"CN=time-root".into()), "{report}");
        // By nobody who was named, it says nothing; by somebody else than was named, it is wrong.
        let problem = sandbox.fails(&format!("{verify} --signature {name} {HELLO}"), 5);
        assert!(problem.contains("expired") && problem.contains("--tsa-cert"), "{problem}");
        let problem = sandbox.fails(&format!("{verify} --tsa-cert root.cert --signature {name} {HELLO}"), 5);
        assert!(problem.contains("timestamp") && problem.contains("trusted roots"), "{problem}");
    }
    let problem = sandbox.fails(&format!("{verify} --tsa-cert time-root.cert --signature plain {HELLO}"), 5);
    assert!(problem.contains("expired") && problem.contains("--at TIME"), "{problem}");
    let then = stamp["time"].as_str().unwrap();
    sandbox.ok(&format!("{verify} --signature plain --at {then} {HELLO}"));
    for (command, source) in [("cv", HELLO), ("ctf", "ctf")] {
        let line = format!("transfer {command} --require a,b --ca-cert root.cert {source} ./moved-{command}");
        sandbox.fails(&line, 5);
        sandbox.fails(&format!("{line} --tsa-cert root.cert"), 5);
        sandbox.ok(&format!("{line} --tsa-cert time-root.cert"));
    }
    // No timestamp, no signature.
    let gone = sandbox.fails(&format!("sign cv -s c -K a.priv --tsa=http://127.0.0.1:1/ {HELLO}"), 8);
    assert!(gone.contains("time-stamping authority"), "{gone}");
    assert_eq!(crate::sign::signatures(&sandbox, HELLO), ["a", "b", "plain"]);
}
