//! Registries that mean harm. Redirects, foreign upload addresses, pages and redirected tokens have their tests beside
//! what they are about; here is what may come in any answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use bytes::Bytes;
use ocm_blob::{Digest, read_to_end};
use ocm_oci::{Credentials, Kind, Manifest, Registry as _, Selector, media_type};

use super::scripted::{Asked, Me, Server, With, answer};

/// A body without end, and how much of it was taken.
fn endless(piece: &'static [u8]) -> (impl Fn() -> Body + Clone + Send + Sync, Arc<AtomicU64>) {
    let taken = Arc::new(AtomicU64::new(0));
    let count = taken.clone();
    let body = move || {
        let count = count.clone();
        Body::from_stream(futures_util::stream::repeat_with(move || {
            count.fetch_add(piece.len() as u64, Ordering::Relaxed);
            Ok::<_, std::io::Error>(Bytes::from_static(piece))
        }))
    };
    (body, taken)
}

static BLANKS: [u8; 65_536] = [b' '; 65_536];

/// What the sockets between the two ends may hold beyond what was read.
const ON_THE_WAY: u64 = 16 << 20;

#[tokio::test]
async fn nothing_is_read_without_end() {
    let challenge = ("www-authenticate", "Bearer realm=\"/token\",service=\"s\"");
    for (what, says, kind) in [
        ("manifest", "larger than the limit of 4194304 bytes", Kind::Invalid),
        ("list", "larger than the limit of 4194304 bytes", Kind::Invalid),
        ("catalog", "larger than the limit of 4194304 bytes", Kind::Invalid),
        ("referrers", "larger than the limit of 4194304 bytes", Kind::Invalid),
        ("token", "sent no token: the answer is larger than the limit of 1048576 bytes", Kind::Invalid),
        // Of an error, what fits is shown.
        ("error", "answered 400", Kind::Invalid),
    ] {
        let (body, taken) = endless(&BLANKS);
        let server = Server::start(move |asked: &Asked| match what {
            "token" if asked.target.starts_with("/token") => answer(200, &[], body()),
            "token" => answer(401, &[challenge], ""),
            "error" => answer(400, &[("content-type", "text/plain")], body()),
            "manifest" => answer(200, &[("content-type", media_type::MANIFEST)], body()),
            "referrers" => answer(200, &[("content-type", media_type::INDEX)], body()),
            _ => answer(200, &[], body()),
        })
        .await;
        let (registry, digest) = (server.registry(), Digest::of("x"));
        let repository = registry.repository("a");
        let error = match what {
            "catalog" => registry.repositories().await.map(|_| ()),
            "manifest" => repository.manifest(&Selector::parse("v1")).await.map(|_| ()),
            "referrers" => repository.referrers(&digest).await.map(|_| ()),
            _ => repository.tags().await.map(|_| ()),
        }
        .unwrap_err();
        assert!(error.to_string().contains(says), "{what}: {error}");
        assert_eq!(error.kind(), kind, "{what}");
        assert!(taken.load(Ordering::Relaxed) < ON_THE_WAY, "{what}: {} bytes", taken.load(Ordering::Relaxed));
    }
}

/// A size that is only said takes no memory.
#[tokio::test]
async fn an_announced_size_is_refused_before_anything_is_read() {
    let server = Server::start(|_| {
        let pending = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let length = ("content-length", "9223372036854775807");
        answer(200, &[("content-type", media_type::MANIFEST), length], Body::from_stream(pending))
    })
    .await;
    let repository = server.registry().repository("a");
    for error in [
        repository.manifest(&Selector::parse("v1")).await.map(|_| ()).unwrap_err(),
        repository.tags().await.map(|_| ()).unwrap_err(),
    ] {
        assert!(error.to_string().contains("larger than the limit"), "{error}");
    }
}

