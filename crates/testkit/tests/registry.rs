//! The quirks and faults themselves: what a client gets to see.
#![allow(clippy::unwrap_used)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ocm_blob::{Digest, MemoryBlob};
use ocm_oci::Registry as _;
use ocm_testkit::{Class, Fault, Origin, Quirk, TestRegistry, fixtures};

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
    /// Whether as many bytes came as were announced.
    whole: bool,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// One request on a connection of its own. `None` if no answer came.
fn send(address: &str, what: &str, headers: &[&str], body: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut lines = vec![format!("{what} HTTP/1.1"), format!("Host: {address}"), "Connection: close".to_owned()];
    lines.extend(headers.iter().map(ToString::to_string));
    if !body.is_empty() {
        lines.push(format!("Content-Length: {}", body.len()));
    }
    stream.write_all((lines.join("\r\n") + "\r\n\r\n").as_bytes()).unwrap();
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let body = answer[end + 4..].to_vec();
    let mut answer = Answer { status: head[9..12].parse().unwrap(), head, body, whole: true };
    let expected = answer.header("content-length").map(|length| length.parse().unwrap());
    answer.whole = what.starts_with("HEAD") || expected.is_none_or(|length: usize| length == answer.body.len());
    Some(answer)
}

fn registry() -> (TestRegistry, String) {
    let registry = TestRegistry::start().unwrap();
    let address = registry.address();
    (registry, address)
}

/// A registry with a blob of 100,000 bytes, and the path of the blob.
async fn with_blob() -> (TestRegistry, String, Vec<u8>, String) {
    let (registry, address) = registry();
    let content = fixtures::bytes(1, 100_000);
    registry.store().repository("a").push_blob(&MemoryBlob::new(content.clone())).await.unwrap();
    let path = format!("/v2/a/blobs/{}", Digest::of(&content));
    (registry, address, content.to_vec(), path)
}

fn begin(address: &str) -> Answer {
    let answer = send(address, "POST /v2/a/blobs/uploads/", &[], b"").unwrap();
    assert_eq!(answer.status, 202);
    answer
}

#[tokio::test]
async fn every_request_is_written_down() {
    let (registry, address, content, path) = with_blob().await;
    let answer = send(&address, &format!("GET {path}"), &["Authorization: Basic eA=="], b"").unwrap();
    assert!(answer.body == content && answer.whole);
    let post = format!("POST /v2/a/blobs/uploads/?digest={}", Digest::of("x"));
    assert_eq!(send(&address, &post, &[], b"x").unwrap().status, 201);
    let requests = registry.requests();
    let seen =
        |at: usize| (requests[at].method.as_str(), requests[at].status, requests[at].received, requests[at].sent);
    assert_eq!(seen(0), ("GET", 200, 0, 100_000));
    assert!(requests[0].authorized && requests[0].path == path && requests[0].origin == Origin::Registry);
    assert_eq!(seen(1), ("POST", 201, 1, 0));
    assert_eq!((registry.count("", Class::Blob), registry.count("GET", Class::Upload)), (1, 0));
    registry.reset();
    assert!(registry.requests().is_empty());
}

#[tokio::test]
async fn faults_strike_when_they_are_due() {
    let (registry, address, content, path) = with_blob().await;
    let get = || send(&address, &format!("GET {path}"), &[], b"").unwrap();
    registry.fault(Fault::status(429).retry_after(Duration::from_secs(2)).every(3));
    let answers: Vec<_> = (0..6).map(|_| get()).collect();
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 200, 429, 200, 200, 429]);
    assert_eq!(answers[2].header("retry-after"), Some("2"));
    registry.reset();

    registry.fault(Fault::cut(1000).of("GET", Class::Blob).once());
    let cut = get();
    assert!(cut.body == content[..1000] && !cut.whole);
    assert!(get().whole);

    registry.fault(Fault::corrupt().once());
    let corrupt = get();
    assert!(corrupt.whole && corrupt.body != content && corrupt.body[..99_999] == content[..99_999]);

    registry.fault(Fault::short(10).once());
    let short = get();
    assert!(short.whole && short.body == content[..99_990]);

    registry.fault(Fault::length(5).times(2));
    let long = get();
    assert!(!long.whole && long.body == content && long.header("content-length") == Some("100005"));
    let head = send(&address, &format!("HEAD {path}"), &[], b"").unwrap();
    assert_eq!(head.header("content-length"), Some("100005"));

    registry.fault(Fault::html().once());
    let page = get();
    assert!(page.whole && page.status == 200 && page.header("content-type").unwrap().starts_with("text/html"));

    registry.fault(Fault::slow(Duration::from_millis(20)).once());
    let start = Instant::now();
    assert!(get().whole && start.elapsed() >= Duration::from_millis(100));
}

