//! Who is shown what.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use ocm_blob::{Digest, MemoryBlob};
use ocm_oci::{Credentials, Kind, Registry as _, Selector};

use super::scripted::{Asked, ME, Me, Server, With, answer};

fn challenge(realm: &str, scope: &str) -> String {
    format!("Bearer realm=\"{realm}\",service=\"s\",scope=\"{scope}\"")
}

#[tokio::test]
async fn many_wait_for_one_token() {
    let server = Server::start(|asked: &Asked| match asked.target.as_str() {
        target if target.starts_with("/token") => {
            // Slow, so that all the others arrive meanwhile.
            std::thread::sleep(std::time::Duration::from_millis(50));
            answer(200, &[], r#"{"token":"t","expires_in":"300"}"#)
        }
        _ if asked.header("authorization") == "Bearer t" => answer(200, &[("content-length", "7")], ""),
        _ => answer(401, &[("www-authenticate", &challenge("/token", "repository:a:pull"))], ""),
    })
    .await;
    let me = Me::default();
    let repository = server.registry_for(me.clone()).repository("a");
    let digests: Vec<_> = (0..20).map(|number| Digest::of(format!("{number}"))).collect();
    let sizes = join_all(digests.iter().map(|digest| repository.blob_size(digest))).await;
    assert!(sizes.into_iter().all(|size| size.unwrap() == Some(7)));
    let asked = server.asked();
    let tokens: Vec<_> = asked.iter().filter(|asked| asked.target.starts_with("/token")).collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0].target, "/token?service=s&scope=repository%3Aa%3Apull&account=me");
    assert_eq!(tokens[0].header("authorization"), ME);
    let expected = server.address.clone();
    assert_eq!(*me.0.lock().unwrap(), [(expected, Some("a".to_owned()))]);
}

#[tokio::test]
async fn an_expired_token_is_renewed_in_the_middle() {
    let count = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |asked: &Asked| match asked.target.as_str() {
        target if target.starts_with("/token") => {
            let number = count.fetch_add(1, Ordering::Relaxed);
            answer(200, &[], format!(r#"{{"access_token":"t{number}"}}"#))
        }
        // The first token is good until the content comes.
        _ if asked.header("authorization") == "Bearer t1"
            || asked.header("authorization") == "Bearer t0" && asked.method != "PUT" =>
        {
            match asked.method.as_str() {
                "HEAD" => answer(404, &[], ""),
                "POST" => answer(202, &[("location", "/v2/a/blobs/uploads/1?state=x%2Fy")], ""),
                _ => answer(201, &[], ""),
            }
        }
        _ => answer(401, &[("www-authenticate", &challenge("/token", "repository:a:pull,push"))], ""),
    })
    .await;
    let repository = server.registry_for(Me::default()).repository("a");
    let content = MemoryBlob::new("content");
    repository.push_blob(&content).await.unwrap();
    let digest = Digest::of("content");
    let put = format!("PUT /v2/a/blobs/uploads/1?state=x%2Fy&digest=sha256%3A{}", digest.hex());
    let lines = server.lines();
    let lines: Vec<_> = lines.lines().filter(|line| !line.contains("token")).collect();
    let head = format!("HEAD /v2/a/blobs/{digest}");
    assert_eq!(lines, [&head, &head, "POST /v2/a/blobs/uploads/", &put, &put]);
}

#[tokio::test]
async fn credentials_do_not_go_to_a_foreign_token_service() {
    let foreign = Server::start(|_| answer(200, &[], r#"{"token":"t"}"#)).await;
    // Another name for the same machine is another host.
    let realm = format!("http://localhost:{}/token", foreign.address.rsplit(':').next().unwrap());
    let server =
        Server::start(move |_| answer(401, &[("www-authenticate", &challenge(&realm, "repository:a:pull"))], "")).await;
    for credentials in [
        Credentials::Basic { username: "me".into(), password: "canary".into() },
        Credentials::RefreshToken("canary".into()),
    ] {
        let error = server.registry_for(With(credentials)).repository("a").tags().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Denied);
        assert!(error.to_string().contains("sent to localhost, which is refused"), "{error}");
    }
    assert!(foreign.asked().is_empty());
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_and_a_registry_token_shown() {
    let server = Server::start(|asked: &Asked| match (asked.target.as_str(), asked.header("authorization")) {
        ("/token", "") => answer(200, &[], r#"{"access_token":"t"}"#),
        (_, "Bearer t") => answer(200, &[], r#"{"tags":["v1"]}"#),
        _ => answer(401, &[("www-authenticate", &challenge("/token", "repository:a:pull"))], ""),
    })
    .await;
    let tags = server.registry_for(With(Credentials::RefreshToken("r&t".into()))).repository("a").tags().await;
    assert_eq!(tags.unwrap(), ["v1"]);
    let form = server.asked().into_iter().find(|asked| asked.target == "/token").unwrap();
    assert_eq!(form.method, "POST");
    assert_eq!(
        form.body,
        "grant_type=refresh_token&service=s&client_id=ocm&scope=repository%3Aa%3Apull&refresh_token=r%26t"
    );
    server.lines();
    let tags = server.registry_for(With(Credentials::Bearer("t".into()))).repository("a").tags().await;
    assert_eq!(tags.unwrap(), ["v1"]);
    assert!(!server.lines().contains("/token"));
}

#[tokio::test]
async fn a_wrong_password_is_sent_once() {
    let server = Server::start(|asked: &Asked| match asked.target.as_str() {
        target if target.starts_with("/token") => answer(401, &[], r#"{"details":"incorrect username or password"}"#),
        _ => answer(401, &[("www-authenticate", &challenge("/token", "repository:a:pull"))], ""),
    })
    .await;
    let repository = server.registry_for(Me::default()).repository("a");
    let all: Vec<_> = (0..8).map(|number| Selector::Tag(format!("v{number}"))).collect();
    for result in join_all(all.iter().map(|selector| repository.manifest(selector))).await {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), Kind::Denied);
        assert!(
            error.to_string().contains("/token refused: answered 401") && !error.to_string().contains("canary"),
            "{error}"
        );
    }
    assert_eq!(server.asked().iter().filter(|asked| asked.target.starts_with("/token")).count(), 1);

    let server = Server::start(|_| answer(401, &[("www-authenticate", "Basic realm=x")], "")).await;
    let error = server.registry_for(Me::default()).repository("a").tags().await.unwrap_err();
    assert!(error.to_string().contains("are not accepted"), "{error}");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_token_is_not_endless() {
    let server = Server::start(|asked: &Asked| match asked.target.as_str() {
        target if target.starts_with("/token") => answer(200, &[], vec![b' '; 2 << 20]),
        _ => answer(401, &[("www-authenticate", &challenge("/token", ""))], ""),
    })
    .await;
    let error = server.registry().repository("a").tags().await.unwrap_err();
    assert!(error.to_string().contains("larger than the limit"), "{error}");
}

#[tokio::test]
async fn odd_lifetimes_of_tokens() {
    for lifetime in ["\"NaN\"", "-1", "1e300", "\"\"", "null", "[]"] {
        let body = format!(r#"{{"token":"t","expires_in":{lifetime}}}"#);
        let server = Server::start(move |asked: &Asked| match asked.header("authorization") {
            "Bearer t" => answer(200, &[], r#"{"tags":["v1"]}"#),
            _ if asked.target.starts_with("/token") => answer(200, &[], body.clone()),
            _ => answer(401, &[("www-authenticate", &challenge("/token", ""))], ""),
        })
        .await;
        assert_eq!(server.registry().repository("a").tags().await.unwrap(), ["v1"], "{lifetime}");
    }
}
