//! Every failure with every method: what passes by itself succeeds within the attempts there are, what does not is asked
//! once, what stays is an error of the right kind, and every further attempt is one line of the log.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ocm_blob::{Blob, ByteStream, Digest, MemoryBlob, read_to_end};
use ocm_http::{Addresses, Client, Resolver, Retry, Settings, Timeouts};
use ocm_oci::{Anonymous, Endpoint, Kind, Registry as _, RemoteRegistry, RemoteRepository, Repository as _, Selector};
use ocm_testkit::{Class, Fault, TestRegistry, fixtures};
use tokio::io::AsyncReadExt as _;

/// What happens to a request, and to how many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Names,
    Reset,
    TlsEnds,
    Status(u16),
    Truncated,
    WrongLength,
    WrongBytes,
    Html,
}

const TROUBLES: [Trouble; 13] = [
    Trouble::Names,
    Trouble::Reset,
    Trouble::TlsEnds,
    Trouble::Status(408),
    Trouble::Status(429),
    Trouble::Status(500),
    Trouble::Status(502),
    Trouble::Status(503),
    Trouble::Status(504),
    Trouble::Truncated,
    Trouble::WrongLength,
    Trouble::WrongBytes,
    Trouble::Html,
];

const METHODS: [&str; 5] = ["HEAD", "GET", "POST", "PATCH", "PUT"];

/// How it has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It struck so many times, and then all was well; as many lines in the log.
    Passes(usize),
    /// One attempt, no line.
    Fails,
    /// What was damaged is nothing that matters: all is well, no line.
    Harmless,
    /// Every attempt fails, and every one but the first has a line.
    GivesUp,
}

fn expected(trouble: Trouble, method: &str) -> End {
    match (trouble, method) {
        // No server speaks TLS here: nothing follows the end of the handshake.
        (Trouble::TlsEnds, _) => End::GivesUp,
        (Trouble::Names | Trouble::Reset | Trouble::Status(_), _) | (Trouble::Truncated, "GET" | "PATCH") => {
            End::Passes(2)
        }
        // What came before the cut is not sent again: the second `PUT` has no content that could be cut. What is said
        // about a length is corrected when the rest is asked for.
        (Trouble::Truncated, "PUT") | (Trouble::WrongLength, "GET") => End::Passes(1),
        // The head came as a whole, and it says everything. A length is believed until the content comes.
        (Trouble::Truncated | Trouble::WrongLength, _) | (Trouble::WrongBytes, "HEAD" | "POST" | "PATCH" | "PUT") => {
            End::Harmless
        }
        (Trouble::WrongBytes | Trouble::Html, _) => End::Fails,
    }
}

/// Fails so many times, then knows this machine.
#[derive(Debug, Default)]
struct Names {
    failures: usize,
    asked: AtomicUsize,
}

impl Resolver for Names {
    fn addresses(&self, _host: &str) -> Addresses {
        let fails = self.asked.fetch_add(1, Ordering::SeqCst) < self.failures;
        Box::pin(async move {
            if fails { Err(io::Error::other("the name server failed")) } else { Ok(vec![Ipv4Addr::LOCALHOST.into()]) }
        })
    }
}

thread_local! {
    /// What was said in this thread: each test here is one.
    static SAID: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Log;

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        SAID.with_borrow_mut(|said| said.extend_from_slice(text));
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts writing down what is said, in all threads: a subscriber of one thread misses what others came by first.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::DEBUG);
        tracing::subscriber::set_global_default(subscriber.with_writer(|| Log).finish()).unwrap();
    });
}

/// Lines about further attempts since the last time.
fn lines() -> Vec<String> {
    let text = String::from_utf8(SAID.take()).unwrap();
    // What is taken back meanwhile, and may outlive its registry here, is another matter.
    let is_about_it = |line: &&str| line.contains("wait=") && !line.contains("method=DELETE");
    text.lines().filter(is_about_it).map(str::to_owned).collect()
}

const RETRIES: u32 = 3;

/// The repository `a` of the registry, or of `tls`.
fn repository(registry: &TestRegistry, trouble: Trouble, names: Arc<Names>, tls: &str) -> RemoteRepository {
    let retry = Retry {
        max_retries: RETRIES,
        min_wait: Duration::from_millis(2),
        max_wait: Duration::from_millis(10),
        ..Retry::default()
    };
    let timeouts = Timeouts { stall: Duration::from_millis(500), ..Timeouts::default() };
    let client = Client::new(Settings { retry, timeouts, resolver: Some(names), ..Settings::default() });
    let address = if trouble == Trouble::TlsEnds {
        format!("https://{tls}")
    } else {
        let port = registry.address().rsplit(':').next().unwrap().to_owned();
        format!("http://registry.example:{port}")
    };
    let (endpoint, _) = Endpoint::parse(&address).unwrap();
    RemoteRegistry::new(client, endpoint, "", Arc::new(Anonymous)).remote_repository("a")
}

/// Content of unknown size, which goes by `PATCH`.
struct Unmeasured(Bytes);

