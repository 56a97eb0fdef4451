//! Private authorities, certificates of clients and proxies, as configuration files name them.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::sandbox::{Ran, Sandbox};
use crate::serve::{interrupt, serve};
use crate::tls_proxy::Proxy;

const CERTIFICATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/testkit/certificates");

/// A program of somebody else that is ended when dropped.
pub(crate) struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn peer(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("OCM_TEST_PEERS").map(|folder| Path::new(&folder).join(name));
    let path = path.filter(|path| path.exists());
    if path.is_none() {
        eprintln!("skipped: peer {name} is not there");
    }
    path
}

pub(crate) fn free() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn started(command: &mut Command, port: u16) -> Peer {
    let peer = Peer(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let begin = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{command:?} does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    peer
}

/// The registry that everybody runs, with these members in its entry `http`.
fn registry(sandbox: &Sandbox, more: &str) -> Option<(Peer, u16)> {
    let (program, port) = (peer("registry")?, free());
    let text = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: 127.0.0.1:{port}{more}}}\n",
        sandbox.path("store").display()
    );
    sandbox.file("registry.yml", &text);
    Some((started(Command::new(program).arg("serve").arg(sandbox.path("registry.yml")), port), port))
}

/// A configuration file with settings of connections.
fn http(members: &str) -> String {
    format!("type: http.config.ocm.software/v1alpha1\n{members}")
}

pub(crate) fn certificate(name: &str) -> String {
    format!("{CERTIFICATES}/{name}")
}

fn run(sandbox: &Sandbox, line: &str, environment: &[(&str, &str)]) -> Ran {
    let words: Vec<&str> = line.split(' ').collect();
    Ran::from(sandbox.command(&words).envs(environment.iter().copied()).output().unwrap())
}

#[test]
fn a_registry_with_a_private_authority_that_asks_for_certificates_behind_a_proxy() {
    let sandbox = Sandbox::hello();
    let tls = format!(
        ", tls: {{certificate: {}, key: {}, clientcas: [{}]}}",
        certificate("server.pem"),
        certificate("server.key"),
        certificate("ca.pem")
    );
    let Some((_registry, port)) = registry(&sandbox, &tls) else { return };
    let proxy = Proxy::start(&[("registry.test", &format!("127.0.0.1:{port}"))]);
    let through = [("HTTPS_PROXY", &*format!("http://me:secret@{}", proxy.address))];
    sandbox.file("none.yaml", &http("retry: {maxRetries: -1}\n"));
    sandbox.file(
        "authority.yaml",
        &http(&format!("certificateAuthority: {}\nretry: {{maxRetries: -1}}\n", certificate("ca.pem"))),
    );
    // Relative to the folder of the file; the data of one of them as base64 of PEM.
    std::fs::create_dir(sandbox.path("settings")).unwrap();
    for name in ["ca.pem", "client.pem", "client.key"] {
        std::fs::copy(certificate(name), sandbox.path("settings").join(name)).unwrap();
    }
    let own = "hosts:\n  registry.test: {certificateAuthority: ca.pem, clientCertificate: client.pem, clientKey: client.key}\n";
    sandbox.file("settings/own.yaml", &http(own));
    let line = "transfer cv ctf//acme.org/hello:1.0.0 registry.test/shop --config";
    let without = run(&sandbox, &format!("{line} none.yaml"), &through);
    assert!(without.status == 8 && without.stderr.contains("not trusted"), "{}", without.stderr);
    let without = run(&sandbox, &format!("{line} authority.yaml"), &through);
    assert_eq!(without.status, 8, "{}", without.stderr);
    let ran = run(&sandbox, &format!("{line} settings/own.yaml"), &through);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let ran = run(&sandbox, "get cv registry.test/shop//acme.org/hello -o ndjson --config settings/own.yaml", &through);
    assert!(ran.stdout.contains("acme.org/hello"), "{}", ran.stderr);
    let seen = proxy.seen();
    assert!(!seen.is_empty() && seen.iter().all(|line| line.starts_with("CONNECT registry.test:443 ")), "{seen:?}");
    assert!(seen.iter().all(|line| line.contains("Basic bWU6c2VjcmV0")), "{seen:?}");
    // Without the proxy the name means nothing.
    assert_eq!(run(&sandbox, &format!("{line} settings/own.yaml"), &[]).status, 8);
    assert_eq!(run(&sandbox, &format!("{line} settings/own.yaml"), &[through[0], ("NO_PROXY", ".test")]).status, 8);
    let ran = run(&sandbox, "doctor registry.test/shop --write -o json --config settings/own.yaml", &through);
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("trusted because of") && ran.stdout.contains("through the proxy"), "{}", ran.stdout);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let anchor = report["trustedBy"].as_str().unwrap();
    assert!(anchor.contains("settings/own.yaml:3:"), "{anchor}");
    assert!(report["certificates"][0]["notAfter"].as_str().unwrap().starts_with("21"), "{report}");
    let ran = run(&sandbox, "doctor registry.test/shop -o json --config none.yaml", &through);
    assert_eq!(ran.status, 8, "{}", ran.stderr);
    assert!(ran.stdout.contains("is missing: it is neither shown nor among the authorities"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("secret"), "{}", ran.stdout);
}

