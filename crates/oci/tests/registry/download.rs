//! Reading from a registry that is unreliable, or lies.

use super::scripted::{Me, Server, answer, client, cut};
use bytes::Bytes;
use futures_util::StreamExt as _;
use ocm_blob::{Digest, MemoryBlob, read_to_end};
use ocm_http::{Client, Settings};
use ocm_oci::{Endpoint, Kind, Registry as _, RemoteRegistry, Selector, media_type};
use ocm_testkit::{Class, Fault, Quirk, TestRegistry};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn content() -> Bytes {
    (0..1_000_000_u32).map(|number| (number / 7) as u8).collect()
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_was() {
    let content = content();
    let digest = Digest::of(&content);
    let sent = content.clone();
    let server = Server::start(move |asked| {
        let first: usize =
            asked.header("range").trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap_or(0);
        let rest = sent.slice(first..);
        let length = rest.len().to_string();
        let range = format!("bytes {first}-{}/{}", sent.len() - 1, sent.len());
        let headers = [("content-length", length.as_str()), ("content-range", range.as_str())];
        answer(if first == 0 { 200 } else { 206 }, &headers, cut(&rest, 300_000))
    })
    .await;
    let repository = server.registry().repository("a");
    let read = read_to_end(repository.blob(&digest, 0).await.unwrap(), 2_000_000, "blob").await.unwrap();
    assert_eq!(read, content);
    let ranges: Vec<_> = server.asked().iter().map(|asked| asked.header("range").to_owned()).collect();
    assert_eq!(ranges, ["", "bytes=300000-", "bytes=600000-", "bytes=900000-"]);
}

#[tokio::test]
async fn a_registry_without_ranges_sends_everything_again() {
    let content = content();
    let (sent, count) = (content.clone(), Arc::new(AtomicUsize::new(0)));
    let server = Server::start(move |_| {
        let length = sent.len().to_string();
        let whole = count.fetch_add(1, Ordering::Relaxed) > 0;
        let body = if whole { sent.clone().into() } else { cut(&sent, 10) };
        answer(200, &[("content-length", length.as_str())], body)
    })
    .await;
    let stream = server.registry().repository("a").blob(&Digest::of(&content), 0).await.unwrap();
    assert_eq!(read_to_end(stream, 2_000_000, "blob").await.unwrap(), content);
}

#[tokio::test]
async fn a_registry_that_wants_both_ends_of_a_range_is_told_them() {
    let server = Server::start(|asked| match (asked.method.as_str(), asked.header("range")) {
        ("HEAD", _) => answer(200, &[("content-length", "10")], ""),
        (_, "bytes=4-9") => answer(206, &[("content-range", "bytes 4-9/10")], "456789"),
        (_, "") => answer(200, &[], "0123456789"),
        _ => answer(416, &[], ""),
    })
    .await;
    let (repository, digest) = (server.registry().repository("a"), Digest::of("0123456789"));
    for (offset, rest) in [(4, "456789"), (6, "6789"), (10, "")] {
        let stream = repository.blob(&digest, offset).await.unwrap();
        assert_eq!(read_to_end(stream, 100, "blob").await.unwrap(), rest);
    }
    // The second knows no ranges at all, at the third nothing is left.
    let asked: Vec<_> = server.asked().iter().map(|asked| asked.header("range").to_owned()).collect();
    assert_eq!(asked, ["bytes=4-", "", "bytes=4-9", "bytes=6-", "", "bytes=6-9", "", "bytes=10-", ""]);
}

/// What stands in a refusal's own length is not the size of a blob.
#[tokio::test]
async fn a_refused_question_for_the_size_is_no_size() {
    for (head, kind) in [(403, None), (404, None), (429, None)] {
        let server = Server::start(move |asked| match (asked.method.as_str(), asked.header("range")) {
            ("HEAD", _) => answer(head, &[("content-length", "3"), ("retry-after", "3600")], ""),
            ("GET", "") => answer(200, &[], "0123456789"),
            _ => answer(416, &[], ""),
        })
        .await;
        let stream = server.registry().repository("a").blob(&Digest::of("0123456789"), 4).await;
        assert_eq!(stream.as_ref().err().map(ocm_oci::Error::kind), kind);
        assert_eq!(read_to_end(stream.unwrap(), 100, "blob").await.unwrap(), "456789", "{head}");
    }
}

/// Where only the end of the connection tells that of the content, one that broke looks like one that is over.
#[tokio::test]
async fn an_end_that_nothing_marks_is_looked_at_twice() {
    const CONTENT: &str = "0123456789";
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let length = socket.read(&mut head).await.unwrap();
            let head = String::from_utf8_lossy(&head[..length]).to_ascii_lowercase();
            let range = head.lines().find(|line| line.starts_with("range:")).unwrap_or_default().to_owned();
            let answer = match (head.starts_with("head"), range.as_str()) {
                (true, _) => "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
                (_, "") => "HTTP/1.1 200 OK\r\n\r\n0123",
                (_, "range: bytes=4-") => "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 4-9/*\r\n\r\n456",
                _ => "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 7-9/10\r\n\r\n789",
            };
            log.lock().unwrap().push(format!("{} {range}", head.split(' ').next().unwrap()));
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let registry = RemoteRegistry::new(
        client(),
        Endpoint::parse(&format!("http://{address}")).unwrap().0,
        "",
        Arc::new(super::scripted::Nobody),
    );
    let stream = registry.repository("a").blob(&Digest::of(CONTENT), 0).await.unwrap();
    assert_eq!(read_to_end(stream, 100, "blob").await.unwrap(), CONTENT);
    assert_eq!(*asked.lock().unwrap(), ["get ", "head ", "get range: bytes=4-", "get range: bytes=7-"]);
}

/// A token that ends in the middle of a blob is replaced for the rest of it.
#[tokio::test]
async fn a_download_outlives_its_token() {
    let registry = TestRegistry::start().unwrap();
    registry.store().repository("a").push_blob(&MemoryBlob::new(content())).await.unwrap();
    registry.set(Quirk::Token { lifetime: Duration::from_mins(5), user: Some(("me".into(), "canary".into())) });
    // The first request has no token yet, the second is cut.
    registry.fault(Fault::cut(400_000).of("GET", Class::Blob).times(2));
    let endpoint = Endpoint::parse(&registry.url()).unwrap().0;
    let remote = RemoteRegistry::new(client(), endpoint, "", Arc::new(Me::default()));
    let mut stream = remote.repository("a").blob(&Digest::of(content()), 0).await.unwrap();
    let mut read = Vec::new();
    while let Some(chunk) = stream.next().await {
        registry.revoke_tokens();
        read.extend_from_slice(&chunk.unwrap());
    }
    assert_eq!(read, content());
    let requests = registry.requests();
    assert_eq!(requests.iter().map(|request| request.sent).filter(|sent| *sent > 1000).sum::<u64>(), 1_000_000);
    assert_eq!(registry.count("GET", Class::Token), 2, "{requests:?}");
}

/// Answers to a range that are not what was asked for: other bytes are found out at once or by the digest, and a part that
/// nobody asked for is no blob.
#[tokio::test]
async fn ranges_that_are_not_what_was_asked_for() {
    const CONTENT: &str = "0123456789";
    // Status of the second answer, its range, its content, and whether all is well in the end.
    for (status, range, body, fits) in [
        (206, Some("bytes 4-9/10"), "456789", true),
        (206, Some("bytes 4-9/*"), "456789", true),
        (206, None, "456789", true),
        (206, Some("bytes 0-9/10"), CONTENT, false),
        (206, Some("bytes 5-9/10"), "56789", false),
        (206, Some("bytes 4-9/10"), "4567", false),
        (206, Some("bytes 4-9/10"), "xxxxxx", false),
        (206, Some("bytes 4-99999999999999999999/10"), "456789", true),
        (206, Some("nonsense"), "456789", true),
        (206, None, "45678901234567890123456789", false),
        (200, None, CONTENT, true),
        (200, None, "01234", false),
        (204, None, "", false),
        (404, None, "", false),
    ] {
        let server = Server::start(move |asked| {
            if asked.header("range").is_empty() {
                return answer(200, &[("content-length", "10")], cut(&Bytes::from_static(CONTENT.as_bytes()), 4));
            }
            assert!(asked.header("range").starts_with("bytes="), "{}", asked.header("range"));
            let headers: Vec<_> = range.map(|range| ("content-range", range)).into_iter().collect();
            answer(status, &headers, body)
        })
        .await;
        let stream = server.registry_with_retries(2).repository("a").blob(&Digest::of(CONTENT), 0).await.unwrap();
        let read = tokio::time::timeout(Duration::from_secs(10), read_to_end(stream, 100, "blob")).await.unwrap();
        assert_eq!(read.is_ok(), fits, "{status} {range:?} {body}: {read:?}");
        assert!(server.asked().len() <= 4, "{status} {range:?} {body}: {} requests", server.asked().len());
    }
    let part = Server::start(|_| answer(206, &[("content-range", "bytes 0-3/10")], "0123")).await;
    let error = part.registry().repository("a").blob(&Digest::of(CONTENT), 0).await.err().unwrap();
    assert!(error.kind() == Kind::Invalid && error.to_string().contains("206"), "{error}");
}

#[tokio::test]
async fn silence_is_noticed_and_slowness_is_not_punished() {
    let count = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |_| {
        let slow = count.fetch_add(1, Ordering::Relaxed) == 0;
        let parts = futures_util::stream::unfold(0_u8, move |number| async move {
            let wait = if slow { 100 } else { 3_600_000 };
            tokio::time::sleep(Duration::from_millis(wait)).await;
            (number < 8).then(|| (Ok::<_, std::io::Error>(Bytes::from_static(b"x")), number + 1))
        });
        answer(200, &[], axum::body::Body::from_stream(parts))
    })
    .await;
    let repository = server.registry_with_retries(1).repository("a");
    let digest = Digest::of("xxxxxxxx");
    assert_eq!(read_to_end(repository.blob(&digest, 0).await.unwrap(), 100, "blob").await.unwrap(), "xxxxxxxx");
    let error = read_to_end(repository.blob(&digest, 0).await.unwrap(), 100, "blob").await.unwrap_err();
    assert!(error.to_string().contains("no data for"), "{error}");
}

