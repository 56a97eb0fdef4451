//! Registries that count, and clients of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ocm_blob::Observer;
use ocm_http::{Client, Retry, Settings};
use ocm_oci::{Anonymous, Endpoint, RemoteRegistry, Repository};
use ocm_testkit::{Class, Quirk, TestRegistry};

/// A registry and one client of it.
pub(crate) struct Place {
    pub(crate) registry: TestRegistry,
    client: RemoteRegistry,
}

pub(crate) fn place(quirks: &[Quirk]) -> Place {
    let registry = TestRegistry::start().unwrap();
    for quirk in quirks {
        registry.set(quirk.clone());
    }
    let client = client(&registry);
    Place { registry, client }
}

/// A client that knows nothing yet.
pub(crate) fn client(registry: &TestRegistry) -> RemoteRegistry {
    let retry = Retry { min_wait: Duration::from_millis(10), ..Retry::default() };
    let client = Client::new(Settings { retry, ..Settings::default() });
    RemoteRegistry::new(client, Endpoint::parse(&registry.url()).unwrap().0, "", Arc::new(Anonymous))
}

impl Place {
    pub(crate) fn repository(&self, name: &str) -> Arc<dyn Repository> {
        Arc::new(self.client.remote_repository(name))
    }

    /// The same repository for somebody who has not seen the registry before.
    pub(crate) fn afresh(&self, name: &str) -> Arc<dyn Repository> {
        Arc::new(client(&self.registry).remote_repository(name))
    }

    /// Methods of all requests of a class, in order of arrival.
    pub(crate) fn methods(&self, class: Class) -> Vec<String> {
        let requests = self.registry.requests().into_iter().filter(|request| request.class == class);
        requests.map(|request| request.method).collect()
    }

    pub(crate) fn total(&self) -> usize {
        self.registry.requests().len()
    }

    /// Bytes of blobs that were sent out.
    pub(crate) fn read(&self) -> u64 {
        let blobs = self.registry.requests().into_iter().filter(|request| request.class == Class::Blob);
        blobs.map(|request| request.sent).sum()
    }

    /// Bytes of blobs that came in.
    pub(crate) fn written(&self) -> u64 {
        let uploads = self.registry.requests().into_iter().filter(|request| request.class == Class::Upload);
        uploads.map(|request| request.received).sum()
    }

    /// How often each blob was read.
    pub(crate) fn readings(&self) -> BTreeMap<String, usize> {
        let mut readings = BTreeMap::new();
        let requests = self.registry.requests().into_iter();
        for request in requests.filter(|request| request.class == Class::Blob && request.method == "GET") {
            *readings.entry(request.path).or_default() += 1;
        }
        readings
    }
}

/// Remembers what a person would be told.
#[derive(Default)]
pub(crate) struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn warned(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

impl Told {
    pub(crate) fn all(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}