#[test]
fn nginx_and_a_proxy_from_debian_in_front_of_a_registry() {
    let sandbox = Sandbox::hello();
    let Some(tinyproxy) = peer("tinyproxy") else { return };
    let Some((_registry, behind)) = registry(&sandbox, "") else { return };
    let passes = format!(
        "location / {{ proxy_pass http://127.0.0.1:{behind}; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto https; }}"
    );
    let (Some((_nginx, front)), port) = (crate::nginx::start(&sandbox, &passes), free()) else { return };
    // The proxy from Debian asks the system for names; the one behind it knows ours.
    let names = Proxy::start(&[("registry.test", &format!("127.0.0.1:{front}"))]);
    let text = format!(
        "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\nUpstream http {} \".test\"\n",
        names.address
    );
    sandbox.file("tinyproxy.conf", &text);
    let _proxy = started(Command::new(tinyproxy).arg("-d").arg("-c").arg(sandbox.path("tinyproxy.conf")), port);
    let own = format!(
        "hosts:\n  registry.test:\n    certificateAuthority: {}\n    clientCertificate: {}\n    clientKey: {}\n",
        certificate("ca.pem"),
        certificate("client.pem"),
        certificate("client.key")
    );
    sandbox.file("own.yaml", &http(&own));
    let through = [("https_proxy", &*format!("http://127.0.0.1:{port}"))];
    for line in [
        "transfer cv ctf//acme.org/hello:1.0.0 registry.test/shop",
        "get cv registry.test/shop//acme.org/hello",
        "transfer cv registry.test/shop//acme.org/hello:1.0.0 back",
    ] {
        let ran = run(&sandbox, &format!("{line} --config own.yaml"), &through);
        assert_eq!(ran.status, 0, "{line}: {}", ran.stderr);
    }
    let ran = run(&sandbox, "get cv registry.test/shop//acme.org/hello", &through);
    assert!(ran.status == 8 && ran.stderr.contains("certificateAuthority in http.config"), "{}", ran.stderr);
    assert!(!names.seen().is_empty());
    // It answers 400, which by itself says nothing.
    sandbox.file("half.yaml", &http(&format!("certificateAuthority: {}\n", certificate("ca.pem"))));
    for (line, status) in [
        ("get cv registry.test/shop//acme.org/hello:1.0.0", 6),
        ("transfer cv ctf//acme.org/hello:1.0.0 registry.test/other", 6),
        ("doctor registry.test/shop", 8),
    ] {
        let ran = run(&sandbox, &format!("{line} --config half.yaml"), &through);
        let told = ran.stderr.contains("wants a client certificate: clientCertificate and clientKey in http.config");
        assert!(ran.status == status && told, "{line}: {} {}", ran.status, ran.stderr);
    }
}

