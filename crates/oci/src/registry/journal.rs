//! Open uploads, remembered beyond the end of the process: the next one goes on where a killed one was.
//!
//! One small file for each. Whoever knows the address of an upload may add to it, so only its owner may read the folder,
//! and no address is ever logged. Nothing here can fail an upload: what cannot be remembered is sent again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ocm_blob::Digest;
use serde::{Deserialize, Serialize};

/// Age after which an upload is forgotten; the reference implementation purges them after a week too.
const LIFETIME: Duration = Duration::from_hours(7 * 24);

/// Bytes of a file that are read; addresses of uploads have a few hundred.
const LIMIT: u64 = 64 * 1024;

/// The folder of remembered uploads.
pub(super) struct Journal {
    folder: PathBuf,
    swept: Once,
}

/// Which upload is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Subject {
    /// Scheme and host.
    pub(super) registry: String,
    pub(super) repository: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
}

/// A file of the folder.
#[derive(Serialize, Deserialize)]
struct Record {
    #[serde(flatten)]
    subject: Subject,
    location: String,
    /// Seconds since 1970.
    started: u64,
}

/// An upload that is being remembered. Its file is locked as long as this value lives: two processes that add to the same
/// upload would spoil it.
#[derive(Debug)]
pub(super) struct Entry {
    subject: Subject,
    path: PathBuf,
    file: File,
}

impl Journal {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, swept: Once::new() }
    }

    /// The entry of an upload, new or as another process left it; `None` while another one has it.
    pub(super) fn entry(&self, subject: Subject) -> Option<Entry> {
        self.swept.call_once(|| self.sweep());
        let opened = private_folder(&self.folder).and_then(|()| {
            let path = self.path(&subject);
            let file = open_private(&path)?;
            Ok((path, file))
        });
        match opened {
            Ok((path, file)) => file.try_lock().is_ok().then_some(Entry { subject, path, file }),
            Err(error) => {
                tracing::debug!(folder = %self.folder.display(), %error, "uploads cannot be remembered");
                None
            }
        }
    }

    /// Forgets an upload that has become needless.
    pub(super) fn forget(&self, subject: &Subject) {
        let _ = fs::remove_file(self.path(subject));
    }

    /// A name of its own for each upload, made of a digest: names of repositories come from outside.
    fn path(&self, subject: &Subject) -> PathBuf {
        let Subject { registry, repository, digest, size } = subject;
        let name = Digest::of(format!("{registry}\n{repository}\n{digest}\n{size}"));
        self.folder.join(format!("{}.json", name.hex()))
    }

    /// Removes what no registry knows any more.
    fn sweep(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let changed = entry.metadata().and_then(|metadata| metadata.modified());
            let old = changed.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > LIFETIME));
            if old && path.extension().is_some_and(|extension| extension == "json") {
                let unused = File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
                let _ = if unused { fs::remove_file(&path) } else { Ok(()) };
            }
        }
    }
}

impl Entry {
    /// Where the upload goes on, if another process left it open.
    pub(super) fn location(&self) -> Option<String> {
        let mut text = String::new();
        (&self.file).take(LIMIT).read_to_string(&mut text).ok()?;
        // A file that was torn by the end of its process is no record.
        let record: Record = serde_json::from_str(&text).ok()?;
        let age = now().saturating_sub(record.started);
        (record.subject == self.subject && age < LIFETIME.as_secs()).then_some(record.location)
    }

    /// Remembers where the upload goes on.
    pub(super) fn remember(&self, location: &str) {
        let record = Record { subject: self.subject.clone(), location: location.to_owned(), started: now() };
        let write = || {
            let text = serde_json::to_vec(&record)?;
            let mut file = &self.file;
            // In place: a new file under this name would not be locked.
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(&text)
        };
        if let Err(error) = write() {
            tracing::debug!(file = %self.path.display(), %error, "the upload cannot be remembered");
        }
    }

    /// Forgets the upload: it is done, or cannot be continued.
    pub(super) fn forget(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn subject(repository: &str) -> Subject {
        let registry = "https://registry.test".to_owned();
        Subject { registry, repository: repository.to_owned(), digest: Digest::of("content"), size: 7 }
    }

    #[test]
    fn an_upload_is_found_again_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::new(folder.path().join("uploads"));
        let entry = journal.entry(subject("a/../../b")).unwrap();
        assert_eq!(entry.location(), None);
        entry.remember("https://registry.test/a/long/address?_state=first");
        entry.remember("https://registry.test/second");
        assert!(journal.entry(subject("a/../../b")).is_none());
        assert_eq!(journal.entry(subject("other")).unwrap().location(), None);
        drop(entry);
        let again = Journal::new(folder.path().join("uploads")).entry(subject("a/../../b")).unwrap();
        assert_eq!(again.location().as_deref(), Some("https://registry.test/second"));
        again.forget();
        drop(again);
        assert_eq!(journal.entry(subject("a/../../b")).unwrap().location(), None);
    }

    #[test]
    fn what_is_torn_or_old_counts_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::new(folder.path().to_owned());
        let entry = journal.entry(subject("a")).unwrap();
        entry.remember("https://registry.test/upload");
        let path = entry.path.clone();
        drop(entry);
        let whole = fs::read_to_string(&path).unwrap();
        let started = format!("\"started\":{}", now());
        for text in [&whole[..whole.len() - 3], "", &whole.replace("\"started\":", "\"started\":1,\"was\":")] {
            fs::write(&path, text).unwrap();
            assert_eq!(journal.entry(subject("a")).unwrap().location(), None, "{text}");
        }
        assert!(whole.contains(&started[..started.len() - 2]), "{whole}");
        File::open(&path).unwrap().set_modified(SystemTime::now() - 2 * LIFETIME).unwrap();
        Journal::new(folder.path().to_owned()).sweep();
        assert!(!path.exists());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let entry = Journal::new(folder.path().join("state/uploads")).entry(subject("a")).unwrap();
        for (path, mode) in [(entry.path.as_path(), 0o600), (entry.path.parent().unwrap(), 0o700)] {
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, mode);
        }
    }
}
