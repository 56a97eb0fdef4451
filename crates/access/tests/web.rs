//! Content behind web addresses: `wget`, `gitHub`, `npm`, `maven`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Response;
use ocm_access::{check, resolve};
use ocm_blob::Digest;
use ocm_http::{HostSettings, Retry, Settings};
use ocm_model::digest::{GENERIC_BLOB_DIGEST, HashAlgorithm};
use ocm_model::{DigestSpec, TypedObject};
use ocm_oci::Kind;
use serde_json::json;
use support::{Network, Server, open, read, status};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn access(value: serde_json::Value) -> TypedObject {
    serde_json::from_value(value).unwrap()
}

fn digest_of(text: &str) -> DigestSpec {
    DigestSpec::new(HashAlgorithm::Sha256, GENERIC_BLOB_DIGEST, Digest::of(text).hex())
}

#[tokio::test]
async fn a_request_is_made_as_it_is_described() {
    let server = Server::new(|_, _| {
        Response::builder().header("content-type", "text/x-special; a=b").body(Body::from("hello")).unwrap()
    })
    .await;
    let access = access(json!({
        "type": "wget/v1", "URL": format!("{}/a?b=c", server.address), "verb": "post", "body": "Ym9keQ==",
        "header": {"X-One": ["1", "2"], "X-Two": "3"},
    }));
    let network = Network::knowing("Wget", &[("username", "me"), ("password", "pw")]);
    let content = open(&access, &network).await.unwrap();
    assert_eq!(read(content).await.unwrap(), (b"hello".to_vec(), "text/x-special; a=b".to_owned()));
    let asked = server.asked.lock().unwrap()[0].clone();
    assert_eq!((asked.method.as_str(), asked.target.as_str(), asked.body.as_slice()), ("POST", "/a?b=c", &b"body"[..]));
    assert_eq!((asked.headers["x-one"].as_str(), asked.headers["x-two"].as_str()), ("1, 2", "3"));
    assert_eq!(asked.headers["authorization"], "Basic bWU6cHc=");
}

#[tokio::test]
async fn content_is_asked_for_once_and_again_for_each_further_reader() {
    let server = Server::with([("/f".to_owned(), b"hello".to_vec())]).await;
    let access = access(json!({"type": "wget", "url": format!("{}/f", server.address), "mediaType": "text/plain"}));
    let content = open(&access, &Network::default()).await.unwrap();
    assert_eq!(read(content.clone()).await.unwrap().1, "text/plain");
    assert_eq!(server.paths().len(), 1);
    assert_eq!(read(content).await.unwrap().0, b"hello");
    assert_eq!(server.paths().len(), 2);
}

/// Content that breaks off is continued as often as was said of the host that sends it, not as often as for all.
#[tokio::test]
async fn every_host_has_attempts_of_its_own() {
    for (all, own, expected) in [(Retry::never(), 3, 4), (Retry::default(), 0, 1)] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let log = asked.clone();
        std::thread::spawn(move || {
            for mut socket in listener.incoming().flatten() {
                let mut head = [0; 4096];
                let length = socket.read(&mut head).unwrap_or(0);
                log.fetch_add(1, Ordering::SeqCst);
                // Ten bytes are promised and none comes after the first.
                let is_rest = String::from_utf8_lossy(&head[..length]).contains("range: bytes=1-");
                let answer: &[u8] = if is_rest {
                    b"HTTP/1.1 206 Partial Content\r\netag: \"x\"\r\ncontent-range: bytes 1-9/10\r\ncontent-length: 9\r\n\r\n"
                } else {
                    b"HTTP/1.1 200 OK\r\netag: \"x\"\r\ncontent-length: 10\r\n\r\na"
                };
                let _ = socket.write_all(answer);
            }
        });
        let wait = std::time::Duration::from_millis(1);
        let own = Retry { max_retries: own, min_wait: wait, ..Retry::default() };
        let host = HostSettings { retry: Some(own), ..HostSettings::default() };
        let settings = Settings {
            retry: Retry { min_wait: wait, ..all },
            hosts: [(address.clone(), host)].into(),
            ..Settings::default()
        };
        let access = access(json!({"type": "wget", "url": format!("http://{address}/f"), "mediaType": "text/plain"}));
        let content = open(&access, &Network::through(settings)).await.unwrap();
        assert!(read(content).await.is_err());
        assert_eq!(asked.load(Ordering::SeqCst), expected);
    }
}