#[test]
fn nothing_bypasses_the_proxy() {
    let sandbox = Sandbox::tree();
    sandbox.ok("create rsakeypair key");
    let (mut child, address) = serve(&sandbox, &["serve", "registry", "--writable"]);
    let (mut other, second) = serve(&sandbox, &["serve", "second", "--writable"]);
    std::fs::write(sandbox.path("page"), "content").unwrap();
    let files = Proxy::start(&[]);
    let pages = pages();
    let proxy = Proxy::start(&[("registry.test", &address), ("other.test", &second), ("files.test", &pages)]);
    sandbox.file(
        "wget.yaml",
        "name: acme.org/wget\nversion: 1.0.0\nprovider: {name: acme.org}\nresources:\n\
         - {name: page, type: blob, version: 1.0.0, input: {type: wget, url: 'http://files.test/page', mediaType: text/plain}}\n",
    );
    sandbox.file(
        "access.yaml",
        "name: acme.org/access\nversion: 1.0.0\nprovider: {name: acme.org}\nresources:\n\
         - {name: page, type: blob, version: 1.0.0, access: {type: wget, url: 'http://files.test/page', mediaType: text/plain}}\n",
    );
    sandbox.file(
        "config.yaml",
        "type: resolvers.config.ocm.software\nresolvers:\n\
         - {repository: {type: OCIRepository, baseUrl: 'http://other.test', subPath: shop}, componentNamePattern: 'acme.org/leaf'}\n",
    );
    let through = [("HTTP_PROXY", &*format!("http://{}", proxy.address))];
    let root = "http://registry.test/shop//acme.org/root:1.0.0";
    let mut before = 0;
    for line in [
        "transfer cv ctf//acme.org/leaf:0.1.0 http://other.test/shop".to_owned(),
        "transfer cv -r ctf//acme.org/root:1.0.0 http://registry.test/shop".to_owned(),
        format!("get cv {root} --recursive"),
        format!("get cv {root} --recursive --config config.yaml"),
        "list cv http://registry.test/shop//acme.org/root".to_owned(),
        format!("get references {root}"),
        format!("check cv {root}"),
        format!("check cv {root} --config config.yaml"),
        format!("check portability {root}"),
        format!("hash cv {root}"),
        format!("sign cv --private-key key {root}"),
        format!("verify cv --public-key default=key.pub {root}"),
        format!("verify cv --public-key default=key.pub {root} --config config.yaml"),
        format!("diff {root} ctf//acme.org/root:1.0.0 --digest-only"),
        format!("transfer cv -r {root} http://other.test/copy"),
        format!("transfer cv -r {root} archive --config config.yaml"),
        format!("download cv {root} -O downloaded"),
        "add cv -c wget.yaml -r http://registry.test/shop".to_owned(),
        "download resource http://registry.test/shop//acme.org/wget:1.0.0 --identity name=page --output got".to_owned(),
        "add cv -c access.yaml -r accessed --skip-reference-digest-processing".to_owned(),
        "transfer cv --copy-resources accessed//acme.org/access:1.0.0 http://other.test/shop".to_owned(),
        "download resource accessed//acme.org/access:1.0.0 --identity name=page --output got-too".to_owned(),
        "doctor http://registry.test/shop --write".to_owned(),
    ] {
        let ran = run(&sandbox, &line, &through);
        assert_eq!(ran.status, 0, "{line}: {}{}", ran.stdout, ran.stderr);
        let seen = proxy.seen().len();
        let is_add_by_reference = line.contains("access.yaml");
        assert!(seen > before || is_add_by_reference, "{line} did not come by");
        before = seen;
    }
    assert_eq!(sandbox.read("got"), "content");
    for host in ["registry.test", "other.test", "files.test"] {
        assert!(proxy.seen().iter().any(|line| line.contains(&format!("http://{host}/"))), "{host}");
    }
    drop(files);
    assert_eq!((interrupt(&mut child), interrupt(&mut other)), (0, 0));
}