#[tokio::test]
async fn a_pinned_manifest_is_what_was_asked_for_whatever_the_answer_says() {
    const REAL: &str = r#"{"schemaVersion":2,"layers":[]}"#;
    const SWAPPED: &str = r#"{"schemaVersion":2,"layers":[ ]}"#;
    let (asked, swapped) = (Digest::of(REAL), Digest::of(SWAPPED));
    // The body, the header, and whether it may be believed.
    for (body, header, fits) in [
        (REAL, Some(asked.to_string()), true),
        (REAL, None, true),
        (SWAPPED, Some(asked.to_string()), false),
        (SWAPPED, Some(swapped.to_string()), false),
        (SWAPPED, None, false),
        (REAL, Some(swapped.to_string()), false),
        (REAL, Some(asked.to_string().to_uppercase()), false),
        (REAL, Some("sha256:../../etc/passwd".into()), false),
        (REAL, Some(asked.to_string()[..70].to_owned()), false),
        (REAL, Some(format!("sha256:{}", "é".repeat(32))), false),
    ] {
        let told = header.clone();
        let server = Server::start(move |_: &Asked| {
            let mut headers = vec![("content-type", media_type::MANIFEST)];
            // A header that is no text at all counts as none.
            headers.extend(told.as_deref().filter(|told| told.is_ascii()).map(|told| ("docker-content-digest", told)));
            answer(200, &headers, body)
        })
        .await;
        let fits = fits || header.as_deref().is_some_and(|told| !told.is_ascii());
        let result = server.registry().repository("a").manifest(&Selector::Digest(asked.clone())).await;
        assert_eq!(result.is_ok(), fits, "{body} {header:?}: {result:?}");
        if let Ok(manifest) = result {
            assert_eq!((manifest.digest(), &manifest.bytes()[..]), (&asked, REAL.as_bytes()));
        }
    }
}

