//! A proxy in front of a registry that counts what passes and, if it is told to, breaks some of it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Bytes of the head of a request or answer; real ones have a few hundred.
const HEAD: usize = 64 << 10;

/// Of so many connections, one is cut in the middle: 5 %.
const CUT: u64 = 20;

/// Of so many, one is answered with 503: 1 %.
const REFUSED: u64 = 100;

/// The proxy; gone when dropped. Each connection carries one request.
pub(super) struct Proxy {
    pub(super) address: String,
    shared: Arc<Shared>,
}

struct Shared {
    registry: String,
    faults: bool,
    connections: AtomicU64,
    cut: AtomicU64,
    refused: AtomicU64,
    /// Bytes of content towards the registry, and from it.
    sent: AtomicU64,
    received: AtomicU64,
    ended: AtomicBool,
}

impl Proxy {
    /// A proxy in front of the registry at an address, with or without faults.
    pub(super) fn start(registry: &str, faults: bool) -> Result<Self, String> {
        let fault = |e: std::io::Error| format!("proxy of {registry}: {e}");
        let listener = TcpListener::bind("127.0.0.1:0").map_err(fault)?;
        let address = listener.local_addr().map_err(fault)?.to_string();
        let shared = Arc::new(Shared {
            registry: registry.to_owned(),
            faults,
            connections: AtomicU64::new(0),
            cut: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        });
        let serving = shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if serving.ended.load(Ordering::Relaxed) {
                    return;
                }
                let shared = serving.clone();
                // A connection that breaks is what this is for.
                std::thread::spawn(move || drop(shared.serve(client)));
            }
        });
        Ok(Self { address, shared })
    }

    /// Bytes of content that went to the registry, and that came from it.
    pub(super) fn bytes(&self) -> (u64, u64) {
        (self.shared.sent.load(Ordering::Relaxed), self.shared.received.load(Ordering::Relaxed))
    }

    /// Connections: all, those that were cut, those that were refused.
    pub(super) fn connections(&self) -> (u64, u64, u64) {
        let Shared { connections, cut, refused, .. } = &*self.shared;
        (connections.load(Ordering::Relaxed), cut.load(Ordering::Relaxed), refused.load(Ordering::Relaxed))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // The listener looks once more.
        drop(TcpStream::connect(&self.address));
    }
}

impl Shared {
    fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        let number = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let (head, begun) = read_head(&mut client)?;
        let is_head = head.starts_with("HEAD ");
        let asked = length(&head);
        if self.faults && number.is_multiple_of(REFUSED) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            client.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
            return client.shutdown(Shutdown::Both);
        }
        let cut = self.faults && number.is_multiple_of(CUT);
        if cut {
            self.cut.fetch_add(1, Ordering::Relaxed);
        }
        let mut registry = TcpStream::connect(&self.registry)?;
        registry.write_all(closing(&head).as_bytes())?;
        // In the middle of the content of the request if it has some, else of the answer.
        let all = asked.unwrap_or(0);
        let part = if cut && all > 0 { all / 2 } else { all };
        pass(&mut client, &mut registry, &begun, part, &self.sent)?;
        if part < all {
            return hang_up(&client, &registry);
        }
        let (head, begun) = read_head(&mut registry)?;
        if cut && all == 0 && (is_head || length(&head).unwrap_or(0) == 0) {
            return hang_up(&client, &registry);
        }
        client.write_all(closing(&head).as_bytes())?;
        let all = if is_head { 0 } else { length(&head).unwrap_or(u64::MAX) };
        let part = if cut && asked.unwrap_or(0) == 0 && all < u64::MAX { all / 2 } else { all };
        pass(&mut registry, &mut client, &begun, part, &self.received)?;
        hang_up(&client, &registry)
    }
}

fn hang_up(one: &TcpStream, other: &TcpStream) -> std::io::Result<()> {
    let _ = one.shutdown(Shutdown::Both);
    let _ = other.shutdown(Shutdown::Both);
    Ok(())
}

/// Passes so many bytes on; with [`u64::MAX`], as many as there are. Where they end early the connection is given up, and with
/// it the one behind: a registry learns at once that whoever sent something was killed.
fn pass(from: &mut TcpStream, to: &mut TcpStream, begun: &[u8], size: u64, passed: &AtomicU64) -> std::io::Result<()> {
    let mut left = size;
    let mut buffer = vec![0; 64 << 10];
    let mut chunk = begun;
    let mut read;
    loop {
        let take = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        to.write_all(&chunk[..take])?;
        passed.fetch_add(take as u64, Ordering::Relaxed);
        left -= take as u64;
        if left == 0 {
            return Ok(());
        }
        read = from.read(&mut buffer)?;
        if read == 0 {
            return if size == u64::MAX { Ok(()) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) };
        }
        chunk = &buffer[..read];
    }
}

/// Reads a head; what came with it of the content is given beside it.
fn read_head(stream: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Ok((String::from_utf8_lossy(&bytes).into_owned(), rest));
        }
        let read = stream.read(&mut buffer)?;
        if read == 0 || bytes.len() > HEAD {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..read]);
    }
}

fn length(head: &str) -> Option<u64> {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-length:"))?;
    line.split(':').nth(1)?.trim().parse().ok()
}

/// The head of a message after which the connection ends.
fn closing(head: &str) -> String {
    let lines = head.trim_end().split("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    lines.collect::<Vec<_>>().join("\r\n") + "\r\nConnection: close\r\n\r\n"
}
