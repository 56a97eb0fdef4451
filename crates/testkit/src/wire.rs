use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bytes that are passed on at once.
const CHUNK: usize = 64 * 1024;

/// The way to a server: it counts what passes in each direction and lets through only so much in a second, so that a test
/// can end a program in the middle of something.
///
/// It knows nothing of what it carries. It ends when dropped; connections that stand then end with their programs.
pub struct Wire {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    server: String,
    /// Bytes in a second, both directions together.
    rate: u64,
    /// When the next bytes may pass.
    free: Mutex<Instant>,
    sent: AtomicU64,
    received: AtomicU64,
    ended: AtomicBool,
}

impl Wire {
    /// A way to `server` (host and port) for `rate` bytes in a second, at a free port of this machine.
    ///
    /// # Errors
    /// No port is free.
    pub fn to(server: &str, rate: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server: server.to_owned(),
            rate: rate.max(1),
            free: Mutex::new(Instant::now()),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        });
        let accepting = shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if accepting.ended.load(Ordering::Acquire) {
                    return;
                }
                if let Ok(server) = TcpStream::connect(&accepting.server) {
                    accepting.join(&client, &server);
                }
            }
        });
        Ok(Self { address, shared })
    }

    /// `127.0.0.1:<port>`, in the place of the server's own address.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Bytes that went to the server.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Acquire)
    }

    /// Bytes that came from the server.
    pub fn received(&self) -> u64 {
        self.shared.received.load(Ordering::Acquire)
    }

    /// Counts from zero again.
    pub fn forget(&self) {
        self.shared.sent.store(0, Ordering::Release);
        self.shared.received.store(0, Ordering::Release);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    /// Passes bytes between two connections, each direction on a thread of its own.
    fn join(self: &Arc<Self>, client: &TcpStream, server: &TcpStream) {
        for (from, to, counter) in [
            (client, server, (|shared| &shared.sent) as fn(&Self) -> &AtomicU64),
            (server, client, |shared| &shared.received),
        ] {
            if let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) {
                let shared = self.clone();
                std::thread::spawn(move || shared.pass(from, to, counter(&shared)));
            }
        }
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream, counter: &AtomicU64) {
        let _ = to.set_nodelay(true);
        let mut buffer = vec![0; CHUNK];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            self.wait(count);
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
            counter.fetch_add(count as u64, Ordering::AcqRel);
        }
        // The end of one direction is passed on; a connection that broke is broken on both sides.
        let _ = to.shutdown(Shutdown::Write);
        let _ = from.shutdown(Shutdown::Read);
    }

    /// Waits for the turn of so many bytes.
    fn wait(&self, count: usize) {
        let turn = {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*free).max(Instant::now());
            *free = turn + Duration::from_secs_f64(count as f64 / self.rate as f64);
            turn
        };
        std::thread::sleep(turn.saturating_duration_since(Instant::now()));
    }
}
