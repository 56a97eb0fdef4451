//! A registry on this machine that misbehaves on demand.

mod body;
mod fault;
mod habits;
mod handler;
mod quirk;
mod record;
mod sparse;
mod token;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;

use ocm_oci::MemoryRegistry;
use ocm_serve::{Api, Options, Server};
use tokio::sync::oneshot;

pub use fault::Fault;
pub use quirk::Quirk;
pub use record::{Class, Origin, Request};

use handler::{Shared, Side};

/// A registry in memory on a free port of this machine, in a thread of its own, until it is dropped.
///
/// It follows the specification until it is told otherwise: a [`Quirk`] is a way of life, a [`Fault`] strikes now and
/// then. Both can be set at any time. Every request is written down and can be looked at with [`TestRegistry::requests`].
///
/// A second address, [`TestRegistry::storage`], stands for the storage behind a registry: redirects and foreign upload
/// locations lead there. It refuses requests that carry credentials, as object stores do.
pub struct TestRegistry {
    address: SocketAddr,
    storage: SocketAddr,
    store: MemoryRegistry,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestRegistry {
    /// Starts an empty registry.
    ///
    /// # Errors
    /// No port is free, or no thread can be started.
    pub fn start() -> io::Result<Self> {
        let store = MemoryRegistry::new();
        let options = Options { writable: true, ..Options::default() };
        let shared = Arc::new(Shared::new(Api::new(Arc::new(store.clone()), options), store.clone()));
        let (ready, addresses) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let sides = shared.clone();
        // The caller may be inside a runtime of its own, where no other one can be started.
        let thread = std::thread::Builder::new().name("test-registry".into()).spawn(move || {
            let built = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let runtime = match built {
                Ok(runtime) => runtime,
                Err(error) => return drop(ready.send(Err(error))),
            };
            runtime.block_on(serve(sides, ready, stopped));
            // Clients that hang on purpose must not keep the test waiting.
            runtime.shutdown_background();
        })?;
        let (address, storage) = addresses.recv().map_err(io::Error::other)??;
        Ok(Self { address, storage, store, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// `127.0.0.1:<port>`, as it stands in front of a repository name.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `127.0.0.1:<port>` of the storage behind the registry.
    pub fn storage(&self) -> String {
        self.storage.to_string()
    }

    /// The content, without any quirk in between.
    pub fn store(&self) -> &MemoryRegistry {
        &self.store
    }

    /// Sets a quirk; one of the same kind is replaced.
    pub fn set(&self, quirk: Quirk) {
        let mut quirks = lock(&self.shared.quirks);
        quirks.retain(|known| std::mem::discriminant(known) != std::mem::discriminant(&quirk));
        quirks.push(quirk);
    }

    /// Adds a fault. For each request the first one strikes that is due.
    pub fn fault(&self, fault: Fault) {
        lock(&self.shared.faults).push(fault);
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.entries).iter().map(|entry| entry.read()).collect()
    }

    /// Number of requests of a class; all methods if `method` is empty.
    pub fn count(&self, method: &str, class: Class) -> usize {
        let fits = |request: &&Request| request.class == class && (method.is_empty() || request.method == method);
        self.requests().iter().filter(fits).count()
    }

    /// Number of uploads that were begun and neither ended nor taken back.
    pub fn open_uploads(&self) -> usize {
        self.shared.open_uploads()
    }

    /// Makes every token invalid that was handed out so far.
    pub fn revoke_tokens(&self) {
        self.shared.tokens.revoke();
    }

    /// Forgets all requests; quirks, faults and content stay.
    pub fn forget(&self) {
        lock(&self.shared.entries).clear();
    }

    /// Forgets all requests, quirks, faults and tokens; the content stays.
    pub fn reset(&self) {
        self.forget();
        lock(&self.shared.quirks).clear();
        lock(&self.shared.faults).clear();
        self.shared.counters.clear();
        self.shared.tokens.revoke();
    }
}

impl Drop for TestRegistry {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Addresses = (SocketAddr, SocketAddr);

async fn serve(shared: Arc<Shared>, ready: mpsc::Sender<io::Result<Addresses>>, stopped: oneshot::Receiver<()>) {
    let bind = |origin| {
        let side = Side::new(origin, shared.clone());
        Server::bind_handler((Ipv4Addr::LOCALHOST, 0), Arc::new(side))
    };
    let (registry, storage) = match (bind(Origin::Registry).await, bind(Origin::Storage).await) {
        (Ok(registry), Ok(storage)) => (registry, storage),
        (Err(error), _) | (_, Err(error)) => return drop(ready.send(Err(error))),
    };
    shared.set_addresses(registry.address(), storage.address());
    drop(ready.send(Ok((registry.address(), storage.address()))));
    tokio::select! {
        _ = stopped => {}
        () = registry.run(std::future::pending()) => {}
        () = storage.run(std::future::pending()) => {}
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