#[tokio::test]
async fn answers_that_are_not_good_say_why() {
    let server = Server::new(|own, asked| match asked.target.as_str() {
        "/moved" => Response::builder().status(302).header("location", format!("{own}/f")).body(Body::empty()).unwrap(),
        "/f" => Response::new(Body::from("hello")),
        "/401" => status(401),
        "/400" => status(400),
        _ => status(404),
    })
    .await;
    let fetch = async |path: &str, more: serde_json::Value| {
        let mut object = access(json!({"type": "wget", "url": format!("{}{path}", server.address)}));
        object.members.extend(more.as_object().unwrap().clone());
        match open(&object, &Network::default()).await {
            Ok(content) => Ok(read(content).await.unwrap().0),
            Err(error) => Err((error.kind(), error.to_string())),
        }
    };
    assert_eq!(fetch("/moved", json!({})).await.unwrap(), b"hello");
    for (path, more, kind, said) in [
        ("/moved", json!({"noRedirect": true}), Kind::Unsupported, "redirects are not followed"),
        ("/gone", json!({}), Kind::NotFound, "404"),
        ("/401", json!({}), Kind::Denied, "401"),
        ("/400", json!({}), Kind::Unsupported, "400"),
        ("/f", json!({"header": {"Host": ["x"]}}), Kind::Malformed, "Host"),
        ("/f", json!({"header": {"x\ny": ["x"]}}), Kind::Malformed, "cannot be sent"),
        ("/f", json!({"header": [1]}), Kind::Malformed, "header"),
        ("/f", json!({"body": "%"}), Kind::Malformed, "base64"),
        ("/f", json!({"verb": "G T"}), Kind::Malformed, "verb"),
    ] {
        let (found, message) = fetch(path, more).await.unwrap_err();
        assert!(found == kind && message.contains(said), "{path}: {found:?} {message}");
    }
    for url in ["", "ftp://host/x", "file:///etc/passwd", "host/x"] {
        let error = open(&access(json!({"type": "wget", "url": url})), &Network::default()).await.err().unwrap();
        assert_eq!(error.kind(), Kind::Malformed, "{url}");
    }
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_to_another_host() {
    let other = Server::with([("/f".to_owned(), b"hello".to_vec())]).await;
    let there = other.address.clone();
    let server = Server::new(move |_, _| {
        Response::builder().status(302).header("location", format!("{there}/f")).body(Body::empty()).unwrap()
    })
    .await;
    let network = Network::knowing("Wget", &[("identityToken", "canary")]);
    let access = access(json!({"type": "wget", "url": server.address, "header": {"Cookie": ["canary"]}}));
    assert_eq!(read(open(&access, &network).await.unwrap()).await.unwrap().0, b"hello");
    assert_eq!(server.asked.lock().unwrap()[0].headers["authorization"], "Bearer canary");
    let headers = other.asked.lock().unwrap()[0].headers.clone();
    assert!(!headers.values().any(|value| value.contains("canary")), "{headers:?}");
}

#[tokio::test]
async fn other_bytes_than_the_recorded_ones_are_an_error_at_their_end() {
    let server = Server::with([("/f".to_owned(), b"hello".to_vec())]).await;
    let access = access(json!({"type": "wget", "url": format!("{}/f", server.address)}));
    let network = Network::default();
    let right = check(open(&access, &network).await.unwrap(), Some(&digest_of("hello"))).await.unwrap();
    assert_eq!(read(right).await.unwrap().0, b"hello");
    let wrong = check(open(&access, &network).await.unwrap(), Some(&digest_of("other"))).await.unwrap();
    assert!(matches!(read(wrong).await, Err(ocm_blob::Error::DigestMismatch { .. })));
    let unknown = DigestSpec { hash_algorithm: "MD5".into(), ..digest_of("hello") };
    let error = check(open(&access, &network).await.unwrap(), Some(&unknown)).await.err().unwrap();
    assert!(error.to_string().contains("MD5"), "{error}");
    let excluded = check(open(&access, &network).await.unwrap(), Some(&DigestSpec::excluded())).await.unwrap();
    assert_eq!(read(excluded).await.unwrap().0, b"hello");
}

#[tokio::test]
async fn a_digest_is_computed_and_compared() {
    let server = Server::with([("/f".to_owned(), b"hello".to_vec())]).await;
    let access = access(json!({"type": "wget", "url": format!("{}/f", server.address)}));
    let network = Network::default();
    let resolved = resolve(&access, None, &network).await.unwrap().unwrap();
    assert_eq!((&resolved.access, &resolved.digest), (&access, &digest_of("hello")));
    assert!(resolve(&access, Some(&digest_of("hello")), &network).await.is_ok());
    let error = resolve(&access, Some(&digest_of("other")), &network).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
}

/// Answers each connection with the next of some texts and closes it.
fn cutting(answers: Vec<String>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/f", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    std::thread::spawn(move || {
        let next = AtomicUsize::new(0);
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut request = [0; 4096];
            let count = connection.read(&mut request).unwrap();
            log.lock().unwrap().push(String::from_utf8_lossy(&request[..count]).to_ascii_lowercase());
            let position = next.fetch_add(1, Ordering::Relaxed);
            let Some(answer) = answers.get(position).or(answers.last()) else { return };
            connection.write_all(answer.as_bytes()).unwrap();
        }
    });
    (address, asked)
}