#[tokio::test]
async fn wrong_bytes_never_end_well() {
    let digest = Digest::of("right");
    let server = Server::start(|asked| match asked.target.as_str() {
        target if target.contains("blobs") => answer(200, &[], "wrong"),
        _ => answer(200, &[("content-type", media_type::MANIFEST)], "{\"schemaVersion\":2}"),
    })
    .await;
    let repository = server.registry().repository("a");
    assert!(read_to_end(repository.blob(&digest, 0).await.unwrap(), 100, "blob").await.is_err());
    let error = repository.manifest(&Selector::Digest(digest.clone())).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(error.to_string().contains(&format!("does not match {digest} from {}", server.address)), "{error}");
    // One attempt each: wrong content is not a passing failure.
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_web_page_in_the_place_of_a_blob_is_named() {
    let page = "<html>log in</html>";
    let server = Server::start(move |_| answer(200, &[("content-type", "text/html")], page)).await;
    let repository = server.registry().repository("a");
    let read = async |digest: Digest| {
        let stream = repository.blob(&digest, 0).await.unwrap();
        ocm_blob::read_to_end(stream, 100, "blob").await.map_err(ocm_oci::Error::blob("blob"))
    };
    let error = read(Digest::of("another")).await.unwrap_err();
    assert!(error.kind() == Kind::Invalid && error.to_string().contains("a web page"), "{error}");
    // What looks like a page may be the blob.
    assert_eq!(read(Digest::of(page)).await.unwrap(), page);
}

#[tokio::test]
async fn lies_about_a_manifest() {
    let other = Digest::of("other").to_string();
    let server = Server::start(move |asked| {
        let json = ("content-type", media_type::MANIFEST);
        match asked.target.rsplit('/').next().unwrap() {
            "digest" => answer(200, &[json, ("docker-content-digest", &other)], "{}"),
            "nonsense" => answer(200, &[json, ("docker-content-digest", "sha256:../../x")], "{}"),
            "html" => answer(200, &[("content-type", "text/html; charset=utf-8")], "<html>log in</html>"),
            "page" => answer(200, &[], "<html>log in</html>"),
            "large" => answer(200, &[json, ("content-length", "9223372036854775807")], cut(&Bytes::new(), 0)),
            "endless" => {
                let chunks =
                    futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 65_536])));
                answer(200, &[json], axum::body::Body::from_stream(chunks))
            }
            // A manifest and an index at once is found when it is read.
            _ => {
                answer(200, &[("content-type", media_type::INDEX)], r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#)
            }
        }
    })
    .await;
    let repository = server.registry().repository("a");
    for (tag, says) in [
        ("digest", "does not match"),
        ("nonsense", "is not a digest"),
        ("html", "not a manifest"),
        ("page", "not a manifest"),
        ("large", "larger than the limit"),
        ("endless", "larger than the limit"),
    ] {
        let error = repository.manifest(&Selector::parse(tag)).await.unwrap_err();
        assert!(error.to_string().contains(says), "{tag}: {error}");
        assert_eq!(error.kind(), Kind::Invalid, "{tag}");
    }
    let both = repository.manifest(&Selector::parse("both")).await.unwrap();
    assert!(both.document().is_err());
    assert!(repository.manifest(&Selector::parse("../../x")).await.is_err());
}