#[test]
fn a_silent_registry_does_not_hold_up_the_end() {
    let (registry, address) = registry();
    registry.fault(Fault::stall(0));
    let client = std::thread::spawn(move || send(&address, "GET /v2/", &[], b""));
    while registry.requests().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(registry);
    assert!(client.join().unwrap().is_none());
}

#[test]
fn an_upload_that_is_cut_keeps_what_came() {
    let (registry, address) = registry();
    let location = begin(&address).header("location").unwrap().to_owned();
    registry.fault(Fault::cut(0).of("PATCH", Class::Upload).once());
    assert!(send(&address, &format!("PATCH {location}"), &[], &vec![7; 50_000]).is_none());
    let status = send(&address, &format!("GET {location}"), &[], b"").unwrap();
    assert_eq!((status.status, status.header("range")), (204, Some("0-0")));
    registry.fault(Fault::cut(1000).of("PATCH", Class::Upload).once());
    assert!(send(&address, &format!("PATCH {location}"), &[], &vec![7; 50_000]).is_none());
    let status = send(&address, &format!("GET {location}"), &[], b"").unwrap();
    assert_eq!((status.status, status.header("range")), (204, Some("0-999")));
}

#[tokio::test]
async fn tokens_are_needed_and_run_out() {
    let (registry, address, _, path) = with_blob().await;
    let user = Some(("user".to_owned(), "secret".to_owned()));
    registry.set(Quirk::Token { lifetime: Duration::from_millis(300), user });
    let get = format!("GET {path}");
    let refused = send(&address, &get, &[], b"").unwrap();
    let realm = format!("Bearer realm=\"http://{address}/token\",service=\"testkit\",scope=\"repository:a:pull\"");
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some(realm.as_str())));
    let ask = |scope: &str| format!("GET /token?service=testkit&scope={scope}");
    assert_eq!(send(&address, &ask("repository:a:pull"), &[], b"").unwrap().status, 401);
    // user:secret
    let basic = ["Authorization: Basic dXNlcjpzZWNyZXQ="];
    let token = |scope: &str| {
        let answer = send(&address, &ask(scope), &basic, b"").unwrap();
        let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        format!("Authorization: Bearer {}", document["token"].as_str().unwrap())
    };
    let (other, pull) = (token("repository:b:pull"), token("repository:a:pull,push"));
    assert_eq!(send(&address, &get, &[&other], b"").unwrap().status, 401);
    assert_eq!(send(&address, &get, &[&pull], b"").unwrap().status, 200);
    assert_eq!(send(&address, "POST /v2/a/blobs/uploads/", &[&pull], b"").unwrap().status, 202);
    std::thread::sleep(Duration::from_millis(350));
    assert_eq!(send(&address, &get, &[&pull], b"").unwrap().status, 401);
    let pull = token("repository:a:pull");
    registry.revoke_tokens();
    assert_eq!(send(&address, &get, &[&pull], b"").unwrap().status, 401);
    assert_eq!(registry.count("GET", Class::Token), 4);
}

#[tokio::test]
async fn the_storage_takes_no_credentials() {
    let (registry, address, content, path) = with_blob().await;
    registry.set(Quirk::Basic { user: "user".into(), password: "secret".into() });
    registry.set(Quirk::RedirectBlobs);
    let basic = "Authorization: Basic dXNlcjpzZWNyZXQ=";
    assert_eq!(send(&address, &format!("GET {path}"), &[], b"").unwrap().status, 401);
    let redirect = send(&address, &format!("GET {path}"), &[basic], b"").unwrap();
    let target = format!("http://{}{path}?signature=a%2Bb", registry.storage());
    assert_eq!((redirect.status, redirect.header("location")), (307, Some(target.as_str())));
    assert_eq!(send(&registry.storage(), &format!("GET {path}"), &[basic], b"").unwrap().status, 400);
    assert!(send(&registry.storage(), &format!("GET {path}"), &[], b"").unwrap().body == content);
    assert_eq!(registry.requests().last().unwrap().origin, Origin::Storage);
}

