use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ocm_oci::Upload;
use tokio::sync::OwnedMutexGuard;

/// How long a request waits for another one that is writing to the same upload. That other one is, as a rule, the remains
/// of a broken connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// The uploads under way: bounded in number, and forgotten when nobody cares for them any more.
pub(crate) struct Sessions {
    map: Mutex<HashMap<String, Arc<Session>>>,
    limit: usize,
    lifetime: Duration,
}

/// One upload under way.
pub(crate) struct Session {
    repository: String,
    upload: Arc<tokio::sync::Mutex<Option<Box<dyn Upload>>>>,
    size: AtomicU64,
    touched: Mutex<Instant>,
}

impl Sessions {
    pub(crate) fn new(limit: usize, lifetime: Duration) -> Self {
        Self { map: Mutex::default(), limit, lifetime }
    }

    fn map(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another upload may begin.
    pub(crate) fn has_room(&self) -> bool {
        self.expire();
        self.map().len() < self.limit
    }

    /// Keeps an upload and gives it a name that cannot be guessed.
    pub(crate) fn insert(&self, repository: &str, upload: Box<dyn Upload>) -> String {
        let uuid = uuid();
        let session = Session {
            repository: repository.to_owned(),
            upload: Arc::new(tokio::sync::Mutex::new(Some(upload))),
            size: AtomicU64::new(0),
            touched: Mutex::new(Instant::now()),
        };
        self.map().insert(uuid.clone(), Arc::new(session));
        uuid
    }

    /// An upload of this repository.
    pub(crate) fn get(&self, repository: &str, uuid: &str) -> Option<Arc<Session>> {
        let session = self.map().get(uuid).filter(|session| session.repository == repository).cloned()?;
        session.touch();
        Some(session)
    }

    /// Forgets an upload; what it wrote disappears with it.
    pub(crate) fn remove(&self, repository: &str, uuid: &str) -> bool {
        let mut map = self.map();
        map.get(uuid).is_some_and(|session| session.repository == repository) && map.remove(uuid).is_some()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.map().len()
    }

    /// Forgets the uploads that nobody touched for their lifetime.
    pub(crate) fn expire(&self) {
        self.map().retain(|_, session| session.age() < self.lifetime);
    }
}

impl Session {
    /// Bytes taken so far.
    pub(crate) fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// Notes how far the upload is.
    pub(crate) fn advance(&self, size: u64) {
        self.size.store(size, Ordering::Release);
        self.touch();
    }

    /// The upload, for one request at a time; `None` while another one is at it.
    pub(crate) async fn upload(&self) -> Option<OwnedMutexGuard<Option<Box<dyn Upload>>>> {
        tokio::time::timeout(PATIENCE, self.upload.clone().lock_owned()).await.ok()
    }

    fn touch(&self) {
        *self.touched.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn age(&self) -> Duration {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// A random UUID of version 4. The randomness is that of the standard library's hash maps, whose keys come from the
/// operating system and which give nothing away about each other.
fn uuid() -> String {
    let random = || RandomState::new().build_hasher().finish();
    let (high, low) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ocm_oci::{MemoryRegistry, UploadRegistry as _};

    #[tokio::test]
    async fn an_upload_belongs_to_its_repository_and_ends_with_its_lifetime() {
        let store = MemoryRegistry::new().upload_store("a");
        let sessions = Sessions::new(1, Duration::from_millis(50));
        let uuid = sessions.insert("a", store.begin().await.unwrap());
        assert_eq!(uuid.len(), 36);
        assert!(sessions.get("b", &uuid).is_none() && !sessions.remove("b", &uuid));
        assert!(!sessions.has_room());
        assert!(sessions.get("a", &uuid).is_some());
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert!(sessions.has_room());
        assert!(sessions.get("a", &uuid).is_none());
    }
}