#[tokio::test]
async fn content_encoding_is_left_alone() {
    let server = Server::start(|asked| {
        assert_eq!(asked.header("accept-encoding"), "identity");
        answer(200, &[("content-encoding", "gzip")], "not gzip at all")
    })
    .await;
    let stream = server.registry().repository("a").blob(&Digest::of("not gzip at all"), 0).await.unwrap();
    assert_eq!(read_to_end(stream, 100, "blob").await.unwrap(), "not gzip at all");
}

#[tokio::test]
async fn a_redirect_gets_no_authorization_not_even_on_the_way_back() {
    let storage = Server::start(|asked| {
        let back = asked.header("x-back").to_owned();
        assert_eq!(back, "");
        let home = asked.target.split_once("home=").unwrap().1.to_owned();
        answer(307, &[("location", &format!("http://{home}/final?X-Amz-Signature=canary"))], "")
    })
    .await;
    let elsewhere = storage.address.clone();
    let server = Server::start(move |asked| match asked.target.as_str() {
        target if target.starts_with("/final") => answer(200, &[], "content"),
        _ if asked.header("authorization").is_empty() => answer(401, &[("www-authenticate", "Basic realm=x")], ""),
        _ => {
            let home = asked.header("host").to_owned();
            answer(307, &[("location", &format!("http://{elsewhere}/blob?home={home}"))], "")
        }
    })
    .await;
    let stream = server.registry_for(Me::default()).repository("a").blob(&Digest::of("content"), 0).await.unwrap();
    assert_eq!(read_to_end(stream, 100, "blob").await.unwrap(), "content");
    let shown: Vec<_> = server.asked().iter().map(|asked| asked.header("authorization").to_owned()).collect();
    assert_eq!(shown, ["", super::scripted::ME, ""]);
    assert_eq!(storage.asked()[0].header("authorization"), "");
}

