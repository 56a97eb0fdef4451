//! Servers that mean to keep their clients busy: each is given up, soon and with a reason.

use std::time::{Duration, Instant};

use ocm_http::{Client, HeaderValue, Kind, Method, Request, Retry, Settings, StatusCode, Url};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::server::{Server, answer, get, settings};

/// A server that sends `head` at once and then `piece` again and again.
async fn dripping(head: &'static str, piece: &'static str, pause: Duration) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = socket.read(&mut [0; 4096]).await;
                let _ = socket.write_all(head.as_bytes()).await;
                while socket.write_all(piece.as_bytes()).await.is_ok() {
                    tokio::time::sleep(pause).await;
                }
            });
        }
    });
    url
}

/// No second attempts, and a limit of 200 ms for each kind of silence.
fn once() -> Client {
    Client::new(Settings { retry: Retry::never(), ..settings() })
}

const MOMENT: Duration = Duration::from_millis(20);

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_not_waited_for() {
    for (what, head, piece, kinds) in [
        ("status", "", "H", &[Kind::Timeout, Kind::Interrupted][..]),
        ("headers", "HTTP/1.1 200 OK\r\n", "x: y\r\n", &[Kind::Timeout, Kind::Interrupted]),
        ("one header", "HTTP/1.1 200 OK\r\nx: ", "y", &[Kind::Timeout]),
        ("continue", "", "HTTP/1.1 100 Continue\r\n\r\n", &[Kind::Timeout]),
        ("hints", "", "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n", &[Kind::Timeout]),
    ] {
        let url = dripping(head, piece, MOMENT).await;
        let begin = Instant::now();
        let error = once().send(get(&url)).await.unwrap_err();
        assert!(kinds.contains(&error.kind()), "{what}: {error}");
        assert!(begin.elapsed() < Duration::from_secs(15), "{what}: {:?}", begin.elapsed());
    }
}

#[tokio::test]
async fn heads_without_end_take_no_memory() {
    for (what, head, piece) in [
        ("headers", "HTTP/1.1 200 OK\r\n", "x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"),
        ("one header", "HTTP/1.1 200 OK\r\nx: ", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"),
    ] {
        let url = dripping(head, piece, Duration::ZERO).await;
        let begin = Instant::now();
        let error = once().send(get(&url)).await.unwrap_err();
        assert!(begin.elapsed() < Duration::from_secs(15), "{what}: {error}");
    }
}

/// Slow is not dead, but a document that comes byte by byte is given up before its reader is.
#[tokio::test]
async fn a_document_that_comes_byte_by_byte_is_given_up() {
    let url = dripping("HTTP/1.1 200 OK\r\ncontent-length: 4000000\r\n\r\n", "x", MOMENT).await;
    let begin = Instant::now();
    let error = once().send(get(&url)).await.unwrap().bytes(4 << 20).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    assert!(error.to_string().contains("not complete after 2 seconds"), "{error}");
    assert!((1900..10_000).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
    // What is only wanted for a message gets less time, and what came is shown.
    let begin = Instant::now();
    let words = once().send(get(&url)).await.unwrap().excerpt(64 * 1024).await;
    assert!(words.starts_with(b"x") && begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
}

/// As Docker Hub's front end sends it at times: lines end without a carriage return, and the content is no JSON.
#[tokio::test]
async fn a_refusal_with_odd_line_ends_is_understood() {
    let server = Server::start(|number, _| match number {
        0 => "HTTP/1.1 429 Too Many Requests\nretry-after: 0\ncontent-length: 28\nconnection: close\n\n\
              Too Many Requests (HAP429).\n"
            .into(),
        _ => answer("200 OK", "", "content"),
    })
    .await;
    let response = Client::new(settings()).send(get(&server.url)).await.unwrap();
    assert_eq!((response.status(), server.asked().len()), (StatusCode::OK, 2));
}

/// Waits that nobody means: what cannot be read is not obeyed, and what is too long is an answer.
#[tokio::test]
async fn odd_times_to_come_again() {
    for (value, attempts) in [
        ("-1", 3),
        ("soon", 3),
        ("NaN", 3),
        ("1e-3", 3),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 3),
        ("18446744073709551616", 1),
        ("1e300", 1),
        ("inf", 3),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 1),
    ] {
        let head = format!("retry-after: {value}\r\n");
        let server = Server::start(move |_, _| answer("429 Too Many Requests", &head, "")).await;
        let client = Client::new(Settings { retry: Retry { max_retries: 2, ..settings().retry }, ..settings() });
        let begin = Instant::now();
        assert_eq!(client.send(get(&server.url)).await.unwrap().status(), StatusCode::TOO_MANY_REQUESTS, "{value}");
        assert_eq!(server.asked().len(), attempts, "{value}");
        assert!(begin.elapsed() < Duration::from_secs(5), "{value}: {:?}", begin.elapsed());
    }
}

/// Chains of redirects between two hosts end, and neither gets what was meant for the first one.
#[tokio::test]
async fn redirects_to_and_fro_end_without_authorization() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let other = Server::start(move |_, _| {
        answer("307 Temporary Redirect", &format!("location: http://127.0.0.1:{port}/back\r\n"), "")
    })
    .await;
    let away = format!("location: {}away\r\n", other.url);
    let first = Server::start_at(port, move |_, _| answer("307 Temporary Redirect", &away, "")).await;
    for method in [Method::GET, Method::HEAD] {
        let request = Request::new(method, first.url.clone()).authorization(HeaderValue::from_static("Bearer canary"));
        let error = once().send(request).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Loop, "{error}");
    }
    let shown = |server: &Server| server.asked().iter().filter(|asked| asked.contains("authorization")).count();
    assert_eq!((first.asked().len(), other.asked().len()), (12, 10));
    assert_eq!((shown(&first), shown(&other)), (2, 0));
    // What is sent goes nowhere else.
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let error = once().send(Request::new(method.clone(), first.url.clone())).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Forbidden, "{method}: {error}");
    }
    assert_eq!(other.asked().len(), 10);
}