#[tokio::test]
async fn parts_of_the_specification_are_missing() {
    let (registry, address, content, path) = with_blob().await;
    registry.set(Quirk::NoHead);
    assert_eq!(send(&address, &format!("HEAD {path}"), &[], b"").unwrap().status, 405);
    registry.set(Quirk::NoRange);
    let whole = send(&address, &format!("GET {path}"), &["Range: bytes=5-6"], b"").unwrap();
    assert_eq!((whole.status, whole.body.len()), (200, content.len()));
    registry.set(Quirk::NoCatalog);
    assert_eq!(send(&address, "GET /v2/_catalog", &[], b"").unwrap().status, 404);
    registry.set(Quirk::NoDelete);
    assert_eq!(send(&address, &format!("DELETE {path}"), &[], b"").unwrap().status, 405);
    registry.set(Quirk::NoMount);
    let digest = path.rsplit('/').next().unwrap();
    let mount = format!("POST /v2/b/blobs/uploads/?mount={digest}&from=a");
    assert_eq!(send(&address, &mount, &[], b"").unwrap().status, 202);
    registry.set(Quirk::NoSinglePost);
    let post = format!("POST /v2/b/blobs/uploads/?digest={}", Digest::of("x"));
    assert_eq!(send(&address, &post, &[], b"x").unwrap().status, 202);
    registry.reset();
    assert_eq!(send(&address, &mount, &[], b"").unwrap().status, 201);
    registry.set(Quirk::NoDigestHeader);
    assert_eq!(send(&address, &format!("GET {path}"), &[], b"").unwrap().header("docker-content-digest"), None);
    registry.set(Quirk::NoReferrers);
    assert_eq!(send(&address, &format!("GET /v2/a/referrers/{digest}"), &[], b"").unwrap().status, 404);

    let image = fixtures::image(1, 10);
    image.push(registry.store().repository("a").as_ref(), Some("v1")).await.unwrap();
    image.push(registry.store().repository("a").as_ref(), Some("v2")).await.unwrap();
    registry.set(Quirk::TagsPage(1));
    let page = send(&address, "GET /v2/a/tags/list", &[], b"").unwrap();
    assert_eq!(page.header("link"), Some("</v2/a/tags/list?n=1&last=v1>; rel=\"next\""));
}

#[test]
fn upload_locations_are_what_they_are() {
    let (registry, address) = registry();
    registry.set(Quirk::ChunkMinimum(10));
    let begun = begin(&address);
    let location = begun.header("location").unwrap();
    assert_eq!(begun.header("oci-chunk-min-length"), Some("10"));
    assert_eq!(send(&address, &format!("PATCH {location}"), &[], &[1; 10]).unwrap().status, 202);
    assert_eq!(send(&address, &format!("PATCH {location}"), &[], &[1; 9]).unwrap().status, 202);
    assert_eq!(send(&address, &format!("PATCH {location}"), &[], &[1; 9]).unwrap().status, 400);
    registry.reset();
    registry.set(Quirk::NoChunks);
    assert_eq!(send(&address, &format!("PATCH {location}"), &[], b"x").unwrap().status, 405);
    registry.reset();

    registry.set(Quirk::AbsoluteLocation);
    assert!(begin(&address).header("location").unwrap().starts_with(&format!("http://{address}/v2/a/")));
    registry.reset();

    registry.set(Quirk::LocationParameter);
    let begun = begin(&address);
    let location = begun.header("location").unwrap();
    let bare = location.split('?').next().unwrap();
    assert_eq!(send(&address, &format!("PATCH {bare}"), &[], b"x").unwrap().status, 400);
    let patched = send(&address, &format!("PATCH {location}"), &[], b"x").unwrap();
    assert_eq!(patched.status, 202);
    assert_eq!(send(&address, &format!("PATCH {location}"), &[], b"x").unwrap().status, 400);
    let put = format!("PUT {}&digest={}", patched.header("location").unwrap(), Digest::of("x"));
    assert_eq!(send(&address, &put, &[], b"").unwrap().status, 201);
    registry.reset();

    registry.set(Quirk::ForeignLocation);
    let begun = begin(&address);
    let path = begun.header("location").unwrap().strip_prefix(&format!("http://{}", registry.storage())).unwrap();
    let put = format!("PUT {path}?digest={}", Digest::of("x"));
    let done = send(&registry.storage(), &put, &[], b"x").unwrap();
    assert_eq!((done.status, done.header("location").unwrap().starts_with("/v2/a/blobs/")), (201, true));
}