/// Addresses at a storage end after a while: what is refused there, and what broke off there, is asked of the registry.
#[tokio::test]
async fn an_address_at_a_storage_that_has_ended_is_replaced() {
    const ENDED: &str =
        "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
    for (status, refused) in [(403, 1), (400, 1), (410, 1), (403, usize::MAX)] {
        let (content, count) = (content(), Arc::new(AtomicUsize::new(0)));
        let sent = content.clone();
        let storage = Server::start(move |asked| {
            let number = count.fetch_add(1, Ordering::Relaxed);
            // Each address is good for one request.
            let good = asked.target == format!("/blob?number={number}&X-Amz-Signature=canary");
            if number < refused || !good {
                return answer(status, &[("content-type", "application/xml")], ENDED);
            }
            let from = asked.header("range").trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap_or(0);
            let left = sent.len() - from;
            let range = format!("bytes {from}-{}/{}", sent.len() - 1, sent.len());
            let headers = [("content-length", &*left.to_string()), ("content-range", &*range)];
            answer(
                if from == 0 { 200 } else { 206 },
                &headers[..=usize::from(from > 0)],
                cut(&sent.slice(from..), 400_000),
            )
        })
        .await;
        let (port, number) = (storage.address.rsplit(':').next().unwrap().to_owned(), AtomicUsize::new(0));
        let number = Arc::new(number);
        let server = Server::start(move |asked| {
            if asked.header("authorization").is_empty() {
                return answer(401, &[("www-authenticate", "Basic realm=x")], "");
            }
            let number = number.fetch_add(1, Ordering::Relaxed);
            let location = format!("http://localhost:{port}/blob?number={number}&X-Amz-Signature=canary");
            answer(307, &[("location", &location)], "")
        })
        .await;
        let opened = server.registry_for(Me::default()).repository("a").blob(&Digest::of(&content), 0).await;
        assert!(storage.asked().iter().all(|asked| asked.header("authorization").is_empty()));
        if refused == usize::MAX {
            let error = opened.err().unwrap();
            let text = error.to_string();
            assert_eq!((error.kind(), storage.asked().len()), (Kind::Denied, 2), "{text}");
            assert!(text.contains("403 Forbidden (at localhost): AccessDenied: Request has expired"), "{text}");
            assert!(!text.contains("canary") && !text.contains("credentials"), "{text}");
            continue;
        }
        assert_eq!(read_to_end(opened.unwrap(), 1 << 20, "blob").await.unwrap(), content);
        let ranges: Vec<_> = storage.asked().iter().map(|asked| asked.header("range").to_owned()).collect();
        assert_eq!(ranges, ["", "", "bytes=400000-", "bytes=800000-"], "{status}");
        assert!(storage.asked().iter().all(|asked| asked.header("authorization").is_empty()));
    }
}