#[async_trait]
impl Blob for Unmeasured {
    fn size(&self) -> Option<u64> {
        None
    }

    fn digest(&self) -> Option<Digest> {
        None
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        Ok(Box::pin(futures_util::stream::iter([Ok(self.0.clone())])))
    }
}

/// Does something of which the request with this method is the point.
async fn act(repository: &RemoteRepository, method: &str, content: &Bytes) -> Result<(), ocm_oci::Error> {
    let digest = Digest::of(content);
    match method {
        "HEAD" => repository.blob_size(&digest).await.map(|size| assert!(size.is_some())),
        "GET" => {
            let stream = repository.blob(&digest, 0).await?;
            let read = read_to_end(stream, 1 << 20, "blob").await.map_err(ocm_oci::Error::blob("blob"))?;
            assert_eq!(read, content);
            Ok(())
        }
        "POST" | "PUT" => repository.push_blob(&MemoryBlob::new(fixtures::bytes(8, 10_000))).await.map(|_| ()),
        _ => repository.push_blob(&Unmeasured(fixtures::bytes(9, 10_000))).await.map(|_| ()),
    }
}

fn fault(trouble: Trouble) -> Option<Fault> {
    Some(match trouble {
        Trouble::Names | Trouble::TlsEnds => return None,
        Trouble::Reset => Fault::reset(),
        Trouble::Status(status) => Fault::status(status),
        Trouble::Truncated => Fault::cut(1000),
        Trouble::WrongLength => Fault::length(7),
        Trouble::WrongBytes => Fault::corrupt(),
        Trouble::Html => Fault::html(),
    })
}

/// A socket that is closed as soon as the handshake of TLS has begun, and how often that happened.
async fn closing() -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = socket.read(&mut [0; 4096]).await;
        }
    });
    (address, count)
}

/// What the requests with a method are of.
fn class(method: &str) -> Class {
    if matches!(method, "HEAD" | "GET") { Class::Blob } else { Class::Upload }
}

/// A registry with a blob, and a client that meets a failure there.
struct Struck {
    registry: TestRegistry,
    repository: RemoteRepository,
    names: Arc<Names>,
    /// Of TLS, that were begun at `tls`.
    handshakes: Arc<AtomicUsize>,
    tls: String,
}

/// Lets a failure strike requests with a method so many times, or always.
async fn struck(trouble: Trouble, method: &'static str, times: Option<usize>, content: &Bytes) -> Struck {
    let registry = TestRegistry::start().unwrap();
    registry.store().repository("a").push_blob(&MemoryBlob::new(content.clone())).await.unwrap();
    let (tls, handshakes) = closing().await;
    let failures = if trouble == Trouble::Names { times.unwrap_or(usize::MAX) } else { 0 };
    let names = Arc::new(Names { failures, ..Names::default() });
    let repository = repository(&registry, trouble, names.clone(), &tls);
    if let Some(fault) = fault(trouble) {
        let fault = fault.of(method, class(method));
        registry.fault(times.into_iter().fold(fault, Fault::times));
    }
    Struck { registry, repository, names, handshakes, tls }
}

