//! Content that lies elsewhere: web servers, chart repositories, GitHub, S3.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::sandbox::Sandbox;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/// Answers by path; a text that begins with `http` is where the answer is.
#[derive(Clone, Default)]
pub(crate) struct Web(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl Web {
    pub(crate) fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let web = Self::default();
        let files = web.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let files = files.clone();
                std::thread::spawn(move || files.answer(&mut connection.unwrap()));
            }
        });
        (web, address)
    }

    pub(crate) fn put(&self, path: &str, content: impl Into<Vec<u8>>) -> &Self {
        self.0.lock().unwrap().insert(path.to_owned(), content.into());
        self
    }

    pub(crate) fn remove(&self, path: &str) {
        self.0.lock().unwrap().remove(path);
    }

    fn answer(&self, connection: &mut std::net::TcpStream) {
        let mut reader = BufReader::new(connection.try_clone().unwrap());
        let mut first = String::new();
        reader.read_line(&mut first).unwrap();
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap() > 2 {
            line.clear();
        }
        let path = first.split(' ').nth(1).unwrap_or_default();
        let content = self.0.lock().unwrap().get(path).cloned();
        let head = match &content {
            None => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n".to_owned(),
            Some(text) if text.starts_with(b"http") => {
                format!("HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: {}\r\n", String::from_utf8_lossy(text))
            }
            Some(content) => {
                format!("HTTP/1.1 200 OK\r\ncontent-type: text/x-test\r\ncontent-length: {}\r\n", content.len())
            }
        };
        connection.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).unwrap();
        if !head.contains("length: 0") {
            connection.write_all(&content.unwrap_or_default()).unwrap();
        }
    }
}

/// A constructor file with one resource `res`.
pub(crate) fn constructor(kind: &str, content: &str) -> String {
    format!(
        "name: acme.org/x\nversion: 1.0.0\nprovider: {{name: acme.org}}\nresources:\n- {{name: res, type: {kind}, version: 1.0.0, {content}}}\n"
    )
}

fn add(sandbox: &Sandbox, kind: &str, content: &str) {
    sandbox
        .file("c.yaml", &constructor(kind, content))
        .ok("add cv -c c.yaml -r ctf --component-version-conflict-policy replace");
}

fn descriptor(sandbox: &Sandbox) -> String {
    sandbox.ok("get cv ctf//acme.org/x:1.0.0 -o yaml")
}

const DOWNLOAD: &str = "download resource ctf//acme.org/x:1.0.0 --identity name=res --output out";

/// A packed chart, made by the program itself.
pub(crate) fn chart(sandbox: &Sandbox) -> Vec<u8> {
    sandbox.file("chart/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.2.0\n").file("chart/values.yaml", "a: b\n");
    sandbox.file("chart.yaml", &constructor("helmChart", "input: {type: helm, path: chart}"));
    sandbox.ok("add cv -c chart.yaml -r charts");
    sandbox.ok("download resource charts//acme.org/x:1.0.0 --identity name=res --transformer helm --output packed");
    let found = std::fs::read_dir(sandbox.path("packed")).unwrap().next().unwrap().unwrap().path();
    let packed = std::fs::read(found).unwrap();
    std::fs::remove_dir_all(sandbox.path("packed")).unwrap();
    packed
}

#[test]
fn a_file_of_the_web_gets_its_digest_and_is_checked_by_it() {
    let (sandbox, (web, address)) = (Sandbox::new(), Web::start());
    web.put("/f", "hello");
    add(&sandbox, "blob", &format!("access: {{type: wget, url: '{address}/f'}}"));
    let text = descriptor(&sandbox);
    assert!(text.contains(HELLO) && text.contains("genericBlobDigest/v1") && text.contains("type: wget"), "{text}");
    for _ in 0..2 {
        sandbox.ok(DOWNLOAD);
        assert_eq!(sandbox.read("out"), "hello");
    }
    std::fs::remove_file(sandbox.path("out")).unwrap();
    web.put("/f", "other");
    let message = sandbox.fails(DOWNLOAD, 5);
    assert!(message.contains(HELLO) && !sandbox.path("out").exists(), "{message}");
    web.put("/other", format!("{address}/f"));
    web.0.lock().unwrap().remove("/f");
    assert!(sandbox.fails(DOWNLOAD, 3).contains("404"));
}