#[tokio::test]
async fn a_redirect_to_nowhere_says_where() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Server::start(move |_| {
        let location = format!("http://localhost:{port}/blob?X-Amz-Signature=canary");
        answer(307, &[("location", &location)], "")
    })
    .await;
    let error = server.registry().repository("a").blob(&Digest::of("x"), 0).await.err().unwrap();
    assert!(
        error.to_string().contains("connection refused") && error.to_string().contains("(at localhost)"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
}

#[tokio::test]
async fn refusals_say_what_happened() {
    let server = Server::start(|asked| {
        let errors =
            |code: &str, message: &str| serde_json::json!({"errors": [{"code": code, "message": message}]}).to_string();
        match asked.target.rsplit('/').next().unwrap() {
            "denied" => answer(403, &[], errors("DENIED", "no \u{1b}[31maccess")),
            "method" => answer(405, &[], errors("UNSUPPORTED", "not here")),
            "broken" => answer(500, &[("content-type", "text/html")], "<html>"),
            "many" => answer(429, &[("retry-after", "3600")], errors("TOOMANYREQUESTS", "slow down")),
            // Docker Hub, where what refuses is in front of the registry.
            "hub" => answer(429, &[], "Too Many Requests (HAP429).\n"),
            "login" => answer(401, &[("www-authenticate", "Basic realm=x")], ""),
            "conflict" => answer(409, &[], ""),
            _ => answer(404, &[], errors("MANIFEST_UNKNOWN", "unknown")),
        }
    })
    .await;
    let repository = server.registry().repository("a/b");
    for (tag, kind, says) in [
        ("denied", Kind::Denied, "no \\u{1b}[31maccess (DENIED)"),
        ("method", Kind::Unsupported, "not here"),
        ("broken", Kind::Unavailable, "answered 500"),
        ("many", Kind::Unavailable, "try again after 3600"),
        ("hub", Kind::Unavailable, "Too Many Requests (HAP429)."),
        ("login", Kind::Denied, "none are configured for"),
        ("conflict", Kind::Conflict, "answered 409"),
        ("missing", Kind::NotFound, "not found"),
    ] {
        let error = repository.manifest(&Selector::parse(tag)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.to_string().contains(&format!("{}/a/b", server.address)), "{error}");
    }
    // A server error is tried again, a demand to wait for an hour is not.
    let count = |tag: &str| server.asked().iter().filter(|asked| asked.target.ends_with(tag)).count();
    assert_eq!((count("broken"), count("many"), count("denied")), (6, 1, 1));
}

#[tokio::test]
async fn nobody_there_and_the_wrong_protocol() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let registry = |address: &str, client: Client| {
        let (endpoint, path) = Endpoint::parse(address).unwrap();
        ocm_oci::RemoteRegistry::new(client, endpoint, &path, Arc::new(ocm_oci::Anonymous)).repository("a")
    };
    let error =
        registry(&format!("http://127.0.0.1:{port}"), Client::new(Settings::default())).tags().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.to_string().contains("connection refused"), "{error}");
    let server = Server::start(|_| answer(200, &[], "{}")).await;
    let error = registry(&format!("https://{}", server.address), client()).tags().await.unwrap_err();
    assert!(error.to_string().contains("http://"), "{error}");
}