#[test]
fn authorities_of_all_places_count_together() {
    let sandbox = Sandbox::new();
    let tls = format!(", tls: {{certificate: {}, key: {}}}", certificate("server.pem"), certificate("server.key"));
    let Some((_registry, port)) = registry(&sandbox, &tls) else { return };
    let proxy = Proxy::start(&[("registry.test", &format!("127.0.0.1:{port}"))]);
    let through = [("HTTPS_PROXY", &*format!("http://{}", proxy.address))];
    let text = std::fs::read_to_string(certificate("ca.pem")).unwrap();
    let (file, other) = (certificate("ca.pem"), certificate("rsa.pem"));
    let data = format!("|\n  {}", text.replace('\n', "\n  "));
    let nested = format!("|\n      {}", text.replace('\n', "\n      "));
    for members in [
        format!("certificateAuthority: {other}\ncertificateAuthorityData: {data}"),
        format!("certificateAuthorityData: {data}\ncertificateAuthority: {other}"),
        format!("certificateAuthority: {other}\nhosts:\n  registry.test:\n    certificateAuthorityData: {nested}"),
        format!("certificateAuthority: {file}\nhosts:\n  registry.test: {{certificateAuthority: {other}}}"),
        format!("certificateAuthority: [{other}, {file}]"),
    ] {
        sandbox.file("c.yaml", &http(&format!("{members}\n")));
        let ran = run(&sandbox, "doctor registry.test/shop --config c.yaml", &through);
        assert_eq!(ran.status, 0, "{members}: {}{}", ran.stdout, ran.stderr);
    }
    sandbox.file("c.yaml", &http(&format!("certificateAuthority: {other}\n")));
    assert_eq!(run(&sandbox, "doctor registry.test/shop --config c.yaml", &through).status, 8);
}

/// Nobody is contacted, and what needs no connection goes on.
#[test]
fn certificates_and_keys_that_cannot_be_used_are_faults_of_the_configuration() {
    let sandbox = Sandbox::hello();
    sandbox.ok("create rsakeypair key");
    let (file, key) = (certificate("ca.pem"), certificate("server.key"));
    let page = "{name: page, type: blob, version: 1.0.0, access: {type: wget, url: 'https://registry.test/x', mediaType: text/plain}}";
    let text = format!("name: acme.org/page\nversion: 1.0.0\nprovider: {{name: acme.org}}\nresources:\n- {page}\n");
    sandbox.file("page.yaml", &text);
    sandbox.ok("add cv -c page.yaml -r ctf --skip-reference-digest-processing");
    sandbox.file("service", "url: https://registry.test\n");
    let proxy = Proxy::start(&[]);
    let through = [("HTTPS_PROXY", &*format!("http://{}", proxy.address))];
    let local = "get cv ctf//acme.org/hello:1.0.0";
    for (members, told) in [
        (
            format!("certificateAuthority: {key}"),
            format!("c.yaml:2:23: {key}: a bundle of certificate authorities holds no"),
        ),
        ("certificateAuthority: missing.pem".to_owned(), "c.yaml:2:23: missing.pem: ".to_owned()),
        (
            "certificateAuthorityData: Y2FuYXJ5".to_owned(),
            "c.yaml:2:27: a bundle of certificate authorities".to_owned(),
        ),
        (
            format!("clientCertificate: {file}\nclientKey: {key}"),
            format!("c.yaml:3:12: {key}: the client certificate cannot be used with its key"),
        ),
        (
            format!("clientCertificate: {file}\nclientKeyData: Y2FuYXJ5"),
            "c.yaml:3:16: the key of the client".to_owned(),
        ),
        (
            format!("hosts:\n  registry.test: {{certificateAuthority: {key}}}"),
            format!("c.yaml:3:41: {key}: a bundle of certificate authorities"),
        ),
    ] {
        sandbox.file("c.yaml", &http(&format!("{members}\n")));
        for line in [
            "get cv registry.test/shop//acme.org/hello:1.0.0",
            "transfer cv ctf//acme.org/hello:1.0.0 registry.test/shop",
            "download resource ctf//acme.org/page:1.0.0 --identity name=page --output got",
            "sign cv -s a --signing-service https://registry.test ctf//acme.org/hello:1.0.0",
            "sign cv -s b -K key --tsa=https://registry.test/ ctf//acme.org/hello:1.0.0",
            "doctor registry.test/shop",
        ] {
            let ran = run(&sandbox, &format!("{line} --config c.yaml"), &through);
            assert!(ran.status == 2 && ran.stderr.contains(&told), "{line}, {members}: {} {}", ran.status, ran.stderr);
            assert!(ran.stderr.contains("Error: ") || line.starts_with("doctor"), "{line}: {}", ran.stderr);
            assert!(!ran.stderr.contains("Y2FuYXJ5") && !ran.stderr.contains("canary"), "{}", ran.stderr);
        }
        let ran = run(&sandbox, &format!("{local} --config c.yaml"), &through);
        assert!(ran.status == 0 && ran.stderr.contains(&told), "{members}: {}", ran.stderr);
    }
    assert_eq!(proxy.seen(), [""; 0]);
    // Another host is not touched by it.
    let ran = run(&sandbox, "get cv other.test/shop//acme.org/hello:1.0.0 --config c.yaml", &through);
    assert_eq!(ran.status, 8, "{}", ran.stderr);
    assert!(proxy.seen().iter().all(|line| line.starts_with("CONNECT other.test:443 ")), "{:?}", proxy.seen());
    // A proxy that is not understood is no reason to go around it.
    for wrong in ["ftp://me:canary@127.0.0.1:1", "http://me:can/ary@127.0.0.1:1", "http://"] {
        let ran = run(&sandbox, "get cv other.test/shop//acme.org/hello:1.0.0", &[("HTTPS_PROXY", wrong)]);
        assert!(ran.status == 2 && ran.stderr.contains("is not valid"), "{wrong}: {} {}", ran.status, ran.stderr);
        assert!(!ran.stderr.contains("ary@"), "{}", ran.stderr);
    }
}