#[test]
fn a_file_of_the_web_can_be_stored() {
    let (sandbox, (web, address)) = (Sandbox::new(), Web::start());
    web.put("/f", "hello").put("/moved", format!("{address}/f"));
    add(&sandbox, "blob", &format!("input: {{type: wget, url: '{address}/moved'}}"));
    let text = descriptor(&sandbox);
    assert!(text.contains(HELLO) && text.contains("mediaType: text/x-test") && !text.contains(&address), "{text}");
    sandbox.file(
        "c.yaml",
        &constructor("blob", &format!("input: {{type: wget, url: '{address}/moved', noRedirect: true}}")),
    );
    let message = sandbox.fails("add cv -c c.yaml -r other", 1);
    assert!(message.contains("c.yaml:5:3") && message.contains("redirects are not followed"), "{message}");
    sandbox.file("c.yaml", &constructor("blob", &format!("input: {{type: wget, url: '{address}/none'}}")));
    assert!(sandbox.fails("add cv -c c.yaml -r other", 3).contains("404"));
}

#[test]
fn a_chart_of_a_repository_arrives_as_its_file() {
    let (sandbox, (web, address)) = (Sandbox::new(), Web::start());
    let packed = chart(&sandbox);
    web.put("/stable/app-1.2.0.tgz", packed.clone());
    web.put("/stable/index.yaml", "entries: {app: [{version: 1.2.0, urls: [app-1.2.0.tgz]}]}");
    add(&sandbox, "helmChart", &format!("access: {{type: helm, helmRepository: '{address}/stable', helmChart: app}}"));
    let text = descriptor(&sandbox);
    assert!(text.contains("version: 1.2.0") && text.contains("helmChart: app"), "{text}");
    sandbox.ok(DOWNLOAD);
    assert_eq!(std::fs::read(sandbox.path("out")).unwrap(), packed);
    sandbox.ok("download resource ctf//acme.org/x:1.0.0 --identity name=res --transformer helm --output charts-out");
    assert_eq!(std::fs::read(sandbox.path("charts-out/app-1.2.0.tgz")).unwrap(), packed);
    // Carried as an OCI artifact, it still has the digest of its file, and that is still checked.
    let recorded = |text: &str| text.lines().find(|line| line.trim().starts_with("value:")).map(str::to_owned);
    sandbox.ok("transfer cv ctf//acme.org/x:1.0.0 carried --copy-resources");
    let carried = sandbox.ok("get cv carried//acme.org/x:1.0.0 -o yaml");
    assert_eq!(recorded(&carried), recorded(&text), "{carried}");
    web.put("/stable/app-1.2.0.tgz", "gone");
    sandbox
        .ok("download resource carried//acme.org/x:1.0.0 --identity name=res --transformer helm --output carried-out");
    assert_eq!(std::fs::read(sandbox.path("carried-out/app-1.2.0.tgz")).unwrap(), packed);
    std::fs::remove_file(sandbox.path("out")).unwrap();
    sandbox.fails(DOWNLOAD, 5);
    assert!(!sandbox.path("out").exists());
}

#[test]
fn a_chart_of_a_repository_can_be_stored_in_either_dialect() {
    let (sandbox, (web, address)) = (Sandbox::new(), Web::start());
    web.put("/stable/app-1.2.0.tgz", chart(&sandbox));
    web.put("/stable/index.yaml", "entries: {app: [{version: 1.2.0, urls: [app-1.2.0.tgz]}]}");
    let mut stored = Vec::new();
    for input in [
        format!("helmRepository: '{address}/stable/app-1.2.0.tgz'"),
        format!("helmRepository: '{address}/stable/app:1.2.0', repository: 'charts/app:1.2.0'"),
        format!("helmRepository: '{address}/stable', path: app, version: 1.2.0"),
    ] {
        add(&sandbox, "helmChart", &format!("input: {{type: helm, {input}}}"));
        let text = descriptor(&sandbox);
        assert!(text.contains("application/vnd.oci.image.manifest.v1+json"), "{text}");
        stored.push(text.lines().find(|line| line.contains("localReference")).unwrap().to_owned());
    }
    // What was packed here has the same artifact as what came over the network.
    let own = sandbox.ok("get cv charts//acme.org/x:1.0.0 -o yaml");
    assert!(stored.iter().all(|line| own.contains(line.trim())), "{stored:?}\n{own}");
    let input =
        format!("input: {{type: helm, helmRepository: '{address}/stable/app:1.2.0', repository: 'charts/app:9.9.9'}}");
    sandbox.file("c.yaml", &constructor("helmChart", &input));
    assert!(sandbox.fails("add cv -c c.yaml -r other", 2).contains("names the version 9.9.9"));
}