#[tokio::test]
async fn what_broke_off_is_taken_up_where_it_ended() {
    let (url, asked) = cutting(vec![
        "HTTP/1.1 200 OK\r\netag: \"a\"\r\ncontent-length: 11\r\n\r\nhello".into(),
        "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 5-10/11\r\ncontent-length: 6\r\n\r\n worl".into(),
        "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 10-10/11\r\ncontent-length: 1\r\n\r\nd".into(),
    ]);
    let content = open(&access(json!({"type": "wget", "url": url})), &Network::default()).await.unwrap();
    assert_eq!(read(content).await.unwrap().0, b"hello world");
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 3);
    assert!(asked[1].contains("range: bytes=5-\r\n") && asked[1].contains("if-range: \"a\"\r\n"), "{}", asked[1]);
}

#[tokio::test]
async fn truncated_content_never_looks_complete() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n";
    for (second, third) in [
        // Nothing tells that it is still the same content.
        (format!("{head}\r\nhello"), None),
        // It is other content now.
        (format!("{head}etag: \"a\"\r\n\r\nhello"), Some(format!("{head}etag: \"b\"\r\n\r\nHELLO WORLD"))),
        (format!("{head}etag: W/\"a\"\r\n\r\nhello"), None),
    ] {
        let third = third.unwrap_or_else(|| second.clone());
        let (url, _) = cutting(vec![second, third]);
        let content = open(&access(json!({"type": "wget", "url": url})), &Network::default()).await.unwrap();
        assert!(read(content).await.is_err());
    }
}

fn github(server: &Server, more: &serde_json::Value) -> TypedObject {
    let mut object = access(json!({"type": "gitHub", "repoUrl": format!("{}/acme/app.git", server.address)}));
    object.members.extend(more.as_object().unwrap().clone());
    object
}

async fn github_server() -> Server {
    Server::new(|own, asked| match asked.target.as_str() {
        path if path == format!("/api/v3/repos/acme/app/tarball/{COMMIT}") => Response::builder()
            .status(302)
            .header("location", format!("{own}/codeload/{COMMIT}?token=short"))
            .body(Body::empty())
            .unwrap(),
        path if path.starts_with("/codeload/") => Response::new(Body::from("archive")),
        "/api/v3/repos/acme/app/commits/release%2F1" => Response::new(Body::from(COMMIT)),
        "/api/v3/repos/acme/app/commits/odd" => Response::new(Body::from("<html>")),
        _ => status(404),
    })
    .await
}

#[tokio::test]
async fn a_commit_of_github_is_its_archive() {
    let server = github_server().await;
    let network = Network::knowing("GitHubRepository", &[("token", "canary")]);
    let content = open(&github(&server, &json!({"commit": COMMIT, "ref": "main"})), &network).await.unwrap();
    assert_eq!(read(content).await.unwrap(), (b"archive".to_vec(), "application/x-tgz".to_owned()));
    assert_eq!(server.asked.lock().unwrap()[0].headers["authorization"], "Bearer canary");
}