/// What one program reads as an image and another as an index (CVE-2021-41190).
#[tokio::test]
async fn documents_that_are_two_things_at_once() {
    let config = format!(r#"{{"mediaType":"x/y","digest":"{}","size":1}}"#, Digest::of("c"));
    for (told, content) in [
        (media_type::INDEX, r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#.to_owned()),
        (media_type::MANIFEST, format!(r#"{{"schemaVersion":2,"manifests":[],"config":{config},"layers":[]}}"#)),
        (media_type::MANIFEST, r#"{"schemaVersion":2,"manifests":[]}"#.to_owned()),
        (media_type::INDEX, format!(r#"{{"schemaVersion":2,"config":{config},"layers":[]}}"#)),
        (
            media_type::MANIFEST,
            format!(r#"{{"schemaVersion":2,"mediaType":"{}","config":{config},"layers":[]}}"#, media_type::INDEX),
        ),
        (
            media_type::DOCKER_MANIFEST,
            format!(r#"{{"schemaVersion":2,"mediaType":"{}","config":{config},"layers":[]}}"#, media_type::MANIFEST),
        ),
        (media_type::MANIFEST, "[]".to_owned()),
        (media_type::MANIFEST, format!(r#"{{"schemaVersion":2,"config":{config},"layers":[]}} trailing"#)),
    ] {
        let sent = content.clone();
        let server = Server::start(move |_: &Asked| answer(200, &[("content-type", told)], sent.clone())).await;
        let read = server.registry().repository("a").manifest(&Selector::parse("v1")).await;
        let result = read.and_then(|manifest: Manifest| manifest.document());
        assert!(result.is_err(), "{told} {content}");
    }
}

/// Packed on the way, whatever was asked for: the bytes are taken as they are and found to be others.
#[tokio::test]
async fn content_that_claims_to_be_packed() {
    let server = Server::start(|asked: &Asked| {
        let packed = ("content-encoding", "gzip");
        if asked.target.contains("/blobs/") {
            assert_eq!(asked.header("accept-encoding"), "identity");
            return answer(200, &[packed], &b"\x1f\x8b\x08\x00"[..]);
        }
        answer(200, &[packed, ("content-type", media_type::MANIFEST)], &b"\x1f\x8b\x08\x00"[..])
    })
    .await;
    let (repository, digest) = (server.registry().repository("a"), Digest::of("content"));
    let stream = repository.blob(&digest, 0).await.unwrap();
    assert!(read_to_end(stream, 100, "blob").await.is_err());
    let error = repository.manifest(&Selector::Digest(digest)).await.unwrap_err();
    assert!(error.to_string().contains("does not match"), "{error}");
}

#[tokio::test]
async fn foreign_words_are_short_and_cannot_drive_a_terminal() {
    let long = "\u{1b}]0;owned\u{7}\u{202e}".to_owned() + &"x".repeat(100_000);
    for body in [
        serde_json::json!({ "errors": [{ "code": "DENIED", "message": long }] }).to_string(),
        serde_json::json!({ "errors": vec![serde_json::json!({ "code": long, "message": long }); 100] }).to_string(),
        long.clone(),
    ] {
        let server = Server::start(move |_: &Asked| answer(403, &[("content-type", "text/plain")], body.clone())).await;
        let text = server.registry().repository("a").tags().await.unwrap_err().to_string();
        assert!(text.len() < 5000 && !text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
    }
}

/// A realm on another host, in plain text, or at the address of a metadata service gets nothing; one on another port of
/// the same host is the same machine's.
#[tokio::test]
async fn realms_that_are_not_the_registrys_own() {
    let thief = Server::start(|_| answer(200, &[], r#"{"token":"t"}"#)).await;
    let port = thief.address.rsplit(':').next().unwrap().to_owned();
    for realm in [
        format!("http://localhost:{port}/token"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[::ffff:169.254.169.254]/token".to_owned(),
        "http://[fe80::1]/token".to_owned(),
        "file:///etc/passwd".to_owned(),
        "http://me:secret@127.0.0.1/token".to_owned(),
        "http://".to_owned(),
    ] {
        let challenge = format!("Bearer realm=\"{realm}\",service=\"s\"");
        let server = Server::start(move |_: &Asked| answer(401, &[("www-authenticate", &challenge)], "")).await;
        for who in [
            Credentials::Basic { username: "me".into(), password: "canary".into() },
            Credentials::RefreshToken("canary".into()),
        ] {
            let error = server.registry_for(With(who)).repository("a").tags().await.unwrap_err();
            assert_eq!(error.kind(), Kind::Denied, "{realm}: {error}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
    assert!(thief.asked().is_empty());
}

/// The error is the token service's, and says so with its address: the registry is well.
#[tokio::test]
async fn a_token_service_that_fails_is_named() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("http://{closed}/auth/token?secret=canary");
    let service = Server::start(|asked: &Asked| match asked.target.split('?').next().unwrap() {
        "/rubbish" => answer(200, &[], "no token at all"),
        "/page" => answer(200, &[("content-type", "text/html")], "<html>log in</html>"),
        "/empty" => answer(200, &[], "{}"),
        "/list" => answer(200, &[], "[]"),
        "/missing" => answer(404, &[], ""),
        "/broken" => answer(500, &[], ""),
        "/wrong" => answer(400, &[], r#"{"error":"invalid_grant"}"#),
        _ => answer(403, &[], ""),
    })
    .await;
    let at = |path: &str| format!("http://{}/{path}", service.address);
    for (realm, says, kind) in [
        (nobody.clone(), "does not answer: connection refused", Kind::Unavailable),
        (at("rubbish"), "sent something that is not a token", Kind::Invalid),
        (at("page"), "sent a web page instead of a token", Kind::Invalid),
        (at("empty"), "sent no token", Kind::Invalid),
        (at("list"), "sent something that is not a token", Kind::Invalid),
        (at("missing"), "refused: answered 404", Kind::Invalid),
        (at("broken"), "refused: answered 500", Kind::Unavailable),
        (at("wrong"), "refused: answered 400", Kind::Denied),
        (at("denied"), "refused: answered 403", Kind::Denied),
    ] {
        let challenge = format!("Bearer realm=\"{realm}\",service=\"s\",scope=\"repository:a:pull\"");
        let server = Server::start(move |_: &Asked| answer(401, &[("www-authenticate", &challenge)], "")).await;
        let error = server.registry_for(Me::default()).repository("a").tags().await.unwrap_err();
        let name = format!("the token service {} {says}", realm.split('?').next().unwrap());
        assert!(error.to_string().contains(&name), "{error}");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

/// Some servers put what they were shown into their refusals, and those end up in logs.
#[tokio::test]
async fn what_a_server_repeats_of_the_credentials_is_not_shown() {
    for service in [false, true] {
        let server = Server::start(move |asked: &Asked| {
            let host = asked.header("host");
            let bearer = format!("Bearer realm=\"http://{host}/token\",service=\"s\"");
            let challenge = if service { bearer.as_str() } else { "Basic realm=\"r\"" };
            if asked.header("authorization").is_empty() {
                return answer(401, &[("www-authenticate", challenge)], "");
            }
            let said = format!("no canary, no {}", asked.header("authorization"));
            answer(403, &[], format!(r#"{{"errors":[{{"code":"DENIED","message":"{said}"}}]}}"#))
        })
        .await;
        let error = server.registry_for(Me::default()).repository("a").tags().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Denied);
        assert!(error.to_string().contains("no ***, no Basic *** (DENIED)"), "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}