#[test]
fn a_branch_of_github_is_pinned() {
    let (sandbox, (web, address)) = (Sandbox::new(), Web::start());
    web.put("/api/v3/repos/acme/app/commits/main", COMMIT);
    web.put(&format!("/api/v3/repos/acme/app/tarball/{COMMIT}"), format!("{address}/archive"));
    web.put("/archive", "hello");
    add(&sandbox, "git", &format!("access: {{type: gitHub, repoUrl: '{address}/acme/app', ref: main}}"));
    let text = descriptor(&sandbox);
    assert!(text.contains(COMMIT) && text.contains("ref: main") && text.contains(HELLO), "{text}");
    sandbox.ok(&format!("{DOWNLOAD} --extraction-policy disable"));
    assert_eq!(sandbox.read("out"), "hello");
    sandbox.file(
        "c.yaml",
        &constructor("git", &format!("access: {{type: gitHub, repoUrl: '{address}/acme/app', ref: main}}")),
    );
    sandbox.ok("add cv -c c.yaml -r unpinned --skip-reference-digest-processing");
    let message = sandbox.fails("download resource unpinned//acme.org/x:1.0.0 --identity name=res", 1);
    assert!(message.contains("has no commit"), "{message}");
}

#[test]
fn an_object_of_s3_is_read() {
    let (sandbox, (web, address)) = (Sandbox::new(), Web::start());
    web.put("/data/a/b", "hello");
    for access in ["type: s3/v1, bucket: data, key: a/b", "type: S3Bucket/v1, bucketName: data, objectKey: a/b"] {
        add(&sandbox, "blob", &format!("access: {{{access}, endpoint: '{address}'}}"));
        assert!(descriptor(&sandbox).contains(HELLO));
        sandbox.ok(DOWNLOAD);
        assert_eq!(sandbox.read("out"), "hello");
    }
}

#[test]
fn what_cannot_be_fetched_is_named() {
    let sandbox = Sandbox::new();
    for (access, status, said) in [
        ("type: git, repository: 'https://host/x', ref: main", 1, "access type git"),
        ("type: none", 3, "placeholder"),
        ("type: foo/v7", 1, "foo/v7"),
        ("type: relativeOciReference, reference: 'app:1.0'", 3, "there is no such image in ctf"),
    ] {
        add(&sandbox, "blob", &format!("access: {{{access}}}"));
        let message = sandbox.fails(DOWNLOAD, status);
        assert!(message.contains(said), "{access}: {message}");
    }
}

#[test]
fn every_mistake_of_an_access_is_told_at_its_place() {
    let sandbox = Sandbox::new();
    let text = "name: acme.org/x\nversion: 1.0.0\nprovider: {name: acme.org}\nresources:\n- name: aa\n  type: blob\n  version: v1\n  access:\n    type: wget\n- name: bb\n  type: blob\n  version: v1\n  access:\n    type: ociArtifact\n    imageReference: A b\n- {name: B, type: blob, version: v1, input: {type: utf8, text: x}}\n";
    let message = sandbox.file("c.yaml", text).fails("add cv -c c.yaml -r ctf", 2);
    for place in ["c.yaml:9:5", "c.yaml:15:21", "c.yaml:16:4"] {
        assert!(message.contains(place), "{place}: {message}");
    }
}

#[test]
fn a_target_that_cannot_be_written_is_no_mistake_of_the_file() {
    let sandbox = Sandbox::hello();
    std::fs::remove_dir_all(sandbox.path("ctf/blobs")).unwrap();
    std::fs::write(sandbox.path("ctf/blobs"), "no folder").unwrap();
    sandbox.file("c.yaml", &constructor("blob", "input: {type: utf8, text: x}"));
    let ran = sandbox.run("add cv -c c.yaml -r ctf");
    assert!(ran.status != 0 && !ran.stderr.contains("c.yaml:") && ran.stderr.contains("ctf"), "{}", ran.stderr);
    assert!(Path::new(&sandbox.path("ctf/blobs")).is_file());
}