#[tokio::test]
async fn a_branch_is_pinned_when_it_is_added_and_refused_when_it_is_read() {
    let server = github_server().await;
    let network = Network::default();
    let branch = github(&server, &json!({"ref": "release/1"}));
    let resolved = resolve(&branch, None, &network).await.unwrap().unwrap();
    assert_eq!(resolved.access, branch.clone().with("commit", COMMIT));
    assert_eq!(resolved.digest, digest_of("archive"));
    let error = open(&branch, &network).await.err().unwrap();
    assert!(error.to_string().contains("has no commit") && error.to_string().contains("release/1"), "{error}");
    assert!(resolve(&github(&server, &json!({"ref": "odd"})), None, &network).await.is_err());
    assert_eq!(
        resolve(&github(&server, &json!({"ref": "none"})), None, &network).await.unwrap_err().kind(),
        Kind::NotFound
    );
    let short = github(&server, &json!({"commit": "0123"}));
    assert!(open(&short, &network).await.err().unwrap().to_string().contains("40 hexadecimal digits"));
}

#[tokio::test]
async fn a_package_is_checked_against_what_its_registry_tells() {
    let server = Server::new(|own, asked| {
        let description = |integrity: &str| {
            json!({"name": "p", "dist": {"tarball": format!("{own}/p.tgz"), "integrity": integrity}}).to_string()
        };
        match asked.target.as_str() {
            "/@acme%2Fp/1.0.0" => {
                Response::new(Body::from(description("sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=")))
            }
            "/p/2.0.0" => Response::new(Body::from(description("sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCA="))),
            "/p.tgz" => Response::new(Body::from("hello")),
            _ => status(404),
        }
    })
    .await;
    let package = |name: &str, version: &str| {
        access(json!({"type": "npm", "registry": format!("{}/", server.address), "package": name, "version": version}))
    };
    let network = Network::default();
    let content = open(&package("@acme/p", "1.0.0"), &network).await.unwrap();
    assert_eq!(read(content).await.unwrap(), (b"hello".to_vec(), "application/x-tgz".to_owned()));
    let wrong = open(&package("p", "2.0.0"), &network).await.unwrap();
    assert!(matches!(read(wrong).await, Err(ocm_blob::Error::DigestMismatch { .. })));
    assert_eq!(open(&package("p", "3.0.0"), &network).await.err().unwrap().kind(), Kind::NotFound);
}

#[tokio::test]
async fn a_registry_of_packages_leads_to_itself_or_to_https() {
    let server = Server::new(|own, asked| {
        let (tarball, integrity) = match asked.target.as_str() {
            "/other/1.0.0" => ("http://127.0.0.2:1/p.tgz".to_owned(), ""),
            "/metadata/1.0.0" => ("http://169.254.169.254/latest/meta-data".to_owned(), ""),
            "/file/1.0.0" => ("file:///etc/passwd".to_owned(), ""),
            "/broken/1.0.0" => (format!("{own}/p.tgz"), "sha512-broken"),
            _ => return Response::new(Body::from("hello")),
        };
        let dist = json!({"tarball": tarball, "integrity": integrity});
        Response::new(Body::from(json!({"dist": dist}).to_string()))
    })
    .await;
    for (name, kind) in [
        ("other", Kind::Denied),
        ("metadata", Kind::Denied),
        ("file", Kind::Malformed),
        // A digest that cannot be read is no reason to check nothing.
        ("broken", Kind::Invalid),
    ] {
        let package =
            access(json!({"type": "npm", "registry": server.address.clone(), "package": name, "version": "1.0.0"}));
        let error = open(&package, &Network::default()).await.err().unwrap();
        assert!(
            error.kind() == kind && (kind == Kind::Malformed || error.to_string().contains(name)),
            "{name}: {error}"
        );
    }
}

#[tokio::test]
async fn a_file_of_a_maven_repository_has_an_address() {
    let server = Server::with([("/m2/org/acme/lib/1.0/lib-1.0-sources.jar".to_owned(), b"jar".to_vec())]).await;
    let artifact = |more: serde_json::Value| {
        let mut object = access(json!({
            "type": "maven", "repoUrl": format!("{}/m2", server.address), "groupId": "org.acme", "artifactId": "lib", "version": "1.0",
        }));
        object.members.extend(more.as_object().unwrap().clone());
        object
    };
    let network = Network::default();
    let content = open(&artifact(json!({"classifier": "sources", "extension": "jar"})), &network).await.unwrap();
    assert_eq!(read(content).await.unwrap(), (b"jar".to_vec(), "application/java-archive".to_owned()));
    let escaping = artifact(json!({"extension": "../../x"}));
    assert_eq!(open(&escaping, &network).await.err().unwrap().kind(), Kind::Malformed);
    // Every file of a version is a search, which is left to the program that knows the repository.
    let version = support::version().await;
    assert!(ocm_access::open(&artifact(json!({})), &version, &network).await.unwrap().is_none());
}
