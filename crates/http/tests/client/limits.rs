//! How much is asked at once and how fast it comes, and what is said about attempts.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt as _, future::join_all};
use ocm_http::{Body, BodyStream, BoxError, Client, Kind, Method, Request, Retry, Settings, StatusCode};
use tracing_subscriber::fmt::MakeWriter;

use super::server::{Server, answer, get, settings};

/// A server that counts how many requests are under way at once; each answer takes a while, head and body.
async fn counting() -> (Server, Arc<AtomicUsize>) {
    let (most, current) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = most.clone();
    let server = Server::start(move |_, _| {
        let now = current.fetch_add(1, Ordering::SeqCst) + 1;
        seen.fetch_max(now, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(5));
        current.fetch_sub(1, Ordering::SeqCst);
        answer("200 OK", "", "content")
    })
    .await;
    (server, most)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn one_cap_for_all_hosts() {
    let ((one, _), (other, _)) = (counting().await, counting().await);
    let client = Client::new(Settings { max_concurrency: NonZeroUsize::new(3), ..settings() });
    let current = Arc::new(Mutex::new((0, 0)));
    let all = (0..30).map(|number| {
        let (client, current) = (client.clone(), current.clone());
        let url = if number % 2 == 0 { &one.url } else { &other.url };
        async move {
            let response = client.send(get(url)).await.unwrap();
            {
                let mut current = current.lock().unwrap();
                current.0 += 1;
                current.1 = current.1.max(current.0);
            }
            tokio::task::yield_now().await;
            // Counted down before the place is given back.
            current.lock().unwrap().0 -= 1;
            assert_eq!(response.bytes(100).await.unwrap(), "content");
        }
    });
    join_all(all).await;
    assert!((1..=3).contains(&current.lock().unwrap().1), "{}", current.lock().unwrap().1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_place_is_held_to_the_end_of_the_body() {
    let (server, _) = counting().await;
    let client = Client::new(Settings { requests_per_host: 1, ..settings() });
    let second = |patience| tokio::time::timeout(Duration::from_millis(patience), client.send(get(&server.url)));
    let mut stream = client.send(get(&server.url)).await.unwrap().stream();
    assert!(second(300).await.is_err());
    assert_eq!(stream.next().await.unwrap().unwrap(), "content");
    assert!(stream.next().await.is_none());
    // The end of the body gives it back, and so does dropping one that nobody reads.
    let response = second(1000).await.unwrap().unwrap();
    drop(response);
    let stream = second(1000).await.unwrap().unwrap().stream();
    drop(stream);
    // So does giving up in the middle of a request.
    let silent = Server::start(|_, _| String::new()).await;
    let alone = Client::new(Settings { requests_per_host: 1, ..settings() });
    let abandoned = tokio::time::timeout(Duration::from_millis(50), alone.send(get(&silent.url))).await;
    assert!(abandoned.is_err());
    let begin = Instant::now();
    assert_eq!(alone.send(get(&silent.url).once()).await.unwrap_err().kind(), Kind::Timeout);
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert!(second(1000).await.is_ok());
}

/// What is read from one place while it is sent to the other holds two places; under a cap of one, many at once and in
/// both orders must still end.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn copies_under_a_cap_of_one_do_not_wait_for_each_other() {
    let (server, _) = counting().await;
    let client = Client::new(Settings { max_concurrency: NonZeroUsize::new(1), ..settings() });
    let copies = (0..6).map(|number| {
        let (client, url) = (client.clone(), server.url.clone());
        async move {
            let source = || {
                let (client, url) = (client.clone(), url.clone());
                async move {
                    let stream = client.send(get(&url)).await.map_err(BoxError::from)?.stream();
                    Ok::<BodyStream, BoxError>(Box::pin(stream.map(|chunk| chunk.map_err(BoxError::from))))
                }
            };
            let body = if number % 2 == 0 {
                // Opened before the request that sends it, …
                Body::once(source().await.unwrap(), Some(7))
            } else {
                // … and while it is being sent.
                let opened = futures_util::stream::once(source()).map(|stream| match stream {
                    Ok(stream) => stream,
                    Err(error) => Box::pin(futures_util::stream::iter([Err(error)])),
                });
                Body::once(Box::pin(opened.flatten()), None)
            };
            let request = Request::new(Method::PUT, url.clone()).body(body);
            assert_eq!(client.send(request).await.unwrap().status(), StatusCode::OK);
        }
    });
    tokio::time::timeout(Duration::from_mins(1), join_all(copies)).await.unwrap();
}

/// Sends and receives so many bytes in pieces of 100,000, several at once.
async fn move_bytes(client: &Client, server: &Server, sent: usize, received: usize) -> f64 {
    let begin = Instant::now();
    let sending = (0..sent / 100_000).map(|number| async move {
        let content = Bytes::from(vec![b'x'; 100_000]);
        let body = if number % 2 == 0 {
            Body::Bytes(content)
        } else {
            Body::once(Box::pin(futures_util::stream::iter([Ok(content)])), Some(100_000))
        };
        let url = server.url.join("sink").unwrap();
        assert_eq!(client.send(Request::new(Method::PUT, url).body(body)).await.unwrap().status(), StatusCode::OK);
    });
    let receiving = (0..received / 100_000).map(|_| async move {
        let response = client.send(get(&server.url)).await.unwrap();
        assert_eq!(response.bytes(100_000).await.unwrap().len(), 100_000);
    });
    tokio::join!(join_all(sending), join_all(receiving));
    begin.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_bodies_together_keep_to_the_bandwidth() {
    let content = "y".repeat(100_000);
    let server =
        Server::start(move |_, request| answer("200 OK", "", if request.contains("/sink") { "" } else { &content }))
            .await;
    let timeouts = settings().timeouts;
    let client = Client::new(Settings { bandwidth: Some("1MB/s".parse().unwrap()), timeouts, ..settings() });
    for (sent, received) in [(2_000_000, 0), (0, 2_000_000), (1_000_000, 1_000_000)] {
        let seconds = move_bytes(&client, &server, sent, received).await;
        assert!((1.8..2.2).contains(&seconds), "{sent} sent, {received} received: {seconds} s");
    }
    // A rate below one piece within the time limit for silence: waiting for one's own turn is no silence.
    let slow = Client::new(Settings { bandwidth: Some("150kB/s".parse().unwrap()), ..settings() });
    let seconds = move_bytes(&slow, &server, 100_000, 100_000).await;
    assert!((1.1..1.5).contains(&seconds), "{seconds}");
}

/// A server that can answer three at once and refuses the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_busy_host_is_asked_less() {
    let (refused, current) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let count = refused.clone();
    let server = Server::start(move |_, _| {
        let now = current.fetch_add(1, Ordering::SeqCst) + 1;
        std::thread::sleep(Duration::from_millis(3));
        current.fetch_sub(1, Ordering::SeqCst);
        if now > 3 {
            count.fetch_add(1, Ordering::SeqCst);
            return answer("503 Service Unavailable", "", "");
        }
        answer("200 OK", "", "")
    })
    .await;
    let ask = |client: Client| async move {
        let all = (0..200).map(|_| async { client.send(get(&server.url)).await.unwrap().status() });
        join_all(all).await
    };
    let retry = Retry { max_retries: 50, ..settings().retry };
    let statuses = ask(Client::new(Settings { retry, ..settings() })).await;
    assert!(statuses.into_iter().all(|status| status == StatusCode::OK));
    // Sixteen at once all the time would mean four refusals for every answer.
    assert!(refused.load(Ordering::SeqCst) < 200, "{}", refused.load(Ordering::SeqCst));
}

/// Docker Hub's refusals once came with line endings of their own.
#[tokio::test]
async fn a_refusal_with_odd_line_endings_is_still_one() {
    let server = Server::start(|number, _| match number {
        0 => "HTTP/1.1 429 Too Many Requests\nRetry-After: 1\nContent-Length: 0\nConnection: close\n\n".into(),
        _ => answer("200 OK", "", ""),
    })
    .await;
    let begin = Instant::now();
    assert_eq!(Client::new(settings()).send(get(&server.url)).await.unwrap().status(), StatusCode::OK);
    assert!(begin.elapsed() >= Duration::from_millis(900));
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn every_further_attempt_is_one_line_with_its_cause_and_wait() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = Server::start(|number, _| match number {
        0 => answer("504 Gateway Timeout", "", ""),
        1 => "HTTP/1.1 200 OK\r\n".into(),
        2 => answer("503 Service Unavailable", "retry-after: 0\r\n", ""),
        _ => answer("200 OK", "", ""),
    })
    .await;
    let url = server.url.join("?token=canary").unwrap();
    Client::new(settings()).send(get(&url)).await.unwrap();
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("trying again")).collect();
    assert_eq!(lines.len(), 3, "{text}");
    for (line, cause) in lines.iter().zip(["504 Gateway Timeout", "the connection broke", "503 Service Unavailable"]) {
        assert!(line.contains(cause) && line.contains("wait=") && line.contains("method=GET"), "{line}");
    }
    assert!(!text.lines().filter(|line| line.contains("ocm_http")).any(|line| line.contains("canary")), "{text}");
}

#[tokio::test]
async fn a_host_that_answered_may_refuse_connections_for_a_while() {
    let server = Server::start(|_, _| answer("200 OK", "", "")).await;
    let (address, client) = (
        server.url.clone(),
        Client::new(Settings {
            retry: Retry {
                min_wait: Duration::from_millis(50),
                max_wait: Duration::from_millis(100),
                ..Retry::default()
            },
            ..settings()
        }),
    );
    client.send(get(&address)).await.unwrap();
    drop(server);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let port = address.port().unwrap();
    let back = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Server::start_at(port, |_, _| answer("200 OK", "", "")).await
    });
    assert_eq!(client.send(get(&address)).await.unwrap().status(), StatusCode::OK);
    assert_eq!(back.await.unwrap().asked().len(), 1);
}