#[test]
fn a_proxy_may_be_named_by_host_and_port_alone_and_is_named_when_it_fails() {
    let sandbox = Sandbox::new();
    let proxy = Proxy::start(&[]);
    let line = "get cv other.test/shop//acme.org/hello:1.0.0";
    run(&sandbox, line, &[("HTTPS_PROXY", &proxy.address)]);
    assert!(proxy.seen().iter().any(|line| line.starts_with("CONNECT other.test:443 ")), "{:?}", proxy.seen());
    // One that asks who is there is not asked again and again.
    let asking = refusing();
    let begin = Instant::now();
    for (name, line) in [("HTTPS_PROXY", line), ("HTTP_PROXY", "get cv http://other.test/shop//acme.org/hello:1.0.0")] {
        let ran = run(&sandbox, line, &[(name, &format!("me:canary@{asking}"))]);
        assert!(
            ran.status == 6
                && ran.stderr.contains("as USER:PASSWORD@HOST:PORT")
                && ran.stderr.contains(&format!("by way of the proxy http://{asking}")),
            "{name}: {} {}",
            ran.status,
            ran.stderr
        );
        assert!(!ran.stderr.contains("canary") && begin.elapsed() < Duration::from_secs(3), "{name}: {}", ran.stderr);
    }
    let nobody = format!("me:canary@127.0.0.1:{}", free());
    let ran = run(&sandbox, line, &[("HTTPS_PROXY", &nobody)]);
    let told = format!("by way of the proxy http://{}", &nobody["me:canary@".len()..]);
    assert!(ran.status == 8 && ran.stderr.contains(&told) && !ran.stderr.contains("canary"), "{told}: {}", ran.stderr);
}

/// A proxy that takes no password; gives its address.
fn refusing() -> String {
    use std::io::{Read as _, Write as _};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let _ = socket.read(&mut [0; 4096]);
            let _ = socket.write_all(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"p\"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            );
        }
    });
    address
}

/// A server with one page; gives its address.
fn pages() -> String {
    use std::io::{Read as _, Write as _};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let _ = socket.read(&mut [0; 4096]);
                let _ = socket.write_all(
                    b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: 7\r\n\r\ncontent",
                );
            });
        }
    });
    address
}

#[test]
fn a_certificate_that_is_not_checked_is_said_once() {
    let sandbox = Sandbox::hello();
    sandbox.file("c.yaml", &http("hosts: {registry.test: {insecureSkipVerify: true}}\n"));
    let ran = sandbox.run("get cv ctf//acme.org/hello:1.0.0 --config c.yaml");
    assert_eq!(ran.stderr.matches("certificates are not checked").count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("registry.test (c.yaml:2:"), "{}", ran.stderr);
}