#[tokio::test]
async fn every_failure_with_every_method() {
    listen();
    let content = fixtures::bytes(5, 50_000);
    let mut wrong = String::new();
    for trouble in TROUBLES {
        for method in METHODS {
            let Struck { registry, repository, handshakes, .. } = struck(trouble, method, Some(2), &content).await;
            lines();
            let result = act(&repository, method, &content).await;
            let (lines, expected) = (lines(), expected(trouble, method));
            let asked = registry.count(method, class(method));
            let fits = match expected {
                End::Passes(times) => {
                    result.is_ok() && lines.len() == times && lines.iter().all(|line| line.contains("cause="))
                }
                End::Harmless => result.is_ok() && lines.is_empty(),
                End::Fails => {
                    let refused = result.as_ref().is_err_and(|error| error.kind() == Kind::Invalid);
                    lines.is_empty() && asked == 1 && refused
                }
                End::GivesUp => {
                    handshakes.load(Ordering::SeqCst) == RETRIES as usize + 1
                        && lines.len() == RETRIES as usize
                        && result.as_ref().is_err_and(|error| error.kind() == Kind::Unavailable)
                }
            };
            if !fits {
                let _ =
                    writeln!(wrong, "{trouble:?} × {method}: {expected:?} expected, got {result:?}, {asked} requests");
                for line in &lines {
                    let _ = writeln!(wrong, "    {line}");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Of what class a failure is that never passes, what is said of it, and how many requests with this method it takes.
fn lasting(trouble: Trouble, method: &str) -> Option<(Kind, &'static str, RangeInclusive<usize>)> {
    let tries = RETRIES as usize + 1;
    let all = tries..=tries;
    // Smaller requests are tried in the end, in an upload of their own.
    let sent = tries..=tries + 1;
    let unavailable = |says, count| Some((Kind::Unavailable, says, count));
    let answered = |status: u16| match status {
        408 => "answered 408 Request Timeout",
        429 => "answered 429 Too Many Requests",
        500 => "answered 500 Internal Server Error",
        502 => "answered 502 Bad Gateway",
        503 => "answered 503 Service Unavailable",
        _ => "answered 504 Gateway Timeout",
    };
    match (trouble, method) {
        // Nobody is ever reached.
        (Trouble::Names, _) => unavailable("no connection: the name server failed", 0..=0),
        (Trouble::TlsEnds, _) => unavailable("no connection", 0..=0),
        (Trouble::Reset, "PUT" | "PATCH") => unavailable("the connection broke", sent),
        (Trouble::Reset, _) => unavailable("the connection broke", all),
        (Trouble::Status(status), "PUT" | "PATCH") => unavailable(answered(status), sent),
        (Trouble::Status(status), _) => unavailable(answered(status), all),
        (Trouble::WrongBytes, "GET") => Some((Kind::Invalid, "content has digest", 1..=1)),
        (Trouble::Html, _) => Some((Kind::Invalid, "answered with a web page", 1..=1)),
        // Every attempt brings something, and as long as that is so there is another one; or what is damaged does not matter.
        (Trouble::Truncated | Trouble::WrongLength | Trouble::WrongBytes, _) => None,
    }
}

#[tokio::test]
async fn every_failure_that_stays_with_every_method() {
    let content = fixtures::bytes(5, 50_000);
    let mut wrong = String::new();
    for trouble in TROUBLES {
        for method in METHODS {
            let Struck { registry, repository, names, handshakes, tls } = struck(trouble, method, None, &content).await;
            let acted = tokio::time::timeout(Duration::from_secs(20), act(&repository, method, &content)).await;
            let asked = registry.count(method, class(method));
            let fits = match (lasting(trouble, method), &acted) {
                (_, Err(_)) | (Some(_), Ok(Ok(()))) => false,
                (None, Ok(result)) => result.is_ok(),
                (Some((kind, says, count)), Ok(Err(error))) => {
                    let reached = match trouble {
                        Trouble::Names => names.asked.load(Ordering::SeqCst) == RETRIES as usize + 1,
                        Trouble::TlsEnds => handshakes.load(Ordering::SeqCst) == RETRIES as usize + 1,
                        _ => true,
                    };
                    let place = match trouble {
                        Trouble::TlsEnds => tls.as_str(),
                        // Whoever reads a stream says what it is of.
                        _ if method == "GET" && kind == Kind::Invalid => "blob",
                        _ => "registry.example",
                    };
                    let text = error.to_string();
                    error.kind() == kind
                        && text.contains(says)
                        && text.contains(place)
                        && count.contains(&asked)
                        && reached
                }
            };
            if !fits {
                let _ = writeln!(wrong, "{trouble:?} × {method}: {acted:?}, {asked} requests");
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[tokio::test]
async fn attempts_run_out_with_the_last_answer() {
    let registry = TestRegistry::start().unwrap();
    registry.fault(Fault::status(502));
    let repository = repository(&registry, Trouble::Reset, Arc::default(), "");
    let error = repository.tags().await.unwrap_err();
    assert_eq!((error.kind(), registry.requests().len()), (Kind::Unavailable, RETRIES as usize + 1));
    assert!(error.to_string().contains("answered 502 Bad Gateway"), "{error}");
}

/// The table is about blobs; this is about the rest.
#[tokio::test]
async fn a_portal_answers_everything_with_a_page() {
    let registry = TestRegistry::start().unwrap();
    let image = fixtures::image(1, 10);
    image.push(registry.store().repository("a").as_ref(), Some("v1")).await.unwrap();
    registry.fault(Fault::html());
    let repository = repository(&registry, Trouble::Html, Arc::default(), "");
    for result in [
        repository.resolve(&Selector::parse("v1")).await.map(|_| ()),
        repository.manifest(&Selector::parse("v1")).await.map(|_| ()),
        repository.push_manifest(&image.manifests[0], Some("v2")).await,
        repository.tags().await.map(|_| ()),
        repository.mount(&Digest::of("x"), "b").await.map(|_| ()),
        repository.delete_manifest(&Selector::parse("v1")).await.map(|_| ()),
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{error}");
    }
}

/// What a registry wants people to know is said once, cannot drive a terminal, and decides nothing.
#[tokio::test]
async fn a_warning_is_passed_on_once() {
    listen();
    let server = super::scripted::Server::start(|_| {
        let headers =
            [("warning", "299 - \"old \\u{1b} repository\""), ("warning", "299 - \"old \\u{1b} repository\"")];
        super::scripted::answer(200, &headers, r#"{"tags":["v1"]}"#)
    })
    .await;
    SAID.take();
    let repository = server.registry().repository("a");
    for _ in 0..3 {
        assert_eq!(repository.tags().await.unwrap(), ["v1"]);
    }
    let said = String::from_utf8(SAID.take()).unwrap();
    assert_eq!(said.matches("the registry says: old").count(), 1, "{said}");
}
