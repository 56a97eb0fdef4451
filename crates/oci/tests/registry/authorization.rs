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

/// Accounts are locked after a few wrong passwords, and a transfer is about many repositories.
#[tokio::test]
async fn a_wrong_password_is_sent_twice_for_all_repositories() {
    let token = Server::start(|asked: &Asked| match asked.target.as_str() {
        target if target.starts_with("/token") => answer(401, &[], r#"{"details":"incorrect username or password"}"#),
        _ => answer(401, &[("www-authenticate", &challenge("/token", ""))], ""),
    })
    .await;
    let password = Server::start(|_| answer(401, &[("www-authenticate", "Basic realm=x")], "")).await;
    for server in [token, password] {
        let registry = server.registry_for(Me::default());
        let all: Vec<_> = (0..8).map(|number| registry.repository(&format!("r{number}"))).collect();
        for round in 0..2 {
            for (number, result) in join_all(all.iter().map(|repository| repository.tags())).await.iter().enumerate() {
                let error = result.as_ref().unwrap_err();
                assert_eq!(error.kind(), Kind::Denied);
                let told = error.to_string();
                assert!(told.contains(&format!("r{number}")) && told.contains("are not accepted"), "{round}: {told}");
            }
        }
        let shown = server.asked().iter().filter(|asked| !asked.header("authorization").is_empty()).count();
        // The first refusal may be about its repository alone.
        assert_eq!(shown, 2);
    }
}

/// Registries answer 401 for repositories that are not there, or not for this account.
#[tokio::test]
async fn a_first_repository_that_is_refused_does_not_lock_out_the_others() {
    let token = Server::start(|asked: &Asked| match (asked.target.as_str(), asked.header("authorization")) {
        (target, _) if target.starts_with("/token") && target.contains("r0") => answer(401, &[], ""),
        (target, _) if target.starts_with("/token") => answer(200, &[], r#"{"token":"t"}"#),
        (_, "Bearer t") => answer(200, &[], r#"{"name":"r","tags":["v1"]}"#),
        _ => answer(401, &[("www-authenticate", &challenge("/token", ""))], ""),
    })
    .await;
    let password = Server::start(|asked: &Asked| match (asked.header("authorization"), asked.target.as_str()) {
        (ME, target) if !target.contains("/r0/") => answer(200, &[], r#"{"name":"r","tags":["v1"]}"#),
        _ => answer(401, &[("www-authenticate", "Basic realm=x")], ""),
    })
    .await;
    for server in [token, password] {
        let registry = server.registry_for(Me::default());
        for round in 0..2 {
            let error = registry.repository("r0").tags().await.unwrap_err();
            assert_eq!(error.kind(), Kind::Denied, "{round}: {error}");
            assert_eq!(registry.repository("r1").tags().await.unwrap(), ["v1"], "{round}");
        }
    }
}

/// What one repository refuses says nothing about a password that others take.
#[tokio::test]
async fn a_right_password_is_shown_to_all_repositories() {
    let forbidden = Arc::new(AtomicUsize::new(1));
    let server = Server::start(move |asked: &Asked| match (asked.header("authorization"), asked.target.as_str()) {
        ("", _) => answer(401, &[("www-authenticate", "Basic realm=x")], ""),
        (_, target) if target.contains("/r3/") => answer(401, &[("www-authenticate", "Basic realm=x")], ""),
        _ if forbidden.swap(0, Ordering::Relaxed) == 1 => answer(403, &[], ""),
        _ => answer(200, &[], r#"{"name":"r","tags":["v1"]}"#),
    })
    .await;
    let registry = server.registry_for(Me::default());
    registry.repository("r0").tags().await.unwrap_err();
    let all: Vec<_> = (0..8).map(|number| registry.repository(&format!("r{number}"))).collect();
    for (number, result) in join_all(all.iter().map(|repository| repository.tags())).await.into_iter().enumerate() {
        assert_eq!(result.is_ok(), number != 3, "{number}");
    }
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

/// A token for those who read, a password for those who write, and both at the same time.
#[tokio::test]
async fn readers_and_writers_may_be_asked_for_different_things() {
    let server = Server::start(|asked: &Asked| match (asked.method.as_str(), asked.header("authorization")) {
        _ if asked.target.starts_with("/token") => answer(200, &[], r#"{"token":"t","expires_in":300}"#),
        ("HEAD", "Bearer t") => answer(404, &[], ""),
        ("HEAD", _) => answer(401, &[("www-authenticate", &challenge("/token", "repository:a:pull"))], ""),
        ("POST", ME) => answer(202, &[("location", "/v2/a/blobs/uploads/1")], ""),
        ("PUT", ME) => answer(201, &[], ""),
        _ => answer(401, &[("www-authenticate", "Basic realm=x")], ""),
    })
    .await;
    let repository = server.registry_for(Me::default()).repository("a");
    for round in 0..5 {
        let contents: Vec<_> = (0..8).map(|number| MemoryBlob::new(format!("{round} {number}"))).collect();
        for result in join_all(contents.iter().map(|content| repository.push_blob(content))).await {
            result.unwrap();
        }
    }
    // Each of the eight that began at once may have been refused, but nobody after them.
    let last: Vec<_> = server.asked().into_iter().rev().take(4 * 8 * 3).collect();
    for asked in last {
        let shown = if asked.method == "HEAD" { "Bearer t" } else { ME };
        assert_eq!(asked.header("authorization"), shown, "{}", asked.line());
    }
}

/// Tokens that all end at once, long before their time: registries change their keys, machines sleep. However many scopes
/// there are tokens for, one refusal is enough.
#[tokio::test]
async fn tokens_that_ended_before_their_time_are_shown_once() {
    let era = Arc::new(AtomicUsize::new(0));
    let now = era.clone();
    let server = Server::start(move |asked: &Asked| {
        let era = now.load(Ordering::Relaxed);
        if let Some(query) = asked.target.strip_prefix("/token?") {
            // The token says what it is for.
            return answer(200, &[], format!(r#"{{"token":"{era}-{query}","expires_in":3600}}"#));
        }
        let actions = match asked.method.as_str() {
            "GET" | "HEAD" => "pull",
            "DELETE" => "delete",
            _ => "pull,push",
        };
        let shown = asked.header("authorization");
        let suffices = actions.split(',').all(|action| shown.contains(action));
        if !shown.starts_with(&format!("Bearer {era}-")) || !suffices {
            return answer(401, &[("www-authenticate", &challenge("/token", &format!("repository:a:{actions}")))], "");
        }
        match asked.method.as_str() {
            "HEAD" => answer(404, &[], ""),
            "GET" => answer(200, &[], r#"{"tags":[]}"#),
            "POST" => answer(202, &[("location", "/v2/a/blobs/uploads/1")], ""),
            "DELETE" => answer(202, &[], ""),
            _ => answer(201, &[], ""),
        }
    })
    .await;
    let repository = server.registry_for(Me::default()).repository("a");
    let work = async |number: usize| {
        repository.tags().await.unwrap();
        repository.delete_blob(&Digest::of(format!("{number}"))).await.unwrap();
        repository.mount(&Digest::of(format!("mounted {number}")), "b").await.unwrap();
        repository.push_blob(&MemoryBlob::new(format!("{number}"))).await.unwrap();
    };
    work(0).await;
    era.store(1, Ordering::Relaxed);
    server.lines();
    work(1).await;
    let refused = server.asked().iter().filter(|asked| asked.header("authorization").starts_with("Bearer 0-")).count();
    // One for each scope there is a token for, and none of them twice.
    assert!(refused <= 5, "{refused}: {}", server.lines());
    let begin = server.asked().len();
    work(2).await;
    assert!(server.asked()[begin..].iter().all(|asked| asked.header("authorization").starts_with("Bearer 1-")));
}

/// The attempts there are take a while, and everybody would make them after everybody else.
#[tokio::test]
async fn a_token_service_that_is_down_is_asked_by_one_for_all() {
    let server = Server::start(|asked: &Asked| match asked.target.as_str() {
        target if target.starts_with("/token") => answer(503, &[], ""),
        _ => answer(401, &[("www-authenticate", &challenge("/token", "repository:a:pull"))], ""),
    })
    .await;
    let repository = server.registry_for(Me::default()).repository("a");
    let digests: Vec<_> = (0..12).map(|number| Digest::of(format!("{number}"))).collect();
    for result in join_all(digests.iter().map(|digest| repository.blob_size(digest))).await {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert!(error.to_string().contains("/token refused: answered 503"), "{error}");
    }
    let tokens = || server.asked().iter().filter(|asked| asked.target.starts_with("/token")).count();
    assert_eq!(tokens(), 6, "one and five more");
    // Whoever comes later asks anew: it may be well again.
    repository.blob_size(&digests[0]).await.unwrap_err();
    assert_eq!(tokens(), 12);
}

/// A storage may say what it likes: nobody showed it anything, and it is not the registry.
#[tokio::test]
async fn a_storage_cannot_ask_for_credentials() {
    let thief = Server::start(|_| answer(200, &[], r#"{"token":"t"}"#)).await;
    let realm = format!("http://{}/token", thief.address);
    for demand in ["Basic realm=x".to_owned(), challenge(&realm, "repository:a:pull"), challenge("/token", "")] {
        let storage = Server::start(move |_| answer(401, &[("www-authenticate", &demand)], "")).await;
        // Another name for the same machine is another host.
        let port = storage.address.rsplit(':').next().unwrap().to_owned();
        let server = Server::start(move |asked: &Asked| match asked.header("authorization") {
            _ if asked.target.starts_with("/token") => answer(200, &[], r#"{"token":"t"}"#),
            "Bearer t" => answer(307, &[("location", &format!("http://localhost:{port}/blob?secret=canary"))], ""),
            _ => answer(401, &[("www-authenticate", &challenge("/token", "repository:a:pull"))], ""),
        })
        .await;
        let repository = server.registry_for(Me::default()).repository("a");
        for error in [
            repository.blob(&Digest::of("x"), 0).await.err().unwrap(),
            repository.blob_size(&Digest::of("x")).await.unwrap_err(),
        ] {
            let text = error.to_string();
            assert_eq!(error.kind(), Kind::Denied, "{text}");
            assert!(text.contains("answered 401 Unauthorized (at localhost)") && !text.contains("canary"), "{text}");
            assert!(!text.contains("credentials"), "{text}");
        }
        assert!(storage.asked().iter().all(|asked| asked.header("authorization").is_empty()));
        let shown = |asked: &Asked| asked.header("authorization").to_owned();
        assert!(
            server.asked().iter().filter(|asked| !asked.target.starts_with("/token")).all(|asked| shown(asked) != ME)
        );
    }
    assert!(thief.asked().is_empty());
}
